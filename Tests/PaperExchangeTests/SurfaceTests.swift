import Decimals
import Exchange
import JSON
import Testing
import Time

@testable import PaperExchange

@Suite("The order surface, in every category")
struct SurfaceTests {
  @Test("place, amend, cancel; by id and by link id", arguments: Category.allCases)
  func single(_ category: Category) {
    var client = Client()
    let symbol = client.symbol(category)
    let placed = client.place(category, "one")
    let id = placed["result"]?["orderId"]?.stringValue ?? ""
    func name(_ more: String = "") -> String {
      #"{"category":"\#(category.rawValue)","symbol":"\#(symbol)"\#(more)}"#
    }
    let twice = client.post("/v5/order/create", client.restingBody(category, "one"))
    #expect(twice["retCode"]?.intValue == (category == .spot ? 170_141 : 110_072))
    let quantity = category == .option ? "0.2" : category == .inverse ? "200" : "0.02"
    let amended = client.post(
      "/v5/order/amend", name(#","orderLinkId":"one","qty":"\#(quantity)""#))
    #expect(amended["retCode"] == 0)
    #expect(amended["result"]?["orderId"]?.stringValue == id)
    let text = "category=\(category.rawValue)&orderId=\(id)"
    #expect(
      client.get("/v5/order/realtime", text, key: Client.trader).list.first?["qty"]?.stringValue
        == quantity)
    #expect(client.post("/v5/order/cancel", name(#","orderId":"\#(id)""#))["retCode"] == 0)
    let missing = category == .spot ? 170_213 : 110_001
    for path in ["/v5/order/cancel", "/v5/order/amend"] {
      let body = name(#","orderId":"\#(id)","qty":"\#(quantity)""#)
      #expect(client.post(path, body)["retCode"]?.intValue == missing)
    }
    #expect(client.post("/v5/order/cancel", name())["retCode"] == 10001)
  }

  @Test(
    "batches take as many legs as the category allows, and cost as much",
    arguments: Category.allCases)
  func batchSize(_ category: Category) {
    var client = Client()
    let most = category == .spot ? 10 : 20
    func legs(_ count: Int, _ name: String) -> String {
      let legs = (0..<count).map { client.restingBody(category, "\(name)\($0)") }
      return #"{"category":"\#(category.rawValue)","request":[\#(legs.joined(separator: ","))]}"#
    }
    #expect(client.post("/v5/order/create-batch", legs(most + 1, "a"))["retCode"] == 10001)
    let codes = client.post("/v5/order/create-batch", legs(most, "b")).codes
    let (rate, tail) = category == .linear || category == .inverse ? (10, 10) : (most, 0)
    #expect(codes == Array(repeating: 0, count: rate) + Array(repeating: 10006, count: tail))
  }

  @Test("cancel-all says what it cancelled", arguments: Category.allCases)
  func cancelAll(_ category: Category) {
    var client = Client()
    _ = client.place(category, "one")
    _ = client.place(category, "two")
    let body =
      #"{"category":"\#(category.rawValue)","symbol":"\#(client.symbol(category))"}"#
    let gone = client.post("/v5/order/cancel-all", body)
    #expect(Set(gone.list.compactMap { $0["orderLinkId"]?.stringValue }) == ["one", "two"])
    #expect(gone["result"]?["success"] == "1")
    #expect(client.post("/v5/order/cancel-all", body).list.isEmpty)
  }

  @Test("the budgets of categories, kinds and batches are apart")
  func budgets() {
    var client = Client { $0.rates.orders = 1 }
    #expect(client.place(.linear, "a")["retCode"] == 0)
    #expect(client.post("/v5/order/create", order())["retCode"] == 10006)
    #expect(client.place(.inverse, "b")["retCode"] == 0)
    let name = #"{"category":"linear","symbol":"BTCUSDT","orderLinkId":"a"}"#
    #expect(client.post("/v5/order/cancel", name)["retCode"] == 0)
    let batch = client.post(
      "/v5/order/create-batch", batch([order(category: false), order(category: false)]))
    #expect(batch.codes == [0, 10006])
  }

  @Test("both transports share the budget of a kind")
  func sharedBudget() throws {
    var client = Client { $0.rates.orders = 1 }
    let socket = try client.open(.trade, as: Client.trader)
    #expect(client.trade("order.create", order(), on: socket)?["retCode"] == 0)
    #expect(client.post("/v5/order/create", order())["retCode"] == 10006)
    #expect(client.trade("order.cancel-all", "{}", on: socket)?["retCode"] == 10404)
  }

  @Test("leverage, position mode, stops and modes of the account")
  func settings() {
    var client = Client()
    func set(_ path: String, _ body: String) -> Int? {
      client.post(path, #"{"category":"linear","symbol":"BTCUSDT",\#(body)}"#)["retCode"]?.intValue
    }
    func positions() -> [JSONValue] {
      client.get("/v5/position/list", "category=linear&symbol=BTCUSDT", key: Client.trader).list
    }
    #expect(set("/v5/position/set-leverage", #""buyLeverage":"5","sellLeverage":"5""#) == 0)
    #expect(set("/v5/position/set-leverage", #""buyLeverage":"5","sellLeverage":"5""#) == 110_043)
    #expect(
      set("/v5/position/set-leverage", #""buyLeverage":"5000","sellLeverage":"5000""#) == 110_013)
    #expect(positions().first?["leverage"] == "5")
    client.trade(.linear, link: "x")
    #expect(positions().first?["leverage"] == "5")
    #expect(
      set("/v5/position/trading-stop", #""tpslMode":"Full","positionIdx":0,"stopLoss":"60000""#)
        == 0)
    #expect(positions().first?["stopLoss"] == "60000")
    #expect(set("/v5/position/switch-mode", #""mode":3"#) == 110_024)
    #expect(set("/v5/position/switch-isolated", #""tradeMode":1"#) == 100_028)
    client.pass(1000)
    #expect(
      client.post(
        "/v5/position/switch-mode", #"{"category":"linear","symbol":"ETHUSDT","mode":3}"#)[
          "retCode"] == 0)
    let sides = client.get(
      "/v5/position/list", "category=linear&symbol=ETHUSDT", key: Client.trader)
    #expect(sides.list.map { $0["positionIdx"]?.intValue } == [1, 2])
    #expect(
      client.post("/v5/account/set-margin-mode", #"{"setMarginMode":"REGULAR_MARGIN"}"#)["retCode"]
        == 0)
    #expect(
      client.post("/v5/account/set-margin-mode", #"{"setMarginMode":"ISOLATED_MARGIN"}"#)["retCode"]
        == 3_400_045)
    #expect(set("/v5/account/set-limit-px-action", #""modifyEnable":false"#) == 0)
    #expect(
      client.get("/v5/account/user-setting-config", key: Client.trader)["result"]?["lpaPerp"]
        == true)
    #expect(
      client.post("/v5/order/create", order("Buy", "0.01", price: "90000"))["retCode"] == 110_003)
    #expect(
      client.post(
        "/v5/position/set-leverage",
        #"{"category":"linear","symbol":"BTCUSDT","buyLeverage":"6","sellLeverage":"6"}"#,
        key: Client.reader)["retCode"] == 10005)
  }

