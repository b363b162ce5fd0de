import Decimals
import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// Every order that is known, by the batch that made it, and the fills.
  func drawOrdersScreen(_ canvas: inout Canvas, in block: Rect) {
    var title = "orders: \(book.liveCount) live, \(book.fills.count) fills"
    if !ordersFilter.isEmpty { title += " filter /\(ordersFilter)" }
    let isWide = block.width >= Layout.splitWidth
    let (side, main) =
      isWide ? block.split(right: block.width / 3) : (Rect(size: Size(width: 0, height: 0)), block)
    let inside = main.split(top: 1).rest
    var lines = orderGroups(inside.width)
    let fills = matchingFills
    if !isWide {
      lines += [.blank, TextLine(" fills, newest first", .title)]
      lines += fills.flatMap { fillLines($0, inside.width) }
    }
    canvas.frame.title(SafeText(untrusted: title), in: main, isFocused: true)
    canvas.painted.extents.ordersScroll = canvas.draw(lines, in: inside, from: ordersScroll)
    let top = min(ordersScroll, canvas.painted.extents.ordersScroll)
    canvas.hidden(above: top, below: lines.count - top - inside.height, in: main, more: moreKey)
    guard isWide else { return }
    let (rule, pane) = side.split(left: 1)
    canvas.frame.verticalRule(at: rule.origin, height: rule.height)
    canvas.frame.title("fills, newest first", in: pane)
    let rows = pane.split(top: 1).rest
    let all = fills.prefix(rows.height).flatMap { fillLines($0, rows.width) }
    let hidden = canvas.draw(all, in: rows, from: 0) + max(0, fills.count - rows.height)
    canvas.hidden(above: 0, below: hidden, in: pane)
  }

  private var matchingFills: [FillView] {
    let words = Self.words(of: ordersFilter)
    return book.fills.reversed().filter { fill in
      words.allSatisfy { word in
        [fill.symbol, fill.agent, fill.side, fill.batch?.text ?? ""].contains { $0.holds(word) }
      }
    }
  }

  static func words(of filter: String) -> [String] {
    filter.lowercased().split(separator: " ").map(String.init)
  }

  /// Batches with their legs, those with live orders first; then orders made elsewhere.
  private func orderGroups(_ width: Int) -> [TextLine] {
    let words = Self.words(of: ordersFilter)
    let all = book.others(than: nil).filter { leg in
      words.allSatisfy { word in
        [
          leg.symbol, leg.agent, leg.side, leg.batch?.text ?? "elsewhere",
          Text(leg.status.rawValue),
        ]
        .contains { $0.holds(word) }
      }
    }
    guard !all.isEmpty else { return [TextLine(" no orders", .dim)] }
    let byBatch = Dictionary(grouping: all, by: \.batch)
    let batches = byBatch.keys.compactMap { $0 }.sorted { a, b in
      let (x, y) = (isLive(byBatch[a]), isLive(byBatch[b]))
      return x == y ? a > b : x
    }
    var lines: [TextLine] = []
    for id in batches {
      let legs = (byBatch[id] ?? []).sorted { $0.leg < $1.leg }
      lines.append(head(of: id, legs))
      if let inquiry = queue.rows[id]?.inquiry {
        let words = SafeText(untrusted: inquiry.words)
        lines += TextLine.paragraph(words, .unchecked, width: width)
      }
      for leg in legs + all.filter({ $0.origin?.batch == id }) {
        lines += orderLines(leg, width, names: false)
      }
    }
    let elsewhere = (byBatch[nil] ?? []).filter { leg in
      leg.origin.map { byBatch[$0.batch] == nil } ?? true
    }
    if !elsewhere.isEmpty {
      lines.append(TextLine(SafeText(untrusted: " made elsewhere: \(elsewhere.count)"), .title))
      for leg in elsewhere { lines += orderLines(leg, width, names: false) }
    }
    return lines
  }

  private func isLive(_ legs: [LegView]?) -> Bool { legs?.contains { !$0.status.isFinal } ?? false }

  private func head(of id: BatchID, _ legs: [LegView]) -> TextLine {
    let filled = legs.count { $0.status == .filled }
    let live = legs.count { !$0.status.isFinal }
    let row = queue.rows[id]
    let words =
      " batch \(Self.tail(id)) \(legs.first?.agent.string ?? "?")"
      + (row.map { " \($0.state.words)" } ?? "")
      + ": \(filled) of \(legs.count) filled, \(live) live"
    return TextLine(SafeText(untrusted: words), .title)
  }
}
