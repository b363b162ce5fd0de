import Decimals
import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  func drawQueue(_ canvas: inout Canvas, in block: Rect) {
    let shown = queue.shown
    var title =
      shown.isEmpty ? "queue empty" : "queue \((queue.selectedIndex ?? 0) + 1)/\(shown.count)"
    if let filter = queue.filter {
      title += " filter /\(filter.text): shown \(shown.count) of \(queue.order.count)"
    }
    if !marked.isEmpty { title += " marked \(marked.count)" }
    if isViewHeld { title += " ORDER HELD (\(keymap.label(of: .freezeView)))" }
    canvas.frame.title(
      SafeText(untrusted: title), in: block, isFocused: pane == .queue && screen == .dashboard)
    let inside = block.split(top: 1).rest
    let columns = QueueColumn.fitting(inside.width)
    let hasHead = inside.height > 3
    let rows = hasHead ? inside.split(top: 1).rest : inside
    if hasHead { canvas.frame.draw(head(columns), in: inside, row: 0) }
    canvas.painted.extents.queueRows = max(1, rows.height)
    let top = queue.top(visible: rows.height)
    canvas.hidden(above: top, below: shown.count - top - rows.height, in: block)
    for (index, id) in shown.dropFirst(top).prefix(rows.height).enumerated() {
      guard let row = queue.rows[id] else { continue }
      let isSelected = id == queue.selected
      canvas.frame.draw(line(row, columns, isSelected: isSelected), in: rows, row: index)
      guard isSelected else { continue }
      let place = Rect(x: rows.x, y: rows.y + index, width: rows.width, height: 1)
      canvas.frame.restyle(place) { $0.reversed }
      canvas.frame.cursor = place.origin
    }
    if queue.order.isEmpty {
      canvas.frame.draw("  nothing waits", in: rows, row: 0, style: .dim)
    }
  }

  private func head(_ columns: [(QueueColumn, Int)]) -> TextLine {
    var line = TextLine([Span("  ")])
    for (column, width) in columns {
      let text = SafeText(untrusted: column.title).padded(to: width, align: column.align)
      line.spans += [Span(text, .dim), Span(" ")]
    }
    return line
  }

  private func line(
    _ row: BatchSummary, _ columns: [(QueueColumn, Int)], isSelected: Bool
  ) -> TextLine {
    let isGone = row.state.isSettled
    let state: SafeText = isGone ? "~" : marked.contains(row.id) ? "*" : " "
    let marker: SafeText = (isSelected ? ">" : " ") + state
    var line = TextLine([Span(marker, .bold)])
    let kept = layouts.cells(of: row, columns) { column, width in
      column.changesByItself ? .empty : padded(column, width, row)
    }
    for ((column, width), text) in zip(columns, kept) {
      let shown = column.changesByItself ? padded(column, width, row) : text
      let style = column == .risk ? riskStyle(row) : isGone ? Style.dim : .normal
      line.spans += [Span(shown, style), Span(" ")]
    }
    return line
  }

  private func padded(_ column: QueueColumn, _ width: Int, _ row: BatchSummary) -> SafeText {
    var text = cell(column, row)
    if text.width > width {
      text =
        column == .symbols && row.legs > 0
        ? SafeText(untrusted: "\(row.symbols.count) sym")
        : text.prefix(cells: max(0, width - 1)) + ">"
    }
    return text.padded(to: width, align: column.align)
  }

  private func riskStyle(_ row: BatchSummary) -> Style {
    row.state.isOpen ? severity(of: row).style : .dim
  }

  private func cell(_ column: QueueColumn, _ row: BatchSummary) -> SafeText {
    let isOpen = row.state.isOpen
    switch column {
    case .id: return SafeText(untrusted: Self.tail(row.id))
    case .age: return SafeText(untrusted: Words.length(now - row.receivedAt))
    case .timeLeft:
      return isOpen ? SafeText(untrusted: Words.length(row.expiresAt - now)) : "-"
    case .agent: return SafeText(untrusted: row.agent.string)
    case .legs: return row.legs > 0 ? SafeText(row.legs) : "call"
    case .symbols:
      return SafeText(
        untrusted: row.legs > 0
          ? row.symbols.map(\.string).joined(separator: " ") : row.tool.string)
    case .gross: return short(row.grossNotional, signed: false)
    case .net: return short(row.netNotional, signed: true)
    case .risk: return SafeText(untrusted: risk(row))
    case .signed: return SafeText(untrusted: "\(row.signedBy.count)/\(row.quorum)")
    case .tool: return SafeText(untrusted: row.tool.string)
    case .waiting: return isOpen ? SafeText(untrusted: waiting(row)) : "-"
    case .revision: return SafeText(row.revision)
    }
  }

  private func short(_ amount: Amount?, signed: Bool) -> SafeText {
    guard let amount else { return "?" }
    return SafeText(
      untrusted: (amount.estimated ? "~" : "") + Words.short(amount.amount, signed: signed))
  }

  func waiting(_ row: BatchSummary) -> String {
    if row.isAgentGone { return "gone" }
    return row.isAgentWaiting ? "now" : Words.length(now - row.lastAskedAt)
  }

  private func risk(_ row: BatchSummary) -> String {
    if queue.vanished.contains(row.id) { return "gone" }
    if let verb = inFlight[row.id] { return "\(verb.rawValue)..." }
    switch row.state {
    case .cooling:
      return "held " + (row.coolingUntil.map { Words.length($0 - now) } ?? "?")
    case .pending, .partlySigned:
      let worst = severity(of: row)
      let count = row.findings.count { $0.severity == worst }
      let signed = row.signedBy.isEmpty ? "" : " \(row.signedBy.count)/\(row.quorum)"
      return worst.shortWord + (count > 0 && worst != .pass ? " \(count)" : "") + signed
    default: return row.state.words
    }
  }
}

