import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Inverse contracts")
struct InverseTests {
  static func desk(_ bitcoin: ExactDecimal = 1) -> Desk {
    Desk(listings: Listing.linear + Listing.inverse, coins: ["BTC": bitcoin])
  }

  static func order(_ side: Side, _ dollars: ExactDecimal) -> OrderRequest {
    OrderRequest(category: .inverse, symbol: "BTCUSD", side: side, type: .market, quantity: dollars)
  }

  @Test("contracts of one dollar, money in coin")
  func longAndBack() throws {
    var desk = Self.desk()
    let buy = try desk.place(Self.order(.buy, 6500))
    // The value has eight digits, which the mean price shows.
    #expect(buy.averagePrice == "65000.50050385")
    // 6500 ÷ 65000.50 to eight digits, and 0.055 % of it.
    #expect(buy.filledValue == "0.09999923")
    #expect(buy.fee == "0.0000549995765")
    #expect(buy.feeCoin == "BTC")
    desk.handle(.quote(symbol: "BTCUSDT", middle: 70000))
    let position = try #require(desk.venue.position("BTCUSD", .inverse, of: Desk.ann))
    #expect(position.size == 6500)
    let sell = try desk.place(Self.order(.sell, 6500))
    #expect(sell.averagePrice == "69999.49708054")
    // 0.09999923 − 6500 ÷ 69999.50
    #expect(sell.closedPnl == "0.00714142")
    let fees = try buy.fee + sell.fee
    #expect(desk.balance("BTC") == (try 1 + sell.closedPnl - fees))
    #expect(try allMoney(desk.venue) == ["BTC": 2, "USDT": 2 * Desk.deposit])
  }

  @Test("a short gains coin when the price falls")
  func short() throws {
    var desk = Self.desk()
    _ = try desk.place(Self.order(.sell, 6500))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 60000))
    let order = try desk.place(Self.order(.buy, 6500))
    #expect(order.closedPnl.isPositive)
    #expect(desk.venue.position("BTCUSD", .inverse, of: Desk.ann)?.realised == order.closedPnl)
  }

  @Test("dollars may be the margin; what is lost is owed in coin")
  func otherCollateral() throws {
    var desk = Self.desk(0)
    _ = try desk.place(Self.order(.buy, 6500))
    #expect(desk.balance("BTC").isNegative)
    let coin = try #require(desk.venue.summary(desk).coins.first { $0.coin == "BTC" })
    #expect(coin.borrowed.isPositive)
    #expect(coin.positionMargin.isPositive)
  }
}
