import Decimals
import JSON
import Orders
import Time

/// C: how much.
extension RiskContext {
  // MARK: C01

  func orderCaps() throws(DecimalError) -> [Finding] {
    let worth = try notional()
    var findings: [Finding] = []
    for leg in batch.legs {
      guard !leg.closesWholePosition else { continue }
      findings.append(try orderCap(leg, worth.legs[leg.index]))
    }
    return findings.isEmpty ? withPass(.orderCap, [], checked: [], "") : findings
  }

  private func orderCap(_ leg: Leg, _ worth: LegNotional) throws(DecimalError) -> Finding {
    guard let amount = worth.exposure(leg.category) else {
      let reason = "the worth of the order is not known"
      return Finding(.orderCap, .unchecked(reason), legs: [leg.index], "\(leg.label): \(reason).")
    }
    let sign = worth.estimated || leg.category == .option ? "~" : ""
    guard let cap = limits.orderNotional[worth.currency] else {
      return Finding(
        .orderCap, .warn, legs: [leg.index],
        "\(leg.label): no order cap is set for \(worth.currency).",
        value: "\(sign)\(amount) \(worth.currency)")
    }
    // Closing gets twice the room and is never blocked.
    let limit = leg.isClosing ? try cap.value * 2 : cap.value
    let outcome = try outcome(amount, of: limit, cap.setBy, isClosing: leg.isClosing)
    let inputs = worth.asOf.map { [Finding.Input("quote", age: now - $0)] } ?? []
    return Finding(
      .orderCap, outcome, legs: [leg.index],
      "\(leg.label): \(sign)\(amount) of \(limit) \(worth.currency).",
      value: "\(sign)\(amount) \(worth.currency)", limit: "\(limit) \(worth.currency)",
      setBy: cap.setBy, inputs: inputs)
  }

  /// Over 50 % a note, over 80 % a warning, over the limit HIGH, or BLOCK by an administrator's
  /// limit.
  private func outcome(
    _ amount: ExactDecimal, of limit: ExactDecimal, _ setBy: LimitSource, isClosing: Bool
  ) throws(DecimalError) -> RiskOutcome {
    if amount > limit { return setBy == .administrator && !isClosing ? .block : .high }
    if try amount * 10 > limit * 8 { return .warn }
    return try amount * 2 > limit ? .note : .pass
  }

  // MARK: C04

  private struct Totals {
    var gross = ExactDecimal.zero
    var opening = ExactDecimal.zero
    var net = ExactDecimal.zero
    var isEstimate = false
    var legs: [Int] = []
  }

  func batchTotals() throws(DecimalError) -> [Finding] {
    let worth = try notional()
    var totals: [(Text, Totals)] = []
    var findings: [Finding] = []
    for leg in batch.legs where !leg.closesWholePosition {
      let value = worth.legs[leg.index]
      guard let amount = value.exposure(leg.category) else {
        let reason = "the worth of \(leg.label) is not known"
        findings.append(
          Finding(
            .batchTotals, .unchecked(reason), legs: [leg.index], "Not in the sum: \(reason)."))
        continue
      }
      if !totals.contains(where: { $0.0 == value.currency }) {
        totals.append((value.currency, Totals()))
      }
      guard let at = totals.firstIndex(where: { $0.0 == value.currency }) else { continue }
      totals[at].1.gross = try totals[at].1.gross + amount
      if !leg.isClosing { totals[at].1.opening = try totals[at].1.opening + amount }
      totals[at].1.net = try totals[at].1.net + (leg.side == .buy ? amount : -amount)
      let isEstimate = value.estimated || leg.category == .option
      totals[at].1.isEstimate = totals[at].1.isEstimate || isEstimate
      totals[at].1.legs.append(leg.index)
    }
    for (currency, total) in totals { findings.append(try self.total(currency, total)) }
    return findings.isEmpty ? withPass(.batchTotals, [], checked: [], "") : findings
  }

  private func total(_ currency: Text, _ total: Totals) throws(DecimalError) -> Finding {
    let sign = total.isEstimate ? "~" : ""
    let words =
      "Gross \(sign)\(total.gross), opening \(sign)\(total.opening), "
      + "net \(sign)\(total.net) \(currency)"
    guard let cap = limits.batchGross[currency] else {
      return Finding(
        .batchTotals, total.opening.isZero ? .pass : .warn, legs: total.legs,
        "\(words); no cap is set for \(currency).", value: "\(sign)\(total.opening) \(currency)")
    }
    let outcome = try outcome(total.opening, of: cap.value, cap.setBy, isClosing: false)
    return Finding(
      .batchTotals, outcome, legs: total.legs, "\(words), of \(cap.value).",
      value: "\(sign)\(total.opening) \(currency)", limit: "\(cap.value) \(currency)",
      setBy: cap.setBy)
  }
}

extension LegNotional {
  /// What a cap measures: of options the amount of what is under them, else the amount.
  fileprivate func exposure(_ category: Category) -> ExactDecimal? {
    category == .option ? underlying : amount
  }
}
