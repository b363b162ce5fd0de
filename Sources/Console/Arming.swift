import Cryptography
import JSON
import OperatorProtocol
import Terminal
import Time

/// The way from `a` to a signature, for one version of one batch, or for one definition of a tool.
///
/// digits asked for → panel painted → quiet → acceptances → phrase → two digits. Every key that is
/// not the one expected ends it. A key typed before the panel was painted cannot count, because
/// nothing counts before `painted`; a held key cannot, because repeats restart the quiet time.
struct Arming: Hashable, Sendable {
  /// Silence that is asked for before keys open, and after each repeat.
  static let quiet = Milliseconds(300)
  static let shortGuard = Milliseconds(700)
  static let longGuard = Milliseconds(1_500)
  /// Equal keys closer together than this are one key that is held down.
  static let repeatGap = Milliseconds(60)
  /// After the last digit nothing may come for this long: a paste does not stop there.
  static let silenceAfterCode = Milliseconds(60)
  /// More keys than `burstLimit` within this are no typing.
  static let burstWindow = Milliseconds(25)
  static let burstLimit = 4
  /// Less time to live than this is not enough to decide in.
  static let leastTimeLeft = Milliseconds(5_000)

  enum Stage: Hashable, Sendable {
    /// Waiting for the random number.
    case drawing
    /// The panel is not on the screen yet.
    case unpainted
    /// Waiting for quiet; then the keys open.
    case settling(paintedAt: Timestamp)
    case open
  }

  /// What a key came to.
  enum Step: Hashable, Sendable {
    /// Dropped: too early, or a repeat.
    case ignored
    case advanced
    /// The last digit: it counts when nothing follows.
    case complete
    /// Not the key that was expected.
    case wrong
    case burst
  }

  /// One batch that is signed, as it was when the panel was opened.
  struct Member: Hashable, Sendable {
    let batch: BatchID
    let version: ContentVersion
    let environment: Text
    let severity: Severity
    let groups: [FindingGroup]
  }

  /// What is signed for.
  enum Subject: Hashable, Sendable {
    /// The selected batch first; more than one for a marked set.
    case batches([Member])
    case definition(ToolAcceptance)
  }

  let serial: Int
  let subject: Subject
  /// Whether acceptances and the phrase are asked for.
  let isDemanding: Bool
  let isReducing: Bool
  let phrase: [Unicode.Scalar]
  /// Nil where nothing expires.
  let expiresAt: Timestamp?

  private(set) var stage = Stage.drawing
  /// Two digits, once drawn.
  private(set) var code: [Unicode.Scalar] = []
  private(set) var accepted: [Text] = []
  /// How many of the groups to accept have stood in the panel whole, from the first.
  private(set) var groupsShown = 0
  private(set) var phraseTyped = 0
  private(set) var codeTyped = 0
  /// When the last digit came.
  private(set) var completedAt: Timestamp?
  private var quietSince = Timestamp(milliseconds: 0)
  private var lastKey: Key?
  private var recentKeys: [Timestamp] = []

  /// - Parameter others: More batches of a marked set, none of which demands more than the digits.
  init(
    serial: Int, summary: BatchSummary, content: BatchContent, severity: Severity,
    groups: [FindingGroup], others: [(row: BatchSummary, content: BatchContent)] = []
  ) {
    self.serial = serial
    subject = .batches(
      [Member(summary, content, severity, groups)]
        + others.map { row, content in
          let groups = FindingGroup.groups(of: row.findings)
          let worst = max(row.severity, groups.map(\.severity).max() ?? .pass)
          return Member(row, content, max(worst, content.ownSeverity), groups)
        })
    isReducing = content.isReducing && others.allSatisfy { $0.content.isReducing }
    isDemanding = !content.isReducing && severity >= .unchecked
    phrase = isDemanding ? Array(content.phrase.unicodeScalars) : []
    expiresAt = others.reduce(summary.expiresAt) { min($0, $1.row.expiresAt) }
  }

  /// A definition is as demanding as a HIGH batch: the tool's name is typed, then the digits.
  init(serial: Int, acceptance: ToolAcceptance) {
    self.serial = serial
    subject = .definition(acceptance)
    isReducing = false
    isDemanding = true
    let name = acceptance.tool.string
    let isTypable = name.utf8.allSatisfy { (0x21...0x7E).contains($0) } && !name.isEmpty
    phrase = Array((isTypable ? name : String(acceptance.new.hex.prefix(8))).unicodeScalars)
    expiresAt = nil
  }

