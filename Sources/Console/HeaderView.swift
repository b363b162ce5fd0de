import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  func drawHeader(_ frame: inout Frame, in block: Rect) {
    guard block.height >= 2 else { return }
    drawEnvironment(&frame, in: block)
    drawCounts(&frame, in: Rect(x: 0, y: 1, width: block.width, height: 1))
  }

  // MARK: First row: where one is

  private func drawEnvironment(_ frame: inout Frame, in block: Rect) {
    let right = rightEnd
    var parts = [environmentSpan, Span(SafeText(untrusted: linkWords), linkStyle)]
    let optional: [Span] = [
      Span(SafeText(untrusted: feedWords), feedStyle),
      Span(SafeText(untrusted: "acct \(status?.account ?? "?")")),
      Span(SafeText(untrusted: "op \(operatorName) (\(role.rawValue))")),
      Span(SafeText(untrusted: status.map { "gateway \($0.gateway)" } ?? ""), .dim),
    ]
    let room = block.width - right.width - 2
    for span in optional where !span.text.isEmpty {
      let used = parts.reduce(0) { $0 + $1.text.width + 2 }
      if used + span.text.width <= room { parts.append(span) }
    }
    var line = TextLine([])
    for part in parts { line.spans += [part, Span("  ")] }
    frame.draw(line, in: block, row: 0)
    frame.draw(right, at: Point(x: max(0, block.width - right.width), y: 0), style: .bold)
  }

  private var rightEnd: SafeText {
    let waiting = queue.open.count
    let clock = isTimeVisible ? now.clock + "Z" : now.clock.prefix(5) + "Z"
    return SafeText(untrusted: " \(clock) [\(waiting)\(waiting > 0 ? "!" : "")]")
  }

  private var environmentSpan: Span {
    guard let status else { return Span(" ENVIRONMENT ? ", .unchecked) }
    guard status.isEnvironmentVerified else {
      return Span(
        SafeText(untrusted: " ENVIRONMENT UNVERIFIED (\(status.environment)) "), .blocked)
    }
    let words = SafeText(untrusted: " \(status.environment.string.uppercased()) ")
    return Span(words, status.environment == "mainnet" ? .banner : Style.accent.reversed)
  }

  private var linkWords: String {
    switch link {
    case .connecting: "link connecting"
    case .up: "link ok"
    case .down(let since, _): "LINK LOST \(Words.length(now - since))"
    }
  }

  private var linkStyle: Style {
    switch link {
    case .up: .ok
    case .connecting: .note
    case .down: .blocked
    }
  }

  private var feedWords: String {
    guard link == .up else { return "feed ?" }
    switch status?.feed {
    case nil: return "feed ?"
    case .notConfigured: return "feed none"
    case .connecting: return "feed connecting"
    case .live: return "feed live"
    case .stale(let since): return "FEED STALE \(Words.length(now - since))"
    case .polled(let gap, _): return "feed every \(Words.length(gap))"
    }
  }

  /// The feed as it stands in a sentence, without what changes with time.
  var feedSentence: String {
    switch status?.feed {
    case nil: "feed not known"
    case .notConfigured?: "feed none"
    case .connecting?: "feed connecting"
    case .live?: "feed live"
    case .stale?: "FEED STALE"
    case .polled(let gap, _)?: "feed every \(Words.length(gap))"
    }
  }

  private var feedStyle: Style {
    guard link == .up else { return .unchecked }
    switch status?.feed {
    case .live: return .ok
    case .stale: return .blocked
    case nil, .notConfigured, .connecting, .polled: return .unchecked
    }
  }

  // MARK: Second row: what must be known first

  private func drawCounts(_ frame: inout Frame, in block: Rect) {
    if let frozen = status?.frozen {
      banner(
        "FROZEN by \(frozen.by) since \(frozen.since.clock)Z: \(frozen.reason)", &frame, block)
    } else if case .down(let since, let why) = link {
      banner("STALE since \(since.clock)Z, approvals off: \(why)", &frame, block)
    } else if status?.isStoreWritable == false {
      banner("STORE NOT WRITABLE: everything but cancels is denied", &frame, block)
    } else if case .stale(let since)? = status?.feed {
      banner("ORDER FEED STALE since \(since.clock)Z, approvals off", &frame, block)
    } else {
      drawPlainCounts(&frame, in: block)
    }
  }

  private func banner(_ words: String, _ frame: inout Frame, _ block: Rect) {
    frame.fill(block, style: .blocked)
    frame.draw(SafeText(untrusted: " " + words), in: block, style: .blocked)
  }

  private func drawPlainCounts(_ frame: inout Frame, in block: Rect) {
    let open = queue.open
    var spans = [Span(SafeText(untrusted: " \(open.count) waiting"), .bold)]
    let counts = open.reduce(into: [Severity: Int]()) { $0[severity(of: $1), default: 0] += 1 }
    for severity in [Severity.block, .high, .unchecked, .warn, .note] {
      guard let count = counts[severity] else { continue }
      spans.append(Span(SafeText(untrusted: "  \(severity.word) \(count)"), severity.style))
    }
    if queue.arrivals > 0 {
      spans.append(Span(SafeText(untrusted: "  new \(queue.arrivals)"), .accent))
    }
    for pause in status?.paused ?? [] {
      spans.append(Span(SafeText(untrusted: "  PAUSED \(pause.agent)"), .banner))
    }
    if isOrderFrozen { spans.append(Span("  order held", .dim)) }
    if let warnings = status?.warnings, let first = warnings.first {
      // Their number stands before the words, which may be cut.
      let all = warnings.count > 1 ? "1 of \(warnings.count), see \(keymap.label(of: .help)): " : ""
      spans.append(Span(SafeText(untrusted: "  ! \(all)\(first)"), .warn))
    }
    frame.draw(TextLine(spans), in: block, row: 0)
  }

  // MARK: Last rows

  func drawNotice(_ frame: inout Frame, in block: Rect) {
    guard let notice else { return }
    frame.draw(SafeText(untrusted: " " + notice.words), in: block, style: notice.style)
  }

  /// The keys that work now, from the key table, as many as fit.
  func drawFooter(_ frame: inout Frame, in block: Rect, form: Layout.Form) {
    let small: Set<Action> = [.reject, .halt, .down, .up]
    var x = 1
    for binding in keymap.bindings where !binding.short.isEmpty && applies(binding.action) {
      guard form == .full ? binding.screens.contains(screen) : small.contains(binding.action)
      else { continue }
      let (label, isOff) = (binding.firstLabel, isOff(binding.action))
      guard x + label.width + 1 + binding.short.width <= block.width else { continue }
      frame.draw(label, at: block.origin.offset(x: x), style: .key)
      x += label.width + 1
      frame.draw(binding.short, at: block.origin.offset(x: x), style: isOff ? .dim : .normal)
      x += binding.short.width + 2
    }
  }

  /// What would do nothing now is not advertised.
  private func applies(_ action: Action) -> Bool {
    let row = queue.selectedRow
    switch action {
    case .recall: return row?.state == .cooling
    case .arm, .reject, .rejectAndPause: return row?.state.isOpen ?? true
    case .difference: return row?.supersedes != nil
    case .back: return screen != .dashboard
    default: return true
    }
  }

  private func isOff(_ action: Action) -> Bool {
    switch action {
    case .arm: whyNotArmable != nil
    case .accept: whyNotAcceptable != nil
    default: false
    }
  }
}
