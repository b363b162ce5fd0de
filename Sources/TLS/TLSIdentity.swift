import COpenSSL

/// A certificate with the authorities between it and a root, and its private key.
package struct TLSIdentity: Sendable {
  let chain: [CertificateHandle]
  let key: PrivateKeyHandle
  /// What the certificate says.
  package let certificate: CertificateView

  /// - Parameters:
  ///   - certificates: PEM, the own one first.
  ///   - key: PEM, without a passphrase.
  /// - Throws: `badFile` when one cannot be read or they do not belong together.
  package init(certificates: [UInt8], key: [UInt8]) throws(TLSError) {
    chain = try PEM.certificates(certificates, "the certificate file")
    self.key = try PEM.privateKey(key, "the key file")
    Libssl.clearErrors()
    guard unsafe X509_check_private_key(chain[0].pointer, self.key.pointer) == 1 else {
      Libssl.clearErrors()
      throw TLSError(
        .badFile, "the private key does not belong to the certificate",
        fix: "give the two files that were made together")
    }
    certificate = CertificateView(chain[0])
  }
}

/// Who vouches for peers.
package struct TLSTrust: Sendable {
  let authorities: [CertificateHandle]
  let includesSystem: Bool

  /// The authorities that the system trusts.
  package static let system = TLSTrust(authorities: [], includesSystem: true)

  private init(authorities: [CertificateHandle], includesSystem: Bool) {
    self.authorities = authorities
    self.includesSystem = includesSystem
  }

  /// - Parameter authorities: PEM files' bytes.
  /// - Throws: `badFile` when one holds no certificate.
  package init(authorities: [[UInt8]], includingSystem: Bool = true) throws(TLSError) {
    var all: [CertificateHandle] = []
    for bytes in authorities { all += try PEM.certificates(bytes, "the file of authorities") }
    self.init(authorities: all, includesSystem: includingSystem)
  }
}
