package import Cryptography
package import JSON

/// A named Ed25519 key that verifies checkpoints, in the C2SP signed-note form
/// `name+hash+base64(0x01 ‖ key)` where the hash is eight hexadecimal digits.
package struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
  /// The most bytes of a name.
  package static let nameLimit = 255

  package let name: Text
  package let key: PublicKey
  /// The first four bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ key), big-endian.
  package let keyHash: UInt32

  /// Throws `badName` when the name is empty, too long, or has white space, controls or a plus.
  package init(name: Text, key: PublicKey) throws(LedgerError) {
    guard Self.isName(name) else {
      throw LedgerError(
        .badName, "\"\(name)\" cannot name a log or a key",
        fix: "use 1 to \(Self.nameLimit) bytes without white space, controls and plus signs")
    }
    self.name = name
    self.key = key
    let preimage = name.bytes + [0x0A, Self.ed25519] + key.bytes
    keyHash = SHA256.hash(preimage).bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// Throws `badSignature` unless the text is exactly what `text` writes.
  package init(text: String) throws(LedgerError) {
    let parts = text.utf8.split(
      separator: UInt8(ascii: "+"), maxSplits: 2,
      omittingEmptySubsequences: false)
    guard parts.count == 3, let name = Text(utf8: parts[0]),
      let bytes = Base64.decode(String(decoding: parts[2], as: UTF8.self)),
      bytes.first == Self.ed25519, let key = PublicKey(bytes.dropFirst())
    else { throw Self.refused }
    try self.init(name: name, key: key)
    guard Text(self.text) == Text(text) else { throw Self.refused }
  }

  private static let refused = LedgerError(
    .badSignature, "the text is no Ed25519 verifier key of the form name+hash+base64",
    fix: "copy the whole verifier key of the log again")

  package var text: String {
    "\(name)+\(Hex.encode(keyHash.bigEndianBytes))+\(Base64.encode([Self.ed25519] + key.bytes))"
  }

  package var description: String { text }

  private static let ed25519: UInt8 = 0x01

  static func isName(_ name: Text) -> Bool {
    guard (1...nameLimit).contains(name.count) else { return false }
    return name.string.unicodeScalars.allSatisfy {
      !$0.properties.isWhitespace && $0.properties.generalCategory != .control && $0 != "+"
    }
  }
}

extension UInt32 {
  var bigEndianBytes: [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> UInt32($0)) }
  }
}
