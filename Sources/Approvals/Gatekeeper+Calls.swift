import Cryptography
import Decimals
package import JSON
import Ledger
import MCP
import OperatorProtocol
import Orders
import Policy
import Time

/// The gateway's own tool: waits for the outcome of a held call.
package let awaitApprovalTool: Text = "awaitApproval"

extension Gatekeeper {
  mutating func handle(_ call: AgentCall) -> [GateEffect] {
    // The agent took it back before it was looked at; its request has ended.
    if earlyCancels.remove(call.request) != nil { return [] }
    if call.tool == awaitApprovalTool { return waitAgain(call) + [call.counted(.joined)] }
    let kind = OrderTool.named(call.tool)?.kind
    if !isStoreDown, let answer = repeated(call) {
      return answer + [call.counted(waiters[call.request] == nil ? .answered : .joined)]
    }
    let id = BatchID(at: now, random: call.random)
    let verdict = policy.judge(
      proposal(of: call), counters: &counters, ticket: id.text, at: now)
    note(verdict, on: call)
    let effects = follow(verdict, on: call, kind)
    // What a later step turned away counts for nothing.
    if metered[call.request] == nil, held[id] == nil { counters.giveBack(id.text) }
    return effects
  }

  private mutating func follow(
    _ verdict: Verdict, on call: AgentCall, _ kind: OrderTool.Kind?
  ) -> [GateEffect] {
    let objection = objection(to: call)
    let isCancel = kind == .cancel && objection == nil
    if isStoreDown { return withoutStore(call, verdict, isCancel: isCancel) }
    // A cancel is never refused because others are many or the end is near.
    if !(isCancel && verdict.decision == .allow) {
      if isStopping {
        return [.answer(call.request, AgentAnswers.stopping), call.counted(.unavailable)]
      }
      if isStoreBehind {
        return [.answer(call.request, AgentAnswers.flooded), call.counted(.busy)]
      }
    }
    switch (verdict.decision, objection) {
    case (.deny, _):
      return deny(
        call, rule: Text(verdict.rule), verdict.reason, limit: verdict, shadowed: verdict.shadowed)
    case (_, let objection?): return deny(call, rule: objection.rule, objection.words)
    case (.allow, nil) where kind == .create || kind == .amend:
      if let answer = denyPaused(call) { return answer }
      return hold(call, verdict, terms: .automatic(ttl: settings.ttl))
    case (.allow, nil): return allow(call, verdict, waits: !isCancel)
    case (.hold, nil):
      if let answer = denyPaused(call) { return answer }
      return hold(call, verdict, terms: HoldTerms(verdict, settings))
    }
  }

  /// Why a call is denied whatever the policy says of it.
  private func objection(to call: AgentCall) -> (rule: Text, words: String)? {
    if let words = driftWords(call) { return ("(tool definition)", words) }
    // Keys that one program reads as the same and another does not: what was judged might not be
    // what is done.
    return tools[call.upstream]?[call.tool]?.arguments.twins(in: call.arguments).map {
      (
        "(arguments)",
        "the argument \($0.key.quotedIfPlain) differs from \($0.twin.quotedIfPlain) only in case; "
          + "write it as the tool does"
      )
    }
  }

  // MARK: Allowed and denied

  /// - Parameter waits: Whether a call that counts over time leaves only when its count is on disk:
  ///   every one but a cancel, which nothing makes slow.
  private mutating func allow(
    _ call: AgentCall, _ verdict: Verdict, waits: Bool
  ) -> [GateEffect] {
    forwarded.insert(call.request)
    var draft = entry("allowed", call, rule: Text(verdict.rule))
    draft.body["shadowed"] = verdict.shadowed.json
    guard let ticket = meter(call), counters.hasWindow(ticket) else {
      record(Draft(entries: [draft]))
      return [forward(call), call.counted(.allowed)]
    }
    draft.subject = ticket
    let change = Draft(records: rows(of: ticket), entries: [draft])
    guard waits else {
      record(change)
      return [forward(call), call.counted(.allowed)]
    }
    unsent[call.request] = call
    return commit(change, next: .forward(call.request)) + [call.counted(.allowed)]
  }