  /// Empty for a definition.
  var members: [Member] { if case .batches(let members) = subject { members } else { [] } }
  /// The selected batch; nil for a definition.
  var batch: BatchID? { members.first?.batch }
  var severity: Severity { members.map(\.severity).max() ?? .high }
  var groups: [FindingGroup] { members.first?.groups ?? [] }

  // MARK: Before the keys open

  /// Takes the random number; false when it is not the one asked for.
  mutating func take(digits number: Int) -> Bool {
    guard stage == .drawing, (0...99).contains(number) else { return false }
    code = Array((number < 10 ? "0\(number)" : "\(number)").unicodeScalars)
    stage = .unpainted
    return true
  }

  /// The panel has reached the screen, with the first `groups` of those to accept by then. Says whether
  /// this is the first time.
  mutating func painted(groups: Int, at now: Timestamp) -> Bool {
    groupsShown = max(groupsShown, groups)
    guard stage == .unpainted else { return false }
    stage = .settling(paintedAt: now)
    quietSince = now
    return true
  }

  /// The moment at which keys open if none comes before; nil while the panel is not painted.
  var opensAt: Timestamp? {
    guard let paintedAt else { return stage == .open ? quietSince + Self.quiet : nil }
    return max(paintedAt + minimum, quietSince + Self.quiet)
  }

  var minimum: Milliseconds { severity >= .unchecked ? Self.longGuard : Self.shortGuard }

  private var paintedAt: Timestamp? {
    if case .settling(let at) = stage { at } else { nil }
  }

  func areKeysOpen(at now: Timestamp) -> Bool { opensAt.map { now >= $0 } ?? false }

  // MARK: What is still to be done

  enum Task: Hashable, Sendable { case accept, phrase, code }

  var task: Task {
    if accepted.count < wanted.count { return .accept }
    return phraseTyped < phrase.count ? .phrase : .code
  }

  /// What must be accepted, one after the other, each by its number.
  var wanted: [FindingGroup] { isDemanding ? groups.filter(\.needsAcceptance) : [] }

  /// The key that accepts a group: the last digit of its number.
  static func digit(of index: Int) -> Unicode.Scalar {
    Unicode.Scalar(UInt8(48 + (index + 1) % 10))
  }

  /// Whether the character is the next that is asked for: then it is text, not a command.
  func expects(_ scalar: Unicode.Scalar) -> Bool {
    switch task {
    case .accept: scalar == Self.digit(of: accepted.count)
    case .phrase: phraseTyped < phrase.count && phrase[phraseTyped] == scalar
    case .code: codeTyped < code.count && code[codeTyped] == scalar
    }
  }

  // MARK: Keys

  mutating func take(_ key: Key, at now: Timestamp) -> Step {
    recentKeys = recentKeys.filter { now - $0 < Self.burstWindow } + [now]
    if recentKeys.count > Self.burstLimit || completedAt != nil { return .burst }
    let isRepeat = lastKey == key && (lastKeyAt.map { now - $0 < Self.repeatGap } ?? false)
    lastKey = key
    lastKeyAt = now
    guard areKeysOpen(at: now), !isRepeat else {
      quietSince = now
      return .ignored
    }
    stage = .open
    guard case .character(let scalar) = key else { return .wrong }
    // Nobody accepts what has not stood there yet.
    if task == .accept, accepted.count >= groupsShown { return .ignored }
    let step = take(scalar)
    if step == .complete { completedAt = now }
    return step
  }

  /// Whether everything was typed and nothing came after it.
  func isSigned(at now: Timestamp) -> Bool {
    completedAt.map { now - $0 >= Self.silenceAfterCode } ?? false
  }

  /// When the panel took a key, counted or not.
  private(set) var lastKeyAt: Timestamp?

  private mutating func take(_ scalar: Unicode.Scalar) -> Step {
    switch task {
    case .accept: return accept(scalar)
    case .phrase:
      guard phrase[phraseTyped] == scalar else { return .wrong }
      phraseTyped += 1
      return .advanced
    case .code:
      guard codeTyped < code.count, code[codeTyped] == scalar else { return .wrong }
      codeTyped += 1
      return codeTyped == code.count ? .complete : .advanced
    }
  }

  private mutating func accept(_ scalar: Unicode.Scalar) -> Step {
    guard scalar == Self.digit(of: accepted.count) else { return .wrong }
    accepted.append(wanted[accepted.count].rule)
    return .advanced
  }
}

extension Arming.Member {
  fileprivate init(
    _ row: BatchSummary, _ content: BatchContent, _ severity: Severity, _ groups: [FindingGroup]
  ) {
    self.init(
      batch: row.id, version: content.version, environment: row.environment, severity: severity,
      groups: groups)
  }
}
