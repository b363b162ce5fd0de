import JSON
import OperatorProtocol
import Terminal
import Time

/// A line that asks for what has not come yet.
struct HeldLine: Hashable, Sendable {
  /// What a line waits for.
  enum Need: Hashable, Sendable {
    case signIn, list, orders

    var words: String {
      switch self {
      case .signIn: "the gateway has let you in"
      case .list: "the list has been read"
      case .orders: "the orders have been read"
      }
    }
  }

  var line: String
  var need: Need
  /// When it was typed.
  var at: Timestamp
}

/// What is printed about a batch when its statement has come.
struct AwaitedBatch: Hashable, Sendable {
  var id: BatchID
  var screen: ScreenKind
}

/// What the lines mean.
extension PlainSession {
  mutating func answer(_ line: String, typedAt: Timestamp, at moment: Timestamp) {
    let words = line.split(separator: " ").map(String.init)
    let verb = words.first.map { Text($0) } ?? "list"
    switch model.prompt {
    case .arm where Self.worksInPanel.contains(verb):
      feed(.input(.key(.escape)), at: moment)
      answer(line, typedAt: typedAt, at: moment)
    case .arm(let arming): answer(line, arming, at: moment)
    case .word(let word):
      answer(line, word, at: moment)
    default:
      if let need = Self.needs[verb], !isMet(need) {
        hold(HeldLine(line: line, need: need, at: moment))
      } else {
        run(words, typedAt: typedAt, at: moment)
      }
    }
  }

  private mutating func answer(_ line: String, _ word: WordPrompt, at moment: Timestamp) {
    var word = word
    word.typed = line
    model.prompt = .word(word)
    feed(.input(.key(.enter)), at: moment)
  }

  // MARK: Lines that wait

  private static let needs: [Text: HeldLine.Need] = [
    "list": .list, "show": .list, "checks": .list, "json": .list, "diff": .list, "approve": .list,
    "reject": .list, "recall": .list, "orders": .orders, "freeze": .signIn, "thaw": .signIn,
    "pause": .signIn, "resume": .signIn, "cancel-all": .signIn,
  ]

  /// What is done at once though a panel is open; it closes the panel.
  private static let worksInPanel: Set<Text> = ["freeze", "pause", "reject"]

  private func isMet(_ need: HeldLine.Need) -> Bool {
    switch need {
    case .signIn: model.isSignedIn
    case .list: isListRead
    case .orders: areOrdersRead
    }
  }

  private mutating func hold(_ one: HeldLine) {
    guard held.count < Self.heldLimit else {
      return say("Dropped, \(Self.heldLimit) lines wait already: \(one.line)")
    }
    held.append(one)
    say("Held until \(one.need.words): \(one.line)")
  }

  /// Does what has become possible, in the order in which it was typed, and drops what waited too long.
  mutating func answerHeld(at moment: Timestamp) {
    let late = held.filter { moment - $0.at >= Self.heldFor }
    held.removeAll { moment - $0.at >= Self.heldFor }
    for one in late {
      say("Dropped, it was not so within \(Self.heldFor) that \(one.need.words): \(one.line)")
    }
    while let at = held.firstIndex(where: { isMet($0.need) }) {
      let one = held.remove(at: at)
      say("> \(one.line)")
      answer(one.line, typedAt: one.at, at: moment)
    }
  }

  // MARK: Commands

  private static let help = [
    "list: what waits, with a number each.",
    "show N: the whole batch. checks N: every check. json N: the bytes that are signed.",
    "diff N: what differs from the batch that it follows.",
    "approve N: after show N; prints the panel, then asks. reject N REASON. recall N.",
    "pause AGENT, resume AGENT, freeze, thaw, cancel-all.",
    "orders, exposure, agents, policy, audit: the pages. status: the header. quit.",
    "tools: every tool. drift UPSTREAM TOOL: what changed in its definition.",
    "accept UPSTREAM TOOL REASON: after drift; prints the panel, then asks.",
  ]

  private mutating func run(_ words: [String], typedAt: Timestamp, at moment: Timestamp) {
    guard let verb = words.first else { return list() }
    let rest = words.dropFirst().joined(separator: " ")
    switch Text(verb) {
    case "help", "?": for line in Self.help { say(line) }
    case "list": list()
    case "status": header()
    case "show": show(rest, on: .batch, at: moment)
    case "checks": show(rest, on: .findings, at: moment)
    case "json": show(rest, on: .json, at: moment)
    case "diff": show(rest, on: .difference, at: moment)
    case "approve": approve(rest, typedAt: typedAt, at: moment)
    case "reject": reject(Array(words.dropFirst()), typedAt: typedAt, at: moment)
    case "recall":
      if select(rest, typedAt: typedAt) { command("recall", at: moment) }
    case "orders": page(.orders)
    case "audit": audit(at: moment)
    case "exposure": ask(.exposure, at: moment)
    case "agents":
      // They are read one after the other: the limits are there when the agents are printed.
      want(.fetchPage(.limits))
      ask(.agents, at: moment)
    case "policy": ask(.policy, at: moment)
    case "tools": ask(.tools, at: moment)
    case "drift": drift(words, at: moment)
    case "accept": accept(words, at: moment)
    case "freeze", "thaw", "cancel-all", "pause", "resume":
      command(([verb] + (rest.isEmpty ? [] : [rest])).joined(separator: " "), at: moment)
      if case .word(let word) = model.prompt { say(word.question + ".") }
    case "quit", "exit": leaveOrAsk(at: moment)
    default: say("\(verb) is not known. help lists the commands.")
    }
  }

