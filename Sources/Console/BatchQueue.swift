import JSON
import OperatorProtocol
import Time

/// The list of held calls. Rows are ids: what a key acts on never depends on where a row stands.
///
/// While the order is frozen arrivals go to the end and rows that leave stay as tombstones; the
/// selected row stays as a tombstone until the cursor leaves it.
struct BatchQueue: Hashable, Sendable {
  /// Rows that are kept; the gateway holds at most a hundred pending.
  static let limit = 1_000

  private(set) var rows: [BatchID: BatchSummary] = [:]
  private(set) var order: [BatchID] = []
  private(set) var selected: BatchID?
  /// Arrivals since the order was frozen.
  private(set) var arrivals = 0
  /// Rows that the gateway stopped listing without saying what became of them.
  private(set) var vanished: Set<BatchID> = []
  /// What the list is cut down to; nil shows everything.
  var filter: BatchFilter?
  /// The screen row on which the cursor wants to stay.
  private(set) var anchor = 0

  var selectedRow: BatchSummary? { selected.flatMap { rows[$0] } }
  var selectedIndex: Int? { selected.flatMap { id in shown.firstIndex(of: id) } }
  /// What the list shows: rows that match the filter, and the selected one in any case.
  var shown: [BatchID] {
    guard let filter else { return order }
    return order.filter { id in id == selected || rows[id].map { filter.matches($0) } ?? false }
  }
  var newestOpen: BatchID? {
    open.max { ($0.receivedAt, $0.id) < ($1.receivedAt, $1.id) }?.id
  }
  var open: [BatchSummary] { order.compactMap { rows[$0] }.filter { $0.state.isOpen } }

  static func isTombstone(_ row: BatchSummary) -> Bool { row.state.isSettled }

  // MARK: What the gateway says

  /// Takes a new or changed row. Says whether it is an arrival that waits for a decision.
  mutating func take(_ row: BatchSummary, isFrozen: Bool) -> Bool {
    let isNew = rows[row.id] == nil
    guard !isNew || !row.state.isSettled else { return false }
    if let old = rows[row.id], old.revision > row.revision { return false }
    rows[row.id] = row
    vanished.remove(row.id)
    if isNew {
      order.append(row.id)
      if isFrozen { arrivals += 1 }
      if selected == nil { selected = row.id }
    }
    if !isFrozen { settle() }
    return isNew && row.state.isOpen
  }

  /// Takes the whole queue as it is now. Rows that are not in it are gone.
  mutating func replace(with all: [BatchSummary], isFrozen: Bool) {
    let known = Set(all.map(\.id))
    for id in order where !known.contains(id) {
      guard var row = rows[id], !row.state.isSettled else { continue }
      row.state = .withdrawn
      row.outcome = "no longer listed; the audit page tells what became of it"
      rows[id] = row
      vanished.insert(id)
    }
    for row in all.prefix(Self.limit) { _ = take(row, isFrozen: true) }
    if !isFrozen { settle() }
  }

  /// Sorts, and drops what has left, except under the cursor.
  mutating func settle() {
    arrivals = 0
    let leaving = Set(order.filter { $0 != selected && rows[$0]?.state.isSettled ?? true })
    for id in leaving {
      rows[id] = nil
      vanished.remove(id)
    }
    order = order.filter { !leaving.contains($0) }.sorted(by: precedes)
    while order.count > Self.limit, let last = order.last, last != selected {
      rows[last] = nil
      order.removeLast()
    }
  }

  private func precedes(_ a: BatchID, _ b: BatchID) -> Bool {
    guard let x = rows[a], let y = rows[b] else { return a < b }
    if x.state.isOpen != y.state.isOpen { return x.state.isOpen }
    if x.severity != y.severity { return x.severity > y.severity }
    return x.receivedAt == y.receivedAt ? a < b : x.receivedAt < y.receivedAt
  }

  // MARK: The cursor

  /// Moves by rows as they stand on the screen; `visible` is how many are shown.
  mutating func move(by steps: Int, visible: Int) {
    let shown = shown
    guard let index = selectedIndex, !shown.isEmpty else {
      selected = shown.first
      anchor = 0
      return
    }
    let target = min(max(0, index + steps), shown.count - 1)
    anchor = min(max(0, anchor + target - index), max(0, visible - 1))
    selected = shown[target]
  }

  /// Moves the cursor to a batch of the list.
  mutating func select(_ id: BatchID) {
    guard rows[id] != nil else { return }
    selected = id
  }

  /// The index of the first row on a screen of `visible` rows.
  func top(visible: Int) -> Int {
    guard let index = selectedIndex, visible > 0 else { return 0 }
    let wanted = index - min(anchor, visible - 1)
    return min(max(0, wanted), max(0, shown.count - visible))
  }
}
