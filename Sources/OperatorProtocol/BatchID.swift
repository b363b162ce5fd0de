package import JSON
package import Time

/// The id of a held call: `cs_` and a ULID (26 characters of Crockford's base 32, upper case).
package struct BatchID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let text: Text

  /// The id of a moment and ten random bytes; ids of later moments sort later.
  package init(at time: Timestamp, random: [UInt8]) {
    precondition(random.count == 10, "a ULID has ten random bytes")
    var value = UInt128(UInt64(clamping: time.milliseconds) & 0xFFFF_FFFF_FFFF)
    for byte in random { value = value << 8 | UInt128(byte) }
    let digits = (0..<26).reversed().map {
      Self.alphabet[Int(truncatingIfNeeded: value >> (5 * $0)) & 31]
    }
    text = Text("cs_" + String(decoding: digits, as: UTF8.self))
  }

  /// Reads an id; nil when it is none.
  package init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count == 29, bytes.starts(with: "cs_".utf8),
      bytes.dropFirst(3).allSatisfy({ Self.alphabet.contains($0) })
    else { return nil }
    self.text = Text(text)
  }

  /// The 26 characters without the prefix, as they stand in injected `orderLinkId`s.
  package var ulid: String { String(text.string.dropFirst(3)) }

  package var description: String { text.string }
  package static func < (a: BatchID, b: BatchID) -> Bool { a.text < b.text }

  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
}

extension JSONCursor {
  package func batchID() throws(JSONError) -> BatchID {
    let text = try string()
    guard let id = BatchID(text) else {
      throw bad("\"\(text)\" is no approval id; ids look like cs_01J9Z3…, 29 characters")
    }
    return id
  }
}
