package import Terminal

/// The screens of the console.
package enum ScreenKind: String, CaseIterable, Hashable, Sendable {
  case dashboard, batch, orders, audit, exposure, agents, policy, tools
  /// What belongs to the selected batch and covers the rest: its checks, its bytes, its past.
  case findings, json, difference
  /// What changed in the definition of the tool under the cursor.
  case definition
  case help

  /// Whether it is looked at from another screen and left with Esc.
  var isOverlay: Bool {
    switch self {
    case .findings, .json, .difference, .definition, .help: true
    default: false
    }
  }
}

/// What a key does. The raw value is its name in `keys.toml` and on the command line.
package enum Action: String, CaseIterable, Hashable, Sendable {
  case arm = "approve"
  case accept
  case reject
  case rejectAndPause = "reject-and-pause"
  case recall
  case mark
  case unmark
  case open
  case pageDown = "page-down"
  case pageUp = "page-up"
  case down, up, first, last
  case nextPane = "next-pane"
  case halt
  case pause
  case findings, json, difference
  case filter
  case nextMatch = "next-match"
  case previousMatch = "previous-match"
  case command
  case follow
  case freezeView = "freeze-view"
  case copyID = "copy-id"
  case copyJSON = "copy-json"
  case showDashboard = "dashboard"
  case showBatch = "batch"
  case showOrders = "orders"
  case showAudit = "audit"
  case showExposure = "exposure"
  case showAgents = "agents"
  case showPolicy = "policy"
  case showTools = "tools"
  case help, back, interrupt, repaint, suspend
}

/// One line of the key table: footer, help screen and command line are all made from it.
package struct Binding: Hashable, Sendable {
  package let action: Action
  package var keys: [Key]
  /// Short words for the footer; empty where the footer does not mention it.
  package let short: SafeText
  package let words: SafeText
  package let screens: Set<ScreenKind>

  /// The keys as they are written for people, all of them.
  package var label: SafeText { keys.map(\.label).joined(separator: " ") }
  /// The one that the footer names.
  package var firstLabel: SafeText { keys.first?.label ?? .empty }
}

