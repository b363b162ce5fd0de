import Decimals
import Exchange
import JSON
import Testing
import Time

@testable import PaperExchange

@Suite("Faults")
struct FaultTests {
  private let low = order("Buy", "0.001", price: "64000")

  @Test(
    "a REST request under a fault: what is answered, and whether the order is there",
    arguments: [
      ("dropRequest", nil, RestAnswer.Delivery.withhold, 200, false),
      ("closeBeforePlacing", nil, .close, 200, false),
      ("errorBeforePlacing", 10016, .send, 200, false),
      ("errorBeforePlacing&code=10019", 10019, .send, 200, false),
      ("httpError&status=502", nil, .send, 502, false),
      ("dropAnswer", 0, .withhold, 200, true), ("closeConnection", 0, .close, 200, true),
      ("errorAfterPlacing&code=10000", 10000, .send, 200, true),
      ("httpErrorAfterPlacing", nil, .send, 503, true),
      ("delayAnswer&delay=1s", 0, .later, 200, true),
    ] as [(String, Int?, RestAnswer.Delivery, Int, Bool)])
  func rest(
    _ fault: String, _ code: Int?, _ delivery: RestAnswer.Delivery, _ status: Int, _ isPlaced: Bool
  ) {
    var client = Client()
    client.arm(fault)
    let (answer, json) = client.ask(
      "POST", "/v5/order/create", query: "",
      body: order("Buy", "0.001", price: "64000", link: "x"), key: Client.trader)
    #expect(answer.delivery == delivery)
    #expect(answer.status == status)
    #expect(json["retCode"]?.intValue == code)
    let found = client.get(
      "/v5/order/realtime", "category=linear&orderLinkId=x", key: Client.trader)
    #expect(found.list.isEmpty != isPlaced)
    // Once is once.
    #expect(client.post("/v5/order/create", low)["retCode"] == 0)
  }

  @Test("a fault hits the nth request of its kind and as many as it was told to")
  func counting() {
    var client = Client()
    client.arm("errorBeforePlacing&on=order.create&call=3&count=2")
    let codes = (0..<6).map { _ in
      _ = client.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT", key: Client.trader)
      return client.post("/v5/order/create", low)["retCode"]?.intValue
    }
    #expect(codes == [0, 0, 10016, 10016, 0, 0])
    client.arm("errorBeforePlacing&on=/v5/order/*&count=all")
    let read = client.get("/v5/order/history", "category=linear", key: Client.trader)
    #expect(read["retCode"] == 10016)
    #expect(client.ask("DELETE", "/paper/faults", query: "", body: "", key: nil).0.status == 200)
    #expect(client.post("/v5/order/create", low)["retCode"] == 0)
  }

  @Test("faults that are due together act one after the other")
  func queue() {
    var client = Client()
    client.arm("errorBeforePlacing")
    client.arm("errorBeforePlacing&code=10019")
    let codes = (0..<3).map { _ in client.post("/v5/order/create", low)["retCode"]?.intValue }
    #expect(codes == [10016, 10019, 0])
  }

  @Test("an answer that is late comes when it is due, on both transports")
  func lateAnswers() throws {
    var client = Client()
    client.arm("delayAnswer&delay=700ms")
    #expect(
      client.ask("POST", "/v5/order/create", query: "", body: low, key: Client.trader)
        .0.delivery == .later)
    client.pass(699)
    client.core.flush(at: client.now)
    #expect(client.answers().isEmpty)
    client.pass(1)
    client.core.flush(at: client.now)
    #expect(client.answers().count == 1)

