import Cryptography
import JSON
import OperatorProtocol
import Orders
import Time

/// How far the questions about one unknown outcome have come.
struct Reconciliation: Hashable, Sendable {
  enum Phase: Hashable, Sendable {
    /// The process group that could still send is being killed.
    case killing
    /// Waiting until the exchange would refuse anything that was sent.
    case waiting(until: Timestamp)
    case asking
    /// The exchange cannot be asked: only a person can find out.
    case person
  }

  var since: Timestamp
  var phase: Phase
  var attempts = 0
  var words: String
}

extension Gatekeeper {
  /// What is being done about an unknown outcome; nil for any other call.
  func inquiry(_ call: HeldCall) -> InquiryView? {
    guard call.state == .unknown, let one = reconciliations[call.id] else { return nil }
    let legs = (call.tracker?.legs ?? []).filter { $0.state == .unknown }
    var view = InquiryView(
      since: one.since, step: .person, question: question(call, one, legs),
      attempts: one.attempts, lastAnswer: one.attempts > 0 ? one.words : "", nextAt: nil,
      legs: legs.map { $0.index + 1 })
    switch one.phase {
    case .killing: view.step = .ending
    case .asking: view.step = .asking
    case .waiting(let until) where canRead:
      view.step = .waiting
      view.nextAt = until
    case .waiting, .person: view.step = .person
    }
    return view
  }

  private func question(
    _ call: HeldCall, _ one: Reconciliation, _ legs: [LegProgress]
  ) -> String {
    switch one.phase {
    case .killing: return "ending every process of \(call.upstream) that could still send it"
    case .person: return "it names no order: find out at the exchange, then resolve it"
    case .waiting where !canRead:
      return "there is no key to ask the exchange with: find out there, then resolve it"
    case .waiting, .asking:
      let names = legs.map { "\($0.orderLinkID ?? $0.orderID ?? $0.symbol)" }
      let proof =
        settings.canConcludeAbsence[call.upstream] ?? false
        ? "" : "; that it is not there proves nothing over HTTP, so a person must decide"
      return "is there an order \(names.joined(separator: ", "))?\(proof)"
    }
  }

  /// The outcome is not known: it is never sent again. First nothing may be able to send any more.
  mutating func becomeUnknown(_ id: BatchID, _ words: String) -> [GateEffect] {
    guard var call = held[id] else { return [] }
    call.state = .unknown
    call.outcome = "outcome unknown: \(words)"
    call.tracker?.markUnknown()
    held[id] = call
    lanes[call.upstream]?.current = nil
    lanes[call.upstream]?.deadline = nil
    reconciliations[id] = Reconciliation(since: now, phase: .killing, words: words)
    return commit(
      transition(call, ["outcome": .string(call.outcome)]),
      then: [show(id)].compactMap { $0 } + tally(call), next: .moved(id)) + close(call.upstream)
  }

  /// Nothing can be sent through the old child any more.
  mutating func laneGone(_ upstream: Text) -> [GateEffect] {
    let wait = settings.receiveWindow + settings.clockError
    let ids = reconciliations.filter {
      $0.value.phase == .killing && held[$0.key]?.upstream == upstream
    }
    .keys.sorted()
    for id in ids { reconciliations[id]?.phase = .waiting(until: now + wait) }
    return ids.compactMap { publish($0) }
  }

  /// Asks about every unknown outcome whose time has come.
  mutating func continueReconciling() -> [GateEffect] {
    let due = reconciliations.filter {
      if case .waiting(let until) = $0.value.phase { until <= now } else { false }
    }
    return due.keys.sorted().compactMap { id in
      guard let call = held[id], call.state == .unknown else {
        reconciliations[id] = nil
        return nil
      }
      guard let tracker = call.tracker else {
        reconciliations[id]?.phase = .person
        return publish(id)
      }
      guard canRead else {
        askAgain(id, "no read key is configured")
        return publish(id)
      }
      reconciliations[id]?.phase = .asking
      return .readExchange(
        id, tracker.legs.filter { $0.state == .unknown }.map(\.key), since: tracker.since)
    }
  }

  /// Whether the exchange can be asked with an account that is known to be the upstream's.
  private var canRead: Bool {
    switch feed {
    case .notConfigured, .polled: false
    case .connecting, .live, .stale: true
    }
  }

  mutating func exchangeRead(_ id: BatchID, _ reading: ExchangeReading) -> [GateEffect] {
    guard let call = held[id], call.state == .unknown, var tracker = call.tracker,
      reconciliations[id]?.phase == .asking
    else { return [] }
    guard isAccountOf(call) else {
      askAgain(id, "it is not known whether this is the account that it was sent to")
      return [publish(id)].compactMap { $0 }
    }
    switch reading {
    case .failed(let words):
      askAgain(id, words)
      return [publish(id)].compactMap { $0 }
    case .rows(let orders, let executions):
      let since = tracker.since
      apply(orders: orders, executions: executions, to: &tracker)
      // Rows that came meanwhile by the stream are in the same tracker.
      concludeAbsence(of: call, in: &tracker)
      held[id]?.tracker = tracker
      noteOrders(of: id)
      guard !tracker.hasUnknown else {
        askAgain(id, "the exchange does not show every leg yet (since \(since.clock)Z)")
        return publishLegs(id)
      }
      return concluded(id, tracker)
    }
  }

  /// Whether the account that is read now is the one that the call was sent to.
  func isAccountOf(_ call: HeldCall) -> Bool {
    guard let sentAs = call.sentAs else { return false }
    return isVerified(call.upstream) && sentAs == readKey?.uid
  }

  /// A leg that the exchange does not show was not accepted, if nothing could still deliver it and
  /// the account that was asked is the one it was sent to.
  private func concludeAbsence(of call: HeldCall, in tracker: inout LegTracker) {
    guard settings.canConcludeAbsence[call.upstream] ?? false else { return }
    for leg in tracker.legs where leg.state == .unknown {
      tracker.concludeAbsent(leg: leg.index)
    }
  }

  mutating func concluded(_ id: BatchID, _ tracker: LegTracker) -> [GateEffect] {
    let found = tracker.legs.filter {
      if case .rejected = $0.state { false } else { true }
    }
    let all = tracker.legs.count
    // What the upstream said is no longer what is known.
    held[id]?.result = nil
    return found.isEmpty
      ? settle(id, .failed, "nothing of it is at the exchange: it was not accepted")
      : settle(id, .acknowledged, "found at the exchange: \(found.count) of \(all) legs")
  }

  private mutating func askAgain(_ id: BatchID, _ words: String) {
    guard var one = reconciliations[id] else { return }
    let wait = settings.reconcileWaits[min(one.attempts, settings.reconcileWaits.count - 1)]
    one.attempts += 1
    one.words = words
    one.phase = .waiting(until: now + wait)
    reconciliations[id] = one
  }
}
