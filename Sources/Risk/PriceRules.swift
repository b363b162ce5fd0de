import Decimals
import JSON
import Orders
import Time

/// A04 and B: prices against the market and the exchange's limits.
extension RiskContext {
  // MARK: A04

  /// The highest buy and lowest sell price.
  private struct Band {
    let buy: ExactDecimal
    let sell: ExactDecimal
    /// By the exchange's own word, not computed here.
    let isTold: Bool
    let inputs: [Finding.Input]
  }

  func priceLimits() throws(DecimalError) -> [Finding] {
    var findings: [Finding] = []
    var checked: [Int] = []
    for leg in batch.legs where leg.category != .option && leg.orderType == .limit {
      guard let price = leg.price else { continue }
      guard let band = try band(of: leg) else {
        let reason = "no price limit of \(leg.symbol)"
        findings.append(
          Finding(.priceLimit, .unchecked(reason), legs: [leg.index], "\(leg.label): \(reason)."))
        continue
      }
      checked.append(leg.index)
      if let finding = try outside(leg, price, band) { findings.append(finding) }
    }
    return withPass(
      .priceLimit, findings, checked: checked, "Every limit price lies inside the price limit.")
  }

  private func band(of leg: Leg) throws(DecimalError) -> Band? {
    let market = market.symbols[leg.symbol]
    if let buy = market?.buyLimit, let sell = market?.sellLimit, let time = market?.limitsAsOf,
      now - time <= RiskLimits.priceLimitStale
    {
      return Band(
        buy: buy, sell: sell, isTold: true, inputs: [Finding.Input("price limit", age: now - time)])
    }
    guard case .fresh(let fresh, let quoteInputs) = prices(of: leg.symbol),
      case .fresh(let instrument, let inputs) = rules(of: leg.symbol),
      let x = instrument.priceRatioX, let y = instrument.priceRatioY, let index = fresh.index
    else { return nil }
    guard let base = leg.category == .spot ? index : fresh.mark else { return nil }
    // The exchange's formula with a premium of zero: an estimate.
    let buy = min(try base * (.one + y), max(index, try base * (.one + x)))
    let sell = max(try base * (.one - y), min(index, try base * (.one - x)))
    return Band(buy: buy, sell: sell, isTold: false, inputs: inputs + quoteInputs)
  }

  private func outside(
    _ leg: Leg, _ price: ExactDecimal, _ band: Band
  ) throws(DecimalError) -> Finding? {
    let bound = leg.side == .buy ? band.buy : band.sell
    let isOutside = leg.side == .buy ? price > bound : price < bound
    let sign = band.isTold ? "" : "~"
    func finding(_ outcome: RiskOutcome, _ words: String) -> Finding {
      Finding(
        .priceLimit, outcome, legs: [leg.index], "\(leg.label): price \(price) \(words).",
        value: price.description, limit: sign + bound.description, setBy: .exchange,
        inputs: band.inputs)
    }
    guard isOutside else {
      let room = try (bound - price).magnitude * 10_000
      guard try room <= bound * RiskLimits.nearPriceLimit else { return nil }
      return finding(.warn, "is within 0.2 % of the price limit \(sign)\(bound)")
    }
    switch rejectsOutsideLimit {
    case true? where band.isTold: return finding(.block, "is outside the price limit \(bound)")
    case true?: return finding(.high, "is outside the price limit \(sign)\(bound): rejected")
    case false?: return finding(.high, "is outside the limit: it will be sent as \(sign)\(bound)")
    case nil where leg.category == .spot:
      return finding(.high, "is outside the limit \(sign)\(bound): rejected unless set otherwise")
    case nil:
      return finding(.high, "is outside the limit: by default it is sent as \(sign)\(bound)")
    }
  }

  private var rejectsOutsideLimit: Bool? {
    guard case .known(let account, _) = accountState else { return nil }
    return account.rejectsOutsideLimit
  }

  // MARK: B01

  func collars() throws(DecimalError) -> [Finding] {
    var findings: [Finding] = []
    var checked: [Int] = []
    for leg in batch.legs where leg.category != .option && !leg.closesWholePosition {
      switch prices(of: leg.symbol) {
      case .unusable(let reason):
        findings.append(
          Finding(.collar, .unchecked(reason), legs: [leg.index], "\(leg.label): \(reason)."))
      case .fresh(let market, let inputs):
        checked.append(leg.index)
        if let finding = try collar(leg, market, inputs) { findings.append(finding) }
      }
    }
    return withPass(.collar, findings, checked: checked, "No price is far on the wrong side.")
  }

