package import Cryptography
package import JSON

/// What a record is about; with its key it names one row.
package enum RecordKind: String, CaseIterable, Sendable {
  /// One held call, by batch id.
  case held
  case agent
  /// One operator, by name.
  case approver = "operator"
  /// The pinned definition of a tool, by `upstream/tool`.
  case tool
  /// What limits count of one call, by its decision id.
  case limit
  /// Single values: `freeze`, `lane/<upstream>`, `ledger` (the state of the appender), `limits_clock`.
  case meta
  /// The signed tree head: `latest`.
  case checkpoint
}

/// One row to write, or to remove when the document is nil.
package struct RecordChange: Hashable, Sendable {
  package var kind: RecordKind
  package var key: Text
  package var document: JSONValue?

  package init(_ kind: RecordKind, _ key: Text, _ document: JSONValue?) {
    self.kind = kind
    self.key = key
    self.document = document
  }

  package init(kind: RecordKind, key: Text, document: JSONValue?) { self.init(kind, key, document) }
}

/// One ledger entry as it is stored: the leaf bytes and their hash.
package struct LedgerLine: Hashable, Sendable {
  package var index: Int
  package var bytes: [UInt8]
  package var leafHash: Digest

  package init(index: Int, bytes: [UInt8], leafHash: Digest) {
    self.index = index
    self.bytes = bytes
    self.leafHash = leafHash
  }
}

/// Changes that become durable together or not at all.
package struct Commit: Hashable, Sendable {
  package var id: Int
  package var records: [RecordChange]
  package var lines: [LedgerLine]

  package init(id: Int, records: [RecordChange], lines: [LedgerLine]) {
    self.id = id
    self.records = records
    self.lines = lines
  }
}

/// All that a gateway starts from.
package struct StoreSnapshot: Hashable, Sendable {
  /// Documents by kind and key.
  package var records: [RecordKind: [Text: JSONValue]]
  /// How many ledger lines are stored.
  package var ledgerSize: Int

  package init(records: [RecordKind: [Text: JSONValue]] = [:], ledgerSize: Int = 0) {
    self.records = records
    self.ledgerSize = ledgerSize
  }

  package subscript(_ kind: RecordKind) -> [Text: JSONValue] { records[kind] ?? [:] }
}

/// Durable storage. Every implementation passes the conformance suite in `TestSupport`.
///
/// One owner at a time; `apply` returns when the commits are on disk. Several commits may share one
/// transaction; each fails or succeeds alone, and a later one of the same call is not applied after
/// an earlier one failed, so that the ledger has no holes.
package protocol Store: Sendable {
  func load() throws -> StoreSnapshot
  /// The ids that are durable now, in order. Throws when none is.
  func apply(_ commits: [Commit]) throws -> [Int]
  /// The stored leaf bytes of a range of the ledger.
  func lines(from index: Int, limit: Int) throws -> [LedgerLine]
  /// Leaf hashes of a range of the ledger, for proofs.
  func leafHashes(from index: Int, limit: Int) throws -> [Digest]
  func document(_ kind: RecordKind, _ key: Text) throws -> JSONValue?
}
