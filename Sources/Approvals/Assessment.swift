import Decimals
import JSON
package import OperatorProtocol
import Orders
import Risk
import Time

/// What is known about the danger and the worth of a held call at one moment.
package struct Assessment: Hashable, Sendable {
  package var findings: [FindingView]
  package var severity: Severity
  package var isReducing: Bool
  package var gross: Amount?
  package var net: Amount?
  package var byCurrency: [Amount]

  static let none = Assessment(
    findings: [], severity: .high, isReducing: false, gross: nil, net: nil, byCurrency: [])

  /// Rules whose findings an operator accepts by name before approving.
  var mustAccept: [Text] {
    findings.filter(\.needsAcceptance).reduce(into: []) { rules, finding in
      if !rules.contains(finding.rule) { rules.append(finding.rule) }
    }
  }

  var blockWords: String {
    findings.filter { $0.severity == .block }.map { "\($0.rule) \($0.words)" }
      .joined(separator: "; ")
  }
}

/// Market and account as they were last read.
struct MarketView: Sendable {
  private var markets: [Category: MarketSnapshot] = [:]
  private var accounts: [Category: AccountSnapshot] = [:]

  func market(of category: Category) -> MarketSnapshot { markets[category] ?? MarketSnapshot() }

  /// What is known of the account where it concerns `category`.
  func account(for category: Category) -> AccountSnapshot {
    if let known = accounts[category] { return known }
    return accounts.isEmpty ? .notConfigured : .missing("it has not been read yet")
  }

  func quotes(of category: Category) -> [Text: Quote] {
    market(of: category).symbols.compactMapValues(\.quote)
  }

  mutating func take(_ news: MarketSnapshot, of category: Category) {
    for (symbol, one) in news.symbols {
      markets[category, default: MarketSnapshot()].symbols[symbol] = one
    }
  }

  mutating func take(_ news: AccountSnapshot, for category: Category?) {
    for one in category.map({ [$0] }) ?? Category.allCases { accounts[one] = news }
  }
}

extension Gatekeeper {
  func assess(_ call: HeldCall) -> Assessment {
    if let change = call.change {
      return qualified(
        assess(change, agent: call.agent, before: call.id), call.upstream)
    }
    guard let order = call.order else { return qualified(opaque(call), call.upstream) }
    return assess(order, agent: call.agent, upstream: call.upstream, before: call.id)
  }

  /// - Parameter id: Of the call whose orders they are; nil while it has none.
  func assess(
    _ batch: OrderBatch, agent: Text, upstream: Text, before id: BatchID?
  ) -> Assessment {
    qualified(assess(batch, after: history(of: agent, before: id)), upstream)
  }

  private func qualified(_ view: Assessment, _ upstream: Text) -> Assessment {
    var view = view
    if !isVerified(upstream) {
      view.findings.insert(
        FindingView(
          rule: "F09", severity: .high, legs: [],
          words: "ENVIRONMENT UNVERIFIED: it is not known for which account this trades",
          needsAcceptance: true), at: 0)
      view.severity = max(view.severity, .high)
    }
    return view
  }

  /// A call that is no order batch: nothing about it was checked.
  private func opaque(_ call: HeldCall) -> Assessment {
    let words = "no order batch: read every argument; nothing about it was checked"
    return Assessment(
      findings: [
        FindingView(rule: "CALL", severity: .high, legs: [], words: words, needsAcceptance: true)
      ], severity: .high, isReducing: false, gross: nil, net: nil, byCurrency: [])
  }

  func assess(_ batch: OrderBatch, after history: RecentHistory) -> Assessment {
    let context = RiskContext(
      batch: batch, market: market.market(of: batch.category),
      account: market.account(for: batch.category), history: history,
      limits: settings.riskLimits, now: now)
    let report = context.assess()
    let findings = report.groups.flatMap { group in
      group.rule == nil
        ? [FindingView(neverConfigured: group)] : group.findings.map { FindingView($0) }
    }
    var view = Assessment(
      findings: findings.filter { $0.severity != .pass },
      severity: findings.map(\.severity).max() ?? .pass, isReducing: report.isReducing, gross: nil,
      net: nil, byCurrency: [])
    value(batch, &view)
    return view
  }

