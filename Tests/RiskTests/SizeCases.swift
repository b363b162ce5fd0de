import Decimals
import JSON
import Orders
import Time

@testable import Risk

private let calm = "60000"

extension RuleCase {
  static let sizeCases: [RuleCase] = [
    // C01
    .init(.orderCap, "half the cap", [limit("Buy", "1", "25000")], "pass"),
    .init(.orderCap, "over half", [limit("Buy", "1", "25000.1")], "note"),
    .init(.orderCap, "over 80 %", [limit("Buy", "1", "40000.1")], "warn"),
    .init(.orderCap, "the cap", [limit("Buy", "1", "50000")], "warn"),
    .init(.orderCap, "over the cap", [limit("Buy", "1", "50000.1")], "high"),
    .init(.orderCap, "an administrator's", [limit("Buy", "1", "1000.1")], "block") {
      $0.set(#"{"limits":{"C01.order":{"cap":{"USDT":"1000"}}}}"#)
    },
    .init(.orderCap, "the strictest of two", [limit("Buy", "1", "500.1")], "block") {
      $0.set(
        #"{"limits":{"C01.order":{"cap":1000}},"agents":{"bot":{"limits":{"C01.order":{"cap":500}}}}}"#
      )
    },
    .init(.orderCap, "another agent's", [limit("Buy", "1", "500.1")], "note") {
      $0.set(
        #"{"limits":{"C01.order":{"cap":1000}},"agents":{"hal":{"limits":{"C01.order":{"cap":500}}}}}"#
      )
    },
    .init(.orderCap, "twice the cap, closing", [limit("Sell", "1", "1500", closing)], "note") {
      $0.set(#"{"limits":{"C01.order":{"cap":1000}}}"#)
    },
    .init(.orderCap, "over twice the cap, closing", [limit("Sell", "1", "2500", closing)], "high") {
      $0.set(#"{"limits":{"C01.order":{"cap":1000}}}"#)
    },
    .init(
      .orderCap, "a currency without one", [limit("Buy", "1", "1", symbol: "BTCEUR")], "warn",
      category: "spot"),
    .init(.orderCap, "no price", [market()], "unchecked") { $0.market = SymbolMarket() },
    // C02
    .init(.unusualSize, "the usual", [limit()], "pass"),
    .init(.unusualSize, "under four deviations", [limit("Buy", "0.26")], "pass"),
    .init(.unusualSize, "over four", [limit("Buy", "0.27")], "warn"),
    .init(.unusualSize, "under eight", [limit("Buy", "0.72")], "warn"),
    .init(.unusualSize, "over eight", [limit("Buy", "0.73")], "high"),
    .init(.unusualSize, "over twenty times", [limit("Buy", "2.1")], "high"),
    .init(.unusualSize, "closing", [limit("Sell", "2.1", calm, closing)], "not_applicable"),
    .init(.unusualSize, "an agent without a past", [limit("Buy", "2.1")], "pass") {
      $0.history = RecentHistory()
    },
    .init(.unusualSize, "no price", [market()], "unchecked") { $0.market = SymbolMarket() },
    // C03
    .init(.quantitySlip, "the usual", [limit()], "pass"),
    .init(.quantitySlip, "a digit slipped", [limit("Buy", "1")], "high"),
    .init(.quantitySlip, "two digits slipped", [limit("Buy", "10")], "high"),
    .init(.quantitySlip, "1 % beside it", [limit("Buy", "1.01")], "high"),
    .init(.quantitySlip, "over 1 % beside it", [limit("Buy", "1.011")], "pass"),
    .init(.quantitySlip, "closing", [limit("Sell", "1", calm, closing)], "not_applicable"),
    .init(.quantitySlip, "no price", [market("Buy", "1")], "unchecked") {
      $0.market = SymbolMarket()
    },
    // C04
    .init(.batchTotals, "half the cap", two("25000"), "pass"),
    .init(.batchTotals, "over half", two("25000.1"), "note"),
    .init(.batchTotals, "over 80 %", two("40000.1"), "warn"),
    .init(.batchTotals, "over the cap", two("50000.1"), "high"),
    .init(.batchTotals, "closing counts nothing", [limit("Sell", "1", "400000", closing)], "pass"),
    .init(.batchTotals, "an administrator's", two("500"), "block") {
      $0.set(#"{"limits":{"C04.batch":{"cap":999}}}"#)
    },
    .init(.batchTotals, "no price", [market()], "unchecked") { $0.market = SymbolMarket() },
    // C05
    .init(.concentration, "half the equity", [limit("Buy", "8.333")], "pass"),
    .init(.concentration, "over half", [limit("Buy", "8.334")], "warn"),
    .init(.concentration, "all of it", [limit("Buy", "16.666")], "warn"),
    .init(.concentration, "more", [limit("Buy", "16.667")], "high"),
    .init(.concentration, "with open orders", [limit("Buy", "8.3")], "warn") {
      $0.account.openOrders = [open("Buy", "50000")]
    },
    .init(.concentration, "closing", [limit("Sell", "16.667", calm, closing)], "not_applicable"),
    .init(.concentration, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // C06
    .init(.impact, "rests", [limit("Buy", "90")], "pass"),
    .init(.impact, "a few levels", [market("Buy", "1")], "pass"),
    .init(.impact, "a quarter of the depth", [market("Buy", "25")], "pass"),
    .init(.impact, "over a quarter", [market("Buy", "25.001")], "warn"),
    .init(.impact, "over 60 %", [market("Buy", "60.001")], "high"),
    .init(
      .impact, "two orders one after the other", [market("Buy", "24"), market("Buy", "24")], "warn"
    ) {
      $0.market.instrument?.step = "1"
      $0.set(#"{"limits":{"C06.use":{"high":60},"C06.impact":{"warn":5}}}"#)
    },
    .init(.impact, "under 10 bps from the mid", [market("Buy", "60")], "pass") {
      $0.set(#"{"limits":{"C06.use":{"high":100}}}"#)
    },
    .init(.impact, "over 10 bps from the mid", [market("Buy", "61")], "warn") {
      $0.set(#"{"limits":{"C06.use":{"high":100}}}"#)
    },
    .init(.impact, "beyond what is visible", [market("Buy", "100.001")], "high"),
    .init(
      .impact, "post-only", [limit("Buy", "90", calm, with(#""timeInForce":"PostOnly""#))],
      "not_applicable"),
    .init(.impact, "closing", [market("Sell", "60.001", closing)], "high"),
    .init(.impact, "no book", [market()], "unchecked") { $0.market.book = nil },
    .init(.impact, "an old book", [market()], "unchecked") {
      $0.market.book?.asOf = noon - .seconds(11)
    },
    // C07
    .init(.shareOfVolume, "0.1 %", [limit("Buy", "20")], "pass"),
    .init(.shareOfVolume, "over 0.1 %", [limit("Buy", "20.001")], "note"),
    .init(.shareOfVolume, "over 0.5 %", [limit("Buy", "100.001")], "warn"),
    .init(.shareOfVolume, "over 2 %", [limit("Buy", "400.001")], "high"),
    .init(.shareOfVolume, "closing", [limit("Sell", "400.001", calm, closing)], "high"),
    .init(.shareOfVolume, "figures that fit no price", [limit()], "note") {
      $0.market.turnover24h = "5"
    },
    .init(.shareOfVolume, "no price", [limit()], "unchecked") { $0.market.engineTime = nil },
    // C08
    .init(.openOrderLoad, "few", [limit()], "pass"),
    .init(.openOrderLoad, "80 %", [limit()], "pass") {
      $0.account.openOrders = Array(repeating: open("Buy", "50000"), count: 399)
    },
    .init(.openOrderLoad, "over 80 %", [limit()], "warn") {
      $0.account.openOrders = Array(repeating: open("Buy", "50000"), count: 400)
    },
    .init(.openOrderLoad, "all", [limit()], "warn") {
      $0.account.openOrders = Array(repeating: open("Buy", "50000"), count: 499)
    },
    .init(.openOrderLoad, "one too many", [limit()], "block") {
      $0.account.openOrders = Array(repeating: open("Buy", "50000"), count: 500)
    },
    .init(
      .openOrderLoad, "eleven conditional ones", Array(repeating: stop("61000", 1), count: 11),
      "block"),
    .init(.openOrderLoad, "closing", [limit("Sell", "0.1", calm, closing)], "block") {
      $0.account.openOrders = Array(repeating: open("Buy", "50000"), count: 500)
    },
    .init(.openOrderLoad, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // C09
    .init(.turnover, "little", [limit()], "pass"),
    .init(.turnover, "half", [limit()], "pass") { $0.history.day.worth["USDT"] = "994000" },
    .init(.turnover, "over half", [limit()], "note") { $0.history.day.worth["USDT"] = "994001" },
    .init(.turnover, "over 80 %", [limit()], "warn") { $0.history.day.worth["USDT"] = "1594001" },
    .init(.turnover, "over all", [limit()], "high") { $0.history.day.worth["USDT"] = "1994001" },
    .init(.turnover, "an administrator's", [limit()], "block") {
      $0.set(#"{"limits":{"C09.day":{"cap":"5000"}}}"#)
    },
    .init(.turnover, "not all of the day is known", [limit()], "note") {
      $0.history.day.isWhole = false
    },
    .init(.turnover, "an order of the day has no known worth", [limit()], "note") {
      $0.history.day.isValued = false
    },
    .init(.turnover, "an administrator's, not all of the day is known", [limit()], "unchecked") {
      $0.history.day.isWhole = false
      $0.set(#"{"limits":{"C09.day":{"cap":"900000"}}}"#)
    },
    .init(.turnover, "closing counts nothing", [limit("Sell", "0.1", calm, closing)], "warn") {
      $0.history.day.worth["USDT"] = "1690000"
    },
    .init(.turnover, "no price", [market()], "unchecked") { $0.market = SymbolMarket() },
  ]
}

private func two(_ price: String) -> [String] {
  [limit("Buy", "1", price), limit("Sell", "1", price, symbol: "ETHUSDT")]
}
