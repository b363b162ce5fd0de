import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Spot")
struct SpotTests {
  static func desk(_ dollars: ExactDecimal = 10_000, bitcoin: ExactDecimal = 0) -> Desk {
    Desk(deposit: dollars, listings: Listing.linear + Listing.spot, coins: ["BTC": bitcoin])
  }

  static func order(
    _ side: Side, _ quantity: ExactDecimal, at price: ExactDecimal? = nil,
    unit: MarketUnit? = nil
  ) -> OrderRequest {
    var request = OrderRequest(
      category: .spot, symbol: "BTCUSDT", side: side, type: price == nil ? .market : .limit,
      quantity: quantity, price: price)
    request.marketUnit = unit
    return request
  }

  @Test("a market buy counts in quote coin, and its fee is in the coin that it gets")
  func quoteBuy() throws {
    var desk = Self.desk()
    let order = try desk.place(Self.order(.buy, 200))
    #expect(Int(order.id.string) != nil)
    // ⌊200 ÷ 65000.1⌋ to a millionth.
    #expect(order.filled == "0.003076")
    #expect(order.status == .filled)
    #expect(order.fee == "0.000003076")
    #expect(order.feeCoin == "BTC")
    #expect(desk.balance("BTC") == "0.003072924")
    #expect(desk.balance() == (try 10_000 - order.filledValue))
    #expect(order.filledValue <= 200)
  }

  @Test("a market buy in base coin, a market sell in either")
  func units() throws {
    var desk = Self.desk()
    #expect(try desk.place(Self.order(.buy, "0.01", unit: .baseCoin)).filled == "0.01")
    let base = try desk.place(Self.order(.sell, "0.001"))
    #expect(base.filled == "0.001")
    #expect(base.feeCoin == "USDT")
    let quote = try desk.place(Self.order(.sell, 100, unit: .quoteCoin))
    #expect(quote.filledValue <= 100)
    #expect(quote.filledValue > "99.9")
  }

  @Test("limit orders hold what they would spend")
  func holds() throws {
    var desk = Self.desk(1000, bitcoin: "0.01")
    let buy = try desk.place(Self.order(.buy, "0.01", at: 64900))
    #expect(desk.venue.accounts[Desk.ann]?.balances["USDT"]?.locked == 649)
    #expect(desk.refusal(Self.order(.buy, "0.01", at: 64900)) == 170131)
    _ = try desk.place(Self.order(.sell, "0.008", at: 65500))
    #expect(desk.refusal(Self.order(.sell, "0.008", at: 65500)) == 170131)
    desk.handle(
      .cancel(OrderName(category: .spot, symbol: "BTCUSDT", orderID: buy.id), by: Desk.ann))
    #expect(desk.venue.accounts[Desk.ann]?.balances["USDT"]?.locked == 0)
    #expect(desk.refusal(Self.order(.buy, "0.01", at: 64900)) == nil)
  }

  @Test("with isLeverage the missing coin is borrowed, within the margin")
  func borrowing() throws {
    var desk = Self.desk(1000)
    #expect(desk.refusal(Self.order(.buy, 2000)) == 170131)
    var request = Self.order(.buy, 2000)
    request.isLeverage = true
    _ = try desk.place(request)
    #expect(desk.balance().isNegative)
    #expect(desk.venue.summary(desk).coins.first { $0.coin == "USDT" }?.borrowed ?? 0 > 990)
    request.quantity = 9000
    #expect(desk.refusal(request) == 170131)
    #expect(try allMoney(desk.venue)["USDT"] == 2000)
  }

