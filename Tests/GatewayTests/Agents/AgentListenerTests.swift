import JSON
import MCP
import Testing

@testable import Gateway

@Suite("Agents: a session over HTTP", .timeLimit(.minutes(1)))
struct AgentListenerTests {
  @Test func handshakeListAndCall() async throws {
    try await withListener { client, desk, _ in
      let greeting = try await client.post(AgentClient.initialize)
      #expect(greeting.status == 200)
      #expect(greeting.headers["content-type"] == "application/json")
      #expect(greeting.json?["result"]?["protocolVersion"]?.stringValue == "2025-11-25")
      #expect(greeting.json?["result"]?["instructions"]?.stringValue == "Trade with care.")
      let id = try #require(greeting.headers["mcp-session-id"])
      #expect(id.utf8.count == 32)

      let agent = try await client.initialized()
      let list = try await agent.post(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
      #expect(list.json?["result"]?["tools"]?.arrayValue?.count == 5)

      let read = try await agent.post(AgentClient.call("read", id: 7))
      #expect(read.status == 200)
      #expect(read.headers["content-type"] == "text/event-stream")
      #expect(read.events.map { $0["id"]?.intValue } == [7])
      #expect(
        read.events.first?["result"]?["content"]?.arrayValue?.first?["text"]?.stringValue
          == "read by tester")
      await desk.wait(for: "written true")

      let forwarded = try await agent.post(#"{"jsonrpc":"2.0","id":8,"method":"resources/list"}"#)
      #expect(forwarded.events.first?["result"]?["resources"] == [])
    }
  }

  @Test func eachUpstreamHasItsEndpoint() async throws {
    try await withListener { client, desk, _ in
      var other = client
      other.path = "/mcp/other"
      let agent = try await other.initialized()
      _ = try await agent.post(AgentClient.call("read"))
      #expect(desk.log.first == "call read by alpha at other")
      var wrong = agent
      wrong.path = "/mcp/bybit"
      #expect(try await wrong.post(AgentClient.call("read")).status == 404)
      for path in ["/", "/mcp/none", "/mcp/other/x", "/mcp/%6fther", "/MCP"] {
        wrong.path = path
        #expect(try await wrong.post(AgentClient.initialize).status == 404, "\(path)")
      }
    }
  }

  @Test func aToolErrorIsNoHTTPError() async throws {
    try await withListener { client, _, _ in
      let agent = try await client.initialized()
      let answer = try await agent.post(AgentClient.call("nothing"))
      #expect(answer.status == 200)
      #expect(answer.events.first?["error"]?["code"]?.intValue == -32602)
    }
  }

  @Test func progressComesBeforeTheAnswer() async throws {
    try await withListener { client, _, _ in
      let agent = try await client.initialized()
      let meta = #","_meta":{"progressToken":"p"}"#
      let answer = try await agent.post(AgentClient.call("steps", meta: meta))
      #expect(
        answer.events.map { $0["params"]?["progress"]?.intValue } == [1, 2, 3, nil])
      #expect(answer.events.last?["result"] != nil)
      let silent = try await agent.post(AgentClient.call("steps"))
      #expect(silent.events.count == 1)
    }
  }

  @Test func aHeldCallBlocksNoOtherAndStaysAlive() async throws {
    var limits = AgentLimits()
    limits.heartbeat = .milliseconds(100)
    limits.connectionIdle = .seconds(3)
    try await withListener(limits: limits) { client, desk, _ in
      let agent = try await client.initialized()
      let held = try await agent.open(AgentClient.call("hold", id: 5))
      await desk.wait(for: "held")
      #expect(try await agent.post(AgentClient.call("read", id: 6)).events.count == 1)
      // Fifty heartbeats are longer than an idle socket may live.
      try await held.read(until: "text/event-stream")
      try await held.read(until: ": \n\n", times: 50, within: .seconds(60))
      desk.release("countersigned")
      let text = try await held.read(until: "countersigned")
      #expect(text.contains(#""id":5"#))
      await desk.wait(for: "written true", count: 2)
      try await held.close()
    }
  }

