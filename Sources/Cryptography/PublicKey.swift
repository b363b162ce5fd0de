/// An Ed25519 public key: 32 bytes.
package struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  package static let byteCount = Bytes32.count

  private let storage: Bytes32

  init(storage: Bytes32) { self.storage = storage }

  /// Nil unless there are exactly 32 bytes. Bytes that are no point of the curve verify nothing.
  package init?(_ bytes: some Collection<UInt8>) {
    guard let storage = Bytes32(bytes) else { return nil }
    self.init(storage: storage)
  }

  /// Nil unless the text is strict standard base64 of 32 bytes.
  package init?(base64: String) {
    guard let bytes = Base64.decode(base64) else { return nil }
    self.init(bytes)
  }

  package var bytes: [UInt8] { storage.array }
  package var base64: String { Base64.encode(bytes) }
  package var description: String { base64 }

  /// Whether `signature` is this key's over exactly `message`.
  package func verify(_ signature: Signature, of message: some Collection<UInt8>) -> Bool {
    guard let handle = KeyHandle(publicKey: storage) else { return false }
    return handle.verify(signature.bytes, of: message)
  }
}
