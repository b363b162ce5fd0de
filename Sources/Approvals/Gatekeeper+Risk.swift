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

  /// What the gateway remembers of the agent, and of others lately.
  /// - Parameter id: Of the call whose orders are looked at; nil while it has none.
  func history(of agent: Text, before id: BatchID?) -> RecentHistory {
    var history = held.past.history(of: agent, before: id, at: now)
    history.fills = pastFills[agent] ?? []
    history.day.fills = history.fills.count { now - $0.at <= .minutes(24 * 60) }
    return history
  }

  /// Takes a fill of the agent's into what its next batches are judged by.
  mutating func remember(_ fill: FillView) {
    guard let past = RecentHistory.Fill(fill) else { return }
    // In place, as the newest: a copy for each fill would cost more than the fill.
    var fills = pastFills.removeValue(forKey: fill.agent) ?? []
    fills.append(past)
    if fills.count >= settings.pastFillsKept * 2 {
      fills.removeFirst(fills.count - settings.pastFillsKept)
    }
    pastFills[fill.agent] = fills
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

extension RecentHistory.Fill {
  fileprivate init?(_ view: FillView) {
    guard let side = Side(exactly: view.side) else { return nil }
    self.init(
      symbol: view.symbol, side: side, price: view.price, qty: view.quantity, at: view.time)
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
