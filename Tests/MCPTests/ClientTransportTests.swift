import JSON
import Testing

@testable import MCP

/// Transcripts: what the session sends, what the server answers, and which exchanges that makes.
@Suite struct ClientTransportTests {
  private typealias Transport = ClientTransport
  private let json: [HTTPHead.Header] = [
    HTTPHead.Header("Content-Type", "application/json"),
    HTTPHead.Header("Accept", "application/json, text/event-stream"),
  ]
  private let stream: [HTTPHead.Header] = [HTTPHead.Header("Accept", "text/event-stream")]
  private let session: [HTTPHead.Header] = [
    HTTPHead.Header("Mcp-Session-Id", "s1"), HTTPHead.Header("MCP-Protocol-Version", "2025-11-25"),
  ]
  private let greeting = RPCMessage.request(.number(0), "initialize")
  private let confirmation = RPCMessage.notification("notifications/initialized")
  private let hello = RPCMessage.result(.number(0), ["protocolVersion": "2025-11-25"])
  private let call = RPCMessage.request(.number(1), "tools/call")
  private let answer = RPCMessage.result(.number(1), ["content": []])

  private func exchange(_ number: UInt64) -> Transport.Exchange {
    Transport.Exchange(rawValue: number)
  }

  private func reply(_ status: Int, _ message: RPCMessage? = nil, session: Text? = nil)
    -> Transport.Reply
  {
    Transport.Reply(
      status: status, mediaType: message == nil ? nil : "application/json", sessionID: session,
      body: message?.bytes ?? [])
  }

  private func event(_ number: UInt64, _ message: RPCMessage?, id: Text? = nil, retry: Int? = nil)
    -> Transport.Event
  {
    .event(exchange(number), lastID: id, retry: retry, data: message?.bytes ?? [])
  }

  /// A transport whose handshake is done; the next exchange is 3.
  private func ready(_ configuration: Transport.Configuration = .init()) -> Transport {
    var transport = Transport(configuration: configuration)
    _ = transport.handle(.send(greeting))
    _ = transport.handle(.replied(exchange(1), reply(200, hello, session: "s1")))
    _ = transport.handle(.send(confirmation))
    #expect(transport.handle(.replied(exchange(2), reply(202))) == [])
    return transport
  }

  /// One whose call is being answered by an event stream.
  private func streaming(_ configuration: Transport.Configuration = .init()) -> Transport {
    var transport = ready(configuration)
    _ = transport.handle(.send(call))
    #expect(transport.handle(.streaming(exchange(3), sessionID: nil)) == [])
    return transport
  }

  private func lost(_ effects: [Transport.Effect]) -> Bool {
    guard case .unanswered(.number(1), .lost)? = effects.last else { return false }
    return true
  }

