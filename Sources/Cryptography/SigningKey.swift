/// An Ed25519 private key (RFC 8032). Signing is deterministic.
///
/// It prints only its public half.
package struct SigningKey: Sendable, CustomStringConvertible {
  package static let seedByteCount = Bytes32.count

  package let publicKey: PublicKey
  private let handle: KeyHandle

  /// The key of a 32-byte seed. Throws `badLength` for another count and `unavailable` when the
  /// system's libcrypto has no Ed25519.
  package init(seed: some Collection<UInt8>) throws(CryptographyError) {
    guard let bytes = Bytes32(seed) else {
      throw .length("the seed", seed.count, wanted: "\(Self.seedByteCount)")
    }
    guard let handle = KeyHandle(seed: bytes), let publicBytes = handle.publicBytes() else {
      throw Libcrypto.unavailable("Ed25519")
    }
    self.handle = handle
    publicKey = PublicKey(storage: publicBytes)
  }

  package func sign(_ message: some Collection<UInt8>) -> Signature {
    guard let bytes = handle.sign(message), let signature = Signature(bytes) else {
      Libcrypto.fail("Ed25519 signing")
    }
    return signature
  }

  package var description: String { "the private half of \(publicKey)" }
}
