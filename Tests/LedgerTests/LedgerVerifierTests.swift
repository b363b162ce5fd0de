import Cryptography
import JSON
import Testing
import Time

@testable import Ledger

@Suite struct LedgerVerifierTests {
  @Test func aWholeLogVerifies() throws {
    let fixture = try Fixture(count: 10, checkpointEvery: 4)
    let summary = try Fixture.verify(
      fixture.bytes, key: fixture.key, checkpoints: fixture.checkpoints.shuffled(),
      leafHashes: fixture.entries.map(\.leafHash))
    #expect(summary.size == 10)
    #expect(summary.checkpoints == 3)
    #expect(summary.covered == 10)
    #expect(summary.root == fixture.appender.root)
    #expect(summary.firstTime == Fixture.start)
    #expect(summary.lastTime == Fixture.start + .seconds(9))
  }

  @Test func entriesAfterTheLastCheckpointAreCountedAsUncovered() throws {
    let fixture = try Fixture(count: 10, checkpointEvery: 4)
    let summary = try Fixture.verify(
      fixture.bytes, key: fixture.key, checkpoints: Array(fixture.checkpoints.prefix(2)))
    #expect(summary.size == 10)
    #expect(summary.covered == 8)
  }

  @Test func anEmptyLogVerifies() throws {
    let fixture = try Fixture()
    let summary = try Fixture.verify(
      [], key: fixture.key, checkpoints: [fixture.appender.checkpoint()])
    #expect(summary.size == 0)
    #expect(summary.checkpoints == 1)
  }

  @Test("A flip of any one byte is reported no later than the next checkpoint")
  func everyFlippedByte() throws {
    let fixture = try Fixture(count: 6, checkpointEvery: 2)
    for index in fixture.bytes.indices {
      for at in fixture.bytes[index].indices {
        for mask: UInt8 in [0x01, 0x20, 0x80] {
          var log = fixture.bytes
          log[index][at] ^= mask
          let error = #expect(throws: LedgerError.self) {
            try Fixture.verify(log, key: fixture.key, checkpoints: fixture.checkpoints)
          }
          // A time that jumped ahead shows only in the entry after it.
          #expect(try #require(error?.index) / 2 == index / 2)
        }
      }
    }
  }

  @Test("With stored leaf hashes the changed entry itself is named", arguments: 0..<6)
  func aFlipIsNamed(index: Int) throws {
    let fixture = try Fixture(count: 6, checkpointEvery: 6)
    var log = fixture.bytes
    let digit = try #require(log[index].firstIndex(of: UInt8(ascii: "0")))
    log[index][digit] = UInt8(ascii: "1")
    let error = #expect(throws: LedgerError.self) {
      try Fixture.verify(
        log, key: fixture.key, checkpoints: fixture.checkpoints,
        leafHashes: fixture.entries.map(\.leafHash))
    }
    #expect(error?.code == .leafMismatch)
    #expect(error?.index == index)
  }

  @Test("Rewriting entries together with their leaf hashes breaks the signed root")
  func rewriting() throws {
    let fixture = try Fixture(count: 6, checkpointEvery: 3)
    var forged = try Fixture()
    for number in 0..<6 {
      var draft = Fixture.draft(number)
      if number == 4 { draft.kind = "rejected" }
      try forged.append(draft)
    }
    let error = #expect(throws: LedgerError.self) {
      try Fixture.verify(
        forged.bytes, key: fixture.key, checkpoints: fixture.checkpoints,
        leafHashes: forged.entries.map(\.leafHash))
    }
    #expect(error?.code == .rootMismatch)
    #expect(error?.index == 3)
  }

  @Test("Cutting the end off is reported", arguments: 1...6)
  func truncation(dropped: Int) throws {
    let fixture = try Fixture(count: 6, checkpointEvery: 4)
    let error = #expect(throws: LedgerError.self) {
      try Fixture.verify(
        fixture.bytes.dropLast(dropped), key: fixture.key, checkpoints: fixture.checkpoints)
    }
    #expect(error?.code == .truncated)
    #expect(error?.index == 6 - dropped)
  }

  @Test("Swapping any two entries is reported at the first of them")
  func reordering() throws {
    let fixture = try Fixture(count: 7)
    for (a, b) in (0..<7).flatMap({ a in ((a + 1)..<7).map { (a, $0) } }) {
      var log = fixture.bytes
      log.swapAt(a, b)
      let error = #expect(throws: LedgerError.self) {
        try Fixture.verify(log, key: fixture.key, checkpoints: fixture.checkpoints)
      }
      #expect(error?.code == .wrongIndex)
      #expect(error?.index == a)
    }
  }

  @Test("Dropping, doubling or adding an entry is reported", arguments: 0..<5)
  func countChanges(at index: Int) throws {
    let fixture = try Fixture(count: 6, checkpointEvery: 6)
    var dropped = fixture.bytes
    dropped.remove(at: index)
    var doubled = fixture.bytes
    doubled.insert(doubled[index], at: index)
    for (log, first) in [(dropped, index), (doubled, index + 1)] {
      let error = #expect(throws: LedgerError.self) {
        try Fixture.verify(log, key: fixture.key, checkpoints: fixture.checkpoints)
      }
      #expect(error?.code == .wrongIndex)
      #expect(error?.index == first)
    }
  }

  @Test func timeThatGoesBackSilentlyIsReported() throws {
    let fixture = try Fixture(count: 2)
    var verifier = try LedgerVerifier(key: fixture.key, checkpoints: [])
    for bytes in fixture.bytes { try verifier.consume(bytes) }
    let late = Entry(index: 2, time: Fixture.start - .seconds(5), kind: "held")
    let error = #expect(throws: LedgerError.self) { try verifier.consume(late.canonicalBytes) }
    #expect(error?.code == .timeReversed)
    #expect(error?.index == 2)
  }

  @Test func theFirstErrorStands() throws {
    let fixture = try Fixture(count: 3)
    var verifier = try LedgerVerifier(key: fixture.key, checkpoints: fixture.checkpoints)
    let first = try #require(
      #expect(throws: LedgerError.self) { try verifier.consume([0x7B]) })
    #expect(throws: first) { try verifier.consume(fixture.bytes[0]) }
    #expect(throws: first) { try verifier.finish() }
    #expect(verifier.size == 0)
  }

  @Test func twoHeadsOfOneSizeAreEquivocation() throws {
    let honest = try Fixture(count: 3)
    var fork = try Fixture(count: 2)
    try fork.append(Fixture.draft(4))
    let heads = [honest.appender.checkpoint(), fork.appender.checkpoint()]
    let error = #expect(throws: LedgerError.self) {
      try LedgerVerifier(key: honest.key, checkpoints: heads)
    }
    #expect(error?.code == .equivocation)
  }

  @Test func aCheckpointOfAnotherKeyIsRefused() throws {
    let fixture = try Fixture(count: 3)
    let stranger = try VerifierKey(
      name: Fixture.origin, key: SigningKey(seed: Array(2...33)).publicKey)
    let error = #expect(throws: LedgerError.self) {
      try LedgerVerifier(key: stranger, checkpoints: fixture.checkpoints)
    }
    #expect(error?.code == .badSignature)
  }
}