  @Test("what an order would do to the margin, without placing it")
  func preCheck() {
    var client = Client()
    let answer = client.post("/v5/order/pre-check", order("Buy", "1", price: "65000", link: "p"))
    let margin = answer["result"]
    #expect(margin?["preImrE4"] == 0)
    #expect(margin?["postImrE4"]?.intValue ?? 0 > 600)
    #expect(margin?["orderLinkId"] == "p")
    #expect(client.core.venue.openOrders(of: client.core.configuration.account).isEmpty)
    #expect(
      client.post("/v5/order/pre-check", order("Buy", "1", price: "65000.05"))["retCode"] == 10001)
  }

  @Test("what can be bought and sold on spot")
  func borrowQuota() {
    var client = Client()
    client.trade(.spot, link: "x")
    func quota(_ side: String) -> JSONValue? {
      client.get(
        "/v5/order/spot-borrow-check", "category=spot&symbol=BTCUSDT&side=\(side)",
        key: Client.trader)["result"]
    }
    #expect(quota("Buy")?["borrowCoin"] == "USDT")
    #expect(quota("Sell")?["borrowCoin"] == "BTC")
    // Spot fees of a buyer are paid in the coin.
    #expect(quota("Sell")?["spotMaxTradeQty"] == "0.000999")
  }

  @Test("instruments by page, status and coin", arguments: Category.allCases)
  func instruments(_ category: Category) {
    var client = Client()
    func ask(_ more: String = "") -> JSONValue {
      client.get("/v5/market/instruments-info", "category=\(category.rawValue)\(more)")
    }
    let all = ask().list
    #expect(!all.isEmpty)
    #expect(all.allSatisfy { $0["status"] == "Trading" })
    #expect(ask("&status=PreLaunch").list.isEmpty)
    #expect(ask("&baseCoin=BTC").list.allSatisfy { $0["baseCoin"] == "BTC" })
    guard category != .spot else { return }
    var seen: [JSONValue] = []
    var cursor = ""
    repeat {
      let page = ask("&limit=4&cursor=\(cursor)")
      seen += page.list
      cursor = page["result"]?["nextPageCursor"]?.stringValue ?? ""
    } while !cursor.isEmpty
    #expect(seen == all)
  }

  @Test("what clients ask for at their start")
  func starting() {
    var client = Client()
    let coins = client.get("/v5/asset/coin/query-info", key: Client.trader)
    #expect(coins["result"] == ["rows": []])
    for category in Category.allCases {
      let fees = client.get(
        "/v5/account/fee-rate", "category=\(category.rawValue)", key: Client.trader)
      #expect(
        Shape(strings: "symbol baseCoin takerFeeRate makerFeeRate").faults(of: fees.list.first)
          == [])
    }
    let collateral = client.get("/v5/account/collateral-info", "currency=USDT", key: Client.trader)
    #expect(collateral.list.count == 1)
    #expect(collateral.list.first?["collateralSwitch"] == true)
    let wallet = client.get(
      "/v5/account/wallet-balance", "accountType=UNIFIED&coin=BTC,ETH", key: Client.trader)
    #expect(wallet.list.first?["coin"] == [])
  }

  @Test("a key has so many sessions and no more")
  func sessions() throws {
    var client = Client { $0.limits.sessions = 2 }
    _ = try client.open(.trade, as: Client.trader)
    let second = try client.open(.privateStream, as: Client.trader)
    _ = try client.open(.privateStream, as: Client.reader)
    let third = client.open(.trade)
    #expect(client.send(client.auth(Client.trader), on: third)?["retCode"] == 10003)
    client.core.closed(second, at: client.now)
    #expect(client.send(client.auth(Client.trader), on: third)?["retCode"] == 0)
  }
}

