package import Approvals
package import Cryptography
import Foundation
import GRDB
package import JSON

/// The state in SQLite: records, held calls and the ledger.
///
/// Concurrency model: GRDB's pool has one writing connection behind a serial queue and a few
/// reading ones, so that a long read never holds up a commit. Every call blocks its thread. Another
/// process may register agents and operators meanwhile; `registryVersion` tells that it did.
package final class SQLiteStore: Store {
  /// Who opens the state.
  package enum Access: Hashable, Sendable {
    /// The one gateway: it locks the state and checks that the database is whole.
    case gateway
    /// A command that registers agents and operators or reads, also while a gateway runs.
    case command
  }

  /// Settled held calls that `load` returns.
  package static let settledLimit = 1000
  /// Lines or hashes in one answer.
  package static let pageLimit = 65_536
  /// Seconds that a write waits for another process.
  package static let busySeconds = 5.0
  private static let readers = 3

  let pool: DatabasePool
  private let lock: GatewayLock?

  /// Opens or makes the state in `directory`.
  ///
  /// - Throws: `StorageError`: `badPlace`, `inUse`, `foreign`, `newer`, `damaged`, `notDurable`, or
  ///   `unavailable`.
  package init(directory: String, access: Access) throws(StorageError) {
    let place = StatePlace(directory: directory)
    try place.prepare()
    lock = access == .gateway ? try GatewayLock(place) : nil
    pool = try Self.translated {
      try DatabasePool(path: place.database, configuration: Self.setUp())
    }
    try Self.translated { [pool] in
      try pool.writeWithoutTransaction { db in
        try Self.demandDurability(db)
        try Schema.prepare(db)
        if access == .gateway { try Self.checkIntegrity(db) }
      }
    }
  }

  /// Closes the database; later calls throw. The lock goes with the last reference.
  package func close() throws(StorageError) { try Self.translated { try pool.close() } }

  // MARK: Store

  package func apply(_ commits: [Commit]) throws -> [Int] {
    guard !commits.isEmpty else { return [] }
    return try Self.translated {
      try pool.writeWithoutTransaction { db in try CommitWriter(db: db).apply(commits) }
    }
  }

  package func load() throws -> StoreSnapshot {
    try Self.translated {
      try pool.read { db in
        var records: [RecordKind: [Text: JSONValue]] = [:]
        for kind in RecordKind.allCases {
          records[kind] = try Self.records(kind, settledLimit: Self.settledLimit, in: db)
        }
        return StoreSnapshot(records: records, ledgerSize: try CommitWriter.ledgerSize(db))
      }
    }
  }

  package func lines(from index: Int, limit: Int) throws -> [LedgerLine] {
    try Self.translated {
      try pool.read { db in
        let sql = "SELECT idx, entry, leaf FROM ledger WHERE idx >= ? ORDER BY idx LIMIT ?"
        let rows = try Row.fetchCursor(db, sql: sql, arguments: [index, Self.page(limit)])
        var lines: [LedgerLine] = []
        while let row = try rows.next() {
          let bytes: Data = row[1]
          lines.append(
            LedgerLine(index: row[0], bytes: Array(bytes), leafHash: try Self.leaf(row[2])))
        }
        return lines
      }
    }
  }

  package func leafHashes(from index: Int, limit: Int) throws -> [Digest] {
    try Self.translated {
      try pool.read { db in
        let sql = "SELECT leaf FROM ledger WHERE idx >= ? ORDER BY idx LIMIT ?"
        let rows = try Row.fetchCursor(db, sql: sql, arguments: [index, Self.page(limit)])
        var hashes: [Digest] = []
        while let row = try rows.next() { hashes.append(try Self.leaf(row[0])) }
        return hashes
      }
    }
  }

  package func document(_ kind: RecordKind, _ key: Text) throws -> JSONValue? {
    try Self.translated { try pool.read { db in try Self.document(kind, key, in: db) } }
  }

  /// All records of a kind, held calls included.
  package func records(_ kind: RecordKind) throws -> [Text: JSONValue] {
    try Self.translated {
      try pool.read { db in try Self.records(kind, settledLimit: -1, in: db) }
    }
  }

  // MARK: Opening

  private static func setUp() -> Configuration {
    var configuration = Configuration()
    configuration.label = "countersign"
    configuration.busyMode = .timeout(busySeconds)
    configuration.maximumReaderCount = readers
    configuration.foreignKeysEnabled = false
    configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA trusted_schema = OFF") }
    return configuration
  }

  /// GRDB lowers `synchronous` to NORMAL when it turns WAL on; there a power cut loses commits.
  private static func demandDurability(_ db: Database) throws {
    try db.execute(sql: "PRAGMA synchronous = FULL")
    let (mode, level) = (
      try String.fetchOne(db, sql: "PRAGMA journal_mode"),
      try Int.fetchOne(db, sql: "PRAGMA synchronous")
    )
    guard mode == "wal", level == 2 else {
      throw StorageError(
        .notDurable,
        "SQLite runs with journal_mode \(mode ?? "?") and synchronous \(level ?? -1)",
        fix: "put the state on a local file system; wal and 2 are needed")
    }
  }

  static func checkIntegrity(_ db: Database) throws {
    let verdict = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
    guard verdict == "ok" else {
      throw StorageError(
        .damaged, "the database is not whole: \(verdict)",
        fix: "restore the state directory from a backup and run \"countersign audit verify\"")
    }
  }

  // MARK: Reading

  static func document(_ kind: RecordKind, _ key: Text, in db: Database) throws -> JSONValue? {
    let data =
      kind == .held
      ? try Data.fetchOne(
        db, sql: "SELECT document FROM held WHERE key = ?", arguments: [Data(key.bytes)])
      : try Data.fetchOne(
        db, sql: "SELECT document FROM record WHERE kind = ? AND key = ?",
        arguments: [kind.rawValue, Data(key.bytes)])
    return try data.map { try StoredDocument.read($0, key: key) }
  }

  private static func records(
    _ kind: RecordKind, settledLimit: Int, in db: Database
  ) throws -> [Text: JSONValue] {
    guard kind == .held else {
      return try records(
        db, "SELECT key, document FROM record WHERE kind = ?", [kind.rawValue])
    }
    let open = try records(db, "SELECT key, document FROM held WHERE settled_at IS NULL", [])
    let newest = """
      SELECT key, document FROM held WHERE settled_at IS NOT NULL
      ORDER BY settled_at DESC, key DESC LIMIT ?
      """
    return open.merging(try records(db, newest, [settledLimit])) { open, _ in open }
  }

  private static func records(
    _ db: Database, _ sql: String, _ arguments: StatementArguments
  ) throws -> [Text: JSONValue] {
    var all: [Text: JSONValue] = [:]
    let rows = try Row.fetchCursor(db, sql: sql, arguments: arguments)
    while let row = try rows.next() {
      let (key, document): (Data, Data) = (row[0], row[1])
      guard let key = Text(utf8: key) else { throw damaged("a key is no UTF-8") }
      all[key] = try StoredDocument.read(document, key: key)
    }
    return all
  }

  private static func leaf(_ data: Data) throws(StorageError) -> Digest {
    guard let digest = Digest(data) else { throw damaged("a leaf hash has \(data.count) bytes") }
    return digest
  }

  private static func page(_ limit: Int) -> Int { max(0, min(limit, pageLimit)) }

  private static func damaged(_ what: String) -> StorageError {
    StorageError(.damaged, what, fix: "restore the state directory from a backup")
  }

  /// SQLite's errors as this module's; its own pass.
  static func translated<T>(_ work: () throws -> T) throws(StorageError) -> T {
    do {
      return try work()
    } catch let error as StorageError {
      throw error
    } catch let error as DatabaseError {
      let isDamage = [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode)
      throw StorageError(
        isDamage ? .damaged : .unavailable, "SQLite: \(error.message ?? "\(error.resultCode)")",
        fix: isDamage
          ? "restore the state directory from a backup" : "check free space and the file's rights")
    } catch {
      throw StorageError(.unavailable, "\(error)", fix: "check the state directory")
    }
  }
}
