import Approvals
import Cryptography
import Dispatch
import JSON

/// A store that writes half a second after it said that it has written.
final class LateStore: Store {
  private static let delay = DispatchTimeInterval.milliseconds(500)
  private let store: any Store
  private let queue = DispatchQueue(label: "late")

  init(_ store: any Store) { self.store = store }

  func apply(_ commits: [Commit]) throws -> [Int] {
    queue.asyncAfter(deadline: .now() + Self.delay) { @Sendable in
      _ = try? self.store.apply(commits)
    }
    return commits.map(\.id)
  }

  func load() throws -> StoreSnapshot { try store.load() }

  func lines(from index: Int, limit: Int) throws -> [LedgerLine] {
    try store.lines(from: index, limit: limit)
  }

  func leafHashes(from index: Int, limit: Int) throws -> [Digest] {
    try store.leafHashes(from: index, limit: limit)
  }

  func document(_ kind: RecordKind, _ key: Text) throws -> JSONValue? {
    try store.document(kind, key)
  }
}
