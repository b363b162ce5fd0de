import Cryptography
import JSON
import Ledger
import OperatorProtocol
import Time

extension Gatekeeper {
  /// Makes `draft`, together with everything that could wait, durable; then releases `effects`.
  mutating func commit(
    _ draft: Draft, then effects: [GateEffect] = [], next: Continuation? = nil
  ) -> [GateEffect] {
    guard !isStoreDown else { return [] }
    var all = takeLazy()
    all.records += draft.records
    all.entries += draft.entries
    let sent = next.isForward ? all.entries.dropLast(draft.entries.count) : all.entries[...]
    let (lines, events) = append(all.entries)
    noteNeverSent(all.entries)
    if !lines.isEmpty { all.records += headRecords() }
    let id = nextCommit
    nextCommit += 1
    let moves = draft.records.filter { $0.kind == .held }.map(\.key)
    for key in moves { moving[key, default: 0] += 1 }
    inFlight[id] = Release(
      effects: events + effects, then: next, moves: moves,
      forwards: sent.filter(\.isForward), ledgerEnd: ledger.size)
    return [.persist(Commit(id: id, records: all.records, lines: lines))]
  }

  /// Lets `draft` travel with the next commit, within `settings.recordWithin`.
  mutating func record(_ draft: Draft) {
    guard !isStoreDown else { return }
    for change in draft.records {
      let place = RecordPlace(kind: change.kind, key: change.key)
      if let index = lazyPlaces[place] {
        lazy.records[index] = change
      } else {
        lazyPlaces[place] = lazy.records.count
        lazy.records.append(change)
      }
    }
    lazy.entries += draft.entries
    lazyDue = lazyDue ?? now + settings.recordWithin
  }

  private mutating func takeLazy() -> Draft {
    defer {
      lazy = Draft()
      lazyPlaces = [:]
      lazyDue = nil
    }
    return lazy
  }

  /// Whether so much is on its way to the disk that nothing more is taken.
  var isStoreBehind: Bool {
    inFlight.count >= settings.commitsUnderWay
      || ledger.size - durableSize + lazy.entries.count >= settings.entriesUnderWay
  }

  mutating func flushIfDue() -> [GateEffect] {
    guard let due = lazyDue, due <= now, !lazy.isEmpty else { return [] }
    return commit(Draft())
  }

  /// Gives drafts their place in the ledger. One that cannot stand there is a bug of this program,
  /// and its reason is recorded in its place: a transition is never without its entry.
  private mutating func append(_ drafts: [EntryDraft]) -> ([LedgerLine], [GateEffect]) {
    var lines: [LedgerLine] = []
    var events: [GateEffect] = []
    for appended in drafts.flatMap({ appendOne($0) }) {
      lines.append(
        LedgerLine(index: appended.index, bytes: appended.bytes, leafHash: appended.leafHash))
      if let object = appended.entry.json.objectValue {
        events.append(.publish(.ledger(object)))
      }
    }
    return (lines, events)
  }

  private mutating func appendOne(_ draft: EntryDraft) -> [Appended] {
    do throws(LedgerError) {
      return try ledger.append([draft])
    } catch {
      let substitute = EntryDraft(
        time: now, kind: "unreadable", subject: nil,
        body: ["kind": .string(draft.kind), "error": .string(error.description)])
      return (try? ledger.append([substitute])) ?? []
    }
  }

  private func headRecords() -> [RecordChange] {
    [
      RecordChange(
        .checkpoint, "latest",
        ["size": .int(ledger.size), "note": .string(ledger.checkpoint().text)]),
      RecordChange(.meta, "ledger", ledger.snapshot.json),
    ]
  }

  mutating func persisted(_ ids: [Int]) -> [GateEffect] {
    ids.flatMap { id -> [GateEffect] in
      guard let release = inFlight.removeValue(forKey: id) else { return [] }
      durableSize = max(durableSize, release.ledgerEnd)
      forgetNeverSent(upTo: durableSize)
      for key in release.moves {
        let left = (moving[key] ?? 1) - 1
        moving[key] = left == 0 ? nil : left
      }
      return release.effects + proceed(release.then)
    }
  }

