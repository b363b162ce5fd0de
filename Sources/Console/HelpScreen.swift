import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// The key table in words, made from the same bindings that the footer is made from.
  func drawHelp(_ canvas: inout Canvas, in block: Rect) {
    canvas.frame.title("help", in: block, isFocused: true)
    let inside = block.split(top: 1).rest
    let labelWidth = min(16, keymap.bindings.map(\.label.width).max() ?? 10)
    var lines = keymap.bindings.flatMap { binding in
      TextLine.flow(
        [
          Span(binding.label.padded(to: labelWidth), .key),
          Span(binding.words),
          Span(SafeText(untrusted: places(binding)), .dim),
        ], width: inside.width, indent: labelWidth + 3, gap: 2)
    }
    lines.append(.blank)
    for text in Self.rules { lines += TextLine.paragraph(text, width: inside.width) }
    lines.append(.blank)
    for verb in CommandLine.Verb.allCases {
      lines += TextLine.paragraph(SafeText(untrusted: ":" + verb.words), width: inside.width)
    }
    for warning in status?.warnings ?? [] {
      lines += TextLine.paragraph(
        SafeText(untrusted: "warning: \(warning)"), .warn, width: inside.width)
    }
    canvas.painted.extents.helpScroll = canvas.draw(lines, in: inside, from: helpScroll)
    let top = min(helpScroll, canvas.painted.extents.helpScroll)
    canvas.hidden(
      above: top, below: lines.count - top - inside.height, in: block, more: moreKey)
  }

  /// What the rows that are hidden can be reached with.
  var moreKey: SafeText { SafeText(untrusted: keymap.label(of: .pageDown)) }

  private func places(_ binding: Binding) -> String {
    guard binding.screens.count < ScreenKind.allCases.count else { return "" }
    let names = ScreenKind.allCases.filter(binding.screens.contains).map(\.rawValue)
    return "(\(names.joined(separator: ", ")))"
  }

  private static let rules: [SafeText] = [
    "An approval takes: every leg and finding seen; the approve key; a pause without keys; for HIGH",
    "and UNCHECKED each finding accepted by its number and the largest leg typed as it will be sent;",
    "then the two digits that the panel shows. A batch that can only reduce needs the digits alone.",
    "BLOCK cannot be approved. Any change, paste, resize or lost focus closes the panel.",
    "No key approves by itself: not A, not Enter, not y, not the mouse.",
  ]
}
