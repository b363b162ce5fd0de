import Decimals
import JSON
import Orders
import Time

/// B: prices against the market, and the state of the market.
extension RuleDefinition {
  static let market: [RuleDefinition] = [
    .init(
      .collar, "price against the market",
      "s·(pe − ref)/ref over max(limit, 6 sd1m), max(limit, 15 sd1m); ref = mark, on spot mid, of a "
        + "conditional order its trigger", [.quote, .book, .volatility], .block,
      source: "RTS 6 Art. 15(1)(a)"
    ) { $0.collars() },
    .init(
      .priceSlip, "digit slip in the price",
      "p·10^k within 2 % of M, k in ±1…±3; or two neighbouring digits of M swapped",
      [.quote, .history], .high
    ) { $0.priceSlips() },
    .init(
      .crossing, "limit price through the book", "Buy (p − ask)/ask, Sell (bid − p)/bid, GTC only",
      .quote, .high
    ) { $0.crossings() },
    .init(
      .farPassive, "rests far away", "−s·(p − M)/M", .quote, .warn
    ) { $0.farPassives() },
    .init(
      .quoteAge, "age of the quote", "now − time of the matching engine", .quote, .block
    ) { $0.quoteAges() },
    .init(
      .drift, "market moved since the proposal",
      "s·(mid − mid₀)/mid₀, or |ln(mid/mid₀)|/(sd1m·√min) > 3; mid₀ when the call came in",
      [.quote, .volatility, .process], .high
    ) { $0.drifts() },
    .init(
      .spreadAndDepth, "spread and depth under a market order",
      "spread; depth within 50 bps < 3·qb; turnover of a day", [.quote, .book], .high
    ) { $0.spreadsAndDepths() },
    .init(
      .noSlippageBound, "market order without a slippage bound",
      "Market, no slippageTolerance, not conditional", .quote, .warn
    ) { $0.slippageBounds() },
    .init(
      .markLastGap, "mark and last apart",
      "|L − M|/M; or a trigger on last while the gap is over half its distance", .quote, .warn
    ) { $0.markLastGaps() },
    .init(
      .funding, "funding and deleveraging", "next funding < 10 min and its rate; rank ≥ 4",
      [.quote, .account], .warn
    ) { $0.fundings() },
    .init(
      .haltState, "market out of order", "10 s move > 10 sd1m·√(1/6); a side of the book is empty",
      [.quote, .book, .volatility], .high
    ) { $0.haltStates() },
  ]
}

extension RiskContext {
  // MARK: B01

  fileprivate func collars() -> [Finding] {
    each(
      .collar, "No price is far on the wrong side.",
      where: .leg { $0.category != .option && !$0.closesAll }
    ) { leg in
      let market = try prices(of: leg)
      let mid = market.quote?.mid
      guard let reference = leg.category == .spot ? mid : market.mark, reference.isPositive else {
        throw Unchecked("no reference price of \(leg.symbol)")
      }
      let bounds = leg.limits[.deviation]
      if let mark = market.mark, let mid, mark.isPositive, let high = bounds.high ?? bounds.block {
        let gap = try mark.basisPoints(to: mid).magnitude
        guard try gap * 2 <= high.value else {
          throw Unchecked("mark \(mark) and mid \(mid) differ by \(gap) bps")
        }
      }
      // A conditional order meets the market of its trigger, not today's.
      let base = leg.trigger ?? reference
      let price = leg.price == nil && leg.isConditional ? base : try effectivePrice(of: leg)
      let adverse = try base.basisPoints(to: price) * leg.sign
      guard let (outcome, bound) = try gradeCollar(adverse, leg, bounds) else { return nil }
      return Finding(
        .collar, outcome, leg, "\(price) is \(adverse) bps worse than \(base).",
        value: "\(adverse) bps", limit: "\(bound.value) bps", setBy: bound.setBy)
    }
  }

  /// In a wild market a warning and HIGH come later; what an administrator blocks does not.
  private func gradeCollar(
    _ adverse: ExactDecimal, _ leg: LegFacts, _ bounds: Bounds
  ) throws -> (RiskOutcome, Bound)? {
    var bounds = bounds
    let sd = try (deviation(of: leg) ?? .zero) * 10_000
    func widened(_ bound: Bound?, _ times: ExactDecimal) throws -> Bound? {
      try bound.map { Bound(value: max($0.value, try sd * times), setBy: $0.setBy) }
    }
    bounds.warn = try widened(bounds.warn, 6)
    bounds.high = try widened(bounds.high, 15)
    return grade(adverse, bounds, softens: leg.isClosing)
  }

