import JSON
import Testing

@testable import MCP

/// Transcripts of `countersign wrap`: the client on one side, the gateway on the other.
@Suite struct BridgeTests {
  private let hello = RPCMessage.request(
    .string("h"), "initialize", object(["protocolVersion": "2025-06-18", "capabilities": [:]]))
  private let call = RPCMessage.request(.number(1), "tools/call", object(["name": "x"]))
  private let confirmation = RPCMessage.notification("notifications/initialized")

  private func connection(_ number: UInt64) -> Bridge.Connection {
    Bridge.Connection(rawValue: number)
  }

  private func exchange(_ number: UInt64) -> ClientTransport.Exchange {
    ClientTransport.Exchange(rawValue: number)
  }

  /// What is written to the client, as text.
  private func written(_ effects: [Bridge.Effect]) -> [String] {
    effects.compactMap { effect in
      if case .write(let message) = effect { JSONWriter.text(of: message.json) } else { nil }
    }
  }

  /// The messages that are sent to the gateway, by exchange.
  private func posted(_ effects: [Bridge.Effect]) -> [UInt64: RPCMessage] {
    var all: [UInt64: RPCMessage] = [:]
    for case .exchange(_, .post(let exchange, _, let message)) in effects {
      all[exchange.rawValue] = message
    }
    return all
  }

  private func reply(
    _ status: Int, _ message: RPCMessage? = nil, session: Text? = nil
  ) -> ClientTransport.Reply {
    ClientTransport.Reply(
      status: status, mediaType: message == nil ? nil : "application/json", sessionID: session,
      body: message?.bytes ?? [])
  }

  private func greeted(_ id: RPCID) -> RPCMessage {
    .result(id, ["protocolVersion": "2025-06-18", "capabilities": ["tools": [:]]])
  }

  private func fresh() -> Bridge {
    var bridge = Bridge(configuration: Bridge.Configuration(version: "1"))
    #expect(bridge.handle(.received(hello)) == [.locate(connection(1))])
    return bridge
  }

  /// A bridge with a session; the next exchange of connection 1 is 4.
  private func open() -> Bridge {
    var bridge = fresh()
    #expect(posted(bridge.handle(.located(connection(1)))) == [1: hello])
    let effects = bridge.handle(
      .exchange(
        connection(1), .replied(exchange(1), reply(200, greeted(.string("h")), session: "s"))))
    #expect(effects == [.write(greeted(.string("h")))])
    #expect(posted(bridge.handle(.received(confirmation))) == [2: confirmation])
    _ = bridge.handle(.exchange(connection(1), .replied(exchange(2), reply(202))))
    return bridge
  }

  /// One that was told that there is no gateway.
  private func down() -> Bridge {
    var bridge = fresh()
    let effects = bridge.handle(.notLocated(connection(1), reason: "mend it with `x`"))
    #expect(effects.last == .wait(milliseconds: 1000))
    return bridge
  }

