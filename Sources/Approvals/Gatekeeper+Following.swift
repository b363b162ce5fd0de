import JSON
import OperatorProtocol
import Orders
import Time

/// Orders that are open are also asked about now and then: a stream can lose news, or fall silent,
/// without anybody noticing.
extension Gatekeeper {
  /// Which call is asked about, and when the next may be.
  struct Following: Hashable, Sendable {
    var asking: BatchID?
    var askedAt: [BatchID: Timestamp] = [:]
    var next: Timestamp?
  }

  /// Sets the moment of the next question, or none while there is nothing to ask about.
  mutating func planFollowing() {
    guard feed == .live, !held.followed.isEmpty else {
      following.next = nil
      return
    }
    if following.next == nil { following.next = now + settings.followEvery }
  }

  /// Asks about the open orders of one call: first of those whose orders were never seen, then of the
  /// one that was asked about the longest time ago.
  mutating func follow() -> [GateEffect] {
    guard let due = following.next, due <= now, following.asking == nil else { return [] }
    following.askedAt = following.askedAt.filter { held.followed.contains($0.key) }
    let unseen = held.followed.filter { isUnseen($0) }
    following.next = now + (unseen.count > 1 ? settings.followUnseenEvery : settings.followEvery)
    let oldest = (unseen.isEmpty ? held.followed : unseen).min { a, b in
      let start = Timestamp(milliseconds: 0)
      return (following.askedAt[a] ?? start, a) < (following.askedAt[b] ?? start, b)
    }
    guard let id = oldest, let tracker = held[id]?.tracker else { return [] }
    following.askedAt[id] = now
    let open = tracker.legs.filter { !$0.state.isFinal && $0.state != .unknown }
    guard !open.isEmpty else { return [] }
    following.asking = id
    return [.readExchange(id, open.map(\.key), since: tracker.since)]
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
    guard following.asking == id else { return [] }
    following.asking = nil
    guard case .rows(let orders, let executions) = reading else { return [] }
    let before = held[id]?.tracker?.legs.map(\.state)
    let effects = executionRows(executions) + orderRows(orders)
    guard let tracker = held[id]?.tracker, tracker.legs.map(\.state) != before else {
      return effects
    }
    let latest = tracker.legs.compactMap(\.updatedAt).max()
    guard let latest, latest < now - settings.streamLag - settings.clockError else {
      return effects
    }
    record(Draft(entries: [draft("stream_missed", id.text, ["since": .timestamp(latest)])]))
    return effects + [.renewStream]
  }
}
