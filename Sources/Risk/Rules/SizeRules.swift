import Decimals
import JSON
import Orders
import Time

/// C: how much.
extension RuleDefinition {
  static let size: [RuleDefinition] = [
    .init(
      .orderCap, "order cap", "N over 50 %, 80 %, 100 % of the cap; reduce-only of twice the cap",
      .quote, .block, source: "RTS 6 Art. 15(1)(b), (c)"
    ) { $0.orderCaps() },
    .init(
      .unusualSize, "unusual size",
      "z = (ln N − median)/(1.4826·MAD) and N/median over the agent's last 200 orders in the symbol",
      [.quote, .history], .high
    ) { $0.unusualSizes() },
    .init(
      .quantitySlip, "digit slip in the quantity",
      "q within 1 % of the median or last quantity·10^k, k in 1…4, where C02 fires",
      [.quote, .history], .high
    ) { $0.quantitySlips() },
    .init(
      .batchTotals, "batch totals", "Σ N of opening orders by currency; gross Σ N, net Σ s·N",
      .quote,
      .block
    ) { try $0.batchTotals() },
    .init(
      .concentration, "concentration", "|exposure in the symbol after| / E, worst order of fills",
      [.quote, .account], .block
    ) { $0.concentrations() },
    .init(
      .impact, "market impact",
      "book walked up to p, orders of one side one after the other: |vwap − mid|/mid; q / visible depth",
      [.quote, .book], .block
    ) { $0.impacts() },
    .init(
      .shareOfVolume, "share of the day's volume", "qb / V24", .quote, .block
    ) { $0.sharesOfVolume() },
    .init(
      .openOrderLoad, "load of open orders",
      "open + batch ≤ 500 a symbol (spot in all), conditional ≤ 10 (spot 30), options 50", .account,
      .block
    ) { $0.openOrderLoads() },
    .init(
      .turnover, "turnover of the day", "Σ N of 24 h (refused orders not counted) + batch",
      [.quote, .history],
      .block, source: "RTS 6 Art. 15(2)"
    ) { try $0.turnovers() },
  ]
}

extension RiskContext {
  /// Over a cap: whole for what opens, twice for what closes, which is never blocked.
  func capped(
    _ measure: RiskMeasure, _ amount: ExactDecimal, _ currency: Text, _ leg: LegFacts,
    legs: [Int], isEstimate: Bool, doubles: Bool = false, _ words: String
  ) throws -> Finding {
    let rule = measure.definition.rule
    let value = "\(isEstimate ? "~" : "")\(amount) \(currency)"
    guard let bounds = leg.limits.bounds(measure, in: currency) else {
      return Finding(
        rule, amount.isZero ? .pass : .warn, legs: legs, "\(words); no cap is set for \(currency).",
        value: value)
    }
    let measuredAmount = doubles ? try amount.divided(by: 2, scale: 12, rounding: .up) : amount
    let graded = grade(measuredAmount, bounds, softens: doubles)
    guard let most = bounds.block ?? bounds.high else {
      return Finding(rule, graded?.outcome ?? .pass, legs: legs, words + ".", value: value)
    }
    let limit = doubles ? try most.value * 2 : most.value
    return Finding(
      rule, graded?.outcome ?? .pass, legs: legs, "\(words), of \(limit).", value: value,
      limit: "\(limit) \(currency)", setBy: most.setBy)
  }

  // MARK: C01

  fileprivate func orderCaps() -> [Finding] {
    each(.orderCap, "", where: .leg { !$0.closesAll }) { leg in
      let worth = try leg.worth.get()
      let amount = try self.worth(of: leg)
      let isEstimate = worth.estimated || leg.category == .option
      return try capped(
        .orderCap, amount, worth.currency, leg, legs: [leg.index], isEstimate: isEstimate,
        doubles: leg.isClosing, "\(leg.label): \(isEstimate ? "~" : "")\(amount) \(worth.currency)")
    }
  }

  // MARK: C02, C03

