import Exchange
import JSON
import Testing
import Time

@testable import PaperExchange

@Suite("REST")
struct RestTests {
  @Test("public answers carry the V5 envelope")
  func publicAnswers() {
    var client = Client()
    let time = client.get("/v5/market/time")
    #expect(time["retCode"] == 0)
    #expect(time["result"]?["timeSecond"] == "1800000000")
    #expect(time["result"]?["timeNano"] == "1800000000000000000")
    #expect(time["time"] == 1_800_000_000_000)
    #expect(client.get("/v5/market/tickers", "category=linear").list.count == 6)
    let ticker = client.get("/v5/market/tickers", "category=linear&symbol=BTCUSDT").list.first
    #expect(ticker?["markPrice"] == "65000.00")
    let instrument = client.get("/v5/market/instruments-info", "category=linear&symbol=BTCUSDT")
      .list.first
    #expect(instrument?["priceFilter"]?["tickSize"] == "0.10")
    #expect(instrument?["lotSizeFilter"]?["minNotionalValue"] == "5")
    let book = client.get("/v5/market/orderbook", "category=linear&symbol=BTCUSDT&limit=3")
    #expect(book["result"]?["b"]?.arrayValue?.count == 3)
    #expect(book["result"]?["b"]?[0]?[0] == "64999.90")
    let band = client.get("/v5/market/price-limit", "category=linear&symbol=BTCUSDT")["result"]
    #expect(band?["buyLmt"] == "65650.00")
    #expect(band?["sellLmt"] == "64350.00")
  }

  @Test(
    "what is asked wrongly is 10001",
    arguments: [
      ("/v5/market/tickers", ""), ("/v5/market/tickers", "category=spots"),
      ("/v5/market/tickers", "category=option"), ("/v5/market/kline", "symbol=BTCUSDT&interval=7"),
      ("/v5/market/funding/history", "category=spot&symbol=BTCUSDT"),
      ("/v5/market/recent-trade", "category=linear"),
      ("/v5/market/tickers", "category=linear&symbol=NOPE"),
      ("/v5/market/tickers", "category=linear&category=linear"),
      ("/v5/market/tickers", "category=%zz"), ("/v5/market/tickers", "category=%ff"),
      ("/v5/market/orderbook", "category=linear"),
      ("/v5/market/orderbook", "category=linear&symbol=BTCUSDT&limit=99999"),
      ("/v5/market/instruments-info", "category=linear&cursor=guess"),
    ])
  func wrongQuestions(_ path: String, _ query: String) {
    var client = Client()
    #expect(client.get(path, query)["retCode"] == 10001)
  }

  @Test(
    "unknown paths are 404",
    arguments: ["/", "/v5/nope", "/ai-manifest/mcp/manifest", "/paper/nope", "/v5/trade"])
  func unknownPaths(_ path: String) {
    var client = Client()
    #expect(client.ask("GET", path, query: "", body: "", key: nil).0.status == 404)
  }

  @Test("signatures are checked over the raw query and body")
  func signatures() {
    var client = Client()
    func code(
      _ key: PaperKey?, skew: Int64 = 0, window: String = "5000", signing: String? = nil
    ) -> Int? {
      client.ask(
        "GET", "/v5/order/realtime", query: "category=linear&symbol=BTCUSDT", body: "", key: key,
        skew: skew, window: window, signing: signing
      ).1["retCode"]?.intValue
    }
    #expect(code(Client.trader) == 0)
    #expect(code(Client.trader, signing: "symbol=BTCUSDT&category=linear") == 10004)
    #expect(code(PaperKey(key: "trader", secret: "wrong", canTrade: true)) == 10004)
    #expect(code(PaperKey(key: "nobody", secret: "x", canTrade: true)) == 10003)
    #expect(code(nil) == 10001)
    #expect(code(Client.trader, skew: -5000) == 0)
    #expect(code(Client.trader, skew: -5001) == 10002)
    #expect(code(Client.trader, skew: 999) == 0)
    #expect(code(Client.trader, skew: 1000) == 10002)
    #expect(code(Client.trader, window: "soon") == 10001)
    #expect(code(Client.trader, window: "99999999") == 10001)
  }

