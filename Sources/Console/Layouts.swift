import OperatorProtocol
import Synchronization
import Terminal

/// Batches as they were laid out last: a screen that is drawn again is mostly the same, and laying out
/// is most of what drawing costs. It decides nothing: with it and without, the same is drawn.
final class Layouts: Sendable {
  /// Batches that are kept.
  static let limit = 32

  private struct Layout {
    let row: BatchSummary
    let content: BatchContent?
    let width: Int
    let parts: BatchView.Parts
  }

  /// A row of the list.
  private struct RowLayout {
    let row: BatchSummary
    let widths: [Int]
    let cells: [SafeText]
  }

  /// Rows of the list that are kept.
  static let rowLimit = 128

  private let known = Mutex<[BatchID: Layout]>([:])
  private let knownRows = Mutex<[BatchID: RowLayout]>([:])

  /// The cells of a row, each as `cell` makes it.
  func cells(
    of row: BatchSummary, _ columns: [(QueueColumn, Int)],
    _ cell: (QueueColumn, Int) -> SafeText
  ) -> [SafeText] {
    // Which columns there are follows from their widths.
    let widths = columns.map(\.1)
    let last = knownRows.withLock { $0[row.id] }
    if let last, last.widths == widths, last.row == row { return last.cells }
    let cells = columns.map { cell($0, $1) }
    knownRows.withLock { rows in
      if rows.count >= Self.rowLimit, rows[row.id] == nil { rows.removeAll() }
      rows[row.id] = RowLayout(row: row, widths: widths, cells: cells)
    }
    return cells
  }

  func parts(of row: BatchSummary, _ content: BatchContent?, width: Int) -> BatchView.Parts {
    // Without its content there is little to lay out, and what was laid out with it will be of use again.
    guard content != nil else { return BatchView(row: row, content: nil, width: width).parts }
    let last = known.withLock { $0[row.id] }
    if let last, last.width == width, last.row == row, last.content == content {
      return last.parts
    }
    let parts = BatchView(row: row, content: content, width: width).parts
    known.withLock { known in
      if known.count >= Self.limit, known[row.id] == nil { known.removeAll() }
      known[row.id] = Layout(row: row, content: content, width: width, parts: parts)
    }
    return parts
  }
}

extension Layouts: Hashable {
  /// Models that differ in nothing else are the same.
  static func == (a: Layouts, b: Layouts) -> Bool { true }
  func hash(into hasher: inout Hasher) {}
}
