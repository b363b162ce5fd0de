import COpenSSL

/// An RSA private key that signs with SHA-256 (RSASSA-PKCS1-v1_5, RFC 8017). Never printed.
package struct RSASigningKey: Sendable, CustomStringConvertible {
  /// Bytes of the PEM text: a 16,384-bit key has less than half.
  package static let textLimit = 64 << 10
  /// A shorter key is no protection.
  package static let leastBits = 2048

  private let handle: RSAKeyHandle

  /// The key of a PEM text, PKCS #8 or PKCS #1, without a passphrase.
  ///
  /// Throws `badKey` for anything else, for another kind of key, and for one under 2048 bits.
  package init(pem: some Collection<UInt8>) throws(CryptographyError) {
    guard pem.count <= Self.textLimit else {
      throw .length("the key", pem.count, wanted: "at most \(Self.textLimit)")
    }
    guard let handle = RSAKeyHandle(pem: pem) else {
      throw CryptographyError(
        .badKey, "this is no RSA private key in PEM form: \(Libcrypto.lastError())",
        fix: "give the file that starts with -----BEGIN PRIVATE KEY-----, without a passphrase")
    }
    guard handle.bits >= Self.leastBits else {
      throw CryptographyError(
        .badKey, "the RSA key has \(handle.bits) bits", fix: "make one with 2048 or more")
    }
    self.handle = handle
  }

  /// The signature, as long as the key.
  package func sign(_ message: some Collection<UInt8>) -> [UInt8] {
    guard let signature = handle.sign(message) else { Libcrypto.fail("RSA signing") }
    return signature
  }

  package var description: String { "an RSA private key of \(handle.bits) bits" }
}

/// Owns one `EVP_PKEY` that holds an RSA key; Sendable for the same reasons as `KeyHandle`.
@safe private final class RSAKeyHandle: @unchecked Sendable {
  private let key: OpaquePointer

  /// Nil for a text that is no unencrypted RSA key; libcrypto's error queue says why.
  init?(pem: some Collection<UInt8>) {
    Libcrypto.clearErrors()
    let made = unsafe withBytes(of: pem) { base, count in
      let bio = unsafe BIO_new_mem_buf(base, Int32(count))
      defer { unsafe BIO_free(bio) }
      return unsafe cs_PEM_read_private_key(bio)
    }
    guard let made = unsafe made else { return nil }
    guard unsafe EVP_PKEY_is_a(made, "RSA") == 1 else {
      unsafe EVP_PKEY_free(made)
      return nil
    }
    unsafe key = made
  }

  deinit { unsafe EVP_PKEY_free(key) }

  var bits: Int { unsafe Int(EVP_PKEY_get_bits(key)) }

  func sign(_ message: some Collection<UInt8>) -> [UInt8]? {
    Libcrypto.clearErrors()
    guard let context = unsafe EVP_MD_CTX_new() else { return nil }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard unsafe EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1 else { return nil }
    var signature = unsafe [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key)))
    var written = signature.count
    let done = unsafe withBytes(of: message) { base, count in
      unsafe EVP_DigestSign(context, &signature, &written, base, count)
    }
    return done == 1 ? Array(signature.prefix(written)) : nil
  }
}
