import Cryptography
import JSON
import Logging
import Networking
import OperatorProtocol
import Synchronization
import Testing
import Time

@testable import Gateway

/// A listener on a free port, its desk and a client.
struct Harness: Sendable {
  let desk: FakeOperatorDesk
  let hub: EventHub
  let time: ManualTime
  let port: Int
  let client: HTTPClient

  struct Reply: Sendable {
    let status: Int
    let headers: Networking.HTTPFields
    let body: JSONValue

    var code: String? { body["error"]?["code"]?.stringValue }
    var message: String? { body["error"]?["message"]?.stringValue }
  }

  static let soon = Duration.seconds(20)

  /// Runs `body` against a listener; `alice` is an operator with key 1, `vera` a viewer with key 2.
  static func run(
    limits: OperatorLimits = OperatorLimits(), door: OperatorDoor = OperatorDoor(),
    events: EventHub.Limits = EventHub.Limits(),
    _ body: @escaping @Sendable (Harness) async throws -> Void
  ) async throws {
    let (desk, time, hub) = (
      FakeOperatorDesk(), ManualTime(), EventHub(after: 1000, limits: events)
    )
    let (alice, vera) = (try Fixtures.key(1).publicKey, try Fixtures.key(2).publicKey)
    desk.edit {
      $0.operators["alice"] = (alice, .approver)
      $0.operators["vera"] = (vera, .viewer)
    }
    let counter = Mutex<UInt8>(0)
    let surroundings = OperatorSurroundings(
      now: { time.now }, sleep: { try await time.sleep($0) },
      random: { count in
        let next = counter.withLock { counter in
          counter &+= 1
          return counter
        }
        return [UInt8](repeating: next, count: count)
      })
    let listener = try OperatorListener(
      .init(
        host: "127.0.0.1", port: 0, gateway: "example.org/gateway", door: door, limits: limits),
      desk: desk, hub: hub, surroundings: surroundings, logger: quiet)
    let (ports, ready) = AsyncStream.makeStream(of: Int.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run { ready.yield($0) } }
      var iterator = ports.makeAsyncIterator()
      let port = try #require(await iterator.next())
      let client = HTTPClient(limits: HTTPLimits(connections: 8))
      try await body(
        Harness(desk: desk, hub: hub, time: time, port: port, client: client))
      client.closeIdle()
      group.cancelAll()
    }
  }

  static var quiet: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

  func url(_ path: String) throws -> WebURL { try WebURL("http://127.0.0.1:\(port)\(path)") }

  func get(
    _ path: String, token: Text? = nil, _ extra: [(String, String)] = []
  ) async throws -> Reply {
    let found = try await client.request(
      .get, url(path), headers: headers(token, extra), deadline: .now + Self.soon)
    return try reply(found)
  }

  func post(
    _ path: String, token: Text? = nil, _ body: JSONValue,
    type: String = "application/json", _ extra: [(String, String)] = []
  ) async throws -> Reply {
    try await post(path, token: token, bytes: JSONWriter.bytes(of: body), type: type, extra)
  }

  func post(
    _ path: String, token: Text? = nil, bytes: [UInt8], type: String = "application/json",
    _ extra: [(String, String)] = []
  ) async throws -> Reply {
    let found = try await client.request(
      .post, url(path), headers: headers(token, [("Content-Type", type)] + extra), body: bytes,
      deadline: .now + Self.soon)
    return try reply(found)
  }

  func challenge(_ name: Text) async throws -> Challenge {
    let reply = try await post(OperatorRoute.challenge, ["operator": .string(name)])
    try #require(reply.status == 200)
    return try Challenge(json: JSONCursor(reply.body))
  }

  func answer(_ challenge: Challenge, with key: SigningKey) async throws -> Reply {
    let signature = key.sign(challenge.signedBytes)
    return try await post(
      OperatorRoute.session,
      ["challenge": challenge.json, "signature": .string(signature.base64)])
  }

  /// Signs in and returns the token.
  func signIn(_ name: Text = "alice", seed: UInt8 = 1) async throws -> Text {
    let reply = try await answer(challenge(name), with: Fixtures.key(seed))
    try #require(reply.status == 200, "\(reply.message ?? "")")
    return try SessionGrant(json: JSONCursor(reply.body)).token
  }

  func follow(_ token: Text, after: String? = nil) async throws -> EventStream {
    let extra = after.map { [("Last-Event-ID", $0)] } ?? []
    let reply = try await client.events(
      .get, url(OperatorRoute.events), headers: headers(token, extra),
      deadline: .now + Self.soon, silence: Self.soon)
    guard case .events(let stream) = reply else {
      Issue.record("no event stream")
      throw CancellationError()
    }
    return stream
  }

  private func headers(_ token: Text?, _ extra: [(String, String)]) -> Networking.HTTPFields {
    var fields = Networking.HTTPFields(extra.map { (name: $0.0, value: $0.1) })
    if let token { fields.add("Authorization", "Bearer \(token)") }
    return fields
  }

  private func reply(_ found: Networking.HTTPResponse) throws -> Reply {
    let body = try JSONParser.parse(found.body, limits: .peer)
    return Reply(status: found.status, headers: found.headers, body: body)
  }
}
