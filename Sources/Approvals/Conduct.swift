import Decimals
import JSON
package import OperatorProtocol
import Orders
import Policy
import Risk
import Time

/// What one agent did since the start, for people to look at. Nothing is decided by it.
struct Conduct: Sendable {
  var allowed = 0
  var denied = 0
  var held = 0
  var lastCallAt: Timestamp?
  private var minute: Int64 = 0
  private var thisMinute = 0
  private var lastMinute = 0

  mutating func called(at now: Timestamp) {
    turn(to: now)
    thisMinute += 1
    lastCallAt = now
  }

  /// Calls in the running minute and the one before.
  func recent(at now: Timestamp) -> Int {
    var same = self
    same.turn(to: now)
    return same.thisMinute + same.lastMinute
  }

  private mutating func turn(to now: Timestamp) {
    let current = now.milliseconds / 60_000
    guard current != minute else { return }
    lastMinute = current == minute + 1 ? thisMinute : 0
    thisMinute = 0
    minute = current
  }
}

extension Gatekeeper {
  /// Rules whose hits are counted; a policy has fewer.
  private static let rulesCounted = 10_000

  mutating func note(_ verdict: Verdict, on call: AgentCall) {
    // Callers are registered agents, so there are no more of them than of those.
    conduct[call.agent, default: Conduct()].called(at: now)
    switch verdict.decision {
    case .allow: conduct[call.agent]?.allowed += 1
    case .deny: conduct[call.agent]?.denied += 1
    case .hold: conduct[call.agent]?.held += 1
    }
    let rule = Text(verdict.rule)
    if ruleHits[rule] != nil || ruleHits.count < Self.rulesCounted {
      ruleHits[rule, default: 0] += 1
    }
  }

  package var agentViews: [AgentView] {
    registry.agents.values.sorted { $0.name < $1.name }.map { agent in
      let done = conduct[agent.name] ?? Conduct()
      return AgentView(
        name: agent.name, isRevoked: agent.isRevoked, owner: agent.owner, allowed: done.allowed,
        denied: done.denied,
        held: done.held, recent: done.recent(at: now), waiting: held.open(of: agent.name),
        lastCallAt: done.lastCallAt)
    }
  }

  package var policyView: PolicyView {
    PolicyView(
      digest: policy.digest, rules: policy.explanations(), warnings: policy.warnings(),
      hits: ruleHits.sorted { a, b in
        a.value == b.value ? a.key < b.key : a.value > b.value
      }
      .map { PolicyView.Hits(rule: $0.key.string, count: $0.value) })
  }

  package var exposure: ExposureView {
    let markets = Category.allCases.flatMap { category in
      market.market(of: category).symbols.sorted { $0.key < $1.key }.map { symbol, seen in
        var view = ExposureView.Market(symbol: symbol, category: Text(category.rawValue))
        (view.mark, view.last, view.bid, view.ask) = (seen.mark, seen.last, seen.bid, seen.ask)
        (view.bidSize, view.askSize, view.asOf) = (seen.bidSize, seen.askSize, seen.engineTime)
        return view
      }
    }
    return ExposureView(
      markets: markets,
      account: ExposureView.Account(Category.allCases.map { market.account(for: $0) }))
  }
}

extension ExposureView.Account {
  /// One account out of what was read of it by category; what is not known of one is left out.
  fileprivate init(_ parts: [AccountSnapshot]) {
    var known: [Account] = []
    var why: String?
    for part in parts {
      switch part {
      case .notConfigured: break
      case .missing(let words): why = why ?? words
      case .known(let account): if !known.contains(account) { known.append(account) }
      }
    }
    guard let first = known.first else {
      self = why.map { .missing($0) } ?? .notConfigured
      return
    }
    self = .known(
      positions: known.flatMap(\.positions).filter { !$0.size.isZero }
        .map { ExposureView.Position(symbol: $0.symbol, size: $0.size) },
      openOrders: known.flatMap(\.openOrders).reduce(into: [:]) { $0[$1.symbol, default: 0] += 1 },
      equity: first.equity, asOf: known.map(\.asOf).min() ?? first.asOf)
  }
}