  @Test("spot speaks in codes of its own")
  func codes() {
    var desk = Self.desk()
    #expect(desk.refusal(Self.order(.buy, "0.00000001", at: 64000)) == 170136)
    #expect(desk.refusal(Self.order(.buy, "0.0010001", at: 64000)) == 170137)
    #expect(desk.refusal(Self.order(.buy, "0.001", at: "64000.01")) == 170134)
    #expect(desk.refusal(Self.order(.buy, "0.00001", at: 64000)) == 170140)
    #expect(desk.refusal(Self.order(.buy, 4)) == 170140)
    #expect(desk.refusal(Self.order(.buy, "200.00000001")) == 170148)
    #expect(desk.refusal(Self.order(.buy, 100, at: 64000)) == 170124)
    #expect(desk.refusal(Self.order(.buy, "0.001", at: 90000)) == 170193)
    #expect(desk.refusal(Self.order(.sell, "0.001", at: 50000)) == 170194)
    var request = Self.order(.buy, "0.001", at: 64000)
    request.symbol = "NOPEUSDT"
    #expect(desk.refusal(request) == 170121)
    request = Self.order(.buy, "0.001", at: 64000)
    request.linkID = "once"
    #expect(desk.refusal(request) == nil)
    #expect(desk.refusal(request) == 170141)
    request.linkID = ""
    request.reduceOnly = true
    #expect(desk.refusal(request) == 10001)
    let name = OrderName(category: .spot, symbol: "BTCUSDT", orderID: "1")
    #expect(desk.handle(.cancel(name, by: Desk.ann)).first?.refusal?.code == 170213)
  }

  @Test("prices outside the band are refused, or moved where the account asks so")
  func band() throws {
    var desk = Self.desk()
    desk.handle(
      .priceLimit(PriceLimitRequest(category: .spot, policy: .reprice), by: Desk.ann))
    #expect(try desk.place(Self.order(.buy, "0.001", at: 90000)).price == 66300)
  }

  func waiting(_ filter: OrderFilter, _ trigger: ExactDecimal) -> OrderRequest {
    var request = Self.order(.sell, "0.01")
    request.filter = filter
    request.triggerPrice = trigger
    return request
  }

  @Test("tpslOrder locks its coins while it waits, StopOrder does not")
  func filters() throws {
    var desk = Self.desk(bitcoin: "0.01")
    let stop = try desk.place(waiting(.stopOrder, 64000))
    #expect(desk.venue.accounts[Desk.ann]?.balances["BTC"]?.locked == 0)
    let locked = try desk.place(waiting(.tpslOrder, 66000))
    #expect(desk.venue.accounts[Desk.ann]?.balances["BTC"]?.locked == "0.01")
    #expect(desk.refusal(waiting(.tpslOrder, 66500)) == 170131)
    _ = try desk.place(Self.order(.buy, "0.000100", unit: .baseCoin), by: Desk.bob)
    desk.handle(.quote(symbol: "BTCUSDT", middle: 63999))
    _ = try desk.place(Self.order(.buy, "0.000100", unit: .baseCoin), by: Desk.bob)
    #expect(try desk.now(stop).status == .rejected)
    desk.handle(
      .cancel(OrderName(category: .spot, symbol: "BTCUSDT", orderID: locked.id), by: Desk.ann))
    #expect(try desk.now(locked).status == .deactivated)
    #expect(desk.venue.accounts[Desk.ann]?.balances["BTC"]?.locked == 0)
  }

  @Test("exits of a limit order are a pair that shares its coins")
  func exits() throws {
    var desk = Self.desk()
    var request = Self.order(.buy, "0.01", at: "65000.1")
    request.exits = Exits(
      takeProfit: Exit(trigger: 66000), stopLoss: Exit(trigger: 64000, type: .limit, limit: 63900))
    _ = try desk.place(request)
    let pair = desk.venue.openOrders(of: Desk.ann)
    #expect(pair.count == 2)
    #expect(pair.allSatisfy { $0.stopKind == .tpslOrder && $0.quantity == "0.009990" })
    #expect(desk.venue.accounts[Desk.ann]?.balances["BTC"]?.locked == "0.00999")
    desk.handle(.quote(symbol: "BTCUSDT", middle: 63950))
    _ = try desk.place(Self.order(.buy, 10), by: Desk.bob)
    let closed = desk.venue.closedOrders(of: Desk.ann)
    #expect(closed.contains { $0.cancelType == .byOCO && $0.status == .deactivated })
    #expect(closed.contains { $0.createType == .stopLoss && $0.status == .filled })
  }
}