  // MARK: B02, B03, B04

  /// Prices that look like a market's with so many digits slipped.
  private struct PriceSlip {
    let power: Int
    let least: ExactDecimal
    let most: ExactDecimal

    /// Within two percent of the mark times or over a power of ten.
    static func all(of mark: ExactDecimal) throws(DecimalError) -> [PriceSlip] {
      var all: [PriceSlip] = []
      for power in 1...3 {
        let factor = ExactDecimal(coefficient: [10, 100, 1000][power - 1], scale: 0)
        let share = ExactDecimal(coefficient: 1, scale: power)
        for center in [try mark * share, try mark * factor] {
          all.append(
            PriceSlip(power: power, least: try center * "0.98", most: try center * "1.02"))
        }
      }
      return all
    }
  }

  fileprivate func priceSlips() -> [Finding] {
    var known: [Text: [PriceSlip]] = [:]
    return each(
      .priceSlip, "No price looks like the market's with a slip.",
      where: .leg { $0.price != nil && $0.category != .option }
    ) { leg in
      let mark = try prices(of: leg).mark ?? mid(of: leg)
      guard let price = leg.price, mark.isPositive, price.isPositive else { return nil }
      func knows() -> Bool {
        past(leg).contains { past in
          past.fate == .sent && past.price.map { isWithin(price, $0, 5) } ?? false
        }
      }
      let slips = try known[leg.symbol] ?? PriceSlip.all(of: mark)
      known[leg.symbol] = slips
      for slip in slips where slip.least <= price && price <= slip.most && !knows() {
        return Finding(
          .priceSlip, .high, leg,
          "\(price) is the market's \(mark) with \(slip.power) digits slipped.",
          value: "\(price)", limit: "\(mark)")
      }
      let deviation = try mark.basisPoints(to: price).magnitude
      guard let warn = leg.limits[.deviation].warn, deviation > warn.value,
        price.hasSwappedDigits(of: mark), !knows()
      else { return nil }
      return Finding(
        .priceSlip, .high, leg, "\(price) is the market's \(mark) with two digits swapped.",
        value: "\(price)", limit: "\(mark)")
    }
  }

  private func isWithin(_ a: ExactDecimal, _ b: ExactDecimal, _ percent: ExactDecimal) -> Bool {
    (try? (a - b).magnitude * 100 <= b.magnitude * percent) ?? false
  }

  fileprivate func crossings() -> [Finding] {
    each(
      .crossing, "No limit price goes far through the book.",
      where: .leg { $0.price != nil && $0.takes && $0.category != .option }
    ) { leg in
      guard let price = leg.price, let best = try prices(of: leg).quote?.best(against: leg.side)
      else { throw Unchecked("the other side of \(leg.symbol) is empty") }
      let through = try best.basisPoints(to: price) * leg.sign
      guard through.isPositive else { return nil }
      let isMeant = leg.timeInForce == .ioc || leg.timeInForce == .fok
      let atMost: RiskOutcome? = isMeant || hasTag(.take) && through <= 20 ? .note : nil
      return measured(
        .crossing, through, leg, atMost: atMost,
        "\(leg.label): \(price) goes \(through) bps through \(best).")
    }
  }

  fileprivate func farPassives() -> [Finding] {
    each(
      .farPassive, "No order rests far away.",
      where: .leg { $0.price != nil && !$0.isConditional && $0.category != .option && $0.rests }
    ) { leg in
      let mark = try prices(of: leg).mark ?? mid(of: leg)
      guard let price = leg.price else { return nil }
      let away = -(try ((price - mark) * leg.sign).percent(of: mark))
      guard away.isPositive else { return nil }
      return measured(
        .away, away, leg, atMost: hasTag(.ladder) || hasTag(.quote) ? .note : nil,
        "\(leg.label): rests far away, \(away) % from the mark \(mark).")
    }
  }

  // MARK: B05