  @Test func `what follows the handshake waits for it and carries session and revision`() {
    var transport = Transport()
    #expect(
      transport.handle(.send(greeting)) == [.post(exchange(1), headers: json, greeting)])
    #expect(
      transport.handle(.replied(exchange(1), reply(200, hello, session: "s1")))
        == [.deliver(hello, on: .number(0))])
    #expect(
      transport.handle(.send(confirmation))
        == [.post(exchange(2), headers: json + session, confirmation)])
    #expect(transport.handle(.send(call)) == [])
    #expect(
      transport.handle(.replied(exchange(2), reply(202)))
        == [.post(exchange(3), headers: json + session, call)])
    #expect(
      transport.handle(.replied(exchange(3), reply(200, answer)))
        == [.deliver(answer, on: .number(1))])
    #expect(transport.exchangesUnderWay == 0)
  }

  @Test func `a server without sessions gets no session header`() {
    var transport = Transport()
    _ = transport.handle(.send(greeting))
    _ = transport.handle(.replied(exchange(1), reply(200, hello)))
    #expect(
      transport.handle(.send(confirmation))
        == [.post(exchange(2), headers: json + session.suffix(1), confirmation)])
    #expect(transport.handle(.close) == [.stop(exchange(2))])
  }

  @Test func `the handshake may be answered by a stream`() {
    var transport = Transport()
    _ = transport.handle(.send(greeting))
    _ = transport.handle(.streaming(exchange(1), sessionID: "s1"))
    #expect(
      transport.handle(event(1, hello)) == [
        .deliver(hello, on: .number(0)), .stop(exchange(1)),
      ])
    #expect(
      transport.handle(.send(confirmation))
        == [.post(exchange(2), headers: json + session, confirmation)])
  }

  @Test(arguments: ["", "two words", "\u{7F}", String(repeating: "x", count: 1025)])
  func `a session id that is none ends the session`(_ id: String) {
    var transport = Transport()
    _ = transport.handle(.send(greeting))
    let effects = transport.handle(
      .replied(exchange(1), reply(200, hello, session: Text(id))))
    guard case .over(let error)? = effects.last else {
      Issue.record("taken: \(effects)")
      return
    }
    #expect(error.code == .malformed)
    #expect(transport.handle(.send(call)) == [])
  }

  @Test func `a server that refuses the end of the handshake is not used`() {
    var transport = Transport()
    _ = transport.handle(.send(greeting))
    _ = transport.handle(.replied(exchange(1), reply(200, hello)))
    _ = transport.handle(.send(confirmation))
    guard case .over? = transport.handle(.replied(exchange(2), reply(500))).last else {
      Issue.record("still used")
      return
    }
  }

  @Test func `messages of a stream belong to its request, and the answer is the last`() {
    var transport = streaming()
    let progress = RPCMessage.notification("notifications/progress")
    let question = RPCMessage.request(.number(7), "sampling/createMessage")
    #expect(transport.handle(event(3, nil, id: "e1")) == [])
    #expect(transport.handle(event(3, progress)) == [.deliver(progress, on: .number(1))])
    #expect(transport.handle(event(3, question)) == [.deliver(question, on: .number(1))])
    #expect(
      transport.handle(event(3, answer)) == [.deliver(answer, on: .number(1)), .stop(exchange(3))])
    #expect(transport.handle(event(3, progress)) == [])
  }

  @Test func `a broken stream is resumed where it stopped`() {
    var transport = streaming()
    _ = transport.handle(event(3, nil, id: "e1", retry: 20))
    #expect(
      transport.handle(.failed(exchange(3), isUnsent: false, reason: "cut"))
        == [.wait(exchange(3), milliseconds: 20)])
    #expect(
      transport.handle(.due(exchange(3))) == [
        .get(
          exchange(3),
          headers: stream + session + [HTTPHead.Header("Last-Event-ID", "e1")])
      ])
    _ = transport.handle(.streaming(exchange(3), sessionID: nil))
    #expect(
      transport.handle(event(3, answer, id: "e2"))
        == [.deliver(answer, on: .number(1)), .stop(exchange(3))])
  }

  @Test func `a stream that closes to be polled goes on`() {
    var transport = streaming()
    for number in 1...40 {
      _ = transport.handle(event(3, nil, id: Text("e\(number)"), retry: 5))
      #expect(
        transport.handle(.ended(exchange(3), lastID: Text("e\(number)"), retry: 5))
          == [.wait(exchange(3), milliseconds: 5)])
      _ = transport.handle(.due(exchange(3)))
      _ = transport.handle(.streaming(exchange(3), sessionID: nil))
    }
  }

  @Test func `without an event id the answer is lost, and nothing is sent again`() {
    var transport = streaming()
    #expect(lost(transport.handle(.ended(exchange(3), lastID: nil, retry: nil))))
    #expect(transport.exchangesUnderWay == 0)
  }

  @Test func `resumptions that bring nothing come to an end`() {
    var configuration = Transport.Configuration()
    configuration.resumptions = 2
    var transport = streaming(configuration)
    _ = transport.handle(event(3, nil, id: "e1"))
    var waits: [Transport.Effect] = []
    for _ in 1...2 {
      waits += transport.handle(.failed(exchange(3), isUnsent: true, reason: "down"))
      _ = transport.handle(.due(exchange(3)))
    }
    #expect(waits == [1000, 2000].map { .wait(exchange(3), milliseconds: $0) })
    #expect(lost(transport.handle(.failed(exchange(3), isUnsent: true, reason: "down"))))
  }

  @Test func `a server that cannot resume loses the answer`() {
    var transport = streaming()
    _ = transport.handle(event(3, nil, id: "e1"))
    _ = transport.handle(.ended(exchange(3), lastID: "e1", retry: nil))
    _ = transport.handle(.due(exchange(3)))
    #expect(lost(transport.handle(.replied(exchange(3), reply(405)))))
  }

  @Test func `unsent and lost are told apart`() {
    var transport = ready()
    _ = transport.handle(.send(call))
    #expect(
      transport.handle(.failed(exchange(3), isUnsent: true, reason: "refused"))
        == [.unanswered(.number(1), .notSent(MCPError(.closed, "refused")))])
    _ = transport.handle(.send(call))
    #expect(
      transport.handle(.failed(exchange(4), isUnsent: false, reason: "cut"))
        == [.unanswered(.number(1), .lost(MCPError(.closed, "cut")))])
  }

  @Test(arguments: [202, 204, 400, 401, 403, 405, 429, 500, 503])
  func `a status without an answer loses it`(_ status: Int) {
    var transport = ready()
    _ = transport.handle(.send(call))
    #expect(lost(transport.handle(.replied(exchange(3), reply(status)))))
  }

  @Test func `an error in the body is the server's answer, whatever the status`() {
    var transport = ready()
    _ = transport.handle(.send(call))
    let error = RPCMessage.failure(.number(1), RPCError(.invalidParams, "no such tool"))
    #expect(
      transport.handle(.replied(exchange(3), reply(400, error)))
        == [.deliver(error, on: .number(1))])
    _ = transport.handle(.send(call))
    let other = RPCMessage.failure(.string("server-error"), RPCError(.invalidRequest, "no"))
    #expect(lost(transport.handle(.replied(exchange(4), reply(400, other)))))
  }

  @Test func `404 ends the session and everything in it`() {
    var transport = streaming()
    _ = transport.handle(.listen)
    _ = transport.handle(.send(.request(.number(2), "tools/call")))
    let effects = transport.handle(.replied(exchange(5), reply(404)))
    #expect(Array(effects.prefix(3)) == [3, 4, 5].map { .stop(exchange($0)) })
    guard case .over? = effects.last else {
      Issue.record("goes on: \(effects)")
      return
    }
    // The session is gone: there is nothing to end at the server.
    #expect(transport.handle(.close) == [])
  }

  @Test func `nothing is opened before the server has taken the confirmation`() {
    var transport = Transport()
    _ = transport.handle(.send(greeting))
    _ = transport.handle(.replied(exchange(1), reply(200, hello, session: "s1")))
    _ = transport.handle(.send(confirmation))
    #expect(transport.handle(.listen) == [])
    let effects = transport.handle(.replied(exchange(2), reply(202)))
    #expect(effects == [.get(exchange(3), headers: stream + session)])
  }

  @Test func `the session's own stream is opened again after a break, and not after a refusal`() {
    var transport = ready()
    #expect(transport.handle(.listen) == [.get(exchange(3), headers: stream + session)])
    _ = transport.handle(.streaming(exchange(3), sessionID: nil))
    let changed = RPCMessage.notification("notifications/tools/list_changed")
    #expect(transport.handle(event(3, changed, id: "g1")) == [.deliver(changed, on: nil)])
    #expect(
      transport.handle(.ended(exchange(3), lastID: "g1", retry: nil))
        == [.wait(exchange(3), milliseconds: 1000)])
    #expect(
      transport.handle(.due(exchange(3))) == [
        .get(
          exchange(3),
          headers: stream + session + [HTTPHead.Header("Last-Event-ID", "g1")])
      ])
    #expect(
      transport.handle(.replied(exchange(3), reply(503)))
        == [.wait(exchange(3), milliseconds: 2000)])
    _ = transport.handle(.due(exchange(3)))
    #expect(transport.handle(.replied(exchange(3), reply(405))) == [])
    #expect(transport.exchangesUnderWay == 0)
  }

  @Test func `an event id that fits no header is not sent back`() {
    var transport = ready()
    _ = transport.handle(.listen)
    _ = transport.handle(event(3, nil, id: "a\u{E9}b"))
    _ = transport.handle(.ended(exchange(3), lastID: "a\u{E9}b", retry: nil))
    #expect(transport.handle(.due(exchange(3))) == [.get(exchange(3), headers: stream + session)])
  }

  @Test func `a cancelled call's answer is not read`() {
    var transport = streaming()
    let cancelled = RPCMessage.notification(
      "notifications/cancelled", object(["requestId": 1]))
    #expect(
      transport.handle(.send(cancelled))
        == [.post(exchange(4), headers: json + session, cancelled)])
    #expect(transport.handle(event(3, answer)) == [])
    // Its connection is closed when the server has heard why.
    #expect(transport.handle(.replied(exchange(4), reply(202))) == [.stop(exchange(3))])
  }

  @Test func `the end stops what is open and ends the session at the server`() {
    var transport = streaming()
    #expect(transport.handle(.close) == [.stop(exchange(3)), .delete(headers: session)])
    #expect(transport.handle(.send(call)) == [])
  }

  @Test func `what a server says while it is held back is bounded`() {
    var configuration = Transport.Configuration()
    configuration.heldBack = 1
    var transport = Transport(configuration: configuration)
    _ = transport.handle(.send(greeting))
    _ = transport.handle(.replied(exchange(1), reply(200, hello)))
    _ = transport.handle(.send(confirmation))
    #expect(transport.handle(.send(call)) == [])
    guard case .over? = transport.handle(.send(call)).last else {
      Issue.record("held back without end")
      return
    }
  }
}
