import Cryptography
import JSON
import Testing

@testable import Ledger

@Suite struct VerifierKeyTests {
  @Test(
    "Published verifier keys read and write the same",
    arguments: [
      "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
      "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ])
  func published(text: String) throws {
    #expect(try VerifierKey(text: text).text == text)
  }

  @Test func aPublishedSignedNoteVerifies() throws {
    let key = try VerifierKey(
      text: "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    let note = """
      If you think cryptography is the answer to your problem,
      then you don't know what your problem is.

      """
    let bytes = try #require(
      Base64.decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ryy"
          + "BwJnAM="))
    #expect(Array(bytes.prefix(4)) == key.keyHash.bigEndianBytes)
    let signature = try #require(Signature(bytes.dropFirst(4)))
    #expect(key.key.verify(signature, of: note.utf8))
  }

  @Test(arguments: [
    "", "PeterNeumann", "PeterNeumann+c74f20a3",
    "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
    "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
  ])
  func otherTextIsRefused(text: String) {
    #expect(throws: LedgerError.self) { try VerifierKey(text: text) }
  }

  @Test(arguments: ["", "a b", "a+b", "a\nb", "a\r\nb", "a\u{A0}b", "a\u{7F}", "a\u{85}b"])
  func namesThatCannotStandInANoteAreRefused(name: String) throws {
    let key = try SigningKey(seed: Array(1...32))
    let error = #expect(throws: LedgerError.self) {
      try VerifierKey(name: Text(name), key: key.publicKey)
    }
    #expect(error?.code == .badName)
  }
}

@Suite struct CheckpointTests {
  @Test func theTextIsASignedNote() throws {
    let fixture = try Fixture(count: 3)
    let checkpoint = fixture.appender.checkpoint()
    let lines = checkpoint.text.utf8.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    ).map { String(decoding: $0, as: UTF8.self) }
    #expect(lines.count == 6)
    #expect(lines[0] == "example.org/countersign")
    #expect(lines[1] == "3")
    #expect(lines[2] == fixture.appender.root.base64)
    #expect(lines[3] == "")
    #expect(lines[4].hasPrefix("\u{2014} example.org/countersign "))
    #expect(lines[5] == "")
    let parsed = try Checkpoint(parsing: checkpoint.text)
    #expect(parsed == checkpoint)
    try parsed.verify(with: fixture.key)
  }

  @Test func everyFlippedBitIsRefused() throws {
    let fixture = try Fixture(count: 11)
    let bytes = Array(fixture.appender.checkpoint().text.utf8)
    for bit in 0..<(bytes.count * 8) {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: LedgerError.self, "bit \(bit)") {
        try Checkpoint(parsing: changed).verify(with: fixture.key)
      }
    }
  }

  @Test(
    "Anything but the exact form",
    arguments: [
      ("\n3\n", "\n03\n"), ("\n3\n", "\n+3\n"), ("\n3\n", "\n-3\n"), ("\n3\n", "\n3 \n"),
      ("\n3\n", "\n3\r\n"), ("\n3\n", "\n\n"), ("\n3\n", "\n99999999999999999999\n"),
      ("=\n\n", "=\nextension\n\n"), ("=\n\n", "=\n"), ("=\n\n", "\n\n"), ("=\n\n", "=\n\n\n"),
      ("\u{2014}", "-"), ("\u{2014} ", "\u{2014}  "), ("\u{2014} e", "\u{2014}\u{A0}e"),
      ("example", ""),
    ])
  func otherForms(part: String, replacement: String) throws {
    let fixture = try Fixture(count: 3)
    let changed = replacing(
      part, by: part == "example" ? "exa mple" : replacement,
      in: fixture.appender.checkpoint().text)
    #expect(changed != Array(fixture.appender.checkpoint().text.utf8))
    let error = #expect(throws: LedgerError.self) { try Checkpoint(parsing: changed) }
    #expect(error?.code == .badCheckpoint)
  }

  @Test func aCheckpointWithoutItsLastNewlineOrSignatureIsRefused() throws {
    let checkpoint = try Fixture(count: 3).appender.checkpoint()
    #expect(throws: LedgerError.self) { try Checkpoint(parsing: checkpoint.text.utf8.dropLast()) }
    #expect(throws: LedgerError.self) { try Checkpoint(parsing: checkpoint.body + [0x0A]) }
    #expect(throws: LedgerError.self) { try Checkpoint(parsing: checkpoint.text + "\n") }
    #expect(throws: LedgerError.self) { try Checkpoint(parsing: "") }
  }

  @Test func aWitnessLineIsKeptAndIgnored() throws {
    let fixture = try Fixture(count: 3)
    let text = fixture.appender.checkpoint().text
    let witnessed = text + "\u{2014} witness.example AAAAAAQ=\n"
    let checkpoint = try Checkpoint(parsing: witnessed)
    #expect(checkpoint.lines.count == 2)
    #expect(checkpoint.text == witnessed)
    try checkpoint.verify(with: fixture.key)
  }

  @Test func aSecondLineOfTheSameKeyIsRefused() throws {
    let fixture = try Fixture(count: 3)
    let text = fixture.appender.checkpoint().text
    let line = text.dropFirst(text.count - 1 - (text.split(separator: "\n").last?.count ?? 0))
    let checkpoint = try Checkpoint(parsing: text + line)
    #expect(checkpoint.lines.count == 2)
    #expect(throws: LedgerError.self) { try checkpoint.verify(with: fixture.key) }
  }

  @Test func anotherLogsKeyOrNameDoesNotVerify() throws {
    let checkpoint = try Fixture(count: 3).appender.checkpoint()
    let stranger = try SigningKey(seed: Array(2...33)).publicKey
    let own = try SigningKey(seed: Array(1...32)).publicKey
    for key in try [
      VerifierKey(name: Fixture.origin, key: stranger), VerifierKey(name: "other", key: own),
    ] {
      let error = #expect(throws: LedgerError.self) { try checkpoint.verify(with: key) }
      #expect(error?.code == .badSignature)
    }
  }

  private func replacing(_ part: String, by replacement: String, in text: String) -> [UInt8] {
    let (bytes, wanted) = (Array(text.utf8), Array(part.utf8))
    for at in bytes.indices where bytes[at...].starts(with: wanted) {
      return Array(bytes[..<at]) + Array(replacement.utf8) + bytes[(at + wanted.count)...]
    }
    return bytes
  }
}
