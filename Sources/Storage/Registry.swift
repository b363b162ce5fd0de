package import Approvals
import Foundation
import GRDB
package import JSON

/// Agents and operators, which commands register while a gateway runs.
extension SQLiteStore {
  /// Changes when another process has written, and never by this one's own commits.
  package func registryVersion() throws -> Int {
    try Self.translated {
      try pool.writeWithoutTransaction { db in
        try Int.fetchOne(db.cachedStatement(sql: "PRAGMA data_version")) ?? 0
      }
    }
  }

  /// Adds an agent. Throws `registered` when the name is taken.
  package func registerAgent(_ name: Text, _ document: JSONValue) throws {
    try register(.agent, name, document)
  }

  /// Adds an operator. Throws `registered` when the name is taken.
  package func registerOperator(_ name: Text, _ document: JSONValue) throws {
    try register(.approver, name, document)
  }

  /// Replaces an agent's or operator's document by what `change` makes of it, in one transaction.
  ///
  /// Throws `registered` when there is none of that name.
  package func changeRegistration(
    _ kind: RecordKind, _ name: Text, _ change: (JSONValue) throws -> JSONValue
  ) throws {
    try transact { db in
      guard let old = try Self.document(kind, name, in: db) else {
        throw StorageError(
          .registered, "no \(kind.rawValue) is called \(name)", fix: "check the name")
      }
      let change = RecordChange(kind: kind, key: name, document: try change(old))
      try CommitWriter(db: db).write(change)
    }
  }

  private func register(_ kind: RecordKind, _ name: Text, _ document: JSONValue) throws {
    try transact { db in
      guard try Self.document(kind, name, in: db) == nil else {
        throw StorageError(
          .registered, "the \(kind.rawValue) \(name) is registered already",
          fix: "choose another name; a revoked name is not given again")
      }
      let change = RecordChange(kind: kind, key: name, document: document)
      try CommitWriter(db: db).write(change)
    }
  }

  private func transact(_ work: (Database) throws -> Void) throws {
    try Self.translated {
      try pool.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          try work(db)
          return .commit
        }
      }
    }
  }
}
