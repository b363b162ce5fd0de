import Cryptography
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import JSON
package import Logging
package import NIOCore
import OperatorProtocol
import ServiceLifecycle

/// The operators' listener: HTTP/1.1 on a port of its own.
///
/// Concurrency model: Hummingbird runs a task for each connection; all of them share one
/// `OperatorAPI`. `run` returns when it is cancelled or shut down gracefully and every request has
/// ended; event streams are ended first.
package struct OperatorListener: Sendable {
  package struct Configuration: Sendable {
    package var host: String
    /// 0 is any free port.
    package var port: Int
    /// The name that sign-ins are bound to: the log's origin.
    package var gateway: Text
    package var door: OperatorDoor
    package var limits: OperatorLimits

    package init(
      host: String, port: Int, gateway: Text, door: OperatorDoor = OperatorDoor(),
      limits: OperatorLimits = OperatorLimits()
    ) {
      self.host = host
      self.port = port
      self.gateway = gateway
      self.door = door
      self.limits = limits
    }
  }

  /// Puts TLS in front of a fresh connection.
  package typealias Security = @Sendable (any Channel) -> EventLoopFuture<Void>

  private let configuration: Configuration
  private let api: OperatorAPI
  private let hub: EventHub
  private let logger: Logger
  private let security: Security?

  /// Throws `notLoopback` for an address that other machines reach when there is no `security`.
  package init(
    _ configuration: Configuration, desk: any OperatorDesk, hub: EventHub,
    surroundings: OperatorSurroundings,
    health: @escaping @Sendable () async -> HealthReport = OperatorAPI.unknownHealth,
    logger: Logger, security: Security? = nil
  ) throws(OperatorListenerError) {
    let isLoopback =
      configuration.host == "localhost" || configuration.host == "::1"
      || (configuration.host.hasPrefix("127.")
        && (try? SocketAddress(ipAddress: configuration.host, port: 0)) != nil)
    guard isLoopback || security != nil else {
      throw OperatorListenerError(
        .notLoopback, "\(configuration.host) can be reached by other machines and there is no TLS",
        fix: "configure a certificate, or listen on 127.0.0.1")
    }
    self.configuration = configuration
    self.hub = hub
    self.logger = logger
    self.security = security
    do {
      api = try OperatorAPI(
        desk: desk, hub: hub, gateway: configuration.gateway, door: configuration.door,
        limits: configuration.limits, surroundings: surroundings, health: health)
    } catch {
      throw OperatorListenerError(.unavailable, error.message, fix: error.fix)
    }
  }

  /// Serves until cancelled or shut down. The hub is closed then.
  ///
  /// - Parameter onReady: Called with the port once it accepts connections.
  /// - Throws: `OperatorListenerError` when the address cannot be bound.
  package func run(onReady: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    let application = Application(
      responder: CallbackResponder<OperatorContext> { request, context in
        await respond(to: request, on: context.channel)
      },
      server: server(),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port),
        availableConnectionsDelegate: MaximumAvailableConnections(
          configuration.limits.connections, logger: logger)),
      onServerRunning: { await onReady($0.localAddress?.port ?? 0) },
      logger: logger)
    do {
      try await withGracefulShutdownHandler {
        try await application.run()
      } onGracefulShutdown: {
        hub.close()
      }
    } catch let error as IOError {
      throw OperatorListenerError(
        .notBound, "cannot listen on \(configuration.host):\(configuration.port): \(error)",
        fix: "stop what uses the address or configure another one for operators")
    }
    hub.close()
  }

  private func server() -> HTTPServerBuilder {
    let limits = configuration.limits
    let http = HTTP1Channel.Configuration(
      additionalChannelHandlers: [OperatorPeerWatch(headTime: limits.idle)],
      idleTimeout: TimeAmount(limits.idle),
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes,
        maxHeaderFieldCount: 100))
    return HTTPServerBuilder { [security] responder in
      SecuredChannel(
        http: HTTP1Channel(responder: responder, configuration: http), security: security)
    }
  }

  // MARK: One request

  private func respond(to request: Request, on channel: any Channel) async -> Response {
    do {
      switch try await api.handle(view(of: request)) {
      case .reply(let reply): return Self.response(reply)
      case .stream(let subscription, let session):
        let stream = OperatorEventStream(
          api: api, subscription: subscription, session: session, channel: channel)
        return Response(
          status: .ok,
          headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
          body: ResponseBody { writer in try await stream.run(&writer) })
      }
    } catch let reply as OperatorReply {
      return Self.response(reply)
    } catch let refusal as OperatorRefusal {
      return Self.response(OperatorReply(refusal))
    } catch let error as JSONError {
      return Self.response(OperatorReply(OperatorRefusal(.badRequest, error.description)))
    } catch {
      logger.error("operator request failed", metadata: ["error": "\(error)"])
      let refusal = OperatorRefusal(.unavailable, "the gateway cannot answer now; see its log")
      return Self.response(OperatorReply(refusal))
    }
  }

  private func view(of request: Request) -> OperatorRequest {
    let (head, body) = (request.head, request.body)
    let (surroundings, time) = (api.surroundings, api.limits.bodyTime)
    return OperatorRequest(
      method: head.method.rawValue, target: head.path ?? "",
      headers: { name in
        let values = HTTPField.Name(name).map { head.headerFields[values: $0] } ?? []
        return name == "host" ? [head.authority].compactMap(\.self) + values : values
      },
      body: { limit in
        try await Self.within(time, surroundings) { try await Self.collect(body, upTo: limit) }
      })
  }

  private static func collect(_ body: RequestBody, upTo limit: Int) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for try await part in body {
      guard bytes.count + part.readableBytes <= limit else {
        throw OperatorReply.bodyTooLarge(limit)
      }
      bytes.append(contentsOf: part.readableBytesView)
    }
    return bytes
  }

  private static func within<T: Sendable>(
    _ time: Duration, _ surroundings: OperatorSurroundings,
    _ work: @escaping @Sendable () async throws -> T
  ) async throws -> T {
    try await withThrowingTaskGroup(of: T?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        try await surroundings.sleep(time)
        return nil
      }
      defer { group.cancelAll() }
      guard let first = try await group.next(), let value = first else {
        throw OperatorReply.bodyTooLate
      }
      return value
    }
  }

  private static func response(_ reply: OperatorReply) -> Response {
    var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
    for (name, value) in reply.headers {
      if let name = HTTPField.Name(name) { headers[name] = value }
    }
    return Response(
      status: .init(code: reply.status), headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: JSONWriter.bytes(of: reply.body))))
  }
}

/// What a handler needs of its connection.
private struct OperatorContext: InitializableFromSource {
  let channel: any Channel

  init(source: ApplicationRequestContextSource) { channel = source.channel }
}

/// HTTP/1.1 behind TLS, where there is TLS.
private struct SecuredChannel: ServerChildChannel {
  let http: HTTP1Channel
  let security: OperatorListener.Security?

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    guard let security else { return http.setup(channel: channel, logger: logger) }
    return security(channel).flatMap { http.setup(channel: channel, logger: logger) }
  }

  func handle(value: HTTP1Channel.Value, logger: Logger) async {
    await http.handle(value: value, logger: logger)
  }
}
