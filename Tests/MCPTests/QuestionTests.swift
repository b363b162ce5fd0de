import JSON
import Testing

@testable import MCP

/// What an upstream asks of clients: whose it is, and what becomes of it.
@Suite struct UpstreamQuestionTests {
  private typealias Session = ClientSession
  private let first = Session.Handle(rawValue: 1)
  private let second = Session.Handle(rawValue: 2)
  private let ada = Session.Owner(rawValue: 10)
  private let bob = Session.Owner(rawValue: 20)
  private let sampling = RPCMessage.request(
    .string("q"), "sampling/createMessage", object(["maxTokens": 5]))

  /// A session that may ask, with calls of these owners under way; their ids start at 2.
  private func session(_ owners: [Session.Owner?], asks: Bool = true, limit: Int = 16) -> Session {
    var session = Session(
      configuration: Session.Configuration(
        name: "countersign", version: "1", asksClients: asks, questionLimit: limit))
    _ = session.handle(.started)
    _ = session.handle(
      .received(
        .result(
          .number(0), ["protocolVersion": "2025-11-25", "capabilities": ["tools": [:]]])))
    _ = session.handle(.received(.result(.number(1), ["tools": []])))
    for (number, owner) in owners.enumerated() {
      _ = session.handle(
        .call(
          Session.Handle(rawValue: UInt64(number + 1)), method: "tools/call", params: JSONObject(),
          reportsProgress: false, owner: owner))
    }
    return session
  }

  private func asked(_ question: UInt64, _ handle: Session.Handle) -> Session.Effect {
    .asked(
      Session.Question(rawValue: question), handle, method: "sampling/createMessage",
      params: object(["maxTokens": 5]))
  }

  private func refusal(_ effects: [Session.Effect]) -> RPCError.Code? {
    guard effects.count == 1, case .send(.response(let response)) = effects[0],
      case .error(let error) = response.outcome
    else { return nil }
    return error.code
  }

  @Test func `the capabilities are declared only where clients may be asked`() {
    for asks in [true, false] {
      var session = Session(
        configuration: Session.Configuration(name: "c", version: "1", asksClients: asks))
      guard case .send(.request(let hello))? = session.handle(.started).first else {
        Issue.record("no greeting")
        return
      }
      let declared: JSONValue =
        asks ? ["elicitation": [:], "roots": [:], "sampling": [:]] : [:]
      #expect(hello.params?["capabilities"] == declared)
    }
  }

  @Test func `on one connection all calls must be of one session`() {
    var alone = session([ada, ada])
    #expect(alone.handle(.received(sampling)) == [asked(1, second)])
    for owners in [[ada, bob], [ada, nil], [nil], []] as [[Session.Owner?]] {
      var several = session(owners)
      #expect(refusal(several.handle(.received(sampling))) == .invalidRequest, "\(owners)")
    }
  }

  @Test func `an event stream tells whose it is`() {
    var several = session([ada, bob, nil])
    #expect(several.handle(.received(sampling, on: .number(2))) == [asked(1, first)])
    let other = RPCMessage.request(
      .string("q2"), "sampling/createMessage", object(["maxTokens": 5]))
    #expect(several.handle(.received(other, on: .number(3))) == [asked(2, second)])
    #expect(refusal(several.handle(.received(other, on: .number(4)))) == .invalidRequest)
    #expect(refusal(several.handle(.received(other, on: .number(9)))) == .invalidRequest)
  }

  @Test func `who sends held calls asks nobody`() {
    var lane = session([ada], asks: false)
    #expect(refusal(lane.handle(.received(sampling))) == .methodNotFound)
    #expect(refusal(lane.handle(.received(sampling, on: .number(2)))) == .methodNotFound)
  }

