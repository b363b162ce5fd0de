import Approvals
import JSON
import OperatorProtocol

/// A store that writes later, in order, may fail, and forgets in a crash what it had not synced.
struct Disk {
  private(set) var records = Bench.records
  private(set) var lines: [LedgerLine] = []
  /// Commits that were taken and are not durable.
  private(set) var tail: [Commit] = []
  /// Every state that was ever durable, by batch.
  private(set) var history: [BatchID: Set<HoldState>] = [:]
  /// A write failed: everything is refused until the store is opened anew.
  var isBroken = false
  var isReopening = false
  /// What a store must never be asked for.
  private(set) var violations: [String] = []

  var snapshot: StoreSnapshot { StoreSnapshot(records: records, ledgerSize: lines.count) }

  func held(_ id: BatchID) -> JSONValue? { records[.held]?[id.text] }

  func state(_ id: BatchID) -> HoldState? {
    held(id)?["state"]?.stringValue.flatMap { HoldState(rawValue: $0) }
  }

  mutating func take(_ commit: Commit) { tail.append(commit) }

  /// Makes the first `count` of the tail durable; their ids.
  mutating func sync(_ count: Int, checksEntries: Bool) -> [Int] {
    let written = tail.prefix(count)
    tail.removeFirst(written.count)
    for commit in written { write(commit, checksEntries: checksEntries) }
    return written.map(\.id)
  }

  /// Loses the tail; ids of what was in it.
  mutating func loseTail() -> [Int] {
    defer { tail = [] }
    return tail.map(\.id)
  }

  private mutating func write(_ commit: Commit, checksEntries: Bool) {
    for line in commit.lines {
      if line.index != lines.count {
        violations.append("ledger line \(line.index) was written at \(lines.count)")
      }
      lines.append(line)
    }
    for record in commit.records {
      if record.kind == .held { follow(record, in: commit, checksEntries: checksEntries) }
      records[record.kind, default: [:]][record.key] = record.document
    }
  }

  private mutating func follow(_ record: RecordChange, in commit: Commit, checksEntries: Bool) {
    guard let id = BatchID(record.key.string),
      let new = record.document?["state"]?.stringValue.flatMap({ HoldState(rawValue: $0) })
    else { return violations.append("the record \(record.key) has no state") }
    let old = state(id)
    history[id, default: []].insert(new)
    guard old != new else { return }
    if let old, old.isSettled { violations.append("\(id) was \(old) and became \(new)") }
    guard checksEntries else { return }
    let isTold = commit.lines.contains { line in
      guard let entry = try? JSONParser.parse(line.bytes, limits: .file) else { return false }
      return entry["kind"] == .string(new.rawValue) && entry["subject"] == .string(id.text)
    }
    if !isTold { violations.append("\(id) became \(new) without an entry of the ledger") }
  }
}
