import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// Every agent: whether it may go on, what of it waits, and its pace.
  func drawAgents(_ canvas: inout Canvas, in block: Rect) {
    let width = block.width
    var lines: [TextLine] = []
    if let problem = pageProblems[.agents] {
      lines += TextLine.paragraph(SafeText(untrusted: problem), .warn, width: width)
    }
    guard !agents.isEmpty else {
      if lines.isEmpty { lines = [TextLine(" reading ...", .dim)] }
      return canvas.page("agents", lines, in: block, from: 0, more: "")
    }
    var table = Table([
      "  AGENT": .left, "STATE": .left, "WAITS": .right, "LAST 2 MIN": .right, "HELD": .right,
      "ALLOWED": .right, "DENIED": .right, "LAST CALL": .right,
    ])
    table.rows = agents.map(cells)
    let first = lines.count + 1
    lines += table.lines(width: width)
    lines.append(.blank)
    if let name = agentCursor { lines += agentLines(name, width) }
    canvas.page(
      SafeText(untrusted: "agents: \(agents.count), \(status?.paused.count ?? 0) paused"), lines,
      in: block, from: pageScroll, more: moreKey)
    guard let at = agents.firstIndex(where: { $0.name == agentCursor }) else { return }
    let row = first + at - pageScroll + 1
    guard row > 0, row < block.height else { return }
    let place = Rect(x: block.x, y: block.y + row, width: width, height: 1)
    canvas.frame.restyle(place) { $0.reversed }
    canvas.frame.cursor = place.origin
  }

  private func cells(_ agent: AgentView) -> [Span] {
    let mark = agent.name == agentCursor ? "> " : "  "
    let state =
      agent.isRevoked
      ? Span("revoked", .dim)
      : pause(of: agent.name) == nil ? Span("may go on", .ok) : Span("PAUSED", .blocked)
    return [
      Span(SafeText(untrusted: mark + agent.name.string), .bold), state,
      Span(SafeText(agent.waiting), agent.waiting > 0 ? .bold : .normal),
      Span(SafeText(agent.recent)), Span(SafeText(agent.held)), Span(SafeText(agent.allowed)),
      Span(SafeText(agent.denied)),
      Span(SafeText(untrusted: agent.lastCallAt.map { "\(Words.length(now - $0)) ago" } ?? "-")),
    ]
  }

  private func agentLines(_ name: Text, _ width: Int) -> [TextLine] {
    var lines: [TextLine] = []
    let key = keymap.label(of: .pause)
    if let pause = pause(of: name) {
      let words =
        "\(name) is paused by \(pause.by) since \(pause.since.clock)Z: \(pause.reason). "
        + "Nothing of it is signed, sent or taken in; reads and cancels pass. \(key) asks to resume."
      lines += TextLine.paragraph(SafeText(untrusted: words), .warn, width: width)
    } else {
      lines += TextLine.paragraph(
        SafeText(untrusted: "\(key) pauses \(name) at once."), .dim, width: width)
    }
    let waiting = queue.open.filter { $0.agent == name }
    lines += waiting.flatMap { row in
      let worst = severity(of: row)
      return TextLine.flow(
        [
          Span(SafeText(untrusted: "waits \(Self.tail(row.id))")),
          Span(SafeText(untrusted: row.legs > 0 ? Words.count(row.legs, "leg", "legs") : "call")),
          Span(SafeText(untrusted: row.symbols.map(\.string).joined(separator: " "))),
          Span(SafeText(untrusted: worst.word), worst.style),
        ], width: width, indent: 3)
    }
    return lines
  }
}
