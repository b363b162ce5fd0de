import JSON
import Testing

@testable import MCP

/// Transcripts: `>>` is what the upstream says, `<<` what the session wants done.
@Suite struct ClientSessionTests {
  private typealias Session = ClientSession

  private func fresh(pageLimit: Int = 3, toolLimit: Int = 5, callLimit: Int = 2) -> Session {
    Session(
      configuration: Session.Configuration(
        name: "countersign", version: "1", callLimit: callLimit, pageLimit: pageLimit,
        toolLimit: toolLimit))
  }

  private func hello(_ version: JSONValue, capabilities: JSONValue = ["tools": [:]]) -> RPCMessage {
    .result(
      .number(0),
      [
        "protocolVersion": version, "capabilities": capabilities,
        "serverInfo": ["name": "bybit", "version": "3"],
      ])
  }

  /// A session whose handshake and listing are done; the next id is 2.
  private func ready() -> Session {
    var session = fresh()
    _ = session.handle(.started)
    _ = session >> hello("2025-11-25")
    #expect(session >> .result(.number(1), ["tools": []]) == [.listed([])])
    return session
  }

  private let call = Session.Handle(rawValue: 70)
  private let other = Session.Handle(rawValue: 71)

  private func ask(
    _ handle: Session.Handle, reportsProgress: Bool = false,
    params: JSONObject = object(["name": "x", "arguments": [:]])
  ) -> Session.Event {
    .call(handle, method: "tools/call", params: params, reportsProgress: reportsProgress)
  }

  private func progress(_ token: JSONValue, _ value: JSONValue) -> RPCMessage {
    .notification("notifications/progress", object(["progressToken": token, "progress": value]))
  }

  private func page(_ names: [Text], next: JSONValue? = nil) -> JSONValue {
    var page = object([
      "tools": .array(names.map { ["name": .string($0), "inputSchema": [:]] })
    ])
    page["nextCursor"] = next
    return .object(page)
  }

  private func failure(_ effects: [Session.Effect]) -> MCPError.Code? {
    for effect in effects {
      switch effect {
      case .failed(let error), .notListed(let error): return error.code
      default: continue
      }
    }
    return nil
  }

