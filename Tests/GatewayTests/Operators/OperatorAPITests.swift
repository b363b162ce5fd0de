import Cryptography
import JSON
import Networking
import OperatorProtocol
import Testing

@testable import Gateway

@Suite("The operator API") struct OperatorAPITests {
  // MARK: The door

  @Test func `a page's origin is refused unless it is listed`() async throws {
    let door = OperatorDoor(origins: ["https://desk.example"])
    try await Harness.run(door: door) { gateway in
      let token = try await gateway.signIn()
      for (origin, status) in [
        ("https://evil.example", 403), ("http://127.0.0.1:3000", 403), ("null", 403),
        ("https://desk.example", 200), ("HTTPS://DESK.example", 200),
      ] {
        let reply = try await gateway.get(
          OperatorRoute.status, token: token, [("Origin", origin)])
        #expect(reply.status == status, "\(origin)")
      }
      let reply = try await gateway.get(
        OperatorRoute.status, token: token,
        [("Origin", "https://desk.example"), ("Origin", "https://evil.example")])
      #expect(reply.status == 400)
    }
  }

  @Test(arguments: [
    ("127.0.0.1:8788", true), ("localhost", true), ("LOCALHOST:1", true), ("[::1]:8788", true),
    ("desk.example", true), ("desk.example:99", true), ("other.example", false),
    ("127.0.0.1.evil.example", false), ("localhost:x", false), ("", false),
    ("des\u{212A}.example", false),
  ])
  func `only known hosts are served`(host: String, isServed: Bool) throws {
    let door = OperatorDoor(hosts: ["desk.example"])
    let request = OperatorRequest(
      method: "GET", target: "/", headers: { $0 == "host" ? [host] : [] }, body: { _ in [] })
    if isServed {
      try door.check(request)
    } else {
      let reply = #expect(throws: OperatorReply.self) { try door.check(request) }
      #expect(reply?.status == 421)
    }
  }

  @Test(arguments: ["/", "/v1", "/v1/status/", "/v1/batches/", "/v1/batches/a/b", "/V1/status"])
  func `an unknown path is not found`(path: String) async throws {
    try await Harness.run { gateway in
      let reply = try await gateway.get(path)
      #expect(reply.status == 404)
      #expect(reply.code == "not_found")
    }
  }

  @Test func `a wrong method is told the right one`() async throws {
    try await Harness.run { gateway in
      let reply = try await gateway.get(OperatorRoute.decisions)
      #expect(reply.status == 405)
      #expect(reply.headers["Allow"] == "POST")
      #expect(try await gateway.post(OperatorRoute.status, [:]).status == 405)
    }
  }