  /// Leaves at once where everything is answered, and the second time in any case.
  private mutating func leaveOrAsk(at moment: Timestamp) {
    if isIdle || leaveBy != nil { return want(.quit) }
    leave(at: moment)
    say("Not everything is answered yet; it ends when it is. quit again ends at once.")
  }

  /// Does what the command line of the screen would do.
  mutating func command(_ text: String, at moment: Timestamp) {
    model.prompt = .command(CommandLine(text: text))
    feed(.input(.key(.enter)), at: moment)
  }

  private mutating func approve(_ which: String, typedAt: Timestamp, at moment: Timestamp) {
    guard canSign(instead: "approve ID --digest") else { return }
    guard select(which, typedAt: typedAt), let row = model.queue.selectedRow else { return }
    model.screen = .batch
    if model.whyNot(row) == nil, seenMissing(row) {
      return say("Not yet: show \(which) prints what would be sent; then approve it.")
    }
    command("approve", at: moment)
  }

  /// Whether somebody sits before it; says what to use instead where nobody does.
  private mutating func canSign(instead command: String) -> Bool {
    if !canApprove {
      say(
        "Standard input is no terminal: nothing is approved here. Use countersign \(command).")
    }
    return canApprove
  }

  private mutating func accept(_ words: [String], at moment: Timestamp) {
    guard canSign(instead: "tools accept") else { return }
    guard words.count > 3 else { return say("Which, and why? accept UPSTREAM TOOL REASON.") }
    let name = ToolName(upstream: Text(words[1]), tool: Text(words[2]))
    model.toolCursor = name
    model.screen = .definition
    guard let tool = model.selectedTool, model.currentDefinitions != nil else {
      return say("Not yet: drift \(name.upstream) \(name.tool) prints what would be accepted.")
    }
    let reason = words.dropFirst(3).joined(separator: " ")
    guard reason.utf8.count <= ToolAcceptance.reasonLimit else {
      return say("Not sent: a reason has at most \(ToolAcceptance.reasonLimit) bytes.")
    }
    model.prompt = .accept(ConsoleModel.Acceptance(tool: tool, reason: reason))
    feed(.input(.key(.enter)), at: moment)
  }

  /// Whether some of this version of the batch was never printed.
  private func seenMissing(_ row: BatchSummary) -> Bool {
    guard let content = model.contents[row.id], let record = model.seen[row.id],
      record.version == content.version
    else { return true }
    return !record.missing(of: content.seenItems(groups: FindingGroup.groups(of: row.findings)))
      .isEmpty
  }

  private mutating func reject(_ words: [String], typedAt: Timestamp, at moment: Timestamp) {
    guard let which = words.first else { return say("Which? reject N REASON.") }
    let reason = words.dropFirst().joined(separator: " ")
    guard reason.utf8.count <= Decision.noteLimit else {
      return say(
        "Not sent: the reason has \(reason.utf8.count) bytes, at most \(Decision.noteLimit) are taken."
      )
    }
    guard select(which, typedAt: typedAt) else { return }
    command("reject", at: moment)
    guard case .reject(var rejection) = model.prompt else { return }
    rejection.reason = reason
    model.prompt = .reject(rejection)
    feed(.input(.key(.enter)), at: moment)
  }

  /// Moves the cursor of the model. Says why where there is no such batch.
  ///
  /// - Parameter typedAt: When it was typed, where something is decided: then no number counts that
  ///   was printed later.
  mutating func select(_ which: String, typedAt: Timestamp? = nil) -> Bool {
    let byNumber = Int(which).flatMap { wanted in numbers.first { $0.value.number == wanted }?.key }
    let id = byNumber ?? model.queue.order.first { $0.text == Text(which) }
    guard let id, model.queue.rows[id] != nil else {
      say("There is no batch \(which). list names them.")
      return false
    }
    if byNumber != nil, let typedAt, let printedAt = numbers[id]?.printedAt, typedAt < printedAt {
      say("Not done: \(which) had not been printed when that was typed. Type it again, or the id.")
      return false
    }
    model.queue.select(id)
    return true
  }
}
