import Decimals
import JSON
import Orders
import Time

/// E: loss, margin, liquidation.
extension RuleDefinition {
  static let margin: [RuleDefinition] = [
    .init(
      .lossAtStop, "loss at the stop",
      "q·|pe − SL'| + fee·q·(pe + SL'), SL' = SL·(1 − s·gap); inverse q·|1/SL' − 1/pe|·I; in % of E, and "
        + "the sum", [.quote, .book, .volatility, .account], .block
    ) { $0.lossesAtStops() },
    .init(
      .noStop, "no stop",
      "opening order without stop: N·max(10 %, 5 sdd) in % of E", [.quote, .volatility, .account],
      .block
    ) { $0.missingStops() },
    .init(
      .shortOption, "short option", "sold beyond what is held; stress S ± 20 %",
      [.quote, .account], .high
    ) { $0.shortOptions() },
    .init(
      .margin, "margin",
      "(initial margin + Σ N/leverage + fees)/balance; (maintenance + Σ N·mmr)/balance; Σ ≤ available",
      [.quote, .book, .instrument, .account], .block
    ) { $0.margins() },
    .init(
      .liquidationDistance, "distance to liquidation",
      "|M − liq|/M; isolated liq = entry·(1 ∓ (1/lev − mmr)), cross M ∓ (balance − MM)/q (estimate)",
      [.quote, .book, .instrument, .volatility, .account], .block
    ) { $0.liquidations() },
    .init(
      .leverage, "leverage", "Σ |exposure| after / E", [.quote, .account], .block
    ) { try $0.leverages() },
    .init(
      .riskTier, "risk tier", "the position's worth after lies in a higher tier",
      [.quote, .instrument, .account], .warn
    ) { $0.riskTiers() },
    .init(
      .balance, "balance", "spot: free ≥ need, orders of the batch one after the other",
      [.quote, .account], .block
    ) { $0.balances() },
    .init(
      .cost, "cost", "Σ N·fee of what takes; no edge is stated to compare it with",
      [.quote, .account],
      .note
    ) { try $0.costs() },
    .init(
      .dayLoss, "loss of the day",
      "equity now against that at the start of the day (UTC), in % of E",
      .account, .block
    ) { try $0.dayLosses() },
  ]
}

extension RiskContext {
  // MARK: E01, E02, E03

  /// What is lost when the stop is hit, in US dollars.
  private func loss(_ leg: LegFacts, at stop: ExactDecimal) throws -> ExactDecimal {
    let price = try effectivePrice(of: leg)
    let gap = max("0.001", try (deviation(of: leg) ?? .zero) * 3)
    let hit = try stop * (leg.isBuy ? .one - gap : .one + gap)
    let fee = try fee(of: leg).rate
    if leg.category == .inverse {
      let coins =
        try ExactDecimal.one.divided(by: hit, scale: 16, rounding: .up)
        - ExactDecimal.one.divided(by: price, scale: 16, rounding: .down)
      let lost = try leg.qty * coins.magnitude * mark(of: leg)
      return try lost + leg.qty * fee * 2
    }
    let lost = try leg.qty * ((price - hit) * leg.sign)
    guard lost.isPositive else { return .zero }
    return try dollars(try lost + fee * leg.qty * (price + hit), try leg.worth.get().currency)
  }

  fileprivate func lossesAtStops() -> [Finding] {
    var sum = ExactDecimal.zero
    var counted: [LegFacts] = []
    var findings = each(
      .lossAtStop, "No stop costs much.",
      where: .leg {
        $0.stopLoss != nil && !$0.isClosing && $0.category != .spot && $0.category != .option
      }
    ) { leg in
      guard let stop = leg.stopLoss else { return nil }
      let lost = try loss(leg, at: stop)
      sum = try sum + lost
      counted.append(leg)
      let share = try lost.percent(of: try equity())
      return measured(
        .orderLoss, share, leg,
        "\(leg.label): loses \(lost.cents) USD at its stop, \(share) % of the equity.")
    }
    if let first = counted.first, let equity = try? equity(),
      let share = try? sum.percent(of: equity),
      let all = measured(
        .batchLoss, share, first, legs: counted.map(\.index),
        "All stops hit: \(sum.cents) USD, \(share) % of the equity.")
    {
      findings.append(all)
    }
    return findings
  }

  fileprivate func missingStops() -> [Finding] {
    let isExempt = hasTag(.quote) || hasTag(.legs)
    return each(
      .noStop, "Every opening order has a stop, or little to lose.", where: .leg { opens($0) }
    ) { leg in
      guard try !isProtected(leg) else { return nil }
      let opening = try openingQuantity(of: leg)
      guard opening.isPositive, leg.qty.isPositive else { return nil }
      let worth = try dollars(of: leg)
      let part = try (worth * opening).divided(by: leg.qty, scale: 8, rounding: .up)
      let stress = max("0.1", try (leg.market?.sd1d ?? .zero) * 5)
      let lost = try part * stress
      let share = try lost.percent(of: try equity())
      return measured(
        .stress, share, leg, atMost: isExempt ? .note : nil,
        "\(leg.label): no stop; \(lost.cents) USD in a stress of \(stress.asPercent) %, "
          + "\(share) % of the equity.")
    }
  }

