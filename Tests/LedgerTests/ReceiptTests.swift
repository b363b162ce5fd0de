import Cryptography
import JSON
import Testing

@testable import Ledger

@Suite struct ReceiptTests {
  let fixture: Fixture
  let operatorKey: SigningKey

  init() throws {
    fixture = try Fixture(count: 13)
    operatorKey = try SigningKey(seed: Array(3...34))
  }

  func receipt(for index: Int) throws -> Receipt {
    let leaves = fixture.entries.map(\.leafHash)
    let proof = MerkleTree.inclusionProof(of: index, size: leaves.count) { leaves[$0] }
    let statement = try #require(fixture.entries[index].entry.body["digest"]?.textValue).bytes
    let signature = OperatorSignature(
      name: "ana", key: operatorKey.publicKey, statement: statement,
      signature: operatorKey.sign(statement))
    return Receipt(
      entryBytes: fixture.entries[index].bytes, index: index, proof: try #require(proof),
      checkpoint: fixture.appender.checkpoint(), operatorSignatures: [signature])
  }

  /// The statement of this test is the digest in the entry's body.
  func binds(_ entry: Entry, _ signature: OperatorSignature) -> Bool {
    entry.body["digest"]?.textValue?.bytes == signature.statement
      && signature.key == operatorKey.publicKey
  }

  @Test("A receipt survives its JSON and verifies offline", arguments: 0..<13)
  func roundTrip(index: Int) throws {
    let bytes = JSONWriter.bytes(of: try receipt(for: index).json)
    let value = try JSONParser.parse(bytes, limits: Receipt.limits)
    let receipt = try Receipt(json: JSONCursor(value))
    #expect(try receipt == self.receipt(for: index))
    #expect(try receipt.verify(with: fixture.key, binds: binds) == fixture.entries[index].entry)
  }

  @Test func aReceiptForAnotherEntryIsRefused() throws {
    let (a, b) = (try receipt(for: 4), try receipt(for: 5))
    try refuse(
      .wrongIndex,
      Receipt(
        entryBytes: a.entryBytes, index: 5, proof: a.proof, checkpoint: a.checkpoint))
    try refuse(
      .badProof,
      Receipt(
        entryBytes: a.entryBytes, index: 4, proof: b.proof, checkpoint: a.checkpoint))
    try refuse(
      .badProof,
      Receipt(
        entryBytes: a.entryBytes, index: 4, proof: [], checkpoint: a.checkpoint))
    try refuse(
      .badProof,
      Receipt(
        entryBytes: a.entryBytes, index: 4, proof: a.proof, checkpoint: fixture.checkpoints[0]))
  }

  @Test func anySingleFlippedByteOfTheEntryIsRefused() throws {
    let good = try receipt(for: 7)
    for at in good.entryBytes.indices {
      var bytes = good.entryBytes
      bytes[at] ^= 1
      #expect(throws: LedgerError.self) {
        try Receipt(
          entryBytes: bytes, index: 7, proof: good.proof, checkpoint: good.checkpoint
        ).verify(with: fixture.key) { _, _ in true }
      }
    }
  }

  @Test func aSignatureHasToBeValidAndAboutThisEntry() throws {
    let (good, other) = (try receipt(for: 7), try receipt(for: 8))
    let own = good.operatorSignatures[0]
    let forged = OperatorSignature(
      name: own.name, key: own.key, statement: own.statement,
      signature: fixture.appender.checkpoint().lines.first.flatMap { Signature($0.signature) }
        ?? own.signature)
    let strangerKey = try SigningKey(seed: Array(5...36))
    let stranger = OperatorSignature(
      name: own.name, key: strangerKey.publicKey, statement: own.statement,
      signature: strangerKey.sign(own.statement))
    for signature in [forged, stranger, other.operatorSignatures[0]] {
      try refuse(
        .badSignature,
        Receipt(
          entryBytes: good.entryBytes, index: 7, proof: good.proof, checkpoint: good.checkpoint,
          operatorSignatures: [own, signature]))
    }
  }

  @Test func anotherKeysCheckpointIsRefused() throws {
    let stranger = try VerifierKey(name: Fixture.origin, key: operatorKey.publicKey)
    let error = #expect(throws: LedgerError.self) {
      try receipt(for: 3).verify(with: stranger, binds: binds)
    }
    #expect(error?.code == .badSignature)
  }

  static let badFields: [(String, JSONValue)] = [
    ("version", .int(2)), ("index", .string("7")), ("entry", .null),
    ("proof", .array([.string("AA==")])), ("checkpoint", .string("x")), ("extra", .int(1)),
    ("signatures", .array([["operator": "ana"]])),
    ("proof", .array(.init(repeating: .string(MerkleTree.emptyRoot.base64), count: 65))),
  ]

  @Test("Fields that are missing, unknown or of another kind", arguments: badFields)
  func strictFields(key: String, value: JSONValue) throws {
    var object = try #require(receipt(for: 7).json.objectValue)
    object[Text(key)] = value
    #expect(throws: JSONError.self) { try Receipt(json: JSONCursor(.object(object))) }
  }

  private func refuse(_ code: LedgerError.Code, _ receipt: Receipt) throws {
    let error = #expect(throws: LedgerError.self) {
      try receipt.verify(with: fixture.key, binds: binds)
    }
    #expect(error?.code == code)
  }
}
