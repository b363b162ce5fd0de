/// Why a connection is not secure, in words for the person who can mend it.
package struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case expired, notYetValid, wrongHost, untrusted, badCertificate
      case certificateMissing, certificateRefused, version, notTLS, truncated, slow
      case badFile, refused, unavailable
    }
    private let kind: Kind

    /// The peer's certificate has expired.
    package static let expired = Code(kind: .expired)
    /// The peer's certificate counts from a later time on; or this machine's clock is behind.
    package static let notYetValid = Code(kind: .notYetValid)
    /// The peer's certificate is for other names.
    package static let wrongHost = Code(kind: .wrongHost)
    /// No authority that is trusted here has signed the peer's certificate.
    package static let untrusted = Code(kind: .untrusted)
    /// The peer's certificate fails for another reason.
    package static let badCertificate = Code(kind: .badCertificate)
    /// A client sent no certificate where one is needed.
    package static let certificateMissing = Code(kind: .certificateMissing)
    /// The peer refused the certificate of this side.
    package static let certificateRefused = Code(kind: .certificateRefused)
    /// Both sides have no protocol version or cipher in common.
    package static let version = Code(kind: .version)
    /// The bytes of the peer are no TLS.
    package static let notTLS = Code(kind: .notTLS)
    /// The connection ended without the sign that ends TLS: something may be missing.
    package static let truncated = Code(kind: .truncated)
    /// The handshake took too long.
    package static let slow = Code(kind: .slow)
    /// A certificate or key that was given cannot be used.
    package static let badFile = Code(kind: .badFile)
    /// The handshake or a record failed for another reason.
    package static let refused = Code(kind: .refused)
    /// The system's libssl failed.
    package static let unavailable = Code(kind: .unavailable)
  }

  package var code: Code
  package var message: String
  /// What to do about it.
  package var fix: String

  package init(_ code: Code, _ message: String, fix: String) {
    self.code = code
    self.message = message
    self.fix = fix
  }

  package var description: String { "\(message); \(fix)" }

  static let truncated = TLSError(
    .truncated, "the connection was cut: the peer did not end TLS",
    fix: "what was received may be incomplete; try again")
  static let cutHandshake = TLSError(
    .truncated, "the peer closed the connection during the TLS handshake",
    fix: "see its log for the reason")
  static let closed = TLSError(
    .truncated, "the connection is closed", fix: "open a new one")

  static func slow(_ limit: Duration) -> TLSError {
    TLSError(
      .slow, "the TLS handshake was not complete after \(limit)",
      fix: "check that the peer speaks TLS on this port")
  }
}
