import Decimals
import JSON
import Orders
import Time

/// D: how the orders of a batch relate to each other and to what the account holds.
extension RiskContext {
  // MARK: D01

  func duplicates() -> [Finding] {
    var findings: [Finding] = []
    var groups: [(key: [Text], legs: [Leg])] = []
    for leg in batch.legs {
      let key = leg.identity
      if let at = groups.firstIndex(where: { $0.key == key }) {
        groups[at].legs.append(leg)
      } else {
        groups.append((key, [leg]))
      }
    }
    for group in groups where group.legs.count > 1 {
      let numbers = group.legs.map { "#\($0.number)" }.joined(separator: ", ")
      findings.append(
        Finding(
          .duplicate, .high, legs: group.legs.map(\.index),
          "Legs \(numbers) are the same order: \(group.legs[0].label).",
          value: "\(group.legs.count)", limit: "1"))
    }
    for leg in batch.legs {
      guard let past = repeated(leg) else { continue }
      findings.append(
        Finding(
          .duplicate, .warn, legs: [leg.index],
          "\(leg.label): the same order was proposed \(Self.words(now - past.at)) ago "
            + "in \(past.batch).", inputs: [Finding.Input("history", age: now - past.at)]))
    }
    return withPass(
      .duplicate, findings, checked: batch.legs.map(\.index), "No order stands twice.")
  }

  private func repeated(_ leg: Leg) -> RecentHistory.PastLeg? {
    let identity = leg.identity
    return history.legs.filter { past in
      // Equal orders have equal amounts, and those cost little to compare.
      past.leg.price == leg.price && past.leg.qty == leg.qty
        && now - past.at <= RiskLimits.duplicateWindow && past.leg.identity == identity
    }.max { $0.at < $1.at }
  }

  // MARK: D04

  func selfCrosses() -> [Finding] {
    var findings: [Finding] = []
    let live = batch.legs.filter { !$0.isConditional && !$0.closesWholePosition }
    for (at, later) in live.enumerated() {
      for earlier in live[..<at]
      where earlier.symbol == later.symbol && earlier.side != later.side
        && (earlier.rests || later.rests) && earlier.crosses(later.limitPrice)
      {
        findings.append(
          Finding(
            .selfCross, .high, legs: [earlier.index, later.index],
            "Legs #\(earlier.number) and #\(later.number) in \(later.symbol) cross: "
              + later.selfMatchEffect))
      }
    }
    findings += openOrderCrosses(live)
    return withPass(
      .selfCross, findings, checked: live.map(\.index), "No two orders of the batch meet.")
  }

  private func openOrderCrosses(_ live: [Leg]) -> [Finding] {
    switch accountState {
    case .unusable(let outcome):
      guard !live.isEmpty else { return [] }
      return [Finding(.selfCross, outcome, "The account's open orders are not known.")]
    case .known(let account, let inputs):
      return live.compactMap { leg in
        let met = account.openOrders.first {
          $0.symbol == leg.symbol && $0.side != leg.side && !$0.isConditional
            && leg.crosses($0.price)
        }
        guard let met else { return nil }
        return Finding(
          .selfCross, .high, legs: [leg.index],
          "\(leg.label) meets an own open order at \(met.price?.description ?? "market"): "
            + leg.selfMatchEffect, inputs: inputs)
      }
    }
  }

  // MARK: D06

  private struct PositionKey: Hashable {
    let symbol: Text
    let index: Int
  }

