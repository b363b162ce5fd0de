import Cryptography
import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// The rules in words, what decided how often, and what the gateway warns about.
  func drawPolicy(_ canvas: inout Canvas, in block: Rect) {
    let width = block.width
    var lines: [TextLine] = []
    if let problem = pageProblems[.policy] {
      lines += TextLine.paragraph(SafeText(untrusted: problem), .warn, width: width)
    }
    guard let policy else {
      if lines.isEmpty { lines = [TextLine(" reading ...", .dim)] }
      return canvas.page("policy", lines, in: block, from: 0, more: "")
    }
    let isInForce = status?.policyDigest == policy.digest
    lines += TextLine.flow(
      [
        Span(SafeText(untrusted: "digest \(policy.digest.hex)"), .bold),
        Span(isInForce ? "in force" : "being read anew", isInForce ? .ok : .unchecked),
      ], width: width, indent: 3)
    for warning in policy.warnings {
      lines += TextLine.paragraph(
        SafeText(untrusted: "warning: \(warning)"), .warn, width: width)
    }
    if toolsWaiting > 0 {
      let words =
        "tools: \(Words.count(toolsWaiting, "definition waits", "definitions wait")) to be "
        + "accepted, and calls are denied until then; \(keymap.label(of: .showTools)) shows them"
      lines += TextLine.paragraph(SafeText(untrusted: words), .warn, width: width)
    } else if !tools.isEmpty {
      lines.append(
        TextLine(SafeText(untrusted: " tools: all \(tools.count) as they were accepted"), .dim))
    }
    lines += [.blank, TextLine(" what decided, since the gateway started", .title)]
    if policy.hits.isEmpty { lines.append(TextLine(" nothing yet", .dim)) }
    var table = Table(["COUNT": .right, "RULE": .left])
    table.rows = policy.hits.map {
      [Span(SafeText($0.count), .bold), Span(SafeText(untrusted: $0.rule))]
    }
    if !policy.hits.isEmpty { lines += table.lines(width: width) }
    lines += [.blank, TextLine(" the rules, as they were read", .title)]
    lines += policy.rules.flatMap {
      TextLine.paragraph(SafeText(untrusted: $0), width: width)
    }
    canvas.page("policy", lines, in: block, from: pageScroll, more: moreKey)
  }
}
