import Cryptography
import Decimals
import JSON
import MCP
import OperatorProtocol
import Orders
import Policy
import Time

/// The one child of an upstream through which held calls are sent, one at a time.
struct Lane: Hashable, Sendable {
  enum Phase: Hashable, Sendable {
    case closed, opening
    /// The child runs; its group's id is on its way to the disk.
    case recording
    case ready, killing
  }

  var phase = Phase.closed
  /// Identifies the process group, durably, before anything is sent through it.
  var group: Text?
  /// The child as it was found after its start: it is the one that sends.
  var child: LaneChild?
  /// Why the group is still not known to be dead.
  var survives: String?
  var queue: [BatchID] = []
  /// The call that was sent, or whose intent is being recorded.
  var current: BatchID?
  /// When the upstream must have answered.
  var deadline: Timestamp?
}

extension Gatekeeper {
  /// Puts an approved call in its upstream's queue, if its agent still wants it.
  mutating func enqueue(_ id: BatchID) {
    guard let call = held[id], call.state == .approved, isWanted(call) else { return }
    var lane = lanes[call.upstream] ?? Lane()
    guard lane.current != id, !lane.queue.contains(id) else { return }
    lane.queue.append(id)
    lanes[call.upstream] = lane
  }

  /// After a while without a question an approval is a grant for the agent's next one.
  private func isWanted(_ call: HeldCall) -> Bool {
    call.terms.executesOnApproval || isWaiting(call.id)
      || now - call.lastAskedAt <= settings.grantAfter
  }

  /// Starts the next call of every lane that is free.
  mutating func pumpLanes() -> [GateEffect] {
    guard !isStoreDown, !isStopping else { return [] }
    return lanes.keys.sorted().flatMap { pump($0) }
  }

  private mutating func pump(_ upstream: Text) -> [GateEffect] {
    var effects: [GateEffect] = []
    while let lane = lanes[upstream], lane.current == nil, let id = lane.queue.first {
      guard var call = held[id], call.state == .approved else {
        lanes[upstream]?.queue.removeFirst()
        continue
      }
      guard isIntroduced(upstream, for: call) else { return effects }
      call.assessment = assess(call)
      held[id] = call
      if let words = obstacle(to: call) {
        lanes[upstream]?.queue.removeFirst()
        effects += block(id, words)
        continue
      }
      if let words = laneObstacle(to: call, lane) {
        lanes[upstream]?.queue.removeFirst()
        // The next call gets another child.
        return effects + block(id, words) + close(upstream)
      }
      switch lane.phase {
      case .ready:
        lanes[upstream]?.queue.removeFirst()
        return effects + intend(id)
      case .closed:
        lanes[upstream]?.phase = .opening
        return effects + [.openLane(upstream: upstream)]
      case .opening, .recording, .killing: return effects
      }
    }
    return effects
  }

  /// Whether the upstream has been seen since the start: before that its tools and its account are
  /// not known, and an approval waits instead of being blocked.
  private func isIntroduced(_ upstream: Text, for call: HeldCall) -> Bool {
    guard tools[upstream] != nil else { return false }
    if environment(of: upstream) == call.statement.environment { return true }
    // An account that does not show itself now may do so again: the approval waits until it expires.
    guard call.statement.environment == Self.unverified else {
      return (identities[upstream] ?? nil) != nil && readKey != nil
    }
    guard let seen = identities[upstream] else { return false }
    return seen == nil || readKey != nil
  }

  /// Why an approved call, with its risk as it is now, must not be sent after all. Everything is judged
  /// again here.
  private func obstacle(to call: HeldCall) -> String? {
    if let words = haltWords(call.agent) { return words }
    guard now < call.statement.expiresAt else { return "the approval expired before it was sent" }
    guard call.statement.digest == call.digest else { return "the digest does not match" }
    guard registry.activeAgent(call.agent) else { return "the agent was revoked" }
    if let words = policyObstacle(to: call) { return words }
    guard call.statement.toolFingerprint == tools[call.upstream]?[call.tool]?.fingerprint,
      tools[call.upstream]?[call.tool]?.isAccepted == true
    else { return "the tool's definition changed" }
    if let words = accountConflict(call.upstream) { return words }
    guard environment(of: call.upstream) == call.statement.environment else {
      return "the environment changed to \(environment(of: call.upstream))"
    }
    if call.assessment.severity == .block { return "risk: \(call.assessment.blockWords)" }
    return signatureObstacle(call)
  }

