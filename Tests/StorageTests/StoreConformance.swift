import Approvals
import Cryptography
import JSON
import Storage
import Time

/// A place where a store lives, so that it can be closed and opened again.
protocol StorePlace {
  /// Opens the store; what an earlier opening made durable is there.
  func open() throws -> any Store
  func close(_ store: any Store) throws
}

/// What every store does. Each function takes a fresh place and throws what it found wrong.
enum StoreConformance {
  struct Violation: Error, CustomStringConvertible, Sendable {
    let description: String
  }

  typealias Check = @Sendable (any StorePlace) throws -> Void

  /// Every check by its name.
  static let checks: [(name: String, run: Check)] = [
    ("a new store is empty", startsEmpty),
    ("what was applied is there after opening again", survivesOpening),
    ("records are replaced and removed", replacesAndRemoves),
    ("keys are bytes", keepsKeysApart),
    ("documents keep their number text and order", keepsDocuments),
    ("the ledger has no holes", refusesHoles),
    ("a failing commit leaves nothing and stops its group", failsAlone),
    ("pages start and end where they are asked to", pages),
    ("of settled calls the newest are loaded", loadsNewestSettled),
    ("no commits are no work", takesNothing),
  ]

  static func startsEmpty(_ place: any StorePlace) throws {
    try with(place) { store in
      let snapshot = try store.load()
      try demand(snapshot.ledgerSize == 0, "size \(snapshot.ledgerSize)")
      try demand(snapshot.records.values.allSatisfy(\.isEmpty), "there are records")
      try demand(try store.lines(from: 0, limit: 10) == [], "there are lines")
    }
  }

  static func survivesOpening(_ place: any StorePlace) throws {
    let lines = [line(0), line(1)]
    try with(place) { store in
      let first = Commit(
        id: 7, records: [RecordChange(kind: .tool, key: "t", document: ["a": 1])],
        lines: [lines[0]])
      let second = Commit(id: 9, records: [], lines: [lines[1]])
      try demand(try store.apply([first, second]) == [7, 9], "ids differ")
    }
    try with(place) { store in
      try demand(try store.load().ledgerSize == 2, "lines are missing")
      try demand(try store.load().records[.tool] == ["t": ["a": 1]], "the record is missing")
      try demand(try store.document(.tool, "t") == ["a": 1], "the document is missing")
      try demand(try store.lines(from: 0, limit: 9) == lines, "lines differ")
      try demand(try store.leafHashes(from: 0, limit: 9) == lines.map(\.leafHash), "hashes differ")
    }
  }

  static func replacesAndRemoves(_ place: any StorePlace) throws {
    try with(place) { store in
      for kind in RecordKind.allCases {
        try put(store, kind, "k", ["state": "one"])
        try put(store, kind, "k", ["state": "two"])
        try demand(try store.document(kind, "k") == ["state": "two"], "\(kind) is not replaced")
        try put(store, kind, "k", nil)
        try put(store, kind, "k", nil)
        try demand(try store.document(kind, "k") == nil, "\(kind) is not removed")
      }
    }
  }

  static func keepsKeysApart(_ place: any StorePlace) throws {
    let keys: [Text] = ["K", "\u{212A}", "e\u{301}", "\u{E9}", "a\0b", "a", "A", "a ", ""]
    try with(place) { store in
      for kind in [RecordKind.agent, .held] {
        for (at, key) in keys.enumerated() { try put(store, kind, key, ["at": .int(at)]) }
        let found = try store.load().records[kind] ?? [:]
        try demand(found.count == keys.count, "\(kind): \(found.count) of \(keys.count) keys")
        for (at, key) in keys.enumerated() {
          try demand(found[key] == ["at": .int(at)], "\(kind): key \(at) has another's document")
        }
      }
    }
  }

  static func keepsDocuments(_ place: any StorePlace) throws {
    let text = #"{"b":1.10,"a":1e2,"n":123456789012345678901234567890,"s":"\u0000é\n"}"#
    let document = try JSONParser.parse(text)
    try with(place) { try put($0, .meta, "d", document) }
    try with(place) { store in
      let found = try store.document(.meta, "d") ?? .null
      try demand(
        JSONWriter.bytes(of: found) == JSONWriter.bytes(of: document),
        "it came back as \(JSONWriter.text(of: found))")
    }
  }

