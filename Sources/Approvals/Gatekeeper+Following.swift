import JSON
import OperatorProtocol
import Orders
import Time

/// Orders that are open are also asked about now and then: a stream can lose news, or fall silent,
/// without anybody noticing.
extension Gatekeeper {
  /// What is asked about, and when the next may be.
  struct Following: Hashable, Sendable {
    enum Question: Hashable, Sendable {
      case call(BatchID)
      /// Which orders are open, whoever made them.
      case lists
      /// How these orders ended, by the exchange's ids.
      case orders([Text])
    }

    enum Kind: CaseIterable, Hashable, Sendable {
      /// Calls of which the exchange took an order that nobody has seen.
      case unseen
      /// Orders made elsewhere that are open no longer.
      case ended
      case lists
      case seen
    }

    var asking: Question?
    var askedAt: [BatchID: Timestamp] = [:]
    var kindAskedAt: [Kind: Timestamp] = [:]
    /// Orders made elsewhere that are not among the open ones any more.
    var missing: Set<Text> = []
    var next: Timestamp?

    func isListDue(_ now: Timestamp, every wait: Milliseconds) -> Bool {
      kindAskedAt[.lists].map { $0 + wait <= now } ?? true
    }
  }

  /// Sets the moment of the next question, or none while there is nothing to ask about.
  mutating func planFollowing() {
    guard feed == .live, !held.followed.isEmpty || !elsewhere.isEmpty else {
      following.next = nil
      return
    }
    if following.next == nil { following.next = now + settings.followEvery }
  }

  /// Asks one question, of the kind that was asked the longest time ago: none keeps another waiting.
  mutating func follow() -> [GateEffect] {
    guard let due = following.next, due <= now, following.asking == nil else { return [] }
    following.askedAt = following.askedAt.filter { held.followed.contains($0.key) }
    following.missing = following.missing.filter { elsewhere[$0] != nil }
    let unseen = held.followed.filter { isUnseen($0) }
    let seen = held.followed.subtracting(unseen)
    let isPressing = unseen.count + following.missing.count > 1
    following.next = now + (isPressing ? settings.followUnseenEvery : settings.followEvery)
    let kinds = Following.Kind.allCases.filter { kind in
      switch kind {
      case .unseen: !unseen.isEmpty
      case .ended: !following.missing.isEmpty
      case .lists: !elsewhere.isEmpty && following.isListDue(now, every: settings.listOpenEvery)
      case .seen: !seen.isEmpty
      }
    }
    let start = Timestamp(milliseconds: 0)
    let longestAgo = kinds.min {
      (following.kindAskedAt[$0] ?? start) < (following.kindAskedAt[$1] ?? start)
    }
    guard let kind = longestAgo else { return [] }
    following.kindAskedAt[kind] = now
    switch kind {
    case .unseen: return ask(unseen)
    case .ended: return askHowTheyEnded()
    case .lists:
      following.asking = .lists
      return [.listOpenOrders]
    case .seen: return ask(seen)
    }
  }

  private mutating func ask(_ calls: Set<BatchID>) -> [GateEffect] {
    let start = Timestamp(milliseconds: 0)
    let oldest = calls.min { a, b in
      (following.askedAt[a] ?? start, a) < (following.askedAt[b] ?? start, b)
    }
    guard let id = oldest, let tracker = held[id]?.tracker else { return [] }
    following.askedAt[id] = now
    let open = tracker.legs.filter { !$0.state.isFinal && $0.state != .unknown }
    guard !open.isEmpty else { return [] }
    following.asking = .call(id)
    return [.readExchange(id, open.map(\.key), since: tracker.since)]
  }

  private mutating func askHowTheyEnded() -> [GateEffect] {
    let keys = following.missing.sorted().prefix(settings.endsAskedAtOnce).compactMap { id in
      elsewhere[id].flatMap { row in
        row.category.map {
          OrderKey(category: $0, symbol: row.symbol, orderID: id, orderLinkID: row.orderLinkID)
        }
      }
    }
    following.asking = .orders(keys.compactMap(\.orderID))
    return [.readOrders(keys)]
  }

  /// Whether the exchange took an order of the call, and the stream has shown nothing of it in time.
  private func isUnseen(_ id: BatchID) -> Bool {
    guard let call = held[id], let sent = call.dispatchedAt, now - sent > settings.streamLag else {
      return false
    }
    return call.tracker?.legs.contains { $0.row == nil && !$0.state.isFinal } ?? false
  }

  /// What the exchange says of open orders. News that the stream should have brought long ago are the
  /// sign that it cannot be relied upon any more.
  mutating func followed(_ id: BatchID, _ reading: ExchangeReading) -> [GateEffect] {
    guard following.asking == .call(id) else { return [] }
    following.asking = nil
    guard case .rows(let orders, let executions) = reading else { return [] }
    let before = held[id]?.tracker?.legs.map(\.state)
    let effects = executionRows(executions) + orderRows(orders)
    guard let tracker = held[id]?.tracker, tracker.legs.map(\.state) != before else {
      return effects
    }
    let latest = tracker.legs.compactMap(\.updatedAt).max()
    guard let latest, isLate(latest, at: now) else { return effects }
    record(Draft(entries: [draft("stream_missed", id.text, ["since": .timestamp(latest)])]))
    return effects + [.renewStream]
  }
}
