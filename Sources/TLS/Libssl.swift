import COpenSSL

/// Whose errors are put into words.
enum Side: Hashable, Sendable {
  case client(of: String)
  case server
}

/// The rules of every call: the error queue is empty before it and read after a failure.
enum Libssl {
  static func clearErrors() { ERR_clear_error() }

  /// The oldest queued error.
  static func lastCode() -> UInt { ERR_get_error() }

  /// The error that says why a connection failed: libssl's own, which comes last. What libcrypto
  /// found wrong with a signature or an encoding stands before it. The queue is empty then.
  private static func failureCode() -> UInt {
    var (found, code) = (UInt(0), ERR_get_error())
    while code != 0 {
      if found == 0 || cs_ERR_library(code) == ERR_LIB_SSL { found = code }
      code = ERR_get_error()
    }
    return found
  }

  static func words(_ code: UInt) -> String {
    guard let reason = unsafe ERR_reason_error_string(code) else { return "no reason was given" }
    return unsafe String(cString: reason)
  }

  static func unavailable(_ what: String) -> TLSError {
    TLSError(
      .unavailable, "\(what): \(words(lastCode()))",
      fix: "check that the system's OpenSSL 3 works")
  }

  // MARK: Failed handshakes

  /// The failure of a handshake or record, from what libssl left in its queue.
  static func failure(of side: Side, verified: Int, presented: String?) -> TLSError {
    let code = failureCode()
    guard cs_ERR_library(code) == ERR_LIB_SSL else {
      return TLSError(
        .refused, "TLS failed: \(words(code))", fix: "see the peer's log for the reason")
    }
    let reason = cs_ERR_reason(code)
    if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
      return certificate(Int32(truncatingIfNeeded: verified), side, presented)
    }
    return protocolFailure(reason, words(code), side)
  }

  private static func protocolFailure(_ reason: Int32, _ words: String, _ side: Side) -> TLSError {
    switch reason {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TLSError(
        .certificateMissing, "the client sent no certificate, and one is needed here",
        fix: "make one with `countersign cert client NAME` and give it to the console")
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_SSL_VERSION, SSL_R_NO_SHARED_CIPHER,
      SSL_R_VERSION_TOO_LOW, SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_INAPPROPRIATE_FALLBACK,
      alert(SSL_AD_PROTOCOL_VERSION), alert(SSL_AD_INSUFFICIENT_SECURITY):
      return TLSError(
        .version, "no common TLS version or cipher: \(words)",
        fix: "TLS 1.2 at least is needed; update the other side")
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
      SSL_R_BAD_LENGTH, SSL_R_LENGTH_MISMATCH, SSL_R_PACKET_LENGTH_TOO_LONG,
      SSL_R_UNKNOWN_PROTOCOL:
      return TLSError(
        .notTLS, "the peer does not speak TLS: \(words)",
        fix: side == .server ? "use https:// or wss://" : "check scheme and port of the URL")
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return .truncated
    case alert(SSL_AD_CERTIFICATE_UNKNOWN), alert(SSL_AD_UNKNOWN_CA), alert(SSL_AD_BAD_CERTIFICATE),
      alert(SSL_AD_CERTIFICATE_EXPIRED), alert(SSL_AD_CERTIFICATE_REVOKED),
      alert(SSL_AD_CERTIFICATE_REQUIRED), alert(SSL_AD_UNSUPPORTED_CERTIFICATE),
      alert(SSL_AD_ACCESS_DENIED):
      return refusedByPeer(reason, words, side)
    case alert(SSL_AD_HANDSHAKE_FAILURE) where side != .server:
      return TLSError(
        .refused, "the server refused the handshake: \(words)",
        fix: "if it asks for client certificates give one; else see its log for the reason")
    default:
      return TLSError(
        .refused, "TLS failed: \(words)", fix: "see the peer's log for the reason")
    }
  }

  private static func refusedByPeer(_ reason: Int32, _ words: String, _ side: Side) -> TLSError {
    switch side {
    case .server:
      TLSError(
        .certificateRefused, "the client refused this gateway's certificate: \(words)",
        fix: "give the client the authority that signed it")
    case .client where reason == alert(SSL_AD_CERTIFICATE_REQUIRED):
      TLSError(
        .certificateMissing, "the server wants a client certificate: \(words)",
        fix: "give one with --client-certificate and --client-key")
    case .client:
      TLSError(
        .certificateRefused, "the server refused the client certificate: \(words)",
        fix: "use one that its authority signed and that is valid now")
    }
  }

  private static func alert(_ description: Int32) -> Int32 { SSL_AD_REASON_OFFSET + description }

  // MARK: Refused certificates

  private static func certificate(
    _ result: Int32, _ side: Side, _ presented: String?
  ) -> TLSError {
    let whose: String
    let host: String
    switch side {
    case .client(let name): (whose, host) = ("the certificate of \(name)", name)
    case .server: (whose, host) = ("the client's certificate", "")
    }
    let who = presented.map { " (\($0))" } ?? ""
    let reason = unsafe String(cString: X509_verify_cert_error_string(Int(result)))
    switch result {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return TLSError(
        .expired, "\(whose) has expired\(who)",
        fix: "renew it; if it was renewed, check this machine's clock")
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return TLSError(
        .notYetValid, "\(whose) is not valid yet\(who)", fix: "check the clocks of both machines")
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      return TLSError(
        .wrongHost, "\(whose) is not for \(host)\(who)",
        fix: "use a name that it holds, or a certificate for \(host)")
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return TLSError(
        .untrusted, "\(whose) is signed by nobody who is trusted here: \(reason)\(who)",
        fix: side == .server
          ? "use a certificate of the authority that this gateway names for clients"
          : "give the authority's certificate with --ca, or in the configuration's \"trust\"")
    default:
      return TLSError(
        .badCertificate, "\(whose) is refused: \(reason)\(who)", fix: "get another certificate")
    }
  }
}