  private func opens(_ leg: LegFacts) -> Bool {
    !leg.isClosing && !leg.closesAll && leg.stopLoss == nil && leg.category != .option
      && (leg.category != .spot || leg.isBuy)
  }

  /// A stop on the position, or a conditional order that closes it, in the book or in the batch.
  private func isProtected(_ leg: LegFacts) throws -> Bool {
    if let held = try position(of: leg), held.stopLoss != nil, held.size.isPositive == leg.isBuy {
      return true
    }
    let other: Side = leg.isBuy ? .sell : .buy
    return try open(leg.symbol).hasStop(other)
      || legs.contains {
        $0.isClosing && $0.isConditional && $0.side == other && $0.symbol == leg.symbol
      }
  }

  fileprivate func shortOptions() -> [Finding] {
    each(
      .shortOption, "No option is sold bare.", where: .leg { $0.category == .option && !$0.isBuy }
    ) {
      leg in
      let held = try position(of: leg)?.size ?? .zero
      let bare = try leg.qty - max(.zero, held)
      guard !leg.isClosing, bare.isPositive, let terms = OptionTerms(leg.symbol) else { return nil }
      guard let spot = try prices(of: leg).underlying else {
        throw Unchecked("no price of what is under \(leg.symbol)")
      }
      let moved = try spot * (terms.isCall ? "1.2" : "0.8")
      let worth = max(.zero, try terms.isCall ? moved - terms.strike : terms.strike - moved)
      let lost = try (worth * bare).cents
      return Finding(
        .shortOption, .high, leg,
        "\(bare) sold bare; its loss is \(terms.isCall ? "unbounded" : "bounded by the strike only"), "
          + "\(lost) if the price moves 20 %.", value: "\(bare)", limit: "\(max(.zero, held))")
    }
  }

  // MARK: E04, E05, E06, E07

  fileprivate func margins() -> [Finding] {
    guard batch.category != .spot, let leg = legs.first(where: { !$0.isClosing }) else { return [] }
    let all = legs.map(\.index)
    do {
      let after = try marginAfter()
      if let available = try knownAccount().available, after.need > available {
        return [
          Finding(
            .margin, .high, legs: all,
            "The batch needs about \(after.need.cents) USD of margin; \(available.cents) are available.",
            value: "\(after.need.cents) USD", limit: "\(available.cents) USD", setBy: .exchange)
        ]
      }
      let worst = worse(
        measured(
          .initialMargin, after.initial, leg, legs: all,
          "Initial margin after the batch: \(after.initial) % of the balance."),
        measured(
          .maintenanceMargin, after.maintenance, leg, legs: all,
          "Maintenance margin after the batch: \(after.maintenance) % of the balance."))
      return [
        worst
          ?? Finding(
            .margin, .pass, legs: all,
            "After the batch \(after.initial) % initial and \(after.maintenance) % maintenance margin.",
            value: "\(after.initial) %")
      ]
    } catch {
      return [unchecked(.margin, all, error)]
    }
  }

  fileprivate func liquidations() -> [Finding] {
    eachSymbol(
      .liquidationDistance, "Liquidation is far.",
      where: .leg { $0.category == .linear || $0.category == .inverse }
    ) { mine in
      guard mine.contains(where: { !$0.isClosing }), let after = try liquidationAfter(mine) else {
        return nil
      }
      let leg = mine[0]
      let mark = try mark(of: leg)
      let distance = try (mark - after.price) * (after.size.isPositive ? 1 : -1)
      let share = try distance.percent(of: mark)
      let sign = after.isEstimate ? "~" : ""
      func words() -> String {
        "\(leg.symbol): liquidated at \(sign)\(after.price), \(share) % from the mark, after the batch."
      }
      if let finding = measured(.liquidation, share, leg, legs: mine.map(\.index), words()) {
        return finding
      }
      guard let daily = leg.market?.sd1d, daily.isPositive else { return nil }
      let deviations = try (share.divided(by: 100, scale: 6, rounding: .down)).times(
        daily, rounding: .down)
      guard deviations < 5 else { return nil }
      return Finding(
        .liquidationDistance, deviations < 3 ? .high : .warn, legs: mine.map(\.index), words(),
        value: "\(deviations) daily sd", limit: "5 daily sd", setBy: .proposal)
    }
  }