  @Test func `bodies that are no document are refused with their place`() async throws {
    try await Harness.run { gateway in
      let path = OperatorRoute.challenge
      for (body, word) in [
        (#"{"operator":7}"#, "$.operator"), (#"{"operator":"a","operator":"b"}"#, "$.operator"),
        (#"{"operator":"a","x":1}"#, "$.x"), ("{", "line 1"), ("", "line 1"),
        (#"{"operator":""}"#, "$.operator"),
      ] {
        let reply = try await gateway.post(path, bytes: Array(body.utf8))
        #expect(reply.status == 400, "\(body)")
        #expect(reply.code == "bad_request")
        #expect(reply.message?.contains(word) == true, "\(reply.message ?? "")")
      }
      #expect(try await gateway.post(path, ["operator": "a"], type: "text/plain").status == 415)
    }
  }

  @Test func `a body that is too large is refused`() async throws {
    try await Harness.run { gateway in
      let large = [UInt8](repeating: 0x20, count: OperatorLimits().bodyBytes + 1)
      let reply = try await gateway.post(OperatorRoute.challenge, bytes: large)
      #expect(reply.status == 413)
    }
  }

  // MARK: Reading

  @Test func `everything can be read with a viewer's session`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn("vera", seed: 2)
      let status = try await gateway.get(OperatorRoute.status, token: token)
      #expect(try StatusView(json: JSONCursor(status.body)) == Fixtures.status)
      let batches = try await gateway.get(OperatorRoute.batches, token: token)
      #expect(batches.body == ["batches": [Fixtures.summary.json]])
      let detail = try await gateway.get("/v1/batches/\(Fixtures.batch)", token: token)
      #expect(detail.body["summary"] == Fixtures.summary.json)
      #expect(
        try await gateway.get(OperatorRoute.orders, token: token).body
          == ["orders": [], "fills": []])
      #expect(
        try await gateway.get(OperatorRoute.checkpoint, token: token).body
          == ["checkpoint": "note\n", "vkey": "key"])
      let consistency = try await gateway.get(OperatorRoute.consistency + "?from=3", token: token)
      #expect(consistency.body["size"] == 9 && consistency.body["checkpoint"] == "note\n")
      let proof = try await gateway.get(OperatorRoute.proof + "?index=4", token: token)
      #expect(proof.body == ["index": 4])
    }
  }

  @Test(arguments: ["cs_nothing", "cs_01J9Z3ABCDEFGHJKMNPQRSTVWX", "%00"])
  func `an id that names no call is not found`(id: String) async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      #expect(try await gateway.get("/v1/batches/\(id)", token: token).status == 404)
    }
  }

  @Test func `pages of the ledger count from either end`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      for query in ["", "?from=7&limit=3", "?from=-5", "?from=-500&limit=500"] {
        #expect(try await gateway.get(OperatorRoute.ledger + query, token: token).status == 200)
      }
      let asked = gateway.desk.ledgerAsked
      #expect(asked.map(\.from) == [0, 7, 35, 0])
      #expect(asked.map(\.limit) == [500, 3, 500, 500])
    }
  }

  @Test(arguments: [
    "?limit=501", "?limit=0", "?limit=-1", "?from=1&from=2", "?from=x", "?from=", "?from=+1",
    "?to=1", "?from=99999999999999999999",
  ])
  func `a bad page is refused`(query: String) async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      let reply = try await gateway.get(OperatorRoute.ledger + query, token: token)
      #expect(reply.status == 400)
      #expect(gateway.desk.ledgerAsked.isEmpty)
    }
  }

  @Test func `a desk that fails is not available`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      gateway.desk.edit { $0.isBroken = true }
      let reply = try await gateway.get(OperatorRoute.ledger, token: token)
      #expect(reply.status == 503)
      #expect(reply.message?.contains("Broken") == false)
    }
  }

  // MARK: Deciding

  private func signed(_ name: Text, cooling: JSONValue? = nil) throws -> JSONValue {
    let decision = try SignedDecision(Fixtures.decision(by: name), signedWith: Fixtures.key(1))
    return .compact([
      "decision": decision.json["decision"], "signature": decision.json["signature"],
      "cooling": cooling,
    ])
  }

  @Test func `a decision reaches the desk as it was signed`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      for cooling in [nil, true, false] as [JSONValue?] {
        let reply = try await gateway.post(
          OperatorRoute.decisions, token: token, signed("alice", cooling: cooling))
        #expect(reply.status == 200)
        #expect(reply.body == ["batch": Fixtures.summary.json])
      }
      let decisions = gateway.desk.decisions
      #expect(decisions.map(\.cools) == [true, true, false])
      #expect(decisions.allSatisfy { $0.decision.decision == Fixtures.decision(by: "alice") })
    }
  }

  @Test func `a decision for another operator is refused`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      let reply = try await gateway.post(OperatorRoute.decisions, token: token, signed("bob"))
      #expect(reply.status == 403)
      #expect(gateway.desk.decisions.isEmpty)
    }
  }

  @Test(arguments: OperatorRefusal.Code.allCases)
  func `the desk's refusals keep their code`(code: OperatorRefusal.Code) async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      gateway.desk.edit { $0.refusal = OperatorRefusal(code, "because") }
      let reply = try await gateway.post(OperatorRoute.decisions, token: token, signed("alice"))
      #expect(reply.status == code.status)
      #expect(try OperatorRefusal(json: JSONCursor(reply.body)) == OperatorRefusal(code, "because"))
    }
  }

  @Test func `a viewer decides nothing and sees no names`() async throws {
    try await Harness.run { gateway in
      let viewer = try await gateway.signIn("vera", seed: 2)
      let operators = try await gateway.signIn()
      for path in [OperatorRoute.agents, OperatorRoute.operators, OperatorRoute.limits] {
        #expect(try await gateway.get(path, token: viewer).status == 403)
        #expect(try await gateway.get(path, token: operators).status == 200)
      }
      for path in [OperatorRoute.decisions, OperatorRoute.halt, OperatorRoute.toolAcceptance] {
        #expect(try await gateway.post(path, token: viewer, signed("vera")).status == 403)
      }
      #expect(gateway.desk.decisions.isEmpty && gateway.desk.halts.isEmpty)
    }
  }

  @Test func `limits are read as they were written`() async throws {
    try await Harness.run { gateway in
      let reply = try await gateway.get(OperatorRoute.limits, token: gateway.signIn())
      let row = try #require(reply.body["limits"]?.arrayValue?.first)
      #expect(try LimitView(json: JSONCursor(row)) == Fixtures.limit)
    }
  }

  @Test func `a halt reaches the desk and answers with the status`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      let order = HaltOrder(
        freezes: true, operatorName: "alice", reason: "odd fills", decidedAt: Fixtures.now,
        nonce: "n")
      let signature = try Fixtures.key(1).sign(order.signedBytes)
      let body: JSONValue = ["halt": order.json, "signature": .string(signature.base64)]
      let reply = try await gateway.post(OperatorRoute.halt, token: token, body)
      #expect(reply.body == Fixtures.status.json)
      #expect(gateway.desk.halts == [order])
    }
  }

  // MARK: Tools

  @Test func `tools are listed, shown whole and accepted`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      let all = try await gateway.get(OperatorRoute.tools, token: token)
      #expect(all.body == ["tools": [Fixtures.tool.json]])
      let path = OperatorRoute.toolDrift(Fixtures.tool.upstream, Fixtures.tool.tool)
      let one = try await gateway.get(path, token: token)
      #expect(one.body["tool"] == Fixtures.tool.json)
      #expect(one.body["new"] == ["a": "b"])
      #expect(try await gateway.get(path + "x", token: token).status == 404)
      var acceptance = ToolAcceptance(
        of: Fixtures.tool, new: Fixtures.zero, reason: "read it", operatorName: "alice",
        decidedAt: Fixtures.now)
      let sent = try await gateway.accept(acceptance, token)
      #expect(sent.status == 200)
      #expect(gateway.desk.acceptances == [acceptance])
      acceptance.operatorName = "bob"
      #expect(try await gateway.accept(acceptance, token).status == 403)
      acceptance.reason = ""
      #expect(try await gateway.accept(acceptance, token).status == 400)
      #expect(gateway.desk.acceptances.count == 1)
    }
  }

  @Test func `a viewer sees tools and accepts none`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn("vera", seed: 2)
      #expect(try await gateway.get(OperatorRoute.tools, token: token).status == 200)
      let acceptance = ToolAcceptance(
        of: Fixtures.tool, new: Fixtures.zero, reason: "read it", operatorName: "vera",
        decidedAt: Fixtures.now)
      #expect(try await gateway.accept(acceptance, token).status == 403)
      #expect(gateway.desk.acceptances.isEmpty)
    }
  }
}

extension Harness {
  fileprivate func accept(_ acceptance: ToolAcceptance, _ token: Text) async throws -> Reply {
    let signature = try Fixtures.key(1).sign(acceptance.signedBytes)
    return try await post(
      OperatorRoute.toolAcceptance, token: token,
      ["acceptance": acceptance.json, "signature": .string(signature.base64)])
  }
}
