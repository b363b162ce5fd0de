import Cryptography
package import JSON
import Ledger
package import MCP
import OperatorProtocol
import Policy
import Time

extension Gatekeeper {
  /// Takes the upstream's list. What is on the first list of an upstream is accepted as it is; what
  /// comes later or differs from what was accepted is denied until an operator accepts it.
  mutating func toolsListed(_ definitions: [ToolDefinition], by upstream: Text) -> [GateEffect] {
    let before = tools[upstream] ?? [:]
    let isFirstSight = !pinned.keys.contains { $0.upstream == upstream }
    var pins: [Text: ToolPin] = [:]
    var changes = Draft()
    for definition in definitions {
      let place = ToolPlace(upstream, definition.name)
      var pin = ToolPin(
        definition: definition, seen: SHA256.hash(definition.fingerprintInput),
        fingerprint: pinned[place]?.fingerprint)
      if isFirstSight {
        pin.fingerprint = pin.seen
        let accepted = AcceptedTool(
          fingerprint: pin.seen, definition: definition.json, at: now)
        pinned[place] = accepted
        changes.records.append(RecordChange(.tool, place.key, accepted.json))
        changes.entries.append(
          toolDraft("tool_pinned", place, ["sha256": .string(pin.seen.hex)]))
      } else if let kind = news(of: pin, after: before[definition.name]) {
        changes.entries.append(
          toolDraft(
            kind, place,
            [
              "pinned": pin.fingerprint.map { .string($0.hex) }, "seen": .string(pin.seen.hex),
            ]))
      }
      pins[definition.name] = pin
    }
    tools[upstream] = pins
    return [.toolListChanged] + (changes.isEmpty ? [] : commit(changes))
  }

  /// What the ledger says about a tool that is listed otherwise than before; nil when nothing.
  private func news(of pin: ToolPin, after before: ToolPin?) -> Text? {
    switch pin.state {
    case .drifted: before?.seen == pin.seen ? nil : "tool_drift"
    case .unknown: before?.seen == pin.seen ? nil : "tool_unknown"
    case .pinned, .absent: before.map(\.isAccepted) == false ? "tool_reverted" : nil
    }
  }

  /// An entry about a tool. Names that are too long to be a subject stand in the body alone.
  func toolDraft(
    _ kind: Text, _ place: ToolPlace, _ body: KeyValuePairs<Text, JSONValue?>
  ) -> EntryDraft {
    var object = JSONObject(compact: body)
    object["upstream"] = .string(place.upstream)
    object["tool"] = .string(place.tool)
    return draft(kind, place.key.count <= Entry.subjectLimit ? place.key : nil, object)
  }

  func driftWords(_ call: AgentCall) -> String? {
    guard let known = tools[call.upstream] else {
      return "the upstream \(call.upstream) has not answered yet; try again in a few seconds"
    }
    switch known[call.tool]?.state {
    case .pinned?: return nil
    case .drifted?:
      return
        "the definition of this tool changed since it was accepted; an operator has to look at it"
    case .unknown?:
      return "this tool is new here; an operator has to look at it before it can be used"
    case .absent?, nil: return "the upstream \(call.upstream) has no tool of this name"
    }
  }

  /// What `tools/list` shows: what the policy lets through or holds, and the gateway's own tool.
  package func visibleTools(of upstream: Text) -> [ToolDefinition] {
    let pins = tools[upstream] ?? [:]
    let visible = pins.values
      .filter { $0.isAccepted && policy.isVisible($0.definition.name) }
      .map(\.definition)
      .filter { $0.name != awaitApprovalTool }
      .sorted { $0.name < $1.name }
    return visible + [AgentAnswers.awaitApprovalDefinition]
  }

  // MARK: Accounts

  mutating func identified(_ upstream: Text, _ identity: AccountIdentity?) -> [GateEffect] {
    guard identities[upstream] != .some(identity) else { return [] }
    identities[upstream] = .some(identity)
    return reassess(everything: true) + [.publish(.status(status))]
  }

  mutating func readKeySeen(_ identity: AccountIdentity?) -> [GateEffect] {
    guard readKey != identity else { return [] }
    readKey = identity
    return reassess(everything: true) + [.publish(.status(status))]
  }

  /// Whether the upstream trades for the account that the gateway reads.
  func isVerified(_ upstream: Text) -> Bool {
    guard let seen = identities[upstream] ?? nil, let own = readKey else { return false }
    return seen.uid == own.uid
  }

  /// Set when both accounts are known and differ: nothing is held then.
  func accountConflict(_ upstream: Text) -> String? {
    guard let seen = identities[upstream] ?? nil, let own = readKey, seen.uid != own.uid else {
      return nil
    }
    return "the upstream trades for another account than the gateway reads; nothing is held"
  }

  func environment(of upstream: Text) -> Text {
    isVerified(upstream) ? settings.environment : Self.unverified
  }

  /// The environment of an upstream whose account is not known to be the one that is read.
  static let unverified: Text = "unverified"

  // MARK: Administration

  mutating func registryChanged(_ new: Registry) -> [GateEffect] {
    guard new != registry else { return [] }
    let changes = registrations(from: registry, to: new)
    registry = new
    return [.admit(new)] + commit(changes) + endRevoked()
  }