  @Test func `the answer goes back once`() {
    var session = session([ada])
    _ = session.handle(.received(sampling))
    let question = Session.Question(rawValue: 1)
    #expect(
      session.handle(.answered(question, .result(["role": "assistant"])))
        == [.send(.result(.string("q"), ["role": "assistant"]))])
    #expect(session.handle(.answered(question, .result([:]))) == [])
  }

  @Test func `a question ends with its call`() {
    var session = session([ada])
    _ = session.handle(.received(sampling))
    let effects = session.handle(.received(.result(.number(2), ["content": []])))
    #expect(effects.first == .withdrawn(Session.Question(rawValue: 1)))
    #expect(effects.last == .completed(first, .result(object(["content": []]))))
    #expect(refusal(Array(effects[1...1])) == .invalidRequest)
    #expect(session.handle(.answered(Session.Question(rawValue: 1), .result([:]))) == [])
  }

  @Test func `the upstream may take it back`() {
    var session = session([ada])
    _ = session.handle(.received(sampling))
    let cancelled = RPCMessage.notification(
      "notifications/cancelled", object(["requestId": "q"]))
    #expect(
      session.handle(.received(cancelled)) == [.withdrawn(Session.Question(rawValue: 1))])
    #expect(session.handle(.received(cancelled)) == [])
    #expect(session.handle(.answered(Session.Question(rawValue: 1), .result([:]))) == [])
  }

  @Test func `ids are used once at a time, and questions are bounded`() {
    var session = session([ada], limit: 1)
    _ = session.handle(.received(sampling))
    #expect(refusal(session.handle(.received(sampling))) == .invalidRequest)
    let other = RPCMessage.request(.string("q2"), "roots/list")
    #expect(refusal(session.handle(.received(other))) == .internalError)
  }

  @Test func `the end of the connection takes every question back`() {
    var session = session([ada])
    _ = session.handle(.received(sampling))
    #expect(
      session.handle(.closed(reason: "x")).first == .withdrawn(Session.Question(rawValue: 1)))
  }

  @Test func `a log message is for the client whose call it is, or for nobody`() {
    let log = RPCNotification(method: "notifications/message", params: object(["data": "x"]))
    var alone = session([ada])
    #expect(
      alone.handle(.received(.notification(log))) == [.notified(log, during: first)])
    var idle = session([])
    #expect(idle.handle(.received(.notification(log))) == [.notified(log)])
    var several = session([ada, bob])
    #expect(several.handle(.received(.notification(log))) == [])
    #expect(several.drops.unaddressed == 1)
    #expect(
      several.handle(.received(.notification(log), on: .number(3)))
        == [.notified(log, during: second)])
  }

  @Test func `one answer can be lost while others still come`() {
    var session = session([ada, bob])
    let error = MCPError(.closed, "cut")
    #expect(
      session.handle(.unanswered(.number(2), .lost(error))) == [.completed(first, .lost(error))])
    #expect(
      session.handle(.unanswered(.number(3), .notSent(error)))
        == [.completed(second, .notSent(error))])
    #expect(session.handle(.unanswered(.number(3), .lost(error))) == [])
  }

  @Test func `a handshake or list without an answer ends the session`() {
    var session = Session(configuration: Session.Configuration(name: "c", version: "1"))
    _ = session.handle(.started)
    let error = MCPError(.refused, "HTTP 401")
    #expect(session.handle(.unanswered(.number(0), .lost(error))) == [.failed(error)])
  }
}

/// What an agent's client is asked.
@Suite struct ClientQuestionTests {
  private typealias Session = ServerSession
  private let question = Session.Question(rawValue: 5)

  private func session(_ capabilities: JSONValue) -> (Session, Session.Ticket) {
    var session = Session(
      configuration: Session.Configuration(
        name: "countersign", version: "1", capabilities: ["logging": [:]], questionLimit: 1,
        questionBytes: 200), tools: [])
    _ = session.handle(
      .received(
        .request(
          .number(0), "initialize",
          object(["protocolVersion": "2025-11-25", "capabilities": capabilities]))))
    let effects = session.handle(
      .received(.request(.number(1), "tools/call", object(["name": "x"]))))
    guard case .start(let ticket, _, _)? = effects.first else {
      preconditionFailure("nothing was started")
    }
    return (session, ticket)
  }

  private func ask(
    _ session: inout Session, _ ticket: Session.Ticket, _ method: Text = "roots/list",
    _ params: JSONObject? = nil, _ question: UInt64 = 5
  ) -> [Session.Effect] {
    session.handle(
      .ask(
        Session.Question(rawValue: question), during: ticket, method: method, params: params))
  }

  private func code(_ effects: [Session.Effect]) -> RPCError.Code? {
    guard effects.count == 1, case .told(_, .error(let error)) = effects[0] else { return nil }
    return error.code
  }

