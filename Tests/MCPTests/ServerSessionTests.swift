import JSON
import Testing

@testable import MCP

/// Transcripts: `>>` is what the client or the owner says, `<<` what the session wants done.
@Suite struct ServerSessionTests {
  private typealias Session = ServerSession

  private func fresh(
    tools: [ToolDefinition] = [], capabilities: JSONObject = JSONObject(), pageSize: Int = 2,
    requestLimit: Int = 3
  ) -> Session {
    Session(
      configuration: Session.Configuration(
        name: "countersign", version: "1", capabilities: capabilities, pageSize: pageSize,
        requestLimit: requestLimit), tools: tools)
  }

  private func ready(
    tools: [ToolDefinition] = [], capabilities: JSONObject = JSONObject()
  ) -> Session {
    var session = fresh(tools: tools, capabilities: capabilities)
    _ = session >> initialize("2025-11-25")
    _ = session >> .notification("notifications/initialized")
    #expect(session.state == .ready(.november2025))
    return session
  }

  private func initialize(_ version: JSONValue, id: RPCID = .number(0)) -> RPCMessage {
    .request(
      id, "initialize",
      object([
        "protocolVersion": version, "capabilities": [:],
        "clientInfo": ["name": "probe", "version": "2"],
      ]))
  }

  private func call(_ id: RPCID, _ name: Text = "x", token: RPCID? = nil) -> RPCMessage {
    var params = object(["name": .string(name)])
    if let token { params["_meta"] = ["progressToken": token.json] }
    return .request(id, "tools/call", params)
  }

  private func cancelled(_ id: RPCID) -> RPCMessage {
    .notification(
      "notifications/cancelled", object(["requestId": id.json, "reason": "changed my mind"]))
  }

  private func started(_ effects: [Session.Effect]) throws -> Session.Ticket {
    guard case .start(let ticket, _, _)? = effects.first else {
      throw RPCError(.internalError, "nothing was started: \(effects)")
    }
    return ticket
  }

  private func code(_ effects: [Session.Effect]) -> RPCError.Code? {
    guard effects.count == 1, case .answer(.response(let response)) = effects[0],
      case .error(let error) = response.outcome
    else { return nil }
    return error.code
  }

  @Test(arguments: [
    ("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("2025-03-26", "2025-06-18"),
    ("2024-11-05", "2025-11-25"), ("2026-07-28", "2025-11-25"), ("nonsense", "2025-11-25"),
  ])
  func `the revision is negotiated`(_ asked: String, _ answered: String) throws {
    var session = fresh()
    let effects = session >> initialize(.string(asked))
    let version = try #require(ProtocolVersion(rawValue: answered))
    #expect(
      effects == [
        .greeted(PeerIdentity(name: "probe", version: "2", protocolVersion: version)),
        .answer(
          .result(
            .number(0),
            [
              "protocolVersion": .string(answered),
              "capabilities": ["tools": ["listChanged": true]],
              "serverInfo": ["name": "countersign", "version": "1"],
            ])),
      ])
    #expect(session.state == .greeted(version))
  }

  @Test func `before initialize only ping is served`() {
    var session = fresh()
    #expect(session >> .request(.number(1), "ping") == [.answer(.result(.number(1), [:]))])
    #expect(code(session >> .request(.number(2), "tools/list")) == .invalidRequest)
    #expect(code(session >> call(.number(3))) == .invalidRequest)
    #expect(code(session >> .request(.number(4), "server/discover")) == .unsupportedVersion)
    #expect(session.state == .new)
  }

  @Test func `initialize happens once and needs its parameters`() {
    var session = fresh()
    #expect(code(session >> .request(.number(1), "initialize")) == .invalidParams)
    #expect(code(session >> initialize(1)) == .invalidParams)
    #expect((session >> initialize("2025-11-25")).count == 2)
    #expect(code(session >> initialize("2025-11-25", id: .number(9))) == .invalidRequest)
    #expect(session >> cancelled(.number(0)) == [])
    #expect(session.version == .november2025)
  }

  @Test func `tools come in pages and a cursor belongs to its list`() throws {
    var session = ready(tools: try tools(5))
    func names(_ cursor: JSONValue?) -> ([Text], JSONValue?) {
      var params = JSONObject()
      params["cursor"] = cursor
      guard
        case .answer(.response(let response))? =
          (session >> .request(.number(1), "tools/list", params)).first,
        case .result(let page) = response.outcome
      else { return ([], nil) }
      return (
        (page["tools"]?.arrayValue ?? []).compactMap { $0["name"]?.textValue },
        page["nextCursor"]
      )
    }
    let (first, one) = names(nil)
    let (second, two) = names(one)
    let (third, end) = names(two)
    #expect(first + second + third == ["tool0", "tool1", "tool2", "tool3", "tool4"])
    #expect(end == nil)
    for bad: JSONValue in ["0.0", "0.1", "9.2", "0.02", "", 2, nil] {
      let list = RPCMessage.request(.number(1), "tools/list", object(["cursor": bad]))
      #expect(code(session >> list) == .invalidParams, "\(bad)")
    }
    let changed = session.handle(.toolsChanged(try tools(6)))
    #expect(changed == [.announce(.notification("notifications/tools/list_changed"))])
    #expect(session.handle(.toolsChanged(try tools(6))) == [])
    #expect(names(one).0 == [])
  }