  /// What the agent's orders in a symbol usually are.
  struct Usual: Sendable {
    /// Of the logarithms of their worth.
    let middle: Double
    let spread: Double
    let median: ExactDecimal
    let count: Int
  }

  /// Nil where there are too few to say.
  private func usual(_ leg: LegFacts) throws -> Usual? {
    var sizes = past(leg).suffix(200).filter { $0.logarithmOfWorth != nil }
    // With few orders in the symbol those in all symbols of the currency say more.
    if sizes.count < 20 {
      let currency = try leg.worth.get().currency
      sizes = history.legs.filter { $0.currency == currency }.suffix(200).filter {
        $0.logarithmOfWorth != nil
      }
    }
    let logarithms = sizes.compactMap(\.logarithmOfWorth)
    guard sizes.count >= 5, let middle = Statistics.median(logarithms) else { return nil }
    // An agent of equal sizes has no spread: a quarter is the least that counts as one.
    let spread = max(Statistics.spread(logarithms, around: middle) * 1.4826, 0.25)
    return Usual(
      middle: middle, spread: spread,
      median: Statistics.middle(sizes.compactMap(\.worth)) ?? .zero, count: sizes.count)
  }

  /// How unusual an order is beside the agent's own; nil where there are too few to say.
  private func unusual(
    _ leg: LegFacts
  ) throws -> (score: ExactDecimal, times: ExactDecimal, usual: Usual)? {
    let worth = try self.worth(of: leg)
    guard worth.isPositive, let usual = try memo.usual(leg.symbol, { try self.usual(leg) }) else {
      return nil
    }
    let score = (Statistics.logarithm(Double(worth)) - usual.middle) / usual.spread
    guard let shown = ExactDecimal(statistic: score) else { return nil }
    return (shown, try worth.times(usual.median), usual)
  }

  fileprivate func unusualSizes() -> [Finding] {
    each(
      .unusualSize, "The sizes are like the agent's own.",
      where: .leg { !$0.closesAll && !$0.isClosing }
    ) { leg in
      guard let found = try unusual(leg) else { return nil }
      func words() -> String {
        "\(leg.label): \(found.times) times the agent's median of \(found.usual.median) "
          + "over \(found.usual.count) orders."
      }
      return worse(
        measured(.unusualTimes, found.times, leg, words()),
        measured(.unusualScore, found.score, leg, words()))
    }
  }

  /// A quantity with so many digits slipped, and the bounds within which an order has it, a hundred
  /// times.
  private struct Slip {
    let usual: ExactDecimal
    let power: Int
    let least: ExactDecimal
    let most: ExactDecimal
  }

  /// Of the agent's median and last quantity; none where there are too few orders to say.
  private func slips(_ leg: LegFacts) throws -> [Slip] {
    let all = past(leg).suffix(200).map(\.leg.qty).filter(\.isPositive)
    guard all.count >= 5, let middle = Statistics.middle(all) else { return [] }
    return try [middle, all[all.count - 1]].flatMap { usual in
      try (1...4).map { power in
        let shifted =
          try usual * ExactDecimal(coefficient: [10, 100, 1000, 10_000][power - 1], scale: 0)
        return Slip(usual: usual, power: power, least: try shifted * 99, most: try shifted * 101)
      }
    }
  }

  fileprivate func quantitySlips() -> [Finding] {
    var known: [Text: [Slip]] = [:]
    return each(
      .quantitySlip, "No quantity looks like the usual one with a slip.",
      where: .leg { !$0.closesAll && !$0.isClosing }
    ) { leg in
      let slips = try known[leg.symbol] ?? self.slips(leg)
      known[leg.symbol] = slips
      let hundredfold = try leg.qty * 100
      guard let slip = slips.first(where: { $0.least <= hundredfold && hundredfold <= $0.most }),
        let found = try unusual(leg),
        measured(.unusualTimes, found.times, leg, "") != nil
          || measured(.unusualScore, found.score, leg, "") != nil
      else { return nil }
      return Finding(
        .quantitySlip, .high, leg,
        "quantity \(leg.qty) is the usual \(slip.usual) with \(slip.power) digits slipped.",
        value: "\(leg.qty)", limit: "\(slip.usual)")
    }
  }

