import Decimals
import JSON
import Orders
import Time

@testable import Risk

private let ioc = with(#""timeInForce":"IOC""#)

extension RuleCase {
  static let marketCases: [RuleCase] = [
    // B01
    .init(.collar, "50 bps worse", [limit("Buy", "0.1", "60300")], "pass"),
    .init(.collar, "over 50 bps", [limit("Buy", "0.1", "60300.1")], "warn"),
    .init(.collar, "200 bps worse", [limit("Sell", "0.1", "58800")], "warn"),
    .init(.collar, "over 200 bps", [limit("Sell", "0.1", "58799.9")], "high"),
    .init(.collar, "far better", [limit("Buy", "0.1", "10000")], "pass"),
    .init(.collar, "a wild market warns later", [limit("Buy", "0.1", "60720")], "pass") {
      $0.market.sd1m = "0.002"
    },
    .init(.collar, "and then warns", [limit("Buy", "0.1", "60720.1")], "warn") {
      $0.market.sd1m = "0.002"
    },
    .init(.collar, "a small market", [limit("Buy", "0.1", "61800")], "pass") {
      ($0.market.volume24h, $0.market.turnover24h) = ("100", "6000000")
    },
    .init(.collar, "an administrator's limit", [limit("Buy", "0.1", "60600.1")], "block") {
      $0.set(#"{"limits":{"B01.deviation":{"warn":50,"block":100}}}"#)
    },
    .init(
      .collar, "an administrator's limit, closing", [limit("Buy", "0.1", "60600.1", closing)],
      "high"
    ) {
      $0.set(#"{"limits":{"B01.deviation":{"warn":50,"block":100}}}"#)
    },
    .init(.collar, "mark and mid 100 bps apart", [limit("Buy", "0.1", "59410")], "pass") {
      $0.market.mark = "59410"
    },
    .init(.collar, "mark and mid further apart", [limit()], "unchecked") {
      $0.market.mark = "59400"
    },
    .init(.collar, "a trigger is its own market", [stop("61000", 1)], "pass"),
    .init(.collar, "no mark", [limit()], "unchecked") { $0.market.mark = nil },
    .init(
      .collar, "option", [limit("Buy", "1", "2000", symbol: "\(option)")], "not_applicable",
      category: "option"),
    // B02
    .init(.priceSlip, "near the market", [limit("Buy", "0.1", "59000")], "pass"),
    .init(.priceSlip, "a digit short", [limit("Buy", "0.1", "6000")], "high"),
    .init(.priceSlip, "a digit too many", [limit("Sell", "0.1", "600000")], "high"),
    .init(.priceSlip, "2 % from a slip", [limit("Buy", "0.1", "6120")], "high"),
    .init(.priceSlip, "over 2 % from a slip", [limit("Buy", "0.1", "6130")], "pass"),
    .init(.priceSlip, "two digits swapped", [limit("Buy", "0.1", "56000")], "high") {
      $0.market.mark = "65000"
    },
    .init(.priceSlip, "where the agent has bought before", [limit("Buy", "0.1", "6000")], "pass") {
      $0.remember(Scene.past(limit("Buy", "0.1", "5900"), hours: 2))
    },
    .init(.priceSlip, "market order", [market()], "not_applicable"),
    .init(.priceSlip, "closing", [limit("Sell", "0.1", "6000", closing)], "high"),
    .init(.priceSlip, "no price", [limit()], "unchecked") { $0.market.engineTime = nil },
    // B03
    .init(.crossing, "at the ask", [limit("Buy", "0.1", "60000.1")], "pass"),
    .init(.crossing, "20 bps through", [limit("Buy", "0.1", "60120.1")], "pass"),
    .init(.crossing, "over 20 bps through", [limit("Buy", "0.1", "60121")], "warn"),
    .init(.crossing, "100 bps through", [limit("Sell", "0.1", "59400")], "warn"),
    .init(.crossing, "over 100 bps through", [limit("Sell", "0.1", "59399")], "high"),
    .init(.crossing, "meant to take", [limit("Buy", "0.1", "61000", ioc)], "note"),
    .init(
      .crossing, "post-only", [limit("Buy", "0.1", "61000", with(#""timeInForce":"PostOnly""#))],
      "not_applicable"),
    .init(.crossing, "closing", [limit("Sell", "0.1", "59399", closing)], "high"),
    .init(.crossing, "no ask", [limit()], "unchecked") { $0.market.ask = nil },
    // B04
    .init(.farPassive, "10 % away", [limit("Buy", "0.1", "54000")], "pass"),
    .init(.farPassive, "over 10 % away", [limit("Buy", "0.1", "53999.9")], "warn"),
    .init(.farPassive, "over 10 % away, a ladder", [limit("Buy", "0.1", "50000")], "note") {
      $0.set(#"{"agents":{"bot":{"tags":["ladder"]}}}"#)
    },
    .init(.farPassive, "a take profit far away", [limit("Sell", "0.1", "70000", closing)], "warn"),
    .init(.farPassive, "market order", [market()], "not_applicable"),
    .init(.farPassive, "no price", [limit()], "unchecked") { $0.market.engineTime = nil },
    // B05
    .init(.quoteAge, "a second", [limit()], "pass") { $0.age(1_000) },
    .init(.quoteAge, "over a second", [limit()], "note") { $0.age(1_001) },
    .init(.quoteAge, "over 3.5 s", [limit()], "warn") { $0.age(3_501) },
    .init(.quoteAge, "ten seconds", [limit()], "warn") { $0.age(10_000) },
    .init(.quoteAge, "over ten seconds", [limit()], "unchecked") { $0.age(10_001) },
    .init(.quoteAge, "no price at all", [limit()], "unchecked") { $0.market = SymbolMarket() },
    .init(.quoteAge, "a market order blind", [market()], "block") { $0.market = SymbolMarket() },
    .init(.quoteAge, "a closing market order blind", [market("Sell", "0.1", closing)], "unchecked")
    {
      $0.market = SymbolMarket()
    },
    // B06
    .init(.drift, "no baseline", [limit()], "pass"),
    .init(.drift, "10 bps dearer", [market()], "pass") { $0.moved(from: "59940.1") },
    .init(.drift, "over 10 bps dearer", [market()], "warn") { $0.moved(from: "59939") },
    .init(.drift, "over 50 bps dearer", [market()], "high") { $0.moved(from: "59690") },
    .init(.drift, "cheaper", [market()], "pass") { $0.moved(from: "60300") },
    .init(.drift, "dearer for a closing sale", [market("Sell", "0.1", closing)], "high") {
      $0.moved(from: "60320")
    },
    .init(.drift, "no mid", [market()], "unchecked") {
      $0.moved(from: "59690")
      $0.market.bid = nil
    },
    // B07
    .init(.spreadAndDepth, "narrow and deep", [market()], "pass"),
    .init(.spreadAndDepth, "10 bps", [market()], "pass") {
      ($0.market.bid, $0.market.ask) = ("60000", "60060")
    },
    .init(.spreadAndDepth, "over 10 bps", [market()], "high") {
      ($0.market.bid, $0.market.ask) = ("60000", "60061")
    },
    .init(.spreadAndDepth, "three times the order in the book", [market("Buy", "33.333")], "pass"),
    .init(.spreadAndDepth, "less", [market("Buy", "33.334")], "high"),
    .init(.spreadAndDepth, "five millions trade", [market()], "pass") {
      ($0.market.volume24h, $0.market.turnover24h) = ("83.3334", "5000000")
    },
    .init(.spreadAndDepth, "closing", [market("Sell", "33.334", closing)], "high"),
    .init(.spreadAndDepth, "little trade", [market()], "high") {
      ($0.market.volume24h, $0.market.turnover24h) = ("80", "4800000")
    },
    .init(.spreadAndDepth, "limit order", [limit()], "not_applicable"),
    .init(.spreadAndDepth, "no book", [market()], "unchecked") { $0.market.book = nil },
    // B08
    .init(.noSlippageBound, "a limit", [limit()], "not_applicable"),
    .init(.noSlippageBound, "none", [market()], "note"),
    .init(.noSlippageBound, "none in a small market", [market()], "warn") {
      ($0.market.volume24h, $0.market.turnover24h) = ("100", "6000000")
    },
    .init(
      .noSlippageBound, "conditional",
      [market("Buy", "0.1", with(#""triggerPrice":"61000","triggerDirection":1"#))],
      "not_applicable"),
    // B09
    .init(.markLastGap, "30 bps", [limit()], "pass") { $0.market.last = "60180" },
    .init(.markLastGap, "over 30 bps", [limit()], "warn") { $0.market.last = "60181" },
    .init(.markLastGap, "a trigger that is as close", [stop("60200", 1)], "warn") {
      $0.market.last = "60110"
    },
    .init(.markLastGap, "closing", [limit("Sell", "0.1", "60000", closing)], "warn") {
      $0.market.last = "60181"
    },
    .init(.markLastGap, "no last", [limit()], "unchecked") { $0.market.last = nil },
    // B10
    .init(.funding, "hours away", [limit()], "pass"),
    .init(.funding, "near, 5 bps", [limit()], "pass") { $0.fund("0.0005") },
    .init(.funding, "near, over 5 bps", [limit()], "note") { $0.fund("0.0006") },
    .init(.funding, "near, received", [limit("Sell")], "pass") { $0.fund("0.0006") },
    .init(.funding, "among the first to be cut", [limit()], "warn") {
      $0.hold("1") { $0.deleverageRank = 4 }
    },
    .init(.funding, "closing", [limit("Sell", "0.1", "60000", closing)], "not_applicable") {
      $0.fund("0.0006")
    },
    .init(.funding, "a position that is not known", [limit()], "unchecked") { $0.hasKey = false },
    .init(.funding, "no price", [limit()], "unchecked") { $0.market.engineTime = nil },
    // B11
    .init(.haltState, "calm", [limit()], "pass"),
    .init(.haltState, "over ten deviations in ten seconds", [limit()], "high") {
      $0.market.move10s = "0.00083"
    },
    .init(.haltState, "under ten", [limit()], "pass") { $0.market.move10s = "0.00081" },
    .init(.haltState, "an empty side, closing", [limit("Sell", "0.1", "60000", closing)], "high") {
      $0.market.book?.bids = []
    },
    .init(.haltState, "no price", [limit()], "unchecked") { $0.market.engineTime = nil },
  ]
}

extension Scene {
  fileprivate mutating func age(_ milliseconds: Int64) {
    market.engineTime = noon - Milliseconds(milliseconds)
  }

  fileprivate mutating func moved(from mid: ExactDecimal) {
    around.baselines[symbol] = .init(mid: mid, at: noon - .seconds(1))
  }

  fileprivate mutating func fund(_ rate: ExactDecimal) {
    market.fundingRate = rate
    market.nextFunding = noon + .minutes(9)
  }
}
