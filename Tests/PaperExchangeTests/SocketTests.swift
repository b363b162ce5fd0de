import Decimals
import Exchange
import JSON
import Testing
import Time

@testable import PaperExchange

@Suite("WebSockets")
struct SocketTests {
  @Test("order entry: auth, create, duplicate, cancel")
  func tradeSocket() throws {
    var client = Client()
    let id = try client.open(.trade, as: Client.trader)
    let ack = client.trade(
      "order.create", order("Buy", "0.01", price: "64000", link: "ws"), on: id, request: "r1")
    #expect(ack?["reqId"] == "r1")
    #expect(ack?["retCode"] == 0)
    #expect(ack?["op"] == "order.create")
    #expect(ack?["data"]?["orderLinkId"] == "ws")
    #expect(ack?["header"]?["X-Bapi-Limit"] == "10")
    #expect(ack?["header"]?["X-Bapi-Limit-Status"] == "9")
    #expect(ack?["connId"]?.stringValue?.isEmpty == false)
    let again = client.trade("order.create", order(link: "ws"), on: id, request: "r2")
    #expect(again?["retCode"] == 110072)
    #expect(again?["data"] == [:])
    let cancelled = client.trade(
      "order.cancel", #"{"category":"linear","symbol":"BTCUSDT","orderLinkId":"ws"}"#, on: id,
      request: "r3")
    #expect(cancelled?["retCode"] == 0)
    let legs = client.trade(
      "order.create-batch",
      batch([order(category: false), order("Buy", "0.00001", category: false)]),
      on: id, request: "r4")
    #expect(legs?["data"]?["list"]?.arrayValue?.count == 2)
    #expect(legs?.codes == [0, 10001])
  }

  @Test("a request id is taken once per connection")
  func requestIDs() throws {
    var client = Client()
    let one = try client.open(.trade, as: Client.trader)
    let two = try client.open(.trade, as: Client.trader)
    #expect(client.trade("order.create", order(), on: one, request: "1")?["retCode"] == 0)
    #expect(client.trade("order.create", order(), on: one, request: "1")?["retCode"] == 20006)
    #expect(client.trade("order.create", order(), on: two, request: "1")?["retCode"] == 0)
    #expect(client.trade("order.create", order(), on: two)?["retCode"] == 0)
    let long = String(repeating: "x", count: 37)
    #expect(client.trade("order.create", order(), on: two, request: long)?["retCode"] == 10001)
  }

