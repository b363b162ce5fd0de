import Decimals
import JSON
import OperatorProtocol
import Orders
import Risk
import Time

/// What the checks read of the gateway itself.
extension Gatekeeper {
  /// The checks of one batch against all that is known now.
  func context(of batch: OrderBatch, for call: HeldCall) -> RiskContext {
    RiskContext(
      batch: batch, market: market.market(of: batch.category),
      account: market.account(for: batch.category),
      history: history(of: call.agent, before: call.id), surroundings: surroundings(of: call),
      limits: settings.riskLimits, now: now)
  }

  /// What surrounds a call that has just come in.
  func surroundings(agent: Text, upstream: Text) -> RiskSurroundings {
    var around = RiskSurroundings()
    around.agent = agent
    around.otherAgents = registry.agents.keys.sorted()
    around.environment = settings.environment
    around.isVerified = isVerified(upstream)
    if let words = haltWords(agent) {
      around.halt = .halted
      around.haltWords = words
    }
    around.feed = RiskSurroundings.Feed(feed)
    around.unknownOutcomes = reconciliations.count
    around.approvals = recentApprovals
    around.clockOffset = market.clockOffset
    return around
  }

  private func surroundings(of call: HeldCall) -> RiskSurroundings {
    var around = surroundings(agent: call.agent, upstream: call.upstream)
    around.expiresAt = call.statement.expiresAt
    around.revision = call.statement.revision
    around.ownerSigned = call.signers.first { name in
      registry.activeOperator(name).map { registry.isOwner($0, of: call.agent) } ?? false
    }
    around.baselines = call.baselines
    around.supersedes = call.supersedes?.text
    around.changes = changes(since: call.supersedes, call)
    around.ownLinkIDs = Self.ownLinkIDs(call)
    around.texts = [call.client].compactMap(\.self) + Self.strings(.object(call.received))
    return around
  }

  /// The legs whose link id the agent chose itself.
  private static func ownLinkIDs(_ call: HeldCall) -> Set<Int> {
    let legs = call.received["request"]?.arrayValue ?? [.object(call.received)]
    return Set(legs.indices.filter { legs[$0]["orderLinkId"] != nil })
  }

  private static func strings(_ value: JSONValue) -> [Text] {
    switch value {
    case .string(let text): [text]
    case .array(let elements): elements.flatMap { strings($0) }
    case .object(let object): object.members.flatMap { strings($0.value) }
    default: []
    }
  }

  /// How the legs differ from those of the batch before, as `#1 qty`.
  private func changes(since old: BatchID?, _ call: HeldCall) -> [String] {
    guard let old = old.flatMap({ held[$0]?.order }), let new = call.order else { return [] }
    var words: [String] = []
    if old.legs.count != new.legs.count {
      words.append("\(old.legs.count) legs are \(new.legs.count)")
    }
    for (before, after) in zip(old.legs, new.legs) {
      let keys = Set((before.allFields + after.allFields).map(\.key)).subtracting(["orderLinkId"])
      words += keys.sorted().filter { before[$0] != after[$0] }.map {
        "#\(after.number) \($0) \(before[$0]?.stringValue ?? "–") → \(after[$0]?.stringValue ?? "–")"
      }
    }
    return words
  }

  // MARK: History

  /// Orders of an agent that are looked at one by one.
  private static let legsRemembered = 400
  private static let fillsRemembered = 500
  private static let day = Milliseconds.minutes(24 * 60)

  /// What the gateway remembers of the agent, and of others lately.
  /// - Parameter id: Of the call whose orders are looked at; nil while it has none.
  func history(of agent: Text, before id: BatchID?) -> RecentHistory {
    var history = RecentHistory()
    for past in held.recent(of: agent, while: { _ in true }) {
      guard id.map({ past.id < $0 }) ?? true, let order = past.order else { continue }
      history.note(past, order, lists: history.legs.count < Self.legsRemembered, at: now)
    }
    history.legs.reverse()
    let others = held.agents.filter { $0 != agent }.flatMap { other in
      held.recent(of: other) { $0.state.isOpen || now - $0.receivedAt <= .minutes(1) }
    }
    history.others = others.flatMap { $0.pastLegs }
    history.fills = fills.suffix(Self.fillsRemembered).compactMap {
      RecentHistory.Fill($0, own: agent)
    }
    history.day.fills = history.fills.count { $0.isOwnAgent && now - $0.at <= Self.day }
    return history
  }

  // MARK: Baselines

  /// Remembers the mid of each symbol of a call, once: drift is measured from it.
  mutating func noteBaselines(_ id: BatchID) {
    guard let call = held[id], let order = call.order,
      call.baselines.count < order.symbols.count
    else { return }
    for symbol in order.symbols where call.baselines[symbol] == nil {
      guard let mid = market.market(of: order.category).symbols[symbol]?.quote?.mid else {
        continue
      }
      held[id]?.baselines[symbol] = RiskSurroundings.Baseline(mid: mid, at: now)
    }
  }
}

extension RecentHistory {
  /// Takes one call of the agent into what is remembered; `lists` also its orders one by one.
  fileprivate mutating func note(
    _ call: HeldCall, _ order: OrderBatch, lists: Bool, at now: Timestamp
  ) {
    let legs = call.pastLegs
    if lists { self.legs += legs.reversed() }
    let isRefused = call.fate == .refused
    if now - call.receivedAt <= .minutes(24 * 60) {
      day.orders += legs.count
      for amount in isRefused ? [] : call.assessment.byCurrency {
        day.worth[amount.currency] = try? (day.worth[amount.currency] ?? .zero) + amount.amount
      }
    }
    guard call.fate == .sent, now - call.receivedAt <= .minutes(30 * 24 * 60) else { return }
    sentSymbols.formUnion(order.symbols)
    for leg in order.legs { sentKinds.formUnion(leg.kinds) }
  }
}

extension HeldCall {
  fileprivate var fate: RecentHistory.Fate {
    switch state {
    case .pending, .partlySigned, .cooling, .approved, .dispatching: .pending
    case .acknowledged, .unknown, .resolved: .sent
    case .failed, .rejected, .expired, .withdrawn, .blocked: .refused
    }
  }

  fileprivate var pastLegs: [RecentHistory.PastLeg] {
    (order?.legs ?? []).map {
      RecentHistory.PastLeg(
        leg: $0, batch: id.text, at: receivedAt, fate: fate, worth: assessment.worths[$0.index])
    }
  }
}

extension RecentHistory.Fill {
  fileprivate init?(_ view: FillView, own agent: Text) {
    guard let side = Side(exactly: view.side) else { return nil }
    self.init(
      symbol: view.symbol, side: side, price: view.price, qty: view.quantity, at: view.time,
      isOwnAgent: view.agent == agent)
  }
}

extension RiskSurroundings.Feed {
  fileprivate init(_ feed: FeedState) {
    self =
      switch feed {
      case .notConfigured: .notConfigured
      case .connecting: .connecting
      case .live: .live
      case .stale(let since): .stale(since: since)
      case .polled(let gap, _): .polled(gap: gap)
      }
  }
}