  fileprivate func quoteAges() -> [Finding] {
    eachSymbol(.quoteAge, "") { mine in
      let leg = mine[0]
      let indices = mine.map(\.index)
      guard let market = leg.market, market.hasPrice else {
        guard let blind = mine.first(where: { $0.isMarket && !$0.isClosing }) else {
          throw Unchecked("no price of \(leg.symbol)")
        }
        return Finding(
          .quoteAge, .block, legs: [blind.index],
          "A market order in \(leg.symbol), of which no price is known.")
      }
      guard let time = market.engineTime else {
        throw Unchecked("the quote of \(leg.symbol) has no time")
      }
      let age = now - time
      let words = "The quote of \(leg.symbol) is \(age.words) old."
      let graded = grade(ExactDecimal(max(0, age.count)), leg.limits[.age])
      guard let (outcome, bound) = graded else {
        return Finding(.quoteAge, .pass, legs: indices, words, value: "\(age.count) ms")
      }
      // Past the last limit nothing is known, which is worse than a warning and no verdict.
      let isStale = outcome.severity >= .high
      return Finding(
        .quoteAge, isStale ? .unchecked("the quote is stale") : outcome, legs: indices, words,
        value: "\(age.count) ms", limit: "\(bound.value) ms", setBy: bound.setBy)
    }
  }

  // MARK: B06

  fileprivate func drifts() -> [Finding] {
    each(.drift, "The market stands where it stood.", where: .leg { $0.category != .option }) {
      leg in
      guard let then = surroundings.baselines[leg.symbol] else {
        return nil
      }
      let mid = try mid(of: leg)
      let moved = try then.mid.basisPoints(to: mid)
      // What counts is worse for the order: a buy that now pays more, or a passive one run over.
      let adverse =
        try moved * (leg.takes && leg.price != nil && !isCrossing(leg) ? -leg.sign : leg.sign)
      func words() -> String {
        "\(leg.label): the mid moved \(moved) bps since the proposal, to \(mid)."
      }
      if let finding = measured(.drift, adverse, leg, words()) { return finding }
      let minutes = Double((now - then.at).count) / 60_000
      guard minutes > 0.05, let sd = deviation(of: leg), sd.isPositive else { return nil }
      let z =
        abs(Statistics.logarithm(Double(mid) / Double(then.mid)))
        / (Double(sd) * minutes.squareRoot())
      guard z > 3, let shown = ExactDecimal(statistic: z), adverse.isPositive else { return nil }
      return Finding(
        .drift, .warn, legs: [leg.index], words(), value: "\(shown) sd", limit: "3 sd",
        setBy: .proposal)
    }
  }

  private func isCrossing(_ leg: LegFacts) -> Bool {
    guard let price = leg.price, let best = leg.market?.quote?.best(against: leg.side) else {
      return leg.isMarket
    }
    return leg.isBuy ? price >= best : price <= best
  }

  // MARK: B07, B08

  fileprivate func spreadsAndDepths() -> [Finding] {
    each(
      .spreadAndDepth, "Spread and depth bear the market orders.",
      where: .leg { $0.isMarket && !$0.isConditional && !$0.closesAll && $0.category != .option }
    ) { leg in
      let market = try prices(of: leg)
      let advice = " An immediate-or-cancel limit would bound the price."
      if let bid = market.bid, let ask = market.ask {
        let spread = try bid.basisPoints(to: ask)
        if let finding = measured(
          .spread, spread, leg, "\(leg.label): the spread is \(spread) bps." + advice)
        {
          return finding
        }
      }
      if let finding = try thinBook(leg, advice) { return finding }
      guard let day = market.day else { return nil }
      return measured(
        .dayTurnover, day.dollars, leg,
        "\(leg.label): a market order where \(day.dollars) USD trade in a day." + advice)
    }
  }

  private func thinBook(_ leg: LegFacts, _ advice: String) throws -> Finding? {
    let mid = try mid(of: leg)
    guard let wanted = try leg.worth.get().base, wanted.isPositive else { return nil }
    let edge = try mid * (leg.isBuy ? "1.005" : "0.995")
    var depth = ExactDecimal.zero
    for level in try book(of: leg).against(leg.side)
    where leg.isBuy ? level.price <= edge : level.price >= edge {
      depth = try depth + level.size
    }
    let times = try depth.times(wanted, rounding: .down)
    return measured(
      .depth, times, leg, "\(leg.label): only \(depth) within 50 bps for \(wanted)." + advice)
  }

