import COpenSSL

/// Authenticated encryption of RFC 8439. Lengths are checked by `Sealed`.
enum ChaCha20Poly1305 {
  static let keyByteCount = 32
  static let tagByteCount = 16

  /// The ciphertext followed by its tag.
  static func seal(
    _ plain: [UInt8], key: [UInt8], nonce: [UInt8], header: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    let context = try Context()
    var out = [UInt8](repeating: 0, count: plain.count)
    var tag = [UInt8](repeating: 0, count: tagByteCount)
    guard context.start(encrypting: true, key: key, nonce: nonce),
      context.authenticate(header), context.update(&out, from: plain), context.finish(),
      context.readTag(&tag)
    else { throw Libcrypto.unavailable("ChaCha20-Poly1305") }
    return out + tag
  }

  static func open(
    _ sealed: [UInt8], key: [UInt8], nonce: [UInt8], header: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    let context = try Context()
    let body = Array(sealed.dropLast(tagByteCount))
    var out = [UInt8](repeating: 0, count: body.count)
    guard context.start(encrypting: false, key: key, nonce: nonce),
      context.expectTag(Array(sealed.suffix(tagByteCount))), context.authenticate(header),
      context.update(&out, from: body)
    else { throw Libcrypto.unavailable("ChaCha20-Poly1305") }
    guard context.finish() else {
      Libcrypto.clearErrors()
      throw CryptographyError(
        .notOpened, "the sealed key does not open",
        fix: "type the passphrase again; if it is right, the file was changed: restore it")
    }
    return out
  }
}

/// One `EVP_CIPHER_CTX`; used by one call, so it is never shared.
@safe private final class Context {
  private let pointer: OpaquePointer

  init() throws(CryptographyError) {
    Libcrypto.clearErrors()
    guard let made = unsafe EVP_CIPHER_CTX_new() else {
      throw Libcrypto.unavailable("ChaCha20-Poly1305")
    }
    unsafe pointer = made
  }

  deinit { unsafe EVP_CIPHER_CTX_free(pointer) }

  func start(encrypting: Bool, key: [UInt8], nonce: [UInt8]) -> Bool {
    unsafe EVP_CipherInit_ex(
      pointer, EVP_chacha20_poly1305(), nil, key, nonce, encrypting ? 1 : 0) == 1
  }

  func authenticate(_ header: [UInt8]) -> Bool {
    var written: Int32 = 0
    return unsafe EVP_CipherUpdate(pointer, nil, &written, header, Int32(header.count)) == 1
  }

  func update(_ out: inout [UInt8], from bytes: [UInt8]) -> Bool {
    guard !bytes.isEmpty else { return true }
    var written: Int32 = 0
    let done = unsafe EVP_CipherUpdate(pointer, &out, &written, bytes, Int32(bytes.count))
    return done == 1 && Int(written) == out.count
  }

  func finish() -> Bool {
    var rest = [UInt8](repeating: 0, count: 16)
    var written: Int32 = 0
    return unsafe EVP_CipherFinal_ex(pointer, &rest, &written) == 1 && written == 0
  }

  func readTag(_ tag: inout [UInt8]) -> Bool {
    let count = Int32(tag.count)
    return unsafe EVP_CIPHER_CTX_ctrl(pointer, EVP_CTRL_AEAD_GET_TAG, count, &tag) == 1
  }

  func expectTag(_ tag: [UInt8]) -> Bool {
    var tag = tag
    let count = Int32(tag.count)
    return unsafe EVP_CIPHER_CTX_ctrl(pointer, EVP_CTRL_AEAD_SET_TAG, count, &tag) == 1
  }
}