  @Test func `what both sides say is handed on`() {
    var bridge = open()
    #expect(posted(bridge.handle(.received(call))) == [4: call])
    let question = RPCMessage.request(.number(1), "roots/list")
    #expect(
      bridge.handle(
        .exchange(
          connection(1),
          .event(exchange(4), lastID: nil, retry: nil, data: question.bytes)))
        == [.write(question)])
    let answer = RPCMessage.result(.number(1), ["roots": []])
    #expect(posted(bridge.handle(.received(answer))) == [5: answer])
    let result = RPCMessage.result(.number(1), ["content": []])
    #expect(
      bridge.handle(.exchange(connection(1), .replied(exchange(4), reply(200, result))))
        == [.write(result)])
  }

  @Test func `without a gateway the client is greeted and each call is refused with the remedy`() {
    var bridge = fresh()
    let greeting = written(bridge.handle(.notLocated(connection(1), reason: "mend it with `x`")))
    #expect(greeting.count == 1)
    #expect(greeting[0].contains(#""id":"h""#) && greeting[0].contains("2025-06-18"))
    #expect(bridge.handle(.received(confirmation)) == [])
    #expect(bridge.handle(.received(call)) == [.locate(connection(2))])
    let list = RPCMessage.request(.number(2), "tools/list")
    #expect(bridge.handle(.received(list)) == [])
    let refused = written(bridge.handle(.notLocated(connection(2), reason: "mend it with `x`")))
    #expect(refused.count == 2)
    #expect(refused[0].contains("mend it with `x`") && refused[0].contains(#""isError":true"#))
    #expect(refused[1] == #"{"jsonrpc":"2.0","id":2,"result":{"tools":[]}}"#)
  }

  @Test func `when the gateway is there the waiting call is made in a session of its own`() {
    var bridge = down()
    _ = bridge.handle(.received(confirmation))
    #expect(bridge.handle(.received(call)) == [.locate(connection(2))])
    let greeting = posted(bridge.handle(.located(connection(2))))
    guard case .request(let own)? = greeting[1] else {
      Issue.record("no greeting")
      return
    }
    #expect(own.id == .string("countersign-wrap") && own.params?["protocolVersion"] != nil)
    let effects = bridge.handle(
      .exchange(connection(2), .replied(exchange(1), reply(200, greeted(own.id), session: "s"))))
    #expect(written(effects) == [#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#])
    #expect(posted(effects) == [2: confirmation])
    // The call waits for the end of the handshake.
    let sent = bridge.handle(.exchange(connection(2), .replied(exchange(2), reply(202))))
    #expect(posted(sent).values.contains(call))
  }

  @Test func `the gateway is looked for again by itself, at growing intervals`() {
    var bridge = down()
    for (number, wait) in [(2, 2000), (3, 4000), (4, 8000), (5, 10_000), (6, 10_000)] {
      let which = connection(UInt64(number))
      #expect(bridge.handle(.due) == [.locate(which)])
      #expect(
        bridge.handle(.notLocated(which, reason: "mend it with `x`"))
          == [.wait(milliseconds: wait)])
    }
  }

  @Test(arguments: [(401, "agent add"), (404, "--upstream"), (503, "HTTP 503")])
  func `a refused handshake says how to mend it`(_ status: Int, _ word: String) {
    var bridge = fresh()
    _ = bridge.handle(.located(connection(1)))
    let effects = bridge.handle(
      .exchange(connection(1), .replied(exchange(1), reply(status))))
    #expect(written(effects).count == 1 && written(effects)[0].contains(word))
    #expect(effects.last == .wait(milliseconds: 1000))
  }

  @Test func `a gateway that is not there is named with the command that starts it`() {
    var bridge = fresh()
    _ = bridge.handle(.located(connection(1)))
    let effects = bridge.handle(
      .exchange(connection(1), .failed(exchange(1), isUnsent: true, reason: "refused")))
    #expect(written(effects).first?.contains("`countersign gateway`") == true)
  }

  @Test func `a call that did not leave is refused, one that did is unknown`() {
    var bridge = open()
    _ = bridge.handle(.received(call))
    let unsent = written(
      bridge.handle(
        .exchange(connection(1), .failed(exchange(4), isUnsent: true, reason: "refused"))))
    #expect(unsent.first?.contains("Not executed") == true)
    _ = bridge.handle(.received(call))
    let lost = written(
      bridge.handle(
        .exchange(connection(1), .failed(exchange(5), isUnsent: false, reason: "cut"))))
    #expect(lost.first?.contains("not known here whether this was executed") == true)
    #expect(lost.first?.contains(#""isError":true"#) == true)
  }

  @Test func `a session that the gateway does not know is begun anew, and its request repeated`() {
    var bridge = open()
    let other = RPCMessage.request(.number(2), "tools/call", object(["name": "y"]))
    _ = bridge.handle(.received(other))
    _ = bridge.handle(
      .exchange(connection(1), .streaming(exchange(4), sessionID: nil)))
    _ = bridge.handle(.received(call))
    let effects = bridge.handle(.exchange(connection(1), .replied(exchange(5), reply(404))))
    // What was being answered is lost; what was refused whole is made again.
    #expect(written(effects).count == 1 && written(effects)[0].contains(#""id":2"#))
    #expect(effects.last == .locate(connection(2)))
    _ = bridge.handle(.located(connection(2)))
    _ = bridge.handle(
      .exchange(
        connection(2),
        .replied(exchange(1), reply(200, greeted(.string("countersign-wrap")), session: "t"))))
    let sent = bridge.handle(.exchange(connection(2), .replied(exchange(2), reply(202))))
    #expect(posted(sent).values.contains(call))
    #expect(!posted(sent).values.contains(other))
  }

  @Test func `a revoked token is told and another one is looked for`() {
    var bridge = open()
    _ = bridge.handle(.received(call))
    let effects = bridge.handle(.exchange(connection(1), .replied(exchange(4), reply(401))))
    #expect(written(effects).first?.contains("agent add") == true)
    #expect(effects.last == .locate(connection(2)))
  }

  @Test func `exchanges of an earlier connection are not heard`() {
    var bridge = open()
    _ = bridge.handle(.received(call))
    _ = bridge.handle(.exchange(connection(1), .replied(exchange(4), reply(404))))
    let late = RPCMessage.result(.number(1), [:])
    #expect(
      bridge.handle(.exchange(connection(1), .replied(exchange(4), reply(200, late)))) == [])
  }

  @Test func `a cancelled call is not answered`() {
    var bridge = down()
    _ = bridge.handle(.received(call))
    let cancelled = RPCMessage.notification(
      "notifications/cancelled", object(["requestId": 1]))
    #expect(bridge.handle(.received(cancelled)) == [])
    #expect(written(bridge.handle(.notLocated(connection(2), reason: "no"))) == [])
    var other = open()
    _ = other.handle(.received(call))
    #expect(posted(other.handle(.received(cancelled))) == [5: cancelled])
  }

  @Test func `ids are used once at a time, and requests are bounded`() {
    var configuration = Bridge.Configuration(version: "1")
    configuration.requestLimit = 1
    var bridge = Bridge(configuration: configuration)
    _ = bridge.handle(.received(hello))
    _ = bridge.handle(.received(call))
    #expect(written(bridge.handle(.received(call))).first?.contains("-32600") == true)
    let other = RPCMessage.request(.number(2), "tools/call")
    #expect(written(bridge.handle(.received(other))).first?.contains("Not executed") == true)
  }

  @Test func `the order of the protocol is kept`() {
    var bridge = Bridge(configuration: Bridge.Configuration(version: "1"))
    #expect(written(bridge.handle(.received(call))).first?.contains("-32600") == true)
    let discover = RPCMessage.request(.number(3), "server/discover")
    #expect(written(bridge.handle(.received(discover))).first?.contains("-32022") == true)
    _ = bridge.handle(.received(hello))
    #expect(written(bridge.handle(.received(hello))).first?.contains("-32600") == true)
  }

  @Test func `the client's end ends the session`() {
    var bridge = open()
    let effects = bridge.handle(.inputEnded)
    guard case .exchange(_, .delete)? = effects.last else {
      Issue.record("not ended: \(effects)")
      return
    }
    #expect(bridge.handle(.received(call)) == [])
  }
}
