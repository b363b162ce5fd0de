import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Margin, funding, liquidation")
struct FundsTests {
  @Test("initial and maintenance margin, orders counted as far as they open something")
  func margins() throws {
    var desk = Desk()
    _ = try desk.place(market(.buy, 1))
    var summary = desk.venue.summary(desk)
    #expect(summary.positionMargin == 6500)
    #expect(summary.maintenanceMargin == 325)
    #expect(summary.unrealised.isNegative)
    _ = try desk.place(limit(.sell, 1, at: 65500))
    #expect(desk.venue.summary(desk).orderMargin == 0)
    _ = try desk.place(limit(.sell, 1, at: 65500))
    summary = desk.venue.summary(desk)
    #expect(summary.orderMargin == 6550)
    #expect(summary.available == (try summary.marginBalance - 6500 - 6550))
  }

  @Test("funding goes from longs to shorts every eight hours")
  func funding() throws {
    var desk = Desk()
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65000))
    _ = try desk.place(market(.buy, 1))
    let before = desk.balance()
    desk.clock = desk.clock + .minutes(8 * 60)
    let effects = desk.handle(.quote(symbol: "BTCUSDT", middle: 65000))
    // 0.01 % of 65000.
    #expect(desk.balance() == (try before - "6.5"))
    let paid = try #require(desk.venue.executions.last)
    #expect(paid.kind == .funding)
    #expect(paid.fee == "6.5")
    #expect(effects.compactMap(\.word).contains("wallet"))
    desk.clock = desk.clock + .minutes(16 * 60)
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65000))
    #expect(desk.balance() == (try before - "19.5"))
    #expect(try allMoney(desk.venue)["USDT"] == 2 * Desk.deposit)
  }

  @Test("the rate follows the premium of the mark over the index")
  func rate() throws {
    var desk = Desk()
    let id = MarketID(.linear, "BTCUSDT")
    func rate(_ mark: ExactDecimal) -> ExactDecimal? {
      desk.handle(.price(PricePoint(id, middle: 65000, mark: mark, index: 65000)))
      return desk.venue.ticker("BTCUSDT")?.fundingRate
    }
    #expect(rate(65000) == "0.0001")
    #expect(rate(65130) == "0.0015")
    #expect(rate(64870) == "-0.0015")
    #expect(rate(66000) == "0.005")
  }

  @Test(
    "liquidation at the price that was told before, never earlier", arguments: [Side.buy, .sell])
  func liquidation(_ side: Side) throws {
    var desk = Desk(deposit: 10_000)
    _ = try desk.place(market(side, 1))
    let resting = try desk.place(limit(.buy, "0.1", at: 3000, "ETHUSDT"))
    let position = try #require(desk.venue.position("BTCUSDT", of: Desk.ann))
    let price = try #require(desk.venue.liquidationPrice(position, of: Desk.ann))
    let tick: ExactDecimal = side == .buy ? "0.1" : "-0.1"
    desk.handle(.quote(symbol: "BTCUSDT", middle: try price + tick))
    #expect(desk.size() == "\(side.rawValue) 1.000")
    let effects = desk.handle(.quote(symbol: "BTCUSDT", middle: try price - tick))
    #expect(desk.size() == "0.000")
    #expect(try desk.now(resting).cancelType == .beforeLiquidation)
    #expect(effects.contains { if case .execution(let e) = $0 { e.kind == .bust } else { false } })
    #expect(!desk.balance().isNegative)
    #expect(try allMoney(desk.venue)["USDT"] == 20_000)
  }

  @Test("after a gap the insurance pot pays what the account cannot")
  func bankrupt() throws {
    var desk = Desk(deposit: 7_000)
    _ = try desk.place(market(.buy, 1))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 40_000))
    #expect(desk.balance() == 0)
    #expect(desk.venue.pots.insurance["USDT"] ?? 0 < 0)
    #expect(try allMoney(desk.venue)["USDT"] == 14_000)
  }

  @Test("borrowed coins are paid back when the margin is gone")
  func loan() throws {
    var desk = SpotTests.desk(1000)
    var request = SpotTests.order(.buy, 2900)
    request.isLeverage = true
    _ = try desk.place(request)
    desk.handle(.quote(symbol: "BTCUSDT", middle: 40_000))
    #expect(desk.balance("BTC") == 0)
    #expect(desk.balance() == 0)
    #expect(try allMoney(desk.venue)["USDT"] == 2000)
  }
}
