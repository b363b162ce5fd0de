import COpenSSL
import NIOCore

/// One connection's TLS: bytes in, bytes out, no I/O. Belongs to one event loop.
@safe final class TLSConnection {
  enum Step {
    case done
    case needsInput
    case failed(TLSError)
  }

  enum Reading {
    case bytes(ByteBuffer)
    case needsInput
    /// The peer has ended its side properly.
    case ended
    case failed(TLSError)
  }

  private let ssl: OpaquePointer
  private let input: OpaquePointer
  private let output: OpaquePointer
  private let side: Side
  // The context must outlive its connections' callbacks into it.
  private let context: TLSContext
  /// Where records are decrypted.
  private var plain = ByteBuffer()

  /// Bytes of the longest plaintext of one record.
  private static let recordBytes = 16 << 10

  private init(_ context: TLSContext, _ side: Side) throws(TLSError) {
    guard let ssl = unsafe context.makeSSL() else { throw Libssl.unavailable("a TLS connection") }
    guard let input = unsafe BIO_new(BIO_s_mem()), let output = unsafe BIO_new(BIO_s_mem()) else {
      unsafe SSL_free(ssl)
      throw Libssl.unavailable("a TLS connection")
    }
    unsafe SSL_set0_rbio(ssl, input)
    unsafe SSL_set0_wbio(ssl, output)
    unsafe (self.ssl, self.input, self.output) = (ssl, input, output)
    self.side = side
    self.context = context
  }

  deinit {
    unsafe X509_free(cs_take_refused(ssl))
    unsafe SSL_free(ssl)
  }

  static func server(_ context: TLSContext) throws(TLSError) -> TLSConnection {
    let made = try TLSConnection(context, .server)
    unsafe SSL_set_accept_state(made.ssl)
    return made
  }

  /// - Parameters:
  ///   - host: A name or a numeric address; the server's certificate must be for it.
  ///   - isAddress: Whether `host` is numeric: such ones are not named to the server.
  static func client(
    _ context: TLSContext, host: String, isAddress: Bool
  ) throws(TLSError) -> TLSConnection {
    let made = try TLSConnection(context, .client(of: host))
    unsafe SSL_set_connect_state(made.ssl)
    // A common name is no host name: it says nothing about what the authority has verified.
    unsafe SSL_set_hostflags(
      made.ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
    let expectsHost =
      isAddress
      ? unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(made.ssl), host) == 1
      : unsafe SSL_set1_host(made.ssl, host) == 1
        && cs_SSL_set_tlsext_host_name(made.ssl, host) == 1
    guard expectsHost else { throw Libssl.unavailable("verifying \(host)") }
    return made
  }

  // MARK: Bytes

  /// Takes ciphertext from the peer.
  func feed(_ bytes: ByteBuffer) -> TLSError? {
    let count = bytes.readableBytes
    let taken = unsafe bytes.withUnsafeReadableBytes { buffer in
      unsafe BIO_write(input, buffer.baseAddress, Int32(clamping: buffer.count))
    }
    return count == 0 || taken == count ? nil : Libssl.unavailable("taking bytes")
  }

  /// What must be sent to the peer; nil when there is nothing.
  func takeOutput(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
    let count = unsafe Int(BIO_ctrl_pending(output))
    guard count > 0 else { return nil }
    var buffer = allocator.buffer(capacity: count)
    unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
      max(0, Int(unsafe BIO_read(output, space.baseAddress, Int32(clamping: count))))
    }
    return buffer
  }

  /// Bytes of the peer that wait to be decrypted.
  var undecrypted: Int { unsafe Int(BIO_ctrl_pending(input)) }

  // MARK: Steps

  func handshake() -> Step {
    Libssl.clearErrors()
    let result = unsafe SSL_do_handshake(ssl)
    if result == 1 { return .done }
    return unsafe SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ
      ? .needsInput : .failed(failure())
  }

  func read(_ allocator: ByteBufferAllocator) -> Reading {
    Libssl.clearErrors()
    var result: Int32 = 0
    plain.clear()
    unsafe plain.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.recordBytes) { space in
      unsafe result = SSL_read(ssl, space.baseAddress, Int32(clamping: space.count))
      return max(0, Int(result))
    }
    // A copy of the right size: a peer that sends single bytes must not fill memory with records.
    if result > 0 { return .bytes(allocator.buffer(buffer: plain)) }
    switch unsafe SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .needsInput
    case SSL_ERROR_ZERO_RETURN: return .ended
    default: return .failed(failure())
    }
  }

  func write(_ bytes: ByteBuffer) -> TLSError? {
    guard bytes.readableBytes > 0 else { return nil }
    Libssl.clearErrors()
    var written = 0
    let result = unsafe bytes.withUnsafeReadableBytes { buffer in
      unsafe SSL_write_ex(ssl, buffer.baseAddress, buffer.count, &written)
    }
    return result == 1 && written == bytes.readableBytes ? nil : failure()
  }

  /// Says that this side sends nothing more.
  func endOutput() {
    Libssl.clearErrors()
    unsafe SSL_shutdown(ssl)
    Libssl.clearErrors()
  }

  // MARK: What was agreed

  /// `TLSv1.2` or `TLSv1.3`.
  var version: String { unsafe String(cString: SSL_get_version(ssl)) }

  private func failure() -> TLSError {
    Libssl.failure(
      of: side, verified: unsafe SSL_get_verify_result(ssl), presented: presented)
  }

  /// Whom the peer's certificate names, for error words.
  private var presented: String? {
    guard let certificate = unsafe cs_take_refused(ssl) else { return nil }
    return CertificateView(unsafe CertificateHandle(owning: certificate)).summary
  }
}
