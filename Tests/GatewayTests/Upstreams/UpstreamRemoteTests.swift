import Approvals
import JSON
import MCP
import Networking
import StreamableHTTP
import Synchronization
import Testing

@testable import Gateway

@Suite("Upstreams: one session over HTTP", .timeLimit(.minutes(1)))
struct UpstreamRemoteTests {
  typealias Request = ScriptedMCPServer.Request
  typealias Answer = ScriptedMCPServer.Answer

  /// What a call of a tool is answered with.
  struct Tools {
    let play: @Sendable (Request) -> Answer
  }

  static func event(_ message: JSONValue, id: String? = nil) -> String {
    (id.map { "id: \($0)\n" } ?? "") + "data: \(JSONWriter.text(of: message))\n\n"
  }

  static func result(_ request: Request, _ text: String) -> JSONValue {
    [
      "jsonrpc": "2.0", "id": .int(request.id),
      "result": ["content": [["type": "text", "text": .string(text)]]],
    ]
  }

  /// What every server must answer; calls of tools are the test's own.
  static func script(
    listening: Answer = .status(405), _ tools: @escaping @Sendable (Request) -> Answer
  ) -> ScriptedMCPServer.Script {
    { request in
      switch (request.verb, request.method) {
      case ("GET", _): return request.header("Last-Event-ID") == nil ? listening : tools(request)
      case ("DELETE", _): return .status(204)
      case (_, "initialize"):
        return .json(
          [
            "jsonrpc": "2.0", "id": .int(request.id),
            "result": [
              "protocolVersion": "2025-11-25", "capabilities": ["tools": [:]],
              "serverInfo": ["name": "remote", "version": "1"],
            ],
          ], headers: ["Mcp-Session-Id: s-1"])
      case (_, "tools/list"):
        return .json([
          "jsonrpc": "2.0", "id": .int(request.id),
          "result": ["tools": [["name": "echo", "inputSchema": ["type": "object"]]]],
        ])
      case (_, "tools/call"): return tools(request)
      default: return .status(202)
      }
    }
  }

  static func configuration(_ port: Int) throws -> RemoteUpstreamConfiguration {
    RemoteUpstreamConfiguration(
      name: "remote", url: try WebURL("http://127.0.0.1:\(port)/mcp"),
      headers: ["Authorization": "Bearer k"], version: "1", handshakeTime: .seconds(20))
  }

  private func withRemote(
    listening: Answer = .status(405), asksClients: Bool = true,
    _ tools: Tools, _ body: (UpstreamRemote, ScriptedMCPServer) async throws -> Void
  ) async throws {
    let server = try await ScriptedMCPServer.start(Self.script(listening: listening, tools.play))
    let (logger, _) = boxedLogger()
    let remote = try await UpstreamRemote.start(
      try Self.configuration(server.port), asksClients: asksClients, logger: logger)
    do {
      try await body(remote, server)
    } catch {
      await remote.terminate()
      throw error
    }
    await remote.terminate()
    await server.stop()
  }

