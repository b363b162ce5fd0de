import JSON
import Ledger
package import MCP
import OperatorProtocol
import Policy
import Time

/// How a call that the policy let through ended.
package enum ForwardEnd: Hashable, Sendable {
  /// The upstream answered, also when the tool reports an error: it may have had an effect.
  case answered
  /// The upstream says that the call never ran.
  case refused
  /// Provably no byte of it left the gateway.
  case notSent
  /// Nobody knows: no answer came, or the agent took it back when it had been sent.
  case lost
}

extension RPCError {
  /// A JSON-RPC error about the request itself means that the tool never ran.
  package var saysNeverRan: Bool {
    let codes: Set<Code> = [.parse, .invalidRequest, .methodNotFound, .invalidParams]
    return codes.contains(code)
  }
}

extension Gatekeeper {
  static let clockKey: Text = "limits_clock"

  /// The time of limits moves on.
  mutating func advanceLimits(_ uptime: Uptime?) {
    self.uptime = uptime
    limitClock.advance(wall: now, uptime: uptime)
    counters.advance(to: limitClock.time)
    guard !isStoreDown, counters.now - prunedAt >= Self.pruneEvery else { return }
    prunedAt = counters.now
    let held = held
    let over = counters.prune { BatchID($0.string).flatMap { held[$0] }?.state == .dispatching }
    if !over.isEmpty { record(Draft(records: rows(of: over))) }
  }

  private static let pruneEvery = Milliseconds.minutes(1)

  /// Tickets as they are now, for the disk.
  func rows(of tickets: Text...) -> [RecordChange] { rows(of: tickets) }

  private func rows(of tickets: [Text]) -> [RecordChange] {
    guard !tickets.isEmpty else { return [] }
    return tickets.map { RecordChange(.limit, $0, counters.tickets[$0]?.json) }
      + [RecordChange(.meta, Self.clockKey, limitClock.json)]
  }

  // MARK: Held calls

  /// What the state of a held call means for what it counts; what changes with it on disk.
  mutating func count(_ call: HeldCall) -> [RecordChange] {
    let name = call.id.text
    guard let before = counters.tickets[name] else { return [] }
    switch call.state {
    case .pending, .partlySigned, .cooling, .approved: break
    case .dispatching: counters.letGo(name)
    case .unknown: counters.suspend(name)
    case .failed: counters.close(name, hadEffect: false)
    case .acknowledged, .resolved, .rejected, .expired, .withdrawn, .blocked:
      // What was never let go counts for nothing, whatever is said of its effect.
      counters.close(name, hadEffect: true)
    }
    return before != counters.tickets[name] || !call.isDurable ? rows(of: name) : []
  }

  // MARK: Calls that the policy lets through

  /// The count of a call is on disk: now it may leave, if its agent still wants it.
  mutating func forwardNow(_ request: RequestID) -> [GateEffect] {
    guard let call = unsent.removeValue(forKey: request) else { return [] }
    return [forward(call)]
  }

  /// A call whose count is on its way to the disk, and that is not wanted any more; false when there
  /// is none.
  mutating func dropUnsent(_ request: RequestID) -> Bool {
    guard unsent.removeValue(forKey: request) != nil else { return false }
    forwarded.remove(request)
    guard let ticket = metered.removeValue(forKey: request) else { return true }
    counters.giveBack(ticket)
    let release = inFlight.values.first { $0.then == .forward(request) }
    neverSent[ticket] = NeverSent(allowedEnd: release?.ledgerEnd ?? durableSize)
    record(Draft(records: rows(of: ticket), entries: [notForwarded(ticket)]))
    return true
  }

  private func notForwarded(_ ticket: Text) -> EntryDraft { draft(Self.notForwarded, ticket) }
  private static let notForwarded: Text = "not_forwarded"

  /// The entries are in the ledger when it has as many lines as now.
  mutating func noteNeverSent(_ entries: [EntryDraft]) {
    for entry in entries where entry.kind == Self.notForwarded {
      if let ticket = entry.subject { neverSent[ticket]?.notedEnd = ledger.size }
    }
  }

  /// The ledger has `size` lines on disk.
  mutating func forgetNeverSent(upTo size: Int) {
    if !neverSent.isEmpty { neverSent = neverSent.filter { $0.value.notedEnd > size } }
  }

  mutating func forwardEnded(_ request: RequestID, _ end: ForwardEnd) -> [GateEffect] {
    guard let ticket = metered.removeValue(forKey: request),
      let before = counters.tickets[ticket]
    else { return [] }
    let isStored = counters.hasWindow(ticket)
    switch end {
    case .answered, .lost: counters.close(ticket, hadEffect: true)
    case .refused: counters.close(ticket, hadEffect: false)
    case .notSent: counters.giveBack(ticket)
    }
    // Calls under way are counted in memory only: none is under way after a restart.
    if isStored, before != counters.tickets[ticket] { record(Draft(records: rows(of: ticket))) }
    return []
  }

  // MARK: The store

  /// Calls that wait for their count to be on disk are never sent: their agents are told.
  mutating func refuseUnsent() -> [RequestID] {
    for release in inFlight.values {
      guard case .forward(let request)? = release.then, unsent[request] != nil,
        let ticket = metered[request]
      else { continue }
      neverSent[ticket] = NeverSent(allowedEnd: release.ledgerEnd)
    }
    defer { unsent = [:] }
    for request in unsent.keys {
      metered[request] = nil
      forwarded.remove(request)
    }
    return unsent.keys.sorted()
  }

  /// Takes over what is on disk, and of calls that this process let through what it knows better. What
  /// must be written so that both agree.
  mutating func restoreCounters(_ snapshot: StoreSnapshot) throws(JSONError) -> Draft {
    let before = counters
    let dropped = neverSent
    neverSent = dropped.filter {
      $0.value.allowedEnd <= snapshot.ledgerSize && snapshot.ledgerSize < $0.value.notedEnd
    }
    if let stored = snapshot[.meta][Self.clockKey] {
      limitClock = try LimitClock(json: JSONCursor(stored))
      limitClock.advance(wall: now, uptime: uptime)
    }
    counters = Counters()
    counters.advance(to: limitClock.time)
    for (name, document) in snapshot[.limit] where neverSent[name] == nil {
      counters.adopt(name, try Counters.Ticket(json: JSONCursor(document)))
    }
    for (name, ticket) in before.tickets where dropped[name] == nil && isForwarded(name, ticket) {
      counters.adopt(name, ticket)
    }
    let live = Set(metered.values)
    for name in counters.tickets.keys.sorted() where !live.contains(name) && !isHeld(name) {
      counters.close(name, hadEffect: true)
    }
    return repairs(snapshot)
  }

  private func isHeld(_ ticket: Text) -> Bool {
    BatchID(ticket.string).flatMap { held[$0] }.map { !$0.state.isSettled } ?? false
  }

  /// Whether this process let a call through that is not held.
  private func isForwarded(_ name: Text, _ ticket: Counters.Ticket) -> Bool {
    ticket.goneAt != nil && BatchID(name.string).flatMap { held[$0] } == nil
  }

  private func repairs(_ snapshot: StoreSnapshot) -> Draft {
    let stored = Set(snapshot[.limit].keys)
    let known = Set(counters.tickets.keys.filter { counters.hasWindow($0) })
    var draft = Draft(records: rows(of: stored.symmetricDifference(known).sorted()))
    draft.entries = neverSent.keys.sorted().map { notForwarded($0) }
    return draft
  }
}