  @Test("a key that may only read reads the same account and places nothing")
  func readOnly() {
    var client = Client()
    #expect(client.post("/v5/order/create", order(), key: Client.reader)["retCode"] == 10005)
    #expect(
      client.post("/v5/order/create-batch", batch([order()]), key: Client.reader)["retCode"]
        == 10005)
    #expect(
      client.post(
        "/v5/order/cancel", #"{"category":"linear","symbol":"BTCUSDT","orderId":"x"}"#,
        key: Client.reader)["retCode"] == 10005)
    let reader = client.get("/v5/user/query-api", key: Client.reader)["result"]
    let trader = client.get("/v5/user/query-api", key: Client.trader)["result"]
    #expect(reader?["readOnly"] == 1)
    #expect(trader?["readOnly"] == 0)
    #expect(reader?["userID"] == trader?["userID"])
  }

  @Test("an order from placing to its traces")
  func orderTraces() throws {
    var client = Client()
    let ack = client.post("/v5/order/create", order(link: "first"))
    #expect(ack["retCode"] == 0)
    #expect(ack["result"]?["orderLinkId"] == "first")
    let id = try #require(ack["result"]?["orderId"])
    let again = client.post("/v5/order/create", order(link: "first"))
    #expect(again["retCode"] == 110072)
    #expect(again["retMsg"] == "OrderLinkedID is duplicate")
    let resting = client.post("/v5/order/create", order("Buy", "0.02", price: "64000", link: "bid"))
    #expect(resting["retCode"] == 0)

    let open = client.get(
      "/v5/order/realtime", "category=linear&settleCoin=USDT", key: Client.reader)
    #expect(open.list.map { $0["orderLinkId"] } == ["bid"])
    #expect(open.list.first?["price"] == "64000")
    #expect(open.list.first?["leavesQty"] == "0.020")
    let byLink = client.get(
      "/v5/order/realtime", "category=linear&orderLinkId=first", key: Client.reader)
    #expect(byLink.list.map { $0["orderStatus"] } == ["Filled"])
    let history = client.get("/v5/order/history", "category=linear", key: Client.reader)
    #expect(history.list.map { $0["orderId"] } == [id])
    let fills = client.get("/v5/execution/list", "category=linear", key: Client.reader)
    #expect(fills.list.first?["orderId"] == id)
    #expect(fills.list.first?["execFee"] == "0.35750055")
    let position = client.get(
      "/v5/position/list", "category=linear&symbol=BTCUSDT", key: Client.reader
    ).list.first
    #expect(position?["side"] == "Buy")
    #expect(position?["size"] == "0.01")
    #expect(position?["avgPrice"] == "65000.1")
    let wallet = client.get(
      "/v5/account/wallet-balance", "accountType=UNIFIED", key: Client.reader
    ).list.first
    #expect(wallet?["coin"]?[0]?["walletBalance"] == "99999.64249945")

    let cancel = client.post(
      "/v5/order/cancel", #"{"category":"linear","symbol":"BTCUSDT","orderLinkId":"bid"}"#)
    #expect(cancel["retCode"] == 0)
    let twice = client.post(
      "/v5/order/cancel", #"{"category":"linear","symbol":"BTCUSDT","orderLinkId":"bid"}"#)
    #expect(twice["retCode"] == 110001)
  }

  @Test("a flat symbol still has a position row, a settle coin lists only what is open")
  func flatPosition() {
    var client = Client()
    let row = client.get(
      "/v5/position/list", "category=linear&symbol=ETHUSDT", key: Client.trader
    ).list.first
    #expect(row?["side"] == "")
    #expect(row?["size"] == "0")
    #expect(
      client.get("/v5/position/list", "category=linear&settleCoin=USDT", key: Client.trader).list
        .isEmpty)
  }

  @Test("the answers of a batch stand at the indices of its legs")
  func batchLegs() {
    var client = Client()
    let answer = client.post(
      "/v5/order/create-batch",
      batch([
        order("Buy", "0.01", price: "64000", link: "a", category: false),
        order("Buy", "0.0015", price: "64000", link: "b", category: false),
        order("Buy", "0.01", price: "64000", link: "a", category: false),
        order("Sell", "100", link: "d", symbol: "HIFIUSDT", category: false),
        order("Buy", "0.01", category: false, more: #","positionIdx":1"#),
        #""no object""#,
      ]))
    #expect(answer["retCode"] == 0)
    #expect(answer.codes == [0, 10001, 110072, 0, 10001, 10001])
    #expect(answer.list.map { $0["orderLinkId"]?.stringValue } == ["a", "b", "a", "d", "", ""])
    #expect(answer.list.map { $0["orderId"] == "" } == [false, true, true, false, true, true])
    #expect(answer.list.map { $0["createAt"] == "" } == [false, true, true, false, true, true])
  }

  @Test("past the second's budget the first legs succeed and the tail gets 10006")
  func batchTail() {
    var client = Client()
    let legs = (0..<20).map {
      order("Buy", "0.001", price: "64000", link: "leg-\($0)", category: false)
    }
    let answer = client.post("/v5/order/create-batch", batch(legs))
    #expect(answer.codes == Array(repeating: 0, count: 10) + Array(repeating: 10006, count: 10))
    // Single orders have a budget of their own.
    #expect(client.post("/v5/order/create", order())["retCode"] == 0)
    client.pass(1000)
    #expect(client.post("/v5/order/create-batch", batch([legs[10]])).codes == [0])
    #expect(client.post("/v5/order/create-batch", batch([]))["retCode"] == 10001)
    #expect(client.post("/v5/order/create-batch", batch(legs + [legs[0]]))["retCode"] == 10001)
  }

  @Test("single orders past the budget get 10006 and its headers say so")
  func singleRate() {
    var client = Client { $0.rates.orders = 2 }
    func place() -> (RestAnswer, JSONValue) {
      client.ask("POST", "/v5/order/create", query: "", body: order(), key: Client.trader)
    }
    let first = place().0.headers.first { $0.0 == "X-Bapi-Limit-Status" }?.1
    #expect(first == "1")
    #expect(place().1["retCode"] == 0)
    #expect(place().1["retCode"] == 10006)
    client.pass(1000)
    #expect(place().1["retCode"] == 0)
  }

  @Test(
    "bodies that are no order are refused in words",
    arguments: [
      "", "{", "[]", "null", #"{"category":"linear"}"#, #"{"category":"spot"}"#,
      order(more: #","qty":"1""#), order(more: #","takeProfit":"100""#),
      order(more: #","mmp":true"#), order(more: #","triggerPrice":"1""#),
      order(more: #","triggerPrice":"70000","triggerDirection":3"#),
      order(more: #","reduceOnly":1"#),
      order(more: #","timeInForce":"gtc""#), order("buy"), order("Buy", "1e3"), order("Buy", "+1"),
      order("Buy", ""), order("Buy", more: #","positionIdx":{}"#),
      order().replacing(#""0.01""#, with: "0.01"),
    ])
  func badBodies(_ body: String) {
    var client = Client()
    let answer = client.post("/v5/order/create", body)
    #expect(answer["retCode"] == 10001)
    #expect(answer["retMsg"]?.stringValue?.isEmpty == false)
    #expect(client.core.venue.openOrders(of: client.core.configuration.account).isEmpty)
  }

  @Test("neutral values of fields that are not carried out pass")
  func neutralFields() {
    var client = Client()
    let body = order(
      more: #","takeProfit":"","stopLoss":"0","isLeverage":0,"smpType":"None","orderFilter":"""#)
    #expect(client.post("/v5/order/create", body)["retCode"] == 0)
  }

  @Test("pages follow each other to the end")
  func pages() {
    var client = Client { $0.rates.orders = 100 }
    for number in 0..<5 {
      _ = client.post("/v5/order/create", order("Buy", "0.001", price: "64000", link: "n\(number)"))
    }
    var seen: [String] = []
    var cursor = ""
    repeat {
      let page = client.get(
        "/v5/order/realtime", "category=linear&symbol=BTCUSDT&limit=2&cursor=\(cursor)",
        key: Client.trader)
      seen += page.list.compactMap { $0["orderLinkId"]?.stringValue }
      cursor = page["result"]?["nextPageCursor"]?.stringValue ?? ""
    } while !cursor.isEmpty
    #expect(seen == ["n4", "n3", "n2", "n1", "n0"])
  }

  @Test("the log tells what arrived, byte for byte, and what came of it")
  func log() throws {
    var client = Client()
    let body = order(link: "logged")
    _ = client.post("/v5/order/create", body)
    _ = client.post("/v5/order/create-batch", batch([order(link: "logged", category: false)]))
    let (answer, _) = client.ask("GET", "/paper/log", query: "", body: "", key: nil)
    let lines = try String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
      .map { try JSONParser.parse(String($0)) }
    #expect(lines[0]["body"]?.stringValue == body)
    #expect(lines[0]["key"] == "trader")
    #expect(lines[0]["code"] == 0)
    #expect(lines[1]["legs"]?[0] == 110072)
    #expect(lines.map { $0["n"]?.intValue } == [1, 2])
    let text = String(decoding: answer.body, as: UTF8.self)
    #expect(!text.contains("trade-secret"))
  }
}
