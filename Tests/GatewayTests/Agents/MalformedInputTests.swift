import JSON
import MCP
import Testing

@testable import Gateway

/// One hostile request and what must come back.
struct Probe: Sendable, CustomTestStringConvertible {
  let name: String
  var body = AgentClient.call("read")
  var without: Set<String> = []
  var extra: [String] = []
  let status: Int
  var code: Int?

  var testDescription: String { name }

  static func params(_ text: String) -> String {
    #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":\#(text)}"#
  }

  static let all: [Probe] = [
    // JSON
    Probe(name: "no JSON", body: "hello", status: 400, code: -32700),
    Probe(name: "empty body", body: "", status: 400, code: -32700),
    Probe(
      name: "duplicate method",
      body: #"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#,
      status: 400, code: -32700),
    Probe(
      name: "duplicate argument", body: params(#"{"name":"read","arguments":{"a":1,"a":2}}"#),
      status: 400, code: -32700),
    Probe(
      name: "escaped duplicate", body: params(#"{"name":"read","n\u0061me":"hold"}"#),
      status: 400, code: -32700),
    Probe(
      name: "lone surrogate", body: params(#"{"name":"read","arguments":{"a":"\ud800"}}"#),
      status: 400, code: -32700),
    Probe(
      name: "depth 5000",
      body: params(
        String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)),
      status: 400, code: -32700),
    Probe(name: "NaN", body: params(#"{"name":NaN}"#), status: 400, code: -32700),
    Probe(name: "byte order mark", body: "\u{FEFF}{}", status: 400, code: -32700),
    Probe(
      name: "long number",
      body: params(#"{"name":"read","arguments":{"a":\#(String(repeating: "9", count: 400))}}"#),
      status: 400, code: -32700),
    // JSON-RPC
    Probe(name: "batch", body: "[\(AgentClient.call("read"))]", status: 400, code: -32600),
    Probe(
      name: "case-variant method", body: #"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"x"}"#,
      status: 400, code: -32600),
    Probe(
      name: "Kelvin-sign twin",
      body: "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"\u{212A}\":1}",
      status: 400, code: -32600),
    Probe(
      name: "null id", body: #"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, status: 400,
      code: -32600),
    Probe(
      name: "fractional id", body: #"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, status: 400,
      code: -32600),
    Probe(name: "version 1", body: #"{"id":1,"method":"ping"}"#, status: 400, code: -32600),
    // MCP
    Probe(
      name: "unknown method", body: #"{"jsonrpc":"2.0","id":1,"method":"tools/wipe"}"#, status: 200,
      code: -32601),
    Probe(
      name: "arguments as a list", body: params(#"{"name":"read","arguments":[]}"#), status: 200,
      code: -32602),
    Probe(
      name: "case-variant arguments", body: params(#"{"name":"read","Arguments":{}}"#), status: 200,
      code: -32602),
    Probe(
      name: "extra parameter", body: params(#"{"name":"read","approve":true}"#), status: 200,
      code: -32602),
    Probe(
      name: "request of 2026-07-28",
      body: params(
        #"{"name":"read","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#),
      status: 400, code: -32022),
    // HTTP
    Probe(
      name: "text/plain", without: ["Content-Type"], extra: ["Content-Type: text/plain"],
      status: 415),
    Probe(name: "no Accept", without: ["Accept"], status: 406),
    Probe(name: "evil Origin", extra: ["Origin: https://evil.example"], status: 403),
    Probe(
      name: "loopback prefix", extra: ["Origin: http://127.0.0.1.evil.example"], status: 403),
    Probe(name: "null Origin", extra: ["Origin: null"], status: 403),
    Probe(name: "evil Host", without: ["Host"], extra: ["Host: evil.example"], status: 421),
    Probe(name: "two Hosts", extra: ["Host: evil.example"], status: 400),
    Probe(name: "no token", without: ["Authorization"], status: 401),
    Probe(name: "two tokens", extra: ["Authorization: Bearer token-b"], status: 400),
    Probe(
      name: "unknown token", without: ["Authorization"], extra: ["Authorization: Bearer nobody"],
      status: 401),
    Probe(
      name: "basic", without: ["Authorization"], extra: ["Authorization: Basic dG9rZW4tYTo="],
      status: 401),
    Probe(
      name: "bogus session", without: ["Mcp-Session-Id"],
      extra: ["Mcp-Session-Id: \(String(repeating: "0", count: 32))"], status: 404),
    Probe(name: "no session", without: ["Mcp-Session-Id"], status: 400),
    Probe(name: "unknown version", extra: ["MCP-Protocol-Version: 1999-01-01"], status: 400),
    Probe(name: "two lengths", extra: ["Content-Length: 1"], status: 400),
    Probe(name: "length and chunks", extra: ["Transfer-Encoding: chunked"], status: 400),
    Probe(name: "bare CR in a field", extra: ["X-A: a\rX-B: b"], status: 400),
    Probe(name: "folded field", extra: ["X-A: a", " Authorization: x"], status: 400),
    Probe(name: "NUL in a field", extra: ["X-A: a\0b"], status: 400),
    Probe(name: "space before colon", extra: ["Mcp-Session-Id : x"], status: 400),
  ]
}

@Suite("Agents: malformed input", .timeLimit(.minutes(1)))
struct MalformedInputTests {
  @Test(arguments: Probe.all)
  func getsItsAnswerAndTheListenerServesOn(_ probe: Probe) async throws {
    try await withListener { client, desk, _ in
      let agent = try await client.initialized()
      let answer = try await agent.post(probe.body, without: probe.without, extra: probe.extra)
      #expect(answer.status == probe.status, "\(answer)")
      if let code = probe.code { #expect(answer.errorCode == code, "\(answer)") }
      #expect(desk.log.isEmpty, "nothing of it reached the desk")
      #expect(try await agent.post(AgentClient.call("read")).events.count == 1)
    }
  }

  @Test func aRefusedTokenSaysHowToSendOne() async throws {
    try await withListener { client, _, _ in
      let none = try await client.post(AgentClient.initialize, without: ["Authorization"])
      #expect(none.headers["www-authenticate"] == "Bearer")
      var stranger = client
      stranger.token = "nobody"
      let unknown = try await stranger.post(AgentClient.initialize)
      #expect(unknown.headers["www-authenticate"] == #"Bearer error="invalid_token""#)
    }
  }

  @Test(arguments: ["GET", "DELETE"])
  func aStreamNeedsItsSession(_ method: String) async throws {
    try await withListener { client, _, _ in
      let without = try await client.send(method)
      #expect(without.status == 400)
      var bogus = client
      bogus.session = "bogus"
      let unknown = try await bogus.send(method)
      #expect(unknown.status == 404)
    }
  }

  @Test(arguments: ["PUT", "PATCH", "OPTIONS", "HEAD"])
  func otherMethodsAreNotAllowed(_ method: String) async throws {
    try await withListener { client, _, _ in
      let answer = try await client.send(method)
      #expect(answer.status == 405)
      #expect(answer.headers["allow"] == "DELETE, GET, POST")
    }
  }

  @Test func eightMegabytesAreRefusedNotDropped() async throws {
    try await withListener { client, desk, _ in
      let agent = try await client.initialized()
      let body = AgentClient.call(String(repeating: "x", count: 8 << 20))
      #expect(try await agent.post(body).status == 413)
      // The same without a length.
      let socket = try await RawSocket.connect(port: client.port)
      try await socket.send(
        agent.head("POST", extra: ["Transfer-Encoding: chunked", "Connection: close"]))
      for _ in 0..<32 {
        try await socket.send("10000\r\n" + String(repeating: "x", count: 0x10000) + "\r\n")
      }
      try await socket.send("0\r\n\r\n")
      #expect(try WireAnswer(await socket.readToEnd()).status == 413)
      #expect(try await agent.post(AgentClient.call("read")).status == 200)
    }
  }

  @Test func bytesThatAreNoHTTP() async throws {
    try await withListener { client, _, _ in
      for text in [
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n", "GET\r\n\r\n", "POST /mcp HTTP/9.9\r\n\r\n",
      ] {
        let socket = try await RawSocket.connect(port: client.port)
        try await socket.send(text)
        #expect(try await socket.readToEnd().hasPrefix("HTTP/1.1 400"), "\(text.debugDescription)")
      }
      #expect(try await client.post(AgentClient.initialize).status == 200)
    }
  }

  @Test func aLineBreakInAToolNameStartsNoEvent() async throws {
    try await withListener { client, _, _ in
      let agent = try await client.initialized()
      let answer = try await agent.post(
        #"{"jsonrpc":"2.0","id":"1\r\ndata: {\"id\":666}\r\n\r\n","#
          + #""method":"tools/call","params":{"name":"read"}}"#
      )
      #expect(answer.events.count == 1)
      #expect(answer.body.split(separator: "\n").count == 2)
    }
  }
}

@Suite("Agents: limits", .timeLimit(.minutes(1)))
struct AgentLimitTests {
  @Test func aSessionBelongsToItsAgent() async throws {
    try await withListener { client, desk, _ in
      let agent = try await client.initialized()
      var thief = agent
      thief.token = "token-b"
      #expect(try await thief.post(AgentClient.call("read")).status == 404)
      #expect(try await thief.send("GET").status == 404)
      #expect(try await thief.send("DELETE").status == 404)
      #expect(desk.log.isEmpty)
      #expect(try await agent.post(AgentClient.call("read")).status == 200)
    }
  }

  @Test func aRevokedTokenEndsWhatIsOpen() async throws {
    try await withListener { client, desk, listener in
      let agent = try await client.initialized()
      let stream = try await RawSocket.connect(port: client.port)
      try await stream.send(agent.head("GET"))
      try await stream.read(until: "text/event-stream")
      desk.revoke("token-a")
      try await stream.read(until: "0\r\n\r\n")
      #expect(listener.sessionCount == 0)
      #expect(try await agent.post(AgentClient.call("read")).status == 401)
      try await stream.close()
    }
  }

  @Test func theLongestIdleSessionMakesRoom() async throws {
    var limits = AgentLimits()
    limits.sessionsPerAgent = 2
    try await withListener(limits: limits) { client, desk, listener in
      let first = try await client.initialized()
      let held = try await first.open(AgentClient.call("hold"))
      await desk.wait(for: "held")
      let second = try await client.initialized()
      let third = try await client.initialized()
      #expect(listener.sessionCount == 2)
      #expect(try await second.post(AgentClient.call("read")).status == 404)
      let alsoHeld = try await third.open(AgentClient.call("hold"))
      await desk.wait(for: "held", count: 2)
      let refused = try await client.post(AgentClient.initialize)
      #expect(refused.status == 503)
      #expect(refused.headers["retry-after"] == "10")
      // Another agent has its own room.
      var other = client
      other.token = "token-b"
      _ = try await other.initialized()
      desk.release()
      try await held.read(until: "released")
      try await alsoHeld.read(until: "released")
      try await held.close()
      try await alsoHeld.close()
    }
  }

  @Test func tooManyRequestsOfASessionAreToldToWait() async throws {
    var limits = AgentLimits()
    limits.requestsPerSession = 1
    try await withListener(limits: limits) { client, desk, _ in
      let agent = try await client.initialized()
      let held = try await agent.open(AgentClient.call("hold", id: 1))
      await desk.wait(for: "held")
      let busy = try await agent.post(AgentClient.call("read", id: 2))
      #expect(busy.status == 200)
      #expect(busy.json?["result"]?["isError"]?.boolValue == true)
      try await held.close()
    }
  }

  @Test func idleSessionsEnd() async throws {
    var limits = AgentLimits()
    limits.heartbeat = .milliseconds(100)
    limits.sessionIdle = .seconds(2)
    try await withListener(limits: limits) { client, desk, listener in
      let idle = try await client.initialized()
      let busy = try await client.initialized()
      let held = try await busy.open(AgentClient.call("hold"))
      await desk.wait(for: "held")
      // The same ticks make heartbeats and idle time: twenty of the first are all of the second.
      try await held.read(until: ": \n\n", times: 25, within: .seconds(60))
      #expect(try await idle.post(AgentClient.call("read")).status == 404)
      #expect(listener.sessionCount == 1)
      desk.release()
      try await held.read(until: "released")
      try await held.close()
    }
  }

  @Test func slowHeadersAreReclaimedAndAHeldCallIsNot() async throws {
    var limits = AgentLimits()
    limits.connectionIdle = .seconds(3)
    try await withListener(limits: limits) { client, desk, listener in
      let agent = try await client.initialized()
      let held = try await agent.open(AgentClient.call("hold"))
      await desk.wait(for: "held")
      var slow: [RawSocket] = []
      for _ in 0..<50 {
        let socket = try await RawSocket.connect(port: client.port)
        try await socket.send("POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        slow.append(socket)
      }
      for socket in slow { _ = try await socket.readToEnd() }
      desk.release()
      try await held.read(until: "released")
      try await held.close()
    }
  }

  @Test func aSlowBodyIsReclaimed() async throws {
    var limits = AgentLimits()
    limits.bodyTime = .milliseconds(200)
    try await withListener(limits: limits) { client, _, _ in
      let socket = try await RawSocket.connect(port: client.port)
      try await socket.send(client.head("POST", length: 1000) + "{")
      _ = try await socket.readToEnd()
    }
  }

  @Test func aClientThatNeverReadsIsLetGo() async throws {
    var limits = AgentLimits()
    limits.stallTime = .milliseconds(200)
    try await withListener(limits: limits) { client, desk, _ in
      let agent = try await client.initialized()
      let deaf = try await RawSocket.connect(port: client.port, reads: false)
      try await deaf.send(agent.request(AgentClient.call("hold")))
      await desk.wait(for: "held")
      desk.release(String(repeating: "x", count: 32 << 20))
      await desk.wait(for: "written false")
      #expect(try await agent.post(AgentClient.call("read")).status == 200)
      try await deaf.close()
    }
  }

  @Test func sessionIDsAreUnguessable() {
    let ids = Set((0..<1000).map { _ in SessionTable.unguessableID() })
    #expect(ids.count == 1000)
    #expect(ids.allSatisfy { $0.count == 32 })
  }
}
