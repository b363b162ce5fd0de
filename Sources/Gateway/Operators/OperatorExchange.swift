import JSON
import OperatorProtocol

/// One request as the operator API looks at it.
struct OperatorRequest: Sendable {
  let method: String
  /// The request target as it was sent, with its query.
  let target: String
  /// All values of a header, by its lower-case name. `host` includes the authority.
  let headers: @Sendable (String) -> [String]
  /// Reads at most so many bytes of the body; throws `OperatorReply` when there are more.
  let body: @Sendable (Int) async throws -> [UInt8]

  var path: String { String(target.prefix { $0 != "?" }) }
  var query: String? {
    target.firstIndex(of: "?").map { String(target[target.index(after: $0)...]) }
  }

  /// The value of a header that may stand once only, so that nobody reads another one.
  func single(_ name: String) throws(OperatorRefusal) -> String? {
    let values = headers(name)
    guard values.count <= 1 else {
      throw OperatorRefusal(.badRequest, "the header \(name) stands more than once")
    }
    return values.first
  }
}

/// An answer that is one JSON document. Thrown where a refusal needs a status of its own.
struct OperatorReply: Error, Sendable {
  var status: Int
  var body: JSONValue
  var headers: [(name: String, value: String)] = []

  init(_ body: JSONValue) {
    status = 200
    self.body = body
  }

  init(_ refusal: OperatorRefusal, status: Int? = nil) {
    self.status = status ?? refusal.code.status
    body = refusal.json
    if self.status == 401 { headers = [("WWW-Authenticate", "Bearer")] }
  }

  static let bodyTooLate = OperatorReply(
    OperatorRefusal(.badRequest, "the body did not arrive in time"), status: 408)

  static func bodyTooLarge(_ limit: Int) -> OperatorReply {
    OperatorReply(
      OperatorRefusal(.badRequest, "the body has more than \(limit) bytes"), status: 413)
  }
}

/// What the listener does with a request.
enum OperatorOutcome: Sendable {
  case reply(OperatorReply)
  /// Stream events to the session until it ends.
  case stream(EventSubscription, OperatorSession)
}
