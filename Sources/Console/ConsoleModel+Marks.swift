import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// Batches that one code can approve together.
  static let markLimit = 10

  /// The batches that the approve key acts on: the marked ones where the selected one is marked.
  var subjects: [BatchID] {
    guard let selected = queue.selected else { return [] }
    return marked.contains(selected) && marked.count > 1 ? marked : [selected]
  }

  mutating func mark(_ action: Action) -> [ConsoleEffect] {
    if action == .unmark {
      marked = []
      return []
    }
    guard let row = queue.selectedRow else { return [] }
    if let at = marked.firstIndex(of: row.id) {
      marked.remove(at: at)
      return []
    }
    if let why = whyNotMarkable(row) {
      say("mark: \(why)", .warn)
      return [.bell]
    }
    marked.append(row.id)
    return []
  }

  private func whyNotMarkable(_ row: BatchSummary) -> String? {
    if !row.state.isOpen { return "it is \(row.state.words)" }
    if severity(of: row) > .note {
      return "\(severity(of: row).word) is decided one by one"
    }
    if marked.count >= Self.markLimit { return "\(Self.markLimit) are marked already" }
    if let first = marked.first.flatMap({ queue.rows[$0] }), first.agent != row.agent {
      return "the marked batches are of \(first.agent); one code is for one agent"
    }
    return nil
  }

  /// Marks on what is gone, hidden or no longer harmless do not stay.
  mutating func dropMarks() {
    guard !marked.isEmpty else { return }
    let shown = Set(queue.shown)
    marked = marked.filter { id in
      guard let row = queue.rows[id] else { return false }
      return shown.contains(id) && row.state.isOpen && severity(of: row) <= .note
    }
  }

  /// Why a marked set cannot be approved by one code.
  func whyNotSet(_ ids: [BatchID]) -> String? {
    let rows = ids.compactMap { queue.rows[$0] }
    guard rows.count == ids.count else { return "a marked batch is gone" }
    guard Set(rows.map(\.agent)).count == 1 else { return "the marked batches differ in agent" }
    for row in rows {
      if severity(of: row) > .note { return "\(Self.tail(row.id)) is \(severity(of: row).word)" }
      if let why = whyNot(row) ?? whyNotSeen(row) { return "\(Self.tail(row.id)): \(why)" }
    }
    return nil
  }
}
