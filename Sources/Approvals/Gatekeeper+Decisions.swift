import Cryptography
import JSON
import Ledger
import OperatorProtocol
import Orders
import Risk
import Time

extension Gatekeeper {
  mutating func decide(
    _ request: OperatorRequestID, _ signed: SignedDecision, session: UInt64, cools: Bool
  ) -> [GateEffect] {
    let decision = signed.decision
    do throws(OperatorRefusal) {
      let person = try signer(decision.operatorName, needs: .approver)
      guard signed.isSigned(by: person.key) else {
        throw OperatorRefusal(.forbidden, "the signature is not \(decision.operatorName)'s")
      }
      let call = try subject(of: decision)
      try checkUnused(decision, on: call)
      switch decision.verb {
      case .approve: return try approve(request, call, signed, session: session, cools: cools)
      case .reject: return try reject(request, call, signed)
      case .recall: return try recall(request, call, signed)
      case .resolve: return try resolve(request, call, signed)
      }
    } catch {
      return [.refuse(request, error), .counted(.decision(decision.verb, isTaken: false))]
    }
  }

  func signer(
    _ name: Text, needs role: Role, evenUnrecorded: Bool = false
  ) throws(OperatorRefusal) -> Registry.Operator {
    guard !isStoreDown || evenUnrecorded else {
      throw OperatorRefusal(.unavailable, "nothing can be recorded now, so nothing is decided")
    }
    guard let person = registry.activeOperator(name) else {
      throw OperatorRefusal(.forbidden, "\(name) is no operator of this gateway")
    }
    guard person.role >= role else {
      throw OperatorRefusal(.forbidden, "\(name) may look but not decide")
    }
    return person
  }

  /// The call a decision is about, if it still is what was signed.
  private func subject(of decision: Decision) throws(OperatorRefusal) -> HeldCall {
    guard let call = held[decision.batch], call.isDurable else {
      throw OperatorRefusal(.notFound, "\(decision.batch) is not held here")
    }
    guard decision.digest == call.digest, decision.revision == call.statement.revision,
      decision.environment == call.statement.environment
    else {
      throw OperatorRefusal(
        .stale,
        "\(call.id) has changed since: revision \(call.statement.revision), "
          + "digest \(call.digest.hex.prefix(8)). Look at it again before deciding.")
    }
    return call
  }

  /// A decision counts once: a recall would be worth nothing if the approval could be sent again.
  private func checkUnused(_ decision: Decision, on call: HeldCall) throws(OperatorRefusal) {
    guard !decision.nonce.isEmpty, !call.nonces.contains(decision.nonce) else {
      throw OperatorRefusal(.stale, "this very decision was taken before; sign a new one")
    }
    guard call.nonces.count < settings.decisionsPerCall else {
      throw OperatorRefusal(.refused, "\(call.id) has had \(call.nonces.count) decisions: too many")
    }
  }

  // MARK: Approve

  private mutating func approve(
    _ request: OperatorRequestID, _ call: HeldCall, _ signed: SignedDecision, session: UInt64,
    cools: Bool
  ) throws(OperatorRefusal) -> [GateEffect] {
    var call = call
    // What was shown may have grown old since.
    call.assessment = assess(call)
    try checkApprovable(call, signed.decision)
    call.signatures.append(signed)
    recentApprovals.append(.init(by: signed.decision.operatorName, at: now))
    recentApprovals = recentApprovals.suffix(settings.approvalsKept)
    let isComplete = call.signatures.count >= call.statement.quorum
    let coolingTime = call.assessment.isReducing || !cools ? Milliseconds.zero : settings.cooling
    if !isComplete {
      call.state = .partlySigned
    } else if coolingTime > .zero {
      call.state = .cooling
      call.coolingUntil = now + coolingTime
      call.coolingSession = session
    } else {
      call.state = .approved
    }
    if isComplete { call.arrivals = arrivals(of: call) }
    held[call.id] = call
    return decided(request, call, signed)
  }

  private func checkApprovable(
    _ call: HeldCall, _ decision: Decision
  ) throws(OperatorRefusal) {
    guard call.state.isOpen else {
      throw OperatorRefusal(.refused, "\(call.id) is \(call.state.words), not waiting for anyone")
    }
    guard now < call.statement.expiresAt else {
      throw OperatorRefusal(.refused, "\(call.id) expired at \(call.statement.expiresAt.clock)Z")
    }
    if let words = haltWords(call.agent) { throw OperatorRefusal(.refused, words) }
    guard !call.isAgentGone else {
      throw OperatorRefusal(
        .refused, "the agent vanished before it learnt the approval id; wait until it returns")
    }
    guard registry.activeAgent(call.agent) else {
      throw OperatorRefusal(.refused, "the agent \(call.agent) was revoked")
    }
    if let words = unacceptedWords(call) { throw OperatorRefusal(.refused, words) }
    let person = registry.activeOperator(decision.operatorName)
    guard person?.role.isOne(of: call.terms.roles) ?? false else {
      throw OperatorRefusal(
        .forbidden, "the policy takes signatures of \(call.terms.roleWords) only for \(call.id)")
    }
    if call.terms.forbidsOwner, let person, registry.isOwner(person, of: call.agent) {
      throw OperatorRefusal(
        .forbidden,
        "\(decision.operatorName) owns the agent \(call.agent), and the policy takes no signature of an "
          + "agent's owner for \(call.id); another operator must sign")
    }
    let key = person?.key
    guard
      !call.signatures.contains(where: { signed in
        let name = signed.decision.operatorName
        return name == decision.operatorName || registry.activeOperator(name)?.key == key
      })
    else {
      throw OperatorRefusal(.refused, "\(decision.operatorName) has signed already; another must")
    }
    guard call.assessment.severity != .block else {
      throw OperatorRefusal(.refused, "\(call.id) has a finding that cannot be approved")
    }
    let missing = call.assessment.mustAccept.filter { !decision.accepted.contains($0) }
    guard missing.isEmpty || call.assessment.isReducing else {
      let list = missing.map(\.string).joined(separator: ", ")
      throw OperatorRefusal(.refused, "these findings were not accepted: \(list)")
    }
  }

