import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import Logging
import NIOCore
import OperatorProtocol
import ServiceLifecycle

/// `/metrics`, `/healthz` and `/readyz` on a port of their own, on loopback, without sign-in.
struct MetricsListener: Sendable {
  /// What readers may cost.
  struct Limits: Hashable, Sendable {
    var connections = 64
    var headerBytes = 16 << 10
    var idle = Duration.seconds(30)
  }

  let host: String
  let port: Int
  let text: @Sendable () async -> String?
  let health: @Sendable () async -> HealthReport
  let logger: Logger
  var limits = Limits()
  private let door = OperatorDoor()

  func run(onReady: @escaping @Sendable (Int) async -> Void) async throws {
    let limits = limits
    let application = Application(
      responder: CallbackResponder<BasicRequestContext> { request, _ in await respond(to: request)
      },
      server: .http1(
        configuration: .init(
          idleTimeout: TimeAmount(limits.idle),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes,
            maxHeaderFieldCount: 100))),
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(
          limits.connections, logger: logger)),
      onServerRunning: { await onReady($0.localAddress?.port ?? 0) }, logger: logger)
    do {
      try await application.run()
    } catch let error as IOError {
      throw OperatorListenerError(
        .notBound, "cannot listen on \(host):\(port): \(error)",
        fix: "stop what uses the address or configure another one for metrics")
    }
  }

  private func respond(to request: Request) async -> Response {
    do {
      try door.check(view(of: request))
      guard request.head.method == .get else { throw Self.onlyGet }
      switch request.head.path.map({ String($0.prefix { $0 != "?" }) }) {
      case "/metrics":
        guard let text = await text() else { throw HealthReport.late }
        return Self.response(200, PrometheusText.mediaType, Array(text.utf8))
      case "/healthz": return Self.response(await health().health)
      case "/readyz": return Self.response(await health().readiness)
      default: throw OperatorRefusal(.notFound, "there is nothing at this path")
      }
    } catch let reply as OperatorReply {
      return Self.response(reply)
    } catch let refusal as OperatorRefusal {
      return Self.response(OperatorReply(refusal))
    } catch {
      return Self.response(
        OperatorReply(OperatorRefusal(.unavailable, "the gateway cannot answer now")))
    }
  }

  private static let onlyGet = OperatorReply(
    OperatorRefusal(.badRequest, "this path takes GET"), status: 405)

  private func view(of request: Request) -> OperatorRequest {
    let head = request.head
    return OperatorRequest(
      method: head.method.rawValue, target: head.path ?? "",
      headers: { name in
        let values = HTTPField.Name(name).map { head.headerFields[values: $0] } ?? []
        return name == "host" ? [head.authority].compactMap(\.self) + values : values
      }, body: { _ in [] })
  }

  private static func response(_ reply: OperatorReply) -> Response {
    response(reply.status, "application/json", JSONWriter.bytes(of: reply.body))
  }

  private static func response(_ status: Int, _ type: String, _ body: [UInt8]) -> Response {
    Response(
      status: .init(code: status), headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }
}

extension HealthReport {
  static let late = OperatorReply(
    OperatorRefusal(.unavailable, "the decisions give no answer now"), status: 503)
}
