/// Why a part of the ledger is refused, where, and what to do about it.
package struct LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case badEntry, notCanonical, wrongIndex, timeReversed, leafMismatch, rootMismatch, truncated
      case equivocation, badCheckpoint, badName, badSignature, badProof, badReceipt, badSnapshot
    }
    private let kind: Kind

    /// Bytes that are no entry, or an entry past a named limit.
    package static let badEntry = Code(kind: .badEntry)
    /// An entry whose bytes are not the canonical form of what they say.
    package static let notCanonical = Code(kind: .notCanonical)
    /// An entry that stands in another place than its index says.
    package static let wrongIndex = Code(kind: .wrongIndex)
    /// An entry older than the one before it by more than `LedgerClock.tolerance`.
    package static let timeReversed = Code(kind: .timeReversed)
    /// An entry that does not hash to the leaf hash stored beside it.
    package static let leafMismatch = Code(kind: .leafMismatch)
    /// Entries that do not hash to a signed checkpoint.
    package static let rootMismatch = Code(kind: .rootMismatch)
    /// Fewer entries than a signed checkpoint covers.
    package static let truncated = Code(kind: .truncated)
    /// Two signed checkpoints of one size with different roots.
    package static let equivocation = Code(kind: .equivocation)
    /// Text that is no checkpoint.
    package static let badCheckpoint = Code(kind: .badCheckpoint)
    /// An origin or key name that cannot stand in a checkpoint.
    package static let badName = Code(kind: .badName)
    /// A signature that is missing or not by the key.
    package static let badSignature = Code(kind: .badSignature)
    /// A Merkle proof that does not lead to the root.
    package static let badProof = Code(kind: .badProof)
    /// A receipt whose parts do not fit together.
    package static let badReceipt = Code(kind: .badReceipt)
    /// A stored snapshot that describes no tree.
    package static let badSnapshot = Code(kind: .badSnapshot)
  }

  package var code: Code
  /// What is wrong.
  package var message: String
  /// The first entry that the error is about, from 0. Nil where it is about none.
  package var index: Int?
  /// What to do about it.
  package var fix: String

  package init(_ code: Code, _ message: String, index: Int? = nil, fix: String) {
    self.code = code
    self.message = message
    self.index = index
    self.fix = fix
  }

  package var description: String {
    let place = index.map { "entry \($0): " } ?? ""
    return "\(place)\(message); \(fix)"
  }

  static let compareCopies = "compare the log with an exported copy from before this entry"

  static func checkpoint(_ message: String) -> LedgerError {
    LedgerError(.badCheckpoint, message, fix: "fetch the checkpoint again, byte for byte")
  }
}
