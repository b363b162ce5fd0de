import Exchange
import JSON
import Testing
import Time

@testable import PaperExchange

/// The shapes of V5, member by member and type by type.
@Suite("Golden shapes")
struct GoldenShapeTests {
  @Test("orders, fills, positions and wallets on REST", arguments: Category.allCases)
  func account(_ category: Category) throws {
    var client = Client()
    let symbol = client.symbol(category)
    client.trade(category, link: "done")
    _ = client.place(category, "rests")
    let text = "category=\(category.rawValue)&symbol=\(symbol)"
    let open = client.get("/v5/order/realtime", text, key: Client.trader)
    #expect(Shape.envelope.faults(of: open) == [])
    #expect(open["result"]?["category"]?.stringValue == category.rawValue)
    #expect(open["result"]?["nextPageCursor"] == "")
    #expect(Shape.order.faults(of: open.list.first) == [])
    #expect(open.list.map { $0["orderLinkId"] } == ["rests"])
    let closed = client.get("/v5/order/history", text, key: Client.trader)
    #expect(Shape.order.faults(of: closed.list.first) == [])
    #expect(closed.list.first?["orderStatus"] == "Filled")
    #expect(Shape.envelope.faults(of: closed) == [])
    #expect(Shape.page.faults(of: closed["result"]) == [])
    let fills = client.get("/v5/execution/list", text, key: Client.trader)
    #expect(Shape.execution.faults(of: fills.list.first) == [])
    #expect(fills.list.first?["execType"] == "Trade")
    #expect(Shape.envelope.faults(of: fills) == [])
    #expect(Shape.page.faults(of: fills["result"]) == [])
    if category != .spot {
      let positions = client.get("/v5/position/list", text, key: Client.trader)
      #expect(Shape.position.faults(of: positions.list.first) == [])
      #expect(Shape.envelope.faults(of: positions) == [])
      #expect(Shape.page.faults(of: positions["result"]) == [])
    }
    let wallet = client.get("/v5/account/wallet-balance", "accountType=UNIFIED", key: Client.trader)
    #expect(Shape.wallet.faults(of: wallet.list.first) == [])
    let coins = wallet.list.first?["coin"]?.arrayValue ?? []
    #expect(!coins.isEmpty)
    for coin in coins { #expect(Shape.coin.faults(of: coin) == []) }
  }

  @Test("the same on the private stream", arguments: Category.allCases)
  func events(_ category: Category) throws {
    var client = Client()
    var topics = ["order", "execution", "execution.fast", "wallet"]
    if category != .spot { topics.append("position") }
    let stream = try client.subscribed(to: topics)
    client.trade(category, link: "done")
    let messages = client.events(on: stream)
    let envelope = Shape(strings: "id topic", ints: "creationTime", arrays: "data")
    #expect(Set(messages.compactMap { $0["topic"]?.stringValue }) == Set(topics))
    for message in messages { #expect(envelope.faults(of: message) == []) }
    func first(_ topic: String) -> JSONValue? {
      messages.first { $0["topic"]?.stringValue == topic }?["data"]?[0]
    }
    #expect(Shape.orderEvent.faults(of: first("order")) == [])
    #expect(Shape.executionEvent.faults(of: first("execution")) == [])
    #expect(first("execution")?["category"]?.stringValue == category.rawValue)
    #expect(Shape.fastExecution.faults(of: first("execution.fast")) == [])
    #expect(Shape.wallet.faults(of: first("wallet")) == [])
    if category != .spot {
      #expect(Shape.positionEvent.faults(of: first("position")) == [])
    }
  }

  @Test("a topic of one category has the same rows, and no others", arguments: Category.allCases)
  func byCategory(_ category: Category) throws {
    var client = Client()
    let bases = ["order", "execution", "execution.fast"] + (category == .spot ? [] : ["position"])
    let whole = try client.subscribed(to: bases)
    let mine = try client.subscribed(to: bases.map { "\($0).\(category.rawValue)" })
    let other: Category = category == .linear ? .inverse : .linear
    let others = try client.subscribed(to: bases.map { "\($0).\(other.rawValue)" })
    client.trade(category, link: "done")
    _ = client.sent()
    client.pass(client.core.configuration.eventDelay.count)
    client.core.flush(at: client.now)
    let sent = client.sent()
    func rows(_ id: ConnectionID, _ topic: String) -> [JSONValue] {
      sent.filter { $0.0 == id && $0.1["topic"]?.stringValue == topic }
        .flatMap { $0.1["data"]?.arrayValue ?? [] }
    }
    for base in bases {
      let found = rows(mine, "\(base).\(category.rawValue)")
      #expect(!found.isEmpty, "\(base)")
      #expect(found == rows(whole, base), "\(base)")
    }
    #expect(!sent.contains { $0.0 == others })
  }

  private static func marketShapes(_ category: Category) -> (Shape, Shape) {
    switch category {
    case .linear, .inverse: (.contractTicker, .contract)
    case .spot: (.spotTicker, .spotPair)
    case .option: (.optionTicker, .optionContract)
    }
  }

  @Test("market data", arguments: Category.allCases)
  func market(_ category: Category) {
    var client = Client()
    let symbol = client.symbol(category)
    let text = "category=\(category.rawValue)&symbol=\(symbol)"
    let (ticker, instrument) = Self.marketShapes(category)
    #expect(ticker.faults(of: client.get("/v5/market/tickers", text).list.first) == [])
    let row = client.get("/v5/market/instruments-info", text).list.first
    #expect(instrument.faults(of: row) == [])
    #expect(row?["symbol"]?.stringValue == symbol)
    let lots =
      switch category {
      case .linear:
        Shape(
          strings: """
            maxOrderQty minOrderQty qtyStep maxMktOrderQty minNotionalValue postOnlyMaxOrderQty
            """)
      case .inverse:
        Shape(strings: "maxOrderQty minOrderQty qtyStep maxMktOrderQty postOnlyMaxOrderQty")
      case .spot:
        Shape(
          strings: """
            basePrecision quotePrecision minOrderQty maxOrderQty minOrderAmt maxLimitOrderQty \
            maxMarketOrderQty postOnlyMaxLimitOrderSize maxOrderAmt
            """)
      case .option: Shape(strings: "maxOrderQty minOrderQty qtyStep")
      }
    #expect(lots.faults(of: row?["lotSizeFilter"]) == [])
    let book = client.get("/v5/market/orderbook", text + "&limit=5")["result"]
    #expect(Shape(strings: "s", ints: "ts u seq cts", arrays: "b a").faults(of: book) == [])
    #expect(book?["b"]?[0]?.arrayValue?.allSatisfy { $0.stringValue != nil } == true)
    guard category != .option else { return }
    let limit = client.get("/v5/market/price-limit", text)["result"]
    #expect(Shape(strings: "symbol buyLmt sellLmt ts").faults(of: limit) == [])
  }

  @Test("trades, candles, funding and risk")
  func history() {
    var client = Client()
    client.trade(.linear, link: "one")
    let text = "category=linear&symbol=BTCUSDT"
    let trade = client.get("/v5/market/recent-trade", text).list.first
    #expect(
      Shape(
        strings: "execId symbol price size side time", ints: "seq", bools: "isBlockTrade isRPITrade"
      ).faults(of: trade) == [])
    let candles = client.get("/v5/market/kline", text + "&interval=5")["result"]
    #expect(candles?["symbol"] == "BTCUSDT")
    let candle = candles?["list"]?[0]?.arrayValue ?? []
    #expect(candle.count == 7)
    #expect(candle.allSatisfy { $0.stringValue != nil })
    #expect(candle.first == "1800000000000")
    client.core.tick(at: client.now)
    client.pass(8 * 3_600_000)
    client.core.tick(at: client.now)
    let rate = client.get("/v5/market/funding/history", text).list.first
    #expect(Shape(strings: "symbol fundingRate fundingRateTimestamp").faults(of: rate) == [])
    let tier = client.get("/v5/market/risk-limit", text).list.first
    #expect(
      Shape(
        strings: "symbol riskLimitValue maintenanceMargin initialMargin maxLeverage mmDeduction",
        ints: "id isLowestRisk"
      ).faults(of: tier) == [])
  }

