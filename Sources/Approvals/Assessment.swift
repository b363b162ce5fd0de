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
  /// What each leg was taken to be worth, by its index; only those that could be valued.
  var worths: [Int: ExactDecimal] = [:]
  /// What every rule said; nil for what is no order batch.
  var report: RiskReport?

  static let none = Assessment(
    findings: [], severity: .high, isReducing: false, gross: nil, net: nil, byCurrency: [])

  /// The same to a reader: how old the inputs are is no news by itself.
  func says(theSameAs other: Assessment) -> Bool {
    severity == other.severity && isReducing == other.isReducing && gross == other.gross
      && net == other.net && byCurrency == other.byCurrency
      && findings.elementsEqual(other.findings) { $0.says(theSameAs: $1) }
  }

  /// Every check comes to the same about the same legs, whatever its numbers are.
  func judges(theSameAs other: Assessment) -> Bool {
    severity == other.severity && isReducing == other.isReducing
      && findings.elementsEqual(other.findings) {
        $0.rule == $1.rule && $0.severity == $1.severity && $0.legs == $1.legs
      }
  }

  /// What `findings` do not say: rules that passed, do not apply, or only lack an account key.
  var checks: [FindingView] {
    (report?.findings ?? []).filter {
      $0.outcome.severity == .clear || $0.outcome.isNeverConfigured
    }.map { FindingView($0) }
  }

  var counts: CheckCounts {
    CheckCounts(passed: rules(.pass).count, notApplicable: rules(.notApplicable).count)
  }

  /// Rules that came to nothing but `outcome`.
  private func rules(_ outcome: RiskOutcome) -> Set<RiskRule> {
    let findings = report?.findings ?? []
    return Set(findings.filter { $0.outcome == outcome }.map(\.rule))
      .subtracting(findings.filter { $0.outcome.severity > .clear }.map(\.rule))
  }

  /// For the ledger: what the rule asks is told by its id and version.
  var recordedFindings: JSONValue {
    .array(
      findings.map { finding in
        var finding = finding
        finding.evidence?.title = ""
        finding.evidence?.formula = ""
        return finding.json
      })
  }

  var recordedPasses: JSONValue {
    .array(rules(.pass).map(\.rawValue).sorted().map { .string(Text($0)) })
  }

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

  /// Of the exchange's clock from this one, where it was measured.
  var clockOffset: Milliseconds? {
    accounts.values.compactMap { snapshot -> Account? in
      if case .known(let account) = snapshot { account } else { nil }
    }.max { $0.asOf < $1.asOf }?.clockOffset
  }

  /// Of the batch's symbols.
  func quotes(for batch: OrderBatch) -> [Text: Quote] {
    let symbols = markets[batch.category]?.symbols ?? [:]
    return batch.symbols.reduce(into: [:]) { $0[$1] = symbols[$1]?.quote }
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
      return assess(change, of: call)
    }
    guard let order = call.order else { return qualified(opaque(call), call.upstream) }
    return view(of: order, context(of: order, for: call).assess())
  }

  /// Orders of a call that is not held yet.
  func assess(_ batch: OrderBatch, agent: Text, upstream: Text) -> Assessment {
    let context = RiskContext(
      batch: batch, market: market.market(of: batch.category),
      account: market.account(for: batch.category), history: history(of: agent, before: nil),
      surroundings: surroundings(agent: agent, upstream: upstream),
      limits: settings.riskLimits, now: now)
    return view(of: batch, context.assess())
  }

  /// Runs again the checks that read something of `news`.
  private func assess(_ call: HeldCall, _ news: RiskInputs) -> Assessment {
    guard let order = call.order, let report = call.assessment.report else { return assess(call) }
    return view(of: order, context(of: order, for: call).assess(again: report, news))
  }

  func qualified(_ view: Assessment, _ upstream: Text) -> Assessment {
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

  func view(of batch: OrderBatch, _ report: RiskReport) -> Assessment {
    let findings = report.groups.flatMap { group in
      group.rule == nil
        ? [FindingView(neverConfigured: group)]
        : group.findings.filter { $0.outcome.severity > .clear }.map { FindingView($0) }
    }
    var view = Assessment(
      findings: findings, severity: findings.map(\.severity).max() ?? .pass,
      isReducing: report.isReducing, gross: nil, net: nil, byCurrency: [], report: report)
    value(batch, &view)
    return view
  }

  private func value(_ batch: OrderBatch, _ view: inout Assessment) {
    guard let notional = try? Notional(batch, quotes: market.quotes(for: batch)) else { return }
    for (leg, worth) in zip(batch.legs, notional.legs) {
      view.worths[leg.index] = worth.exposure(leg.category)
    }
    let gross = notional.byCurrency.compactMap { Amount($0, \.grossAmount) }
    view.byCurrency = gross
    guard notional.unvalued.isEmpty, notional.byCurrency.count == 1 else { return }
    view.gross = gross.first
    view.net = Amount(notional.byCurrency[0], \.netAmount)
  }

  // MARK: News

  mutating func marketChanged(_ snapshot: MarketSnapshot, _ category: Category) -> [GateEffect] {
    let known = market.market(of: category).symbols
    var news: [Text: RiskInputs] = [:]
    for (symbol, fresh) in snapshot.symbols {
      // Time passes also where nothing changes, and a quote that does not change grows old.
      news[symbol] = fresh.news(since: known[symbol], at: now).union(.quote)
    }
    market.take(snapshot, of: category)
    return reassess { call in
      guard let order = call.order else { return .everything }
      guard order.category == category else { return [] }
      return order.symbols.reduce(into: []) { $0.formUnion(news[$1] ?? []) }
    }
  }

  mutating func accountChanged(_ snapshot: AccountSnapshot, _ category: Category?) -> [GateEffect] {
    market.take(snapshot, for: category)
    return reassess { call in
      guard let order = call.order else { return .everything }
      return category.map { $0 == order.category } ?? true ? [.account, .history, .process] : []
    }
  }

  /// Assesses anew what can still be decided, and tells the consoles what changed. News reach
  /// `settings.assessedAtOnce` calls at a time, in turn.
  /// - Parameter news: What a call has to look at again; everything for what missed its turn before.
  mutating func reassess(
    everything: Bool = false, _ news: (HeldCall) -> RiskInputs = { _ in .everything }
  ) -> [GateEffect] {
    var effects: [GateEffect] = []
    let all = held.assessable
    let isEverybodysTurn = everything || all.count <= settings.assessedAtOnce
    for id in due(all, everything) {
      guard let call = held[id], call.state.isOpen || call.state == .cooling else { continue }
      let touched = isEverybodysTurn ? news(call) : .everything
      guard !touched.isEmpty else { continue }
      noteBaselines(id)
      effects += take(assess(held[id] ?? call, touched), of: id)
    }
    return effects
  }

  /// Keeps an assessment, and shows it: at once where a check comes to something else, and now and then
  /// where only numbers changed, or ages.
  private mutating func take(_ fresh: Assessment, of id: BatchID) -> [GateEffect] {
    guard let call = held[id], fresh != call.assessment || call.isShownLate else { return [] }
    held[id]?.assessment = fresh
    let saysNew = call.isShownLate || !fresh.says(theSameAs: call.assessment)
    let wait = saysNew ? settings.numbersShownWithin : settings.agesShownWithin
    let isDue = now - call.shownAt >= wait || !fresh.judges(theSameAs: call.assessment)
    held[id]?.isShownLate = saysNew && !isDue
    guard isDue, let shown = publish(id) else { return [] }
    held[id]?.shownAt = now
    return [shown]
  }

  private mutating func due(_ all: [BatchID], _ everything: Bool) -> [BatchID] {
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
      words: finding.words, needsAcceptance: severity == .high || severity == .unchecked,
      evidence: Evidence(finding))
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

extension FindingView.Evidence {
  fileprivate init(_ finding: Finding) {
    self.init(
      title: finding.rule.title, version: finding.version, outcome: Text(finding.outcome.name),
      formula: finding.rule.definition.formula, value: finding.value, limit: finding.limit,
      setBy: finding.setBy?.text,
      inputs: finding.inputs.map { Input(name: Text($0.name), age: $0.age) })
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
