import Cryptography
import JSON
import MCP
import OperatorProtocol
import Time

extension Gatekeeper {
  // MARK: Repeats

  /// What a call gets that was made before: a place at the same record, or its outcome again.
  mutating func repeated(_ call: AgentCall) -> [GateEffect]? {
    guard let id = byRepeatKey[call.repeatKey], let known = held[id] else { return nil }
    guard known.state.isSettled, !isMoving(id) else {
      attach(call, to: id, isAwait: false)
      return returned(id)
    }
    guard replays(known) else { return nil }
    return [answer(call.request, with: known, isReplay: true)].compactMap { $0 }
  }

  private func replays(_ call: HeldCall) -> Bool {
    guard let settledAt = call.settledAt else { return false }
    switch call.state {
    case .rejected: return now < call.statement.expiresAt
    case .withdrawn: return false
    default: return !call.isDelivered && now - settledAt <= settings.replayFor
    }
  }

  // MARK: awaitApproval

  mutating func waitAgain(_ call: AgentCall) -> [GateEffect] {
    guard let text = call.arguments["approvalId"]?.stringValue, call.arguments.count == 1 else {
      return [.answer(call.request, AgentAnswers.badAwait)]
    }
    guard let id = BatchID(text), let known = held[id], known.agent == call.agent, known.isDurable
    else { return [.answer(call.request, AgentAnswers.noSuchApproval)] }
    guard !isStoreDown else {
      return [.answer(call.request, AgentAnswers.storeDown("the store cannot be written"))]
    }
    if known.state.isSettled, !isMoving(id) {
      return [answer(call.request, with: known, isReplay: known.isDelivered)].compactMap { $0 }
    }
    attach(call, to: id, isAwait: true)
    return returned(id)
  }

  mutating func attach(_ call: AgentCall, to id: BatchID, isAwait: Bool) {
    let wait = isStopping ? .zero : held[id]?.terms.wait ?? settings.wait(for: call.client)
    waiters.insert(call.request, Waiter(batch: id, until: now + wait, isAwait: isAwait))
    held[id]?.lastAskedAt = now
  }

  /// The agent asks again: it is no longer gone, and a grant can be executed.
  private mutating func returned(_ id: BatchID) -> [GateEffect] {
    held[id]?.isAgentGone = false
    guard let call = held[id], call.isDurable else { return [] }
    record(Draft(records: [RecordChange(.held, id.text, call.record)]))
    if call.state == .approved { enqueue(id) }
    return [publish(id)].compactMap { $0 }
  }

  func isWaiting(_ id: BatchID) -> Bool {
    if waiters.isAwaited(id) { return true }
    guard let call = held[id], call.isTold else { return false }
    return now - call.lastAskedAt <= settings.waitingGrace
  }

  // MARK: Ends of waits

  /// Answers every request whose wait is spent with a pending notice.
  mutating func endWaits() -> [GateEffect] {
    var changed: Set<BatchID> = []
    var answers: [GateEffect] = []
    for request in waiters.takeSpent(now) {
      guard let waiter = waiters[request], canEnd(waiter), let call = held[waiter.batch] else {
        continue
      }
      waiters.remove(request)
      changed.insert(call.id)
      held[call.id]?.lastAskedAt = now
      outgoing[request] = .pendingNotice(call.id)
      answers.append(
        .answer(
          request,
          AgentAnswers.pending(
            call, hasOutputSchema: hasOutputSchema(call), isStopping: isStopping)))
    }
    return answers + changed.sorted().compactMap { publish($0) }
  }

  /// A notice says "pending", so there must be such a record, and no outcome on its way to the disk.
  private func canEnd(_ waiter: Waiter) -> Bool {
    guard let call = held[waiter.batch] else { return false }
    return call.isDurable && !call.state.isSettled
  }

  /// Answers everybody who waits for a settled call.
  mutating func answerWaiters(of id: BatchID) -> [GateEffect] {
    guard let call = held[id] else { return [] }
    let mine = waiters.requests(of: id)
    for request in mine { waiters.remove(request) }
    return mine.compactMap { answer($0, with: call, isReplay: false) }
  }

  private mutating func answer(
    _ request: RequestID, with call: HeldCall, isReplay: Bool
  ) -> GateEffect? {
    outgoing[request] = .outcome(call.id)
    return .answer(request, AgentAnswers.outcome(of: call, isReplay: isReplay))
  }

  private func hasOutputSchema(_ call: HeldCall) -> Bool {
    tools[call.upstream]?[call.tool]?.definition.json["outputSchema"] != nil
  }

  mutating func answered(_ request: RequestID, delivered: Bool) -> [GateEffect] {
    forwarded.remove(request)
    guard let what = outgoing.removeValue(forKey: request) else { return [] }
    switch (what, delivered) {
    case (.outcome(let id), true): held[id]?.isDelivered = true
    case (.pendingNotice(let id), true): held[id]?.isTold = true
    case (.pendingNotice(let id), false): return leave(id)
    case (.outcome, false): return []
    }
    let id = what.batch
    if let call = held[id] {
      record(Draft(records: [RecordChange(.held, id.text, call.record)]))
    }
    return []
  }

  // MARK: Cancelled and gone

  mutating func cancel(_ request: RequestID) -> [GateEffect] {
    if dropUnsent(request) { return [] }
    if forwarded.remove(request) != nil { return [.cancelForward(request)] }
    guard let waiter = waiters.remove(request) else {
      cancelEarly(request)
      return []
    }
    held[waiter.batch]?.lastAskedAt = now
    guard !waiter.isAwait, !waiters.isAwaited(waiter.batch), let call = held[waiter.batch] else {
      return [publish(waiter.batch)].compactMap { $0 }
    }
    switch call.state {
    case .pending, .partlySigned, .cooling, .approved:
      return settle(call.id, .withdrawn, "withdrawn by the agent before anything was sent")
    default:
      return [publish(call.id)].compactMap { $0 }
    }
  }

  /// A cancellation may overtake its call. One that came after the answer is kept as well, until
  /// newer ones push it out.
  private mutating func cancelEarly(_ request: RequestID) {
    guard outgoing[request] == nil else { return }
    earlyCancels.insert(request)
    if earlyCancels.count > settings.earlyCancelsKept, let oldest = earlyCancels.min() {
      earlyCancels.remove(oldest)
    }
  }

  mutating func disconnect(_ request: RequestID) -> [GateEffect] {
    if dropUnsent(request) { return [] }
    forwarded.remove(request)
    outgoing[request] = nil
    guard let waiter = waiters.remove(request) else { return [] }
    held[waiter.batch]?.lastAskedAt = now
    return leave(waiter.batch)
  }

  /// Nobody is left who knows the approval id: not approvable until the agent returns.
  private mutating func leave(_ id: BatchID) -> [GateEffect] {
    guard let call = held[id], !call.isTold, !call.state.isSettled,
      !waiters.isAwaited(id)
    else { return [publish(id)].compactMap { $0 } }
    held[id]?.isAgentGone = true
    if let gone = held[id] {
      record(
        Draft(
          records: [RecordChange(.held, id.text, gone.record)],
          entries: [draft("agent_gone", id.text)]))
    }
    return [publish(id)].compactMap { $0 }
  }
}

extension Outgoing {
  var batch: BatchID {
    switch self {
    case .outcome(let id), .pendingNotice(let id): id
    }
  }
}
