import JSON
import OperatorProtocol
import Terminal
package import Time

/// The console in lines: for screen readers, dumb terminals and logs.
///
/// The same model with the same interlocks. What a screen would show is printed when it is asked for,
/// what happens is told in one sentence each, and nothing that was printed is ever changed. What is
/// typed into a panel is handed to the model as the keys that it is made of, one after the other in
/// the time that fingers need; a line that was typed before the panel was printed, or before its keys
/// are open, counts for nothing.
///
/// Every line gets an answer. One that asks for what has not come yet is held until it is there, a few
/// at a time and not for long; it decides nothing by a number that was not printed when it was typed.
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
  /// Time that one letter of a line typed into a panel takes.
  static let keyGap = Milliseconds(100)
  /// Batches whose number is remembered after they have left the list.
  static let numbersKept = 2_000
  /// Lines that wait for the sign-in, the list or the orders; more are answered with a refusal.
  static let heldLimit = 32
  /// For how long such a line waits.
  static let heldFor = Milliseconds.seconds(30)
  /// For how long what was typed may still be answered when the input has ended.
  static let leaveWithin = Milliseconds.seconds(10)

  var model: ConsoleModel
  let canApprove: Bool
  /// The number by which a batch is called, in the order of their coming, and when it was printed.
  var numbers: [BatchID: (number: Int, printedAt: Timestamp)] = [:]
  private var lastNumber = 0
  private var states: [BatchID: HoldState] = [:]
  private var lastNotice: ConsoleModel.Notice?
  private var lastLink: String?
  private var lastPanel: [String] = []

  var held: [HeldLine] = []
  var isListRead = false
  var areOrdersRead = false
  /// What is printed when it has come.
  var awaitedPages: Set<ConsolePage> = []
  var awaitedBatches: [AwaitedBatch] = []
  var awaitedTool: ToolName?
  var awaitsLedger = false
  /// Freezes, pauses, cancels and acceptances that the gateway has not answered yet.
  private var requestsUnderWay = 0
  /// Set when the operator wants to leave: the moment at which nothing is waited for any more.
  private(set) var leaveBy: Timestamp?
  private var wakeAt: Timestamp?
  private var out: [Output] = []

  /// - Parameter canApprove: Whether somebody sits before it: standard input is a terminal.
  package init(at now: Timestamp, canApprove: Bool) {
    model = ConsoleModel(at: now)
    model.painted = Painted(size: Size(width: Self.width, height: Self.usualRows))
    self.canApprove = canApprove
  }

  // MARK: Events

  package mutating func handle(_ event: ConsoleEvent, at moment: Timestamp) -> [Output] {
    if event == .tick { wakeAt = nil }
    feed(event, at: moment)
    tellNews(of: event, at: moment)
    answerHeld(at: moment)
    return flush(at: moment)
  }

  /// A whole line, and when it was read.
  package mutating func take(line: String, at moment: Timestamp) -> [Output] {
    answer(line, typedAt: moment, at: moment)
    return flush(at: moment)
  }

  /// No line will come any more: leaves when everything is answered, at the latest soon.
  package mutating func inputEnded(at moment: Timestamp) -> [Output] {
    leave(at: moment)
    return flush(at: moment)
  }

  mutating func leave(at moment: Timestamp) { leaveBy = leaveBy ?? moment + Self.leaveWithin }

  /// Whether nothing that was typed still waits for its answer.
  var isIdle: Bool {
    held.isEmpty && awaitedPages.isEmpty && awaitedBatches.isEmpty && awaitedTool == nil
      && !awaitsLedger
      && model.inFlight.isEmpty && requestsUnderWay == 0
  }

  private mutating func flush(at moment: Timestamp) -> [Output] {
    tellNotice()
    if let leaveBy, isIdle || moment >= leaveBy { sayFarewell() }
    let next = [model.wakeAt, held.first.map { $0.at + Self.heldFor }, leaveBy]
      .compactMap { $0 }.min()
    if let next, next != wakeAt {
      wakeAt = next
      out.append(.effect(.wake(at: next)))
    }
    defer { out = [] }
    return out
  }

  private mutating func sayFarewell() {
    for one in held { say("Not done, nothing came that it could be answered with: \(one.line)") }
    held = []
    let unanswered = model.inFlight.count + requestsUnderWay
    if unanswered > 0 {
      say(
        "The gateway has not answered about \(Words.count(unanswered, "request", "requests")); "
          + "countersign pending and countersign audit tell what became of it.")
    }
    out.append(.effect(.quit))
  }

  mutating func feed(_ event: ConsoleEvent, at moment: Timestamp) {
    for effect in model.handle(event, at: moment) {
      switch effect {
      // Nothing is drawn, so nothing is painted over, and a line needs no clipboard. The moment to
      // wake at is told when everything is done.
      case .repaint, .copy, .suspend, .wake: continue
      case .halt, .cancelAll, .acceptTool:
        requestsUnderWay += 1
        out.append(.effect(effect))
      default: out.append(.effect(effect))
      }
    }
    switch event {
    case .digits: printPanel(at: moment)
    case .haltAnswered, .cancelAnswered, .toolAnswered:
      requestsUnderWay = max(0, requestsUnderWay - 1)
    case .linkDown: requestsUnderWay = 0
    case .queue: isListRead = true
    case .orders: areOrdersRead = true
    default: break
    }
  }

  /// Hands what was typed into a panel to the model letter by letter.
  private mutating func feedLetters(_ line: String, at moment: Timestamp) {
    var now = max(moment, model.now + Self.keyGap)
    for scalar in line.unicodeScalars {
      feed(.input(.key(.character(scalar))), at: now)
      now = now + Self.keyGap
    }
  }

  mutating func want(_ effect: ConsoleEffect) { out.append(.effect(effect)) }

  // MARK: The panel

  /// Prints the panel and tells the model that it has been seen.
  private mutating func printPanel(at moment: Timestamp) {
    guard case .arm(let arming) = model.prompt, let lines = panelLines(arming) else { return }
    lastPanel = lines
    for line in lines { say(line) }
    var painted = model.painted
    (painted.panel, painted.panelGroups) = (arming.serial, arming.wanted.count)
    feed(.painted(painted), at: moment)
    let wait = Words.tenths(arming.minimum)
    say(
      "Lines count when \(wait) have passed without one. An empty line goes back; freeze, pause and "
        + "reject work at once.")
  }

  private func panelLines(_ arming: Arming) -> [String]? {
    model.panelLines(for: arming, width: Self.width, room: .max)?.lines.dropLast(2).map(\.plain)
  }

  mutating func answer(_ line: String, _ arming: Arming, at moment: Timestamp) {
    if line.isEmpty { return feed(.input(.key(.escape)), at: moment) }
    guard arming.areKeysOpen(at: moment) else {
      // The line restarts the quiet time, as keys do.
      feed(.input(.key(.backspace)), at: moment)
      return say("Too early: that line was dropped.")
    }
    feedLetters(line, at: moment)
    guard case .arm(let after) = model.prompt, after.completedAt == nil else { return }
    let lines = panelLines(after) ?? []
    for line in lines where !lastPanel.contains(line) { say(line) }
    lastPanel = lines
  }

  // MARK: What is told

  mutating func say(_ words: String) {
    out.append(.line(SafeText(untrusted: words).string))
  }

  private mutating func tellNotice() {
    // The same words at another time are another answer.
    if let notice = model.notice, notice != lastNotice { say(notice.words + ".") }
    lastNotice = model.notice
  }

  private mutating func tellNews(of event: ConsoleEvent, at moment: Timestamp) {
    number(model.queue.order, at: moment)
    switch event {
    case .feed(.batch(let row)), .answered(_, _, .done(let row)): tell(row)
    case .queue(let rows): for row in rows where model.queue.rows[row.id] != nil { tell(row) }
    case .feed(.fill(let fill)):
      say(
        "Fill of \(fill.agent): \(fill.side) \(fill.quantity) \(fill.symbol) at \(fill.price), fee "
          + "\(fill.fee).")
    case .linkUp, .linkDown, .feed(.status): tellState()
    case .exposure: printIfAwaited(.exposure, on: .exposure)
    case .agents: printIfAwaited(.agents, on: .agents)
    case .policy: printIfAwaited(.policy, on: .policy)
    case .tools: printIfAwaited(.tools, on: .tools)
    case .toolDefinitions(let found): printTool(ToolName(found.tool), at: moment)
    case .toolFailed(let name, _) where awaitedTool == name: awaitedTool = nil
    case .pageFailed(let page, let why):
      guard awaitedPages.remove(page) != nil else { break }
      say("\(page.rawValue) cannot be read: \(why).")
    case .detail(let detail): printBatch(detail.summary.id, at: moment)
    case .detailFailed(let id, _): awaitedBatches.removeAll { $0.id == id }
    case .ledgerPage where awaitsLedger:
      awaitsLedger = false
      page(.audit)
    default: break
    }
  }

  private mutating func printIfAwaited(_ page: ConsolePage, on screen: ScreenKind) {
    if awaitedPages.remove(page) != nil { self.page(screen) }
  }

  private mutating func number(_ ids: [BatchID], at moment: Timestamp) {
    for id in ids where numbers[id] == nil {
      lastNumber += 1
      numbers[id] = (lastNumber, moment)
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
