import GRDB

/// The tables, by version.
enum Schema {
  /// What this program writes and reads.
  static let version = 1

  /// Keys are blobs: SQLite ends a text at a zero byte and two keys could become one. Held calls
  /// have a table of their own so that a start reads the open and the newest, not all of them.
  private static let tables = """
    CREATE TABLE record (
      kind TEXT NOT NULL, key BLOB NOT NULL, document BLOB NOT NULL,
      PRIMARY KEY (kind, key)) WITHOUT ROWID;
    CREATE TABLE held (
      key BLOB NOT NULL PRIMARY KEY, state TEXT, settled_at INTEGER, document BLOB NOT NULL);
    CREATE INDEX held_by_settlement ON held (settled_at, key);
    CREATE TABLE ledger (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL, leaf BLOB NOT NULL);
    """

  /// Makes the tables of a new database; refuses those of others and of later versions.
  static func prepare(_ db: Database) throws {
    try db.inTransaction(.immediate) {
      let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
      guard found <= version else {
        throw StorageError(
          .newer, "the state is of version \(found), this program knows \(version)",
          fix: "use the newer program that wrote it")
      }
      guard found == 0 else { return .commit }
      guard try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0 else {
        throw StorageError(
          .foreign, "the database has tables that are not this program's",
          fix: "name another state directory in the configuration")
      }
      try db.execute(sql: tables)
      try db.execute(sql: "PRAGMA user_version = \(version)")
      return .commit
    }
  }
}
