import Decimals
import JSON
import Orders
import Time

/// D: how the orders of a batch relate to each other, to what the account holds and to what came
/// before.
extension RuleDefinition {
  static let conduct: [RuleDefinition] = [
    .init(
      .duplicate, "duplicate orders",
      "all fields but the link id are equal, in the batch or within 300 s",
      .history, .high, source: "SEC 15c3-5(c)(1)(ii)"
    ) { $0.duplicates() },
    .init(
      .nearDuplicate, "nearly the same order",
      "same symbol, side, type, |dp| ≤ max(2 ticks, 2 bps), |dq|/q ≤ 1 %; HIGH: twice within 60 s",
      [.instrument, .history], .high
    ) { $0.nearDuplicates() },
    .init(
      .loop, "loop",
      "nearly equal batches within 10 min; six arrivals with a variation < 0.1; three "
        + "after a refusal", .history, .high, source: "RTS 6 Art. 15(3)"
    ) { $0.loops() },
    .init(
      .selfCross, "own orders that cross",
      "buy i and sell j of one symbol that live together, p_i ≥ p_j; in the batch, with open orders, "
        + "with other agents'", [.account, .history], .high
    ) { $0.selfCrosses() },
    .init(
      .wash, "both sides within a minute", "|net|/gross < 5 % of fills of 60 s and what takes now",
      [.quote, .history], .high
    ) { $0.washes() },
    .init(
      .positionEffect, "effect on the position",
      "P·(P+dP) < 0: other side; |P+dP| > |P|: grows; worst of three orders of fill", .account,
      .block
    ) { $0.positionEffects() },
    .init(
      .reduceOnly, "reduce-only that does not fit",
      "reduce-only without a position, on its own side, or Σ over |P|", .account, .high
    ) { $0.reduceOnlyMismatches() },
    .init(
      .legRisk, "leg risk", "max |Σ s·N of the first k| / max(|net|, 1 % gross)",
      [.quote, .account], .block
    ) { try $0.legRisks() },
    .init(
      .oppositeOfRecent, "opposite of a recent fill",
      "the agent's fill within 60 s, now the other side at a loss",
      [.quote, .book, .volatility, .history], .block
    ) { $0.opposites() },
    .init(
      .changed, "changed", "revision > 1, or it takes the place of a rejected batch", .process,
      .note
    ) { $0.changes() },
    .init(
      .messageLoad, "load of messages",
      "orders of the agent within a minute; orders / fills of a day",
      .history, .block, source: "RTS 6 Art. 15(1)(d)"
    ) { try $0.messageLoads() },
  ]
}

extension RiskContext {
  // MARK: D01

  fileprivate func duplicates() -> [Finding] {
    var findings: [Finding] = []
    // Equal orders have equal amounts, and those cost little to compare.
    let twins = legs.filter { leg in
      legs.contains {
        $0.index != leg.index && $0.qty == leg.qty && $0.side == leg.side && $0.symbol == leg.symbol
      }
    }
    let groups = Dictionary(grouping: twins, by: \.leg.identity).filter { $0.value.count > 1 }
    let isSplit = hasTag(.split)
    for (_, same) in groups.sorted(by: { $0.value[0].index < $1.value[0].index }) {
      let numbers = same.map { "#\($0.index + 1)" }.joined(separator: ", ")
      findings.append(
        Finding(
          .duplicate, isSplit ? .warn : .high, legs: same.map(\.index),
          "Legs \(numbers) are the same order: \(same[0].label).", value: "\(same.count)",
          limit: "1", setBy: .proposal))
    }
    let twice = Set(groups.values.joined().map(\.index))
    var clean: [Int] = []
    for leg in legs {
      if let past = repeated(leg) {
        findings.append(
          Finding(
            .duplicate, .warn, leg,
            "the same order was proposed \((now - past.at).words) ago in \(past.batch)."))
      } else if !twice.contains(leg.index) {
        clean.append(leg.index)
      }
    }
    if !clean.isEmpty {
      findings.append(Finding(.duplicate, .pass, legs: clean, "No order stands twice."))
    }
    return findings
  }

  private func repeated(_ leg: LegFacts) -> RecentHistory.PastLeg? {
    let alike = past(leg, within: RiskLimits.duplicateWindow).filter {
      $0.leg.qty == leg.qty && $0.leg.side == leg.side && $0.price == leg.leg.price
    }
    guard !alike.isEmpty else { return nil }
    let identity = leg.leg.identity
    return alike.last { $0.leg.identity == identity }
  }

  // MARK: D02, D03

  private static let twoBasisPoints: ExactDecimal = "0.0002"

