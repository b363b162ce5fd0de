/// A SHA-256 value: 32 bytes. `==` is not constant-time; compare secrets with
/// `constantTimeEquals`.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
  package static let byteCount = Bytes32.count

  let storage: Bytes32

  init(_ storage: Bytes32) { self.storage = storage }

  /// Nil unless there are exactly 32 bytes.
  package init?(_ bytes: some Collection<UInt8>) {
    guard let storage = Bytes32(bytes) else { return nil }
    self.init(storage)
  }

  /// Nil unless the text is exactly 64 lower-case hexadecimal digits.
  package init?(hex: String) {
    guard let bytes = Hex.decode(hex) else { return nil }
    self.init(bytes)
  }

  /// Nil unless the text is strict standard base64 of 32 bytes.
  package init?(base64: String) {
    guard let bytes = Base64.decode(base64) else { return nil }
    self.init(bytes)
  }

  package var bytes: [UInt8] { storage.array }
  /// 64 lower-case digits.
  package var hex: String { Hex.encode(bytes) }
  package var base64: String { Base64.encode(bytes) }
  package var description: String { hex }
}
