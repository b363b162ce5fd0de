package import Decimals
package import JSON

/// How much of a symbol trades in a day, which decides what counts as much or far.
package enum SymbolClass: Int, CaseIterable, Hashable, Sendable {
  /// At least 500 million US dollars a day.
  case a
  /// At least 20 million.
  case b
  /// Less, or listed for under thirty days.
  case c

  package var name: String { ["A", "B", "C"][rawValue] }
}

/// From where a value is a note, a warning, HIGH, or blocks. Nil: never.
package struct Levels: Hashable, Sendable {
  package var note: ExactDecimal?
  package var warn: ExactDecimal?
  package var high: ExactDecimal?
  package var block: ExactDecimal?

  package init(
    note: ExactDecimal? = nil, warn: ExactDecimal? = nil, high: ExactDecimal? = nil,
    block: ExactDecimal? = nil
  ) {
    self.note = note
    self.warn = warn
    self.high = high
    self.block = block
  }

  /// Half of it a note, four fifths a warning, more than all of it HIGH, or BLOCK where an
  /// administrator says so. Nil where a share of it cannot be held exactly.
  package init?(cap: ExactDecimal, blocks: Bool) {
    guard let half = try? cap * "0.5", let most = try? cap * "0.8" else { return nil }
    self.init(
      note: half, warn: most, high: blocks ? nil : cap, block: blocks ? cap : nil)
  }

  package static var severities: [(RiskSeverity, WritableKeyPath<Levels, ExactDecimal?>)] {
    [(.note, \.note), (.warn, \.warn), (.high, \.high), (.block, \.block)]
  }
}

/// Something that a rule measures and that has limits. Their names are the configuration's.
package enum RiskMeasure: Int, CaseIterable, Hashable, Sendable {
  case nearPriceLimit, nearTrigger, conditionalMargin, borrow, optionPrice, optionVolatility
  case deviation, crossing, away, age, drift, spread, depth, dayTurnover, gap, funding, move
  case orderCap, unusualScore, unusualTimes, batchCap, concentration, impact, use, volume
  case openOrders, turnoverCap
  case loopRepeats, increase, legRisk, churn, messages, orderToTrade
  case orderLoss, batchLoss, stress, initialMargin, maintenanceMargin, liquidation, leverage
  case dayLoss
  case dayOrders, stops, timeLeft, clockOffset, pace

  package var definition: MeasureDefinition { MeasureDefinition.all[rawValue] }

  /// Less is worse.
  var firesBelow: Bool { MeasureDefinition.firingBelow[rawValue] }

  package static let byName = Dictionary(
    uniqueKeysWithValues: allCases.map { ($0.definition.name, $0) })
}

