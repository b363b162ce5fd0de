import JSON
import OperatorProtocol
import Orders
import Time

extension Gatekeeper {
  /// Everything whose time has come.
  mutating func tick() -> [GateEffect] {
    // The alarm is spent, also when it rang early.
    lastWake = nil
    var effects: [GateEffect] = []
    effects += flushIfDue()
    let due = held.takeDue(now)
    effects += endCooling(due)
    // The recall time of a call may have ended after its expiry.
    effects += expire(Set(due + held.takeDue(now)))
    effects += endWaits()
    effects += missedDeadlines()
    effects += missedCancels()
    effects += continueReconciling()
    effects += follow()
    prune()
    return effects
  }

  private mutating func expire(_ due: Set<BatchID>) -> [GateEffect] {
    due.sorted().flatMap { id -> [GateEffect] in
      guard let call = held[id], call.statement.expiresAt <= now,
        call.state.isOpen || call.state == .cooling || call.state == .approved
      else { return [] }
      return settle(id, .expired, "nobody approved it in time: it expired at \(now.clock)Z")
    }
  }

  /// An upstream that does not answer leaves an unknown outcome behind.
  private mutating func missedDeadlines() -> [GateEffect] {
    lanes.keys.sorted().flatMap { upstream -> [GateEffect] in
      guard let lane = lanes[upstream], let id = lane.current, let deadline = lane.deadline,
        deadline <= now
      else { return [] }
      let seconds = settings.answerDeadline.count / 1000
      return becomeUnknown(id, "the upstream gave no answer within \(seconds) s")
    }
  }

  /// Forgets the oldest settled calls past the limit; the ledger keeps them.
  private mutating func prune() {
    guard held.settled.count > settings.settledKept else { return }
    let settled = held.settled.compactMap { held[$0] }.filter { $0.tracker?.isSettled != false }
    guard settled.count > settings.settledKept else { return }
    let oldest = settled.sorted { ($0.settledAt ?? now, $0.id) < ($1.settledAt ?? now, $1.id) }
    for call in oldest.prefix(settled.count - settings.settledKept) where !isMoving(call.id) {
      if let tracker = call.tracker { orderIndex.forget(call.id, tracker) }
      held[call.id] = nil
      if byRepeatKey[call.repeatKey] == call.id { byRepeatKey[call.repeatKey] = nil }
    }
  }

  /// The next moment at which something is due. Asked for again only when it changes.
  mutating func scheduleWake() -> [GateEffect] {
    guard let next = nextMoment(), next != lastWake || next <= now else { return [] }
    lastWake = next
    return [.wake(next)]
  }

  private mutating func nextMoment() -> Timestamp? {
    let question = following.asking == nil ? following.next : nil
    var moments = [lazyDue, waiters.nextEnd(), held.nextDeadline(), question].compactMap(\.self)
    moments += cancelling.values.map(\.until)
    moments += lanes.values.compactMap(\.deadline)
    for one in reconciliations.values {
      if case .waiting(let until) = one.phase { moments.append(until) }
    }
    return moments.min()
  }
}
