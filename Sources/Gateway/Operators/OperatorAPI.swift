import Cryptography
import JSON
import OperatorProtocol
import Time

/// The operator API without its transport: requests in, answers out.
///
/// Concurrency model: any number of requests run at the same time. What they share is in
/// `SignInChallenges` and `OperatorSessions`, each behind its own mutex; the desk orders decisions.
struct OperatorAPI: Sendable {
  let desk: any OperatorDesk
  let hub: EventHub
  let door: OperatorDoor
  let limits: OperatorLimits
  let surroundings: OperatorSurroundings
  let health: @Sendable () async -> HealthReport
  let challenges: SignInChallenges
  let sessions: OperatorSessions
  /// Verifies the answers for names that are not registered, so that they take as long.
  let decoy: PublicKey

  init(
    desk: any OperatorDesk, hub: EventHub, gateway: Text, door: OperatorDoor,
    limits: OperatorLimits, surroundings: OperatorSurroundings,
    health: @escaping @Sendable () async -> HealthReport = Self.unknownHealth
  ) throws(CryptographyError) {
    self.desk = desk
    self.hub = hub
    self.door = door
    self.limits = limits
    self.surroundings = surroundings
    self.health = health
    challenges = SignInChallenges(gateway: gateway, secret: surroundings.random(32), limits: limits)
    sessions = OperatorSessions(limits: limits)
    decoy = try SigningKey(seed: surroundings.random(SigningKey.seedByteCount)).publicKey
  }

  /// Where nobody looks at health.
  package static let unknownHealth: @Sendable () async -> HealthReport = {
    HealthReport(version: GatewayService.version, policy: nil)
  }

  /// Answers a request. Throws `OperatorRefusal`, `OperatorReply`, `JSONError` or what the desk
  /// throws.
  func handle(_ request: OperatorRequest) async throws -> OperatorOutcome {
    try door.check(request)
    guard let endpoint = OperatorEndpoint(path: request.path) else {
      throw OperatorRefusal(.notFound, "there is nothing at this path")
    }
    guard request.method == endpoint.method else {
      var reply = OperatorReply(
        OperatorRefusal(.badRequest, "this path takes \(endpoint.method)"), status: 405)
      reply.headers = [("Allow", endpoint.method)]
      throw reply
    }
    switch endpoint {
    case .health: return .reply(await health().health)
    case .readiness: return .reply(await health().readiness)
    default: break
    }
    guard let role = endpoint.role else {
      return .reply(OperatorReply(try await signIn(endpoint, request)))
    }
    let session = try await session(of: request, atLeast: role)
    if endpoint == .events {
      let subscription = try hub.subscribe(after: try lastEventID(of: request))
      return .stream(subscription, session)
    }
    return .reply(OperatorReply(try await answer(endpoint, request, session)))
  }

  /// Whether a session can go on: not expired, not revoked, the key still the registered one.
  func isWelcome(_ session: OperatorSession) async -> Bool {
    guard sessions.isLive(session, now: surroundings.now()),
      let found = await desk.operatorKey(session.name), found.key == session.key
    else {
      sessions.end(session.id)
      return false
    }
    return true
  }

  // MARK: Who

  private static let strangers = OperatorRefusal(
    .unauthenticated, "sign in and send the session's token as \"Authorization: Bearer …\"")

  private func session(
    of request: OperatorRequest, atLeast role: Role
  ) async throws(OperatorRefusal) -> OperatorSession {
    guard let header = try request.single("authorization"),
      let token = Self.bearer(header),
      let session = sessions.session(of: token, now: surroundings.now())
    else { throw Self.strangers }
    guard let found = await desk.operatorKey(session.name), found.key == session.key else {
      sessions.end(session.id)
      throw Self.strangers
    }
    guard found.role >= role else {
      throw OperatorRefusal(.forbidden, "the role \(found.role.rawValue) may only look")
    }
    return session
  }