  @Test func answersWithHeadersOfTheSession() async throws {
    try await withRemote(Tools { .json(Self.result($0, "hello")) }) { remote, server in
      #expect(remote.identity?.name == "remote")
      #expect(remote.tools.map(\.name) == ["echo"])
      #expect(await remote.call(ToolCall(name: "echo")).text == "hello")
      let call = try #require(server.requests("echo").first)
      #expect(call.header("Authorization") == "Bearer k")
      #expect(call.header("Mcp-Session-Id") == "s-1")
      #expect(call.header("MCP-Protocol-Version") == "2025-11-25")
      #expect(call.header("Accept") == "application/json, text/event-stream")
      let hello = try #require(server.requests("initialize").first)
      #expect(hello.header("Mcp-Session-Id") == nil)
      // The handshake is over before anything else is asked.
      #expect(
        server.log.prefix(2) == ["initialize", "notifications/initialized"])
    }
  }

  @Test func theEndIsToldToTheServer() async throws {
    try await withRemote(Tools { .json(Self.result($0, "hello")) }) { remote, server in
      await remote.terminate()
      #expect(server.requests("DELETE").first?.header("Mcp-Session-Id") == "s-1")
      #expect(await remote.call(ToolCall(name: "echo")).kind == "notSent")
      #expect(!remote.isOpen)
    }
  }

  @Test func aStreamBringsProgressAndTheAnswer() async throws {
    try await withRemote(
      Tools { request in
        let token = request.body?["params"]?["_meta"]?["progressToken"] ?? .null
        return .stream([
          Self.event([
            "jsonrpc": "2.0", "method": "notifications/progress",
            "params": ["progressToken": token, "progress": 1],
          ]), ": a comment\n\n", "event: ping\ndata: not a message\n\n",
          Self.event(Self.result(request, "done")),
        ])
      }
    ) { remote, _ in
      let steps = Mutex<[String]>([])
      let done = await remote.call(ToolCall(name: "echo")) { progress in
        steps.withLock { $0.append(progress.progress.text) }
      }
      #expect(done.text == "done")
      #expect(steps.withLock { $0 } == ["1"])
    }
  }

  @Test func aBrokenStreamIsResumed() async throws {
    let asked = Mutex<Request?>(nil)
    try await withRemote(
      Tools { request in
        guard request.header("Last-Event-ID") == "e-1", let call = asked.withLock({ $0 }) else {
          asked.withLock { $0 = request }
          return .stream(["id: e-1\nretry: 1\ndata: \n\n"])
        }
        return .stream([Self.event(Self.result(call, "resumed"), id: "e-2")])
      }
    ) { remote, server in
      #expect(await remote.call(ToolCall(name: "echo")).text == "resumed")
      #expect(server.requests("echo").count == 1)
    }
  }

  @Test(arguments: [
    Answer.cut, .stream([]), .status(202), .status(500), .status(401), .json(["no": "message"]),
    .json(["jsonrpc": "2.0", "id": 99, "result": [:]]), .stream(["data: not json\n\n"]),
  ])
  func whatGivesNoAnswerIsLostAndNotRepeated(_ answer: Answer) async throws {
    try await withRemote(Tools { _ in answer }) { remote, server in
      #expect(await remote.call(ToolCall(name: "echo")).kind == "lost")
      #expect(server.requests("echo").count == 1)
      #expect(remote.isOpen)
    }
  }

  @Test func anErrorOfTheServerIsItsAnswer() async throws {
    try await withRemote(
      Tools { request in
        .json([
          "jsonrpc": "2.0", "id": .int(request.id),
          "error": ["code": -32602, "message": "no such tool"],
        ])
      }
    ) { remote, _ in
      #expect(await remote.call(ToolCall(name: "echo")).kind == "error")
    }
  }

  @Test func aForgottenSessionEndsAndLosesWhatIsUnderWay() async throws {
    try await withRemote(Tools { $0.tool == "hang" ? .silence : .status(404) }) { remote, server in
      async let waiting = remote.call(ToolCall(name: "hang"))
      await server.wait(for: "hang")
      #expect(await remote.call(ToolCall(name: "echo")).kind == "lost")
      #expect(await waiting.kind == "lost")
      #expect(!remote.isOpen)
      var last: UpstreamEvent?
      for await event in remote.events { last = event }
      guard case .closed(let error) = last else {
        Issue.record("not closed: \(String(describing: last))")
        return
      }
      #expect(error.message.contains("ended the session"))
      #expect(server.requests("DELETE").isEmpty)
    }
  }

  @Test func noServerMeansNotSent() async throws {
    try await withRemote(Tools { .json(Self.result($0, "hello")) }) { remote, server in
      await server.stop()
      #expect(await remote.call(ToolCall(name: "echo")).kind == "notSent")
    }
  }

  @Test func aCancelledCallIsToldToTheServer() async throws {
    try await withRemote(Tools { _ in .silence }) { remote, server in
      let call = Task { await remote.call(ToolCall(name: "hang")) }
      await server.wait(for: "hang")
      call.cancel()
      #expect(await call.value.kind == "cancelled")
      await server.wait(for: "notifications/cancelled")
      let id = server.requests("hang").first?.id
      let note = server.requests("notifications/cancelled").first?.body
      #expect(note?["params"]?["requestId"]?.intValue == id)
    }
  }

  @Test func whatTheServerSaysByItselfIsHeard() async throws {
    let updated: JSONValue = [
      "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": ["uri": "a:b"],
    ]
    try await withRemote(
      listening: .stream([Self.event(updated)], closes: false), Tools { _ in .silence }
    ) { remote, _ in
      for await event in remote.events {
        guard case .notified(let notification) = event else { continue }
        #expect(notification.method == "notifications/resources/updated")
        break
      }
    }
  }

  @Test func aQuestionOfACallReachesItsClientAndTheAnswerTheServer() async throws {
    let question: JSONValue = [
      "jsonrpc": "2.0", "id": "q", "method": "sampling/createMessage", "params": ["maxTokens": 1],
    ]
    try await withRemote(Tools { _ in .stream([Self.event(question)], closes: false) }) {
      remote, server in
      let client = UpstreamClient(
        owner: ClientSession.Owner(rawValue: 1), notify: { _ in },
        ask: { method, params in .result(["asked": .string(method)]) })
      let call = Task { await remote.call(ToolCall(name: "echo"), client: client) }
      await server.wait(for: "answer")
      let answer = server.requests("answer").first?.body
      #expect(answer?["id"] == "q")
      #expect(answer?["result"]?["asked"] == "sampling/createMessage")
      call.cancel()
      _ = await call.value
    }
  }

  @Test func whoSendsHeldCallsIsNotAsked() async throws {
    let question: JSONValue = ["jsonrpc": "2.0", "id": "q", "method": "roots/list"]
    try await withRemote(
      asksClients: false, Tools { _ in .stream([Self.event(question)], closes: false) }
    ) { remote, server in
      let hello = try #require(server.requests("initialize").first)
      #expect(hello.body?["params"]?["capabilities"] == [:])
      let call = Task { await remote.call(ToolCall(name: "echo")) }
      await server.wait(for: "answer")
      #expect(
        server.requests("answer").first?.body?["error"]?["code"]?.intValue == -32601)
      call.cancel()
      _ = await call.value
    }
  }

  @Test func aServerThatRefusesTheHandshakeSaysWhy() async throws {
    let server = try await ScriptedMCPServer.start { _ in .status(401) }
    let (logger, _) = boxedLogger()
    await #expect(throws: UpstreamError.self) {
      _ = try await UpstreamRemote.start(
        try Self.configuration(server.port), logger: logger)
    }
    await server.stop()
  }

  @Test func httpsWithoutTLSIsNotTried() async throws {
    let (logger, _) = boxedLogger()
    let configuration = RemoteUpstreamConfiguration(
      name: "remote", url: try WebURL("https://127.0.0.1:9/mcp"), version: "1")
    do {
      _ = try await UpstreamRemote.start(configuration, logger: logger)
      Issue.record("connected")
    } catch {
      #expect(error.message.contains("needs TLS"))
    }
  }
}

