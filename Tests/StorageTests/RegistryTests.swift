import Approvals
import JSON
import Storage
import TestSupport
import Testing

@Suite("Registering while a gateway runs") struct RegistryTests {
  let scratch = ScratchDirectory()

  @Test func `the gateway sees that a command registered an agent`() throws {
    let gateway = try SQLiteStore(directory: scratch.path, access: .gateway)
    let before = try gateway.registryVersion()
    let command = try SQLiteStore(directory: scratch.path, access: .command)
    try command.registerAgent("desk-bot", ["token": "hash"])
    #expect(try gateway.registryVersion() != before)
    #expect(try gateway.records(.agent) == ["desk-bot": ["token": "hash"]])
  }

  @Test func `the gateway's own commits change no version`() throws {
    let gateway = try SQLiteStore(directory: scratch.path, access: .gateway)
    let before = try gateway.registryVersion()
    _ = try gateway.apply([Commit(id: 1, records: [], lines: [StoreConformance.line(0)])])
    #expect(try gateway.registryVersion() == before)
  }

  @Test func `a name is given once`() throws {
    let store = try SQLiteStore(directory: scratch.path, access: .command)
    try store.registerOperator("alice", ["key": "one"])
    try store.registerAgent("alice", ["token": "other kind"])
    let error = #expect(throws: StorageError.self) {
      try store.registerOperator("alice", ["key": "two"])
    }
    #expect(error?.code == .registered)
    #expect(try store.document(.approver, "alice") == ["key": "one"])
  }

  @Test func `a registration is changed in place`() throws {
    let store = try SQLiteStore(directory: scratch.path, access: .command)
    try store.registerOperator("alice", ["key": "one"])
    try store.changeRegistration(.approver, "alice") { old in
      ["key": old["key"] ?? .null, "revoked": true]
    }
    #expect(try store.document(.approver, "alice") == ["key": "one", "revoked": true])
    let error = #expect(throws: StorageError.self) {
      try store.changeRegistration(.approver, "bob") { $0 }
    }
    #expect(error?.code == .registered)
  }

  @Test func `documents that could not be read back are refused`() throws {
    let store = try SQLiteStore(directory: scratch.path, access: .command)
    var deep: JSONValue = 1
    for _ in 0..<200 { deep = [deep] }
    let error = #expect(throws: StorageError.self) { try store.registerAgent("deep", deep) }
    #expect(error?.code == .badDocument)
    #expect(try store.load().records[.agent] == [:])
  }
}