  private func isNear(_ a: LegFacts, _ b: some Comparison) -> Bool {
    guard a.symbol == b.symbol, a.side == b.side, a.isMarket == b.isMarket,
      a.qty.isPositive, (try? (a.qty - b.qty).magnitude * 100 <= a.qty) == true
    else { return false }
    guard let price = a.price, let other = b.price else { return a.isMarket }
    guard let gap = try? (price - other).magnitude, let share = try? price * Self.twoBasisPoints
    else { return false }
    let ticks = a.market?.instrument.flatMap { try? $0.tick * 2 } ?? .zero
    return gap <= max(share, ticks)
  }

  fileprivate func nearDuplicates() -> [Finding] {
    if let ladder = ladder() { return [ladder] }
    return each(.nearDuplicate, "No order is nearly another.", where: .leg { !$0.closesAll }) {
      leg in
      if let twin = legs.first(where: { $0.index < leg.index && isNear(leg, $0) }) {
        return Finding(
          .nearDuplicate, hasTag(.split) ? .note : .warn, leg,
          "nearly the same as leg #\(twin.index + 1).")
      }
      let near = past(leg, within: RiskLimits.duplicateWindow).filter { isNear(leg, $0) }
      let batches = Set(near.map(\.batch))
      guard let last = near.last else { return nil }
      let soon = Set(near.filter { now - $0.at <= .seconds(60) }.map(\.batch)).count
      return Finding(
        .nearDuplicate, soon > 1 ? .high : .warn, leg,
        "nearly the same as in \(last.batch) \((now - last.at).words) ago, \(batches.count) of them within "
          + "five minutes.", value: "\(soon)", limit: "1", setBy: .proposal)
    }
  }

  /// Evenly spaced prices of one symbol and side are a ladder, and one note.
  private func ladder() -> Finding? {
    guard legs.count >= 3, let first = legs.first,
      legs.allSatisfy({ $0.symbol == first.symbol && $0.side == first.side && $0.price != nil })
    else { return nil }
    let prices = legs.compactMap(\.price).sorted()
    let steps = zip(prices, prices.dropFirst()).compactMap { try? $1 - $0 }
    guard let step = steps.first, step.isPositive,
      steps.allSatisfy({ isClose($0, step) }),
      let share = try? step.percent(of: prices[0])
    else { return nil }
    return Finding(
      .nearDuplicate, .note, legs: legs.map(\.index),
      "A ladder of \(legs.count), step \(share) %.", value: "\(legs.count)")
  }

  private func isClose(_ a: ExactDecimal, _ b: ExactDecimal) -> Bool {
    (try? (a - b).magnitude * 20 <= b) ?? false
  }

  fileprivate func loops() -> [Finding] {
    let window = Milliseconds.minutes(10)
    var arrivals: [Text: Timestamp] = [:]
    var refused: Set<Text> = []
    for leg in legs {
      for past in past(leg, within: window)
      where arrivals[past.batch] == nil && isNear(leg, past) {
        arrivals[past.batch] = past.at
        if past.fate == .refused { refused.insert(past.batch) }
      }
    }
    let times = arrivals.values.map(\.milliseconds).sorted() + [now.milliseconds]
    let words = "\(arrivals.count) nearly equal batches within ten minutes"
    if refused.count >= 3 {
      return [
        Finding(
          .loop, .high, "Proposed again after \(refused.count) refusals.",
          value: "\(refused.count)",
          limit: "2", setBy: .proposal)
      ]
    }
    if !hasTag(.scheduled), times.count >= 6, let variation = Self.variation(times), variation < 0.1
    {
      return [
        Finding(.loop, .high, "\(words), at equal times.", value: "\(times.count)", limit: "5")
      ]
    }
    if let leg = legs.first, !hasTag(.scheduled),
      let finding = measured(
        .loopRepeats, ExactDecimal(arrivals.count), leg, legs: [], words + ".")
    {
      return [finding]
    }
    return [Finding(.loop, .pass, words + ".", value: "\(arrivals.count)")]
  }

  /// Standard deviation of the gaps over their mean.
  private static func variation(_ times: [Int64]) -> Double? {
    let gaps = zip(times, times.dropFirst()).map { Double($1 - $0) }
    let mean = gaps.reduce(0, +) / Double(max(1, gaps.count))
    guard mean > 0, let deviation = Statistics.standardDeviation(gaps) else { return nil }
    return deviation / mean
  }

  // MARK: D04

