import Cryptography
package import JSON
import Ledger
import MCP
import OperatorProtocol
import Orders
import Policy
import Time

extension Gatekeeper {
  /// Starts, or starts again, from what is on disk.
  ///
  /// A process group that an earlier run may have left behind is killed first of all. What was being
  /// sent has an unknown outcome; recall times are void; approvals go on.
  mutating func restore(_ snapshot: StoreSnapshot) -> [GateEffect] {
    // A commit that failed may be on disk nevertheless.
    let missing = unrecorded.filter { $0.ledgerEnd > snapshot.ledgerSize }.map(\.draft)
    let freeze = frozen
    let pauses = paused
    forget()
    let repairs: Draft
    do {
      try read(snapshot)
      repairs = try restoreCounters(snapshot)
    } catch {
      // Unreadable state is never half believed: the shell reports it and stops.
      isStoreDown = true
      return [.unreadable("\(error)")]
    }
    unrecorded = []
    let (joined, left) = unrecordedRegistrations(snapshot)
    var effects: [GateEffect] = [.admit(registry)]
    if !joined.isEmpty { effects += commit(joined) }
    var entries = missing
    entries.append(draft("started", nil, ["policy": .string(policy.digest.hex)]))
    effects += killLeftBehind(snapshot)
    effects += commit(Draft(records: repairs.records, entries: entries + repairs.entries))
    effects += keepFrozen(freeze)
    effects += keepPaused(pauses)
    if !left.isEmpty { effects += commit(left) }
    // Lists that came while nothing could be written.
    for upstream in tools.keys.sorted() {
      effects += toolsListed((tools[upstream] ?? [:]).values.map(\.definition), by: upstream)
    }
    let copiedAt = snapshot[.meta]["copy"]?["made_at"]?.stringValue
    if let copiedAt { effects += commit(noteOfCopy(copiedAt)) }
    for id in held.keys.sorted() {
      effects += copiedAt.flatMap { endCopied(id, $0) } ?? resume(id)
    }
    return effects + [.publish(.reset), .publish(.status(status)), .toolListChanged]
  }

  private mutating func forget() {
    held = HeldCalls()
    orderIndex = OrderIndex()
    following = Following()
    byRepeatKey = [:]
    waiters.removeAll()
    outgoing = [:]
    inFlight = [:]
    moving = [:]
    unsure = []
    thawing = nil
    unpausing = [:]
    lanes = [:]
    reconciliations = [:]
    pinned = [:]
    accepting = [:]
    lazy = Draft()
    lazyPlaces = [:]
    lazyDue = nil
    isStoreDown = false
  }

  private mutating func read(_ snapshot: StoreSnapshot) throws {
    var head = LedgerSnapshot.empty
    if let stored = snapshot[.meta]["ledger"] {
      head = try LedgerSnapshot(json: JSONCursor(stored))
    }
    guard head.frontier.size == snapshot.ledgerSize else {
      throw JSONError(
        .badValue,
        "the ledger has \(snapshot.ledgerSize) lines and its head counts \(head.frontier.size); "
          + "run `countersign audit verify`")
    }
    ledger = try LedgerAppender(origin: settings.gateway, key: ledgerKey, snapshot: head)
    durableSize = ledger.size
    registry = try Registry(records: snapshot)
    frozen = try snapshot[.meta]["freeze"].map { try StatusView.Freeze(json: JSONCursor($0)) }
    paused = try Self.pauses(in: snapshot)
    haltNonces = snapshot[.meta]["halts"]?.arrayValue?.compactMap(\.textValue) ?? []
    for (key, document) in snapshot[.tool] {
      guard let place = ToolPlace(key: key) else {
        throw JSONError(.badValue, "\(key) names no tool of an upstream")
      }
      pinned[place] = try AcceptedTool(json: JSONCursor(document))
    }
    for (_, document) in snapshot[.held] {
      var call = try HeldCall(record: JSONCursor(document))
      if let sent = call.dispatchedAt {
        call.tracker = call.newTracker(since: sent - settings.clockError)
      }
      held[call.id] = call
      noteOrders(of: call.id)
      if byRepeatKey[call.repeatKey].map({ $0 < call.id }) ?? true {
        byRepeatKey[call.repeatKey] = call.id
      }
    }
    // The store gives the newest of many settled calls.
    if held.settled.count >= settings.settledKept,
      let oldest = held.settled.compactMap({ held[$0]?.receivedAt }).min()
    {
      held.beginPast(at: oldest)
    }
  }