    let socket = try client.open(.trade, as: Client.trader)
    client.arm("delayAnswer&delay=700ms")
    #expect(client.trade("order.create", low, on: socket) == nil)
    client.pass(700)
    client.core.flush(at: client.now)
    #expect(client.messages(on: socket).map { $0["retCode"]?.intValue } == [0])
  }

  @Test(
    "the trade socket under a fault",
    arguments: [
      ("dropRequest", [], false, false), ("closeBeforePlacing", [], true, false),
      ("errorBeforePlacing", [10016], false, false), ("dropAnswer", [], false, true),
      ("closeConnection", [], true, true), ("errorAfterPlacing", [10016], false, true),
      ("duplicateAnswer", [0, 0], false, true),
      // REST only.
      ("httpError", [0], false, true),
    ])
  func trade(_ fault: String, _ codes: [Int], _ closes: Bool, _ isPlaced: Bool) throws {
    var client = Client()
    let socket = try client.open(.trade, as: Client.trader)
    client.arm(fault)
    _ = client.core.takeOutputs()
    let frame =
      #"{"header":{"X-BAPI-TIMESTAMP":"\#(client.now.text)"},"op":"order.create","args":[\#(low)]}"#
    client.core.message(Array(frame.utf8), from: socket, at: client.now)
    let outputs = client.core.takeOutputs()
    let isClosed = outputs.contains { if case .close(socket) = $0 { true } else { false } }
    let sent = outputs.compactMap { output in
      if case .send(socket, let text) = output { try? JSONParser.parse(text) } else { nil }
    }
    #expect(sent.map { $0["retCode"]?.intValue } == codes)
    #expect(isClosed == closes)
    #expect(
      client.core.venue.openOrders(of: client.core.configuration.account).isEmpty != isPlaced)
  }

  @Test("legs of a batch fail where they were told to")
  func legs() {
    var client = Client()
    let legs = (0..<4).map {
      order("Buy", "0.001", price: "64000", link: "l\($0)", category: false)
    }
    client.arm("failTail&from=3")
    client.arm("failLeg&leg=2&code=110007")
    #expect(client.post("/v5/order/create-batch", batch(legs)).codes == [0, 0, 10006, 10006])
    let more = (0..<3).map {
      order("Buy", "0.001", price: "64000", link: "m\($0)", category: false)
    }
    #expect(client.post("/v5/order/create-batch", batch(more)).codes == [0, 110007, 0])
  }

  @Test("the events come before the answer")
  func eventsFirst() throws {
    var client = Client()
    let socket = try client.open(.trade, as: Client.trader)
    let stream = try client.subscribed(to: ["order"])
    client.arm("eventsFirst&delay=50ms")
    _ = client.core.takeOutputs()
    let frame =
      #"{"header":{"X-BAPI-TIMESTAMP":"\#(client.now.text)"},"op":"order.create","args":[\#(low)]}"#
    client.core.message(Array(frame.utf8), from: socket, at: client.now)
    let early = client.sent()
    #expect(early.map(\.0) == [stream])
    client.pass(50)
    client.core.flush(at: client.now)
    #expect(client.sent().map(\.0) == [socket])
  }

  @Test(
    "private events under a fault",
    arguments: [
      ("", ["New", "PartiallyFilled", "Filled"]),
      ("dropEvent&on=order:New", ["PartiallyFilled", "Filled"]),
      ("dropEvent&on=order:PartiallyFilled", ["New", "Filled"]),
      ("duplicateEvent&on=order:Filled&call=2", ["New", "PartiallyFilled", "Filled", "Filled"]),
      ("filledTwice&call=2", ["New", "PartiallyFilled", "Filled", "Filled"]),
      ("delayEvent&on=order:New&delay=1ms", ["PartiallyFilled", "Filled", "New"]),
      ("dropEvent&on=order.linear&count=all", []),
    ])
  func events(_ fault: String, _ statuses: [String]) throws {
    var client = Client()
    let stream = try client.subscribed(to: ["order"])
    if !fault.isEmpty { client.arm(fault) }
    // Rests, is met in part by an order that is filled first, then whole.
    _ = client.post("/v5/order/create", order("Buy", "0.6", price: "65000", link: "two"))
    _ = client.post("/v5/order/create", order("Sell", "0.5", price: "65000"))
    try client.quote("BTCUSDT", 64800)
    client.pass(100)
    client.core.flush(at: client.now)
    let rows = client.messages(on: stream).flatMap { $0["data"]?.arrayValue ?? [] }
      .filter { $0["orderLinkId"] == "two" }
    #expect(rows.compactMap { $0["orderStatus"]?.stringValue } == statuses)
    if fault.hasPrefix("filledTwice") {
      #expect(rows.last?["cancelType"] == "CancelByUser")
      #expect(rows.last?["rejectReason"] == "EC_OrigClOrdIDDoesNotExist")
    }
  }

  @Test("an event that nobody is sent stands in the log all the same")
  func droppedEvent() throws {
    var client = Client()
    _ = try client.subscribed(to: ["order"])
    client.arm("dropEvent&on=order:New")
    _ = client.post("/v5/order/create", order("Buy", "0.6", price: "64000", link: "two"))
    client.pass(100)
    client.core.flush(at: client.now)
    let events = try client.core.log.lines.map { try JSONParser.parse($0) }
      .filter { $0["kind"] == "event" && $0["topic"] == "order" }
    #expect(events.map { $0["data"]?[0]?["orderLinkId"] } == ["two"])
    #expect(events.map { $0["connections"] } == [[]])
  }

  @Test("events of one change in reverse order")
  func reversed() throws {
    var client = Client()
    let stream = try client.subscribed(to: ["order", "execution", "position", "wallet"])
    client.arm("reorderEvents")
    _ = client.post("/v5/order/create", order())
    #expect(
      client.events(on: stream).map { $0["topic"]?.stringValue } == [
        "wallet", "position", "order", "execution", "order",
      ])
  }

  @Test("a stream that is silent answers pings; the next one speaks")
  func silence() throws {
    var client = Client()
    let stream = try client.subscribed(to: ["order"])
    client.arm("silentStreams")
    _ = client.post("/v5/order/create", low)
    #expect(client.events(on: stream).isEmpty)
    #expect(client.send(#"{"op":"ping"}"#, on: stream)?["op"] == "pong")
    let next = try client.subscribed(to: ["order"])
    _ = client.post("/v5/order/create", low)
    _ = client.core.takeOutputs()
    client.pass(20)
    client.core.flush(at: client.now)
    #expect(client.sent().map(\.0) == [next])
  }

  @Test("streams are closed before the event, and a ping stays without its answer")
  func cut() throws {
    var client = Client()
    let stream = try client.subscribed(to: ["order"])
    client.arm("dropAnswer&on=private.ping")
    #expect(client.send(#"{"op":"ping"}"#, on: stream) == nil)
    #expect(client.send(#"{"op":"ping"}"#, on: stream) != nil)
    client.arm("closeStreams&on=order:New")
    _ = client.post("/v5/order/create", low)
    _ = client.core.takeOutputs()
    client.pass(20)
    client.core.flush(at: client.now)
    let outputs = client.core.takeOutputs()
    #expect(outputs.contains { if case .close(stream) = $0 { true } else { false } })
    #expect(!outputs.contains { if case .send(stream, _) = $0 { true } else { false } })
  }

  @Test("handshakes are slow or refused")
  func handshakes() {
    var client = Client()
    client.arm("slowHandshake&delay=3s&on=private")
    client.arm("refuseHandshake&status=403&on=/v5/trade")
    func handshake(_ kind: SocketKind) -> String {
      "\(client.core.handshake(kind, at: client.now))"
    }
    #expect(handshake(.publicLinear) == "\(Handshake.open(after: .zero))")
    #expect(handshake(.trade) == "\(Handshake.refuse(403))")
    #expect(handshake(.privateStream) == "\(Handshake.open(after: .seconds(3)))")
    #expect(handshake(.privateStream) == "\(Handshake.open(after: .zero))")
  }

  @Test("the exchange's clock is off: it says so, and refuses whoever is right")
  func clockOffset() {
    var client = Client()
    client.arm("clockOffset&offset=-10s")
    let machine = client.now
    client.now = client.core.clock.read(machine)
    #expect(client.get("/v5/market/time")["time"]?.intValue == 1_799_999_990_000)
    func create(skew: Int64) -> Int? {
      client.ask(
        "POST", "/v5/order/create", query: "", body: low, key: Client.trader, skew: skew
      ).1["retCode"]?.intValue
    }
    #expect(create(skew: 10_000) == 10002)
    #expect(create(skew: 0) == 0)
  }

  @Test(
    "what is no fault is refused in words and arms nothing",
    arguments: [
      "", "kind=nope", "kind=dropAnswer&delay=1s", "kind=dropAnswer&call=0",
      "kind=dropAnswer&count=some", "kind=delayAnswer&delay=soon", "kind=httpError&status=200",
      "kind=clockOffset&offset=x", "kind=failTail&from=0",
    ])
  func badRules(_ query: String) {
    var client = Client()
    let (answer, json) = client.ask("POST", "/paper/fault", query: query, body: "", key: nil)
    #expect(answer.status == 400)
    #expect(json["retMsg"]?.stringValue?.isEmpty == false)
    #expect(client.core.faults.armed.isEmpty)
  }

  @Test("rules of a command line and of a file")
  func reading() throws {
    let rule = try FaultRule(argument: "delayAnswer=3,delay=2s,on=order.create*,count=all")
    #expect(rule.kind == .delayAnswer)
    #expect((rule.call, rule.count, rule.delay, rule.on) == (3, nil, .seconds(2), "order.create*"))
    for bad in ["", "nope", "dropAnswer=x", "dropAnswer,on", "dropAnswer,call=1,call=2"] {
      #expect(throws: Refusal.self) { try FaultRule(argument: bad) }
    }
    func read(_ text: String) throws -> [FaultRule] {
      try FaultRule.rules(JSONCursor(JSONParser.parse(text)))
    }
    let rules = try read(#"[{"kind":"failTail","from":3},{"kind":"dropEvent","on":"order:New"}]"#)
    #expect(rules.map(\.kind) == [.failTail, .dropEvent])
    #expect(rules[0].leg == 3)
    #expect { try read(#"[{"kind":"dropEvent"},{"kind":"x"}]"#) } throws: {
      "\($0)".contains("[1]")
    }
  }

  @Test("what acted stands in the log; what is armed can be asked for")
  func shown() throws {
    var client = Client()
    client.arm("dropAnswer&call=2")
    _ = client.post("/v5/order/create", low)
    let (answer, json) = client.ask("GET", "/paper/faults", query: "", body: "", key: nil)
    #expect(answer.status == 200)
    #expect(json[0]?["seen"] == 1)
    #expect(json[0]?["acted"] == 0)
    _ = client.post("/v5/order/create", low)
    #expect(client.core.faults.armed.isEmpty)
    #expect(client.core.log.lines.contains { $0.contains(#""fault":"dropAnswer""#) })
  }
}