  fileprivate func selfCrosses() -> [Finding] {
    var findings: [Finding] = []
    let live = legs.filter { !$0.isConditional && !$0.closesAll }
    for (at, later) in live.enumerated() {
      for earlier in live[..<at]
      where earlier.symbol == later.symbol && earlier.side != later.side
        && (earlier.rests || later.rests) && earlier.crosses(later.price)
      {
        findings.append(
          Finding(
            .selfCross, .high, legs: [earlier.index, later.index],
            "Legs #\(earlier.index + 1) and #\(later.index + 1) in \(later.symbol) cross: "
              + later.selfMatchEffect))
      }
    }
    for leg in live {
      let met = history.others.first {
        $0.leg.symbol == leg.symbol && $0.leg.category == leg.category && $0.leg.side != leg.side
          && $0.fate != .refused && leg.crosses($0.leg.orderType == .limit ? $0.leg.price : nil)
      }
      guard let met else { continue }
      findings.append(
        Finding(
          .selfCross, .high, leg,
          "meets another agent's order of \(met.batch): " + leg.selfMatchEffect))
    }
    return findings
      + each(
        .selfCross, "No two own orders meet.", where: .leg { !$0.isConditional && !$0.closesAll }
      ) {
        leg in
        let met = try openOrders(leg.symbol).first {
          $0.side != leg.side && !$0.isConditional && leg.crosses($0.price)
        }
        guard let met else { return nil }
        return Finding(
          .selfCross, .high, leg,
          "meets an own open order at \(met.price?.description ?? "market"): " + leg.selfMatchEffect
        )
      }
  }

  // MARK: D05, D09

  fileprivate func washes() -> [Finding] {
    eachSymbol(
      .wash, "No symbol is traded back and forth.", where: .leg { $0.takes && !$0.isClosing }
    ) {
      mine in
      let recent = history.fills.filter {
        $0.symbol == mine[0].symbol && now - $0.at <= .seconds(60)
      }
      guard !recent.isEmpty else { return nil }
      var buys = ExactDecimal.zero
      var sells = ExactDecimal.zero
      for fill in recent {
        if fill.side == .buy { buys = try buys + fill.qty } else { sells = try sells + fill.qty }
      }
      for leg in mine where try isMarketable(leg) {
        if leg.isBuy { buys = try buys + leg.qty } else { sells = try sells + leg.qty }
      }
      guard buys.isPositive, sells.isPositive else { return nil }
      let gross = try buys + sells
      guard try (buys - sells).magnitude * 20 < gross else { return nil }
      return Finding(
        .wash, .high, legs: mine.map(\.index),
        "\(mine[0].symbol): \(buys) bought and \(sells) sold within a minute.",
        value: "\(buys) / \(sells)", limit: "5 %", setBy: .proposal)
    }
  }

  private func isMarketable(_ leg: LegFacts) throws -> Bool {
    guard let price = leg.price else { return true }
    guard let best = try prices(of: leg).quote?.best(against: leg.side) else { return false }
    return leg.isBuy ? price >= best : price <= best
  }

  fileprivate func opposites() -> [Finding] {
    each(
      .oppositeOfRecent, "Nothing is turned round at a loss.",
      where: .leg { !$0.closesAll && $0.category != .option }
    ) { leg in
      let recent = history.fills.last {
        $0.symbol == leg.symbol && $0.side != leg.side
          && now - $0.at <= .seconds(60)
      }
      guard let fill = recent else { return nil }
      let price = try effectivePrice(of: leg)
      guard leg.isBuy ? price >= fill.price : price <= fill.price else { return nil }
      let turns = reversals(leg.symbol)
      let words =
        "\(leg.label): \(fill.side.rawValue) at \(fill.price) was filled \((now - fill.at).words) ago; "
        + "\(price) turns it round at a loss."
      return measured(.churn, ExactDecimal(turns + 1), leg, words)
    }
  }

  /// How often the agent's fills of ten minutes changed sides.
  private func reversals(_ symbol: Text) -> Int {
    let sides = history.fills.filter {
      $0.symbol == symbol && now - $0.at <= .minutes(10)
    }.map(\.side)
    return zip(sides, sides.dropFirst()).count { $0 != $1 }
  }

  // MARK: D07, D08

  fileprivate func reduceOnlyMismatches() -> [Finding] {
    each(
      .reduceOnly, "Every reduce-only order has what it reduces.",
      where: .leg { $0.category == .linear || $0.category == .inverse }
    ) { leg in
      if !leg.isClosing {
        guard saysClose(leg) else { return nil }
        return Finding(
          .reduceOnly, .high, leg, "its link id says that it closes, but it is not reduce-only.")
      }
      let held = try position(of: leg)?.size ?? .zero
      // An earlier leg of the batch may open what this one reduces.
      let isOpened = legs.contains {
        $0.index < leg.index && $0.symbol == leg.symbol && $0.side != leg.side && !$0.isClosing
      }
      if held.isZero || held.isPositive == leg.isBuy {
        return isOpened
          ? nil
          : Finding(
            .reduceOnly, .warn, leg,
            held.isZero
              ? "reduce-only without a position: it will be cancelled."
              : "reduce-only on the position's own side: it will be cancelled.")
      }
      var sum = ExactDecimal.zero
      for other in legs
      where other.isClosing && other.symbol == leg.symbol && other.side == leg.side {
        sum = try sum + other.qty
      }
      for order in try openOrders(leg.symbol) where order.isClosing && order.side == leg.side {
        sum = try sum + (order.left ?? .zero)
      }
      guard sum > held.magnitude else { return nil }
      return Finding(
        .reduceOnly, .note, leg,
        "reduce-only orders of \(sum) for a position of \(held.magnitude).",
        value: "\(sum)", limit: "\(held.magnitude)", setBy: .exchange)
    }
  }

