import JSON
import MCP
import Testing

@testable import Gateway

@Suite("Agents: what a client is asked", .timeLimit(.minutes(1)))
struct ClientQuestionTests {
  /// A client in a session of its own that can be asked for its roots, or for nothing.
  private func initialized(_ client: AgentClient, roots: Bool = true) async throws -> AgentClient {
    let capabilities = roots ? #"{"roots":{}}"# : "{}"
    let answer = try await client.post(
      #"""
      {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
      "capabilities":\#(capabilities),"clientInfo":{"name":"tester","version":"1"}}}
      """#)
    var copy = client
    let id: String = try #require(answer.headers["mcp-session-id"])
    copy.session = id
    return copy
  }

  @Test func itIsAskedOnTheStreamOfItsCall() async throws {
    try await withListener { client, _, _ in
      let client = try await initialized(client)
      let socket = try await client.open(AgentClient.call("ask", id: 7))
      _ = try await socket.read(
        until: #"{"jsonrpc":"2.0","id":1,"method":"roots/list","params":{"x":1}}"#)
      let taken = try await client.post(#"{"jsonrpc":"2.0","id":1,"result":{"roots":[]}}"#)
      #expect(taken.status == 202)
      _ = try await socket.read(until: #"{\"roots\":[]}"#)
      try await socket.close()
    }
  }

  @Test func aClientWithoutTheCapabilityIsNotAsked() async throws {
    try await withListener { client, _, _ in
      let client = try await initialized(client, roots: false)
      let answer = try await client.post(AgentClient.call("ask"))
      #expect(answer.events.count == 1)
      #expect(answer.body.contains("did not declare the capability"))
    }
  }

  @Test func aClientThatDoesNotAnswerIsNotWaitedForWithoutEnd() async throws {
    var limits = AgentLimits()
    limits.questionTime = .milliseconds(20)
    try await withListener(limits: limits) { client, _, _ in
      let client = try await initialized(client)
      let answer = try await client.post(AgentClient.call("ask"))
      #expect(
        answer.events.map { $0["method"]?.stringValue ?? "answer" }
          == ["roots/list", "notifications/cancelled", "answer"])
      #expect(answer.body.contains("did not answer within"))
    }
  }

  @Test func theEndOfTheSessionIsAnAnswer() async throws {
    try await withListener { client, desk, _ in
      let client = try await initialized(client)
      let socket = try await client.open(AgentClient.call("ask"))
      _ = try await socket.read(until: "roots/list")
      #expect(try await client.send("DELETE").status == 204)
      // The work ends, or the listener could not.
      try await socket.close()
    }
  }

  @Test func aNotificationAboutACallIsOnItsStream() async throws {
    try await withListener { client, _, _ in
      let client = try await initialized(client)
      let answer = try await client.post(AgentClient.call("log"))
      #expect(
        answer.events.map { $0["method"]?.stringValue ?? "answer" }
          == ["notifications/message", "answer"])
    }
  }
}
