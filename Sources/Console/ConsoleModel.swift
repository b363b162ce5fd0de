import Cryptography
import JSON
package import OperatorProtocol
package import Terminal
package import Time

/// The console: every screen, every key and every interlock, without a terminal or a network.
///
/// The shell hands in events with the time at which they happened, on a clock that never goes back,
/// does the effects, shows `picture(size:)`, and reports what it has shown as `.painted`.
package struct ConsoleModel: Hashable, Sendable {
  /// For how long the order of the list stays after the last key.
  static let freezeAfterKey = Milliseconds.seconds(5)
  /// For how long a notice stays.
  static let noticeTime = Milliseconds.seconds(8)
  /// No arming after a wrong key, and after the focus has come back.
  static let deadAfterWrong = Milliseconds.seconds(1)
  static let deadAfterFocus = Milliseconds(500)
  /// Approvals in one minute after which `a` pauses.
  static let approvalsPerMinute = 20
  /// Two bells are at least this far apart.
  static let bellGap = Milliseconds.minutes(1)
  /// Batches whose full statement is kept.
  static let contentLimit = 4
  /// What is looked at is read anew this often.
  static let exposureEvery = Milliseconds.seconds(2)
  /// The same where the last answers were equal and no key was pressed since.
  static let quietExposureEvery = Milliseconds.seconds(16)
  static let pageEvery = Milliseconds.seconds(5)
  /// Statements of batches that others follow that are asked for between two connections.
  static let olderLimit = 1_000
  /// Commands that can be had back with the arrow keys.
  static let historyLimit = 50
  /// Ledger entries that are asked for at one time.
  static let ledgerPage = 200

  enum Link: Hashable, Sendable {
    case connecting
    case up
    case down(since: Timestamp, why: String)
  }

  /// Something that wants the keyboard.
  enum Prompt: Hashable, Sendable {
    case none
    case arm(Arming)
    case reject(Rejection)
    case accept(Acceptance)
    case word(WordPrompt)
    case command(CommandLine)
    case filter(String)
    case quit
  }

  struct Rejection: Hashable, Sendable {
    var batch: BatchID
    var version: ContentVersion
    var environment: Text
    var reason = ""
    /// Whether the agent is paused as well.
    var pauses = false
  }

  /// The reason for accepting a definition, while it is typed.
  struct Acceptance: Hashable, Sendable {
    var tool: ToolView
    var reason = ""
  }

  struct Notice: Hashable, Sendable {
    var words: String
    var style: Style
    var until: Timestamp
  }

  enum Pane: Hashable, Sendable { case queue, batch }

  // What the gateway said
  var operatorName: Text = "?"
  var role = Role.viewer
  var isSignedIn = false
  var link = Link.connecting
  var status: StatusView?
  var queue = BatchQueue()
  var contents: [BatchID: BatchContent] = [:]
  var contentOrder: [BatchID] = []
  var book = OrderBook()
  var ledger = LedgerView()
  var exposure: ExposureView?
  var prices = PriceHistory()
  var agents: [AgentView] = []
  var limits: [LimitView] = []
  var policy: PolicyView?
  /// What needs to be accepted first, then by name.
  var tools: [ToolView] = []
  /// Both definitions of the tool that is looked at.
  var definitions: ToolDefinitions?
  /// Why a page could not be read.
  var pageProblems: [ConsolePage: String] = [:]
  var pageAskedAt: [ConsolePage: Timestamp] = [:]
  /// Equal answers about the exposure, one after the other, without a key in between.
  var equalExposures = 0

  // What the operator does
  var screen = ScreenKind.dashboard
  /// What an overlay is left for.
  var screenBelow = ScreenKind.dashboard
  var pane = Pane.queue
  var prompt = Prompt.none
  var notice: Notice?
  var seen: [BatchID: SeenRecord] = [:]
  var inFlight: [BatchID: Decision.Verb] = [:]
  var batchScroll = 0
  var ordersScroll = 0
  var helpScroll = 0
  var auditScroll = 0
  var pageScroll = 0
  var agentCursor: Text?
  var toolCursor: ToolName?
  /// The version that was asked for, so that it is asked for once.
  var requestedTool: ToolView?
  var definitionSeen: SeenRecord?
  /// The tool whose acceptance is on its way.
  var accepting: ToolName?
  var auditFilter = ""
  var ordersFilter = ""
  var history: [String] = []
  /// Batches that are approved together, in the order in which they were marked.
  var marked: [BatchID] = []
  /// Whether the order of the list is held until the operator lets it go.
  var isViewHeld = false
  var lastKeyAt: Timestamp?
  var deadUntil = Timestamp(milliseconds: .min)
  /// Until then, and until a moment of quiet, keys are what was still being typed into a panel.
  var typedOnUntil: Timestamp?
  var approvals: [Timestamp] = []
  var lastBellAt: Timestamp?
  var lastInterruptAt: Timestamp?
  var serial = 0
  var requested: [BatchID: ContentVersion] = [:]
  /// When the checks of the selected batch were asked for, while their page is open.
  var checksAskedAt: [BatchID: Timestamp] = [:]
  /// Batches that others follow and whose statement was asked for: once each.
  var requestedOlder: Set<BatchID> = []
  var painted = Painted(size: Size(width: 0, height: 0))
  var wakeAt: Timestamp?
  var now: Timestamp
  var glyphs: GlyphSet
  let keymap: Keymap
  let layouts = Layouts()

  package init(at now: Timestamp, glyphs: GlyphSet = .ascii, keymap: Keymap = .standard) {
    self.now = now
    self.glyphs = glyphs
    self.keymap = keymap
  }

  /// Takes what happened and says what is to be done, in order.
  package mutating func handle(_ event: ConsoleEvent, at moment: Timestamp) -> [ConsoleEffect] {
    now = max(now, moment)
    var effects = react(to: event)
    effects += passTime()
    effects += wantDetail() + wantOlder() + wantPages() + wantDefinition() + wantChecks()
    if let wake = nextWake, wake != wakeAt {
      wakeAt = wake
      effects.append(.wake(at: wake))
    }
    return effects
  }

  /// The batch under the cursor.
  package var selection: BatchID? { queue.selected }

  /// Whether both would be drawn the same at the same time.
  package func looks(like other: ConsoleModel) -> Bool {
    var same = self
    same.now = other.now
    same.wakeAt = other.wakeAt
    // Of what was shown only the size decides what is drawn.
    if same.painted.size == other.painted.size { same.painted = other.painted }
    return same == other
  }

  /// The screen as cells: `picture(size:)` without the account of what was shown.
  package func render(size: Size) -> Frame { picture(size: size).frame }

  private mutating func react(to event: ConsoleEvent) -> [ConsoleEffect] {
    switch event {
    case .signedIn(let name, let role): return signedIn(name, role)
    case .input(let input):
      equalExposures = 0
      return take(input)
    case .painted(let painted): return take(painted)
    case .tick:
      wakeAt = nil
      return []
    case .digits(let serial, let number): return take(digits: number, serial: serial)
    case .linkUp: return linkIsUp()
    case .linkDown(let why): return linkIsDown(why)
    case .exposure, .agents, .limits, .policy, .tools, .pageFailed: return take(page: event)
    case .toolDefinitions(let found): return take(found)
    case .toolFailed(let name, let why): return take(failure: why, of: name)
    case .toolAnswered(let name, let answer): return take(answer, about: name)
    case .queue, .orders, .feed, .detail, .detailFailed, .ledgerPage, .checkpoint:
      return take(news: event)
    case .answered(let id, let verb, let answer): return take(answer, to: verb, about: id)
    case .haltAnswered(let answer): return take(halt: answer)
    case .cancelAnswered(let answer): return take(cancelled: answer)
    case .notice(let words):
      say(words, .note)
      return []
    }
  }

  // MARK: Time

  /// What only the passing of time brings about.
  private mutating func passTime() -> [ConsoleEffect] {
    if let notice, now >= notice.until { self.notice = nil }
    if !isOrderFrozen, let last = lastKeyAt, now - last >= Self.freezeAfterKey {
      lastKeyAt = nil
      queue.settle()
    }
    if case .arm(let arming) = prompt, let end = arming.expiresAt,
      end - now < Arming.leastTimeLeft
    {
      return disarm("it expires in less than 5 s")
    }
    return approveIfSigned()
  }

  /// Whether the order of the list must not change.
  var isOrderFrozen: Bool {
    if prompt != .none || isViewHeld { return true }
    return lastKeyAt.map { now - $0 < Self.freezeAfterKey } ?? false
  }

  /// The next moment at which something visible changes by itself.
  var nextWake: Timestamp? {
    var all: [Timestamp] = []
    let second = Timestamp(milliseconds: (now.milliseconds / 1000 + 1) * 1000)
    all.append(isTimeVisible ? second : nextMinute)
    if let notice { all.append(notice.until) }
    if let lastKeyAt { all.append(lastKeyAt + Self.freezeAfterKey) }
    if link == .up {
      all += wantedPages.compactMap { page in pageAskedAt[page].map { $0 + every(page) } }
    }
    if case .arm(let arming) = prompt, let opens = arming.opensAt, opens > now {
      all.append(min(opens, now + Milliseconds(100)))
    }
    if case .arm(let arming) = prompt, let done = arming.completedAt {
      all.append(done + Arming.silenceAfterCode)
    }
    return all.filter { $0 > now }.min()
  }

  private var nextMinute: Timestamp {
    Timestamp(milliseconds: (now.milliseconds / 60_000 + 1) * 60_000)
  }

  /// Whether an age or a time to live is on the screen.
  var isTimeVisible: Bool {
    if case .down = link { return true }
    if case .stale? = status?.feed { return true }
    return queue.rows.values.contains { !$0.state.isSettled }
  }

  // MARK: Words to the operator

  mutating func say(_ words: String, _ style: Style) {
    notice = Notice(words: words, style: style, until: now + Self.noticeTime)
  }

  /// Asks for the statement of the selected batch where it is not here yet.
  private mutating func wantDetail() -> [ConsoleEffect] {
    guard link == .up, let row = queue.selectedRow else { return [] }
    let version = ContentVersion(revision: row.revision, digest: row.digest)
    guard contents[row.id]?.version != version, requested[row.id] != version else { return [] }
    requested = [row.id: version]
    return [.fetchDetail(row.id)]
  }

  /// Asks once for the statement of the batch that the selected one follows.
  private mutating func wantOlder() -> [ConsoleEffect] {
    guard link == .up, let row = queue.selectedRow, let older = row.supersedes,
      currentContent(of: row) != nil, contents[older] == nil,
      requestedOlder.count < Self.olderLimit, requestedOlder.insert(older).inserted
    else { return [] }
    return [.fetchDetail(older)]
  }
}