  private func value(_ batch: OrderBatch, _ view: inout Assessment) {
    let quotes = market.quotes(of: batch.category)
    guard let notional = try? Notional(batch, quotes: quotes) else { return }
    let gross = notional.byCurrency.compactMap { Amount($0, \.grossAmount) }
    view.byCurrency = gross
    guard notional.unvalued.isEmpty, notional.byCurrency.count == 1 else { return }
    view.gross = gross.first
    view.net = Amount(notional.byCurrency[0], \.netAmount)
  }

  /// What the same agent proposed before, for duplicates.
  func history(of agent: Text, before id: BatchID?) -> RecentHistory {
    let recent = held.recent(of: agent) {
      now - $0.receivedAt <= RiskLimits.duplicateWindow
    }
    return RecentHistory(
      recent.reversed().filter { past in id.map { past.id < $0 } ?? true }.flatMap { past in
        (past.order?.legs ?? []).map {
          RecentHistory.PastLeg(leg: $0, batch: past.id.text, at: past.receivedAt)
        }
      })
  }

  // MARK: News

  mutating func marketChanged(_ snapshot: MarketSnapshot, _ category: Category) -> [GateEffect] {
    market.take(snapshot, of: category)
    return reassess()
  }

  mutating func accountChanged(_ snapshot: AccountSnapshot, _ category: Category?) -> [GateEffect] {
    market.take(snapshot, for: category)
    return reassess()
  }

  /// Assesses what can still be decided, and tells the consoles what changed. News of the market
  /// reach `settings.assessedAtOnce` calls at a time, in turn.
  mutating func reassess(everything: Bool = false) -> [GateEffect] {
    var effects: [GateEffect] = []
    for id in due(everything) {
      guard let call = held[id], call.state.isOpen || call.state == .cooling else { continue }
      let fresh = assess(call)
      guard fresh != call.assessment else { continue }
      held[id]?.assessment = fresh
      if let shown = publish(id) { effects.append(shown) }
    }
    return effects
  }

  private mutating func due(_ everything: Bool) -> [BatchID] {
    let all = held.assessable
    guard !everything, all.count > settings.assessedAtOnce else { return all }
    let start = lastAssessed.flatMap { last in all.firstIndex { $0 > last } } ?? 0
    let turn = (all[start...] + all[..<start]).prefix(settings.assessedAtOnce)
    lastAssessed = turn.last
    return Array(turn)
  }

  /// Symbols whose market the shell keeps fresh: those of calls that can still be sent.
  mutating func updateWatch() -> [GateEffect] {
    let wanted = held.listings
    guard wanted != watching else { return [] }
    watching = wanted
    return [.watch(wanted)]
  }
}

extension FindingView {
  init(_ finding: Finding) {
    let severity = Severity(finding.outcome)
    self.init(
      rule: Text(finding.rule.rawValue), severity: severity, legs: finding.legs.map { $0 + 1 },
      words: finding.words, needsAcceptance: severity == .high || severity == .unchecked)
  }

  /// All checks that lack an account key where none was ever configured: accepted once.
  init(neverConfigured group: RiskReport.Group) {
    let rules = group.findings.map(\.rule.rawValue)
    let distinct = rules.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    self.init(
      rule: "KEY", severity: .unchecked, legs: [],
      words: "\(group.title) (\(distinct.joined(separator: ", ")))", needsAcceptance: true)
  }
}

extension Severity {
  init(_ outcome: RiskOutcome) {
    self =
      switch outcome {
      case .pass, .notApplicable: .pass
      case .note: .note
      case .warn: .warn
      case .high: .high
      case .block: .block
      case .unchecked: .unchecked
      }
  }
}

extension Amount {
  init?(_ totals: NotionalTotals, _ value: KeyPath<NotionalTotals, ExactDecimal?>) {
    guard let amount = totals[keyPath: value] else { return nil }
    self.init(
      amount: amount.normalized, currency: totals.currency, estimated: totals.estimated,
      asOf: totals.asOf)
  }
}

extension NotionalTotals {
  fileprivate var grossAmount: ExactDecimal? { try? gross() }
  fileprivate var netAmount: ExactDecimal? { try? net() }
}