@Suite("A stepped clock")
struct SteppedClockTests {
  @Test("time passes only when told to, in any cut; the market and events follow")
  func stepping() throws {
    func run(_ steps: [String]) throws -> (String, [String?]) {
      var client = Client {
        $0.clock = .stepped(from: Timestamp(milliseconds: 1_800_000_000_030))
      }
      client.now = client.core.clock.read(client.now)
      let stream = try client.subscribed(to: ["order"])
      _ = client.post("/v5/order/create", order("Buy", "0.001", price: "64000"))
      var seen: [JSONValue] = []
      for step in steps {
        client.now = client.core.clock.read(Timestamp(milliseconds: 0))
        #expect(
          client.ask("POST", "/paper/advance", query: "by=\(step)", body: "", key: nil).0.status
            == 200)
        seen += client.messages(on: stream)
      }
      let last = client.core.venue.ticker("BTCUSDT")?.mark.description ?? ""
      return (last, seen.map { $0["creationTime"].map { "\($0)" } })
    }
    let whole = try run(["1s"])
    let cut = try run(["5ms", "400ms", "95ms", "500ms"])
    #expect(whole.0 == cut.0)
    #expect(whole.0 != "65000.00")
    #expect(whole.1 == cut.1)
    #expect(whole.1.count == 1)
  }

  @Test("a clock that runs by itself is not stepped")
  func running() {
    var client = Client()
    #expect(
      client.ask("POST", "/paper/advance", query: "by=1s", body: "", key: nil).0.status == 400)
  }
}