  /// Why the child that would send it is not the one that was looked at.
  private func laneObstacle(to call: HeldCall, _ lane: Lane) -> String? {
    guard lane.phase == .ready, let child = lane.child else { return nil }
    guard child.fingerprints[call.tool] == call.statement.toolFingerprint else {
      return "the child that would send it has another definition of the tool"
    }
    guard !isVerified(call.upstream) || child.account?.uid == readKey?.uid else {
      return "the child that would send it does not show the same account"
    }
    return nil
  }

  /// What the policy that is in force now says against the call.
  private func policyObstacle(to call: HeldCall) -> String? {
    let verdict = verdictNow(on: call)
    switch verdict.decision {
    case .deny: return "the policy now forbids it (\(verdict.rule))"
    case .hold where verdict.approval.quorum > call.statement.quorum:
      return "the policy now asks for \(verdict.approval.quorum) signatures"
    case .hold
    where validSigners(of: call, HoldTerms(verdict, settings)) < call.statement.quorum:
      let terms = HoldTerms(verdict, settings)
      return "the policy now asks for signatures of \(terms.roleWords)"
        + (terms.forbidsOwner ? ", and of none who owns the agent" : "")
    case .hold, .allow: return nil
    }
  }

  /// The verdict of the policy that is in force now. What its limits count was reserved when the call
  /// came in; here they only say whether the call alone would be too much.
  func verdictNow(on call: HeldCall) -> Verdict { policy.judge(proposal(of: call), at: now) }

  /// Every signature is verified again with the keys that are valid now.
  private func signatureObstacle(_ call: HeldCall) -> String? {
    let distinct = validSigners(of: call, call.terms)
    return distinct >= call.statement.quorum
      ? nil : "\(distinct) of \(call.statement.quorum) signatures are valid"
  }

  /// How many persons whose signatures count under `terms` have signed what would be sent.
  private func validSigners(of call: HeldCall, _ terms: HoldTerms) -> Int {
    let valid = call.signatures.filter { signed in
      guard let person = registry.activeOperator(signed.decision.operatorName) else { return false }
      guard !terms.forbidsOwner || !registry.isOwner(person, of: call.agent) else { return false }
      return person.role.isOne(of: terms.roles) && signed.decision.verb == .approve
        && signed.decision.digest == call.digest && signed.decision.batch == call.id
        && signed.isSigned(by: person.key)
    }
    // Two names for one key are one person.
    let keys = valid.compactMap { registry.activeOperator($0.decision.operatorName)?.key }
    return min(Set(keys).count, Set(valid.map(\.decision.operatorName)).count)
  }

  private mutating func block(_ id: BatchID, _ words: String) -> [GateEffect] {
    settle(id, .blocked, "blocked before it was sent: \(words)")
  }

  // MARK: Sending

  /// Records the intent. The bytes leave only when it is durable.
  private mutating func intend(_ id: BatchID) -> [GateEffect] {
    guard var call = held[id] else { return [] }
    call.state = .dispatching
    call.dispatchedAt = now
    call.sentAs = isVerified(call.upstream) ? readKey?.uid : nil
    call.tracker = call.newTracker(since: now - settings.clockError)
    if call.arrivals.isEmpty { call.arrivals = arrivals(of: call) }
    held[id] = call
    noteOrders(of: id)
    lanes[call.upstream]?.current = id
    return commit(
      transition(
        call,
        [
          "digest": .string(call.digest.hex),
          "group": lanes[call.upstream]?.group.map { .string($0) },
          "arguments_sha256": .string(
            SHA256.hash(JSONWriter.canonicalBytes(of: .object(call.statement.arguments))).hex),
          "findings": call.assessment.recordedFindings, "passed": call.assessment.recordedPasses,
        ]),
      then: [show(id)].compactMap { $0 } + publishLegs(id), next: .send(id))
  }

