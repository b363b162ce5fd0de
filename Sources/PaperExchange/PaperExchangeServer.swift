import Exchange
import Foundation
import JSON
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
package import Time

/// A Bybit-V5-like exchange on one listener: REST, the trade, private and public WebSockets, and
/// its own log under `/paper/log`.
package struct PaperExchangeServer: Sendable {
  package let configuration: PaperConfiguration
  private let clock: @Sendable () -> Timestamp
  private let logger: Logger

  /// A server that reads its time from `clock`.
  package init(
    _ configuration: PaperConfiguration,
    logger: Logger = Logger(label: "paper", factory: { StreamLogHandler.standardError(label: $0) }),
    clock: @escaping @Sendable () -> Timestamp = PaperExchangeServer.systemTime
  ) {
    var configuration = configuration
    configuration.start = clock()
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
  }

  /// Serves until the task is cancelled. `onReady` gets the port once connections are accepted.
  ///
  /// Throws `PaperError` when the address cannot be listened on, the log cannot be written or the
  /// keys are not distinct.
  package func run(onReady: @escaping @Sendable (Int) -> Void) async throws {
    try checkKeys()
    try checkRecording()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      try await serve(on: group.next(), onReady)
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
  }

  package static let systemTime: @Sendable () -> Timestamp = {
    Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
  }

  private func checkKeys() throws(PaperError) {
    let names = Set(configuration.keys.map(\.key))
    let isSound =
      names.count == configuration.keys.count
      && configuration.keys.allSatisfy { !$0.key.isEmpty && !$0.secret.isEmpty }
    guard isSound else {
      throw PaperError(
        .keys, "two API keys are the same or one is empty",
        fix: "give every key a name and a secret of its own")
    }
  }

  private func checkRecording() throws(PaperError) {
    let listed = Set(Listing.all(from: configuration.start).map(\.instrument.id))
    let unknown = configuration.recording?.markets.sorted().first { !listed.contains($0) }
    guard let unknown else { return }
    throw PaperError(
      .recording, "recorded prices name \(unknown.category.rawValue) \(unknown.symbol)",
      fix: "record markets that this exchange lists")
  }

  private func serve(
    on loop: any EventLoop, _ onReady: @escaping @Sendable (Int) -> Void
  ) async throws {
    let shell = try await loop.submit {
      NIOLoopBound(
        try PaperShell(configuration, loop: loop, clock: clock, logger: logger), eventLoop: loop)
    }.get()
    let channel: any Channel
    do {
      channel = try await bootstrap(on: loop, shell)
        .bind(host: configuration.host, port: configuration.port).get()
    } catch {
      throw PaperError(
        .listen, "\(configuration.host):\(configuration.port) cannot be listened on: \(error)",
        fix: "name an address of this machine and a free port, or port 0")
    }
    onReady(channel.localAddress?.port ?? configuration.port)
    try await withTaskCancellationHandler {
      try await channel.closeFuture.get()
    } onCancel: {
      channel.close(promise: nil)
    }
  }

  private func bootstrap(
    on loop: any EventLoop, _ shell: NIOLoopBound<PaperShell>
  ) -> ServerBootstrap {
    let unread = configuration.limits.unreadBytes
    return ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: 128)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelOption(
        .writeBufferWaterMark, value: .init(low: unread / 2, high: unread)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try configure(channel, shell) }
      }
  }

  private func configure(_ channel: any Channel, _ shell: NIOLoopBound<PaperShell>) throws {
    var decoding = NIOHTTPDecoderLimitConfiguration()
    decoding.maxHeaderFieldSize = configuration.limits.headerBytes
    decoding.maxHeaderListSize = configuration.limits.headerBytes
    decoding.maxHeaderFieldCount = configuration.limits.headerFields
    let pipeline = channel.pipeline.syncOperations
    try pipeline.configureHTTPServerPipeline(
      withPipeliningAssistance: false,
      withServerUpgrade: (upgraders: [upgrader(shell)], completionHandler: { _ in }),
      withErrorHandling: false, withOutboundHeaderValidation: true,
      withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
    try pipeline.addHandler(HTTPConnection(shell: shell.value))
  }

  private func upgrader(_ shell: NIOLoopBound<PaperShell>) -> NIOWebSocketServerUpgrader {
    let limits = configuration.limits
    return NIOWebSocketServerUpgrader(
      maxFrameSize: limits.frameBytes, automaticErrorHandling: true,
      shouldUpgrade: { channel, head in
        let loop = channel.eventLoop
        guard let kind = Self.kind(of: head) else { return loop.makeSucceededFuture(nil) }
        switch shell.value.handshake(kind) {
        case .open(let wait):
          guard wait > .zero else { return loop.makeSucceededFuture(HTTPHeaders()) }
          return loop.scheduleTask(in: .milliseconds(wait.count)) { HTTPHeaders() }.futureResult
            .map { $0 }
        case .refuse(let status):
          let http = try? channel.pipeline.syncOperations.handler(type: HTTPConnection.self)
          http?.refusal = status
          return loop.makeSucceededFuture(nil)
        }
      },
      upgradePipelineHandler: { channel, head in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          let http = try pipeline.handler(type: HTTPConnection.self)
          guard let kind = Self.kind(of: head), let id = http.upgraded() else {
            throw ChannelError.ioOnClosedChannel
          }
          pipeline.removeHandler(http, promise: nil)
          try pipeline.addHandler(
            NIOWebSocketFrameAggregator(
              minNonFinalFragmentSize: 1, maxAccumulatedFrameCount: limits.fragments,
              maxAccumulatedFrameSize: limits.frameBytes))
          try pipeline.addHandler(
            SocketConnection(
              shell: shell.value, id: id, kind: kind,
              patience: .milliseconds(Self.patience(of: head.uri, limits).count)))
        }
      })
  }

  private static func kind(of head: HTTPRequestHead) -> SocketKind? {
    let path = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
    return SocketKind(rawValue: String(path))
  }

  /// The silence that a client asked for with `max_active_time` (30s to 600s), or the usual one.
  static func patience(of target: String, _ limits: PaperLimits) -> Milliseconds {
    let usual = Milliseconds.seconds(limits.socketSeconds)
    let parts = target.split(separator: "?", maxSplits: 1)
    guard parts.count > 1, let query = try? Query(String(parts[1])),
      let text = query["max_active_time"], let wait = Milliseconds(parsing: text.string),
      (30_000...600_000).contains(wait.count)
    else { return usual }
    return min(usual, wait)
  }
}