  /// Lets the ticket of an allowed call go; nil where no limit counts it.
  private mutating func meter(_ call: AgentCall) -> Text? {
    let ticket = BatchID(at: now, random: call.random).text
    guard counters.tickets[ticket] != nil else { return nil }
    counters.letGo(ticket)
    metered[call.request] = ticket
    return ticket
  }

  func forward(_ call: AgentCall) -> GateEffect {
    .forward(
      call.request, upstream: call.upstream, tool: call.tool, arguments: call.arguments,
      reportsEnd: metered[call.request] != nil)
  }

  mutating func deny(
    _ call: AgentCall, rule: Text, _ reason: String, limit: Verdict? = nil,
    shadowed: [Shadowed] = []
  ) -> [GateEffect] {
    let id = BatchID(at: now, random: call.random)
    var draft = entry("denied", call, rule: rule)
    draft.subject = id.text
    draft.body["reason"] = .string(reason)
    draft.body["counter"] = limit?.counter.map { .string($0) }
    draft.body["shadowed"] = shadowed.json
    record(Draft(entries: [draft]))
    let answer = AgentAnswers.denied(
      id: id, rule: rule, reason: reason, counter: limit?.counter, retryAfter: limit?.retryAfter)
    return [.answer(call.request, answer), call.counted(.denied)]
  }

  /// While nothing can be written only cancels pass; they are recorded when it can be again.
  private mutating func withoutStore(
    _ call: AgentCall, _ verdict: Verdict, isCancel: Bool
  ) -> [GateEffect] {
    guard isCancel, verdict.decision == .allow else {
      return [
        .answer(call.request, AgentAnswers.storeDown("the store cannot be written")),
        call.counted(.unavailable),
      ]
    }
    forwarded.insert(call.request)
    _ = meter(call)
    keep(entry("allowed_unrecorded", call, rule: Text(verdict.rule)), unlessStored: .max)
    return [forward(call), call.counted(.allowed), .publish(.status(status))]
  }

  private func entry(_ kind: Text, _ call: AgentCall, rule: Text) -> EntryDraft {
    draft(
      kind, nil,
      JSONObject(compact: [
        "agent": .string(call.agent), "upstream": .string(call.upstream),
        "tool": .string(call.tool), "rule": .string(rule),
        "arguments_sha256": .string(call.argumentsDigest.hex), "policy": .string(policy.digest.hex),
      ]))
  }

  // MARK: Held

  private mutating func hold(
    _ call: AgentCall, _ verdict: Verdict, terms: HoldTerms
  ) -> [GateEffect] {
    if let words = accountConflict(call.upstream) {
      return deny(call, rule: "(account)", words)
    }
    if let words = unholdable(call) { return deny(call, rule: "(arguments)", words) }
    if let busy = busy(call) { return busy }
    let id = BatchID(at: now, random: call.random)
    var order: OrderBatch?
    var change: ChangeBatch?
    var arguments = call.arguments
    do {
      switch OrderTool.named(call.tool)?.kind {
      case .create:
        let parsed = try OrderBatch.parse(tool: call.tool, arguments: call.arguments)
        order = try parsed.injectingLinkIDs(batchID: Text(id.ulid))
        arguments = order?.arguments ?? arguments
      case .amend, .cancel:
        change = try ChangeBatch.parse(tool: call.tool, arguments: call.arguments)
      case nil: try Self.refuseAmbiguousNumbers(JSONCursor(.object(arguments)))
      }
    } catch {
      return deny(call, rule: "(arguments)", "\(error)")
    }
    let statement = Statement(
      batch: id, revision: 1, agent: call.agent, upstream: call.upstream, tool: call.tool,
      toolFingerprint: tools[call.upstream]?[call.tool]?.fingerprint ?? SHA256.hash([]),
      arguments: arguments, environment: environment(of: call.upstream),
      expiresAt: now + terms.ttl, quorum: terms.quorum, policyDigest: policy.digest)
    var held = HeldCall(
      statement: statement, digest: statement.digest, received: call.arguments,
      repeatKey: call.repeatKey,
      rule: Text(verdict.rule), terms: terms, state: terms.quorum == 0 ? .approved : .pending,
      receivedAt: now, lastAskedAt: now)
    held.order = order
    held.change = change
    held.client = call.client
    held.session = call.session
    held.identicalTo = byRepeatKey[call.repeatKey]
    held.supersedes = recentRejection(of: call)
    return create(held, for: call, shadowed: verdict.shadowed)
  }

