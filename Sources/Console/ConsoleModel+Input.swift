import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  mutating func take(_ input: InputEvent) -> [ConsoleEffect] {
    switch input {
    case .key(let key): return press(key)
    case .pasteBegan: return disarm("something was pasted")
    case .pasteEnded: return []
    case .focusLost: return disarm("the terminal lost the focus")
    case .focusGained:
      deadUntil = max(deadUntil, now + Self.deadAfterFocus)
      return []
    case .resized: return disarm("the terminal was resized") + [.repaint]
    case .unknownSequence: return disarm("the terminal sent something that is no key")
    case .resumed: return disarm("the console was suspended") + [.repaint]
    case .terminate, .closed: return [.quit]
    }
  }

  private mutating func press(_ key: Key) -> [ConsoleEffect] {
    let before = lastKeyAt
    lastKeyAt = now
    if key == .control("z") { return disarm("the console was suspended") + [.suspend] }
    switch prompt {
    case .none: return isTypedOn(key, after: before) ? [] : act(on: key)
    case .arm(let arming): return press(key, arming)
    case .reject(let rejection): return press(key, rejection)
    case .accept(let acceptance): return press(key, acceptance)
    case .word(let word): return press(key, word)
    case .command(let line): return press(key, line)
    case .filter(let typed): return press(key, filter: typed)
    case .quit:
      prompt = .none
      return key == .character("y") || key == .character("Y") ? [.quit] : []
    }
  }

  /// What took keys has closed, by a wrong one or by itself: whoever was typing into it types on.
  ///
  /// - Parameter last: When it took one; nil for never.
  mutating func typedOn(since last: Timestamp?) {
    guard let last, now - last < Self.deadAfterWrong else { return }
    typedOnUntil = max(typedOnUntil ?? now, now + Self.deadAfterWrong)
  }

  /// Whoever types in a panel that closes types on for a moment: that is no command. Back and halt always
  /// are.
  private mutating func isTypedOn(_ key: Key, after before: Timestamp?) -> Bool {
    guard let until = typedOnUntil else { return false }
    let isQuiet = before.map { now - $0 >= Arming.quiet } ?? true
    let isAlways =
      key == .escape || key == .control("c") || keymap.action(for: key, on: screen) == .halt
    if now >= until && isQuiet || isAlways {
      typedOnUntil = nil
      return false
    }
    deadUntil = max(deadUntil, now + Arming.quiet)
    if let shown = notice { notice?.until = max(shown.until, now + Arming.quiet) }
    return true
  }

  // MARK: The table

  private mutating func act(on key: Key) -> [ConsoleEffect] {
    guard let action = keymap.action(for: key, on: effectiveScreen) else {
      if key == "A" {
        say("no key approves by itself: \(keymap.label(of: .arm)) opens the panel", .note)
      }
      return []
    }
    return act(action)
  }

  /// Does what a key or a command stands for.
  mutating func act(_ action: Action) -> [ConsoleEffect] {
    switch action {
    case .arm: return arm()
    case .accept: return openAcceptance()
    case .reject: return openRejection(pauses: false)
    case .rejectAndPause: return openRejection(pauses: true)
    case .halt: return halt()
    case .pause: return pausesSubject()
    case .recall: return recall()
    case .repaint: return [.repaint]
    case .suspend: return [.suspend]
    case .interrupt: return interrupt()
    case .back: return goBack()
    case .command:
      prompt = .command(CommandLine())
      return []
    case .filter:
      prompt = .filter(currentFilter)
      return []
    case .copyID, .copyJSON: return copy(action)
    case .mark, .unmark: return mark(action)
    case .follow, .freezeView:
      arrange(action)
      return []
    default:
      move(action)
      return show(action)
    }
  }

  private mutating func arrange(_ action: Action) {
    if action == .freezeView {
      isViewHeld.toggle()
      say(isViewHeld ? "the order of the list is held" : "the list is sorted again", .normal)
      return
    }
    guard let newest = queue.newestOpen else { return say("nothing waits", .note) }
    queue.select(newest)
    batchScroll = 0
  }

  private mutating func copy(_ action: Action) -> [ConsoleEffect] {
    guard let row = queue.selectedRow else { return [] }
    if action == .copyID {
      say("copied \(row.id)", .normal)
      return [.copy(row.id.text.string)]
    }
    guard let statement = currentContent(of: row)?.statement else {
      say("what would be sent has not been read yet", .warn)
      return []
    }
    say("copied the statement of \(Self.tail(row.id))", .normal)
    return [.copy(String(decoding: statement.canonicalBytes, as: UTF8.self))]
  }

  // MARK: Filters

  private var currentFilter: String {
    switch effectiveScreen {
    case .audit: auditFilter
    case .orders: ordersFilter
    default: queue.filter?.text ?? ""
    }
  }

  private mutating func press(_ key: Key, filter typed: String) -> [ConsoleEffect] {
    var typed = typed
    switch key {
    case .escape, .control("c"):
      prompt = .none
      return []
    case .enter:
      prompt = .none
      return setFilter(typed)
    case .backspace: typed = String(typed.unicodeScalars.dropLast())
    case .control("u"): typed = ""
    case .character(let scalar) where typed.utf8.count < CommandLine.limit:
      typed.unicodeScalars.append(scalar)
    default: break
    }
    prompt = .filter(typed)
    return []
  }

  /// An empty filter shows everything again.
  mutating func setFilter(_ text: String) -> [ConsoleEffect] {
    switch effectiveScreen {
    case .audit:
      auditFilter = text
      auditScroll = 0
      ledger.cursor = text.isEmpty ? nil : ledger.indexes(matching: text).first
    case .orders:
      ordersFilter = text
      ordersScroll = 0
    default:
      do throws(BatchFilter.Unreadable) {
        queue.filter = try BatchFilter(text)
        dropMarks()
      } catch {
        say(error.words, .warn)
        return [.bell]
      }
    }
    return []
  }

  /// Under the least size only the list is there.
  var effectiveScreen: ScreenKind {
    Layout.form(of: painted.size) == .full ? screen : .dashboard
  }

  private mutating func show(_ action: Action) -> [ConsoleEffect] {
    switch action {
    case .showDashboard: screen = .dashboard
    case .open where screen == .tools: openDefinition()
    case .showBatch, .open: screen = .batch
    case .showOrders: screen = .orders
    case .showAudit:
      screen = .audit
      return wantLedger()
    case .showExposure: turn(to: .exposure)
    case .showAgents: turn(to: .agents)
    case .showPolicy: turn(to: .policy)
    case .showTools: turn(to: .tools)
    case .help: cover(with: .help)
    case .findings: cover(with: .findings)
    case .json: cover(with: .json)
    case .difference: cover(with: .difference)
    case .nextPane: pane = pane == .queue ? .batch : .queue
    default: break
    }
    return screen == .audit ? wantOlder() : []
  }

  private mutating func turn(to page: ScreenKind) {
    screen = page
    pageScroll = 0
  }

  /// Lays a page over the present one, or takes it away again.
  mutating func cover(with page: ScreenKind) {
    if screen == page {
      screen = screenBelow
    } else {
      if !screen.isOverlay { screenBelow = screen }
      turn(to: page)
      helpScroll = 0
    }
  }

  private mutating func goBack() -> [ConsoleEffect] {
    if screen.isOverlay {
      screen = screenBelow
    } else if !currentFilter.isEmpty {
      _ = setFilter("")
    } else if screen != .dashboard {
      screen = .dashboard
    } else if pane == .batch {
      pane = .queue
    } else {
      prompt = .quit
    }
    return []
  }

  private mutating func interrupt() -> [ConsoleEffect] {
    if screen != .dashboard { return goBack() }
    prompt = .quit
    return []
  }

  // MARK: Moving

  private mutating func move(_ action: Action) {
    let page = max(1, pageRows - 1)
    switch action {
    case .down, .nextMatch: step(1, isPage: false)
    case .up, .previousMatch: step(-1, isPage: false)
    case .pageDown: step(page, isPage: true)
    case .pageUp: step(-page, isPage: true)
    case .first: step(-1_000_000, isPage: false)
    case .last: step(1_000_000, isPage: false)
    default: break
    }
  }

  private var pageRows: Int {
    switch effectiveScreen {
    case .audit: painted.extents.auditRows
    case .help, .orders, .exposure, .agents, .policy, .tools, .findings, .json, .difference,
      .definition:
      painted.size.height - 5
    case .dashboard, .batch: painted.extents.batchRows
    }
  }

  private mutating func step(_ rows: Int, isPage: Bool) {
    switch effectiveScreen {
    case .audit where pane == .batch:
      auditScroll = clamp(auditScroll + rows, painted.extents.auditScroll)
    case .audit:
      ledger.move(by: rows, matching: auditFilter)
      auditScroll = 0
    case .help: helpScroll = clamp(helpScroll + rows, painted.extents.helpScroll)
    case .orders: ordersScroll = clamp(ordersScroll + rows, painted.extents.ordersScroll)
    case .agents where !isPage: moveAgent(by: rows)
    case .tools: moveTool(by: rows)
    case .exposure, .agents, .policy, .findings, .json, .difference, .definition:
      pageScroll = clamp(pageScroll + rows, painted.extents.pageScroll)
    case .batch: batchScroll = clamp(batchScroll + rows, painted.extents.batchScroll)
    case .dashboard:
      if isPage || pane == .batch {
        batchScroll = clamp(batchScroll + rows, painted.extents.batchScroll)
      } else {
        select { queue, visible in queue.move(by: rows, visible: visible) }
      }
    }
  }

  private mutating func select(_ change: (inout BatchQueue, Int) -> Void) {
    let before = queue.selected
    change(&queue, painted.extents.queueRows)
    if queue.selected != before { batchScroll = 0 }
  }

  private func clamp(_ value: Int, _ most: Int) -> Int { min(max(0, value), max(0, most)) }

  // MARK: The ledger page

  private mutating func wantLedger() -> [ConsoleEffect] {
    guard link == .up, !ledger.isLoading else { return [] }
    ledger.isLoading = true
    let from = max(0, ledger.size - Self.ledgerPage)
    return [.fetchLedger(from: from, limit: Self.ledgerPage), .fetchCheckpoint]
  }

  /// Older entries, when the cursor comes close to the oldest one that was read.
  private mutating func wantOlder() -> [ConsoleEffect] {
    guard link == .up, !ledger.isLoading, let oldest = ledger.oldest, oldest > 0,
      let current = ledger.current, current - oldest < Self.ledgerPage / 4,
      ledger.entries.count < LedgerView.limit
    else { return [] }
    ledger.isLoading = true
    let from = max(0, oldest - Self.ledgerPage)
    return [.fetchLedger(from: from, limit: oldest - from)]
  }
}
