import Terminal

/// Rows of cells under one head. Columns that do not fit are left out from the right; the first
/// never is.
struct Table {
  struct Column {
    var title: SafeText
    var align: Alignment
  }

  let columns: [Column]
  var rows: [[Span]] = []

  init(_ columns: KeyValuePairs<String, Alignment>) {
    self.columns = columns.map { Column(title: SafeText(ascii: $0.key), align: $0.value) }
  }

  /// The head and the rows in `width` cells.
  func lines(width: Int) -> [TextLine] {
    let widths = columns.indices.map { index in
      rows.reduce(columns[index].title.width) { max($0, $1[index].text.width) }
    }
    var kept = 0
    var used = 0
    for (index, own) in widths.enumerated() {
      let more = own + (index == 0 ? 1 : 2)
      guard index == 0 || used + more <= width else { break }
      used += more
      kept += 1
    }
    let head = columns.prefix(kept).map { Span($0.title, .dim) }
    return [line(head, widths)] + rows.map { line(Array($0.prefix(kept)), widths) }
  }

  private func line(_ cells: [Span], _ widths: [Int]) -> TextLine {
    var line = TextLine([Span(" ")])
    for (index, cell) in cells.enumerated() {
      if index > 0 { line.spans.append(Span("  ")) }
      line.spans.append(
        Span(cell.text.padded(to: widths[index], align: columns[index].align), cell.style))
    }
    return line
  }
}
