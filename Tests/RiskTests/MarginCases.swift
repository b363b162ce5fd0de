import Decimals
import JSON
import Orders
import Time

@testable import Risk

private let calm = "60000"
private func protected(_ qty: String, _ stop: String) -> String {
  limit("Buy", qty, calm, with(#""stopLoss":"\#(stop)""#))
}

extension RuleCase {
  static let marginCases: [RuleCase] = [
    // E01: a coin loses 1,000 and a little for the gap and fees at 59,000
    .init(.lossAtStop, "little", [protected("1", "59000")], "pass"),
    .init(.lossAtStop, "over half a percent", [protected("5", "59000")], "warn"),
    .init(
      .lossAtStop, "together over one percent",
      [protected("4.4", "59000"), protected("4.5", "59000")], "warn"),
    .init(
      .lossAtStop, "together over two percent",
      [protected("8.9", "59000"), protected("9", "59000")], "high"),
    .init(.lossAtStop, "an administrator's", [protected("1", "59000")], "block") {
      $0.set(#"{"limits":{"E01.order":{"block":"0.1"}}}"#)
    },
    .init(.lossAtStop, "without a stop", [limit()], "not_applicable"),
    .init(.lossAtStop, "no key", [protected("1", "59000")], "unchecked") { $0.hasKey = false },
    // E02: 10 % of 60,000 is 0.6 % of a million
    .init(.noStop, "a stop", [protected("5", "59000")], "not_applicable"),
    .init(.noStop, "0.25 % in a stress", [limit("Buy", "0.416")], "pass"),
    .init(.noStop, "over 0.25 %", [limit("Buy", "0.417")], "warn"),
    .init(.noStop, "over 1 %", [limit("Buy", "1.667")], "high"),
    .init(.noStop, "a stop on the position", [limit("Buy", "1.667")], "pass") {
      $0.hold("1") { $0.stopLoss = "59000" }
    },
    .init(
      .noStop, "a stop in the batch", [limit("Buy", "1.667"), stop("59000", 2, "Sell", closing)],
      "pass"),
    .init(.noStop, "a stop in the book", [limit("Buy", "1.667")], "pass") {
      $0.account.openOrders = [
        {
          var order = Account.OpenOrder(
            symbol: "BTCUSDT", side: .sell, price: nil, isConditional: true)
          order.isClosing = true
          return order
        }()
      ]
    },
    .init(.noStop, "it first closes a short", [limit("Buy", "1.667")], "pass") {
      $0.hold("-1.667")
    },
    .init(.noStop, "a maker", [limit("Buy", "1.667")], "note") {
      $0.set(#"{"agents":{"bot":{"tags":["quote"]}}}"#)
    },
    .init(.noStop, "closing", [limit("Sell", "5", calm, closing)], "not_applicable"),
    .init(.noStop, "no key", [limit("Buy", "1")], "unchecked") { $0.hasKey = false },
    // E03
    .init(
      .shortOption, "bought", [limit("Buy", "1", "2000", symbol: "\(option)")], "not_applicable",
      category: "option"),
    .init(
      .shortOption, "sold bare", [limit("Sell", "1", "2000", symbol: "\(option)")], "high",
      category: "option"),
    .init(
      .shortOption, "sold from what is held", [limit("Sell", "1", "2000", symbol: "\(option)")],
      "pass", category: "option"
    ) {
      $0.account.positions = [Account.Position(symbol: option, size: 1)]
    },
    .init(
      .shortOption, "no key", [limit("Sell", "1", "2000", symbol: "\(option)")], "unchecked",
      category: "option"
    ) { $0.hasKey = false },
    // E04
    .init(.margin, "little", [limit()], "pass"),
    .init(.margin, "60 %", [limit()], "pass") { $0.account.initialMargin = "599380" },
    .init(.margin, "over 60 %", [limit()], "note") { $0.account.initialMargin = "599500" },
    .init(.margin, "over 75 %", [limit()], "warn") { $0.account.initialMargin = "749500" },
    .init(.margin, "over 90 %", [limit()], "high") { $0.account.initialMargin = "899500" },
    .init(.margin, "maintenance over 40 %", [limit()], "warn") {
      $0.account.maintenanceMargin = "400000"
    },
    .init(.margin, "maintenance of 60 %", [limit()], "warn") {
      $0.account.maintenanceMargin = "599950"
    },
    .init(.margin, "maintenance over 60 %", [limit()], "high") {
      $0.account.maintenanceMargin = "600000"
    },
    .init(.margin, "more than is available", [limit()], "high") { $0.account.available = "600" },
    .init(.margin, "an administrator's", [limit()], "block") {
      $0.set(#"{"limits":{"E04.initial":{"block":1}}}"#)
    },
    .init(.margin, "closing", [limit("Sell", "0.1", calm, closing)], "not_applicable") {
      $0.account.initialMargin = "999000"
    },
    .init(.margin, "leverage not known", [limit()], "unchecked") { $0.account.positions = [] },
    .init(
      .margin, "a bought option", [limit("Buy", "1", "2000", symbol: "\(option)")], "pass",
      category: "option"),
    .init(
      .margin, "a sold option", [limit("Sell", "1", "2000", symbol: "\(option)")], "unchecked",
      category: "option"),
    .init(.margin, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // E05: isolated at ten times, liquidation is 9.5 % away
    .init(.liquidationDistance, "cross and rich", [limit()], "pass"),
    .init(.liquidationDistance, "isolated at ten times", [limit()], "warn") {
      $0.account.marginMode = .isolated
    },
    .init(.liquidationDistance, "isolated at twenty times", [limit()], "high") {
      $0.account.marginMode = .isolated
      $0.account.positions = [Scene.position("0") { $0.leverage = "20" }]
    },
    .init(.liquidationDistance, "under five daily deviations", [limit()], "warn") {
      $0.account.marginMode = .isolated
      $0.account.positions = [Scene.position("0") { $0.leverage = "5" }]
      $0.market.sd1d = "0.04"
    },
    .init(.liquidationDistance, "closing", [limit("Sell", "0.1", calm, closing)], "pass"),
    .init(.liquidationDistance, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // E06
    .init(.leverage, "little", [limit()], "pass"),
    .init(.leverage, "four times", [limit("Buy", "66.666")], "pass"),
    .init(.leverage, "over four times", [limit("Buy", "66.667")], "warn"),
    .init(.leverage, "over five times", [limit("Buy", "83.334")], "high"),
    .init(.leverage, "with what else is held", [limit("Buy", "60")], "warn") {
      var other = Account.Position(symbol: "ETHUSDT", size: 100)
      other.value = "500000"
      $0.account.positions.append(other)
    },
    .init(.leverage, "an administrator's", [limit("Buy", "40")], "block") {
      $0.set(#"{"limits":{"E06.times":{"cap":2}}}"#)
    },
    .init(.leverage, "closing", [limit("Sell", "83", calm, closing)], "not_applicable"),
    .init(.leverage, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // E07
    .init(.riskTier, "in the first", [limit("Buy", "33.333")], "pass"),
    .init(.riskTier, "into the second", [limit("Buy", "33.334")], "warn"),
    .init(.riskTier, "closing", [limit("Sell", "40", calm, closing)], "not_applicable"),
    .init(.riskTier, "tiers not told", [limit()], "note") { $0.market.instrument?.tiers = [] },
    .init(.riskTier, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // E08
    .init(.balance, "all of it", [limit("Buy", "8", "62500")], "pass", category: "spot"),
    .init(.balance, "more", [limit("Buy", "8", "62500.1")], "block", category: "spot"),
    .init(
      .balance, "more together", [limit("Buy", "5"), limit("Buy", "4")], "high", category: "spot"),
    .init(.balance, "more coins than are held", [limit("Sell", "5.1")], "block", category: "spot"),
    .init(
      .balance, "borrowed", [limit("Buy", "9", calm, with(#""isLeverage":1"#))], "not_applicable",
      category: "spot"),
    .init(.balance, "no key", [limit()], "unchecked", category: "spot") { $0.hasKey = false },
    // E09
    .init(.cost, "what taking costs", [market()], "pass"),
    .init(
      .cost, "a maker", [limit("Buy", "0.1", calm, with(#""timeInForce":"PostOnly""#))],
      "not_applicable"),
    .init(.cost, "closing", [market("Sell", "0.1", closing)], "pass"),
    .init(.cost, "no price", [market()], "unchecked") { $0.market = SymbolMarket() },
    // E10
    .init(.dayLoss, "a gain", [limit()], "pass"),
    .init(.dayLoss, "2.5 %", [limit()], "pass") { $0.account.dayResult = "-25000" },
    .init(.dayLoss, "over 2.5 %", [limit()], "note") { $0.account.dayResult = "-25100" },
    .init(.dayLoss, "over 4 %", [limit()], "warn") { $0.account.dayResult = "-40100" },
    .init(.dayLoss, "over 5 %", [limit()], "high") { $0.account.dayResult = "-50100" },
    .init(.dayLoss, "over 5 %, closing", [limit("Sell", "0.1", calm, closing)], "warn") {
      $0.account.dayResult = "-50100"
    },
    .init(.dayLoss, "an administrator's", [limit()], "block") {
      $0.account.dayResult = "-10100"
      $0.set(#"{"limits":{"E10.loss":{"cap":1}}}"#)
    },
    .init(.dayLoss, "not known yet", [limit()], "note") { $0.account.dayResult = nil },
    .init(.dayLoss, "no key", [limit()], "unchecked") { $0.hasKey = false },
  ]
}
