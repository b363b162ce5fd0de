import COpenSSL

/// Owns one `EVP_PKEY`, which libcrypto wipes when it is freed.
///
/// Sendable: the pointer is set once, the key behind it is never changed, and libcrypto allows
/// concurrent signing and verification with one key (each call has its own context).
@safe final class KeyHandle: @unchecked Sendable {
  private let key: OpaquePointer

  /// An Ed25519 private key. Nil when libcrypto refuses it; its error queue says why.
  init?(seed: Bytes32) {
    Libcrypto.clearErrors()
    let made = unsafe seed.withBytes { buffer in
      unsafe EVP_PKEY_new_raw_private_key(
        EVP_PKEY_ED25519, nil, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self),
        buffer.count)
    }
    guard let made = unsafe made else { return nil }
    unsafe key = made
  }

  /// An Ed25519 public key.
  init?(publicKey: Bytes32) {
    Libcrypto.clearErrors()
    let made = unsafe publicKey.withBytes { buffer in
      unsafe EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nil, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self),
        buffer.count)
    }
    guard let made = unsafe made else { return nil }
    unsafe key = made
  }

  deinit { unsafe EVP_PKEY_free(key) }

  func publicBytes() -> Bytes32? {
    Libcrypto.clearErrors()
    var written = Bytes32.count
    var done: Int32 = 0
    let bytes = unsafe Bytes32 { out in
      unsafe done = EVP_PKEY_get_raw_public_key(
        key, out.baseAddress?.assumingMemoryBound(to: UInt8.self), &written)
    }
    return done == 1 && written == Bytes32.count ? bytes : nil
  }

  /// 64 bytes, or nil when libcrypto fails.
  func sign(_ message: some Collection<UInt8>) -> [UInt8]? {
    Libcrypto.clearErrors()
    guard let context = unsafe EVP_MD_CTX_new() else { return nil }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1 else { return nil }
    var signature = [UInt8](repeating: 0, count: Signature.byteCount)
    var written = signature.count
    let done = unsafe withBytes(of: message) { base, count in
      unsafe EVP_DigestSign(context, &signature, &written, base, count)
    }
    return done == 1 && written == Signature.byteCount ? signature : nil
  }

  func verify(_ signature: [UInt8], of message: some Collection<UInt8>) -> Bool {
    Libcrypto.clearErrors()
    guard let context = unsafe EVP_MD_CTX_new() else { return false }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { return false }
    let done = unsafe withBytes(of: message) { base, count in
      unsafe EVP_DigestVerify(context, signature, signature.count, base, count)
    }
    // A refused signature leaves entries behind that a later call would take for its own.
    Libcrypto.clearErrors()
    return done == 1
  }
}