/// The key table. No key approves: the one of `approve` opens the panel, and nothing else leads
/// there.
package struct Keymap: Hashable, Sendable {
  package var bindings: [Binding]

  package static let standard = Keymap(bindings: [
    bind(
      .arm, ["a"], "approve", "open the approval panel; then quiet, then the code", deciding),
    bind(
      .accept, ["a"], "accept", "accept the definition: a reason, then the panel as for a batch",
      [.definition]),
    bind(.reject, ["x"], "reject", "reject with a reason; Enter sends it, Esc goes back", deciding),
    bind(.recall, ["u"], "recall", "recall an approval while it is held", deciding),
    bind(
      .open, [.enter, "l", .right], "open", "the whole batch; of a tool, what changed in it",
      [.dashboard, .tools]),
    bind(
      .pageDown, [" ", .pageDown, .control("d"), .control("f")], "more",
      "scroll the batch or the page forward", everywhere),
    bind(
      .halt, ["!"], "halt",
      "freeze everything that moves money, at once; again: ask to thaw, or to cancel all orders",
      everywhere),
    bind(
      .pause, ["P"], "pause", "pause the agent at once; when it is paused: ask to let it go on",
      [.dashboard, .batch, .agents]),
    bind(
      .back, [.escape, "q", "h", .left], "back", "one level back; at the top: ask to quit",
      everywhere),
    bind(.help, ["?", .function(1)], "help", "this page; again: back", everywhere),
    bind(.showOrders, ["3"], "orders", "live orders and fills, by batch", everywhere),
    bind(.showAudit, ["4"], "audit", "the ledger and its chain", everywhere),
    bind(.findings, ["i", "p"], "checks", "every check: formula, numbers, passed ones", deciding),
    bind(
      .difference, ["d"], "diff", "what differs from the batch that it follows", deciding),
    bind(.json, ["o"], "JSON", "the very bytes that are signed, and their digest", deciding),
    bind(.showExposure, ["5"], "exposure", "positions now and after the batch", everywhere),
    bind(.showAgents, ["6"], "agents", "agents: pace, limits, what waits, pause", everywhere),
    bind(
      .showPolicy, ["7"], "policy", "the rules in words, and how often each decided", everywhere),
    bind(
      .showTools, ["8"], "tools", "tools: accepted, changed and new definitions", everywhere),
    bind(
      .rejectAndPause, ["X"], "reject+pause", "reject, and pause the agent at once", deciding),
    bind(
      .mark, ["m"], "mark", "mark a NOTE batch; a approves all that are marked together",
      [.dashboard]),
    bind(.unmark, ["U"], "", "take all marks away", [.dashboard]),
    bind(.command, [":"], "cmd", "a command by name; Tab completes", everywhere),
    bind(
      .filter, ["/"], "filter", "show only what matches: words, agent:, sym:, sev>=, state:",
      [.dashboard, .orders, .audit]),
    bind(.nextMatch, ["n"], "", "next row that matches", [.dashboard, .audit]),
    bind(.previousMatch, ["N"], "", "previous row that matches", [.dashboard, .audit]),
    bind(.follow, ["F"], "", "go to the newest batch that waits", [.dashboard]),
    bind(.freezeView, ["z"], "", "hold the order of the list until pressed again", [.dashboard]),
    bind(.copyID, ["y"], "", "copy the batch's id to the clipboard (OSC 52)", deciding),
    bind(.copyJSON, ["Y"], "", "copy the statement to the clipboard (OSC 52)", deciding),
    bind(.pageUp, [.pageUp, .control("u"), .control("b")], "", "scroll back", everywhere),
    bind(.down, ["j", .down], "", "next row", everywhere),
    bind(.up, ["k", .up], "", "previous row", everywhere),
    bind(.first, ["g", .home], "", "first row", everywhere),
    bind(.last, ["G", .end], "", "last row", everywhere),
    bind(
      .nextPane, [.tab, .backTab], "", "rows or their contents: what j, k and Space move",
      [.dashboard, .audit]),
    bind(.showDashboard, ["1"], "", "the dashboard", everywhere),
    bind(.showBatch, ["2"], "", "the selected batch, full height", everywhere),
    bind(.interrupt, [.control("c")], "", "back, or ask to quit", everywhere),
    bind(.repaint, [.control("l")], "", "repaint", everywhere),
    bind(.suspend, [.control("z")], "", "suspend; an open panel is closed first", everywhere),
  ])

  package func action(for key: Key, on screen: ScreenKind) -> Action? {
    bindings.first { $0.screens.contains(screen) && $0.keys.contains(key) }?.action
  }

  /// The first key of an action as people read it, or the action's name.
  func label(of action: Action) -> String {
    bindings.first { $0.action == action }?.keys.first?.label.string ?? ":\(action.rawValue)"
  }

  private static let deciding: Set<ScreenKind> = [
    .dashboard, .batch, .findings, .json, .difference,
  ]
  private static let everywhere = Set(ScreenKind.allCases)

  private static func bind(
    _ action: Action, _ keys: [Key], _ short: SafeText, _ words: SafeText,
    _ screens: Set<ScreenKind>
  ) -> Binding {
    Binding(action: action, keys: keys, short: short, words: words, screens: screens)
  }
}

extension Key {
  /// As it is written for people, and in `keys.toml`.
  package var label: SafeText {
    switch self {
    case .character(" "): "Space"
    case .character(let scalar): SafeText(untrusted: String(scalar))
    case .enter: "Enter"
    case .escape: "Esc"
    case .tab: "Tab"
    case .backTab: "S-Tab"
    case .backspace: "BS"
    case .delete: "Del"
    case .up: "Up"
    case .down: "Down"
    case .left: "Left"
    case .right: "Right"
    case .pageUp: "PgUp"
    case .pageDown: "PgDn"
    case .home: "Home"
    case .end: "End"
    case .function(let number): "F" + SafeText(number)
    case .control(let letter): SafeText(untrusted: "^" + letter.uppercased())
    }
  }
}