  fileprivate func leverages() throws -> [Finding] {
    guard batch.category != .option, let leg = legs.first(where: { !$0.isClosing }) else {
      return []
    }
    var sum = ExactDecimal.zero
    for symbol in symbols {
      if let one = legs.first(where: { $0.symbol == symbol }) { sum = try sum + exposureAfter(one) }
    }
    for position in try knownAccount().positions
    where !symbols.contains(position.symbol) {
      sum = try sum + (position.value ?? .zero)
    }
    let times = try sum.times(try equity())
    let words = "Exposure after the batch, in its worst order of fills: \(times) times the equity."
    return [
      measured(.leverage, times, leg, legs: legs.map(\.index), words)
        ?? Finding(.leverage, .pass, legs: legs.map(\.index), words, value: "\(times) times")
    ]
  }

  fileprivate func riskTiers() -> [Finding] {
    eachSymbol(
      .riskTier, "No position reaches another risk tier.",
      where: .leg { !$0.isClosing && ($0.category == .linear || $0.category == .inverse) }
    ) { mine in
      let leg = mine[0]
      let tiers = try rules(of: leg).tiers
      guard !tiers.isEmpty else {
        throw Unchecked(.note, "The risk tiers of \(leg.symbol) are not told.")
      }
      let size = try position(of: leg)?.size.magnitude ?? .zero
      let before = try leg.category == .inverse ? size : size * mark(of: leg)
      let after = try exposureAfter(leg)
      func tier(_ value: ExactDecimal) -> Int {
        tiers.firstIndex { value <= $0.limit } ?? tiers.count
      }
      guard tier(after) > tier(before) else { return nil }
      let words =
        tier(after) < tiers.count
        ? "maintenance margin \(try tiers[tier(after)].maintenance.percent(of: 1)) %, at most "
          + "\(tiers[tier(after)].maxLeverage)×" : "beyond the last tier"
      return Finding(
        .riskTier, .warn, legs: mine.map(\.index), "\(leg.symbol): a higher risk tier: \(words).",
        value: "\(after.cents)", limit: "\(tiers[min(tier(before), tiers.count - 1)].limit)",
        setBy: .exchange)
    }
  }

  // MARK: E08, E09, E10

  fileprivate func balances() -> [Finding] {
    var used: [Text: ExactDecimal] = [:]
    return each(
      .balance, "The balance bears the orders.",
      where: .leg { $0.category == .spot && !$0.leg.isLeverage }
    ) { leg in
      let (coin, need) = try spotNeed(leg)
      let free = try knownAccount().coins[coin]?.free ?? .zero
      let before = used[coin] ?? .zero
      let all = try before + need
      used[coin] = all
      guard all > free else { return nil }
      let isCertain = try !leg.worth.get().estimated || !leg.isBuy || leg.leg.quantityIsQuote
      return Finding(
        .balance, isCertain && before.isZero ? .block : .high, leg,
        "needs \(need) \(coin)\(before.isZero ? "" : " after \(before)"); \(free) are free.",
        value: "\(all) \(coin)", limit: "\(free) \(coin)", setBy: .exchange)
    }
  }

  fileprivate func costs() throws -> [Finding] {
    var sum = ExactDecimal.zero
    var isKnown = true
    let taking = legs.filter { $0.takes && !$0.closesAll && $0.category != .option }
    guard !taking.isEmpty else { return [] }
    for leg in taking {
      let fee = try fee(of: leg)
      sum = try sum + dollars(of: leg) * fee.rate
      isKnown = isKnown && fee.isKnown
    }
    return [
      Finding(
        .cost, .pass, legs: taking.map(\.index),
        "Fees of about \(sum.cents) USD\(isKnown ? "" : " at the usual rate"); no edge is stated.",
        value: "\(sum.cents) USD")
    ]
  }

  fileprivate func dayLosses() throws -> [Finding] {
    guard let leg = legs.first else { return [] }
    guard let result = try knownAccount().dayResult else {
      throw Unchecked(.note, "The result of the day is not known yet.")
    }
    let share = try (-result).percent(of: try equity())
    let words = "The day's result is \(result.cents) USD."
    guard share.isPositive else {
      return [Finding(.dayLoss, .pass, words, value: "\(result.cents) USD")]
    }
    // Past the limit only what reduces may go on.
    let finding = measured(.dayLoss, share, leg, legs: [], words)
    if batch.isReducing, let finding, finding.outcome == .block || finding.outcome == .high {
      return [
        Finding(
          .dayLoss, .warn, words, value: finding.value, limit: finding.limit, setBy: finding.setBy)
      ]
    }
    return [finding ?? Finding(.dayLoss, .pass, words, value: "\(share) %")]
  }
}

extension ExactDecimal {
  /// A share in percent, two digits, away from zero.
  var asPercent: ExactDecimal { (try? percent(of: 1)) ?? self }
  /// Rounded to two digits, for words.
  var cents: ExactDecimal { (try? rescaled(to: 2, rounding: .halfEven)) ?? self }
}
