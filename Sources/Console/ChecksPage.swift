import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// Every check of the selected batch, worst first: what fired as it is now, then those that lack an
  /// account key, passed ones and those that do not apply, as they were when they were read.
  func drawFindings(_ canvas: inout Canvas, in block: Rect) {
    guard let row = queue.selectedRow else {
      return canvas.frame.title("no batch selected", in: block, isFocused: true)
    }
    let width = block.width
    var lines = TextLine.flow(
      Severity.allCases.reversed().map { severity in
        let isPass = severity == .pass
        let count = isPass ? row.passed : row.findings.count { $0.severity == severity }
        let words = isPass ? "passed \(count)" : "\(severity.word) \(count)"
        return Span(SafeText(untrusted: words), count > 0 ? severity.style : .dim)
      } + [Span(SafeText(untrusted: "not applicable \(row.checks.notApplicable)"), .dim)],
      width: width, indent: 3, gap: 3)
    for group in FindingGroup.groups(of: row.findings) {
      lines.append(.blank)
      lines += group.findings.flatMap { CheckLines(finding: $0, width: width).lines }
    }
    let others = currentContent(of: row)?.checks ?? []
    let quiet = row.findings.filter { $0.severity == .pass } + others
    let silent = quiet.filter(\.isNotApplicable)
    let said =
      FindingGroup.groups(of: quiet).flatMap(\.findings)
      + quiet.filter { $0.severity == .pass && !$0.isNotApplicable }
    if !said.isEmpty { lines.append(.blank) }
    lines += said.flatMap { CheckLines(finding: $0, width: width).lines }
    if !silent.isEmpty {
      let names = silent.map { "\($0.rule) \($0.evidence?.title ?? "")" }
      lines.append(.blank)
      lines += TextLine.flow(
        [Span("not applicable:", .dim)]
          + names.map { Span(SafeText(untrusted: $0), .dim) },
        width: width, indent: 6)
    }
    let title = SafeText(untrusted: "\(Self.tail(row.id)) rev \(row.revision): every check")
    canvas.page(title, lines, in: block, from: pageScroll, more: moreKey)
  }

  /// Reads the checks of the selected batch anew for as long as their page is open.
  mutating func wantChecks() -> [ConsoleEffect] {
    guard link == .up, screen == .findings, let row = queue.selectedRow, !row.state.isSettled,
      checksAskedAt[row.id].map({ now - $0 >= Self.pageEvery }) ?? true
    else { return [] }
    checksAskedAt = [row.id: now]
    return [.fetchDetail(row.id)]
  }
}

/// One check in words: what it came to and on which legs, and below that what it asks, what it found,
/// the limit and who set it, and how old its inputs were.
struct CheckLines {
  let finding: FindingView
  let width: Int

  var lines: [TextLine] {
    let legs = finding.legs.map { "#\($0)" }.joined(separator: " ")
    let head = TextLine.flow(
      [
        Span(SafeText(untrusted: finding.severity.word), finding.severity.style),
        Span(SafeText(untrusted: finding.rule.string), .bold),
        Span(SafeText(untrusted: finding.evidence?.title ?? "")), Span(SafeText(untrusted: legs)),
        Span(SafeText(untrusted: finding.words)),
        Span(finding.needsAcceptance ? "(to be accepted)" : "", .dim),
      ], width: width, indent: 6, gap: 1)
    return head + (finding.evidence.map { lines(of: $0) } ?? [])
  }

  private func lines(of evidence: FindingView.Evidence) -> [TextLine] {
    var rows: [(name: String, text: String)] = [("formula", evidence.formula)]
    let limit = evidence.limit.map { "limit \($0)" }
    let author = evidence.setBy.map { "set by: \($0)" }
    let numbers = [evidence.value, limit, author].compactMap(\.self)
    if !numbers.isEmpty { rows.append(("value", numbers.joined(separator: ", "))) }
    if !evidence.inputs.isEmpty {
      let ages = evidence.inputs.map { input in
        let isYoung = input.age < .seconds(60)
        return "\(input.name) \(isYoung ? Words.tenths(input.age) : Words.length(input.age)) old"
      }
      rows.append(("read", ages.joined(separator: ", ")))
    }
    return rows.flatMap { row in
      TextLine.flow(
        [
          Span(SafeText(untrusted: row.name), .dim), Span(SafeText(untrusted: row.text)),
        ], width: width, first: 6, indent: 15, gap: 1)
    }
  }
}

extension BatchSummary {
  /// Rules that passed, whether the gateway counts or lists them.
  var passed: Int { checks.passed + findings.count { $0.severity == .pass } }
}

extension FindingView {
  fileprivate var isNotApplicable: Bool { evidence?.outcome == "not_applicable" }
}
