import Cryptography
import JSON
import OperatorProtocol
import Orders
import Terminal
import Time

extension ConsoleModel {
  // MARK: The bytes

  /// The statement as it is signed, byte for byte, with its digest computed here.
  func drawJSON(_ canvas: inout Canvas, in block: Rect) {
    guard let row = queue.selectedRow else {
      return canvas.frame.title("no batch selected", in: block, isFocused: true)
    }
    let title = SafeText(untrusted: "\(Self.tail(row.id)) rev \(row.revision): what is signed")
    let inside = block.split(top: 1).rest
    guard let content = currentContent(of: row), let statement = content.statement else {
      return canvas.page(
        title, [TextLine(" reading what would be sent ...", .dim)], in: block, from: 0, more: "")
    }
    let bytes = statement.canonicalBytes
    var lines = TextLine.flow(
      [
        Span(SafeText(untrusted: "sha256 \(content.version.digest.hex)"), .bold),
        Span(SafeText(untrusted: "\(bytes.count) bytes")),
        SHA256.hash(bytes) == content.version.digest
          ? Span("computed here from the bytes below: the same", .ok)
          : Span("NOT THE DIGEST OF THE BYTES BELOW", .blocked),
      ], width: inside.width, indent: 3)
    lines.append(.blank)
    lines += TextLine.paragraph(SafeText(untrusted: bytes), width: inside.width)
    canvas.page(title, lines, in: block, from: pageScroll, more: moreKey)
  }

  // MARK: The past

  /// The selected batch beside the one that it follows.
  func drawDifference(_ canvas: inout Canvas, in block: Rect) {
    let width = block.width
    guard let row = queue.selectedRow else {
      return canvas.frame.title("no batch selected", in: block, isFocused: true)
    }
    let title = SafeText(untrusted: "\(Self.tail(row.id)): what is different")
    guard let older = row.supersedes else {
      let words: SafeText = " it follows no rejected batch"
      return canvas.page(title, [TextLine(words, .dim)], in: block, from: 0, more: "")
    }
    var lines = TextLine.paragraph(
      SafeText(untrusted: "it follows \(older), which was rejected"), width: width)
    lines +=
      differenceLines(of: row, width: width) ?? [
        TextLine(" what was rejected cannot be read any more", .unchecked)
      ]
    canvas.page(title, lines, in: block, from: pageScroll, more: moreKey)
  }

  /// Nil where one of the two has not been read, or is no order batch.
  func differenceLines(of row: BatchSummary, width: Int) -> [TextLine]? {
    guard let older = row.supersedes.flatMap({ contents[$0] }), let newer = currentContent(of: row),
      case .orders(let old, _) = older.body, case .orders(let new, _) = newer.body
    else { return nil }
    return BatchDifference(old: old, new: new).lines(width: width)
  }
}

/// Field by field what differs between two order batches. Legs are compared by their place.
struct BatchDifference {
  struct Change: Hashable {
    var leg: Int
    var field: String
    /// Nil where the leg or the field was not there, or is not any more.
    var before: String?
    var after: String?
  }

  let changes: [Change]

  init(old: OrderBatch, new: OrderBatch) {
    var changes: [Change] = []
    if old.category != new.category {
      changes.append(
        Change(
          leg: 0, field: "category", before: old.category.rawValue, after: new.category.rawValue))
    }
    for index in 0..<max(old.legs.count, new.legs.count) {
      let before = index < old.legs.count ? Self.fields(old.legs[index]) : []
      let after = index < new.legs.count ? Self.fields(new.legs[index]) : []
      changes += Self.changes(of: index + 1, before, after)
    }
    self.changes = changes
  }

  /// The link id is new with each batch: it is no change.
  private static func fields(_ leg: Leg) -> [(key: Text, text: String)] {
    leg.allFields.filter { $0.key != "orderLinkId" }.map { ($0.key, $0.text) }
  }

  private static func changes(
    of leg: Int, _ before: [(key: Text, text: String)], _ after: [(key: Text, text: String)]
  ) -> [Change] {
    func value(_ key: Text, in fields: [(key: Text, text: String)]) -> String? {
      fields.first { $0.key == key }?.text
    }
    let keys = before.map(\.key) + after.map(\.key).filter { value($0, in: before) == nil }
    return keys.compactMap { key in
      let (old, new) = (value(key, in: before), value(key, in: after))
      guard old.map({ Text($0) }) != new.map({ Text($0) }) else { return nil }
      return Change(leg: leg, field: key.string, before: old, after: new)
    }
  }

  func lines(width: Int) -> [TextLine] {
    guard !changes.isEmpty else { return [TextLine(" every field is the same", .note)] }
    let legs = changes.map(\.leg).reduce(into: [Int]()) { if !$0.contains($1) { $0.append($1) } }
    return legs.flatMap { leg in
      let own = changes.filter { $0.leg == leg }
      var tokens = [Span(SafeText(untrusted: leg == 0 ? "changed" : "changed #\(leg)"), .bold)]
      if own.allSatisfy({ $0.before == nil }) { tokens.append(Span("a new leg", .warn)) }
      if own.allSatisfy({ $0.after == nil }) { tokens.append(Span("left out", .warn)) }
      tokens += own.map { change in
        let words = "\(change.field) \(change.before ?? "-") -> \(change.after ?? "-")"
        return Span(SafeText(untrusted: words), .warn)
      }
      return TextLine.flow(tokens, width: width, indent: 3)
    }
  }
}
