import Cryptography
import JSON
import OperatorProtocol
package import Terminal
import Time

extension ConsoleModel {
  /// Every tool, what must be accepted first.
  func drawTools(_ canvas: inout Canvas, in block: Rect) {
    let width = block.width
    var head: [TextLine] = []
    if let problem = pageProblems[.tools] {
      head += TextLine.paragraph(SafeText(untrusted: problem), .warn, width: width)
    }
    guard !tools.isEmpty else {
      if head.isEmpty {
        head = [TextLine(pageAskedAt[.tools] == nil ? " reading ..." : " no tool is known", .dim)]
      }
      return canvas.page("tools", head, in: block, from: 0, more: "")
    }
    head += TextLine.paragraph(
      SafeText(untrusted: toolWords), toolsWaiting > 0 ? .warn : .dim, width: width)
    var table = Table([
      "  TOOL": .left, "STATE": .left, "REV": .right, "ACCEPTED": .left, "LISTED": .left,
      "BY": .left, "SINCE": .left,
    ])
    table.rows = tools.map(cells)
    let lines = table.lines(width: width)
    let inside = block.split(top: 1).rest
    let room = max(1, inside.height - head.count - 1)
    let at = tools.firstIndex { ToolName($0) == toolCursor } ?? 0
    let most = max(0, tools.count - room)
    canvas.painted.extents.pageScroll = most
    let top = min(max(0, at - room / 2), most)
    canvas.frame.title(SafeText(untrusted: "tools: \(tools.count)"), in: block, isFocused: true)
    canvas.hidden(above: top, below: tools.count - top - room, in: block)
    let shown = head + [lines[0]] + lines.dropFirst(1 + top).prefix(room)
    _ = canvas.draw(Array(shown), in: inside, from: 0)
    let row = head.count + 1 + at - top
    guard row < inside.height else { return }
    let place = Rect(x: inside.x, y: inside.y + row, width: width, height: 1)
    canvas.frame.restyle(place) { $0.reversed }
    canvas.frame.cursor = place.origin
  }

  /// Tools that are denied until somebody accepts them.
  var toolsWaiting: Int { tools.count(where: \.needsAcceptance) }

  private var toolWords: String {
    let open = keymap.label(of: .open)
    guard toolsWaiting > 0 else {
      return "Every listed tool is as it was accepted. \(open) shows a definition."
    }
    let (changed, new) = (
      tools.count { $0.state == .drifted }, tools.count { $0.state == .unknown }
    )
    return "\(changed) changed, \(new) new: calls of them are denied until the definition is "
      + "accepted. \(open) shows what changed; there \(keymap.label(of: .accept)) accepts it."
  }

  private func cells(_ tool: ToolView) -> [Span] {
    let mark = ToolName(tool) == toolCursor ? "> " : "  "
    func short(_ digest: Digest?) -> Span {
      digest.map { Span(SafeText(untrusted: Words.digest($0.hex))) } ?? Span("-", .dim)
    }
    return [
      Span(SafeText(untrusted: mark + ToolName(tool).words), .bold), tool.state.span,
      Span(SafeText(tool.revision)), short(tool.accepted), short(tool.seen),
      Span(
        SafeText(untrusted: tool.acceptedBy?.string ?? (tool.accepted == nil ? "-" : "first sight"))
      ),
      Span(SafeText(untrusted: tool.acceptedAt.map { "\($0)".prefix(16) + "Z" } ?? "-")),
    ]
  }

  // MARK: One definition

  /// What differs between the accepted definition and the one that is listed.
  func drawDefinition(_ canvas: inout Canvas, in block: Rect) {
    guard let tool = selectedTool else {
      return canvas.page(
        "no tool", [TextLine(" its upstream does not list it any more", .unchecked)], in: block,
        from: 0, more: "")
    }
    let what = tool.needsAcceptance ? "what changed" : "the accepted definition"
    let title = SafeText(untrusted: "\(ToolName(tool).words): \(what)")
    guard let definitions = currentDefinitions else {
      return canvas.page(
        title, [TextLine(" reading both definitions ...", .dim)], in: block, from: 0, more: "")
    }
    let lines = DefinitionLines(definitions: definitions, width: block.width).lines
    canvas.painted.definition = tool.version
    canvas.page(title, lines, in: block, from: pageScroll, more: moreKey)
  }
}

extension ToolView.State {
  var span: Span {
    switch self {
    case .pinned: Span("accepted", .ok)
    case .drifted: Span("CHANGED", .high)
    case .unknown: Span("NEW", .high)
    case .absent: Span("not listed", .dim)
    }
  }
}

/// A tool's definitions as rows: what is accepted, what is listed, and the difference. What changed
/// must have been on the screen whole before it can be accepted.
struct DefinitionLines {
  let definitions: ToolDefinitions
  let width: Int

  var lines: [TextLine] { mark(head + [.blank] + difference) }

  private var head: [TextLine] {
    let tool = definitions.tool
    let by = tool.acceptedBy.map { "by \($0)" } ?? "at first sight"
    var tokens = tool.state == .pinned ? [] : [tool.state.span]
    if let accepted = tool.accepted {
      tokens.append(
        Span(SafeText(untrusted: "accepted \(accepted.hex) \(by), rev \(tool.revision)")))
    } else {
      tokens.append(Span("never accepted"))
    }
    if let seen = tool.seen, seen != tool.accepted {
      tokens.append(Span(SafeText(untrusted: "listed now \(seen.hex)"), .bold))
    }
    if !definitions.isConsistent {
      tokens.append(Span("DIGEST MISMATCH: THIS IS NOT WHAT IS LISTED", .blocked))
    }
    return TextLine.flow(tokens, width: width, indent: 3)
  }

  private var difference: [TextLine] {
    let isSame = definitions.tool.seen == definitions.tool.accepted
    let lines = DefinitionDiff.lines(
      from: definitions.old, to: definitions.new, context: isSame ? nil : 3)
    return lines.flatMap { line in
      TextLine.flow(
        [Span(line.mark.sign, line.mark.style), Span(line.text, line.mark.style)], width: width,
        indent: 5, gap: 1)
    }
  }

  private func mark(_ lines: [TextLine]) -> [TextLine] {
    lines.enumerated().map { index, line in
      var line = line
      line.mark = SeenMark(item: .definition, part: index, parts: lines.count, width: width)
      return line
    }
  }
}

extension DiffLine.Mark {
  /// How the line begins.
  package var sign: SafeText {
    switch self {
    case .same: " "
    case .removed: "-"
    case .added: "+"
    case .skipped: "~"
    }
  }

  var style: Style {
    switch self {
    case .same, .skipped: .dim
    case .removed: .accent
    case .added: .bold
    }
  }
}

/// What a panel says of the definition that is accepted.
struct AcceptanceLines {
  let acceptance: ToolAcceptance
  let width: Int

  var lines: [TextLine] {
    let name = "\(acceptance.upstream)/\(acceptance.tool)"
    let old = acceptance.old.map { "instead of \($0.hex)" } ?? "never accepted before"
    return [
      [Span("ACCEPT THE DEFINITION OF", .banner), Span(SafeText(untrusted: name), .bold)],
      [Span(SafeText(untrusted: "definition \(acceptance.new.hex)"), .bold)],
      [Span(SafeText(untrusted: "\(old), rev \(acceptance.revision)"))],
      [Span(SafeText(untrusted: "reason \(acceptance.reason)"))],
    ].flatMap { TextLine.flow($0, width: width, first: 0, indent: 4) }
  }
}