  func positionEffects() throws(DecimalError) -> [Finding] {
    guard batch.category != .spot else {
      return withPass(.positionEffect, [], checked: [], "")
    }
    var groups: [(key: PositionKey, legs: [Leg])] = []
    for leg in batch.legs {
      let key = PositionKey(symbol: leg.symbol, index: leg.positionIdx ?? 0)
      if let at = groups.firstIndex(where: { $0.key == key }) {
        groups[at].legs.append(leg)
      } else {
        groups.append((key, [leg]))
      }
    }
    switch accountState {
    case .unusable(let outcome):
      return groups.map {
        Finding(
          .positionEffect, outcome, legs: $0.legs.map(\.index),
          "The position in \($0.key.symbol) is not known.")
      }
    case .known(let account, let inputs):
      var findings: [Finding] = []
      for group in groups {
        let held = account.positions.first {
          $0.symbol == group.key.symbol && $0.index == group.key.index
        }
        findings.append(try effect(group.key, group.legs, held?.size ?? .zero, inputs))
      }
      return findings
    }
  }

  private func effect(
    _ key: PositionKey, _ legs: [Leg], _ before: ExactDecimal, _ inputs: [Finding.Input]
  ) throws(DecimalError) -> Finding {
    func finding(
      _ outcome: RiskOutcome, _ words: String, limit: RiskLimits.Limit? = nil
    ) -> Finding {
      Finding(
        .positionEffect, outcome, legs: legs.map(\.index), "\(key.symbol): \(words).",
        value: before.description, limit: limit.map { "\($0.value) %" }, setBy: limit?.setBy,
        inputs: inputs)
    }
    // The worst of three orders of fill: as listed, all buys first, all sells first.
    let buys = legs.filter { $0.side == .buy }
    let sells = legs.filter { $0.side == .sell }
    let ends = [
      try position(before, after: legs), try position(before, after: buys),
      try position(before, after: sells),
    ]
    let isOther = { (end: ExactDecimal) in
      end.isPositive && before.isNegative || end.isNegative && before.isPositive
    }
    if let flipped = ends.first(where: isOther) {
      return finding(.high, "turns \(before) into \(flipped), the other side")
    }
    let largest = ends.max { $0.magnitude < $1.magnitude } ?? before
    if before.isZero {
      return largest.isZero
        ? finding(.note, "reduce-only without a position; it will be cancelled")
        : finding(.note, "opens \(largest)")
    }
    guard largest.magnitude > before.magnitude else {
      return finding(.pass, "reduces \(before) to \(ends[0])")
    }
    let growth = try ((largest.magnitude - before.magnitude) * 100)
      .divided(by: before.magnitude, scale: 1, rounding: .halfEven)
    return growth > limits.increase.value
      ? finding(.warn, "grows \(before) to \(largest), by \(growth) %", limit: limits.increase)
      : finding(.note, "grows \(before) to \(largest), by \(growth) %", limit: limits.increase)
  }

  /// The position when `legs` fill wholly in their order. Reduce-only legs stop at zero.
  private func position(
    _ before: ExactDecimal, after legs: [Leg]
  ) throws(DecimalError) -> ExactDecimal {
    var size = before
    for leg in legs {
      let signed = leg.side == .buy ? leg.qty : -leg.qty
      guard leg.isClosing else {
        size = try size + signed
        continue
      }
      let shrinks = leg.side == .buy ? size.isNegative : size.isPositive
      guard shrinks else { continue }
      let all = leg.closesWholePosition || leg.qty >= size.magnitude
      size = all ? .zero : try size + signed
    }
    return size
  }
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

  /// Can stay in the book.
  fileprivate var rests: Bool {
    orderType == .limit && timeInForce != .ioc && timeInForce != .fok
  }

  /// Nil for a market order, which takes any price.
  fileprivate var limitPrice: ExactDecimal? { orderType == .limit ? price : nil }

  /// Whether this order and one of the other side at `other` would trade with each other.
  fileprivate func crosses(_ other: ExactDecimal?) -> Bool {
    guard let mine = limitPrice, let other else { return true }
    return side == .buy ? mine >= other : mine <= other
  }

  fileprivate var selfMatchEffect: String {
    switch smpType?.string {
    case "CancelMaker": "the resting order will be cancelled."
    case "CancelTaker": "leg #\(number) will be cancelled."
    case "CancelBoth": "both will be cancelled."
    default: "they trade with each other."
    }
  }
}
