import Approvals
import Foundation
import Storage
import TestSupport

/// A directory that goes with the value.
final class ScratchDirectory: Sendable {
  let path: String

  init() {
    path = FileManager.default.temporaryDirectory.path + "/store-" + UUID().uuidString
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func mode(_ name: String = "") throws -> Int {
    let found = try FileManager.default.attributesOfItem(atPath: path + name)
    return (found[.posixPermissions] as? NSNumber)?.intValue ?? -1
  }
}

struct SQLitePlace: StorePlace {
  let scratch = ScratchDirectory()

  func open() throws -> any Store {
    try SQLiteStore(directory: scratch.path, access: .command)
  }

  func close(_ store: any Store) throws { try (store as? SQLiteStore)?.close() }
}

struct MemoryPlace: StorePlace {
  let store = MemoryStore()

  func open() -> any Store { store }
  func close(_ store: any Store) {}
}