  fileprivate func slippageBounds() -> [Finding] {
    each(
      .noSlippageBound, "Every market order has a bound.",
      where: .leg { $0.isMarket && !$0.isConditional && !$0.closesAll }
    ) { leg in
      guard leg.leg.slippageTolerance == nil else { return nil }
      return Finding(
        .noSlippageBound, leg.symbolClass == .c ? .warn : .note, leg,
        "no slippage bound: only the exchange's own threshold limits the price.")
    }
  }

  // MARK: B09, B10, B11

  fileprivate func markLastGaps() -> [Finding] {
    var gaps: [Text: ExactDecimal] = [:]
    return each(
      .markLastGap, "Mark and last agree.",
      where: .leg { $0.category != .spot && $0.category != .option }
    ) { leg in
      let mark = try mark(of: leg)
      guard let last = try prices(of: leg).last else {
        throw Unchecked("no last price of \(leg.symbol)")
      }
      let gap = try gaps[leg.symbol] ?? mark.basisPoints(to: last).magnitude
      gaps[leg.symbol] = gap
      func words() -> String {
        "\(leg.label): last \(last) and mark \(mark) are \(gap) bps apart."
      }
      if let finding = measured(.gap, gap, leg, words()) { return finding }
      guard let trigger = leg.trigger, leg.leg.triggerBy == nil || leg.leg.triggerBy == "LastPrice"
      else { return nil }
      let distance = try mark.basisPoints(to: trigger).magnitude
      guard try gap * 2 > distance else { return nil }
      return Finding(
        .markLastGap, .warn, legs: [leg.index], words() + " The trigger is nearly as close.",
        value: "\(gap) bps", limit: "\(distance) bps")
    }
  }

  fileprivate func fundings() -> [Finding] {
    each(
      .funding, "No funding is near, no position is first to be cut.",
      where: .leg { !$0.isClosing && ($0.category == .linear || $0.category == .inverse) }
    ) { leg in
      let market = try prices(of: leg)
      if let rank = (try? position(of: leg))?.deleverageRank, rank >= 4 {
        return Finding(
          .funding, .warn, leg, "the position is among the first to be cut (rank \(rank)).",
          value: "\(rank)", limit: "3")
      }
      if let rate = market.fundingRate, let next = market.nextFunding, next > now,
        next - now < .minutes(10)
      {
        let cost = try rate * 10_000 * leg.sign
        if let finding = measured(
          .funding, cost, leg,
          "\(leg.label): pays \(cost.normalized) bps of funding in \((next - now).words).")
        {
          return finding
        }
      }
      _ = try partly("No funding is near; is the position first to be cut?") {
        try position(of: leg)
      }
      return nil
    }
  }

  fileprivate func haltStates() -> [Finding] {
    eachSymbol(.haltState, "The market is in order.", where: .leg { $0.category != .option }) {
      mine in
      let leg = mine[0]
      let market = try prices(of: leg)
      let isEmpty =
        market.book.map { $0.bids.isEmpty || $0.asks.isEmpty }
        ?? (market.bid == nil || market.ask == nil)
      if isEmpty {
        return Finding(
          .haltState, .high, legs: mine.map(\.index),
          "A side of the book of \(leg.symbol) is empty.")
      }
      guard let move = market.move10s?.magnitude, let sd = deviation(of: leg), sd.isPositive else {
        return nil
      }
      // Ten seconds are a sixth of the minute that sd1m is of.
      let usual = Double(sd) * (1.0 / 6).squareRoot()
      guard let score = ExactDecimal(statistic: Double(move) / usual) else { return nil }
      return measured(
        .move, score, leg, legs: mine.map(\.index),
        "\(leg.symbol) moved \(score) deviations within ten seconds.")
    }
  }
}

extension ExactDecimal {
  /// Whether two neighbouring digits of `other`, exchanged, make this.
  func hasSwappedDigits(of other: ExactDecimal) -> Bool {
    let (mine, its) = (
      normalized.digits(at: max(scale, other.scale)), other.digits(at: max(scale, other.scale))
    )
    guard mine.count == its.count, mine != its else { return false }
    let differ = mine.indices.filter { mine[$0] != its[$0] }
    return differ.count == 2 && differ[1] == differ[0] + 1 && mine[differ[0]] == its[differ[1]]
      && mine[differ[1]] == its[differ[0]]
  }

  private func digits(at scale: Int) -> [UInt8] {
    guard let same = try? rescaled(to: scale, rounding: .down) else { return [] }
    return Array(String(same.coefficient.magnitude).utf8)
  }
}