  /// Registrations that were made while none could be recorded: the ledger has every key that can
  /// sign. Who joined stands before what was signed meanwhile, who left stands after it; somebody who
  /// did both stands in both.
  func unrecordedRegistrations(_ snapshot: StoreSnapshot) -> (joined: Draft, left: Draft) {
    var known = Registry()
    if let stored = snapshot[.meta]["registered"], let old = try? Registry(recorded: stored) {
      known = old
    }
    var together = registry
    for (name, person) in registry.operators
    where person.isRevoked && known.operators[name]?.isRevoked != true {
      together.operators[name]?.isRevoked = false
    }
    return (registrations(from: known, to: together), registrations(from: together, to: registry))
  }

  /// Entries for every difference, and what the ledger knows then.
  private func registrations(from old: Registry, to new: Registry) -> Draft {
    var entries: [EntryDraft] = []
    for (name, agent) in new.agents.sorted(by: { $0.key < $1.key })
    where old.agents[name] != agent {
      entries.append(
        draft(
          agent.isRevoked ? "agent_revoked" : "agent_added", name,
          JSONObject(compact: ["owner": agent.owner.map { .string($0) }])))
    }
    for (name, person) in new.operators.sorted(by: { $0.key < $1.key })
    where old.operators[name] != person {
      entries.append(
        draft(
          person.isRevoked ? "operator_revoked" : "operator_added", name,
          ["key": .string(person.key.base64), "role": .string(person.role.rawValue)]))
    }
    guard !entries.isEmpty else { return Draft() }
    return Draft(records: [RecordChange(.meta, "registered", new.recorded)], entries: entries)
  }

  /// What a revoked agent had proposed is over.
  private mutating func endRevoked() -> [GateEffect] {
    let over = held.values.filter {
      ($0.state.isOpen || $0.state == .cooling || $0.state == .approved)
        && !registry.activeAgent($0.agent) && lanes[$0.upstream]?.current != $0.id
    }
    return over.sorted { $0.id < $1.id }.flatMap {
      settle($0.id, .withdrawn, "the agent \($0.agent) was revoked")
    }
  }

  mutating func policyChanged(_ new: Policy) -> [GateEffect] {
    policyRefusal = nil
    guard new.digest != policy.digest else { return [.publish(.status(status))] }
    policy = new
    var effects = commit(
      Draft(entries: [draft("policy", nil, ["digest": .string(new.digest.hex)])]))
    let open = held.values.filter { $0.state.isOpen || $0.state == .cooling }
    for call in open.sorted(by: { $0.id < $1.id }) {
      effects += revise(call, cause: "the policy changed")
    }
    return effects + [.toolListChanged, .publish(.status(status))]
  }

  /// The statement changed: signatures are void, the revision rises.
  mutating func revise(_ call: HeldCall, cause: String) -> [GateEffect] {
    var call = call
    let verdict = verdictNow(on: call)
    if verdict.decision == .hold {
      call.terms.quorum = verdict.approval.quorum
      call.terms.roles = verdict.approval.roles
      call.terms.forbidsOwner = verdict.approval.forbidsOwner
      call.statement.quorum = verdict.approval.quorum
    }
    call.statement.policyDigest = policy.digest
    call.statement.toolFingerprint = acceptedFingerprint(of: call)
    call.statement.revision += 1
    call.digest = call.statement.digest
    call.state = .pending
    call.signatures = []
    call.coolingUntil = nil
    call.assessment = assess(call)
    held[call.id] = call
    return commit(
      transition(
        call,
        [
          "cause": .string(cause), "statement": call.statement.json,
          "digest": .string(call.digest.hex),
        ]),
      then: [show(call.id)].compactMap { $0 })
  }

  mutating func policyRefused(_ reason: String) -> [GateEffect] {
    policyRefusal = reason
    record(Draft(entries: [draft("policy_refused", nil, ["reason": .string(reason)])]))
    return [.publish(.status(status))]
  }

  mutating func feedChanged(_ state: FeedState) -> [GateEffect] {
    guard state != feed else { return [] }
    feed = state
    if feed == .live { liveSince = now }
    return [.publish(.status(status))]
  }

  /// Everybody who waits is told how far the call is and what to ask for later; a call that is on its
  /// way to the disk first gets there.
  mutating func beginStopping() -> [GateEffect] {
    isStopping = true
    for request in waiters.requests {
      guard var waiter = waiters[request] else { continue }
      waiter.until = now
      waiters.insert(request, waiter)
    }
    return endWaits()
  }

  /// Whether nobody waits for an answer, nothing is being sent and nothing is on its way to the disk.
  package var isQuiet: Bool {
    waiters.count == 0 && outgoing.isEmpty && forwarded.isEmpty && inFlight.isEmpty
      && lanes.values.allSatisfy { $0.current == nil }
  }

  mutating func stop() -> [GateEffect] {
    let notice = AgentAnswers.stopping
    let answers = waiters.requests.map { GateEffect.answer($0, notice) }
    waiters.removeAll()
    return answers + commit(Draft(entries: [draft("stopped")]))
  }
}
