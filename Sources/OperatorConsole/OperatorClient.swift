package import Cryptography
package import JSON
package import Networking
package import OperatorProtocol
import Synchronization

/// The gateway's operator API, signed in with one operator's key.
///
/// **Concurrency model.** All methods may be called from any task. The session token is behind a
/// mutex; a request whose token has expired signs in once more and is then sent again, which is safe
/// because the gateway refuses such a request before it looks at it.
package final class OperatorClient: Sendable {
  /// Time for one request and its answer.
  package static let deadline = Duration.seconds(15)
  /// The longest silence of the event stream, heartbeats included.
  package static let silence = Duration.seconds(45)

  package let key: OperatorKey
  private let base: String
  private let http: HTTPClient
  private let grant = Mutex<SessionGrant?>(nil)

  /// - Parameter gateway: `http://host:port` of the operators' listener.
  package init(
    gateway: String, key: OperatorKey, security: any ConnectionSecurity = NoConnectionSecurity()
  ) throws(OperatorClientError) {
    var base = gateway
    while base.utf8.last == UInt8(ascii: "/") { base.removeLast() }
    do { _ = try WebURL(base) } catch {
      throw OperatorClientError(
        .unreachable, "\(gateway) is no URL of a gateway: \(error)",
        fix: "give http://127.0.0.1:8788 or the like")
    }
    self.base = base
    self.key = key
    // Decisions must not wait behind a long read.
    http = HTTPClient(limits: HTTPLimits(connections: 4), security: security)
  }

  // MARK: Session

  /// Signs the gateway's challenge and keeps the token. Throws `.unauthenticated`.
  @discardableResult
  package func signIn() async throws -> SessionGrant {
    let asked = try await send(
      .post, OperatorRoute.challenge, body: ["operator": .string(key.name)], token: nil)
    let challenge = try read(asked) { json throws(JSONError) in try Challenge(json: json) }
    guard challenge.operatorName == key.name else {
      throw OperatorClientError(.badAnswer, "the gateway asks for another operator's signature")
    }
    let signature = key.key.sign(challenge.signedBytes)
    let answer = try await send(
      .post, OperatorRoute.session,
      body: ["challenge": challenge.json, "signature": .string(signature.base64)], token: nil)
    let grant = try read(answer) { json throws(JSONError) in try SessionGrant(json: json) }
    self.grant.withLock { $0 = grant }
    return grant
  }

  // MARK: Reading

  package func status() async throws -> StatusView {
    let answer = try await get(OperatorRoute.status)
    return try read(answer) { json throws(JSONError) in try StatusView(json: json) }
  }

  package func batches() async throws -> [BatchSummary] {
    try read(try await get(OperatorRoute.batches)) { json throws(JSONError) in
      try json.list("batches") { row throws(JSONError) in try BatchSummary(json: row) }
    }
  }

  /// Throws `.refused` when the id is not known.
  package func batch(_ id: BatchID) async throws -> BatchDetail {
    let answer = try await get("\(OperatorRoute.batches)/\(id)")
    return try read(answer) { json throws(JSONError) in try BatchDetail(json: json) }
  }

  package func orders() async throws -> (orders: [LegView], fills: [FillView]) {
    try read(try await get(OperatorRoute.orders)) { json throws(JSONError) in
      (
        try json.list("orders") { leg throws(JSONError) in try LegView(json: leg) },
        try json.list("fills") { fill throws(JSONError) in try FillView(json: fill) }
      )
    }
  }

  package func limits() async throws -> [LimitView] {
    try read(try await get(OperatorRoute.limits)) { json throws(JSONError) in
      try json.list("limits") { row throws(JSONError) in try LimitView(json: row) }
    }
  }

  /// Up to `limit` entries from index `from`, and the number of entries in the ledger.
  package func ledger(
    from: Int, limit: Int
  ) async throws -> (entries: [JSONObject], size: Int) {
    let answer = try await get("\(OperatorRoute.ledger)?from=\(from)&limit=\(limit)")
    return try read(answer) { json throws(JSONError) in
      (
        try json.list("entries") { entry throws(JSONError) in try entry.object() },
        try json.member("size").int()
      )
    }
  }

  /// Throws `.refused` for a viewer.
  package func agents() async throws -> [AgentView] {
    try read(try await get(OperatorRoute.agents)) { json throws(JSONError) in
      try json.list("agents") { one throws(JSONError) in try AgentView(json: one) }
    }
  }

  package func exposure() async throws -> ExposureView {
    try read(try await get(OperatorRoute.exposure)) { json throws(JSONError) in
      try ExposureView(json: json)
    }
  }

  package func policy() async throws -> PolicyView {
    try read(try await get(OperatorRoute.policy)) { json throws(JSONError) in
      try PolicyView(json: json)
    }
  }

  /// The newest signed note and the key that verifies it.
  package func checkpoint() async throws -> (text: String, verifierKey: String) {
    try read(try await get(OperatorRoute.checkpoint)) { json throws(JSONError) in
      (try json.member("checkpoint").string(), try json.member("vkey").string())
    }
  }

  /// The newest signed note, and the proof that its ledger begins with the first `from` entries of
  /// an older one. Throws `.refused` when the ledger never had so many.
  package func consistency(from: Int) async throws -> (checkpoint: String, proof: [Digest]) {
    let answer = try await get("\(OperatorRoute.consistency)?from=\(from)")
    return try read(answer) { json throws(JSONError) in
      (
        try json.member("checkpoint").string(),
        try json.list("proof") { one throws(JSONError) in
          guard let digest = Digest(base64: try one.string()) else {
            throw one.bad("32 bytes in base64 are expected")
          }
          return digest
        }
      )
    }
  }

  /// Every tool that was accepted or is listed now.
  package func tools() async throws -> [ToolView] {
    try read(try await get(OperatorRoute.tools)) { json throws(JSONError) in
      try json.list("tools") { row throws(JSONError) in try ToolView(json: row) }
    }
  }

  /// The accepted definition of a tool and the one that is listed now. Throws `.refused` when the
  /// tool is not known, `.badAnswer` when a definition does not have the fingerprint that is named.
  package func toolDefinitions(_ upstream: Text, _ tool: Text) async throws -> ToolDefinitions {
    let answer = try await get(OperatorRoute.toolDrift(upstream, tool))
    let found = try read(answer) { json throws(JSONError) in try ToolDefinitions(json: json) }
    guard found.isConsistent else {
      throw OperatorClientError(
        .badAnswer, "a definition of \(tool) does not match its fingerprint; do not decide on it")
    }
    return found
  }

  // MARK: Deciding

  /// Signs for a definition and sends that. Throws `.stale` when the tool has changed since.
  package func accept(_ acceptance: ToolAcceptance) async throws -> ToolView {
    let signature = key.key.sign(acceptance.signedBytes)
    let answer = try await authorised(
      .post, OperatorRoute.toolAcceptance,
      body: ["acceptance": acceptance.json, "signature": .string(signature.base64)])
    return try read(answer) { json throws(JSONError) in
      try ToolView(json: try json.member("tool"))
    }
  }

  /// Signs `decision` and sends it. `cooling: nil` leaves the hold to the gateway's own rule.
  /// Throws `.stale` when the batch has changed, `.refused` when a rule or its state forbids it.
  package func decide(_ decision: Decision, cooling: Bool? = nil) async throws -> BatchSummary {
    let signed = SignedDecision(decision, signedWith: key.key)
    var body = signed.json.objectValue ?? JSONObject()
    if let cooling { body["cooling"] = .bool(cooling) }
    let answer = try await authorised(.post, OperatorRoute.decisions, body: .object(body))
    return try read(answer) { json throws(JSONError) in
      try BatchSummary(json: try json.member("batch"))
    }
  }

  /// Signs a halt, or the end of one, and sends it.
  package func halt(_ order: HaltOrder) async throws -> StatusView {
    let answer = try await send(order)
    return try read(answer) { json throws(JSONError) in try StatusView(json: json) }
  }

  /// Signs an order to cancel everything that is open, and sends it.
  package func cancelAll(_ order: HaltOrder) async throws -> CancelReport {
    let answer = try await send(order)
    return try read(answer) { json throws(JSONError) in try CancelReport(json: json) }
  }

  private func send(_ order: HaltOrder) async throws -> HTTPResponse {
    let signature = key.key.sign(order.signedBytes)
    return try await authorised(
      .post, OperatorRoute.halt,
      body: ["halt": order.json, "signature": .string(signature.base64)])
  }

  /// Any other route: `{}` or what the route takes, and the answer as it came.
  package func call(
    _ verb: HTTPVerb, _ path: String, body: JSONValue? = nil
  ) async throws -> JSONValue {
    try parse(try await authorised(verb, path, body: body))
  }

  // MARK: Events

  /// The gateway's events after the one with the id `last`; `reset` comes first when it is too old.
  package func events(after last: String?) async throws -> EventStream {
    try await signedIn { token in try await self.events(after: last, token) }
  }

  private func events(after last: String?, _ token: Text) async throws -> EventStream {
    var headers = self.headers(token)
    headers.add("Accept", "text/event-stream")
    if let last { headers.add("Last-Event-ID", last) }
    let reply: EventStreamReply
    do {
      reply = try await http.events(
        .get, try url(OperatorRoute.events), headers: headers, deadline: .now + Self.deadline,
        silence: Self.silence)
    } catch { throw Self.unreachable(error) }
    switch reply {
    case .events(let stream): return stream
    case .response(let response): throw refusal(of: response)
    }
  }

  /// One event of the stream as what it means. Throws `.badAnswer` for what is not understood.
  package static func event(
    _ event: ServerSentEvent
  ) throws(OperatorClientError) -> OperatorEvent {
    do {
      let json = try JSONParser.parse(event.data.utf8, limits: .peer)
      return try OperatorEvent(name: event.event ?? "message", payload: JSONCursor(json))
    } catch {
      throw OperatorClientError(
        .badAnswer, "the gateway sent an event that this version does not understand: \(error)",
        fix: "use the console of the gateway's version")
    }
  }

  // MARK: Requests

  private func get(_ path: String) async throws -> HTTPResponse {
    try await authorised(.get, path, body: nil)
  }

  private func authorised(
    _ verb: HTTPVerb, _ path: String, body: JSONValue?
  ) async throws -> HTTPResponse {
    try await signedIn { token in
      try await self.send(verb, path, body: body, token: token)
    }
  }

  /// Asks with a session's token, and once more with a new one where the gateway does not know it.
  private func signedIn<Answer>(_ ask: (Text) async throws -> Answer) async throws -> Answer {
    do {
      return try await ask(try await currentToken())
    } catch let error as OperatorClientError where error.refusal?.code == .unauthenticated {
      grant.withLock { $0 = nil }
      return try await ask(try await currentToken())
    }
  }

  private func currentToken() async throws -> Text {
    if let grant = grant.withLock({ $0 }) { return grant.token }
    return try await signIn().token
  }

  private func headers(_ token: Text?) -> HTTPFields {
    var headers = HTTPFields()
    if let token { headers.add("Authorization", "Bearer \(token)") }
    return headers
  }

  private func url(_ path: String) throws(OperatorClientError) -> WebURL {
    do { return try WebURL(base + path) } catch {
      throw OperatorClientError(.unreachable, "\(base)\(path) is no URL: \(error)")
    }
  }

  private func send(
    _ verb: HTTPVerb, _ path: String, body: JSONValue?, token: Text?
  ) async throws -> HTTPResponse {
    var headers = headers(token)
    if body != nil { headers.add("Content-Type", "application/json") }
    let url = try url(path)
    let response: HTTPResponse
    do {
      response = try await http.request(
        verb, url, headers: headers, body: body.map { JSONWriter.bytes(of: $0) },
        deadline: .now + Self.deadline)
    } catch { throw Self.unreachable(error) }
    guard (200..<300).contains(response.status) else { throw refusal(of: response) }
    return response
  }

  private static func unreachable(_ error: any Error) -> OperatorClientError {
    if let error = error as? OperatorClientError { return error }
    if let error = error as? NetworkError, [.handshake, .closed].contains(error.code),
      !error.fix.isEmpty
    {
      return OperatorClientError(
        .unreachable, "the gateway cannot be reached: \(error.message)", fix: error.fix)
    }
    return OperatorClientError(
      .unreachable, "the gateway cannot be reached: \(error)",
      fix: "start it with `countersign gateway`, or name another with --gateway")
  }

  private func refusal(of response: HTTPResponse) -> OperatorClientError {
    if let json = try? JSONParser.parse(response.body, limits: .peer),
      let refusal = try? OperatorRefusal(json: JSONCursor(json))
    {
      return OperatorClientError(refusal)
    }
    return OperatorClientError(
      .badAnswer, "what answers at \(base) is no gateway: status \(response.status)",
      fix: "give the operators' listener, not the agents'")
  }

  private func parse(_ response: HTTPResponse) throws(OperatorClientError) -> JSONValue {
    do { return try JSONParser.parse(response.body, limits: .peer) } catch {
      throw Self.bad(error)
    }
  }

  private func read<T>(
    _ response: HTTPResponse, _ make: (JSONCursor) throws(JSONError) -> T
  ) throws(OperatorClientError) -> T {
    let json = try parse(response)
    do { return try make(JSONCursor(json)) } catch { throw Self.bad(error) }
  }

  private static func bad(_ error: JSONError) -> OperatorClientError {
    OperatorClientError(
      .badAnswer, "the gateway's answer cannot be read: \(error)",
      fix: "use the console of the gateway's version")
  }
}
