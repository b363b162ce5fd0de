import Approvals
import Cryptography
import JSON
import Storage
import Synchronization
import Time

/// A store in memory that can be told to fail. Opening it again is using it on.
final class MemoryStore: Store {
  /// Settled held calls that `load` returns.
  static let settledLimit = 1000

  struct Failure: Error, Hashable, Sendable {}

  private struct State {
    var records: [RecordKind: [Text: JSONValue]] = [:]
    var lines: [LedgerLine] = []
    var isFailing = false
    var groups = 0
  }

  private let state = Mutex(State())

  init() {}

  /// While set, `apply` throws and writes nothing, as with a full disk.
  var isFailing: Bool {
    get { state.withLock { $0.isFailing } }
    set { state.withLock { $0.isFailing = newValue } }
  }

  /// How many groups were written.
  var groups: Int { state.withLock { $0.groups } }

  func apply(_ commits: [Commit]) throws -> [Int] {
    try state.withLock { state in
      guard !state.isFailing else { throw Failure() }
      var applied: [Int] = []
      for commit in commits {
        do {
          var copy = state
          try Self.write(commit, to: &copy)
          state = copy
        } catch {
          if applied.isEmpty { throw error }
          break
        }
        applied.append(commit.id)
      }
      state.groups += applied.isEmpty ? 0 : 1
      return applied
    }
  }

  func load() throws -> StoreSnapshot {
    state.withLock { state in
      var records: [RecordKind: [Text: JSONValue]] = [:]
      for kind in RecordKind.allCases { records[kind] = state.records[kind] ?? [:] }
      records[.held] = Self.newest(records[.held] ?? [:])
      return StoreSnapshot(records: records, ledgerSize: state.lines.count)
    }
  }

  func lines(from index: Int, limit: Int) throws -> [LedgerLine] {
    state.withLock { Array($0.lines.dropFirst(max(0, index)).prefix(max(0, limit))) }
  }

  func leafHashes(from index: Int, limit: Int) throws -> [Digest] {
    try lines(from: index, limit: limit).map(\.leafHash)
  }

  func document(_ kind: RecordKind, _ key: Text) throws -> JSONValue? {
    state.withLock { $0.records[kind]?[key] }
  }

  private static func write(_ commit: Commit, to state: inout State) throws {
    for line in commit.lines {
      guard line.index == state.lines.count else {
        throw StorageError(
          .badCommit, "line \(line.index) cannot stand at \(state.lines.count) of the ledger",
          fix: "load the state anew")
      }
      state.lines.append(line)
    }
    for record in commit.records {
      if record.kind == .held, let document = record.document { _ = try settledAt(document) }
      state.records[record.kind, default: [:]][record.key] = record.document
    }
  }

  private static func newest(_ held: [Text: JSONValue]) -> [Text: JSONValue] {
    let settled = held.compactMap { key, document in
      (try? settledAt(document)).flatMap(\.self).map { (key: key, time: $0) }
    }
    let old = settled.sorted { ($1.time, $1.key) < ($0.time, $0.key) }.dropFirst(settledLimit)
    var kept = held
    for (key, _) in old { kept[key] = nil }
    return kept
  }

  private static func settledAt(_ document: JSONValue) throws -> Int64? {
    switch document["settled_at"] {
    case nil, .null: return nil
    case .number(let number):
      if let milliseconds = number.int { return Int64(milliseconds) }
    case .string(let text):
      if let time = Timestamp(rfc3339: text.string) { return time.milliseconds }
    default: break
    }
    throw StorageError(.badDocument, "settled_at is no time", fix: "write it as RFC 3339")
  }
}