  // MARK: C04, C09

  /// Sums of the legs that could be valued, by currency.
  private struct Totals {
    let first: LegFacts
    var gross = ExactDecimal.zero
    var opening = ExactDecimal.zero
    var net = ExactDecimal.zero
    var isEstimate = false
    var legs: [Int] = []
  }

  private func totals(
    _ rule: RiskRule
  ) throws -> (sums: [(currency: Text, total: Totals)], unvalued: [Finding]) {
    var sums: [(currency: Text, total: Totals)] = []
    var unvalued: [Finding] = []
    for leg in legs where !leg.closesAll {
      do {
        let amount = try worth(of: leg)
        let worth = try leg.worth.get()
        let at = sums.firstIndex { $0.currency == worth.currency } ?? sums.endIndex
        if at == sums.endIndex { sums.append((worth.currency, Totals(first: leg))) }
        sums[at].total.gross = try sums[at].total.gross + amount
        if !leg.isClosing { sums[at].total.opening = try sums[at].total.opening + amount }
        sums[at].total.net = try sums[at].total.net + amount * leg.sign
        if worth.estimated || leg.category == .option { sums[at].total.isEstimate = true }
        sums[at].total.legs.append(leg.index)
      } catch let error as Unchecked {
        unvalued.append(
          Finding(rule, error.outcome, legs: [leg.index], "Not in the sum: \(error.words)"))
      }
    }
    return (sums, unvalued)
  }

  fileprivate func batchTotals() throws -> [Finding] {
    let (sums, unvalued) = try totals(.batchTotals)
    return try unvalued
      + sums.map { currency, total in
        let sign = total.isEstimate ? "~" : ""
        return try capped(
          .batchCap, total.opening, currency, total.first, legs: total.legs,
          isEstimate: total.isEstimate,
          "Gross \(sign)\(total.gross), opening \(sign)\(total.opening), "
            + "net \(sign)\(total.net) \(currency)")
      }
  }

  fileprivate func turnovers() throws -> [Finding] {
    let (sums, unvalued) = try totals(.turnover)
    return try unvalued
      + sums.map { currency, total in
        let sent = try total.opening + (history.day.worth[currency] ?? .zero)
        let finding = try capped(
          .turnoverCap, sent, currency, total.first, legs: total.legs, isEstimate: total.isEstimate,
          "\(sent) \(currency) of the agent's orders within 24 h")
        return ofDay(
          finding, total.first.limits.bounds(.turnoverCap, in: currency),
          isKnown: history.day.isWhole && history.day.isValued)
      }
  }

  /// What counts a day is the least that it can be where not all of the day is known: within a limit
  /// that an administrator set it is then not known to be.
  func ofDay(_ finding: Finding, _ bounds: Bounds?, isKnown: Bool) -> Finding {
    guard !isKnown, finding.outcome.severity < .high else { return finding }
    let reason = "not all of the day is known"
    let isBinding = (bounds?.block ?? bounds?.high)?.setBy.isAdministrator ?? false
    return Finding(
      finding.rule,
      isBinding ? .unchecked(reason) : finding.outcome == .pass ? .note : finding.outcome,
      legs: finding.legs,
      "At least \(finding.words) Not all of the day is known.",
      value: finding.value, limit: finding.limit, setBy: finding.setBy)
  }

  // MARK: C05

  fileprivate func concentrations() -> [Finding] {
    eachSymbol(
      .concentration, "No symbol is too much of the account.",
      where: .leg { !$0.isClosing && $0.category != .option }
    ) { mine in
      let leg = mine[0]
      let exposure = try exposureAfter(leg)
      let share = try exposure.percent(of: try equity())
      return measured(
        .concentration, share, leg, legs: mine.map(\.index),
        "\(leg.symbol): \(share) % of the equity after the batch, in its worst order of fills.")
    }
  }

  // MARK: C06

