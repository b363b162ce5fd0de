import COpenSSL

/// The settings of one side's connections: TLS 1.2 at least, 1.3 preferred, no compression, no
/// renegotiation, no tickets (every handshake checks everything).
///
/// Sendable: the `SSL_CTX` is set up in `init` and only read afterwards; libssl counts references
/// to it atomically.
@safe package final class TLSContext: @unchecked Sendable {
  private let pointer: OpaquePointer

  private init(_ method: OpaquePointer) throws(TLSError) {
    Libssl.clearErrors()
    guard let made = unsafe SSL_CTX_new(method) else { throw Libssl.unavailable("a TLS context") }
    unsafe pointer = made
    guard unsafe cs_SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION) == 1 else {
      throw Libssl.unavailable("TLS 1.2")
    }
    unsafe SSL_CTX_set_options(
      made, Self.noCompression | Self.noRenegotiation | Self.noTicket)
    unsafe SSL_CTX_set_num_tickets(made, 0)
    unsafe cs_SSL_CTX_disable_session_cache(made)
  }

  deinit { unsafe SSL_CTX_free(pointer) }

  // `SSL_OP_NO_TICKET` and the like are made by a macro with an argument and do not import.
  private static let noTicket: UInt64 = 1 << 14
  private static let noCompression: UInt64 = 1 << 17
  private static let noRenegotiation: UInt64 = 1 << 30

  /// For connections to servers, whose names are always verified.
  ///
  /// - Parameter identity: What to show to servers that ask for a client certificate.
  package static func client(
    trust: TLSTrust = .system, identity: TLSIdentity? = nil
  ) throws(TLSError) -> TLSContext {
    let context = try unsafe TLSContext(TLS_client_method())
    unsafe cs_SSL_CTX_verify_peer(context.pointer, SSL_VERIFY_PEER)
    try context.add(trust)
    if let identity { try context.use(identity) }
    return context
  }

  /// For connections of clients.
  ///
  /// - Parameter clients: Who vouches for clients; every client needs a certificate then.
  package static func server(
    _ identity: TLSIdentity, clients: TLSTrust? = nil
  ) throws(TLSError) -> TLSContext {
    let context = try unsafe TLSContext(TLS_server_method())
    try context.use(identity)
    guard let clients else { return context }
    unsafe cs_SSL_CTX_verify_peer(
      context.pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
    try context.add(clients)
    for authority in clients.authorities {
      unsafe SSL_CTX_add_client_CA(context.pointer, authority.pointer)
    }
    return context
  }

  private func use(_ identity: TLSIdentity) throws(TLSError) {
    guard unsafe SSL_CTX_use_certificate(pointer, identity.chain[0].pointer) == 1,
      unsafe SSL_CTX_use_PrivateKey(pointer, identity.key.pointer) == 1
    else { throw refused("the certificate or its key is refused") }
    for link in identity.chain.dropFirst() {
      guard unsafe cs_SSL_CTX_add1_chain_cert(pointer, link.pointer) == 1 else {
        throw refused("a certificate of the chain is refused")
      }
    }
  }

  private func add(_ trust: TLSTrust) throws(TLSError) {
    if trust.includesSystem {
      guard unsafe SSL_CTX_set_default_verify_paths(pointer) == 1 else {
        throw Libssl.unavailable("the system's trust store")
      }
      // A machine without a trust store leaves an error behind and trusts nobody.
      Libssl.clearErrors()
    }
    for authority in trust.authorities {
      let store = unsafe SSL_CTX_get_cert_store(pointer)
      guard unsafe X509_STORE_add_cert(store, authority.pointer) == 1 else {
        throw refused("an authority's certificate is refused")
      }
    }
  }

  private func refused(_ what: String) -> TLSError {
    let words = Libssl.words(Libssl.lastCode())
    Libssl.clearErrors()
    return TLSError(.badFile, "\(what): \(words)", fix: "give another one")
  }

  /// A new connection's state; nil when memory is exhausted.
  func makeSSL() -> OpaquePointer? {
    Libssl.clearErrors()
    return unsafe SSL_new(pointer)
  }
}