  private static func bearer(_ header: String) -> [UInt8]? {
    let parts = header.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[1].isEmpty,
      parts[0].map({ $0 | 0x20 }).elementsEqual("bearer".utf8)
    else { return nil }
    return Array(parts[1])
  }

  private func signIn(
    _ endpoint: OperatorEndpoint, _ request: OperatorRequest
  ) async throws -> JSONValue {
    let body = try await document(request)
    guard endpoint == .challenge else { return try await grant(body).json }
    try body.allow(only: ["operator"])
    let name = try body.member("operator")
    guard (1...limits.nameBytes).contains(try name.text().count) else {
      throw name.bad("a name has 1 to \(limits.nameBytes) bytes")
    }
    return challenges.issue(
      to: try name.text(), random: surroundings.random, now: surroundings.now()
    ).json
  }

  private func grant(_ body: JSONCursor) async throws -> SessionGrant {
    try body.allow(only: ["challenge", "signature"])
    let challenge = try Challenge(json: try body.member("challenge"))
    let signature = try Self.signature(body)
    let found = await desk.operatorKey(challenge.operatorName)
    let isSigned = (found?.key ?? decoy).verify(signature, of: challenge.signedBytes)
    let now = surroundings.now()
    guard challenges.isCurrent(challenge, now: now), isSigned, let found,
      try challenges.redeem(challenge, now: now)
    else {
      throw OperatorRefusal(
        .unauthenticated,
        "the sign-in is not valid; ask for a new challenge and sign it with the registered key")
    }
    let (token, session) = try sessions.open(
      challenge.operatorName, key: found.key, random: surroundings.random, now: now)
    return SessionGrant(token: token, role: found.role, expiresAt: session.expiresAt)
  }

  // MARK: What

  private func answer(
    _ endpoint: OperatorEndpoint, _ request: OperatorRequest, _ session: OperatorSession
  ) async throws -> JSONValue {
    switch endpoint {
    case .status: return await desk.status().json
    case .batches: return ["batches": .array(await desk.batches().map(\.json))]
    case .batch(let id): return try await detail(id)
    case .orders:
      let (orders, fills) = await desk.orders()
      return ["orders": .array(orders.map(\.json)), "fills": .array(fills.map(\.json))]
    case .limits: return ["limits": .array(await desk.limits().map(\.json))]
    case .agents: return await desk.agents()
    case .operators: return await desk.operators()
    case .exposure: return await desk.exposure().json
    case .policy: return await desk.policy().json
    case .decisions: return try await decide(request, session)
    case .halt: return try await halt(request, session)
    case .tools: return ["tools": .array(await desk.tools().map(\.json))]
    case .toolDefinitions(let upstream, let tool):
      return try await definitions(upstream, tool)
    case .toolAcceptance: return try await accept(request, session)
    case .ledger, .checkpoint, .consistency, .proof: return try await ledger(endpoint, request)
    case .health, .readiness, .challenge, .session, .events:
      preconditionFailure("answered before a session is asked")
    }
  }

  private func detail(_ text: Text) async throws -> JSONValue {
    guard let id = BatchID(text.string), let found = await desk.detail(id) else {
      throw OperatorRefusal(.notFound, "no held call has this id; list them with \"pending\"")
    }
    return found.json
  }

  private func decide(
    _ request: OperatorRequest, _ session: OperatorSession
  ) async throws -> JSONValue {
    let body = try await document(request)
    let cools = try body.optional("cooling")?.bool() ?? true
    var signed = try body.object()
    signed["cooling"] = nil
    let decision = try SignedDecision(json: JSONCursor(.object(signed)))
    try Self.require(decision.decision.operatorName, is: session)
    let wasFollowed = sessions.hasStream(session.id)
    let answer = try await desk.decide(decision, session: session.id, cools: cools)
    // The console may have vanished before the desk knew of its decision.
    if wasFollowed, !sessions.hasStream(session.id) { await desk.sessionEnded(session.id) }
    return answer
  }

