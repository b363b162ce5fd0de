import Cryptography
import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// The selected batch: head, legs, findings, sums. Rows that were painted whole count as seen.
  func drawBatch(_ canvas: inout Canvas, in block: Rect) {
    let inside = block.split(top: 1).rest
    let isFocused = screen == .batch || pane == .batch
    guard let row = queue.selectedRow else {
      canvas.frame.title("no batch selected", in: block, isFocused: isFocused)
      return
    }
    let content = currentContent(of: row)
    let parts = layouts.parts(of: row, content, width: inside.width)
    let lines =
      TextLine.flow(lead(row), width: inside.width, indent: 3) + changes(row, inside.width)
      + parts.checked + (isMarketBeside(canvas) ? [] : marketLines(of: row, width: inside.width))
      + parts.statement
    canvas.painted.extents.batchRows = max(1, inside.height)
    canvas.painted.extents.batchScroll = canvas.draw(lines, in: inside, from: batchScroll)
    if let content {
      canvas.painted.batch = row.id
      canvas.painted.version = content.version
    }
    let top = min(batchScroll, canvas.painted.extents.batchScroll)
    let below = lines.count - top - inside.height
    let above = top > 0 ? " \(top) above," : ""
    let more = below > 0 ? "\(above) \(below) more rows: \(keymap.label(of: .pageDown)) " : above
    let tail = SafeText(untrusted: below > 0 || above.isEmpty ? more : " \(top) above ")
    let room = block.width - tail.width - 8
    let words = title(row, content, parts.wanted)
    // A digest of which a part is hidden says nothing; it stands whole below.
    let digest = SafeText(untrusted: " sha \(Words.digest(row.digest.hex))")
    let isWhole = words.width + digest.width <= room
    canvas.frame.title(
      isWhole ? words + digest : words.prefix(cells: room), in: block, isFocused: isFocused)
    canvas.frame.draw(tail, at: Point(x: block.right - tail.width - 1, y: block.y), style: .key)
  }

  /// Whether the market has a column of its own on this screen.
  private func isMarketBeside(_ canvas: Canvas) -> Bool {
    screen == .dashboard && canvas.frame.size.width >= Layout.columnsWidth
  }

  /// What is different from the rejected batch that it follows; nothing while that is not known.
  private func changes(_ row: BatchSummary, _ width: Int) -> [TextLine] {
    guard row.state.isOpen, row.supersedes != nil else { return [] }
    return differenceLines(of: row, width: width) ?? []
  }

  func currentContent(of row: BatchSummary) -> BatchContent? {
    guard let content = contents[row.id],
      content.version == ContentVersion(revision: row.revision, digest: row.digest)
    else { return nil }
    return content
  }

  private func title(
    _ row: BatchSummary, _ content: BatchContent?, _ wanted: [SeenItem]
  ) -> SafeText {
    var words = "\(Self.tail(row.id)) rev \(row.revision) \(row.agent)"
    words += row.legs > 0 ? " " + Words.count(row.legs, "leg", "legs") : " \(row.tool)"
    if row.state.isOpen, let content {
      let record = seen[row.id].flatMap { $0.version == content.version ? $0 : nil }
      let missing = record.map { $0.missing(of: wanted).count } ?? wanted.count
      words += " seen \(wanted.count - missing)/\(wanted.count)"
    }
    return SafeText(untrusted: words)
  }

  /// How the call stands: time left, who waits, who signed, what it follows.
  private func lead(_ row: BatchSummary) -> [Span] {
    var tokens: [Span] = []
    if row.state.isOpen {
      tokens.append(Span(SafeText(untrusted: "TTL \(Words.length(row.expiresAt - now))"), .bold))
      tokens.append(Span(SafeText(untrusted: asks(row)), row.isAgentGone ? .high : .normal))
    } else {
      let words = queue.vanished.contains(row.id) ? "gone" : row.state.words
      tokens.append(Span(SafeText(untrusted: words.uppercased()), .bold))
    }
    if row.state == .cooling, let until = row.coolingUntil {
      let words = "held \(Words.length(until - now)): u recalls"
      tokens.append(Span(SafeText(untrusted: words), .bold))
    }
    let signers = row.signedBy.map(\.string).joined(separator: ", ")
    tokens.append(
      Span(
        SafeText(
          untrusted: "signed \(row.signedBy.count) of \(row.quorum)"
            + (signers.isEmpty ? "" : " (\(signers))"))))
    if row.state.isOpen, !row.roles.isEmpty {
      let names = row.roles.map(\.string).joined(separator: " or ")
      tokens.append(Span(SafeText(untrusted: "may sign: \(names)"), .dim))
    }
    if let pause = pause(of: row.agent) {
      tokens.append(Span(SafeText(untrusted: "AGENT PAUSED by \(pause.by)"), .blocked))
    }
    if !row.outcome.isEmpty { tokens.append(Span(SafeText(untrusted: row.outcome))) }
    if let inquiry = row.inquiry {
      tokens.append(Span(SafeText(untrusted: inquiry.words), .unchecked))
    }
    if let id = row.supersedes {
      tokens.append(Span(SafeText(untrusted: "follows rejected \(id)"), .note))
    }
    if let id = row.identicalTo {
      tokens.append(Span(SafeText(untrusted: "identical to \(id)"), .warn))
    }
    return tokens
  }

  private func asks(_ row: BatchSummary) -> String {
    if row.isAgentGone { return "agent gone, not approvable until it returns" }
    return row.isAgentWaiting
      ? "agent waits now" : "agent last asked \(Words.length(now - row.lastAskedAt)) ago"
  }
}

