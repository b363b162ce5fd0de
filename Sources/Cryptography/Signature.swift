/// An Ed25519 signature: 64 bytes.
package struct Signature: Hashable, Sendable, CustomStringConvertible {
  package static let byteCount = 2 * Bytes32.count

  private let first: Bytes32
  private let second: Bytes32

  /// Nil unless there are exactly 64 bytes.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount, let first = Bytes32(bytes.prefix(Bytes32.count)),
      let second = Bytes32(bytes.dropFirst(Bytes32.count))
    else { return nil }
    self.first = first
    self.second = second
  }

  /// Nil unless the text is strict standard base64 of 64 bytes.
  package init?(base64: String) {
    guard let bytes = Base64.decode(base64) else { return nil }
    self.init(bytes)
  }

  package var bytes: [UInt8] { first.array + second.array }
  package var base64: String { Base64.encode(bytes) }
  package var description: String { base64 }
}
