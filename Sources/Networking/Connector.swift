import NIOCore
import NIOPosix

/// Opens sockets: resolve, connect, secure, then the handlers of the protocol.
struct Connector: Sendable {
  let security: any ConnectionSecurity
  let timeout: Duration

  static var group: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }

  /// A connected, secured channel. Nothing of a request has been written when this throws.
  func connect(
    to url: WebURL, deadline: ContinuousClock.Instant,
    handlers: @escaping @Sendable (any Channel) throws -> Void
  ) async throws -> any Channel {
    let limit = min(deadline, .now + timeout)
    guard limit > .now else { throw Self.late(url) }
    let secured = Connector.group.any().makePromise(of: Void.self)
    let bootstrap = ClientBootstrap(group: secured.futureResult.eventLoop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .connectTimeout(limit.timeAmount)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          secured.completeWith(try secure(channel, url))
          try handlers(channel)
        }
      }
    let channel: any Channel
    do {
      channel = try await bootstrap.connect(host: url.host, port: url.port).get()
    } catch {
      secured.fail(error)
      throw Self.refused(url, error)
    }
    return try await finish(channel, secured.futureResult, url, limit)
  }

  private func secure(_ channel: any Channel, _ url: WebURL) throws -> EventLoopFuture<Void> {
    guard url.scheme.isSecure else { return channel.eventLoop.makeSucceededVoidFuture() }
    return try security.install(on: channel, for: url)
  }

  private func finish(
    _ channel: any Channel, _ secured: EventLoopFuture<Void>, _ url: WebURL,
    _ limit: ContinuousClock.Instant
  ) async throws -> any Channel {
    let timer = channel.eventLoop.scheduleTask(deadline: limit.deadline) {
      channel.close(promise: nil)
    }
    defer { timer.cancel() }
    do {
      try await withTaskCancellationHandler {
        try await secured.get()
      } onCancel: {
        channel.close(promise: nil)
      }
    } catch {
      channel.close(promise: nil)
      if limit <= .now { throw Self.late(url) }
      throw NetworkError.wrap(error, .handshake, .notSent)
    }
    guard limit > .now else {
      channel.close(promise: nil)
      throw Self.late(url)
    }
    return channel
  }

  private static func late(_ url: WebURL) -> NetworkError {
    NetworkError(.deadline, "no connection to \(url.authority) before the deadline")
  }

  private static func refused(_ url: WebURL, _ error: any Error) -> NetworkError {
    if let own = error as? NetworkError { return own }
    if let own = (error as? NIOConnectionError)?.connectionErrors.lazy
      .compactMap({ $0.error as? NetworkError }).first
    {
      return own
    }
    if error is ChannelError, case .connectTimeout? = error as? ChannelError { return late(url) }
    return NetworkError(
      .connect, "cannot connect to \(url.authority): \(reason(error))",
      fix: "check the address and that the server runs")
  }

  private static func reason(_ error: any Error) -> String {
    guard let many = error as? NIOConnectionError else { return "\(error)" }
    if let single = many.connectionErrors.first { return "\(single.error)" }
    return "the name does not resolve"
  }
}

extension ContinuousClock.Instant {
  /// The same moment on NIO's clock.
  var deadline: NIODeadline { .now() + timeAmount }

  /// What is left until this moment; never negative.
  var timeAmount: TimeAmount { max(.zero, self - .now).timeAmount }
}

extension Duration {
  var timeAmount: TimeAmount {
    let (seconds, attoseconds) = components
    guard seconds < 1 << 32 else { return .seconds(1 << 32) }
    return .seconds(seconds) + .nanoseconds(attoseconds / 1_000_000_000)
  }
}