/// The rows of one batch for one width, but those that change with the time.
struct BatchView {
  let row: BatchSummary
  let content: BatchContent?
  let width: Int

  /// The rows that are laid out anew only when the batch changes.
  struct Parts {
    /// Groups, sums, legs and findings.
    let checked: [TextLine]
    /// What identifies the statement.
    let statement: [TextLine]
    /// What has to be seen.
    let wanted: [SeenItem]
  }

  var parts: Parts {
    let groups = FindingGroup.groups(of: row.findings)
    var all = counts(groups)
    guard let content else {
      all.append(TextLine(" reading what would be sent ...", .dim))
      return Parts(checked: all, statement: [], wanted: [])
    }
    if let problem = content.problem {
      all += TextLine.paragraph(SafeText(untrusted: problem), .blocked, width: width)
    }
    switch content.body {
    case .orders(let batch, let worth):
      let sums = SumLines(batch: batch, worth: worth, row: row, width: width)
      all += sums.head
      all += LegLines(batch: batch, worth: worth, findings: row.findings, width: width).lines
      all += findings(groups)
      all += sums.rest
    case .call(let arguments, let reason):
      all += call(arguments, reason)
      all += findings(groups)
    case .unreadable: break
    }
    return Parts(
      checked: all, statement: statement(content),
      wanted: content.seenItems(groups: groups))
  }

  /// One line that names every group, so that none is below a fold.
  private func counts(_ groups: [FindingGroup]) -> [TextLine] {
    var tokens: [Span] = []
    for severity in [Severity.block, .high, .warn, .note] {
      let here = groups.filter { $0.severity == severity }
      guard !here.isEmpty else { continue }
      let names = here.map { "\($0.rule) x\($0.findings.count)" }.joined(separator: ", ")
      tokens.append(Span(SafeText(untrusted: "\(severity.word): \(names)"), severity.style))
    }
    let unchecked = groups.filter { $0.severity == .unchecked }
    let count = unchecked.reduce(0) { $0 + $1.findings.count }
    let names = unchecked.map(\.rule.string).joined(separator: ", ")
    tokens.append(
      Span(
        SafeText(untrusted: "UNCHECKED \(count)" + (count > 0 ? ": \(names)" : "")),
        count > 0 ? .unchecked : .dim))
    if row.passed > 0 { tokens.append(Span(SafeText(untrusted: "passed \(row.passed)"), .dim)) }
    return TextLine.flow(tokens, width: width, indent: 3, gap: 3)
  }

  private func findings(_ groups: [FindingGroup]) -> [TextLine] {
    groups.flatMap { group in
      var lines: [TextLine] = []
      for (index, finding) in group.findings.enumerated() {
        let head = index == 0 ? "\(group.severity.word) \(group.rule)" : "  also \(group.rule)"
        let legs = finding.legs.map { "#\($0)" }.joined(separator: " ")
        var tokens = [
          Span(SafeText(untrusted: head), group.severity.style), Span(SafeText(untrusted: legs)),
          Span(SafeText(untrusted: finding.words)),
        ]
        if finding.needsAcceptance { tokens.append(Span("(to be accepted)", .dim)) }
        lines += TextLine.flow(tokens, width: width, indent: 6, gap: 1)
      }
      return lines.marked(.group(group.rule, group.severity), width: width)
    }
  }

  private func call(_ arguments: JSONObject, _ reason: String?) -> [TextLine] {
    let head: SafeText =
      reason == nil
      ? "HIGH  no order batch: every argument as it will be sent"
      : "HIGH  cannot be read as orders: every argument as it will be sent"
    var lines = TextLine.paragraph(head, .high, width: width)
    if let reason { lines += TextLine.paragraph(SafeText(untrusted: reason), width: width) }
    var body: [TextLine] = []
    for (key, value) in arguments.members {
      let text =
        JSONWriter.canonicalText(of: .string(key)) + ": "
        + JSONWriter.canonicalText(of: value)
      body += TextLine.paragraph(SafeText(untrusted: text), width: width, indent: 3)
    }
    if body.isEmpty { body = [TextLine("   no arguments", .dim)] }
    return lines + body.marked(.arguments, width: width)
  }

  private func statement(_ content: BatchContent) -> [TextLine] {
    guard let statement = content.statement else { return [] }
    let tokens = [
      "id \(statement.batch)", "tool \(statement.tool)", "upstream \(statement.upstream)",
      "environment \(statement.environment)", "expires \(statement.expiresAt.clock)Z",
      "quorum \(statement.quorum)", "policy \(Words.digest(statement.policyDigest.hex))",
      "tool definition \(Words.digest(statement.toolFingerprint.hex))",
      "digest \(content.version.digest.hex)",
    ].map { Span(SafeText(untrusted: $0), .dim) }
    return TextLine.flow(tokens, width: width, indent: 3)
  }
}

extension [TextLine] {
  /// The same rows, each marked as one part of an item.
  func marked(_ item: SeenItem, width: Int) -> [TextLine] {
    enumerated().map { index, line in
      var line = line
      line.mark = SeenMark(item: item, part: index, parts: count, width: width)
      return line
    }
  }
}
