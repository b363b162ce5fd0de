import Approvals
import Cryptography
import Foundation
import GRDB
import JSON

/// Writes groups of commits: one transaction a group, one savepoint a commit.
struct CommitWriter {
  let db: Database

  /// The ids that are durable. Throws the first failure when none is.
  func apply(_ commits: [Commit]) throws -> [Int] {
    var applied: [Int] = []
    var failure: (any Error)?
    try db.inTransaction(.immediate) {
      var size = try Self.ledgerSize(db)
      for commit in commits {
        do {
          try db.inSavepoint {
            try write(commit, at: size)
            return .commit
          }
        } catch {
          failure = error
          // A full disk or an I/O error can undo the whole transaction, not the savepoint alone.
          guard db.isInsideTransaction else { throw error }
          break
        }
        size += commit.lines.count
        applied.append(commit.id)
      }
      return applied.isEmpty ? .rollback : .commit
    }
    if applied.isEmpty, let failure { throw failure }
    return applied
  }

  static func ledgerSize(_ db: Database) throws -> Int {
    let last = try Int.fetchOne(db.cachedStatement(sql: "SELECT max(idx) FROM ledger"))
    return last.map { $0 + 1 } ?? 0
  }

  private func write(_ commit: Commit, at size: Int) throws {
    for (offset, line) in commit.lines.enumerated() {
      guard line.index == size + offset else {
        throw StorageError(
          .badCommit, "line \(line.index) cannot stand at \(size + offset) of the ledger",
          fix: "load the state anew; nothing of this commit was written")
      }
      let insert = try db.cachedStatement(
        sql: "INSERT INTO ledger (idx, entry, leaf) VALUES (?, ?, ?)")
      try insert.execute(
        arguments: [line.index, Data(line.bytes), Data(line.leafHash.bytes)])
    }
    for record in commit.records { try write(record) }
  }

  func write(_ record: RecordChange) throws {
    let key = Data(record.key.bytes)
    guard let document = record.document else {
      if record.kind == .held {
        try db.cachedStatement(sql: "DELETE FROM held WHERE key = ?").execute(arguments: [key])
      } else {
        try db.cachedStatement(sql: "DELETE FROM record WHERE kind = ? AND key = ?")
          .execute(arguments: [record.kind.rawValue, key])
      }
      return
    }
    let bytes = try StoredDocument.bytes(of: document, key: record.key)
    guard record.kind == .held else {
      let upsert = """
        INSERT INTO record (kind, key, document) VALUES (?, ?, ?)
        ON CONFLICT (kind, key) DO UPDATE SET document = excluded.document
        """
      try db.cachedStatement(sql: upsert).execute(arguments: [record.kind.rawValue, key, bytes])
      return
    }
    let upsert = """
      INSERT INTO held (key, state, settled_at, document) VALUES (?, ?, ?, ?)
      ON CONFLICT (key) DO UPDATE
      SET state = excluded.state, settled_at = excluded.settled_at, document = excluded.document
      """
    try db.cachedStatement(sql: upsert).execute(arguments: [
      key, document["state"]?.stringValue,
      try StoredDocument.settledAt(document, key: record.key), bytes,
    ])
  }
}