  fileprivate func impacts() -> [Finding] {
    // What earlier orders of the batch have taken is not there for later ones.
    var taken: [SideKey: ExactDecimal] = [:]
    var depths: [SideKey: ExactDecimal] = [:]
    /// All visible sizes of the side that an order takes from.
    func depth(_ key: SideKey, _ levels: [BookSnapshot.Level]) throws -> ExactDecimal {
      if let known = depths[key] { return known }
      var sum = ExactDecimal.zero
      for level in levels { sum = try sum + level.size }
      depths[key] = sum
      return sum
    }
    return each(
      .impact, "The book bears what the batch takes.",
      where: .leg { $0.takes && !$0.closesAll && $0.category != .option }
    ) { leg in
      let mid = try mid(of: leg)
      if let price = leg.price, let best = leg.market?.quote?.best(against: leg.side),
        leg.isBuy ? price < best : price > best
      {
        return nil
      }
      let key = SideKey(symbol: leg.symbol, side: leg.side)
      let levels = try book(of: leg).against(leg.side)
      guard let walk = try BookWalk(levels, leg, from: taken[key] ?? .zero) else { return nil }
      taken[key] = try (taken[key] ?? .zero) + walk.taken
      let depth = try depth(key, levels)
      if leg.isMarket, walk.missing.isPositive {
        return Finding(
          .impact, .high, leg,
          "a market order over the visible depth: \(walk.missing) is not visible, and its price is not checked.",
          value: "\(walk.missing)", limit: "\(depth)")
      }
      guard let average = walk.average, depth.isPositive else { return nil }
      let cost = try mid.basisPoints(to: average) * leg.sign
      let share = try walk.taken.percent(of: depth)
      return worse(
        measured(
          .impact, cost, leg,
          "\(leg.label): takes \(walk.taken) at \(average), \(cost) bps from the mid."),
        measured(.use, share, leg, "\(leg.label): takes \(share) % of the visible \(depth)."))
    }
  }

  /// The worse of two findings, the first of equal ones.
  func worse(_ a: Finding?, _ b: Finding?) -> Finding? {
    guard let a, let b else { return a ?? b }
    return b.outcome.severity > a.outcome.severity ? b : a
  }

  // MARK: C07, C08

  fileprivate func sharesOfVolume() -> [Finding] {
    each(
      .shareOfVolume, "No order is much of the day's volume.",
      where: .leg { !$0.closesAll && $0.category != .option }
    ) { leg in
      guard let day = try prices(of: leg).day else {
        throw Unchecked(
          .note, "The volume of the day in \(leg.symbol) is not told in a form that can be read.")
      }
      guard let quantity = try leg.worth.get().base else {
        throw Unchecked("no price of \(leg.symbol)")
      }
      let share = try quantity.percent(of: day.base)
      return measured(
        .volume, share, leg, "\(leg.label): \(share) % of the \(day.base) that trade in a day.")
    }
  }

  fileprivate func openOrderLoads() -> [Finding] {
    eachSymbol(.openOrderLoad, "The exchange has room for the orders.") { mine in
      let leg = mine[0]
      let isSpot = leg.category == .spot
      let open =
        isSpot
        ? try knownAccount().openOrders : try openOrders(leg.symbol)
      let active = open.count { !$0.isConditional } + mine.count { !$0.isConditional }
      let waiting = open.count(where: \.isConditional) + mine.count(where: \.isConditional)
      let most = leg.category == .option ? 50 : 500
      for (count, limit, name) in [
        (active, most, "open"), (waiting, isSpot ? 30 : 10, "conditional"),
      ] {
        func words() -> String {
          "\(leg.symbol): \(count) of \(limit) \(name) orders after the batch."
        }
        if count > limit {
          return Finding(
            .openOrderLoad, .block, legs: mine.map(\.index), words(), value: "\(count)",
            limit: "\(limit)", setBy: .exchange)
        }
        let share = try ExactDecimal(count).percent(of: ExactDecimal(limit))
        if let finding = measured(.openOrders, share, leg, legs: mine.map(\.index), words()) {
          return finding
        }
      }
      return nil
    }
  }
}
