import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  // MARK: Reject

  /// `x`: asks for the reason. Works whatever the state of feed, link or screen is.
  mutating func openRejection(pauses: Bool) -> [ConsoleEffect] {
    guard Layout.form(of: painted.size) != .line else { return [] }
    guard let row = queue.selectedRow else {
      say("x: no batch is selected", .warn)
      return []
    }
    guard row.state.isOpen else {
      say("x: \(Self.tail(row.id)) is \(row.state.words)", .warn)
      return []
    }
    if let why = whyNotOperator("decides") {
      say("x: \(why)", .warn)
      return []
    }
    prompt = .reject(
      Rejection(
        batch: row.id, version: ContentVersion(revision: row.revision, digest: row.digest),
        environment: row.environment, pauses: pauses))
    return []
  }

  mutating func press(_ key: Key, _ rejection: Rejection) -> [ConsoleEffect] {
    var rejection = rejection
    switch key {
    case .escape, .control("c"): return leaveReason()
    case .enter: return send(rejection)
    default: Self.edit(&rejection.reason, with: key)
    }
    prompt = .reject(rejection)
    return []
  }

  mutating func leaveReason() -> [ConsoleEffect] {
    prompt = .none
    say("back; nothing was sent", .normal)
    return []
  }

  /// One key of a reason that is typed, which has at most `Decision.noteLimit` bytes.
  static func edit(_ reason: inout String, with key: Key) {
    switch key {
    case .backspace: reason = String(reason.unicodeScalars.dropLast())
    case .control("u"): reason = ""
    case .character(let scalar):
      let longer = reason.utf8.count + String(scalar).utf8.count
      if longer <= Decision.noteLimit { reason.unicodeScalars.append(scalar) }
    default: break
    }
  }

  private mutating func send(_ rejection: Rejection) -> [ConsoleEffect] {
    prompt = .none
    inFlight[rejection.batch] = .reject
    // A rejection speaks of the batch as it now stands: a new revision is rejected just as well.
    let row = queue.rows[rejection.batch]
    let decision = Decision(
      verb: .reject, batch: rejection.batch, revision: row?.revision ?? rejection.version.revision,
      digest: row?.digest ?? rejection.version.digest,
      environment: row?.environment ?? rejection.environment, operatorName: operatorName,
      accepted: [], note: rejection.reason, decidedAt: now, nonce: "")
    say("rejecting \(Self.tail(rejection.batch))", .normal)
    guard rejection.pauses, let agent = row?.agent, pause(of: agent) == nil else {
      return [.submit(decision, cooling: false)]
    }
    // The pause first: what the agent proposes in answer to the rejection is turned away.
    let reason = rejection.reason.isEmpty ? "paused with a rejection" : rejection.reason
    return [
      .halt(freezes: true, agent: agent, reason: reason), .submit(decision, cooling: false),
    ]
  }

  // MARK: Recall

  mutating func recall() -> [ConsoleEffect] {
    guard let row = queue.selectedRow, row.state == .cooling else {
      say("u: the selected batch is not being held", .warn)
      return []
    }
    inFlight[row.id] = .recall
    let decision = Decision(
      verb: .recall, batch: row.id, revision: row.revision, digest: row.digest,
      environment: row.environment, operatorName: operatorName, accepted: [], note: "",
      decidedAt: now, nonce: "")
    return [.submit(decision, cooling: false)]
  }

  // MARK: Halt

  /// `!`: freezes at once; when frozen, asks before it thaws.
  mutating func halt() -> [ConsoleEffect] {
    if let why = whyNotOperator("halts") {
      say("!: \(why)", .warn)
      return []
    }
    if status?.frozen != nil {
      prompt = .word(.thaw)
      return []
    }
    say("FREEZE sent", .warn)
    return [.halt(freezes: true, agent: nil, reason: "halted from the console")]
  }

  /// Asks for the word before every open order is cancelled.
  mutating func askToCancel() -> [ConsoleEffect] {
    if let why = whyNotOperator("cancels") {
      say(why, .warn)
      return []
    }
    prompt = .word(.cancelAll)
    return []
  }

  /// `P`: pauses the agent at once; when it is paused, asks before it goes on.
  mutating func pausesSubject() -> [ConsoleEffect] {
    guard let agent = subjectAgent else {
      say("pause: no agent is selected", .warn)
      return []
    }
    return pause(agent, wantsPause: pause(of: agent) == nil)
  }

  mutating func pause(_ agent: Text, wantsPause: Bool) -> [ConsoleEffect] {
    if let why = whyNotOperator("pauses") {
      say("pause: \(why)", .warn)
      return []
    }
    guard wantsPause else {
      prompt = .word(.resume(agent))
      return []
    }
    say("PAUSE of \(agent) sent", .warn)
    return [.halt(freezes: true, agent: agent, reason: "paused from the console")]
  }

  mutating func press(_ key: Key, _ word: WordPrompt) -> [ConsoleEffect] {
    var word = word
    switch key {
    case .character(let scalar):
      guard word.take(scalar) else {
        prompt = .none
        typedOn(since: now)
        say(word.leaving, .warn)
        return [.bell]
      }
      prompt = .word(word)
      return []
    case .enter:
      prompt = .none
      guard let deed = word.chosen else {
        say(word.leaving, .warn)
        return []
      }
      return perform(deed)
    default:
      prompt = .none
      say(word.leaving, .warn)
      return []
    }
  }

  private mutating func perform(_ deed: WordPrompt.Deed) -> [ConsoleEffect] {
    switch deed {
    case .thaw: return [.halt(freezes: false, agent: nil, reason: "thawed from the console")]
    case .resume(let agent):
      return [.halt(freezes: false, agent: agent, reason: "resumed from the console")]
    case .cancelAll:
      say("CANCEL of every open order sent", .warn)
      return [.cancelAll(reason: "cancelled from the console")]
    }
  }

  // MARK: Answers

  mutating func take(
    _ answer: ConsoleEvent.Answer<BatchSummary>, to verb: Decision.Verb, about id: BatchID
  ) -> [ConsoleEffect] {
    if inFlight[id] == verb { inFlight[id] = nil }
    switch answer {
    case .done(let row):
      let effects = take(batch: row)
      // What became of it, and how to recall it, stand at the top.
      if queue.selected == id { batchScroll = 0 }
      let words = row.state == .cooling ? "signed and held; u recalls" : row.state.words
      say("\(Self.tail(id)): \(words)", .normal)
      // It must not promise a recall that has become impossible.
      if let end = row.coolingUntil, let shown = notice { notice?.until = min(shown.until, end) }
      return effects
    case .refused(let why):
      say("\(verb.rawValue) \(Self.tail(id)) was refused: \(why)", .warn)
      return [.bell]
    }
  }

  mutating func take(halt answer: ConsoleEvent.Answer<StatusView>) -> [ConsoleEffect] {
    switch answer {
    case .done(let status):
      say(words(of: status), .normal)
      return take(status: status)
    case .refused(let why):
      say("halt was refused: \(why)", .warn)
      return [.bell]
    }
  }

  /// What a halt came to: what is different from what was known before.
  private func words(of news: StatusView) -> String {
    let (before, after) = (status?.paused.map(\.agent) ?? [], news.paused.map(\.agent))
    if let agent = after.first(where: { !before.contains($0) }) {
      return "\(agent) is paused: nothing of it is signed, sent or taken in"
    }
    if let agent = before.first(where: { !after.contains($0) }) { return "\(agent) goes on" }
    if news.frozen != nil { return "frozen; nothing that is held is sent" }
    return status?.frozen == nil && !before.isEmpty ? "done" : "thawed"
  }

  mutating func take(cancelled answer: ConsoleEvent.Answer<CancelReport>) -> [ConsoleEffect] {
    switch answer {
    case .done(let report) where report.lines.isEmpty: say("no open order is known", .normal)
    case .done(let report):
      let missing = report.lines.filter { !$0.isTaken }
      guard let first = missing.first else {
        say("cancels were taken for \(report.lines.map(\.scope).joined(separator: ", "))", .normal)
        return []
      }
      say("NOT CANCELLED: \(first.upstream) \(first.scope): \(first.words)", .warn)
      return [.bell]
    case .refused(let why):
      say("the cancel was refused: \(why)", .warn)
      return [.bell]
    }
    return []
  }
}
