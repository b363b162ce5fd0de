import JSON
import OperatorProtocol
package import Terminal
import Time

extension ConsoleModel {
  /// The screen of a terminal of `size`, and what an operator who looks at it has seen.
  package func picture(size: Size) -> Picture {
    var canvas = Canvas(size: size, glyphs: glyphs)
    let layout = Layout(size: size)
    switch Layout.form(of: size) {
    case .line:
      drawOneLine(&canvas)
      return canvas.picture
    case .small: drawQueue(&canvas, in: layout.queue)
    case .full: drawScreen(&canvas, layout)
    }
    drawHeader(&canvas.frame, in: layout.header)
    drawNotice(&canvas.frame, in: layout.notice)
    drawFooter(&canvas.frame, in: layout.footer, form: Layout.form(of: size))
    drawPrompt(&canvas, layout)
    return canvas.picture
  }

  private func drawScreen(_ canvas: inout Canvas, _ layout: Layout) {
    switch screen {
    case .dashboard:
      for rule in layout.dividers {
        canvas.frame.verticalRule(at: rule.origin, height: rule.height)
      }
      drawQueue(&canvas, in: layout.queue)
      drawBatch(&canvas, in: layout.batch)
      drawOrders(&canvas, in: layout.orders)
      drawMarket(&canvas, in: layout.market)
    case .batch: drawBatch(&canvas, in: layout.body)
    case .orders: drawOrdersScreen(&canvas, in: layout.body)
    case .audit: drawAudit(&canvas, in: layout.body)
    case .exposure: drawExposure(&canvas, in: layout.body)
    case .agents: drawAgents(&canvas, in: layout.body)
    case .policy: drawPolicy(&canvas, in: layout.body)
    case .tools: drawTools(&canvas, in: layout.body)
    case .definition: drawDefinition(&canvas, in: layout.body)
    case .findings: drawFindings(&canvas, in: layout.body)
    case .json: drawJSON(&canvas, in: layout.body)
    case .difference: drawDifference(&canvas, in: layout.body)
    case .help: drawHelp(&canvas, in: layout.body)
    }
  }

  private func drawOneLine(_ canvas: inout Canvas) {
    let count = queue.open.count
    let words = "80x24 needed - approvals off (\(count) pending)"
    canvas.frame.draw(SafeText(untrusted: words), at: .zero)
  }

  private func drawPrompt(_ canvas: inout Canvas, _ layout: Layout) {
    switch prompt {
    case .none: break
    case .arm(let arming):
      if Layout.form(of: layout.size) == .full {
        drawPanel(arming, &canvas, in: layout.body)
      } else {
        canvas.painted.isPanelCut = true
      }
    case .reject(let rejection):
      let agent = queue.rows[rejection.batch]?.agent.string ?? "?"
      let verb = rejection.pauses ? "REJECT AND PAUSE" : "REJECT"
      drawReason(
        "\(verb) \(Self.tail(rejection.batch)) of \(agent): reason for the agent",
        rejection.reason, &canvas.frame, above: layout.footer)
    case .accept(let acceptance):
      drawReason(
        "ACCEPT \(ToolName(acceptance.tool).words): reason for the ledger, needed",
        acceptance.reason,
        &canvas.frame, above: layout.footer)
    case .word(let word):
      ask("\(word.question): \(word.typed)_", &canvas.frame, in: layout.notice)
    case .command(let line): drawCommand(line, &canvas.frame, in: layout)
    case .filter(let typed):
      drawTyping("/", typed, hint: "", &canvas.frame, in: layout.notice)
    case .quit: ask("Quit? y/N", &canvas.frame, in: layout.notice)
    }
  }

  private func ask(_ words: String, _ frame: inout Frame, in block: Rect) {
    frame.fill(block, style: .banner)
    frame.draw(SafeText(untrusted: " " + words), in: block, style: .banner)
  }

  /// A line that is being typed: its end where not all of it fits.
  private func drawTyping(
    _ sign: SafeText, _ text: String, hint: SafeText, _ frame: inout Frame, in block: Rect
  ) {
    frame.fill(block)
    let typed = SafeText(untrusted: text).wrapped(to: max(1, block.width - 3)).last ?? .empty
    frame.draw(sign + typed + "_", in: block, style: .bold)
    frame.cursor = block.origin.offset(x: min(1 + typed.width, max(0, block.width - 1)))
    let room = block.width - typed.width - 4
    guard room > 8, !hint.isEmpty else { return }
    frame.draw(hint.prefix(cells: room), at: block.origin.offset(x: typed.width + 4), style: .dim)
  }

  private func drawCommand(_ line: CommandLine, _ frame: inout Frame, in layout: Layout) {
    let words = line.candidates.joined(separator: "  ")
    drawTyping(":", line.text, hint: SafeText(untrusted: words), &frame, in: layout.notice)
  }

  private func drawReason(
    _ head: String, _ typed: String, _ frame: inout Frame, above footer: Rect
  ) {
    let block = Rect(x: 0, y: max(0, footer.y - 3), width: footer.width, height: 3)
    frame.fill(block)
    frame.horizontalRule(at: block.origin, width: block.width)
    frame.draw(SafeText(untrusted: " " + head), in: block, row: 1, style: .bold)
    // The end of a long reason is what is being typed.
    let reason = SafeText(untrusted: typed)
    let shown = reason.wrapped(to: max(1, block.width - 5)).last ?? .empty
    frame.draw(SafeText(" > ") + shown + "_", in: block, row: 2)
    frame.cursor = block.row(2).offset(x: min(3 + shown.width, max(0, block.width - 1)))
  }
}

/// A frame that is being drawn, together with what it will have shown.
struct Canvas {
  var frame: Frame
  var painted: Painted

  init(size: Size, glyphs: GlyphSet) {
    frame = Frame(size: size, glyphs: glyphs)
    painted = Painted(size: frame.size)
  }

  var picture: Picture { Picture(frame: frame, painted: painted) }

  /// Draws a page that is scrolled as one: title, rows, and how many are hidden on either side.
  mutating func page(
    _ title: SafeText, _ lines: [TextLine], in block: Rect, from scroll: Int, more: SafeText
  ) {
    let inside = block.split(top: 1).rest
    painted.extents.pageScroll = draw(lines, in: inside, from: scroll)
    frame.title(title, in: block, isFocused: true)
    let top = min(scroll, painted.extents.pageScroll)
    hidden(above: top, below: lines.count - top - inside.height, in: block, more: more)
  }

  /// Says in a pane's title how many rows are not shown above and below.
  mutating func hidden(above: Int, below: Int, in block: Rect, more: SafeText = .empty) {
    var parts: [String] = []
    if above > 0 { parts.append("\(above) above") }
    if below > 0 { parts.append("\(below) below") }
    guard !parts.isEmpty else { return }
    var words = SafeText(untrusted: " " + parts.joined(separator: ", "))
    if !more.isEmpty { words += ": " + more }
    words += " "
    guard words.width < block.width - 8 else { return }
    frame.draw(words, at: Point(x: block.right - words.width - 1, y: block.y), style: .key)
  }

  /// Draws the lines that fit from `scroll` on and returns how far one can scroll.
  mutating func draw(_ lines: [TextLine], in block: Rect, from scroll: Int) -> Int {
    let most = max(0, lines.count - block.height)
    for (row, line) in lines.dropFirst(min(scroll, most)).prefix(block.height).enumerated() {
      let isClipped = frame.draw(line, in: block, row: row)
      if !isClipped, let mark = line.mark { painted.marks.append(mark) }
    }
    return most
  }
}