  @Test func `it is put on the stream of the call, and its answer is told`() {
    var (session, ticket) = session(["roots": [:]])
    #expect(ask(&session, ticket) == [.relay(ticket, .request(.number(1), "roots/list"))])
    #expect(
      session.handle(.received(.result(.number(1), ["roots": []])))
        == [.told(question, .result(["roots": []]))])
    #expect(session.handle(.received(.result(.number(1), [:]))) == [])
    #expect(session.dropped == 1)
  }

  @Test(arguments: [
    ("roots/list", "{}", "{}", false), ("roots/list", #"{"roots":{}}"#, "{}", true),
    ("sampling/createMessage", #"{"roots":{}}"#, "{}", false),
    ("sampling/createMessage", #"{"sampling":{}}"#, "{}", true),
    ("sampling/createMessage", #"{"sampling":{}}"#, #"{"tools":[]}"#, false),
    ("sampling/createMessage", #"{"sampling":{"tools":{}}}"#, #"{"tools":[]}"#, true),
    ("elicitation/create", #"{"elicitation":{}}"#, "{}", true),
    ("elicitation/create", #"{"elicitation":{"url":{}}}"#, "{}", false),
    ("elicitation/create", #"{"elicitation":{}}"#, #"{"mode":"url"}"#, false),
    ("elicitation/create", #"{"elicitation":{"url":{}}}"#, #"{"mode":"url"}"#, true),
    ("something/else", #"{"roots":{}}"#, "{}", false),
  ])
  func `a client is asked only for what it declared`(
    _ method: String, _ declared: String, _ params: String, _ isAsked: Bool
  ) throws {
    func json(_ text: String) throws -> JSONValue {
      try JSONParser.parse(Array(text.utf8), limits: .agent)
    }
    var (session, ticket) = session(try json(declared))
    let effects = ask(&session, ticket, Text(method), object(try json(params)))
    #expect(code(effects) == (isAsked ? nil : .methodNotFound))
  }

  @Test func `questions are bounded in number and size`() {
    var (session, ticket) = session(["roots": [:]])
    let long = object(["x": .string(String(repeating: "x", count: 200))])
    #expect(code(ask(&session, ticket, "roots/list", long)) == .invalidRequest)
    _ = ask(&session, ticket)
    #expect(code(ask(&session, ticket, "roots/list", nil, 6)) == .internalError)
  }

  @Test func `it is cancelled when its call ends, before the answer of the call`() {
    var (session, ticket) = session(["roots": [:]])
    _ = ask(&session, ticket)
    let effects = session.handle(.finished(ticket, .result([:])))
    #expect(effects.count == 3)
    guard case .relay(ticket, .notification(let note)) = effects[0] else {
      Issue.record("not cancelled: \(effects)")
      return
    }
    #expect(note.method == "notifications/cancelled" && note.params?["requestId"] == 1)
    #expect(code([effects[1]]) == .invalidRequest)
    #expect(effects[2] == .finish(ticket, .result(.number(1), [:])))
    #expect(code(ask(&session, ticket)) == .invalidRequest)
  }

  @Test func `a withdrawal tells client and owner`() {
    var (session, ticket) = session(["roots": [:]])
    _ = ask(&session, ticket)
    let effects = session.handle(.withdraw(question, reason: "too late"))
    #expect(effects.count == 2)
    #expect(code([effects[1]]) == .internalError)
    #expect(session.handle(.withdraw(question, reason: "again")) == [])
  }

  @Test func `client's cancellation and the session's end tell the owner`() {
    var (session, ticket) = session(["roots": [:]])
    _ = ask(&session, ticket)
    let cancelled = session.handle(
      .received(.notification("notifications/cancelled", object(["requestId": 1]))))
    #expect(code(Array(cancelled.prefix(1))) == .invalidRequest)
    #expect(cancelled.last == .stop(ticket, reason: nil))
    var (other, otherTicket) = self.session(["roots": [:]])
    _ = ask(&other, otherTicket)
    #expect(code(other.handle(.closed)) == .internalError)
  }

  @Test func `a log message about a call goes to its stream`() {
    var (session, ticket) = session([:])
    let log = RPCNotification(method: "notifications/message", params: object(["data": "x"]))
    #expect(
      session.handle(.notifiedDuring(ticket, log)) == [.relay(ticket, .notification(log))])
    let other = RPCNotification(method: "notifications/resources/updated")
    #expect(session.handle(.notifiedDuring(ticket, other)) == [])
  }
}
