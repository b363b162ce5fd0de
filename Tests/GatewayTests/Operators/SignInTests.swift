import Cryptography
import JSON
import Networking
import OperatorProtocol
import Testing
import Time

@testable import Gateway

@Suite("Operators sign in") struct SignInTests {
  @Test func `a signed challenge opens a session`() async throws {
    try await Harness.run { gateway in
      let challenge = try await gateway.challenge("alice")
      #expect(challenge.gateway == "example.org/gateway")
      #expect(challenge.expiresAt == Fixtures.now + .minutes(1))
      let reply = try await gateway.answer(challenge, with: Fixtures.key(1))
      #expect(reply.status == 200)
      let grant = try SessionGrant(json: JSONCursor(reply.body))
      #expect(grant.role == .approver)
      #expect(grant.expiresAt == Fixtures.now + .minutes(720))
      #expect(try await gateway.get(OperatorRoute.status, token: grant.token).status == 200)
    }
  }

  @Test func `a challenge is answered once`() async throws {
    try await Harness.run { gateway in
      let challenge = try await gateway.challenge("alice")
      #expect(try await gateway.answer(challenge, with: Fixtures.key(1)).status == 200)
      #expect(try await gateway.answer(challenge, with: Fixtures.key(1)).status == 401)
    }
  }

  @Test func `nothing tells an unknown name from a known one`() async throws {
    try await Harness.run { gateway in
      let known = try await gateway.answer(gateway.challenge("alice"), with: Fixtures.key(9))
      let unknown = try await gateway.answer(gateway.challenge("mallory"), with: Fixtures.key(9))
      #expect(known.status == 401)
      #expect(known.status == unknown.status)
      #expect(known.body == unknown.body)
    }
  }

  @Test func `an old or altered challenge opens nothing`() async throws {
    try await Harness.run { gateway in
      let old = try await gateway.challenge("alice")
      var renamed = try await gateway.challenge("vera")
      renamed.operatorName = "alice"
      var prolonged = try await gateway.challenge("alice")
      prolonged.expiresAt = prolonged.expiresAt + .minutes(5)
      var elsewhere = try await gateway.challenge("alice")
      elsewhere.gateway = "example.org/other"
      for challenge in [renamed, prolonged, elsewhere] {
        #expect(try await gateway.answer(challenge, with: Fixtures.key(1)).status == 401)
      }
      gateway.time.advance(by: .seconds(60))
      #expect(try await gateway.answer(old, with: Fixtures.key(1)).status == 401)
    }
  }

  @Test func `a flood of challenges shuts nobody out`() async throws {
    try await Harness.run { gateway in
      let mine = try await gateway.challenge("alice")
      for _ in 0..<300 { _ = try await gateway.challenge("alice") }
      #expect(try await gateway.answer(mine, with: Fixtures.key(1)).status == 200)
    }
  }

  @Test(arguments: ["Bearer wrong", "bearer  ", "Basic YTpi", "Bearer"])
  func `no other header opens the API`(header: String) async throws {
    try await Harness.run { gateway in
      let reply = try await gateway.get(OperatorRoute.status, [("Authorization", header)])
      #expect(reply.status == 401)
      #expect(reply.code == "unauthenticated")
      #expect(reply.headers["WWW-Authenticate"] == "Bearer")
    }
  }

  @Test func `a session expires`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      gateway.time.advance(by: .seconds(12 * 3600 - 1))
      #expect(try await gateway.get(OperatorRoute.status, token: token).status == 200)
      gateway.time.advance(by: .seconds(1))
      #expect(try await gateway.get(OperatorRoute.status, token: token).status == 401)
    }
  }

  @Test func `revoking an operator ends the session at the next request`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      let entry = gateway.desk.edit { $0.operators.removeValue(forKey: "alice") }
      #expect(try await gateway.get(OperatorRoute.status, token: token).status == 401)
      // Registering the name again does not bring the session back.
      gateway.desk.edit { $0.operators["alice"] = entry }
      #expect(try await gateway.get(OperatorRoute.status, token: token).status == 401)
    }
  }

  @Test func `a name registered with another key keeps no session`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      let other = try Fixtures.key(5).publicKey
      gateway.desk.edit { $0.operators["alice"] = (other, .approver) }
      #expect(try await gateway.get(OperatorRoute.status, token: token).status == 401)
    }
  }

  @Test func `the session that rested longest makes room`() throws {
    var limits = OperatorLimits()
    limits.sessionsPerOperator = 2
    let sessions = OperatorSessions(limits: limits)
    let key = try Fixtures.key(1).publicKey
    var seed: UInt8 = 0
    func open() throws -> (token: Text, session: OperatorSession) {
      seed += 1
      return try sessions.open(
        "alice", key: key, random: { [seed] in [UInt8](repeating: seed, count: $0) },
        now: Fixtures.now)
    }
    func isLive(_ token: Text) -> Bool {
      sessions.session(of: token.bytes, now: Fixtures.now) != nil
    }
    let console = try open()
    sessions.streamOpened(console.session.id)
    let script = try open()
    let next = try open()
    #expect(isLive(console.token) && !isLive(script.token) && isLive(next.token))
    sessions.streamOpened(next.session.id)
    #expect(throws: OperatorRefusal.self) { try open() }
  }
}
