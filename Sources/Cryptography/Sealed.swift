/// A secret under a passphrase: scrypt, then ChaCha20-Poly1305.
///
/// The cost, salt and nonce are authenticated together with the secret. Salt and nonce are the
/// caller's fresh random bytes; a pair is never used twice with one passphrase.
package struct Sealed: Hashable, Sendable {
  package static let saltByteCount = 16
  package static let nonceByteCount = 12
  package static let tagByteCount = 16
  /// The most bytes that a sealed secret may have.
  package static let secretLimit = 4096
  /// The most UTF-8 bytes of a passphrase.
  package static let passphraseLimit = 1024

  package let cost: Scrypt.Cost
  /// 16 bytes.
  package let salt: [UInt8]
  /// 12 bytes.
  package let nonce: [UInt8]
  /// As many bytes as the secret has, then the 16-byte tag.
  package let ciphertext: [UInt8]

  /// A box that was stored. Throws `badLength` when a field cannot be one.
  package init(
    cost: Scrypt.Cost, salt: [UInt8], nonce: [UInt8], ciphertext: [UInt8]
  ) throws(CryptographyError) {
    guard salt.count == Self.saltByteCount else {
      throw .length("the salt", salt.count, wanted: "\(Self.saltByteCount)")
    }
    guard nonce.count == Self.nonceByteCount else {
      throw .length("the nonce", nonce.count, wanted: "\(Self.nonceByteCount)")
    }
    let range = Self.tagByteCount...Self.tagByteCount + Self.secretLimit
    guard range.contains(ciphertext.count) else {
      throw .length(
        "the ciphertext", ciphertext.count, wanted: "\(range.lowerBound) to \(range.upperBound)")
    }
    self.cost = cost
    self.salt = salt
    self.nonce = nonce
    self.ciphertext = ciphertext
  }

  package static func seal(
    secret: some Collection<UInt8>, passphrase: String, salt: [UInt8], nonce: [UInt8],
    cost: Scrypt.Cost = .standard
  ) throws(CryptographyError) -> Sealed {
    // Checks every length before the work is done.
    let blank = [UInt8](repeating: 0, count: secret.count + tagByteCount)
    let shape = try Sealed(cost: cost, salt: salt, nonce: nonce, ciphertext: blank)
    let key = try shape.key(from: passphrase)
    let ciphertext = try ChaCha20Poly1305.seal(
      Array(secret), key: key, nonce: nonce, header: shape.header)
    return try Sealed(cost: cost, salt: salt, nonce: nonce, ciphertext: ciphertext)
  }

  /// The secret. Throws `notOpened` when the passphrase is wrong or any field was changed.
  package func open(passphrase: String) throws(CryptographyError) -> [UInt8] {
    let key = try key(from: passphrase)
    return try ChaCha20Poly1305.open(ciphertext, key: key, nonce: nonce, header: header)
  }

  private func key(from passphrase: String) throws(CryptographyError) -> [UInt8] {
    let bytes = Array(passphrase.utf8)
    guard bytes.count <= Self.passphraseLimit else {
      throw .length("the passphrase", bytes.count, wanted: "at most \(Self.passphraseLimit)")
    }
    return try Scrypt.key(
      passphrase: bytes, salt: salt, cost: cost, count: ChaCha20Poly1305.keyByteCount)
  }

  private var header: [UInt8] {
    let name = Array("countersign sealed 1 scrypt chacha20-poly1305".utf8)
    return name + [0, UInt8(cost.logN), UInt8(cost.r), UInt8(cost.p)] + salt + nonce
  }
}
