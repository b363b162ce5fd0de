package import Approvals
import Cryptography
package import JSON
package import Ledger

/// Proofs for entries of a stored ledger, all against its newest signed head.
package struct Receipts {
  package let head: Checkpoint
  private let store: any Store
  private let operators: [Text: Registry.Operator]
  private let leaves: LeafHashes

  /// Nil when nothing was signed yet.
  package init?(_ store: any Store, operators: [Text: Registry.Operator]) throws {
    guard let head = try Self.head(store) else { return nil }
    self.head = head
    self.store = store
    self.operators = operators
    leaves = try LeafHashes(store, size: head.size)
  }

  /// The newest signed head.
  package static func head(_ store: any Store) throws -> Checkpoint? {
    guard let note = try store.document(.checkpoint, "latest")?["note"]?.stringValue else {
      return nil
    }
    return try Checkpoint(parsing: note)
  }

  /// Nil for an entry that the head does not cover.
  package func receipt(of index: Int) throws -> Receipt? {
    guard (0..<head.size).contains(index), let line = try store.lines(from: index, limit: 1).first
    else { return nil }
    let proof = MerkleTree.inclusionProof(of: index, size: head.size) { leaves[$0] } ?? []
    return Receipt(
      entryBytes: line.bytes, index: index, proof: proof, checkpoint: head,
      operatorSignatures: signatures(in: line.bytes))
  }

  /// The signature inside the entry of a decision, a halt or an acceptance, with the key it verifies
  /// under.
  private func signatures(in bytes: [UInt8]) -> [OperatorSignature] {
    guard let entry = try? Entry.parse(bytes), let signed = SignatureAudit.document(in: entry),
      let signature = entry.body["signature"]?.stringValue.flatMap({ Signature(base64: $0) }),
      let name = entry.body["by"]?.textValue, let person = operators[name]
    else { return [] }
    return [
      OperatorSignature(name: name, key: person.key, statement: signed, signature: signature)
    ]
  }
}

/// The leaf hashes of the stored ledger, read in pages.
struct LeafHashes {
  private var hashes: [Digest] = []
  private static let page = 65_536

  init(_ store: any Store, size: Int) throws {
    hashes.reserveCapacity(size)
    while hashes.count < size {
      let more = try store.leafHashes(
        from: hashes.count, limit: min(Self.page, size - hashes.count))
      guard !more.isEmpty else { break }
      hashes += more
    }
  }

  subscript(_ index: Int) -> Digest { hashes[index] }
}
