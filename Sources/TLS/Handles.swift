import COpenSSL

/// Owns one `X509`.
///
/// Sendable: the pointer is set once and the certificate behind it is not changed after that.
@safe final class CertificateHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

  deinit { unsafe X509_free(pointer) }
}

/// Owns one `EVP_PKEY`, which libcrypto wipes when it is freed.
///
/// Sendable: as `CertificateHandle`.
@safe final class PrivateKeyHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

  deinit { unsafe EVP_PKEY_free(pointer) }
}

/// Bytes that libssl reads or writes.
@safe final class MemoryBIO {
  let pointer: OpaquePointer

  /// Nil when memory is exhausted.
  init?(_ bytes: [UInt8] = []) {
    guard let made = unsafe BIO_new(BIO_s_mem()) else { return nil }
    unsafe pointer = made
    guard !bytes.isEmpty else { return }
    let written = unsafe BIO_write(made, bytes, Int32(clamping: bytes.count))
    guard written == bytes.count else { return nil }
  }

  deinit { unsafe BIO_free(pointer) }

  var bytes: [UInt8] {
    var all = [UInt8](repeating: 0, count: unsafe Int(BIO_ctrl_pending(pointer)))
    let count = unsafe BIO_read(pointer, &all, Int32(clamping: all.count))
    return Array(all.prefix(max(0, Int(count))))
  }
}

/// PEM text: certificates and keys as files hold them.
enum PEM {
  /// Certificates of one file.
  static let certificateLimit = 256

  /// Every certificate of `bytes`, in order. Throws when there is none or one is broken.
  static func certificates(_ bytes: [UInt8], _ what: String) throws(TLSError) -> [CertificateHandle]
  {
    guard let bio = MemoryBIO(bytes) else { throw Libssl.unavailable("reading \(what)") }
    var all: [CertificateHandle] = []
    Libssl.clearErrors()
    while let one = unsafe cs_PEM_read_certificate(bio.pointer) {
      all.append(unsafe CertificateHandle(owning: one))
      guard all.count <= certificateLimit else {
        throw bad("\(what) holds more than \(certificateLimit) certificates")
      }
    }
    let code = ERR_peek_last_error()
    let isEnd = cs_is_end_of_pem(code) == 1
    let words = Libssl.words(code)
    Libssl.clearErrors()
    guard isEnd else { throw bad("\(what) holds a broken certificate: \(words)") }
    guard !all.isEmpty else { throw bad("\(what) holds no certificate") }
    return all
  }

  static func privateKey(_ bytes: [UInt8], _ what: String) throws(TLSError) -> PrivateKeyHandle {
    guard let bio = MemoryBIO(bytes) else { throw Libssl.unavailable("reading \(what)") }
    Libssl.clearErrors()
    guard let key = unsafe cs_PEM_read_private_key(bio.pointer) else {
      Libssl.clearErrors()
      throw bad("\(what) holds no private key that can be read without a passphrase")
    }
    return unsafe PrivateKeyHandle(owning: key)
  }

  private static func bad(_ words: String) -> TLSError {
    TLSError(
      .badFile, words, fix: "give PEM text, such as what `countersign cert init` writes")
  }
}
