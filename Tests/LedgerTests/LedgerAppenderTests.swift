import Cryptography
import JSON
import Testing
import Time

@testable import Ledger

@Suite struct LedgerAppenderTests {
  @Test func entriesGetTheirIndexBytesAndLeafHash() throws {
    let fixture = try Fixture(count: 9)
    #expect(fixture.entries.map(\.index) == Array(0..<9))
    for appended in fixture.entries {
      #expect(try Entry.parse(appended.bytes) == appended.entry)
      #expect(MerkleTree.leafHash(appended.bytes) == appended.leafHash)
    }
    #expect(fixture.appender.size == 9)
    #expect(fixture.appender.root == MerkleTree.root(of: fixture.entries.map(\.leafHash)))
  }

  @Test func aRestoredAppenderGoesOnLikeTheOriginal() throws {
    var fixture = try Fixture(count: 11)
    let stored = JSONWriter.bytes(of: fixture.appender.snapshot.json)
    let value = try JSONParser.parse(stored, limits: .file)
    var restored = try LedgerAppender(
      origin: Fixture.origin, key: SigningKey(seed: Array(1...32)),
      snapshot: LedgerSnapshot(json: JSONCursor(value)))
    let drafts = (11..<20).map(Fixture.draft)
    #expect(try restored.append(drafts) == fixture.appender.append(drafts))
    #expect(restored.checkpoint() == fixture.appender.checkpoint())
    #expect(restored.snapshot == fixture.appender.snapshot)
  }

  @Test func aSnapshotThatDescribesNoTreeIsRefused() {
    let error = #expect(throws: LedgerError.self) {
      try LedgerSnapshot(size: 3, hashes: [MerkleTree.emptyRoot], latest: nil)
    }
    #expect(error?.code == .badSnapshot)
    #expect(throws: JSONError.self) {
      try LedgerSnapshot(json: JSONCursor(["size": 1, "hashes": []]))
    }
  }

  @Test func allDraftsOrNoneAreAppended() throws {
    var fixture = try Fixture(count: 2)
    let before = fixture.appender.snapshot
    var bad = Fixture.draft(3)
    bad.kind = ""
    let error = #expect(throws: LedgerError.self) {
      try fixture.append(Fixture.draft(2), bad)
    }
    #expect(error?.code == .badEntry)
    #expect(fixture.appender.snapshot == before)
  }

  @Test func anEntryPastTheLimitsIsNeverWritten() throws {
    var fixture = try Fixture()
    var nested: JSONValue = .null
    for _ in 0..<Entry.limits.depth { nested = .array([nested]) }
    var draft = Fixture.draft(0)
    draft.body["deep"] = nested
    #expect(throws: LedgerError.self) { try fixture.append(draft) }
    draft.body["deep"] = .string(String(repeating: "x", count: Entry.limits.stringBytes + 1))
    #expect(throws: LedgerError.self) { try fixture.append(draft) }
    #expect(fixture.appender.size == 0)
  }

  @Test func aClockSetBackWritesAnEntryOfItsOwn() throws {
    var fixture = try Fixture(count: 1)
    var late = Fixture.draft(1)
    late.time = Fixture.start - .minutes(60)
    let appended = try fixture.appender.append([late, Fixture.draft(2)])
    fixture.entries += appended
    #expect(appended.map(\.entry.kind) == ["clock-stepped", "signed", "approved"])
    #expect(appended.map(\.draft) == [nil, 0, 1])
    #expect(appended[0].entry.body["before"] == .string(Fixture.start.rfc3339))
    let summary = try Fixture.verify(
      fixture.bytes, key: fixture.key, checkpoints: [fixture.appender.checkpoint()])
    #expect(summary.covered == 4)
  }

  @Test func disorderWithinTheToleranceIsNormal() throws {
    var fixture = try Fixture(count: 1)
    var late = Fixture.draft(1)
    late.time = Fixture.start - LedgerClock.tolerance
    #expect(try fixture.appender.append([late]).count == 1)
    late.time = late.time - .milliseconds(1)
    #expect(try fixture.appender.append([late]).count == 2)
  }
}