/// A column of the list.
enum QueueColumn: CaseIterable, Hashable {
  case id, age, timeLeft, agent, legs, symbols, gross, net, risk, waiting, revision, signed, tool

  var title: String {
    switch self {
    case .id: "ID"
    case .age: "AGE"
    case .timeLeft: "TTL"
    case .agent: "AGENT"
    case .legs: "N"
    case .symbols: "SYMBOLS"
    case .gross: "GROSS"
    case .net: "NET"
    case .risk: "RISK"
    case .waiting: "AGENT ASKS"
    case .revision: "REV"
    case .signed: "SIGNED"
    case .tool: "TOOL"
    }
  }

  /// Whether more than the row itself decides what it says: the time, or what is under way.
  var changesByItself: Bool {
    switch self {
    case .age, .timeLeft, .waiting, .risk: true
    case .id, .agent, .legs, .symbols, .gross, .net, .revision, .signed, .tool: false
    }
  }

  var align: Alignment {
    switch self {
    case .id, .agent, .symbols, .risk, .tool: .left
    case .age, .timeLeft, .legs, .gross, .net, .waiting, .revision, .signed: .right
    }
  }

  private var width: Int {
    switch self {
    case .id: 6
    case .age, .timeLeft: 6
    case .agent: 10
    case .legs: 4
    case .symbols: 8
    case .gross: 7
    case .net: 8
    case .risk: 12
    case .waiting: 10
    case .revision: 3
    case .signed: 6
    case .tool: 20
    }
  }

  /// The columns that fit, in their order; the symbols and then the agent take what is left.
  static func fitting(_ room: Int) -> [(QueueColumn, Int)] {
    let needed: [QueueColumn] = [.id, .timeLeft, .legs, .symbols, .risk]
    let more: [QueueColumn] = [.age, .agent, .gross, .net, .waiting, .revision, .signed, .tool]
    var chosen = Set(needed)
    var used = 2 + needed.reduce(0) { $0 + $1.width + 1 }
    for column in more {
      // Stops at the first that does not fit: a wider list never trades one column for another.
      guard used + column.width + 1 <= room else { break }
      chosen.insert(column)
      used += column.width + 1
    }
    var spare = max(0, room - used)
    let symbols = min(spare, 20)
    spare -= symbols
    return allCases.filter(chosen.contains).map { column in
      switch column {
      case .symbols: (column, column.width + symbols)
      case .agent: (column, column.width + min(spare, 12))
      default: (column, column.width)
      }
    }
  }
}
