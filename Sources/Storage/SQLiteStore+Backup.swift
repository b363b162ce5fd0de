import Foundation
import GRDB

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Copies of the state, made while a gateway writes.
extension SQLiteStore {
  /// Pages that are copied between two reports.
  private static let pagesPerStep: CInt = 2048

  /// Copies the state as it is at this moment into a new directory of mode 0700. Others go on writing
  /// meanwhile; nothing that they write later is in the copy.
  ///
  /// - Parameter progress: Hears how many pages of how many are copied.
  /// - Throws: `badPlace` when there is something at `directory` already, or `unavailable`.
  package func copy(
    into directory: String, progress: @escaping (_ done: Int, _ pages: Int) -> Void
  ) throws(StorageError) {
    guard mkdir(directory, 0o700) == 0 else {
      guard errno == EEXIST else { throw StatePlace.refused("\(directory) cannot be made") }
      throw StorageError(
        .badPlace, "there is something at \(directory) already",
        fix: "name another file, or remove it when no backup is under way")
    }
    let place = StatePlace(directory: directory)
    do throws(StorageError) {
      try place.prepare()
      try fill(place, progress)
    } catch {
      try? FileManager.default.removeItem(atPath: directory)
      throw error
    }
  }

  private func fill(
    _ place: StatePlace, _ progress: @escaping (Int, Int) -> Void
  ) throws(StorageError) {
    try Self.translated {
      let target = try DatabaseQueue(path: place.database)
      try pool.read { source in
        // From here on the source is what it is now, however long the copy takes.
        _ = try Int.fetchOne(source, sql: "SELECT count(*) FROM sqlite_master")
        try target.writeWithoutTransaction { db in
          try source.backup(to: db, pagesPerStep: Self.pagesPerStep) { step in
            progress(step.completedPageCount, step.totalPageCount)
          }
        }
      }
      try target.close()
    }
  }

  /// Puts everything into the one database file, which alone is the state then, and closes it.
  package func closeIntoOneFile() throws(StorageError) {
    try Self.translated {
      try pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
    }
    try close()
  }

  /// Checks every page of the database. Throws `damaged`.
  package func checkWhole() throws(StorageError) {
    try Self.translated { try pool.read { db in try Self.checkIntegrity(db) } }
  }
}