  private func saysClose(_ leg: LegFacts) -> Bool {
    guard surroundings.ownLinkIDs.contains(leg.index), let id = leg.leg.orderLinkID else {
      return false
    }
    return id.words.contains { $0 == "close" || $0 == "exit" }
  }

  fileprivate func legRisks() throws -> [Finding] {
    let live = legs.filter { !$0.closesAll && !$0.isConditional }
    guard live.count > 1, live.contains(where: { $0.side != live[0].side }) else { return [] }
    var sum = ExactDecimal.zero
    var gross = ExactDecimal.zero
    var largest = ExactDecimal.zero
    for leg in live {
      let worth = try dollars(of: leg)
      sum = try sum + worth * leg.sign
      gross = try gross + worth
      largest = max(largest, sum.magnitude)
    }
    let base = max(sum.magnitude, try gross * "0.01")
    guard base.isPositive else { return [] }
    let ratio = try largest.times(base)
    let words =
      "The legs are not sent as one: on the way the exposure is \(ratio) times what is left at the end. "
      + "Put the leg that reduces risk first."
    let atMost: RiskOutcome = hasTag(.legs) ? .high : .note
    guard
      let finding = measured(
        .legRisk, ratio, live[0], legs: live.map(\.index), atMost: atMost, words)
    else {
      return [Finding(.legRisk, .pass, legs: live.map(\.index), "Few legs stand alone on the way.")]
    }
    return [finding]
  }

  // MARK: D10, D11

  fileprivate func changes() -> [Finding] {
    var words: [String] = []
    if let old = surroundings.supersedes {
      words.append("It takes the place of the rejected \(old).")
    }
    if !surroundings.changes.isEmpty {
      words.append("Changed: \(surroundings.changes.joined(separator: ", ")).")
    }
    if surroundings.revision > 1 { words.append("This is revision \(surroundings.revision).") }
    return words.isEmpty ? [] : [Finding(.changed, .note, words.joined(separator: " "))]
  }

  fileprivate func messageLoads() throws -> [Finding] {
    let minute = history.legs.count { now - $0.at <= .seconds(60) } + legs.count
    let orders = history.day.orders + legs.count
    let trades = history.day.fills
    let words = "\(minute) orders of the agent within a minute"
    guard let leg = legs.first else { return [] }
    if let finding = measured(.messages, ExactDecimal(minute), leg, legs: [], words + ".") {
      return [finding]
    }
    if trades > 0,
      let finding = measured(
        .orderToTrade, try ExactDecimal(orders).times(ExactDecimal(trades)), leg, legs: [],
        "\(orders) orders for \(trades) fills within a day.")
    {
      return [finding]
    }
    return [Finding(.messageLoad, .pass, words + ".", value: "\(minute)")]
  }
}

/// What two orders are compared by.
private protocol Comparison {
  var symbol: Text { get }
  var side: Side { get }
  var isMarket: Bool { get }
  var qty: ExactDecimal { get }
  var price: ExactDecimal? { get }
}

extension LegFacts: Comparison {}
extension RecentHistory.PastLeg: Comparison {
  fileprivate var symbol: Text { leg.symbol }
  fileprivate var side: Side { leg.side }
  fileprivate var qty: ExactDecimal { leg.qty }
}

extension Leg {
  /// Every field but the link id, amounts as numbers: equal for two orders that are the same.
  fileprivate var identity: [Text] {
    [Text(category.rawValue)]
      + allFields.filter { $0.key != "orderLinkId" && $0.key != "category" }.map { field in
        let amount = field.value.stringValue.flatMap { ExactDecimal($0) }
        return "\(field.key)=\(amount?.normalized.description ?? field.text)"
      }
  }
}

extension LegFacts {
  /// Whether this order and one of the other side at `other` would trade with each other. Nil takes
  /// any price.
  fileprivate func crosses(_ other: ExactDecimal?) -> Bool {
    guard let price, let other else { return true }
    return isBuy ? price >= other : price <= other
  }

  fileprivate var selfMatchEffect: String {
    switch leg.smpType?.string {
    case "CancelMaker": "the resting order will be cancelled."
    case "CancelTaker": "leg #\(index + 1) will be cancelled."
    case "CancelBoth": "both will be cancelled."
    default: "they trade with each other."
    }
  }
}

extension Text {
  /// The words of an id, in lower case: what stands between other signs than letters and digits.
  var words: [String] {
    string.lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
  }
}
