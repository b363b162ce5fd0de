import Approvals
import Storage
import TestSupport
import Testing

@Suite("Every store") struct ConformanceTests {
  @Test("SQLite", arguments: StoreConformance.checks.map(\.name))
  func sqlite(name: String) throws { try run(name, SQLitePlace()) }

  @Test("memory", arguments: StoreConformance.checks.map(\.name))
  func memory(name: String) throws { try run(name, MemoryPlace()) }

  private func run(_ name: String, _ place: any StorePlace) throws {
    let check = try #require(StoreConformance.checks.first { $0.name == name })
    try check.run(place)
  }

  @Test func `a memory store that is told to fail writes nothing`() throws {
    let store = MemoryStore()
    store.isFailing = true
    let commit = Commit(id: 1, records: [], lines: [StoreConformance.line(0)])
    #expect(throws: MemoryStore.Failure.self) { try store.apply([commit]) }
    store.isFailing = false
    #expect(try store.load().ledgerSize == 0)
    #expect(try store.apply([commit]) == [1])
    #expect(store.groups == 1)
  }
}