  /// The intent is durable. A freeze or pause that came in between still stops the bytes.
  mutating func sendNow(_ id: BatchID) -> [GateEffect] {
    guard let call = held[id], call.state == .dispatching else { return [] }
    if let words = haltWords(call.agent) {
      counters.takeBack(id.text)
      lanes[call.upstream]?.current = nil
      return settle(id, .failed, "before anything was sent: \(words)")
    }
    guard lanes[call.upstream]?.phase == .ready else {
      counters.takeBack(id.text)
      lanes[call.upstream]?.current = nil
      return settle(id, .failed, "the upstream went away before anything was sent")
    }
    lanes[call.upstream]?.deadline = now + settings.answerDeadline
    return [
      .dispatch(
        id, upstream: call.upstream, tool: call.tool, arguments: call.statement.arguments)
    ]
  }

  mutating func laneOpened(_ upstream: Text, _ child: LaneChild) -> [GateEffect] {
    guard lanes[upstream]?.phase == .opening else {
      return [.killLane(upstream: upstream, group: child.group)]
    }
    lanes[upstream]?.phase = .recording
    lanes[upstream]?.group = child.group
    lanes[upstream]?.child = child
    return commit(
      Draft(records: [RecordChange(.meta, "lane/\(upstream)", .string(child.group))]),
      next: .laneReady(upstream))
  }

  mutating func laneFailed(_ upstream: Text, _ reason: String) -> [GateEffect] {
    let waiting = lanes[upstream]?.queue ?? []
    lanes[upstream]?.queue = []
    lanes[upstream]?.phase = .closed
    return waiting.flatMap {
      settle($0, .failed, "the upstream cannot be started, nothing was sent: \(reason)")
    }
  }

  /// Answers about another group than the lane's are about a child that it has replaced.
  mutating func laneKilled(_ upstream: Text, _ group: Text?) -> [GateEffect] {
    guard let lane = lanes[upstream], lane.group == group, lane.phase != .opening else { return [] }
    lanes[upstream]?.phase = .closed
    lanes[upstream]?.group = nil
    lanes[upstream]?.child = nil
    lanes[upstream]?.survives = nil
    record(Draft(records: [RecordChange(.meta, "lane/\(upstream)", nil)]))
    return laneGone(upstream)
  }

  /// Something may still send: nothing is concluded and nothing else is sent until it is dead.
  mutating func laneSurvives(_ upstream: Text, _ group: Text?, _ words: String) -> [GateEffect] {
    guard lanes[upstream]?.group == group, lanes[upstream]?.survives != words else { return [] }
    lanes[upstream]?.phase = .killing
    lanes[upstream]?.survives = words
    for id in reconciliations.keys where held[id]?.upstream == upstream {
      reconciliations[id]?.words = words
    }
    record(
      Draft(entries: [
        draft(
          "group_survives", upstream,
          ["words": .string(words), "group": group.map { .string($0) } ?? .null])
      ]))
    return [.publish(.status(status))]
  }

  // MARK: Answers

  mutating func dispatchAnswered(_ id: BatchID, _ answer: DispatchAnswer) -> [GateEffect] {
    guard let call = held[id], lanes[call.upstream]?.current == id else { return [] }
    lanes[call.upstream]?.current = nil
    lanes[call.upstream]?.deadline = nil
    guard call.state == .dispatching else { return [] }
    switch answer {
    case .notSent(let words):
      counters.takeBack(id.text)
      return settle(id, .failed, "nothing was sent: \(words)") + close(call.upstream)
    case .lost(let words): return becomeUnknown(id, words)
    case .refused(let error): return refusedByUpstream(call, error)
    case .result(let result): return resultArrived(call, result)
    }
  }