  @Test func aClosedSocketIsReportedAndCancelsNothing() async throws {
    try await withListener { client, desk, _ in
      let agent = try await client.initialized()
      let held = try await agent.open(AgentClient.call("hold"))
      await desk.wait(for: "held")
      try await held.close()
      await desk.wait(for: "disconnected")
      #expect(!desk.log.contains("work cancelled"))
      desk.release()
      await desk.wait(for: "written false")
      #expect(try await agent.post(AgentClient.call("read")).status == 200)
    }
  }

  @Test func aHalfClosedSocketStillGetsItsAnswer() async throws {
    try await withListener { client, desk, _ in
      let agent = try await client.initialized()
      let held = try await agent.open(AgentClient.call("hold"))
      await desk.wait(for: "held")
      try await held.closeOutput()
      await desk.wait(for: "disconnected")
      desk.release("for the patient")
      #expect(try await held.readToEnd().contains("for the patient"))
      // Nobody can tell whether it was read.
      await desk.wait(for: "written false")
    }
  }

  @Test func aWithdrawnCallEndsWithoutAnAnswer() async throws {
    try await withListener { client, desk, _ in
      let agent = try await client.initialized()
      let held = try await agent.open(AgentClient.call("hold", id: 9))
      await desk.wait(for: "held")
      let cancel = try await agent.post(
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}"#)
      #expect(cancel.status == 202)
      let log = desk.log
      #expect(log.contains("cancelled"))
      await desk.wait(for: "work cancelled")
      #expect(!held.text.contains(#""id":9"#))
      // The same id is free again, on the same socket.
      try await held.send(agent.request(AgentClient.call("read", id: 9)))
      try await held.read(until: "read by tester")
      await desk.wait(for: "written true")
      #expect(desk.log.count { $0.hasPrefix("written") } == 1)
      try await held.close()
    }
  }

  @Test func changedToolsAreAnnounced() async throws {
    try await withListener { client, desk, _ in
      let agent = try await client.initialized()
      let stream = try await RawSocket.connect(port: client.port)
      try await stream.send(agent.head("GET"))
      try await stream.read(until: "text/event-stream")
      desk.replace(tools: ["read"])
      try await stream.read(until: "notifications/tools/list_changed")
      let list = try await agent.post(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
      #expect(list.json?["result"]?["tools"]?.arrayValue?.count == 1)
      // A second stream takes the first one's place.
      let second = try await RawSocket.connect(port: client.port)
      try await second.send(agent.head("GET"))
      try await second.read(until: "text/event-stream")
      try await stream.read(until: "0\r\n\r\n")
      try await stream.close()
      try await second.close()
    }
  }

  @Test func deleteEndsTheSession() async throws {
    try await withListener { client, desk, listener in
      let agent = try await client.initialized()
      let held = try await agent.open(AgentClient.call("hold"))
      await desk.wait(for: "held")
      #expect(try await agent.send("DELETE").status == 204)
      #expect(listener.sessionCount == 0)
      try await held.read(until: "0\r\n\r\n")
      await desk.wait(for: "disconnected")
      #expect(try await agent.post(AgentClient.call("read")).status == 404)
      #expect(try await agent.send("GET").status == 404)
      #expect(try await agent.send("DELETE").status == 404)
    }
  }

  @Test func anEndingListenerAnswersWhatIsOpen() async throws {
    let desk = FakeDesk()
    let kept = HeldSocket()
    try await withListener(desk) { client, desk, _ in
      let agent = try await client.initialized()
      await kept.keep(try await agent.open(AgentClient.call("hold", id: 3)))
      await desk.wait(for: "held")
    }
    let socket = try #require(await kept.socket)
    let text = try await socket.read(until: "The gateway is stopping")
    #expect(text.contains(#""isError":true"#) && text.contains(#""id":3"#))
    await desk.wait(for: "disconnected")
    await desk.wait(for: "work cancelled")
    #expect(!desk.log.contains("written true"))
  }
}

actor HeldSocket {
  private(set) var socket: RawSocket?
  func keep(_ socket: RawSocket) { self.socket = socket }
}
