import Decimals
import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// Every agent: whether it may go on, what of it waits, its pace and its limits.
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
      "ALLOWED": .right, "DENIED": .right, "LAST CALL": .right, "FULLEST LIMIT": .left,
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
      fullest(of: agent.name),
    ]
  }

  private func fullest(of name: Text) -> Span {
    let own = limits.filter { $0.agent == name }.max { ($0.share ?? 0) < ($1.share ?? 0) }
    guard let own, let share = own.share else { return Span("-", .dim) }
    return Span(SafeText(untrusted: "\(own.counter) ") + own.percent, Self.style(of: share))
  }

  private static func style(of share: ExactDecimal) -> Style {
    share >= 1 ? .high : share >= "0.8" ? .warn : .normal
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
    if !waiting.isEmpty { lines.append(.blank) }
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
    return lines + [.blank] + limitLines(of: name, width)
  }

  /// What counts the agent's calls, then what counts everybody's together.
  private func limitLines(of name: Text, _ width: Int) -> [TextLine] {
    if let problem = pageProblems[.limits] {
      return TextLine.paragraph(SafeText(untrusted: "limits: \(problem)"), .warn, width: width)
    }
    let own = limits.filter { $0.agent == name } + limits.filter { $0.agent == nil }
    guard !own.isEmpty else {
      return [TextLine(" no limit of the policy has counted anything of it", .dim)]
    }
    var table = Table([
      "LIMIT": .left, "USED": .right, "MOST": .right, "FULL": .left, "": .right, "WITHIN": .left,
      "NEXT FREE": .left,
    ])
    table.rows = own.map(cells)
    return table.lines(width: width)
  }

  private func cells(_ limit: LimitView) -> [Span] {
    let share = limit.share ?? 0
    let whose = zip(limit.scope, limit.of).filter { $0.0 != "agent" }.map { ", \($0.0) \($0.1)" }
    let name = limit.counter.string + (limit.agent == nil ? ", all agents" : "") + whose.joined()
    let next = limit.nextFree.map { "in \(Words.length($0 - now))" }
    return [
      Span(SafeText(untrusted: name), .bold),
      Span(SafeText(untrusted: Words.amount(limit.used))),
      Span(SafeText(untrusted: Words.amount(limit.max))),
      Span(Plot(glyphs: glyphs).bar(share, width: 10), Self.style(of: share)),
      Span(limit.percent, Self.style(of: share)),
      Span(SafeText(untrusted: limit.window.map { "\($0)" } ?? "at once")),
      Span(SafeText(untrusted: next ?? "-")),
    ]
  }
}

extension LimitView {
  /// The agent whose calls are counted; nil where all are counted together.
  fileprivate var agent: Text? { zip(scope, of).first { $0.0 == "agent" }?.1 }

  /// Used over most; nil where nothing may be used at all.
  fileprivate var share: ExactDecimal? {
    max.isPositive ? try? used.divided(by: max, scale: 4, rounding: .up) : nil
  }

  /// Rounded up: 100% means that nothing is left, or next to nothing.
  fileprivate var percent: SafeText {
    let whole = share.flatMap { try? ($0 * 100).rescaled(to: 0, rounding: .up) }
    return SafeText(untrusted: whole.map { "\($0)%" } ?? "?")
  }
}