  static func refusesHoles(_ place: any StorePlace) throws {
    try with(place) { store in
      _ = try store.apply([Commit(id: 1, records: [], lines: [line(0)])])
      for wrong in [0, 2, -1] {
        let change = RecordChange(kind: .meta, key: "m", document: 1)
        let commit = Commit(id: 2, records: [change], lines: [line(wrong)])
        try demand(throws: { _ = try store.apply([commit]) }, "line \(wrong) was taken at 1")
      }
      let gap = Commit(id: 3, records: [], lines: [line(1), line(3)])
      try demand(throws: { _ = try store.apply([gap]) }, "a gap inside a commit was taken")
      try demand(try store.load().ledgerSize == 1, "a refused line was kept")
      try demand(try store.document(.meta, "m") == nil, "a refused record was kept")
    }
  }

  static func failsAlone(_ place: any StorePlace) throws {
    try with(place) { store in
      let good = Commit(
        id: 1, records: [RecordChange(kind: .meta, key: "good", document: true)], lines: [line(0)])
      let bad = Commit(
        id: 2,
        records: [
          RecordChange(kind: .meta, key: "bad", document: true),
          RecordChange(kind: .held, key: "bad", document: ["settled_at": "yesterday"]),
        ], lines: [line(1)])
      let late = Commit(
        id: 3, records: [RecordChange(kind: .meta, key: "late", document: true)], lines: [line(1)])
      try demand(try store.apply([good, bad, late]) == [1], "more or less than the first applied")
      let meta = try store.load().records[.meta] ?? [:]
      try demand(meta == ["good": true], "records are \(meta.keys.sorted())")
      try demand(try store.load().ledgerSize == 1, "a line of a failed commit was kept")
      try demand(try store.apply([late]) == [3], "the store does not go on")
    }
  }

  static func pages(_ place: any StorePlace) throws {
    try with(place) { store in
      let all = (0..<10).map(line)
      _ = try store.apply([Commit(id: 1, records: [], lines: all)])
      try demand(try store.lines(from: 3, limit: 2) == [all[3], all[4]], "a page in the middle")
      try demand(try store.lines(from: 8, limit: 5) == [all[8], all[9]], "the last page")
      try demand(try store.lines(from: 10, limit: 5) == [], "a page behind the end")
      try demand(try store.lines(from: 0, limit: 0) == [], "a page of nothing")
      try demand(
        try store.leafHashes(from: 9, limit: 5) == [all[9].leafHash], "the last page of hashes")
    }
  }

  static func loadsNewestSettled(_ place: any StorePlace) throws {
    let limit = 1000
    let start = Timestamp(milliseconds: 1_700_000_000_000)
    let changes = (0..<limit + 5).map { at in
      let settled =
        at.isMultiple(of: 2)
        ? JSONValue.timestamp(start + .seconds(Int64(at)))
        : .int(start.milliseconds + Int64(at) * 1000)
      return RecordChange(
        kind: .held, key: "settled-\(at)",
        document: ["state": "rejected", "settled_at": settled])
    }
    let open = RecordChange(
      kind: .held, key: "open", document: ["state": "pending", "settled_at": nil])
    try with(place) { store in
      _ = try store.apply([Commit(id: 1, records: changes + [open], lines: [])])
      let held = try store.load().records[.held] ?? [:]
      try demand(held.count == limit + 1, "\(held.count) held calls")
      try demand(held["open"] != nil, "the open call is missing")
      try demand(held["settled-4"] == nil && held["settled-5"] != nil, "not the newest")
      try demand(try store.document(.held, "settled-0") != nil, "the oldest is gone")
    }
  }

  static func takesNothing(_ place: any StorePlace) throws {
    try with(place) { try demand(try $0.apply([]) == [], "ids without commits") }
  }

  // MARK: Tools

  /// A line with made-up bytes; its hash is that of its bytes.
  static func line(_ index: Int) -> LedgerLine {
    let bytes = Array(#"{"index":\#(index)}"#.utf8)
    return LedgerLine(index: index, bytes: bytes, leafHash: SHA256.hash(tag: 0, bytes))
  }

  private static func put(
    _ store: any Store, _ kind: RecordKind, _ key: Text, _ document: JSONValue?
  ) throws {
    let change = RecordChange(kind: kind, key: key, document: document)
    try demand(
      try store.apply([Commit(id: 5, records: [change], lines: [])]) == [5], "\(key) not written")
  }

  private static func with(_ place: any StorePlace, _ body: (any Store) throws -> Void) throws {
    let store = try place.open()
    try body(store)
    try place.close(store)
  }

  private static func demand(_ holds: Bool, _ words: String) throws {
    guard holds else { throw Violation(description: words) }
  }

  private static func demand(throws body: () throws -> Void, _ words: String) throws {
    do { try body() } catch { return }
    throw Violation(description: words)
  }
}