  @Test("what the trade socket refuses")
  func tradeRefusals() throws {
    var client = Client()
    let stranger = client.open(.trade)
    #expect(client.trade("order.create", order(), on: stranger)?["retCode"] == 10003)
    let id = try client.open(.trade, as: Client.trader)
    let reader = try client.open(.trade, as: Client.reader)
    #expect(client.trade("order.create", order(), on: reader)?["retCode"] == 10005)
    #expect(client.trade("order.fly", order(), on: id)?["retCode"] == 10404)
    #expect(client.trade("order.create", "", on: id)?["retCode"] == 10001)
    let old = client.now.milliseconds - 5001
    func create(_ header: String) -> String {
      #"{"header":{\#(header)},"op":"order.create","args":[\#(order())]}"#
    }
    let late = create(#""X-BAPI-TIMESTAMP":"\#(old)""#)
    #expect(client.send(late, on: id)?["retCode"] == 10002)
    let wide = create(#""X-BAPI-TIMESTAMP":\#(old),"X-BAPI-RECV-WINDOW":6000"#)
    #expect(client.send(wide, on: id)?["retCode"] == 0)
    let bare = #"{"op":"order.create","args":[\#(order())]}"#
    #expect(client.send(bare, on: id)?["retCode"] == 10001)
    #expect(client.send(#"{"op":"ping"}"#, on: id)?["op"] == "pong")
    #expect(client.send(#"{"op":"auth","args":["trader",1,"x"]}"#, on: id)?["retCode"] == 20001)
    #expect(
      client.send(#"{"op":"auth","args":["trader",1,"x"]}"#, on: stranger)?["retCode"] == 10001)
    let expires = client.now.milliseconds + 1000
    #expect(
      client.send(#"{"op":"auth","args":["trader","\#(expires)","x"]}"#, on: stranger)?["retCode"]
        == 10004)
  }

  @Test("events follow the ack: order, execution, order, position, wallet")
  func privateEvents() throws {
    var client = Client()
    let stream = try client.open(.privateStream, as: Client.reader)
    let topics = #"["order","execution","position","wallet"]"#
    let reply = client.send(#"{"req_id":"s","op":"subscribe","args":\#(topics)}"#, on: stream)
    #expect(reply?["success"] == true)
    #expect(reply?["req_id"] == "s")
    _ = client.core.takeOutputs()
    _ = client.post("/v5/order/create", order(link: "seen"))
    #expect(client.messages(on: stream).isEmpty)
    let events = client.events(on: stream)
    #expect(
      events.map { $0["topic"]?.stringValue } == [
        "order", "execution", "order", "position", "wallet",
      ])
    #expect(events[0]["data"]?[0]?["orderStatus"] == "New")
    #expect(events[1]["data"]?[0]?["execQty"] == "0.010")
    #expect(events[2]["data"]?[0]?["orderStatus"] == "Filled")
    #expect(events[2]["data"]?[0]?["orderLinkId"] == "seen")
    #expect(events[3]["data"]?[0]?["entryPrice"] == "65000.1")
    #expect(events[4]["data"]?[0]?["coin"]?[0]?["walletBalance"] == "99999.64249945")
    let ids = Set(events.compactMap { $0["id"]?.stringValue })
    #expect(ids.count == 5)
  }

  @Test("categorised topics, unsubscribing and what cannot be had")
  func topics() throws {
    var client = Client()
    let stream = try client.open(.privateStream, as: Client.trader)
    func subscribe(_ topics: String, _ op: String = "subscribe") -> Bool? {
      client.send(#"{"op":"\#(op)","args":\#(topics)}"#, on: stream)?["success"]?.boolValue
    }
    #expect(subscribe(#"["order.linear"]"#) == true)
    #expect(subscribe(#"["order","order.linear"]"#) == false)
    #expect(subscribe(#"["dcp.future"]"#) == false)
    #expect(subscribe("[]") == false)
    #expect(subscribe(#""order""#) == false)
    _ = client.post("/v5/order/create", order())
    #expect(
      client.events(on: stream).map { $0["topic"]?.stringValue } == [
        "order.linear", "order.linear",
      ])
    #expect(subscribe(#"["order.linear"]"#, "unsubscribe") == true)
    _ = client.post("/v5/order/create", order())
    #expect(client.events(on: stream).isEmpty)
    let stranger = client.open(.privateStream)
    let refused = client.send(#"{"op":"subscribe","args":["order"]}"#, on: stranger)
    #expect(refused?["success"] == false)
    let pong = client.send(#"{"req_id":"p","op":"ping"}"#, on: stranger)
    #expect(pong?["op"] == "pong")
    #expect(pong?["req_id"] == "p")
  }

  @Test("a fill brought by the market is told without a request")
  func marketFill() throws {
    var client = Client()
    let stream = try client.open(.privateStream, as: Client.trader)
    _ = client.send(#"{"op":"subscribe","args":["order"]}"#, on: stream)
    _ = client.post("/v5/order/create", order("Buy", "0.01", price: "64900", link: "bid"))
    #expect(client.events(on: stream).map { $0["data"]?[0]?["orderStatus"] } == ["New"])
    try client.quote("BTCUSDT", 64890)
    #expect(client.events(on: stream).map { $0["data"]?[0]?["orderStatus"] } == ["Filled"])
  }

  @Test("snapshot and deltas rebuild the book", arguments: [1, 50])
  func publicBook(_ depth: Int) throws {
    var client = Client()
    let stream = client.open(.publicLinear)
    _ = client.core.takeOutputs()
    client.core.message(
      Array(#"{"op":"subscribe","args":["orderbook.\#(depth).BTCUSDT"]}"#.utf8), from: stream,
      at: client.now)
    var messages = client.messages(on: stream)
    #expect(messages.removeFirst()["success"] == true)
    #expect(messages.first?["type"] == "snapshot")
    for number in 0..<30 {
      client.pass(100)
      client.core.tick(at: client.now)
      if number % 7 == 0 { _ = client.post("/v5/order/create", order("Sell", "0.3")) }
      messages += client.messages(on: stream)
    }
    #expect(messages.count > 5)
    var sides: [String: [String: String]] = ["b": [:], "a": [:]]
    for message in messages {
      for side in ["b", "a"] {
        for level in message["data"]?[Text(side)]?.arrayValue ?? [] {
          let price = try #require(level[0]?.stringValue)
          let size = try #require(level[1]?.stringValue)
          sides[side]?[price] = size == "0" ? nil : size
        }
      }
    }
    let book = try #require(client.core.venue.book("BTCUSDT", depth: depth))
    for (side, levels) in [("b", book.bids), ("a", book.asks)] {
      let wanted = levels.map { ($0.price.description, $0.quantity.description) }
      #expect(sides[side] == Dictionary(uniqueKeysWithValues: wanted))
    }
  }

  @Test("tickers: a snapshot, then only what changed")
  func publicTicker() throws {
    var client = Client()
    let stream = client.open(.publicLinear)
    _ = client.core.takeOutputs()
    client.core.message(
      Array(#"{"req_id":"t","op":"subscribe","args":["tickers.BTCUSDT"]}"#.utf8), from: stream,
      at: client.now)
    let first = client.messages(on: stream)
    #expect(first[1]["data"]?["symbol"] == "BTCUSDT")
    try client.quote("BTCUSDT", 65100)
    let delta = try #require(client.messages(on: stream).first)
    #expect(delta["type"] == "delta")
    #expect(delta["data"]?["markPrice"]?.stringValue?.hasPrefix("65100") == true)
    #expect(delta["data"]?["fundingRate"] == nil)
    #expect(
      client.send(#"{"op":"subscribe","args":["tickers.NOPE"]}"#, on: stream)?["success"] == false)
    #expect(client.send(#"{"op":"ping"}"#, on: stream)?["ret_msg"] == "pong")
    #expect(
      client.send(#"{"op":"unsubscribe","args":["tickers.BTCUSDT"]}"#, on: stream)?["success"]
        == true)
    try client.quote("BTCUSDT", 65000)
    #expect(client.messages(on: stream).isEmpty)
    #expect(client.core.topics.isEmpty)
  }

  @Test("closing a socket frees what it held")
  func closing() throws {
    var client = Client()
    let stream = client.open(.publicLinear)
    _ = client.send(
      #"{"op":"subscribe","args":["tickers.BTCUSDT","orderbook.1.ETHUSDT"]}"#, on: stream)
    #expect(client.core.topics.count == 2)
    client.core.closed(stream, at: client.now)
    #expect(client.core.topics.isEmpty)
    #expect(client.core.sockets.isEmpty)
  }

  @Test("every frame gets an answer, whatever is in it", arguments: SocketKind.allCases)
  func garbage(_ kind: SocketKind) {
    var client = Client()
    let id = client.open(kind)
    var chance = SplitMix64(seed: 99)
    let pieces = [
      "{", "}", "[", "]", "\"op\"", ":", ",", "\"subscribe\"", "\"auth\"", "\"args\"",
      "null", "1e999", "\"order.create\"", "\\u0000", "\u{FEFF}", "\"header\"", "\"x\"", " ",
    ]
    var frames: [[UInt8]] = [[], [0xFF, 0xFE], Array(repeating: UInt8(ascii: "["), count: 5000)]
    for _ in 0..<300 {
      let count = chance.number(in: 1...12)
      frames.append(
        (0..<count).flatMap { _ in Array(pieces[chance.number(in: 0...(pieces.count - 1))].utf8) })
    }
    for args in ["null", "{}", "[null]", "[[]]", "[1,2,3]", "[\"\",\"\",\"\"]", "[{}]", "\"x\""] {
      for op in ["auth", "subscribe", "unsubscribe", "order.create", "order.create-batch", "ping"] {
        frames.append(Array(#"{"op":"\#(op)","header":{},"args":\#(args)}"#.utf8))
      }
    }
    for frame in frames {
      _ = client.core.takeOutputs()
      client.core.message(frame, from: id, at: client.now)
      #expect(client.messages(on: id).count == 1)
    }
  }
}