package struct MeasureDefinition: Sendable {
  /// What a value counts.
  package enum Unit: String, Sendable {
    case basisPoints = "bps"
    case percent = "%"
    case times = "times"
    case count = ""
    case milliseconds = "ms"
    case deviations = "sd"
    /// Of one currency each, as caps.
    case amount
    case dollars = "USD"
    case points
  }

  package let measure: RiskMeasure
  /// `RULE.what`.
  package let name: Text
  package let rule: RiskRule
  package let unit: Unit
  /// What is measured.
  package let words: String
  /// This program's own limits: one for all symbols, or one a class.
  package let proposal: [Levels]
  /// Whether less is worse.
  package let firesBelow: Bool

  private init(
    _ measure: RiskMeasure, _ rule: RiskRule, _ name: String, _ unit: Unit, _ words: String,
    _ proposal: Levels..., below: Bool = false
  ) {
    self.measure = measure
    self.rule = rule
    self.name = "\(rule.rawValue).\(name)"
    self.unit = unit
    self.words = words
    self.proposal = proposal
    firesBelow = below
  }

  package func proposal(_ symbols: SymbolClass) -> Levels {
    proposal.count == 1 ? proposal[0] : proposal[symbols.rawValue]
  }

  /// Caps of amounts without an explicit one hold for each of these.
  package static let currencies: [Text] = ["USDT", "USDC", "USD"]

  private static func cap(_ value: ExactDecimal) -> Levels {
    Levels(cap: value, blocks: false) ?? Levels(high: value)
  }

  static let firingBelow: [Bool] = all.map(\.firesBelow)

  /// In the order of `RiskMeasure`.
  package static let all: [MeasureDefinition] = [
    .init(
      .nearPriceLimit, .priceLimit, "near", .basisPoints, "distance to the exchange's price limit",
      Levels(warn: 20), below: true),
    .init(
      .nearTrigger, .trigger, "near", .basisPoints, "distance of the trigger from its reference",
      Levels(warn: 5), below: true),
    .init(
      .conditionalMargin, .conditionalMargin, "margin", .percent,
      "initial margin while the only stop waits for its trigger", Levels(warn: 80)),
    .init(.borrow, .spotBorrow, "borrowed", .percent, "borrowed, of the equity", Levels(high: 5)),
    .init(
      .optionPrice, .optionOrder, "price", .percent, "option price off its mark",
      Levels(warn: 25, high: 100)),
    .init(
      .optionVolatility, .optionOrder, "iv", .points, "implied volatility off that of the mark",
      Levels(warn: 10, high: 30)),
    .init(
      .deviation, .collar, "deviation", .basisPoints, "price worse than the market",
      Levels(warn: 50, high: 200), Levels(warn: 100, high: 400), Levels(warn: 300, high: 1000)),
    .init(
      .crossing, .crossing, "through", .basisPoints, "limit price through the best price",
      Levels(warn: 20, high: 100)),
    .init(
      .away, .farPassive, "away", .percent, "resting price from the mark", Levels(warn: 10),
      Levels(warn: 15), Levels(warn: 25)),
    .init(
      .age, .quoteAge, "age", .milliseconds,
      "age of the quote; past \"high\" the price checks cannot be made",
      Levels(note: 1_000, warn: 3_500, high: 10_000)),
    .init(
      .drift, .drift, "moved", .basisPoints, "the market since the proposal, against the order",
      Levels(warn: 10, high: 50), Levels(warn: 25, high: 120), Levels(warn: 80, high: 400)),
    .init(
      .spread, .spreadAndDepth, "spread", .basisPoints, "spread under a market order",
      Levels(high: 10), Levels(high: 25), Levels(high: 80)),
    .init(
      .depth, .spreadAndDepth, "depth", .times, "depth within 50 bps, of a market order",
      Levels(high: 3), below: true),
    .init(
      .dayTurnover, .spreadAndDepth, "turnover", .dollars, "turnover of a day under a market order",
      Levels(high: 5_000_000), below: true),
    .init(
      .gap, .markLastGap, "gap", .basisPoints, "last price from the mark", Levels(warn: 30),
      Levels(warn: 60), Levels(warn: 200)),
    .init(
      .funding, .funding, "rate", .basisPoints, "funding due within ten minutes", Levels(note: 5)),
    .init(.move, .haltState, "move", .deviations, "move of ten seconds", Levels(high: 10)),
    .init(.orderCap, .orderCap, "order", .amount, "worth of one order", cap(50_000)),
    .init(
      .unusualScore, .unusualSize, "score", .deviations, "size beside the agent's own",
      Levels(warn: 4, high: 8)),
    .init(
      .unusualTimes, .unusualSize, "times", .times, "size over the agent's median",
      Levels(warn: 5, high: 20)),
    .init(
      .batchCap, .batchTotals, "batch", .amount, "opening worth of a batch", cap(100_000)),
    .init(
      .concentration, .concentration, "share", .percent, "exposure in one symbol, of the equity",
      Levels(warn: 50, high: 100)),
    .init(
      .impact, .impact, "impact", .basisPoints, "average price paid in the book, from the mid",
      Levels(warn: 10, high: 30), Levels(warn: 25, high: 80), Levels(warn: 80, high: 250)),
    .init(
      .use, .impact, "use", .percent, "taken of the visible depth", Levels(warn: 25, high: 60)),
    .init(
      .volume, .shareOfVolume, "share", .percent, "order, of the volume of a day",
      Levels(note: "0.1", warn: "0.5", high: 2)),
    .init(
      .openOrders, .openOrderLoad, "share", .percent, "open orders, of what the exchange takes",
      Levels(warn: 80)),
    .init(
      .turnoverCap, .turnover, "day", .amount, "worth of the agent's orders in a day",
      cap(2_000_000)),
    .init(
      .loopRepeats, .loop, "repeats", .count, "nearly equal batches in ten minutes",
      Levels(high: 4)),
    .init(
      .increase, .positionEffect, "increase", .percent, "growth of a position",
      Levels(warn: 100)),
    .init(
      .legRisk, .legRisk, "ratio", .times, "largest exposure on the way, of the net at the end",
      Levels(warn: 2, high: 5)),
    .init(
      .churn, .oppositeOfRecent, "count", .count, "reversals within ten minutes",
      Levels(note: 0, warn: 2)),
    .init(
      .messages, .messageLoad, "minute", .count, "orders of the agent in a minute",
      cap(300)),
    .init(
      .orderToTrade, .messageLoad, "ratio", .times, "orders to trades", Levels(note: 100)),
    .init(
      .orderLoss, .lossAtStop, "order", .percent, "loss of one order at its stop, of the equity",
      Levels(warn: "0.5")),
    .init(
      .batchLoss, .lossAtStop, "batch", .percent, "loss at all stops, of the equity",
      Levels(warn: 1, high: 2)),
    .init(
      .stress, .noStop, "stress", .percent, "loss in a stress without a stop, of the equity",
      Levels(warn: "0.25", high: 1)),
    .init(
      .initialMargin, .margin, "initial", .percent, "initial margin after, of the margin balance",
      Levels(note: 60, warn: 75, high: 90)),
    .init(
      .maintenanceMargin, .margin, "maintenance", .percent,
      "maintenance margin, of the margin balance", Levels(warn: 40, high: 60)),
    .init(
      .liquidation, .liquidationDistance, "distance", .percent, "liquidation price from the mark",
      Levels(warn: 15, high: 7), below: true),
    .init(
      .leverage, .leverage, "times", .times, "exposure after, of the equity",
      Levels(warn: 4, high: 5)),
    .init(
      .dayLoss, .dayLoss, "loss", .percent, "loss of the day, of the equity",
      Levels(note: "2.5", warn: 4, high: 5)),
    .init(.dayOrders, .budget, "orders", .count, "orders of the agent in a day", cap(5_000)),
    .init(
      .stops, .streak, "stops", .count, "losing exits within an hour", Levels(warn: 2)),
    .init(
      .timeLeft, .expiry, "left", .milliseconds, "time left to decide", Levels(warn: 10_000),
      below: true),
    .init(
      .clockOffset, .clock, "offset", .milliseconds, "the gateway's clock from the exchange's",
      Levels(warn: 500, high: 2_500)),
    .init(
      .pace, .approver, "pace", .count, "approvals of one person in a minute", Levels(warn: 10)),
  ]
}