@Suite("Public streams of every category")
struct PublicStreamTests {
  @Test("tickers, books, trades, candles and limits come", arguments: Category.allCases)
  func topics(_ category: Category) throws {
    var client = Client()
    let stream = client.open(try #require(SocketKind.allCases.first { $0.category == category }))
    let symbol = client.symbol(category)
    let depths = category == .option ? [25, 100] : [1, 50, 200, 1000]
    var names = depths.map { "orderbook.\($0).\(symbol)" } + ["tickers.\(symbol)"]
    names.append("publicTrade.\(category == .option ? "BTC" : symbol)")
    if category != .option { names += ["kline.1.\(symbol)", "priceLimit.\(symbol)"] }
    let list = names.map { "\"\($0)\"" }.joined(separator: ",")
    _ = client.core.takeOutputs()
    client.core.message(
      Array(#"{"op":"subscribe","args":[\#(list)]}"#.utf8), from: stream, at: client.now)
    var messages = client.messages(on: stream)
    #expect(messages.removeFirst()["success"] == true)
    for _ in 0..<20 {
      client.pass(100)
      client.core.tick(at: client.now)
      messages += client.messages(on: stream)
    }
    client.trade(category, link: "mine")
    messages += client.messages(on: stream)
    let topics = Dictionary(grouping: messages) { $0["topic"]?.stringValue ?? "" }
    for name in names { #expect(topics[name]?.isEmpty == false, "\(name)") }
    let types = Set(topics["tickers.\(symbol)"]?.compactMap { $0["type"]?.stringValue } ?? [])
    #expect(types == (category.isFuture ? ["snapshot", "delta"] : ["snapshot"]))
    let trade = try #require(topics["publicTrade.\(category == .option ? "BTC" : symbol)"]?.last)
    #expect(
      Shape(
        strings: "s S v p i" + (category.isFuture ? " L" : ""), ints: "T seq", bools: "BT RPI"
      ).faults(of: trade["data"]?[0])
        == [])
    for depth in depths {
      let updates = topics["orderbook.\(depth).\(symbol)"]?.compactMap {
        $0["data"]?["u"]?.intValue
      }
      #expect(updates == updates?.sorted())
    }
  }

  @Test("a book made of its snapshot and its deltas is the book", arguments: Category.allCases)
  func rebuilt(_ category: Category) throws {
    var client = Client()
    let stream = client.open(try #require(SocketKind.allCases.first { $0.category == category }))
    let symbol = client.symbol(category)
    let depth = category == .option ? 100 : 200
    let topic = "orderbook.\(depth).\(symbol)"
    client.core.message(
      Array(#"{"op":"subscribe","args":["\#(topic)"]}"#.utf8), from: stream, at: client.now)
    var messages = client.messages(on: stream)
    for turn in 0..<40 {
      client.pass(100)
      client.core.tick(at: client.now)
      if turn % 8 == 0 { client.trade(category, link: "t\(turn)") }
      messages += client.messages(on: stream)
    }
    let updates = messages.filter { $0["topic"]?.stringValue == topic }
    #expect(updates.first?["type"] == "snapshot")
    #expect(updates.count { $0["type"] == "delta" } > 5)
    var sides: [Text: [String: String]] = ["b": [:], "a": [:]]
    for update in updates {
      if update["type"] == "snapshot" { sides = ["b": [:], "a": [:]] }
      for side in ["b", "a"] as [Text] {
        for level in update["data"]?[side]?.arrayValue ?? [] {
          let (price, size) = (level[0]?.stringValue ?? "", level[1]?.stringValue ?? "")
          sides[side]?[price] = size == "0" ? nil : size
        }
      }
    }
    let most = category == .option ? 25 : 200
    let book = client.get(
      "/v5/market/orderbook", "category=\(category.rawValue)&symbol=\(symbol)&limit=\(most)")
    for side in ["b", "a"] as [Text] {
      let rows = book["result"]?[side]?.arrayValue ?? []
      #expect(!rows.isEmpty)
      for row in rows {
        let price = row[0]?.stringValue ?? ""
        #expect(sides[side]?[price] == row[1]?.stringValue, "\(side) \(price)")
      }
      if rows.count < most { #expect(sides[side]?.count == rows.count) }
    }
  }

  @Test("price limits on the stream are those of REST", arguments: Category.allCases)
  func limits(_ category: Category) throws {
    guard category != .option else { return }
    var client = Client()
    let stream = client.open(try #require(SocketKind.allCases.first { $0.category == category }))
    let symbol = client.symbol(category)
    client.core.message(
      Array(#"{"op":"subscribe","args":["priceLimit.\#(symbol)"]}"#.utf8), from: stream,
      at: client.now)
    var last: JSONValue?
    for _ in 0..<20 {
      client.pass(100)
      client.core.tick(at: client.now)
      for message in client.messages(on: stream) where message["data"]?["buyLmt"] != nil {
        last = message["data"]
      }
      guard let shown = last else { continue }
      let asked = client.get(
        "/v5/market/price-limit", "category=\(category.rawValue)&symbol=\(symbol)")["result"]
      for key in ["symbol", "buyLmt", "sellLmt"] as [Text] { #expect(shown[key] == asked?[key]) }
      last = nil
    }
    #expect(client.get("/v5/market/time")["retCode"] == 0)
  }

  @Test("one symbol in two categories is two markets")
  func twins() throws {
    var client = Client()
    let (linear, spot) = (client.open(.publicLinear), client.open(.publicSpot))
    for stream in [linear, spot] {
      _ = client.send(#"{"op":"subscribe","args":["tickers.BTCUSDT"]}"#, on: stream)
    }
    #expect(client.core.topics.count == 2)
    client.core.closed(spot, at: client.now)
    #expect(client.core.topics.keys.map(\.category) == [.linear])
  }

  @Test(
    "topics that a stream does not have",
    arguments: [
      (SocketKind.publicLinear, "orderbook.25.BTCUSDT"), (.publicOption, "orderbook.50.BTCUSDT"),
      (.publicSpot, "tickers.BTCUSD"), (.publicInverse, "tickers.BTCUSDT"),
      (.publicLinear, "kline.7.BTCUSDT"), (.publicLinear, "kline.BTCUSDT"),
      (.publicLinear, "tickers."), (.publicLinear, ""), (.publicLinear, "liquidation.BTCUSDT"),
    ])
  func unknown(_ kind: SocketKind, _ topic: String) {
    var client = Client()
    let stream = client.open(kind)
    let answer = client.send(#"{"op":"subscribe","args":["\#(topic)"]}"#, on: stream)
    #expect(answer?["success"] == false)
    #expect(client.core.topics.isEmpty)
  }
}

@Suite("Prices")
struct PriceTests {
  @Test("a market follows the model that it is told to")
  func models() {
    var client = Client { $0.prices = .trending }
    let start = client.core.venue.mark("BTCUSDT") ?? .zero
    for _ in 0..<200 { client.core.tick(at: client.now) }
    #expect((client.core.venue.mark("BTCUSDT") ?? .zero) > start)
    let (answer, _) = client.ask(
      "POST", "/paper/model", query: "model=halt&symbol=BTCUSDT", body: "", key: nil)
    #expect(answer.status == 200)
    client.core.tick(at: client.now)
    #expect(client.post("/v5/order/create", order())["retCode"] != 0)
    let (bad, _) = client.ask("POST", "/paper/model", query: "model=wild", body: "", key: nil)
    #expect(bad.status == 400)
  }
}
