import Cryptography
import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// The ledger: newest entries first, the one under the cursor in full, and the chain's state.
  func drawAudit(_ canvas: inout Canvas, in block: Rect) {
    var title = "audit: \(ledger.size) entries"
    if !auditFilter.isEmpty {
      title +=
        " filter /\(auditFilter): \(ledger.indexes(matching: auditFilter).count) of "
        + "\(ledger.entries.count) read"
    }
    canvas.frame.title(SafeText(untrusted: title), in: block, isFocused: true)
    let inside = block.split(top: 1).rest
    let (chain, rest) = inside.split(top: min(chainLines(inside.width).count, inside.height / 3))
    _ = canvas.draw(chainLines(chain.width), in: chain, from: 0)
    let isWide = rest.width >= Layout.splitWidth
    let (list, detail) =
      isWide ? rest.split(left: rest.width / 2) : rest.split(top: rest.height / 2)
    drawEntries(&canvas, in: list)
    drawEntry(&canvas, in: detail)
  }

  private func chainLines(_ width: Int) -> [TextLine] {
    var tokens: [Span] = []
    if let status {
      tokens.append(Span(SafeText(untrusted: "root \(status.ledgerRoot.hex)")))
      tokens.append(Span(SafeText(untrusted: "size \(status.ledgerSize)")))
      let isBehind = status.ledgerSize < ledger.size
      if isBehind { tokens.append(Span("the status is older than the list", .dim)) }
    }
    let read = "read \(ledger.entries.count)"
    tokens.append(Span(SafeText(untrusted: read), .dim))
    if ledger.gaps > 0 {
      tokens.append(
        Span(SafeText(untrusted: "\(ledger.gaps) indexes not read between them"), .unchecked))
    }
    var lines = TextLine.flow(tokens, width: width, indent: 3)
    if let checkpoint = ledger.checkpoint {
      let parts = SafeText.lines(untrusted: checkpoint, limit: 8).filter { !$0.isEmpty }
      let text = parts.joined(separator: " ")
      lines += TextLine.paragraph("checkpoint " + text, .dim, width: width)
    } else {
      lines.append(TextLine(" checkpoint not read yet", .dim))
    }
    return lines
  }

  private func drawEntries(_ canvas: inout Canvas, in block: Rect) {
    canvas.frame.title("entries, newest first", in: block)
    let rows = block.split(top: 1).rest
    canvas.painted.extents.auditRows = max(1, rows.height)
    let all = ledger.indexes(matching: auditFilter)
    guard let current = ledger.current,
      let at = all.firstIndex(where: { $0 <= current }) ?? all.indices.last
    else {
      let words: SafeText = ledger.isLoading ? " reading ..." : " no entries"
      canvas.frame.draw(words, in: rows, row: 0, style: .dim)
      return
    }
    let top = min(max(0, at - rows.height / 2), max(0, all.count - rows.height))
    canvas.hidden(above: top, below: all.count - top - rows.height, in: block)
    for (index, entry) in all.dropFirst(top).prefix(rows.height).enumerated() {
      guard let object = ledger.entries[entry] else { continue }
      canvas.frame.draw(line(entry, object), in: rows, row: index)
      guard entry == current else { continue }
      let place = Rect(x: rows.x, y: rows.y + index, width: rows.width, height: 1)
      canvas.frame.restyle(place) { $0.reversed }
      canvas.frame.cursor = place.origin
    }
  }

  private func line(_ index: Int, _ entry: JSONObject) -> TextLine {
    let time = Self.first(of: ["at", "time", "ts"], in: entry)
      .map { Timestamp(rfc3339: $0)?.clock ?? $0 }
    let kind = Self.first(of: ["kind", "type", "event"], in: entry)
    // Only a batch is known by the end of its id; any other subject stands among the words.
    let subject = entry["subject"]?.stringValue.flatMap { BatchID($0) }.map { Self.tail($0) }
    return TextLine([
      Span(SafeText(index).padded(to: 7, align: .right), .dim), Span("  "),
      Span(SafeText(untrusted: time ?? "-").padded(to: 8)), Span("  "),
      Span(SafeText(untrusted: kind ?? "?").padded(to: 14), .bold), Span("  "),
      Span(SafeText(untrusted: subject ?? "-").padded(to: 6)), Span("  "),
      Span(SafeText(untrusted: Self.gist(entry["body"]))),
    ])
  }

  /// Who and what, of the many forms of entries.
  private static func gist(_ body: JSONValue?) -> String {
    let keys: [Text] = [
      "by", "agent", "tool", "symbol", "side", "quantity", "price", "status", "filled", "rule",
      "outcome", "cause", "reason", "words",
    ]
    return keys.compactMap { key in
      // A batch says who and what in its statement.
      guard let value = body?[key] ?? body?["statement"]?[key] else { return nil }
      let names = value.arrayValue?.compactMap(\.stringValue).joined(separator: ", ")
      let words = value.stringValue ?? names ?? JSONWriter.canonicalText(of: value)
      return words.isEmpty ? nil : key == "by" ? "by \(words)" : words
    }
    .joined(separator: " ")
  }

  private static func first(of keys: [Text], in entry: JSONObject) -> String? {
    keys.lazy.compactMap { entry[$0]?.stringValue }.first
  }

  private func drawEntry(_ canvas: inout Canvas, in block: Rect) {
    guard let current = ledger.current, let entry = ledger.entries[current] else { return }
    let words = "entry \(current)\(pane == .batch ? "" : " (Tab: scroll it)")"
    canvas.frame.title(SafeText(untrusted: words), in: block, isFocused: pane == .batch)
    let rows = block.split(top: 1).rest
    // The body is the longest: it comes last.
    let members =
      entry.members.filter { $0.key != "body" } + entry.members.filter { $0.key == "body" }
    let lines = members.flatMap { key, value in
      let words = value.stringValue ?? JSONWriter.canonicalText(of: value)
      return TextLine.flow(
        [Span(SafeText(untrusted: "\(key):"), .title), Span(SafeText(untrusted: words))],
        width: rows.width, indent: 5, gap: 1)
    }
    canvas.painted.extents.auditScroll = max(0, lines.count - rows.height)
    _ = canvas.draw(lines, in: rows, from: min(auditScroll, max(0, lines.count - rows.height)))
  }
}