@Suite("Upstreams: a lane over HTTP", .timeLimit(.minutes(1)))
struct RemoteLaneTests {
  @Test func theRecordedNameOutlivesTheProcess() throws {
    let lane = LaneIdentity.newRemote()
    #expect(LaneIdentity(text: lane.text) == lane)
    #expect(LaneIdentity.newRemote() != lane)
    #expect(LaneIdentity(text: "nonsense") == nil)
  }

  @Test func absenceIsNeverConcludedOverHTTP() throws {
    let document = #"""
      {"state": "s", "policy": "p", "upstreams": {
       "near": {"command": ["server"]}, "far": {"url": "https://example.com/mcp"}}}
      """#
    let settings = GateSettings(
      try Configuration(document: Array(document.utf8), directory: "/x"))
    #expect(settings.canConcludeAbsence == ["near": true, "far": false])
  }
}

@Suite("Configuration: an upstream over HTTP")
struct RemoteConfigurationTests {
  private func upstream(_ json: String) throws -> Configuration.Upstream {
    let document = #"{"state": "s", "policy": "p", "upstreams": {"u": \#(json)}}"#
    let all = try Configuration(document: Array(document.utf8), directory: "/x").upstreams
    return try #require(all.first)
  }

  @Test func urlAndHeadersAreRead() throws {
    let read = try upstream(
      #"""
      {"url": "https://example.com/mcp", "headers": {
       "Authorization": {"env": "TOKEN"}, "X-Api-Key": {"file": "key"}, "X-Plain": "plain"}}
      """#)
    #expect(read.url == "https://example.com/mcp" && read.command.isEmpty)
    #expect(read.headers.map(\.name) == ["Authorization", "X-Api-Key", "X-Plain"])
    #expect(
      read.headers.map(\.value) == [
        .secret(.environment("TOKEN")), .secret(.file("/x/key")), .plain("plain"),
      ])
  }

  @Test(arguments: [
    #"{}"#, #"{"url": "https://a/", "command": ["x"]}"#, #"{"url": "http://example.com/mcp"}"#,
    #"{"url": "ftp://a/"}"#, #"{"url": "https://a/", "env": {}}"#,
    #"{"command": ["x"], "headers": {}}"#, #"{"url": "wss://a/"}"#,
    #"{"url": "https://user@a/"}"#,
    #"{"url": "https://a/", "headers": {"Authorization": "Bearer literal"}}"#,
    #"{"url": "https://a/", "headers": {"X-My-Token": "literal"}}"#,
    #"{"url": "https://a/", "headers": {"Cookie": "a=b"}}"#,
    #"{"url": "https://a/", "headers": {"Host": "b"}}"#,
    #"{"url": "https://a/", "headers": {"mcp-session-id": "b"}}"#,
    #"{"url": "https://a/", "headers": {"MCP-Protocol-Version": "b"}}"#,
    #"{"url": "https://a/", "headers": {"Accept": "b"}}"#,
    #"{"url": "https://a/", "headers": {"Content-Length": "1"}}"#,
    #"{"url": "https://a/", "headers": {"X-A": "b\r\nX-B: c"}}"#,
    #"{"url": "https://a/", "headers": {"X-A": "b\u0000"}}"#,
    #"{"url": "https://a/", "headers": {"X A": "b"}}"#,
    #"{"url": "https://a/", "headers": {"": "b"}}"#,
    #"{"url": "https://a/", "headers": {"X-A": 1}}"#,
    #"{"url": "https://a/", "headers": {"X-B": "b", "x-b": "c"}}"#,
  ])
  func whatIsNotSafeIsRefused(_ json: String) {
    #expect(throws: (any Error).self) { try upstream(json) }
  }

  @Test func plainHTTPIsForThisMachine() throws {
    for url in ["http://127.0.0.1:9/mcp", "http://localhost/mcp", "http://[::1]:9/mcp"] {
      #expect(try upstream(#"{"url": "\#(url)"}"#).url == url)
    }
  }

  @Test func aSecretWithALineBreakIsRefusedWithoutBeingShown() throws {
    let read = try upstream(
      #"{"url": "https://a/mcp", "headers": {"Authorization": {"env": "TOKEN"}}}"#)
    do {
      _ = try UpstreamSource(read, ["TOKEN": "a\r\nX-Evil: b"], NoConnectionSecurity())
      Issue.record("taken")
    } catch {
      #expect("\(error)".contains("Authorization") && !"\(error)".contains("Evil"))
    }
  }
}