  private func collar(
    _ leg: Leg, _ market: SymbolMarket, _ inputs: [Finding.Input]
  ) throws(DecimalError) -> Finding? {
    let mid = market.quote?.mid
    guard let reference = leg.category == .spot ? mid : market.mark, reference.isPositive else {
      let reason = "no reference price of \(leg.symbol)"
      return Finding(.collar, .unchecked(reason), legs: [leg.index], "\(leg.label): \(reason).")
    }
    if let mark = market.mark, let mid, mark.isPositive {
      let gap = try basisPoints(from: mark, to: mid).magnitude
      if try gap * 2 > limits.collarHigh.value {
        let reason = "mark \(mark) and mid \(mid) differ by \(gap) bps"
        return Finding(.collar, .unchecked(reason), legs: [leg.index], "\(leg.label): \(reason).")
      }
    }
    // A conditional order meets the market of its trigger, not today's.
    let base = leg.isConditional ? leg.triggerPrice ?? reference : reference
    let price =
      leg.orderType == .limit
      ? leg.price : leg.isConditional ? base : market.quote?.taking(leg.side)
    guard let price else { return nil }
    let signed = try basisPoints(from: base, to: price)
    return try collar(leg, price, base, leg.side == .buy ? signed : -signed, market.sd1m, inputs)
  }

  private func collar(
    _ leg: Leg, _ price: ExactDecimal, _ base: ExactDecimal, _ adverse: ExactDecimal,
    _ sd1m: ExactDecimal?, _ inputs: [Finding.Input]
  ) throws(DecimalError) -> Finding? {
    let deviation = try (sd1m ?? .zero) * 10_000
    let warn = max(limits.collarWarn.value, try deviation * 6)
    let high = max(limits.collarHigh.value, try deviation * 15)
    let outcome: RiskOutcome
    let limit: RiskLimits.Limit
    if let block = limits.collarBlock, adverse > block.value {
      // A closing order must stay possible.
      (outcome, limit) = (leg.isClosing ? .high : .block, block)
    } else if adverse > high {
      (outcome, limit) = (.high, RiskLimits.Limit(value: high, setBy: limits.collarHigh.setBy))
    } else if adverse > warn {
      (outcome, limit) = (.warn, RiskLimits.Limit(value: warn, setBy: limits.collarWarn.setBy))
    } else {
      return nil
    }
    let shown = try adverse.rescaled(to: 1, rounding: .halfEven)
    return Finding(
      .collar, outcome, legs: [leg.index],
      "\(leg.label): \(price) is \(shown) bps worse than \(base).", value: "\(shown) bps",
      limit: "\(limit.value) bps", setBy: limit.setBy, inputs: inputs)
  }

  private func basisPoints(
    from base: ExactDecimal, to price: ExactDecimal
  ) throws(DecimalError) -> ExactDecimal {
    try ((price - base) * 10_000).divided(by: base, scale: 4, rounding: .halfEven)
  }

  // MARK: B05

  func quoteAges() -> [Finding] {
    batch.symbols.map { symbol in
      let legs = batch.legs.filter { $0.symbol == symbol }
      let indices = legs.map(\.index)
      guard let market = market.symbols[symbol], market.hasPrice else {
        let takesBlind = legs.contains { $0.orderType == .market && !$0.isClosing }
        let reason = "no price of \(symbol)"
        return Finding(
          .quoteAge, takesBlind ? .block : .unchecked(reason), legs: indices,
          takesBlind ? "A market order in \(symbol), of which no price is known." : "\(reason).")
      }
      guard let time = market.engineTime else {
        let reason = "the quote of \(symbol) has no time"
        return Finding(.quoteAge, .unchecked(reason), legs: indices, "\(reason).")
      }
      return quoteAge(symbol, indices, now - time)
    }
  }

  private func quoteAge(_ symbol: Text, _ legs: [Int], _ age: Milliseconds) -> Finding {
    let words = "The quote of \(symbol) is \(Self.words(age)) old."
    let inputs = [Finding.Input("quote", age: age)]
    func finding(_ outcome: RiskOutcome, _ limit: Milliseconds) -> Finding {
      Finding(
        .quoteAge, outcome, legs: legs, words, value: Self.words(age), limit: Self.words(limit),
        setBy: limits.quoteSetBy, inputs: inputs)
    }
    if age > limits.quoteStale {
      return finding(.unchecked("the quote is stale"), limits.quoteStale)
    }
    if age > limits.quoteWarn { return finding(.warn, limits.quoteWarn) }
    return finding(age > limits.quoteNote ? .note : .pass, limits.quoteNote)
  }

  // MARK: B08

  func slippageBounds() -> [Finding] {
    let markets = batch.legs.filter {
      $0.orderType == .market && !$0.isConditional && !$0.closesWholePosition
    }
    let bare = markets.filter { $0.slippageTolerance == nil }
    guard !bare.isEmpty else {
      return withPass(
        .noSlippageBound, [], checked: markets.map(\.index), "Every market order has a bound.")
    }
    return [
      Finding(
        .noSlippageBound, .note, legs: bare.map(\.index),
        "Market order without a slippage bound: only the exchange's own threshold limits it.")
    ]
  }
}
