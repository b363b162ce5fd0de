import Approvals
import Foundation
import GRDB
import Storage
import TestSupport
import Testing

@Suite("Opening the state") struct OpeningTests {
  let scratch = ScratchDirectory()

  private func open(_ access: SQLiteStore.Access = .gateway) throws -> SQLiteStore {
    try SQLiteStore(directory: scratch.path, access: access)
  }

  private func refusal(_ access: SQLiteStore.Access = .gateway) -> StorageError? {
    do {
      _ = try open(access)
      return nil
    } catch {
      return error as? StorageError
    }
  }

  /// Another program's hands on the database.
  private func tamper(_ sql: String) throws {
    let queue = try DatabaseQueue(path: scratch.path + "/countersign.sqlite")
    try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
    try queue.close()
  }

  @Test func `nobody else can read the directory and its files`() throws {
    let store = try open()
    _ = try store.apply([Commit(id: 1, records: [], lines: [StoreConformance.line(0)])])
    #expect(try scratch.mode() == 0o700)
    for name in ["", "-wal", "-shm"] {
      #expect(try scratch.mode("/countersign.sqlite\(name)") == 0o600, "\(name)")
    }
    #expect(try scratch.mode("/gateway.lock") == 0o600)
  }

  @Test(arguments: ["", "/countersign.sqlite"])
  func `rights that are too wide are refused and left as they are`(name: String) throws {
    try open().close()
    let path = scratch.path + name
    let mode = name.isEmpty ? 0o755 : 0o644
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    let error = try #require(refusal())
    #expect(error.code == .badPlace)
    #expect(error.fix.contains("chmod"))
    #expect(try scratch.mode(name) == mode)
  }

  @Test func `a link in place of the database is refused`() throws {
    try open().close()
    let path = scratch.path + "/countersign.sqlite"
    try FileManager.default.moveItem(atPath: path, toPath: path + ".moved")
    try FileManager.default.createSymbolicLink(
      atPath: path, withDestinationPath: path + ".moved")
    #expect(refusal()?.code == .badPlace)
  }

  @Test func `a second gateway is told who the first one is`() throws {
    let first = try open()
    let error = try #require(refusal())
    #expect(error.code == .inUse)
    #expect(error.message.contains("\(ProcessInfo.processInfo.processIdentifier)"))
    #expect(refusal(.command) == nil)
    withExtendedLifetime(first) {}
  }

  @Test func `the lock goes with its gateway`() throws {
    do { try open().close() }
    #expect(refusal() == nil)
  }

  @Test func `a later version's state is refused and left alone`() throws {
    try open().close()
    try tamper("PRAGMA user_version = 2")
    #expect(refusal()?.code == .newer)
    #expect(refusal(.command)?.code == .newer)
  }

  @Test func `another program's database is refused`() throws {
    try open().close()
    try FileManager.default.removeItem(atPath: scratch.path + "/countersign.sqlite")
    _ = FileManager.default.createFile(
      atPath: scratch.path + "/countersign.sqlite", contents: nil,
      attributes: [.posixPermissions: 0o600])
    try tamper("CREATE TABLE other (x)")
    #expect(refusal()?.code == .foreign)
  }

  @Test func `a file that is no database is refused`() throws {
    try open().close()
    let path = scratch.path + "/countersign.sqlite"
    try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    #expect(refusal()?.code == .damaged)
  }

  @Test func `a damaged database is refused by the gateway`() throws {
    do {
      let store = try open()
      let lines = (0..<2000).map(StoreConformance.line)
      _ = try store.apply([Commit(id: 1, records: [], lines: lines)])
      try store.close()
    }
    let path = scratch.path + "/countersign.sqlite"
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    let size = try file.seekToEnd()
    try #require(size > 40_960, "the database is too small to damage")
    for page in stride(from: UInt64(20_480), to: size, by: 4096) {
      try file.seek(toOffset: page)
      try file.write(contentsOf: Data(repeating: 0xFF, count: 512))
    }
    try file.close()
    #expect(refusal()?.code == .damaged)
  }
}
