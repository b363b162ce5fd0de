import Decimals
import JSON
package import OperatorProtocol
import Orders
import Risk

/// Calls that change or cancel orders are judged by the orders as they would stand afterwards.
extension Gatekeeper {
  func assess(_ change: ChangeBatch, of call: HeldCall) -> Assessment {
    let rows = change.changes.map { known($0) }
    var view = Assessment.none
    if let result = change.result(of: rows.compactMap(\.self)) {
      view = self.view(of: result, report(on: result, insteadOf: rows, for: call))
      // Whether a changed order only reduces depends on what else is open.
      view.isReducing = false
    } else {
      view.severity = .pass
      view = qualified(view, call.upstream)
    }
    let own = findings(change, rows)
    view.findings = own + view.findings
    view.severity = max(view.severity, own.map(\.severity).max() ?? .pass)
    return view
  }

  /// What the rules say of changed orders: what they are now neither counts beside them nor comes
  /// before them, and that their link ids are in use is no news.
  private func report(
    on result: OrderBatch, insteadOf rows: [OrderRow?], for call: HeldCall
  ) -> RiskReport {
    let context = context(of: result, for: call)
    let own = Set(rows.compactMap { $0?.orderLinkID }.filter { !$0.isEmpty })
    var (history, account) = (context.history, context.account)
    history.legs.removeAll { $0.leg.orderLinkID.map { own.contains($0) } ?? false }
    if case .known(var known) = account {
      known.openOrders.removeAll { $0.linkID.map { own.contains($0) } ?? false }
      account = .known(known)
    }
    let report = RiskContext(
      batch: result, market: context.market, account: account, history: history,
      surroundings: context.surroundings, limits: context.limits, now: now
    ).assess()
    return RiskReport(
      report.findings.filter { $0.rule != .linkID }, at: now, isReducing: report.isReducing)
  }

  private func findings(_ change: ChangeBatch, _ rows: [OrderRow?]) -> [FindingView] {
    if change.tool.cancelsAll {
      let scope = change.scope.map { "\($0.key)=\($0.text)" }.joined(separator: " ")
      return [Self.finding(.high, [], "cancels every order of \(scope), stops included")]
    }
    var findings: [FindingView] = []
    let strange = zip(change.changes, rows).filter { $0.1 == nil }.map { $0.0.number }
    if !strange.isEmpty {
      findings.append(
        Self.finding(.high, strange, "the order is not known here: what it is now cannot be shown"))
    }
    for (one, row) in zip(change.changes, rows) {
      guard let row else { continue }
      findings += Self.lostProtection(one, row)
      if one.kind == .amend, row.status.isFinal {
        findings.append(Self.finding(.high, [one.number], "the order has ended: \(row.statusWord)"))
      }
    }
    return findings
  }

  /// What stops a loss now and would not afterwards.
  private static func lostProtection(_ change: OrderChange, _ row: OrderRow) -> [FindingView] {
    if change.kind == .cancel {
      guard row.isReduceOnly else { return [] }
      return [finding(.high, [change.number], "cancels an order that reduces a position")]
    }
    let exits: [(Text, String)] = [("takeProfit", "take profit"), ("stopLoss", "stop loss")]
    return exits.compactMap { key, name in
      guard change[key]?.stringValue.flatMap({ ExactDecimal($0) })?.isZero == true,
        let old = row.amount(key)
      else { return nil }
      return finding(.high, [change.number], "removes the \(name) at \(old)")
    }
  }

  private static func finding(_ severity: Severity, _ legs: [Int], _ words: String) -> FindingView {
    FindingView(
      rule: "CHANGE", severity: severity, legs: legs, words: words,
      needsAcceptance: severity >= .unchecked)
  }

  // MARK: What is changed

  /// The order as the exchange showed it last.
  func known(_ change: OrderChange) -> OrderRow? {
    for id in orderIndex.calls(link: change.orderLinkID, order: change.orderID ?? "") {
      let row = held[id]?.tracker?.legs.compactMap(\.row).first { change.names($0) }
      if let row { return row }
    }
    if let id = change.orderID { return elsewhere[id].flatMap { change.names($0) ? $0 : nil } }
    return elsewhere.values.first { change.names($0) }
  }

  /// What the call changes, with the values of now; empty for other calls.
  package func changes(of call: HeldCall) -> [ChangeView] {
    (call.change?.changes ?? []).map { change in
      let row = known(change)
      return ChangeView(
        leg: change.number, kind: LegKind(change.kind), symbol: change.symbol,
        orderID: change.orderID ?? row?.orderID ?? "",
        orderLinkID: change.orderLinkID ?? row?.orderLinkID ?? "",
        order: row.map { LegView($0, change.category) }, fields: change.fields(against: row))
    }
  }
}

extension OrderChange {
  /// Old and new values.
  func fields(against row: OrderRow?) -> [FieldChange] {
    news.map { FieldChange(key: $0.key, old: row?.amendable[$0.key], new: Text($0.text)) }
  }
}

extension LegKind {
  init(_ kind: OrderTool.Kind) {
    self =
      switch kind {
      case .create: .create
      case .amend: .amend
      case .cancel: .cancel
      }
  }
}
