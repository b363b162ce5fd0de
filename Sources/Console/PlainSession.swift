import JSON
import OperatorProtocol
import Terminal
package import Time

/// The console in lines: for screen readers, dumb terminals and logs.
///
/// The same model with the same interlocks. What a screen would show is printed when it is asked for,
/// what happens is told in one sentence each, and nothing that was printed is ever changed. A line
/// that is typed is handed to the model as the keys that it is made of, one after the other in the time
/// that fingers need; a line that was typed before the panel was printed, or before its keys are open,
/// counts for nothing.
package struct PlainSession: Sendable {
  /// What the shell does, besides what the model wants.
  package enum Output: Hashable, Sendable {
    case line(String)
    case effect(ConsoleEffect)
  }

  /// Columns of what is printed.
  static let width = 100
  /// Rows that most pages fit into.
  static let usualRows = 80
  /// Time that one letter of a typed line takes.
  static let keyGap = Milliseconds(100)

  var model: ConsoleModel
  let canApprove: Bool
  /// Batches whose number is remembered after they have left the list.
  static let numbersKept = 2_000
  /// The number by which a batch is called, in the order of their coming.
  private var numbers: [BatchID: Int] = [:]
  private var lastNumber = 0
  private var states: [BatchID: HoldState] = [:]
  private var lastNotice: String?
  private var lastLink: String?
  private var lastPanel: [String] = []
  /// The page that is printed when its contents have come.
  private var awaited: ConsolePage?
  private var awaitedBatch: BatchID?
  private var out: [Output] = []

  /// - Parameter canApprove: Whether somebody sits before it: standard input is a terminal.
  package init(at now: Timestamp, canApprove: Bool) {
    model = ConsoleModel(at: now)
    self.canApprove = canApprove
  }

  // MARK: Events

  package mutating func handle(_ event: ConsoleEvent, at moment: Timestamp) -> [Output] {
    feed(event, at: moment)
    tellNews(of: event)
    return flush(at: moment)
  }

  /// A whole line, and when it was read.
  package mutating func take(line: String, at moment: Timestamp) -> [Output] {
    let words = line.split(separator: " ").map(String.init)
    switch model.prompt {
    case .arm(let arming): answer(line, arming, at: moment)
    case .word: feedLetters(line, at: moment, ends: true)
    default: run(words, at: moment)
    }
    return flush(at: moment)
  }

  private mutating func flush(at moment: Timestamp) -> [Output] {
    tellNotice()
    defer { out = [] }
    return out
  }

  private mutating func feed(_ event: ConsoleEvent, at moment: Timestamp) {
    for effect in model.handle(event, at: moment) {
      switch effect {
      // Nothing is drawn, so nothing is painted over, and a line needs no clipboard.
      case .repaint, .copy, .suspend: continue
      default: out.append(.effect(effect))
      }
    }
    if case .digits = event { printPanel(at: moment) }
  }

  /// Hands a line to the model letter by letter.
  private mutating func feedLetters(_ line: String, at moment: Timestamp, ends: Bool) {
    var now = moment
    for scalar in line.unicodeScalars {
      feed(.input(.key(.character(scalar))), at: now)
      now = now + Self.keyGap
    }
    if ends { feed(.input(.key(.enter)), at: now) }
  }

  // MARK: The panel

  /// Prints the panel and tells the model that it has been seen.
  private mutating func printPanel(at moment: Timestamp) {
    guard case .arm(let arming) = model.prompt, let lines = panelLines(arming) else { return }
    lastPanel = []
    for line in lines { say(line) }
    lastPanel = lines
    var painted = model.painted
    painted.panel = arming.serial
    feed(.painted(painted), at: moment)
    let wait = Words.tenths(arming.minimum)
    say("Lines count when \(wait) have passed without one. An empty line goes back.")
  }

  private func panelLines(_ arming: Arming) -> [String]? {
    guard let view = model.panel(for: arming, width: Self.width) else { return nil }
    return view.lines(room: .max).dropLast(2).map(\.plain)
  }

  private mutating func answer(_ line: String, _ arming: Arming, at moment: Timestamp) {
    if line.isEmpty { return feed(.input(.key(.escape)), at: moment) }
    guard arming.areKeysOpen(at: moment) else {
      // The line restarts the quiet time, as keys do.
      feed(.input(.key(.backspace)), at: moment)
      return say("Too early: that line was dropped.")
    }
    feedLetters(line, at: moment, ends: false)
    guard case .arm(let after) = model.prompt, after.completedAt == nil else { return }
    for line in panelLines(after) ?? [] where !lastPanel.contains(line) { say(line) }
    lastPanel = panelLines(after) ?? []
  }

  // MARK: Commands

  private static let help = [
    "list: what waits, with a number each.",
    "show N: the whole batch. checks N: every check. json N: the bytes that are signed.",
    "diff N: what differs from the batch that it follows.",
    "approve N: after show N; prints the panel, then asks. reject N REASON. recall N.",
    "pause AGENT, resume AGENT, freeze, thaw, cancel-all.",
    "orders, exposure, agents, policy, audit: the pages. status: the header. quit.",
  ]

  private mutating func run(_ words: [String], at moment: Timestamp) {
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
    case "approve": approve(rest, at: moment)
    case "reject": reject(Array(words.dropFirst()), at: moment)
    case "recall":
      if select(rest) { command("recall", at: moment) }
    case "orders": page(.orders)
    case "audit": audit(at: moment)
    case "exposure": ask(.exposure, on: .exposure, at: moment)
    case "agents": ask(.agents, on: .agents, at: moment)
    case "policy": ask(.policy, on: .policy, at: moment)
    case "freeze", "thaw", "cancel-all", "pause", "resume":
      command(([verb] + (rest.isEmpty ? [] : [rest])).joined(separator: " "), at: moment)
      if case .word(let word) = model.prompt { say(word.question + ".") }
    case "quit", "exit": out.append(.effect(.quit))
    default: say("\(verb) is not known. help lists the commands.")
    }
  }

  private mutating func command(_ text: String, at moment: Timestamp) {
    feed(.input(.key(":")), at: moment)
    feedLetters(text, at: moment, ends: true)
  }

  private mutating func approve(_ which: String, at moment: Timestamp) {
    guard canApprove else {
      return say(
        "Standard input is no terminal: nothing is approved here. Use countersign approve ID --digest."
      )
    }
    guard select(which) else { return }
    model.screen = .batch
    command("approve", at: moment)
  }

  private mutating func reject(_ words: [String], at moment: Timestamp) {
    guard let which = words.first, select(which) else { return say("Which? reject N REASON.") }
    command("reject", at: moment)
    guard case .reject = model.prompt else { return }
    feedLetters(words.dropFirst().joined(separator: " "), at: moment, ends: true)
  }

  /// Moves the cursor of the model. Says why where there is no such batch.
  private mutating func select(_ which: String) -> Bool {
    let byNumber = Int(which).flatMap { wanted in numbers.first { $0.value == wanted }?.key }
    let id = byNumber ?? model.queue.order.first { $0.text == Text(which) }
    guard let id, model.queue.rows[id] != nil else {
      say("There is no batch \(which). list names them.")
      return false
    }
    model.queue.select(id)
    return true
  }

  private mutating func list() {
    let rows = model.queue.order.compactMap { model.queue.rows[$0] }
    if rows.isEmpty { return say("Nothing waits.") }
    for row in rows { say(sentence(row)) }
  }

  private func sentence(_ row: BatchSummary) -> String {
    let number = numbers[row.id].map { String($0) } ?? "?"
    let what =
      row.legs > 0
      ? "\(Words.count(row.legs, "leg", "legs")) \(row.symbols.map(\.string).joined(separator: " "))"
      : "call of \(row.tool)"
    let gross = row.grossNotional.map {
      ", gross \($0.estimated ? "~" : "")\(Words.amount($0.amount)) \($0.currency)"
    }
    let left = row.state.isOpen ? ", expires in \(Words.length(row.expiresAt - model.now))" : ""
    return "\(number): \(row.state.words), \(model.severity(of: row).word), \(row.agent), \(what)"
      + "\(gross ?? "")\(left), \(row.id)."
  }

  // MARK: Pages

  private mutating func header() {
    for line in model.picture(size: Size(width: Self.width * 2, height: 24)).frame.picture.prefix(2)
    {
      say(line)
    }
  }

  private mutating func show(_ which: String, on screen: ScreenKind, at moment: Timestamp) {
    guard select(which), let id = model.queue.selected else { return }
    model.screen = screen
    awaitedBatch = id
    feed(.tick, at: moment)
    printBatchIfRead(at: moment)
  }

  /// Prints the batch when its statement is here: then it has been shown whole.
  private mutating func printBatchIfRead(at moment: Timestamp) {
    guard let id = awaitedBatch, model.queue.selected == id, let row = model.queue.rows[id],
      model.currentContent(of: row) != nil
    else { return }
    awaitedBatch = nil
    page(model.screen)
    guard model.screen == .batch else { return }
    feed(.painted(whole(.batch).painted), at: moment)
  }

  private mutating func ask(_ page: ConsolePage, on screen: ScreenKind, at moment: Timestamp) {
    model.screen = screen
    awaited = page
    model.pageAskedAt[page] = nil
    feed(.tick, at: moment)
  }

  private mutating func audit(at moment: Timestamp) {
    model.screen = .audit
    if model.ledger.entries.isEmpty {
      feed(.input(.key("4")), at: moment)
      return say("Reading the ledger; ask again.")
    }
    page(.audit)
  }

  private func whole(_ screen: ScreenKind) -> Picture {
    var copy = model
    copy.screen = screen
    copy.prompt = .none
    copy.notice = nil
    (copy.batchScroll, copy.pageScroll, copy.ordersScroll) = (0, 0, 0)
    let short = copy.picture(size: Size(width: Self.width, height: Self.usualRows))
    let extents = short.painted.extents
    let hidden = [
      extents.batchScroll, extents.pageScroll, extents.ordersScroll, extents.auditScroll,
    ]
    if hidden.allSatisfy({ $0 == 0 }) { return short }
    return copy.picture(size: Size(width: Self.width, height: Frame.longestSide))
  }

  /// The rows of a page, without the header, the notice and the keys.
  private mutating func page(_ screen: ScreenKind) {
    let rows = whole(screen).frame.picture.dropFirst(2).dropLast(2)
    let last = rows.lastIndex { !$0.isEmpty } ?? rows.startIndex
    for row in rows[...last] where !row.isEmpty { say(row) }
  }

  // MARK: What is told

  private mutating func say(_ words: String) {
    out.append(.line(SafeText(untrusted: words).string))
  }

  private mutating func tellNotice() {
    let words = model.notice?.words
    if let words, words != lastNotice { say(words + ".") }
    lastNotice = words
  }

  private mutating func tellNews(of event: ConsoleEvent) {
    number(model.queue.order)
    switch event {
    case .feed(.batch(let row)), .answered(_, _, .done(let row)): tell(row)
    case .queue(let rows): for row in rows where model.queue.rows[row.id] != nil { tell(row) }
    case .feed(.fill(let fill)):
      say(
        "Fill of \(fill.agent): \(fill.side) \(fill.quantity) \(fill.symbol) at \(fill.price), fee "
          + "\(fill.fee).")
    case .linkUp, .linkDown, .feed(.status): tellState()
    case .exposure where awaited == .exposure: printAwaited(.exposure)
    case .agents where awaited == .agents: printAwaited(.agents)
    case .policy where awaited == .policy: printAwaited(.policy)
    case .pageFailed(let page, let why) where awaited == page:
      awaited = nil
      say("\(page.rawValue) cannot be read: \(why).")
    case .detail: printBatchIfRead(at: model.now)
    default: break
    }
  }

  private mutating func printAwaited(_ screen: ScreenKind) {
    awaited = nil
    page(screen)
  }

  private mutating func number(_ ids: [BatchID]) {
    for id in ids where numbers[id] == nil {
      lastNumber += 1
      numbers[id] = lastNumber
    }
    guard numbers.count > Self.numbersKept else { return }
    let known = Set(ids)
    numbers = numbers.filter { known.contains($0.key) }
    states = states.filter { known.contains($0.key) }
  }

  private mutating func tell(_ row: BatchSummary) {
    guard model.queue.rows[row.id] != nil, states[row.id] != row.state else { return }
    states[row.id] = row.state
    say(sentence(row))
    if row.state.isSettled, !row.outcome.isEmpty { say("  \(row.outcome)") }
  }

  private mutating func tellState() {
    var words: String
    switch model.link {
    case .connecting: words = "Connecting."
    case .up: words = "Connected as \(model.operatorName), \(model.role.rawValue)."
    case .down(_, let why): words = "LINK LOST: \(why)."
    }
    if let status = model.status, model.link == .up {
      let place = status.environment.string.uppercased()
      words += " \(place)\(status.isEnvironmentVerified ? "" : ", ENVIRONMENT UNVERIFIED")."
      words += " Order \(model.feedSentence)."
      if let frozen = status.frozen { words += " FROZEN by \(frozen.by): \(frozen.reason)." }
      for pause in status.paused { words += " \(pause.agent) is PAUSED by \(pause.halt.by)." }
    }
    guard words != lastLink else { return }
    lastLink = words
    say(words)
  }
}

extension TextLine {
  /// The text without its looks.
  fileprivate var plain: String { spans.map(\.text.string).joined() }
}