  private mutating func proceed(_ next: Continuation?) -> [GateEffect] {
    switch next {
    case .announce(let id)?: return announce(id)
    case .moved(let id)?: return moved(id)
    case .send(let id)?: return sendNow(id)
    case .forward(let request)?: return forwardNow(request)
    case .laneReady(let upstream)?:
      if lanes[upstream]?.phase == .recording { lanes[upstream]?.phase = .ready }
      return []
    case .toolAccepted(let place)?: return toolAccepted(place)
    case .thawed(let request)?: return thawed(request)
    case .frozen?:
      unrecordedFreeze = nil
      return []
    case .unpaused(let agent, let request)?: return unpaused(agent, request)
    case .paused(let agent)?:
      unrecordedPauses[agent] = nil
      return []
    case nil: return []
    }
  }

  /// Whether a transition of this call is on its way to the disk: what is in memory is not yet true,
  /// and nobody may be told. Who waits is told when it is durable.
  func isMoving(_ id: BatchID) -> Bool {
    unsure.contains(id.text) || moving[id.text] != nil
  }

  mutating func moved(_ id: BatchID) -> [GateEffect] {
    guard let call = held[id], !isMoving(id) else { return [] }
    if call.state == .approved { enqueue(id) }
    // The legs as they are now: the stream may have moved them on while the commit was written.
    return publishLegs(id) + (call.state.isSettled ? answerWaiters(of: id) : [])
  }

  /// The disk and this value disagree from here on: nothing in flight is released.
  mutating func storeFailed(_ reason: String) -> [GateEffect] {
    guard !isStoreDown else { return [] }
    isStoreDown = true
    let dropped = inFlight.keys.sorted().flatMap { inFlight[$0]?.effects ?? [] }
    keepForwards()
    let unsent = refuseUnsent()
    unsure = Set(inFlight.values.flatMap(\.moves))
    inFlight.removeAll()
    moving.removeAll()
    accepting.removeAll()
    _ = takeLazy()
    let notice = AgentAnswers.storeDown(reason)
    let answers = (waiters.requests + unsent).map { GateEffect.answer($0, notice) }
    waiters.removeAll()
    return answers + refusals(insteadOf: dropped) + [.publish(.status(status)), .reopenStore]
  }

  /// No operator is left without an answer.
  private func refusals(insteadOf effects: [GateEffect]) -> [GateEffect] {
    let refusal = OperatorRefusal(
      .unavailable, "it could not be recorded; look again whether it holds before deciding anew")
    return effects.compactMap { effect in
      if case .accept(let request, _) = effect { .refuse(request, refusal) } else { nil }
    }
  }

  /// Entries of calls that have been forwarded are kept until the store can be written again.
  private mutating func keepForwards() {
    for id in inFlight.keys.sorted() {
      guard let release = inFlight[id] else { continue }
      for draft in release.forwards { keep(draft, unlessStored: release.ledgerEnd) }
    }
    for draft in lazy.entries where draft.isForward { keep(draft, unlessStored: .max) }
  }

  mutating func keep(_ draft: EntryDraft, unlessStored end: Int) {
    guard unrecorded.count < settings.unrecordedKept else { return }
    unrecorded.append(Unrecorded(draft: draft, ledgerEnd: end))
  }

  /// A transition of a held call: its record, what it counts, and its entry, in one commit.
  mutating func transition(_ call: HeldCall, _ body: KeyValuePairs<Text, JSONValue?> = [:]) -> Draft
  {
    Draft(
      records: [RecordChange(.held, call.id.text, call.record)] + count(call),
      entries: [draft(Text(call.state.rawValue), call.id.text, JSONObject(compact: body))])
  }

  func draft(
    _ kind: Text, _ subject: Text? = nil, _ body: JSONObject = JSONObject()
  ) -> EntryDraft {
    EntryDraft(time: now, kind: kind, subject: subject, body: body)
  }
}

extension Continuation? {
  /// Whether a call leaves only when the commit is durable.
  fileprivate var isForward: Bool { if case .forward? = self { true } else { false } }
}

extension EntryDraft {
  /// Whether it says that something has left the gateway already.
  var isForward: Bool {
    ["allowed", "allowed_unrecorded", "cancel_all", "cancel_all_answered"].contains(kind)
  }
}