  @Test("answers of the trade socket, one and many, taken and refused")
  func tradeSocket() throws {
    var client = Client()
    let socket = try client.open(.trade, as: Client.trader)
    let one = client.trade(
      "order.create", order("Buy", "0.01", price: "64000", link: "x"), on: socket, request: "r1")
    #expect(Shape.tradeReply.faults(of: one) == [])
    #expect(Shape.tradeHeader.faults(of: one?["header"]) == [])
    #expect(Shape.ids.faults(of: one?["data"]) == [])
    let refused = client.trade("order.create", order(link: "x"), on: socket, request: "r2")
    #expect(Shape.tradeReply.faults(of: refused) == [])
    #expect(refused?["data"] == [:])
    let legs = batch([order("Buy", "0.01", price: "64000", link: "y", category: false), "{}"])
    let many = client.trade("order.create-batch", legs, on: socket, request: "r3")
    #expect(Shape.tradeReply.faults(of: many) == [])
    #expect(Shape.tradeHeader.faults(of: many?["header"]) == [])
    let created = many?["data"]?["list"]?.arrayValue ?? []
    let codes = many?["retExtInfo"]?["list"]?.arrayValue ?? []
    #expect((created.count, codes.count) == (2, 2))
    for leg in created { #expect(Shape.createdLeg.faults(of: leg) == []) }
    #expect((created.last?["orderId"], created.last?["createAt"]) == ("", ""))
    for code in codes { #expect(Shape.legCode.faults(of: code) == []) }
    let change = #"{"symbol":"BTCUSDT","orderLinkId":"y","qty":"0.02"}"#
    let amended = client.trade("order.amend-batch", batch([change]), on: socket, request: "r4")
    #expect(amended?.codes == [0])
    #expect(Shape.changedLeg.faults(of: amended?["data"]?["list"]?[0]) == [])
    let name = #"{"symbol":"BTCUSDT","orderLinkId":"y"}"#
    let gone = client.trade("order.cancel-batch", batch([name, name]), on: socket, request: "r5")
    #expect(gone?.codes == [0, 110001])
    #expect(Shape.changedLeg.faults(of: gone?["data"]?["list"]?[1]) == [])
    let moved = #"{"category":"linear","symbol":"BTCUSDT","orderLinkId":"x","qty":"0.02"}"#
    let dropped = #"{"category":"linear","symbol":"BTCUSDT","orderLinkId":"x"}"#
    for (operation, body) in [("order.amend", moved), ("order.cancel", dropped)] {
      let answer = client.trade(operation, body, on: socket, request: "r-\(operation)")
      #expect(answer?["retCode"] == 0)
      #expect(Shape.tradeReply.faults(of: answer) == [])
      #expect(Shape.tradeHeader.faults(of: answer?["header"]) == [])
      #expect(Shape.ids.faults(of: answer?["data"]) == [])
    }
    let pong = client.send(#"{"op":"ping"}"#, on: socket)
    #expect(
      Shape(strings: "retMsg op connId", ints: "retCode", arrays: "data").faults(of: pong) == [])
  }

  @Test("answers to orders on REST, one and many", arguments: Category.allCases)
  func orderAnswers(_ category: Category) {
    var client = Client()
    let symbol = client.symbol(category)
    func name(_ link: String, _ more: String = "") -> String {
      #"{"symbol":"\#(symbol)","orderLinkId":"\#(link)"\#(more)}"#
    }
    func many(_ legs: String...) -> String {
      #"{"category":"\#(category.rawValue)","request":[\#(legs.joined(separator: ","))]}"#
    }
    func one(_ link: String, _ more: String = "") -> String {
      #"{"category":"\#(category.rawValue)",\#(name(link, more).dropFirst())"#
    }
    let quantity = category == .option ? "0.2" : category == .inverse ? "200" : "0.02"
    let more = #","qty":"\#(quantity)""#
    let created = client.post("/v5/order/create", client.restingBody(category, "x"))
    let changed = client.post("/v5/order/amend", one("x", more))
    for answer in [created, changed, client.post("/v5/order/cancel", one("x"))] {
      #expect(Shape.envelope.faults(of: answer) == [])
      #expect(Shape.ids.faults(of: answer["result"]) == [])
      #expect(answer["result"]?.objectValue?.count == 2)
    }
    // Numbers on spot, with dashes elsewhere.
    let id = created["result"]?["orderId"]?.stringValue ?? ""
    #expect((Int64(id) != nil) == (category == .spot), "\(id)")
    let legs = [client.restingBody(category, "y"), client.restingBody(category, "y")]
    let batch = client.post("/v5/order/create-batch", many(legs[0], legs[1]))
    #expect(batch.codes.first == 0 && batch.codes.last != 0)
    #expect(batch.list.count == 2)
    for leg in batch.list { #expect(Shape.createdLeg.faults(of: leg) == []) }
    let others = [
      client.post("/v5/order/amend-batch", many(name("y", more), name("z", more))),
      client.post("/v5/order/cancel-batch", many(name("y"), name("z"))),
    ]
    for answer in others {
      #expect(answer.codes.first == 0 && answer.codes.last != 0)
      #expect(answer.list.count == 2)
      for leg in answer.list { #expect(Shape.changedLeg.faults(of: leg) == []) }
    }
    for answer in others + [batch] {
      #expect(Shape.envelope.faults(of: answer) == [])
      let codes = answer["retExtInfo"]?["list"]?.arrayValue ?? []
      #expect(codes.count == 2)
      for code in codes { #expect(Shape.legCode.faults(of: code) == []) }
    }
    _ = client.post("/v5/order/create", client.restingBody(category, "last"))
    let gone = client.post("/v5/order/cancel-all", one("last"))
    #expect(Shape.ids.faults(of: gone.list.first) == [])
    #expect(Shape(strings: "success", arrays: "list").faults(of: gone["result"]) == [])
  }

  @Test("the account, its settings and its key")
  func accountAndKey() {
    var client = Client()
    for (path, shape) in [
      ("/v5/account/info", Shape.account), ("/v5/account/user-setting-config", Shape.settings),
      ("/v5/user/query-api", Shape.key),
    ] {
      let answer = client.get(path, key: Client.trader)
      #expect(Shape.envelope.faults(of: answer) == [], "\(path)")
      #expect(shape.faults(of: answer["result"]) == [], "\(path)")
    }
    let info = client.get("/v5/account/info", key: Client.trader)["result"]
    #expect((info?["marginMode"], info?["dcpStatus"]) == ("REGULAR_MARGIN", "OFF"))
    let reader = client.get("/v5/user/query-api", key: Client.reader)["result"]
    #expect((reader?["readOnly"], reader?["secret"]) == (1, ""))
  }

  @Test("a sign-in is answered in the style of each socket")
  func signIn() throws {
    var client = Client()
    let trade = client.open(.trade)
    let taken = client.send(client.auth(Client.trader), on: trade)
    #expect(Shape(strings: "retMsg op connId", ints: "retCode").faults(of: taken) == [])
    #expect((taken?["retCode"], taken?["retMsg"], taken?["op"]) == (0, "OK", "auth"))
    let stream = client.open(.privateStream)
    let word = Shape(strings: "ret_msg op conn_id", bools: "success")
    let welcome = client.send(client.auth(Client.trader), on: stream)
    #expect(word.faults(of: welcome) == [])
    #expect((welcome?["success"], welcome?["ret_msg"], welcome?["op"]) == (true, "", "auth"))
    let wrong = #"{"op":"auth","args":["nobody",1,"x"]}"#
    let refused = client.send(wrong, on: client.open(.privateStream))
    #expect(refused?["success"] == false && refused?["ret_msg"]?.stringValue?.isEmpty == false)
    #expect(client.send(wrong, on: client.open(.trade))?["retCode"] != 0)
  }

  @Test("answers of the streams, each in its own style")
  func streams() throws {
    var client = Client()
    let stream = try client.open(.privateStream, as: Client.trader)
    let word = Shape(strings: "ret_msg op conn_id req_id", bools: "success")
    let subscribe = #"{"req_id":"1","op":"subscribe","args":["order"]}"#
    #expect(word.faults(of: client.send(subscribe, on: stream)) == [])
    // What was asked for comes back with the refusal.
    let wrong = #"{"req_id":"9","op":"subscribe","args":["nothing"]}"#
    let refused = client.send(wrong, on: stream)
    #expect(
      Shape(strings: "ret_msg op conn_id req_id", bools: "success", objects: "request")
        .faults(of: refused) == [])
    #expect(refused?["request"] == ["req_id": "9", "op": "subscribe", "args": ["nothing"]])
    let ping = #"{"req_id":"2","op":"ping"}"#
    #expect(
      Shape(strings: "req_id op conn_id", arrays: "args").faults(of: client.send(ping, on: stream))
        == [])
    let linear = client.open(.publicLinear)
    #expect(word.faults(of: client.send(ping, on: linear)) == [])
    let option = client.open(.publicOption)
    let symbol = client.symbol(.option)
    let said = client.send(#"{"op":"subscribe","args":["tickers.\#(symbol)"]}"#, on: option)
    #expect(said?["type"] == "COMMAND_RESP")
    #expect(said?["data"]?["successTopics"]?[0]?.stringValue == "tickers.\(symbol)")
    #expect(client.send(#"{"op":"ping"}"#, on: option)?["op"] == "pong")
  }
}
