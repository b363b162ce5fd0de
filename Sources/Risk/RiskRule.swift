/// The checks, by the numbers of the risk catalogue. What each one asks stands in `RuleDefinition`.
package enum RiskRule: String, CaseIterable, Hashable, Sendable {
  // A: shape and units
  case tick = "A01"
  case lot = "A02"
  case minimumNotional = "A03"
  case priceLimit = "A04"
  case status = "A05"
  case linkID = "A06"
  case batchShape = "A07"
  case rate = "A08"
  case positionIndex = "A09"
  case timeInForce = "A10"
  case spotUnit = "A11"
  case inverseUnit = "A12"
  case trigger = "A13"
  case protectionSide = "A14"
  case stopBeyondLiquidation = "A15"
  case conditionalMargin = "A16"
  case closeAll = "A17"
  case spotBorrow = "A18"
  case optionOrder = "A19"
  case unknownField = "A20"

  // B: price and market state
  case collar = "B01"
  case priceSlip = "B02"
  case crossing = "B03"
  case farPassive = "B04"
  case quoteAge = "B05"
  case drift = "B06"
  case spreadAndDepth = "B07"
  case noSlippageBound = "B08"
  case markLastGap = "B09"
  case funding = "B10"
  case haltState = "B11"

  // C: size and liquidity
  case orderCap = "C01"
  case unusualSize = "C02"
  case quantitySlip = "C03"
  case batchTotals = "C04"
  case concentration = "C05"
  case impact = "C06"
  case shareOfVolume = "C07"
  case openOrderLoad = "C08"
  case turnover = "C09"

  // D: structure and conduct
  case duplicate = "D01"
  case nearDuplicate = "D02"
  case loop = "D03"
  case selfCross = "D04"
  case wash = "D05"
  case positionEffect = "D06"
  case reduceOnly = "D07"
  case legRisk = "D08"
  case oppositeOfRecent = "D09"
  case changed = "D10"
  case messageLoad = "D11"

  // E: loss, margin, liquidation
  case lossAtStop = "E01"
  case noStop = "E02"
  case shortOption = "E03"
  case margin = "E04"
  case liquidationDistance = "E05"
  case leverage = "E06"
  case riskTier = "E07"
  case balance = "E08"
  case cost = "E09"
  case dayLoss = "E10"

  // F: agent, process, text, environment
  case newSymbol = "F01"
  case newKind = "F02"
  case budget = "F03"
  case streak = "F04"
  case expiry = "F05"
  case textAgainstOrder = "F06"
  case hostileText = "F07"
  case homoglyph = "F08"
  case environment = "F09"
  case watch = "F10"
  case clock = "F11"
  case approver = "F12"
  case crowd = "F13"
  case halt = "F14"

  /// Rises when the meaning of the rule changes, so that old findings are read as they were meant.
  package var version: Int { 1 }
  package var title: String { definition.title }
  package var definition: RuleDefinition { RuleDefinition.byRule[self] ?? RuleDefinition.all[0] }
}

/// What the outcome of a check depends on. News about one kind run only the rules that read it.
package struct RiskInputs: OptionSet, Hashable, Sendable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The orders themselves: they never change under an id.
  package static let batch = RiskInputs(rawValue: 1)
  /// The exchange's rules for the symbol.
  package static let instrument = RiskInputs(rawValue: 1 << 1)
  /// Bid, ask, mark, index, last, funding, volume, greeks.
  package static let quote = RiskInputs(rawValue: 1 << 2)
  package static let book = RiskInputs(rawValue: 1 << 3)
  package static let volatility = RiskInputs(rawValue: 1 << 4)
  package static let priceLimit = RiskInputs(rawValue: 1 << 5)
  /// Positions, wallet, open orders, settings.
  package static let account = RiskInputs(rawValue: 1 << 6)
  /// What agents proposed, sent and traded before.
  package static let history = RiskInputs(rawValue: 1 << 7)
  /// The gateway's own state: halt, feed, clock, environment, signers.
  package static let process = RiskInputs(rawValue: 1 << 8)

  package static let market: RiskInputs = [.instrument, .quote, .book, .volatility, .priceLimit]
  package static let everything = RiskInputs(rawValue: (1 << 9) - 1)

  package static let names: [(RiskInputs, String)] = [
    (.batch, "batch"), (.instrument, "instrument"), (.quote, "quote"), (.book, "book"),
    (.volatility, "volatility"), (.priceLimit, "price limit"), (.account, "account"),
    (.history, "history"), (.process, "gateway"),
  ]

  package var words: String {
    Self.names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
  }
}
