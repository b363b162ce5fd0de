import Decimals
import JSON
import Orders
import Time

@testable import Risk

private let spotPast: @Sendable (inout Scene) -> Void = { scene in
  scene.history = RecentHistory(
    (1...10).reversed().map {
      Scene.past(
        market("Buy", "6000", ""), hours: $0, batch: "cs_\($0)", category: "spot"
      ).worth("6000")
    })
}

extension RuleCase {
  static let unitsCases: [RuleCase] = [
    // A11
    .init(
      .spotUnit, "spends what it always spends", [market("Buy", "6000")], "note", category: "spot",
      spotPast),
    .init(
      .spotUnit, "0.1 coins that would be 0.1 dollars", [market("Buy", "0.1")], "high",
      category: "spot", spotPast),
    .init(
      .spotUnit, "0.1 in base coin", [market("Buy", "0.1", with(#""marketUnit":"baseCoin""#))],
      "note",
      category: "spot", spotPast),
    .init(
      .spotUnit, "6000 coins", [market("Buy", "6000", with(#""marketUnit":"baseCoin""#))], "high",
      category: "spot", spotPast),
    .init(
      .spotUnit, "under the minimum without a past", [market("Buy", "0.1")], "warn",
      category: "spot"
    ) {
      $0.history = RecentHistory()
    },
    .init(.spotUnit, "a sale", [market("Sell", "0.1")], "not_applicable", category: "spot"),
    .init(.spotUnit, "no price", [market("Buy", "0.1")], "unchecked", category: "spot") {
      $0.market.ask = nil
      $0.market.mark = nil
      $0.market.last = nil
      $0.market.bid = nil
    },
    // A12
    .init(
      .inverseUnit, "dollars", [limit("Buy", "6000", "60000", symbol: "BTCUSD")], "note",
      category: "inverse"),
    .init(
      .inverseUnit, "one, which may be coins", [limit("Buy", "9", "60000", symbol: "BTCUSD")],
      "high", category: "inverse"),
    .init(
      .inverseUnit, "ten dollars", [limit("Buy", "10", "60000", symbol: "BTCUSD")], "note",
      category: "inverse"),
    .init(
      .inverseUnit, "a tenth", [limit("Buy", "0.1", "60000", symbol: "BTCUSD")], "high",
      category: "inverse"),
    .init(.inverseUnit, "a linear order", [limit()], "not_applicable"),
    .init(
      .inverseUnit, "no mark", [limit("Buy", "9", "60000", symbol: "BTCUSD")], "unchecked",
      category: "inverse"
    ) {
      $0.market.mark = nil
    },
    // A13
    .init(.trigger, "rises to it", [stop("61000", 1)], "pass"),
    .init(.trigger, "above at last", [stop("60000", 1)], "block"),
    .init(.trigger, "falls to it", [stop("59000", 2)], "pass"),
    .init(.trigger, "on the wrong side", [stop("61000", 2)], "block"),
    .init(
      .trigger, "without a direction",
      [limit("Buy", "0.1", "61000", with(#""triggerPrice":"61000""#))], "block"),
    .init(.trigger, "5 bps away", [stop("60030", 1)], "pass"),
    .init(.trigger, "under 5 bps away", [stop("60029.9", 1)], "warn"),
    .init(.trigger, "as near as an administrator blocks", [stop("60029.9", 1)], "block") {
      $0.set(#"{"limits":{"A13.near":{"block":6}}}"#)
    },
    .init(.trigger, "two ticks away, whatever the limit", [stop("60000.1", 1)], "warn") {
      $0.set(#"{"limits":{"A13.near":{"note":0.001}}}"#)
    },
    .init(
      .trigger, "spot on the other side",
      [limit("Buy", "0.1", "59000", with(#""triggerPrice":"59000""#))], "high", category: "spot"),
    .init(.trigger, "a plain order", [limit()], "not_applicable"),
    .init(.trigger, "no price", [stop("61000", 1)], "unchecked") { $0.market.last = nil },
    // A14
    .init(
      .protectionSide, "both on their sides",
      [limit("Buy", "0.1", "60000", with(#""takeProfit":"61000","stopLoss":"59000""#))], "pass"),
    .init(
      .protectionSide, "take profit at the price",
      [limit("Buy", "0.1", "60000", with(#""takeProfit":"60000""#))], "block"),
    .init(
      .protectionSide, "stop above a buy",
      [limit("Buy", "0.1", "60000", with(#""stopLoss":"60000.1""#))], "block"),
    .init(
      .protectionSide, "stop under a sell",
      [limit("Sell", "0.1", "60000", with(#""stopLoss":"59000""#))], "block"),
    .init(
      .protectionSide, "limit in mode Full",
      [
        limit(
          "Buy", "0.1", "60000",
          with(
            #""stopLoss":"59000","slOrderType":"Limit","slLimitPrice":"58990","tpslMode":"Full""#))
      ], "block"),
    .init(
      .protectionSide, "reduce-only with a stop",
      [limit("Sell", "0.1", "60000", with(#""stopLoss":"61000""#) + closing)], "block"),
    .init(
      .protectionSide, "a stop inside the spread",
      [limit("Buy", "0.1", "60000.1", with(#""stopLoss":"60000""#))], "warn"),
    .init(.protectionSide, "none", [limit()], "not_applicable"),
    .init(
      .protectionSide, "market order without a price",
      [market("Buy", "0.1", with(#""stopLoss":"59000""#))], "unchecked"
    ) {
      $0.market.engineTime = nil
    },
    // A15
    .init(
      .stopBeyondLiquidation, "a stop far above liquidation",
      [limit("Buy", "0.1", "60000", with(#""stopLoss":"59000""#))], "pass"
    ) {
      $0.account.marginMode = .isolated
    },
    .init(
      .stopBeyondLiquidation, "a stop under it",
      [limit("Buy", "0.1", "60000", with(#""stopLoss":"54000""#))], "high"
    ) {
      $0.account.marginMode = .isolated
    },
    .init(
      .stopBeyondLiquidation, "a closing order", [limit("Sell", "0.1", "60000", closing)],
      "not_applicable"),
    .init(
      .stopBeyondLiquidation, "no key",
      [limit("Buy", "0.1", "60000", with(#""stopLoss":"54000""#))], "unchecked"
    ) {
      $0.hasKey = false
    },
    // A16
    .init(.conditionalMargin, "margin to spare", [stop("61000", 1)], "pass"),
    .init(.conditionalMargin, "at the limit", [stop("61000", 1)], "pass") {
      $0.account.initialMargin = "800000"
    },
    .init(.conditionalMargin, "over it", [stop("61000", 1)], "warn") {
      $0.account.initialMargin = "800100"
    },
    .init(.conditionalMargin, "closing", [stop("59000", 2, "Sell", closing)], "not_applicable"),
    .init(.conditionalMargin, "no key", [stop("61000", 1)], "unchecked") { $0.hasKey = false },
    // A17
    .init(.closeAll, "closes all", [market("Sell", "0", closingAll)], "warn") { $0.hold("1.25") },
    .init(.closeAll, "a position that is not known", [market("Sell", "0", closingAll)], "warn") {
      $0.hasKey = false
    },
    .init(.closeAll, "a quantity", [market("Sell", "1", closingAll)], "not_applicable"),
    // A18
    .init(
      .spotBorrow, "enough is free", [limit("Buy", "1", "60000", with(#""isLeverage":1"#))], "pass",
      category: "spot"),
    .init(
      .spotBorrow, "some is borrowed", [limit("Buy", "9", "60000", with(#""isLeverage":1"#))],
      "warn", category: "spot"),
    .init(
      .spotBorrow, "5 % of the equity", [limit("Buy", "9", "61111", with(#""isLeverage":1"#))],
      "warn", category: "spot"),
    .init(
      .spotBorrow, "more", [limit("Buy", "9.2", "60000", with(#""isLeverage":1"#))], "high",
      category: "spot"),
    .init(
      .spotBorrow, "without leverage", [limit("Buy", "9", "60000")], "not_applicable",
      category: "spot"),
    .init(
      .spotBorrow, "no key", [limit("Buy", "9", "60000", with(#""isLeverage":1"#))], "unchecked",
      category: "spot"
    ) {
      $0.hasKey = false
    },
    // A19
    .init(
      .optionOrder, "near the mark", [limit("Buy", "1", "2500", symbol: "\(option)")], "pass",
      category: "option"),
    .init(
      .optionOrder, "over 25 %", [limit("Buy", "1", "2505", symbol: "\(option)")], "warn",
      category: "option"),
    .init(
      .optionOrder, "at 100 %", [limit("Buy", "1", "4000", symbol: "\(option)")], "warn",
      category: "option"),
    .init(
      .optionOrder, "over 100 %", [limit("Buy", "1", "4005", symbol: "\(option)")], "high",
      category: "option"),
    .init(
      .optionOrder, "more than the coin", [limit("Buy", "1", "60005", symbol: "\(option)")], "high",
      category: "option"),
    .init(
      .optionOrder, "under its intrinsic value", [limit("Sell", "1", "1000", symbol: "\(option)")],
      "high", category: "option"
    ) {
      $0.market.underlying = "61005"
    },
    .init(
      .optionOrder, "volatility ten points off",
      [limit("Buy", "1", "2000", with(#""orderIv":"0.7""#), symbol: "\(option)").without("price")],
      "pass", category: "option"),
    .init(
      .optionOrder, "volatility over ten points off",
      [limit("Buy", "1", "2000", with(#""orderIv":"0.71""#), symbol: "\(option)").without("price")],
      "warn", category: "option"),
    .init(
      .optionOrder, "volatility thirty points off",
      [limit("Buy", "1", "2000", with(#""orderIv":"0.9""#), symbol: "\(option)").without("price")],
      "warn", category: "option"),
    .init(
      .optionOrder, "volatility over thirty points off",
      [limit("Buy", "1", "2000", with(#""orderIv":"0.91""#), symbol: "\(option)").without("price")],
      "high", category: "option"),
    .init(
      .optionOrder, "price and volatility",
      [limit("Buy", "1", "2000", with(#""orderIv":"0.6""#), symbol: "\(option)")], "high",
      category: "option"),
    .init(
      .optionOrder, "no underlying", [limit("Buy", "1", "2000", symbol: "\(option)")], "unchecked",
      category: "option"
    ) {
      $0.market.underlying = nil
    },
    .init(.optionOrder, "linear", [limit()], "not_applicable"),
    // A20
    .init(.unknownField, "all with effect", [limit()], "pass"),
    .init(
      .unknownField, "a spot field on a contract",
      [limit("Buy", "0.1", "60000", with(#""isLeverage":1"#))], "note"),
    .init(
      .unknownField, "reduce-only on spot", [limit("Sell", "0.1", "60000", closing)], "note",
      category: "spot"),
  ]
}

func stop(_ trigger: String, _ direction: Int, _ side: String = "Buy", _ more: String = "")
  -> String
{
  limit(
    side, "0.1", trigger,
    with(#""triggerPrice":"\#(trigger)","triggerDirection":\#(direction)"#) + more)
}

extension String {
  /// The order without one string member.
  func without(_ key: String) -> String {
    guard let start = firstRange(of: ",\"\(key)\":\"") else { return self }
    let rest = self[start.upperBound...]
    return String(self[..<start.lowerBound] + rest.drop { $0 != "\"" }.dropFirst())
  }
}