  @Test func `a call is started, moves on and is answered once`() throws {
    var session = ready()
    let effects = session >> call(.string("a"), "createOrder", token: .string("t"))
    let ticket = try started(effects)
    let work = Session.Work.callTool(
      ToolCall(name: "createOrder", progressToken: .string("t"), meta: JSONObject()))
    #expect(effects == [.start(ticket, work, reportsProgress: true)])
    let step = Progress(step: 1, of: 2, message: "waiting")
    #expect(
      session.handle(.progressed(ticket, step)) == [
        .relay(
          ticket,
          .notification(
            "notifications/progress",
            object(["progressToken": "t", "progress": 1, "total": 2, "message": "waiting"])))
      ])
    #expect(session.handle(.progressed(ticket, step)) == [], "progress must rise")
    let done = Session.Event.finished(ticket, .result(["content": []]))
    #expect(session.handle(done) == [.finish(ticket, .result(.string("a"), ["content": []]))])
    #expect(session.handle(done) == [])
    #expect(session.handle(.progressed(ticket, Progress(step: 2))) == [])
    #expect(session.dropped == 3)
  }

  @Test func `an id or token under way is not taken twice`() throws {
    var session = ready()
    let ticket = try started(session >> call(.number(1), token: .number(7)))
    #expect(code(session >> call(.number(1))) == .invalidRequest)
    #expect(code(session >> .request(.number(1), "ping")) == .invalidRequest)
    #expect(code(session >> call(.number(2), token: .number(7))) == .invalidParams)
    #expect(session.tickets == [ticket])
    _ = session.handle(.finished(ticket, .result([:])))
    #expect(try started(session >> call(.number(1), token: .number(7))) != ticket)
  }

  @Test func `work that was cancelled is never answered, not even under a reused id`() throws {
    var session = ready()
    let first = try started(session >> call(.number(1)))
    #expect(session >> cancelled(.number(1)) == [.stop(first, reason: "changed my mind")])
    #expect(session >> cancelled(.number(1)) == [])
    let second = try started(session >> call(.number(1)))
    #expect(session.handle(.finished(first, .result(["old": true]))) == [])
    #expect(
      session.handle(.finished(second, .result([:])))
        == [.finish(second, .result(.number(1), [:]))])
  }

  @Test func `past the limit a call gets a result and other requests an error`() throws {
    var session = ready(capabilities: object(["resources": [:]]))
    for id in 1...3 { _ = try started(session >> call(.number(id))) }
    let effects = session >> call(.number(4))
    guard case .answer(.response(let response))? = effects.first,
      case .result(let result) = response.outcome
    else {
      Issue.record("\(effects)")
      return
    }
    #expect(ToolResult(upstream: result)?.isError == true)
    #expect(code(session >> .request(.number(5), "resources/list")) == .internalError)
    #expect(session >> .request(.number(6), "ping") == [.answer(.result(.number(6), [:]))])
  }

  @Test func `methods of declared capabilities go to the upstream without the token`() throws {
    var session = ready(capabilities: object(["resources": [:]]))
    let read = RPCMessage.request(
      .number(1), "resources/read",
      object(["uri": "file:///a", "_meta": ["progressToken": 4, "kept": 1]]))
    let effects = session >> read
    let ticket = try started(effects)
    let params = object(["uri": "file:///a", "_meta": ["kept": 1]])
    #expect(
      effects == [
        .start(ticket, .forward(method: "resources/read", params: params), reportsProgress: true)
      ])
    let error = RPCError(.invalidParams, "no such file")
    #expect(
      session.handle(.finished(ticket, .error(error)))
        == [.finish(ticket, .failure(.number(1), error))])
  }

  @Test(
    arguments: [
      "prompts/list", "logging/setLevel", "completion/complete", "tasks/get", "resources/write",
      "Tools/list", "tools/call ", "elicitation/create",
    ] as [Text])
  func `everything else does not exist`(_ method: Text) {
    var session = ready(capabilities: object(["resources": [:]]))
    #expect(code(session >> .request(.number(1), method)) == .methodNotFound)
  }

  @Test func `malformed calls are errors of the protocol and start nothing`() {
    var session = ready()
    for text in [
      #"{"name":"x","arguments":"{}"}"#, #"{"name":"x","arguments":[]}"#,
      #"{"name":"x","Arguments":{}}"#, #"{"arguments":{}}"#,
    ] {
      let line = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"# + text + "}"
      #expect(code(session >> message(line)) == .invalidParams, "\(text)")
    }
    #expect(session.tickets == [])
  }

  @Test func `notifications of the upstream pass where the capability is declared`() {
    var session = ready(capabilities: object(["logging": [:]]))
    let log = RPCNotification(method: "notifications/message", params: object(["data": "a"]))
    let updated = RPCNotification(method: "notifications/resources/updated")
    #expect(session.handle(.upstreamNotified(log)) == [.announce(.notification(log))])
    #expect(session.handle(.upstreamNotified(updated)) == [])
  }

  @Test func `after the end nothing happens any more`() throws {
    var session = ready()
    let ticket = try started(session >> call(.number(1)))
    #expect(session.handle(.closed) == [])
    #expect(session >> .request(.number(2), "ping") == [])
    #expect(session.handle(.finished(ticket, .result([:]))) == [])
    #expect(session.tickets == [])
  }
}

private func >> (session: inout ServerSession, message: RPCMessage) -> [ServerSession.Effect] {
  session.handle(.received(message))
}