  private mutating func killLeftBehind(_ snapshot: StoreSnapshot) -> [GateEffect] {
    snapshot[.meta].sorted { $0.key < $1.key }.compactMap { key, group in
      guard key.hasPrefix("lane/"), let text = group.textValue else { return nil }
      let upstream = Text(key.string.dropFirst("lane/".count))
      lanes[upstream] = Lane(phase: .killing, group: text)
      return .killLane(upstream: upstream, group: text)
    }
  }

  /// A freeze whose write failed stays in force, and is written now.
  private mutating func keepFrozen(_ freeze: StatusView.Freeze?) -> [GateEffect] {
    guard let draft = unrecordedFreeze, let freeze, frozen != freeze else {
      unrecordedFreeze = nil
      return []
    }
    frozen = freeze
    return commit(draft, next: .frozen)
  }

  /// The state is a backup: what happened after it was made is not in it.
  private func noteOfCopy(_ madeAt: String) -> Draft {
    Draft(
      records: [RecordChange(.meta, "copy", nil)],
      entries: [draft("restored", nil, ["made_at": .string(madeAt)])])
  }

  /// A call that may have been decided and sent after the backup was made is never sent again. Nil
  /// for one that was sent before, or is over.
  private mutating func endCopied(_ id: BatchID, _ madeAt: String) -> [GateEffect]? {
    guard let call = held[id],
      call.state.isOpen || call.state == .cooling || call.state == .approved
    else { return nil }
    // It may have been sent: what it counts is not given back.
    counters.letGo(id.text)
    return settle(
      id, .withdrawn,
      "the state was restored from a backup of \(madeAt); whether this was decided or sent after that "
        + "is not known here: look at the exchange for its orderLinkIds before proposing it anew")
  }

  private mutating func resume(_ id: BatchID) -> [GateEffect] {
    if held[id]?.state.isOpen == true, held[id]?.isTold == false {
      // Its request ended with the process, and it never learnt what to ask for.
      held[id]?.isAgentGone = true
    }
    guard var call = held[id] else { return [] }
    call.assessment = assess(call)
    held[id] = call
    switch call.state {
    case .cooling:
      call.state = .pending
      call.signatures = []
      call.coolingUntil = nil
      held[id] = call
      let void = commit(
        transition(call, ["cause": "the gateway restarted within the recall time"]))
      return void + reviseOutdated(call)
    case .approved:
      enqueue(id)
      return []
    case .dispatching: return becomeUnknown(id, "the gateway stopped while it was being sent")
    case .unknown:
      held[id]?.tracker?.markUnknown()
      reconciliations[id] = Reconciliation(since: now, phase: .killing, words: call.outcome)
      return close(call.upstream)
    case .pending, .partlySigned:
      return reviseOutdated(call)
    default:
      restoreAcks(of: id)
      return []
    }
  }

  private mutating func reviseOutdated(_ call: HeldCall) -> [GateEffect] {
    isOutdated(call)
      ? revise(call, cause: "policy or tool definition changed while no gateway ran") : []
  }

  /// Reads the upstream's stored answer again, so that refused legs are not asked about for ever.
  private mutating func restoreAcks(of id: BatchID) {
    guard let call = held[id], let tool = OrderTool.named(call.tool) else { return }
    if let result = call.result {
      held[id]?.tracker?.apply(
        ToolOutcome.read(
          result.texts.first?.string ?? "", isError: result.isError, tool: tool,
          legCount: call.legCount))
      noteOrders(of: id)
    } else if call.state == .failed {
      held[id]?.tracker?.rejectUnsent(words: call.outcome)
    }
    if call.state == .resolved { held[id]?.tracker?.resolve(words: call.outcome) }
  }
}

extension Registry {
  package init(records: StoreSnapshot) throws(JSONError) {
    self.init()
    for (_, document) in records[.agent] {
      let agent = try Agent(json: JSONCursor(document))
      agents[agent.name] = agent
    }
    for (_, document) in records[.approver] {
      let person = try Operator(json: JSONCursor(document))
      operators[person.name] = person
    }
  }
}
