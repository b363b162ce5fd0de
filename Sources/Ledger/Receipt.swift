package import Cryptography
package import JSON

/// Proof that one entry is in the log, checkable without the log.
package struct Receipt: Hashable, Sendable {
  /// The most operator signatures in a receipt.
  package static let signatureLimit = 16
  /// The size of the largest receipt in JSON.
  package static let limits = JSONLimits.peer

  /// The canonical bytes of the entry.
  package let entryBytes: [UInt8]
  package let index: Int
  /// The inclusion proof against `checkpoint`, lowest sibling first.
  package let proof: [Digest]
  package let checkpoint: Checkpoint
  package let operatorSignatures: [OperatorSignature]

  package init(
    entryBytes: [UInt8], index: Int, proof: [Digest], checkpoint: Checkpoint,
    operatorSignatures: [OperatorSignature] = []
  ) {
    self.entryBytes = entryBytes
    self.index = index
    self.proof = proof
    self.checkpoint = checkpoint
    self.operatorSignatures = operatorSignatures
  }

  /// The entry, once everything about the receipt holds.
  ///
  /// A valid signature over something else proves nothing, so `binds` says whether a signature's
  /// statement is about this entry and its key one that the entry names. It is asked for each.
  package func verify(
    with key: VerifierKey, binds: (Entry, OperatorSignature) -> Bool
  ) throws(LedgerError) -> Entry {
    let entry = try Entry.parse(entryBytes)
    guard entry.index == index else {
      throw refused(.wrongIndex, "the receipt is for \(index), its entry says \(entry.index)")
    }
    try checkpoint.verify(with: key)
    let isIncluded = MerkleTree.verifyInclusion(
      of: MerkleTree.leafHash(entryBytes), index: index, size: checkpoint.size, proof: proof,
      root: checkpoint.root)
    guard isIncluded else {
      throw refused(.badProof, "the proof does not lead from the entry to the checkpoint")
    }
    for signature in operatorSignatures {
      guard signature.isValid else {
        throw refused(.badSignature, "the signature of \(signature.name) is not valid")
      }
      guard binds(entry, signature) else {
        throw refused(.badSignature, "the signature of \(signature.name) is about something else")
      }
    }
    return entry
  }

  private func refused(_ code: LedgerError.Code, _ message: String) -> LedgerError {
    LedgerError(code, message, index: index, fix: "ask the gateway for the receipt again")
  }
}

extension Receipt: JSONConvertible {
  private static let version = 1

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["version", "index", "entry", "proof", "checkpoint", "signatures"])
    _ = try json.member("version").int(in: Self.version...Self.version)
    let entryBytes = try json.member("entry").text().bytes
    let index = try json.member("index").int(in: 0...Int.max)
    var proof: [Digest] = []
    for element in try json.member("proof").elements(upTo: MerkleTree.proofLimit) {
      proof.append(try element.digest())
    }
    var signatures: [OperatorSignature] = []
    for element in try json.member("signatures").elements(upTo: Self.signatureLimit) {
      signatures.append(try OperatorSignature(json: element))
    }
    let note = try json.member("checkpoint")
    let text = try note.string()
    let checkpoint: Checkpoint
    do throws(LedgerError) {
      checkpoint = try Checkpoint(parsing: text)
    } catch {
      throw note.bad(error.message)
    }
    self.init(
      entryBytes: entryBytes, index: index, proof: proof, checkpoint: checkpoint,
      operatorSignatures: signatures)
  }

  package var json: JSONValue {
    [
      "version": .int(Self.version), "index": .int(index),
      "entry": .string(String(decoding: entryBytes, as: UTF8.self)),
      "proof": .array(proof.map { .string($0.base64) }), "checkpoint": .string(checkpoint.text),
      "signatures": .array(operatorSignatures.map(\.json)),
    ]
  }
}

extension JSONCursor {
  func elements(upTo limit: Int) throws(JSONError) -> [JSONCursor] {
    let elements = try elements()
    guard elements.count <= limit else {
      throw bad("\(elements.count) elements, the limit is \(limit)")
    }
    return elements
  }
}
