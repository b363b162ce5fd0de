import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  // MARK: Opening the panel

  /// `a`: opens the panel, or says why not.
  mutating func arm() -> [ConsoleEffect] {
    if let reason = whyNotArmable {
      say("a: not possible - \(reason)", .warn)
      return []
    }
    guard let row = queue.selectedRow, let content = contents[row.id] else { return [] }
    serial += 1
    let others = subjects.filter { $0 != row.id }.compactMap { id in
      queue.rows[id].flatMap { row in contents[id].map { (row: row, content: $0) } }
    }
    prompt = .arm(
      Arming(
        serial: serial, summary: row, content: content, severity: severity(of: row),
        groups: FindingGroup.groups(of: row.findings), others: others))
    notice = nil
    return [.drawDigits(serial: serial)]
  }

  /// Severity by the list, by its findings and by the form of the call, the worst of them.
  func severity(of row: BatchSummary) -> Severity {
    // Asked of every row whenever the screen is drawn: nothing is copied for it.
    var worst = row.severity
    for place in row.findings.indices { worst = max(worst, row.findings[place].severity) }
    if let own = contents[row.id]?.ownSeverity { worst = max(worst, own) }
    return status?.isEnvironmentVerified == false ? max(worst, .high) : worst
  }

  /// Why the selected batch cannot be armed now; nil when it can.
  var whyNotArmable: String? {
    if let why = whyNotNow { return why }
    let subjects = subjects
    if subjects.count > 1 { return whyNotSet(subjects) }
    guard let row = queue.selectedRow else { return "no batch is selected" }
    if !marked.isEmpty, !marked.contains(row.id) {
      return "it is not one of the \(marked.count) marked ones; "
        + "\(keymap.label(of: .unmark)) takes the marks away"
    }
    return whyNot(row) ?? whyNotSeen(row)
  }

  private var whyNotNow: String? {
    guard queue.selectedRow != nil else { return "no batch is selected" }
    if Layout.form(of: painted.size) == .full, effectiveScreen != .dashboard,
      effectiveScreen != .batch
    {
      return "the batch is not on the screen"
    }
    if let why = whyNothingIsSigned { return why }
    if let frozen = status?.frozen { return "frozen by \(frozen.by): \(frozen.reason)" }
    switch status?.feed {
    case .stale: return "the order feed is stale"
    case .connecting: return "the order feed is not connected yet"
    case .live, .notConfigured, .polled, nil: return nil
    }
  }

  /// Why nothing at all can be signed for now; nil when it can.
  var whyNothingIsSigned: String? {
    if Layout.form(of: painted.size) != .full { return "the terminal is smaller than 80x24" }
    if let why = whyNotOperator("decides") { return why }
    if link != .up { return "the connection to the gateway is lost" }
    guard let status else { return "the gateway has not told its state yet" }
    if !status.isStoreWritable { return "the gateway cannot write its store" }
    if now < deadUntil { return "wait \(Words.tenths(deadUntil - now))" }
    if approvals.count(where: { now - $0 < .minutes(1) }) >= Self.approvalsPerMinute {
      return "\(Self.approvalsPerMinute) approvals in a minute; wait"
    }
    return nil
  }

  /// Why the operator must not decide; nil when the role allows it.
  func whyNotOperator(_ does: String) -> String? {
    if !isSignedIn { return "the gateway has not let you in yet" }
    return role.canDecide ? nil : "your role is \(role.rawValue); an operator \(does)"
  }

  func whyNot(_ row: BatchSummary) -> String? {
    if !row.state.isOpen { return "it is \(row.state.words)" }
    if inFlight[row.id] != nil { return "a decision about it is on its way" }
    if let pause = pause(of: row.agent) {
      return "\(row.agent) is paused by \(pause.by): \(pause.reason)"
    }
    if row.isAgentGone { return "its agent is gone; it can be approved when the agent returns" }
    if row.signedBy.contains(operatorName) {
      return "you have signed it; \(row.quorum - row.signedBy.count) more must"
    }
    if let block = row.findings.first(where: { $0.severity == .block }) {
      return "BLOCK \(block.rule) cannot be approved"
    }
    if row.severity == .block { return "BLOCK cannot be approved" }
    if !row.roles.isEmpty, !row.roles.contains(Text(role.rawValue)) {
      let names = row.roles.map(\.string).joined(separator: " or ")
      return "the policy takes signatures of \(names) only; your role is \(role.rawValue)"
    }
    if row.expiresAt - now < Arming.leastTimeLeft { return "it expires in less than 5 s" }
    guard let content = contents[row.id],
      content.version == ContentVersion(revision: row.revision, digest: row.digest)
    else { return "what would be sent has not been read yet" }
    return content.problem
  }

  func whyNotSeen(_ row: BatchSummary) -> String? {
    guard let content = contents[row.id] else { return nil }
    let wanted = content.seenItems(groups: FindingGroup.groups(of: row.findings))
    guard let record = seen[row.id], record.version == content.version else {
      return "it has not been on the screen"
    }
    let missing = record.missing(of: wanted)
    if !missing.isEmpty {
      let names = missing.prefix(4).map(\.words).joined(separator: ", ")
      let more = missing.count > 4 ? " and \(missing.count - 4) more" : ""
      return "not seen yet: \(names)\(more); scroll with \(keymap.label(of: .pageDown))"
    }
    let left = record.firstPaintedAt + SeenRecord.dwell(legs: content.legs.count)
    return now < left ? "it has been on the screen for less than a glance" : nil
  }

  // MARK: The panel is open

  mutating func take(digits number: Int, serial: Int) -> [ConsoleEffect] {
    guard case .arm(var arming) = prompt, arming.serial == serial else { return [] }
    guard arming.take(digits: number) else { return [] }
    prompt = .arm(arming)
    return []
  }

  mutating func take(_ painted: Painted) -> [ConsoleEffect] {
    self.painted = painted
    if let id = painted.batch, let version = painted.version { note(painted.marks, id, version) }
    if let version = painted.definition {
      if definitionSeen?.version != version {
        definitionSeen = SeenRecord(version: version, at: now)
      }
      definitionSeen?.add(painted.marks)
    }
    guard case .arm(var arming) = prompt else { return [] }
    if painted.isPanelCut {
      return disarm("the panel does not fit; enlarge the terminal, or use `countersign approve`")
    }
    guard painted.panel == arming.serial else { return [] }
    let isFirst = arming.painted(groups: painted.panelGroups, at: now)
    prompt = .arm(arming)
    return isFirst ? [.discardInput] : []
  }

  private mutating func note(_ marks: [SeenMark], _ id: BatchID, _ version: ContentVersion) {
    var record = seen[id] ?? SeenRecord(version: version, at: now)
    if record.version != version { record = SeenRecord(version: version, at: now) }
    record.add(marks)
    seen[id] = record
  }

  mutating func press(_ key: Key, _ arming: Arming) -> [ConsoleEffect] {
    var arming = arming
    if key == .escape || key == .control("c") { return closePanel() }
    // Halt, reject and pause work at once, unless the very character is asked for.
    if !isAskedFor(key, arming), let action = keymap.action(for: key, on: effectiveScreen) {
      switch action {
      case .halt, .reject: return closePanel() + act(action)
      // A phrase is made of capitals: one that is mistyped must pause nobody.
      case .rejectAndPause where arming.task != .phrase: return closePanel() + act(action)
      case .pause where arming.task != .phrase: return closePanel() + act(action)
      default: break
      }
    }
    let step = arming.take(key, at: now)
    prompt = .arm(arming)
    switch step {
    case .ignored, .advanced, .complete: return []
    case .wrong: return disarm("that was not the key that was asked for", dead: true)
    case .burst: return disarm("keys came faster than anybody types", dead: true)
    }
  }

  private func isAskedFor(_ key: Key, _ arming: Arming) -> Bool {
    if case .character(let scalar) = key { arming.expects(scalar) } else { false }
  }

  private mutating func closePanel() -> [ConsoleEffect] {
    prompt = .none
    say("back; nothing was sent", .normal)
    return []
  }

  /// Signs when everything was typed and nothing followed.
  mutating func approveIfSigned() -> [ConsoleEffect] {
    guard case .arm(let arming) = prompt, arming.isSigned(at: now) else { return [] }
    return approve(arming)
  }

  private mutating func approve(_ arming: Arming) -> [ConsoleEffect] {
    if let change = reasonToDisarm(arming) { return disarm(change) }
    prompt = .none
    if case .definition(let acceptance) = arming.subject { return send(acceptance) }
    marked = []
    approvals =
      approvals.filter { now - $0 < .minutes(1) }
      + Array(repeating: now, count: arming.members.count)
    let names = arming.members.map { Self.tail($0.batch) }.joined(separator: " ")
    say("signed \(names); waiting for the gateway", .normal)
    return arming.members.map { member in
      inFlight[member.batch] = .approve
      let decision = Decision(
        verb: .approve, batch: member.batch, revision: member.version.revision,
        digest: member.version.digest, environment: member.environment,
        operatorName: operatorName, accepted: arming.accepted, note: "", decidedAt: now, nonce: "")
      return .submit(decision, cooling: !arming.isReducing)
    }
  }

  // MARK: Disarming

  /// Ends an open approval panel and says why. Nothing happens when none is open.
  mutating func disarm(_ why: String, dead: Bool = false) -> [ConsoleEffect] {
    guard case .arm(let arming) = prompt else { return [] }
    prompt = .none
    if dead { deadUntil = max(deadUntil, now + Self.deadAfterWrong) }
    typedOn(since: arming.lastKeyAt)
    say("DISARMED: \(why); nothing was sent", .warn)
    return [.bell]
  }

  /// Looks whether what has just been learnt ends the open panel.
  mutating func disarmIfChanged() -> [ConsoleEffect] {
    guard case .arm(let arming) = prompt, let why = reasonToDisarm(arming) else { return [] }
    return disarm(why)
  }

  private func reasonToDisarm(_ arming: Arming) -> String? {
    if case .definition(let acceptance) = arming.subject { return reasonToDisarm(acceptance) }
    if let now = whyNotNow { return now }
    guard queue.selected == arming.batch else { return "the batch is gone" }
    for member in arming.members {
      guard let row = queue.rows[member.batch] else { return "the batch is gone" }
      if row.revision != member.version.revision { return "the batch has a new revision" }
      if row.digest != member.version.digest { return "the batch's digest changed" }
      if let why = whyNot(row) { return why }
      if max(.note, severity(of: row)) != max(.note, member.severity) {
        return "the severity changed"
      }
      if row.environment != member.environment { return "the environment changed" }
      if let why = changeOfFindings(row, since: member.groups) { return why }
    }
    return nil
  }

  /// Notes come and go with every quote; what warns or more is what was weighed.
  private func changeOfFindings(_ row: BatchSummary, since groups: [FindingGroup]) -> String? {
    let after = FindingGroup.groups(of: row.findings)
    return Self.weighed(groups) == Self.weighed(after) ? nil : "the findings changed"
  }

  private static func weighed(_ groups: [FindingGroup]) -> Set<GroupState> {
    Set(groups.filter { $0.severity > .note }.map { GroupState(group: $0) })
  }

  private struct GroupState: Hashable {
    var rule: Text
    var severity: Severity
    var needsAcceptance: Bool
    var legs: [[Int]]

    init(group: FindingGroup) {
      rule = group.rule
      severity = group.severity
      needsAcceptance = group.needsAcceptance
      legs = group.findings.map(\.legs)
    }
  }

  /// The end of an id, which is what differs.
  static func tail(_ id: BatchID) -> String { String(id.text.string.suffix(6)) }
}

extension HoldState {
  /// As it reads in a sentence.
  var words: String { rawValue.split(separator: "_").joined(separator: " ") }
}
