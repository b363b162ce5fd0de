import Decimals
import JSON
import Orders

/// A: what the exchange would turn down, change, or take for something else.
extension RiskContext {
  // MARK: A01

  func ticks() throws(DecimalError) -> [Finding] {
    var findings: [Finding] = []
    var checked: [Int] = []
    for leg in batch.legs {
      let prices = leg.tickedPrices
      guard !prices.isEmpty else { continue }
      switch rules(of: leg.symbol) {
      case .unusable(let reason):
        findings.append(
          Finding(.tick, .unchecked(reason), legs: [leg.index], "\(leg.label): \(reason)."))
      case .fresh(let instrument, let inputs):
        checked.append(leg.index)
        for (name, price) in prices where try !price.isMultiple(of: instrument.tick) {
          findings.append(try offTick(leg, name, price, instrument.tick, inputs))
        }
      }
    }
    return withPass(.tick, findings, checked: checked, "Every price is a whole number of ticks.")
  }

  private func offTick(
    _ leg: Leg, _ name: String, _ price: ExactDecimal, _ tick: ExactDecimal,
    _ inputs: [Finding.Input]
  ) throws(DecimalError) -> Finding {
    // The nearest valid price that is no worse for the order: lower to buy, higher to sell.
    let rounding: Rounding = leg.side == .buy ? .down : .up
    let near = try price.divided(by: tick, scale: 0, rounding: rounding) * tick
    return Finding(
      .tick, .block, legs: [leg.index],
      "\(leg.label): \(name) \(price) is no multiple of the tick \(tick); \(near) is.",
      value: price.description, limit: tick.description, setBy: .exchange, inputs: inputs)
  }

  // MARK: A02

  func lots() throws(DecimalError) -> [Finding] {
    var findings: [Finding] = []
    var checked: [Int] = []
    for leg in batch.legs where !leg.closesWholePosition {
      switch rules(of: leg.symbol) {
      case .unusable(let reason):
        findings.append(
          Finding(.lot, .unchecked(reason), legs: [leg.index], "\(leg.label): \(reason)."))
      case .fresh(let instrument, let inputs):
        checked.append(leg.index)
        if let finding = try lot(leg, instrument, inputs) { findings.append(finding) }
      }
    }
    return withPass(.lot, findings, checked: checked, "Every quantity fits its step and bounds.")
  }

  private func lot(
    _ leg: Leg, _ instrument: Instrument, _ inputs: [Finding.Input]
  ) throws(DecimalError) -> Finding? {
    func finding(_ outcome: RiskOutcome, _ words: String, _ limit: ExactDecimal) -> Finding {
      Finding(
        .lot, outcome, legs: [leg.index], "\(leg.label): quantity \(leg.qtyText) \(words).",
        value: leg.qtyText.string, limit: limit.description, setBy: .exchange, inputs: inputs)
    }
    if leg.qty.isZero { return finding(.block, "is zero", instrument.step) }
    if leg.quantityIsQuote {
      guard let step = instrument.quoteStep, try !leg.qty.isMultiple(of: step) else { return nil }
      return finding(.block, "is no multiple of the quote step \(step)", step)
    }
    if try !leg.qty.isMultiple(of: instrument.step) {
      return finding(.block, "is no multiple of the step \(instrument.step)", instrument.step)
    }
    if let least = instrument.minQty, leg.qty < least {
      return finding(.block, "is under the minimum \(least)", least)
    }
    let most = leg.orderType == .market ? instrument.maxMarketQty : instrument.maxLimitQty
    guard let most, leg.qty > most else { return nil }
    return leg.isClosing
      ? finding(.note, "is over \(most); the exchange splits a reduce-only order", most)
      : finding(.block, "is over the maximum \(most)", most)
  }

  // MARK: A03

  func minimumNotionals() throws(DecimalError) -> [Finding] {
    let worth = try notional()
    var findings: [Finding] = []
    var checked: [Int] = []
    for leg in batch.legs where !leg.closesWholePosition {
      switch rules(of: leg.symbol) {
      case .unusable(let reason):
        findings.append(
          Finding(
            .minimumNotional, .unchecked(reason), legs: [leg.index], "\(leg.label): \(reason)."))
      case .fresh(let instrument, let inputs):
        guard let least = instrument.minNotional, leg.category != .inverse else { continue }
        checked.append(leg.index)
        if let finding = minimum(leg, worth.legs[leg.index], least, inputs) {
          findings.append(finding)
        }
      }
    }
    return withPass(
      .minimumNotional, findings, checked: checked, "Every order reaches the minimum notional.")
  }

  private func minimum(
    _ leg: Leg, _ worth: LegNotional, _ least: ExactDecimal, _ inputs: [Finding.Input]
  ) -> Finding? {
    guard let amount = worth.amount else {
      let outcome: RiskOutcome = leg.isClosing ? .note : .unchecked("no price of \(leg.symbol)")
      return Finding(
        .minimumNotional, outcome, legs: [leg.index], "\(leg.label): its worth is not known.",
        limit: least.description, setBy: .exchange, inputs: inputs)
    }
    guard amount < least else { return nil }
    // Closing orders are exempt at some exchanges; an estimate is no certain rejection.
    let outcome: RiskOutcome = leg.isClosing ? .note : worth.estimated ? .high : .block
    let sign = worth.estimated ? "~" : ""
    return Finding(
      .minimumNotional, outcome, legs: [leg.index],
      "\(leg.label): \(sign)\(amount) \(worth.currency) is under the minimum \(least).",
      value: "\(sign)\(amount) \(worth.currency)", limit: "\(least) \(worth.currency)",
      setBy: .exchange, inputs: inputs)
  }
}

extension Leg {
  /// The prices that must be whole ticks. Zero means "none"; the price of a market order is
  /// ignored.
  fileprivate var tickedPrices: [(String, ExactDecimal)] {
    var all: [(String, ExactDecimal?)] = [
      ("trigger price", triggerPrice), ("take profit", takeProfit), ("stop loss", stopLoss),
      ("take-profit limit", tpLimitPrice), ("stop-loss limit", slLimitPrice),
    ]
    if orderType == .limit, orderIv == nil || category != .option {
      all.insert(("price", price), at: 0)
    }
    return all.compactMap { name, price in
      price.flatMap { $0.isZero && name != "price" ? nil : (name, $0) }
    }
  }
}