  @Test(arguments: ["2025-06-18", "2025-11-25"])
  func `the handshake offers the latest revision and takes both`(_ spoken: String) throws {
    var session = fresh()
    #expect(
      session.handle(.started) == [
        .send(
          .request(
            .number(0), "initialize",
            object([
              "protocolVersion": "2025-11-25", "capabilities": [:],
              "clientInfo": ["name": "countersign", "version": "1"],
            ])))
      ])
    let identity = PeerIdentity(
      name: "bybit", version: "3", capabilities: object(["tools": [:]]),
      protocolVersion: try #require(ProtocolVersion(rawValue: spoken)))
    #expect(
      session >> hello(.string(spoken)) == [
        .send(.notification("notifications/initialized")), .ready(identity),
        .send(.request(.number(1), "tools/list")),
      ])
  }

  @Test(arguments: ["2024-11-05", "2025-03-26", "2026-07-28", ""])
  func `another revision ends the session with the reason`(_ spoken: String) {
    var session = fresh()
    _ = session.handle(.started)
    #expect(failure(session >> hello(.string(spoken))) == .version)
    #expect(session.handle(ask(call)).count == 1)
  }

  @Test func `a refused or malformed handshake ends the session`() {
    let answers: [(RPCMessage, MCPError.Code)] = [
      (.failure(.number(0), RPCError(.internalError, "no key")), .refused),
      (.result(.number(0), []), .malformed), (.result(.number(0), [:]), .malformed),
      (hello("2025-11-25", capabilities: []), .malformed),
    ]
    for (answer, code) in answers {
      var session = fresh()
      _ = session.handle(.started)
      #expect(failure(session >> answer) == code, "\(answer)")
    }
  }

  @Test func `calls before the handshake are not sent`() {
    var session = fresh()
    guard case .completed(call, .notSent(let error))? = session.handle(ask(call)).first else {
      Issue.record("sent")
      return
    }
    #expect(error.code == .notReady)
  }

  @Test func `a list is read to its end`() throws {
    var session = fresh()
    _ = session.handle(.started)
    _ = session >> hello("2025-11-25")
    #expect(
      session >> .result(.number(1), page(["a", "b"], next: "c1"))
        == [.send(.request(.number(2), "tools/list", object(["cursor": "c1"])))])
    guard case .listed(let tools)? = (session >> .result(.number(2), page(["c"]))).first else {
      Issue.record("not listed")
      return
    }
    #expect(tools.map(\.name) == ["a", "b", "c"])
  }

  @Test func `a list that does not end, repeats itself or is too long is refused`() {
    let scripts: [([JSONValue], MCPError.Code)] = [
      ([page(["a"], next: "1"), page(["b"], next: "1")], .limit),
      ([page([], next: "1"), page([], next: "2"), page([], next: "3")], .limit),
      ([page(["a", "b", "c", "d", "e", "f"])], .limit),
      ([page(["a"], next: "1"), page(["a"])], .malformed),
      ([page(["a"], next: 1)], .malformed),
      ([["tools": [["name": "a"]]]], .malformed), ([[:]], .malformed), ([[]], .malformed),
    ]
    for (pages, code) in scripts {
      var session = fresh()
      _ = session.handle(.started)
      _ = session >> hello("2025-11-25")
      var last: [Session.Effect] = []
      for (index, page) in pages.enumerated() {
        last = session >> .result(.number(index + 1), page)
      }
      #expect(failure(last) == code, "\(pages)")
    }
  }

  @Test func `a change while the list is read starts it again`() {
    var session = ready()
    let changed = RPCMessage.notification("notifications/tools/list_changed")
    #expect(session >> changed == [.send(.request(.number(2), "tools/list"))])
    #expect(session >> changed == [])
    #expect(
      session >> .result(.number(2), page(["old"], next: "c"))
        == [.send(.request(.number(3), "tools/list"))])
    #expect((session >> .result(.number(3), page(["new"]))).count == 1)
  }

  @Test func `answers find their calls in any order`() {
    var session = ready()
    let plain = object(["name": "x", "arguments": [:]])
    #expect(session.handle(ask(call)) == [.send(.request(.number(2), "tools/call", plain))])
    _ = session.handle(ask(other))
    #expect(
      session >> .result(.number(3), ["b": 1]) == [.completed(other, .result(object(["b": 1])))])
    let error = RPCError(RPCError.Code(rawValue: -1), "upstream's own")
    #expect(session >> .failure(.number(2), error) == [.completed(call, .error(error))])
    #expect(session.callsUnderWay == 0)
  }

  @Test func `a result that is no object leaves the outcome open`() {
    var session = ready()
    _ = session.handle(ask(call))
    guard case .completed(call, .lost)? = (session >> .result(.number(2), "done")).first else {
      Issue.record("taken for a result")
      return
    }
  }

  @Test func `answers nobody waits for are counted and dropped`() {
    var session = ready()
    _ = session.handle(ask(call))
    #expect((session >> .result(.number(2), [:])).count == 1)
    #expect(session >> .result(.number(2), ["again": true]) == [])
    #expect(session >> .result(.number(99), [:]) == [])
    #expect(session >> .result(.string("2"), [:]) == [])
    #expect(session >> .failure(nil, RPCError(.parse, "what?")) == [])
    #expect(session.drops == Session.Drops(late: 1, unknown: 3))
  }

  @Test func `progress finds its call, rises and ends with it`() {
    var session = ready()
    let sent = object(["name": "x", "_meta": ["progressToken": 2, "kept": 1]])
    let asked = object(["name": "x", "_meta": ["progressToken": "theirs", "kept": 1]])
    #expect(
      session.handle(ask(call, reportsProgress: true, params: asked))
        == [.send(.request(.number(2), "tools/call", sent))])
    #expect(session >> progress(2, 1) == [.progressed(call, Progress(step: 1))])
    #expect(session >> progress(2, 1) == [])
    #expect(session >> progress("2", 5) == [])
    #expect(session >> progress(2, "5") == [])
    _ = session >> .result(.number(2), [:])
    #expect(session >> progress(2, 9) == [])
    #expect(session.drops.stray == 4)
  }

  @Test func `a token of somebody else never reaches the upstream`() {
    var session = ready()
    let asked = object(["name": "x", "_meta": ["progressToken": "theirs"]])
    #expect(
      session.handle(ask(call, params: asked))
        == [.send(.request(.number(2), "tools/call", object(["name": "x"])))])
    #expect(session >> progress(2, 1) == [])
  }

  @Test func `a cancelled call ends at once and its answer is late`() {
    var session = ready()
    _ = session.handle(ask(call))
    #expect(
      session.handle(.cancel(call, reason: "withdrawn")) == [
        .send(
          .notification(
            "notifications/cancelled", object(["requestId": 2, "reason": "withdrawn"]))),
        .completed(call, .cancelled),
      ])
    #expect(session.handle(.cancel(call, reason: nil)) == [])
    #expect(session >> .result(.number(2), [:]) == [])
    #expect(session.drops.late == 1)
  }

  @Test func `past the limit a call is not sent`() {
    var session = ready()
    _ = session.handle(ask(call))
    _ = session.handle(ask(other))
    let third = Session.Handle(rawValue: 72)
    guard case .completed(third, .notSent(let error))? = session.handle(ask(third)).first else {
      Issue.record("sent")
      return
    }
    #expect(error.code == .limit)
  }

  @Test(arguments: ["roots/list", "sampling/createMessage", "elicitation/create"] as [Text])
  func `requests of the upstream are refused`(_ method: Text) {
    var session = ready()
    guard
      case .send(.response(let response))? =
        (session >> .request(.string("u"), method)).first,
      case .error(let error) = response.outcome
    else {
      Issue.record("not refused")
      return
    }
    #expect(error.code == .methodNotFound)
    #expect(session >> .request(.number(1), "ping") == [.send(.result(.number(1), [:]))])
  }

  @Test func `a line that is no message is answered only where it has an id`() {
    var session = ready()
    let log = RPCRefusal(RPCError(.parse, "not JSON"))
    let broken = RPCRefusal(id: .number(4), RPCError(.invalidRequest, "no method"))
    #expect(session.handle(.malformed(log)) == [])
    #expect(
      session.handle(.malformed(broken)) == [.send(.failure(.number(4), broken.error))])
    #expect(session.drops.malformed == 2)
  }

  @Test func `when the process ends every call is lost, in order`() {
    var session = ready()
    _ = session.handle(ask(other))
    _ = session.handle(ask(call))
    let error = MCPError(.closed, "the upstream ended: exit 1")
    #expect(
      session.handle(.closed(reason: "exit 1"))
        == [.completed(call, .lost(error)), .completed(other, .lost(error)), .failed(error)])
    #expect(session.handle(.closed(reason: "again")) == [])
    #expect(session.handle(ask(call)) == [.completed(call, .notSent(error))])
    #expect(session.state == .failed(error))
  }
}

private func >> (session: inout ClientSession, message: RPCMessage) -> [ClientSession.Effect] {
  session.handle(.received(message))
}