  private func halt(
    _ request: OperatorRequest, _ session: OperatorSession
  ) async throws -> JSONValue {
    let body = try await document(request)
    try body.allow(only: ["halt", "signature"])
    let order = try HaltOrder(json: try body.member("halt"))
    let signature = try Self.signature(body)
    try Self.require(order.operatorName, is: session)
    return try await desk.halt(order, signature: signature)
  }

  private func definitions(_ upstream: Text, _ tool: Text) async throws -> JSONValue {
    guard let found = await desk.toolDefinitions(upstream, tool) else {
      throw OperatorRefusal(.notFound, "no upstream here has or had such a tool")
    }
    return found.json
  }

  private func accept(
    _ request: OperatorRequest, _ session: OperatorSession
  ) async throws -> JSONValue {
    let body = try await document(request)
    try body.allow(only: ["acceptance", "signature"])
    let acceptance = try ToolAcceptance(json: try body.member("acceptance"))
    let signature = try Self.signature(body)
    try Self.require(acceptance.operatorName, is: session)
    return try await desk.accept(acceptance, signature: signature)
  }

  private static func require(
    _ name: Text, is session: OperatorSession
  ) throws(OperatorRefusal) {
    guard name == session.name else {
      throw OperatorRefusal(.forbidden, "it is signed for another operator than the session's")
    }
  }

  private static func signature(_ body: JSONCursor) throws(JSONError) -> Signature {
    let text = try body.member("signature")
    guard let signature = Signature(base64: try text.string()) else {
      throw text.bad("64 bytes in base64 are expected")
    }
    return signature
  }

  // MARK: The ledger

  private func ledger(
    _ endpoint: OperatorEndpoint, _ request: OperatorRequest
  ) async throws -> JSONValue {
    switch endpoint {
    case .consistency:
      let query = try OperatorQuery(request.query, known: ["from"])
      let from = try query.required("from", in: 0...Int.max)
      let (checkpoint, size, proof) = try await desk.consistencyProof(from: from)
      return [
        "checkpoint": .string(checkpoint), "size": .int(size),
        "proof": .strings(proof.map(\.base64)),
      ]
    case .proof:
      let query = try OperatorQuery(request.query, known: ["index"])
      return try await desk.receipt(index: try query.required("index", in: 0...Int.max))
    case .checkpoint:
      let (text, key) = await desk.checkpoint()
      return ["checkpoint": .string(text), "vkey": .string(key)]
    default:
      return try await entries(OperatorQuery(request.query, known: ["from", "limit"]))
    }
  }

  private func entries(_ query: OperatorQuery) async throws -> JSONValue {
    let limit = try query.optional("limit", in: 1...limits.ledgerPage) ?? limits.ledgerPage
    var from = try query.optional("from", in: -Int.max...Int.max) ?? 0
    if from < 0 { from = max(0, await desk.status().ledgerSize + from) }
    let (entries, size) = try await desk.ledgerEntries(from: from, limit: limit)
    return ["entries": .array(entries), "size": .int(size)]
  }

  // MARK: Reading requests

  private func document(_ request: OperatorRequest) async throws -> JSONCursor {
    let type = try request.single("content-type") ?? ""
    let media = type.utf8.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
    guard media.map({ $0 | 0x20 }).elementsEqual("application/json".utf8) else {
      throw OperatorReply(
        OperatorRefusal(.badRequest, "Content-Type must be application/json"), status: 415)
    }
    let bytes = try await request.body(limits.bodyBytes)
    return JSONCursor(try JSONParser.parse(bytes, limits: JSONLimits(bytes: limits.bodyBytes)))
  }

  /// A last event id that is no number was never given here; it is answered like an unknown one.
  private func lastEventID(of request: OperatorRequest) throws(OperatorRefusal) -> UInt64? {
    guard let text = try request.single("last-event-id"), !text.isEmpty else { return nil }
    return UInt64(text) ?? .max
  }
}