  /// What cannot be held at all: too long to be read.
  private func unholdable(_ call: AgentCall) -> String? {
    guard call.argumentsSize > settings.heldArgumentBytes else { return nil }
    return "the arguments have \(call.argumentsSize) bytes; "
      + "at most \(settings.heldArgumentBytes) can be held for a person to read"
  }

  private mutating func create(
    _ new: HeldCall, for call: AgentCall, shadowed: [Shadowed]
  ) -> [GateEffect] {
    held[new.id] = new
    noteBaselines(new.id)
    var new = held[new.id] ?? new
    new.assessment = assess(new)
    held[new.id] = new
    byRepeatKey[new.repeatKey] = new.id
    attach(call, to: new.id, isAwait: false)
    let draft = transition(
      new,
      [
        "statement": new.statement.json, "digest": .string(new.digest.hex),
        "rule": .string(new.rule), "received": .object(new.received),
        "findings": new.assessment.recordedFindings, "passed": new.assessment.recordedPasses,
        "supersedes": new.supersedes.map { .string($0.text) }, "shadowed": shadowed.json,
      ])
    let verdict = new.terms.quorum == 0 ? CallVerdict.allowed : .held
    return commit(draft, next: .announce(new.id)) + [call.counted(verdict)]
  }

  /// The creation is on disk: consoles may hear of it.
  mutating func announce(_ id: BatchID) -> [GateEffect] {
    guard held[id] != nil else { return [] }
    held[id]?.isDurable = true
    waiters.speakable(id)
    return [publish(id), .publish(.status(status))].compactMap { $0 } + (moved(id))
  }

  private func recentRejection(of call: AgentCall) -> BatchID? {
    held.settled
      .filter { id in
        guard let past = held[id], past.state == .rejected, past.agent == call.agent,
          past.tool == call.tool, past.upstream == call.upstream, let settledAt = past.settledAt
        else { return false }
        return now - settledAt <= settings.supersedeWithin
      }
      .max()
  }

  /// At most so many pending calls; one ledger entry a minute says that more were refused.
  private mutating func busy(_ call: AgentCall) -> [GateEffect]? {
    guard
      held.open(of: call.agent) >= settings.pendingPerAgent || held.open >= settings.pendingTotal
    else { return nil }
    if busyNoted[call.agent].map({ now - $0 >= .minutes(1) }) ?? true {
      busyNoted[call.agent] = now
      record(Draft(entries: [entry("busy", call, rule: "(pending limit)")]))
    }
    let answer = AgentAnswers.busy(id: BatchID(at: now, random: call.random))
    return [.answer(call.request, answer), call.counted(.busy)]
  }

  /// Numbers that another JSON library would write differently cannot be digested reliably.
  private static func refuseAmbiguousNumbers(_ cursor: JSONCursor) throws(JSONError) {
    switch cursor.value {
    case .number(let number) where !number.isCanonical:
      throw JSONCursor(cursor.value, path: cursor.path.plain)
        .bad("\(number) is not how RFC 8785 writes this number; write it that way")
    case .array: for one in try cursor.elements() { try refuseAmbiguousNumbers(one) }
    case .object: for (_, one) in try cursor.members() { try refuseAmbiguousNumbers(one) }
    default: break
    }
  }
}