  private mutating func refusedByUpstream(_ call: HeldCall, _ error: RPCError) -> [GateEffect] {
    guard error.saysNeverRan else {
      return becomeUnknown(call.id, "the upstream answered with error \(error)")
    }
    held[call.id]?.result = ToolResult(text: "\(error)", isError: true)
    return settle(call.id, .failed, "the upstream refused the call: \(error)")
  }

  private mutating func resultArrived(_ call: HeldCall, _ result: ToolResult) -> [GateEffect] {
    held[call.id]?.result = result
    guard let outcome = outcome(of: call, result) else {
      return settle(
        call.id, .acknowledged, result.isError ? "the tool reports an error" : "done")
    }
    held[call.id]?.tracker?.apply(outcome)
    noteOrders(of: call.id)
    if held[call.id]?.tracker?.hasUnknown == true {
      return becomeUnknown(call.id, "the exchange's answer does not tell what became of every leg")
    }
    switch outcome {
    case .accepted: return settle(call.id, .acknowledged, "the exchange took every leg")
    case .partly(let acks):
      if acks.contains(where: { $0.answer == .ambiguous }) {
        return becomeUnknown(call.id, "the exchange does not say what became of every leg")
      }
      let failed = acks.count { $0.answer == .rejected }
      guard failed < acks.count else {
        return settle(call.id, .failed, "the exchange refused all \(failed) legs")
      }
      return settle(
        call.id, .acknowledged, "the exchange refused \(failed) of \(acks.count) legs")
    case .refused(let code, let words):
      let number = code.map { " \($0)" } ?? ""
      return settle(call.id, .failed, "the exchange refused it:\(number) \(words)")
    case .unknown(_, let words): return becomeUnknown(call.id, words)
    }
  }

  /// What the result says by the exchange's codes; nil where it names none.
  private func outcome(of call: HeldCall, _ result: ToolResult) -> ToolOutcome? {
    let text = result.texts.first?.string ?? ""
    guard let tool = OrderTool.named(call.tool) else {
      return ToolOutcome.readOther(text, isError: result.isError)
    }
    let proposed = call.statement.arguments["request"]?.arrayValue?.count ?? 1
    return ToolOutcome.read(text, isError: result.isError, tool: tool, legCount: proposed)
  }

  /// What each leg would about pay now: the other side of the book. Nothing for a leg without a price.
  func arrivals(of call: HeldCall) -> [Int: ExactDecimal] {
    guard let order = call.order else { return [:] }
    let quotes = market.quotes(for: order)
    var prices: [Int: ExactDecimal] = [:]
    for leg in order.legs { prices[leg.index] = quotes[leg.symbol]?.taking(leg.side) }
    return prices
  }

  // MARK: Settling

  /// Ends a call. Everybody hears of it when it is durable.
  mutating func settle(_ id: BatchID, _ state: HoldState, _ words: String) -> [GateEffect] {
    guard var call = held[id], !call.state.isSettled else { return [] }
    call.state = state
    call.settledAt = now
    call.outcome = words
    call.coolingUntil = nil
    if state == .failed { call.tracker?.rejectUnsent(words: words) }
    held[id] = call
    reconciliations[id] = nil
    return commit(
      transition(
        call,
        [
          "outcome": .string(words), "result": call.result.map { .object($0.json) },
          "legs": .array(legs(of: call).map(\.json)),
        ]),
      then: [show(id), .publish(.status(status))].compactMap { $0 } + tally(call),
      next: .moved(id))
  }

  /// Outcomes of calls that nobody let through are no outcomes of sending.
  func tally(_ call: HeldCall) -> [GateEffect] {
    switch call.state {
    case .acknowledged, .failed, .blocked, .unknown:
      [.counted(.outcome(upstream: call.upstream, call.state))]
    default: []
    }
  }

  /// Kills the child; a kill that is under way is not asked for twice, for its second answer would
  /// seem to be about the next child.
  mutating func close(_ upstream: Text) -> [GateEffect] {
    guard lanes[upstream]?.phase != .killing else { return [] }
    lanes[upstream, default: Lane()].phase = .killing
    return [.killLane(upstream: upstream, group: lanes[upstream]?.group)]
  }
}