  // MARK: Reject, recall, resolve

  private mutating func reject(
    _ request: OperatorRequestID, _ call: HeldCall, _ signed: SignedDecision
  ) throws(OperatorRefusal) -> [GateEffect] {
    guard call.state.isOpen || call.state == .cooling || call.state == .approved else {
      throw OperatorRefusal(.refused, "\(call.id) is \(call.state.words): too late to reject")
    }
    var call = call
    let decision = signed.decision
    call.state = .rejected
    call.settledAt = now
    call.coolingUntil = nil
    call.outcome =
      "rejected by \(decision.operatorName)"
      + (decision.note.isEmpty ? "" : ": \(decision.note)")
    held[call.id] = call
    return decided(request, call, signed)
  }

  private mutating func recall(
    _ request: OperatorRequestID, _ call: HeldCall, _ signed: SignedDecision
  ) throws(OperatorRefusal) -> [GateEffect] {
    guard call.state == .cooling else {
      throw OperatorRefusal(.refused, "\(call.id) is \(call.state.words): too late to recall")
    }
    let back = reopened(call)
    held[call.id] = back
    return decided(request, back, signed)
  }

  /// The same call with every signature void.
  private func reopened(_ call: HeldCall) -> HeldCall {
    var call = call
    call.state = .pending
    call.signatures = []
    call.coolingUntil = nil
    call.coolingSession = nil
    return call
  }

  private mutating func resolve(
    _ request: OperatorRequestID, _ call: HeldCall, _ signed: SignedDecision
  ) throws(OperatorRefusal) -> [GateEffect] {
    guard call.state == .unknown else {
      throw OperatorRefusal(.refused, "\(call.id) is \(call.state.words): nothing to resolve")
    }
    guard !signed.decision.note.isEmpty else {
      throw OperatorRefusal(.badRequest, "say in the note what happened to the orders")
    }
    var call = call
    call.state = .resolved
    call.settledAt = now
    call.outcome = "resolved by \(signed.decision.operatorName): \(signed.decision.note)"
    call.tracker?.resolve(words: call.outcome)
    reconciliations[call.id] = nil
    held[call.id] = call
    return decided(request, call, signed, more: publishLegs(call.id))
  }

  /// Records a decision; operator, consoles and agent hear of it when it is durable.
  private mutating func decided(
    _ request: OperatorRequestID, _ call: HeldCall, _ signed: SignedDecision,
    more: [GateEffect] = []
  ) -> [GateEffect] {
    var call = call
    call.nonces.append(signed.decision.nonce)
    held[call.id] = call
    let answer = GateEffect.accept(request, ["batch": summary(of: call).json])
    return commit(
      transition(
        call,
        [
          "decision": signed.decision.json, "signature": .string(signed.signature.base64),
          "by": .string(signed.decision.operatorName), "outcome": .string(call.outcome),
          "findings": call.assessment.recordedFindings, "passed": call.assessment.recordedPasses,
          "changes": call.change.map { _ in .array(changes(of: call).map(\.json)) },
        ]),
      then: [answer] + [show(call.id), .publish(.status(status))].compactMap { $0 } + more
        + tallies(of: signed.decision.verb, call),
      next: .moved(call.id))
  }

  private func tallies(of verb: Decision.Verb, _ call: HeldCall) -> [GateEffect] {
    var tallies = [GateTally.decision(verb, isTaken: true)]
    switch verb {
    case .reject: tallies.append(.decidedAfter(now - call.receivedAt))
    case .approve where call.state != .partlySigned:
      tallies.append(.decidedAfter(now - call.receivedAt))
    case .resolve: tallies.append(.outcome(upstream: call.upstream, .resolved))
    case .approve, .recall: break
    }
    return tallies.map { .counted($0) }
  }

  /// A console that signed and vanished within the recall time signs nothing.
  mutating func sessionEnded(_ session: UInt64) -> [GateEffect] {
    held.values.filter { $0.state == .cooling && $0.coolingSession == session }
      .sorted { $0.id < $1.id }
      .flatMap { call -> [GateEffect] in
        let back = reopened(call)
        held[call.id] = back
        return commit(
          transition(back, ["cause": "the console that signed vanished while it could recall"]),
          then: [show(call.id)].compactMap { $0 })
      }
  }

  /// Recall time that is over: the approval takes effect.
  mutating func endCooling(_ due: [BatchID]) -> [GateEffect] {
    due.compactMap { held[$0] }.flatMap { call -> [GateEffect] in
      guard call.state == .cooling, let until = call.coolingUntil, until <= now else { return [] }
      held[call.id]?.state = .approved
      held[call.id]?.coolingUntil = nil
      guard let approved = held[call.id] else { return [] }
      return commit(
        transition(approved, ["by": .array(approved.signers.map { .string($0) })]),
        then: [show(call.id)].compactMap { $0 }, next: .moved(call.id))
    }
  }
}

extension HeldCall {
  var signers: [Text] { signatures.map(\.decision.operatorName) }
}

extension HoldState {
  /// The state in words for a person.
  package var words: String { rawValue.split(separator: "_").joined(separator: " ") }
}
