import Decimals
import JSON
import Orders
import Time

@testable import Risk

private let calm = "60000"

extension RuleCase {
  static let conductCases: [RuleCase] = [
    // D01
    .init(.duplicate, "two orders", [limit(), limit("Buy", "0.2")], "pass"),
    .init(.duplicate, "the same twice", [limit(), limit("Buy", "0.10", "60000.0")], "high"),
    .init(
      .duplicate, "the same twice, closing",
      [limit("Sell", "1", calm, closing), limit("Sell", "1", calm, closing)], "high"),
    .init(.duplicate, "equal slices", [limit(), limit()], "warn") {
      $0.set(#"{"agents":{"bot":{"tags":["split"]}}}"#)
    },
    .init(.duplicate, "five minutes ago", [limit()], "warn") {
      $0.remember(Scene.past(limit(), seconds: 300))
    },
    .init(.duplicate, "before that", [limit()], "pass") {
      $0.remember(Scene.past(limit(), seconds: 301))
    },
    // D02
    .init(.nearDuplicate, "3 bps apart", [limit(), limit("Buy", "0.1", "60018")], "pass"),
    .init(.nearDuplicate, "2 bps apart", [limit(), limit("Buy", "0.1", "60012")], "warn"),
    .init(.nearDuplicate, "2 % more", [limit(), limit("Buy", "0.102", "60012")], "pass"),
    .init(.nearDuplicate, "once within a minute", [limit()], "warn") {
      $0.remember(Scene.past(limit(), seconds: 30))
    },
    .init(.nearDuplicate, "twice within a minute", [limit()], "high") {
      $0.remember(
        Scene.past(limit(), seconds: 50, batch: "a"), Scene.past(limit(), seconds: 30, batch: "b"))
    },
    .init(.nearDuplicate, "twice within five", [limit()], "warn") {
      $0.remember(
        Scene.past(limit(), seconds: 150, batch: "a"), Scene.past(limit(), seconds: 90, batch: "b"))
    },
    .init(
      .nearDuplicate, "a ladder", ["60000", "60006", "60012"].map { limit("Buy", "0.1", $0) },
      "note"),
    .init(.nearDuplicate, "closes all", [market("Sell", "0", closingAll)], "not_applicable"),
    // D03
    .init(.loop, "four in ten minutes", [limit()], "pass") { $0.repeated(4, every: 37) },
    .init(.loop, "five in ten minutes", [limit()], "high") { $0.repeated(5, every: 37) },
    .init(.loop, "of a scheduled agent", [limit()], "pass") {
      $0.repeated(5, every: 37)
      $0.set(#"{"agents":{"bot":{"tags":["scheduled"]}}}"#)
    },
    .init(.loop, "after three refusals", [limit()], "high") { $0.repeated(3, every: 37, .refused) },
    .init(.loop, "after two, closing", [limit("Buy", "0.1", calm, closing)], "pass") {
      $0.repeated(2, every: 37, .refused)
    },
    // D04
    .init(
      .selfCross, "one maker's two sides",
      [limit("Buy", "0.1", "59999"), limit("Sell", "0.1", "60001")], "pass"),
    .init(.selfCross, "at one price", [limit("Buy"), limit("Sell")], "high"),
    .init(
      .selfCross, "a market order beside a resting one",
      [limit("Buy", "0.1", "59000"), market("Sell")], "high"),
    .init(.selfCross, "an own open order", [limit()], "high") {
      $0.account.openOrders = [open("Sell", "60000")]
    },
    .init(.selfCross, "above an own open order", [limit("Buy", "0.1", "59999.9")], "pass") {
      $0.account.openOrders = [open("Sell", "60000")]
    },
    .init(.selfCross, "another agent's order", [limit()], "high") {
      $0.history.others = [Scene.past(limit("Sell"))]
    },
    .init(.selfCross, "closing against an own order", [limit("Sell", "0.1", calm, closing)], "high")
    { $0.account.openOrders = [open("Buy", "60000")] },
    .init(.selfCross, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // D05
    .init(.wash, "no fills", [market()], "pass"),
    .init(.wash, "sold within the minute", [market()], "high") {
      $0.filled(.sell, "0.1", seconds: 60)
    },
    .init(.wash, "5 % less", [market()], "high") { $0.filled(.sell, "0.0905", seconds: 60) },
    .init(.wash, "much less", [market()], "pass") { $0.filled(.sell, "0.09", seconds: 60) },
    .init(.wash, "no price", [limit()], "unchecked") {
      $0.filled(.sell, "0.1", seconds: 10)
      $0.market = SymbolMarket()
    },
    .init(.wash, "before that", [market()], "pass") { $0.filled(.sell, "0.1", seconds: 61) },
    .init(.wash, "closing", [market("Buy", "0.1", closing)], "not_applicable") {
      $0.filled(.sell, "0.1", seconds: 10)
    },
    // D06
    .init(.positionEffect, "opens", [limit()], "note"),
    .init(.positionEffect, "grows by all of it", [limit("Buy", "1")], "note") { $0.hold("1") },
    .init(.positionEffect, "grows by more", [limit("Buy", "1.001")], "warn") { $0.hold("1") },
    .init(.positionEffect, "turns it", [limit("Sell", "1.1")], "high") { $0.hold("1") },
    .init(
      .positionEffect, "turns it in one order of fills", [limit("Buy", "2"), limit("Sell", "2")],
      "high"
    ) { $0.hold("1") },
    .init(.positionEffect, "turns it as a matter of course", [limit("Sell", "1.1")], "note") {
      $0.hold("1")
      $0.set(#"{"agents":{"bot":{"tags":["flip"]}}}"#)
    },
    .init(.positionEffect, "closes all of it", [limit("Sell", "5", calm, closing)], "pass") {
      $0.hold("1")
    },
    .init(.positionEffect, "an administrator's limit", [limit("Buy", "1")], "block") {
      $0.hold("1")
      $0.set(#"{"limits":{"D06.increase":{"block":50}}}"#)
    },
    .init(.positionEffect, "spot", [limit()], "not_applicable", category: "spot"),
    .init(.positionEffect, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // D07
    .init(.reduceOnly, "reduces", [limit("Sell", "1", calm, closing)], "pass") { $0.hold("1") },
    .init(.reduceOnly, "more than is held", [limit("Sell", "1.1", calm, closing)], "note") {
      $0.hold("1")
    },
    .init(
      .reduceOnly, "with an open one more than is held", [limit("Sell", "1", calm, closing)], "note"
    ) {
      $0.hold("1")
      $0.account.openOrders = [open("Sell", "61000") { $0.isClosing = true }]
    },
    .init(.reduceOnly, "nothing is held", [limit("Sell", "1", calm, closing)], "warn"),
    .init(.reduceOnly, "the own side", [limit("Buy", "1", calm, closing)], "warn") { $0.hold("1") },
    .init(
      .reduceOnly, "what the batch opens", [limit("Buy", "1"), limit("Sell", "1", calm, closing)],
      "pass"),
    .init(
      .reduceOnly, "says that it closes", [limit("Sell", "1", calm, linked("close-btc"))], "high"
    ) {
      $0.around.ownLinkIDs = [0]
      $0.hold("1")
    },
    .init(.reduceOnly, "no key", [limit("Sell", "1", calm, closing)], "unchecked") {
      $0.hasKey = false
    },
    // D08
    .init(.legRisk, "one side", [limit(), limit("Buy", "0.2")], "not_applicable"),
    .init(.legRisk, "twice the net", [limit("Buy", "0.2"), limit("Sell", "0.1")], "pass"),
    .init(.legRisk, "a pair", [limit("Buy", "0.2"), limit("Sell", "0.2", "60001")], "note"),
    .init(.legRisk, "a pair of legs", [limit("Buy", "0.2"), limit("Sell", "0.2", "60001")], "high")
    {
      $0.set(#"{"agents":{"bot":{"tags":["legs"]}}}"#)
    },
    .init(.legRisk, "over twice the net", [limit("Buy", "0.21"), limit("Sell", "0.11")], "note"),
    .init(
      .legRisk, "five times the net, legs", [limit("Buy", "0.2"), limit("Sell", "0.16")], "warn"
    ) { $0.set(#"{"agents":{"bot":{"tags":["legs"]}}}"#) },
    .init(
      .legRisk, "over five times, legs", [limit("Buy", "0.21"), limit("Sell", "0.17")], "high"
    ) { $0.set(#"{"agents":{"bot":{"tags":["legs"]}}}"#) },
    .init(.legRisk, "no price", [market(), market("Sell", "0.3")], "unchecked") {
      $0.market = SymbolMarket()
    },
    // D09
    .init(.oppositeOfRecent, "no fills", [market("Sell")], "pass"),
    .init(.oppositeOfRecent, "at a gain", [market("Sell")], "pass") {
      $0.filled(.buy, "0.1", seconds: 30, at: "59000")
    },
    .init(.oppositeOfRecent, "at a loss", [market("Sell")], "note") {
      $0.filled(.buy, "0.1", seconds: 60, at: "61000")
    },
    .init(.oppositeOfRecent, "a minute before", [market("Sell")], "pass") {
      $0.filled(.buy, "0.1", seconds: 61, at: "61000")
    },
    .init(.oppositeOfRecent, "closing at a loss", [market("Sell", "0.1", closing)], "note") {
      $0.filled(.buy, "0.1", seconds: 60, at: "61000")
    },
    .init(.oppositeOfRecent, "no price", [market("Sell")], "unchecked") {
      $0.filled(.buy, "0.1", seconds: 30, at: "61000")
      $0.market = SymbolMarket()
    },
    .init(.oppositeOfRecent, "the third time", [market("Sell")], "warn") {
      $0.filled(.buy, "0.1", seconds: 90, at: "61000")
      $0.filled(.sell, "0.1", seconds: 80, at: "60000")
      $0.filled(.buy, "0.1", seconds: 30, at: "61000")
    },
    // D10
    .init(.changed, "the first", [limit()], "not_applicable"),
    .init(.changed, "in the place of another", [limit()], "note") { $0.around.supersedes = "cs_1" },
    .init(.changed, "revision 2", [limit()], "note") { $0.around.revision = 2 },
    // D11
    .init(.messageLoad, "one", [limit()], "pass"),
    .init(.messageLoad, "half", [limit()], "pass") { $0.busy(149) },
    .init(.messageLoad, "over half", [limit()], "note") { $0.busy(150) },
    .init(.messageLoad, "over 80 %", [limit()], "warn") { $0.busy(240) },
    .init(.messageLoad, "over all", [limit()], "high") { $0.busy(300) },
    .init(.messageLoad, "a hundred orders a fill", [limit()], "pass") {
      ($0.history.day.orders, $0.history.day.fills) = (99, 1)
    },
    .init(
      .messageLoad, "more orders a fill, closing", [limit("Sell", "0.1", calm, closing)], "note"
    ) { ($0.history.day.orders, $0.history.day.fills) = (100, 1) },
  ]
}

extension Scene {
  fileprivate mutating func filled(
    _ side: Side, _ qty: ExactDecimal, seconds: Int64, at price: ExactDecimal = "60000"
  ) {
    history.fills.append(
      .init(
        symbol: symbol, side: side, price: price, qty: qty, at: noon - .seconds(seconds)))
  }

  /// The usual order, so often, at times that are not quite equal.
  fileprivate mutating func repeated(
    _ count: Int, every seconds: Int, _ fate: RecentHistory.Fate = .sent
  ) {
    for number in (1...count).reversed() {
      remember(
        Scene.past(
          limit(), seconds: number * seconds + (number % 2) * 30, batch: "b\(number)", fate: fate))
    }
  }

  fileprivate mutating func busy(_ count: Int) {
    history.legs = (0..<count).map {
      Scene.past(limit("Buy", "0.1", "\(50_000 + $0)"), seconds: 30, batch: "b")
    }
  }
}
