import Approvals
import ArgumentParser
import Cryptography
import Foundation
import Gateway
import JSON
import Ledger
import Storage
import Time

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy the gateway's state into one file, also while it runs.",
    discussion: """
      The copy is what was on disk at one moment. Its ledger is verified before the file gets its \
      name; nothing is ever overwritten. Without --with-key the key that signs the ledger is not \
      copied: keep it elsewhere, for a gateway does not go on with a ledger without it.
      """)

  @Argument(help: "The file to write, mode 0600.") var file: String
  @OptionGroup var config: ConfigOptions
  @OptionGroup var output: JSONOption
  @Flag(help: "Also write the ledger's key, to FILE.key, mode 0600.") var withKey = false

  private var keyFile: String { file + ".key" }

  func run() throws {
    let configuration = try config.read()
    guard FileManager.default.fileExists(atPath: configuration.state + "/countersign.sqlite") else {
      throw Failure(
        Failure.badInput, "there is no state in \(configuration.state); nothing was written")
    }
    for path in withKey ? [file, keyFile] : [file] { try refuseToOverwrite(path) }
    let partial = file + ".partial"
    let source = try SQLiteStore(directory: configuration.state, access: .command)
    try source.copy(into: partial, progress: progress)
    defer { try? FileManager.default.removeItem(atPath: partial) }
    let summary = try verified(partial, configuration)
    try FreshFile.move(partial + "/countersign.sqlite", to: file)
    if withKey {
      try FreshFile.write(try Files.read(configuration.state + "/ledger.key"), to: keyFile)
    }
    report(summary)
  }

  private func refuseToOverwrite(_ path: String) throws {
    var found = stat()
    guard lstat(path, &found) != 0 else {
      throw Failure(Failure.badInput, "\(path) exists; a backup never overwrites anything")
    }
  }

  private func progress(_ done: Int, _ pages: Int) {
    guard isatty(2) == 1, pages > 10_000 else { return }
    Standard.error("\(done) of \(pages) pages copied")
  }

  /// Checks the copy, marks it as one, and closes it.
  private func verified(
    _ directory: String, _ configuration: Configuration
  ) throws -> LedgerVerifier.Summary? {
    let copy = try SQLiteStore(directory: directory, access: .command)
    try copy.checkWhole()
    var summary: LedgerVerifier.Summary?
    if let head = try Head.read(copy) {
      do {
        summary = try AuditCommand.Verify.verify(copy, try Head.ownKey(configuration), head).ledger
      } catch let error as LedgerError {
        throw Failure(
          Failure.refused, "the copy's ledger is NOT VERIFIED, no backup made: \(error)")
      }
    } else if try !copy.lines(from: 0, limit: 1).isEmpty {
      throw Failure(Failure.refused, "the copy's ledger has no signed head; no backup made")
    }
    let mark = RecordChange(.meta, "copy", ["made_at": .timestamp(SystemClock.now())])
    _ = try copy.apply([Commit(id: 0, records: [mark], lines: [])])
    try copy.closeIntoOneFile()
    return summary
  }

  private func report(_ summary: LedgerVerifier.Summary?) {
    let (entries, root) = (summary?.size ?? 0, summary?.root.hex ?? "")
    if output.json {
      return Standard.json([
        "file": .string(Text(file)), "key": withKey ? .string(Text(keyFile)) : .null,
        "entries": .int(entries), "root": .string(Text(root)),
      ])
    }
    Standard.line("backup: \(file), \(entries) ledger entries verified, root \(root)")
    if withKey { Standard.line("key: \(keyFile); keep it apart from the backup") }
  }
}

/// Files that must not exist before.
private enum FreshFile {
  /// Gives a file its name once it is on disk.
  static func move(_ path: String, to name: String) throws {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0, fsync(file) == 0 else { throw failure("\(path) cannot be written") }
    close(file)
    guard link(path, name) == 0 else { throw failure("\(name) cannot be made") }
    unlink(path)
    try syncDirectory(of: name)
  }

  static func write(_ bytes: [UInt8], to name: String) throws {
    let file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw failure("\(name) cannot be made") }
    defer { close(file) }
    let handle = FileHandle(fileDescriptor: file)
    do { try handle.write(contentsOf: bytes) } catch { throw failure("\(name) cannot be written") }
    guard fsync(file) == 0 else {
      throw failure("\(name) cannot be written")
    }
    try syncDirectory(of: name)
  }

  private static func syncDirectory(of name: String) throws {
    let path = URL(fileURLWithPath: name).deletingLastPathComponent().path
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw failure("\(path) cannot be opened") }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw failure("\(path) cannot be written") }
  }

  private static func failure(_ what: String) -> Failure {
    Failure(Failure.refused, "\(what): \(String(cString: strerror(errno)))")
  }
}
