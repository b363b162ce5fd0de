import COpenSSL

/// A private authority: makes certificates for a gateway and for its operators.
///
/// Keys are P-256; random numbers come from the system through libcrypto.
package struct CertificateAuthority: Sendable {
  /// A certificate and its private key, both PEM.
  package struct Pair: Sendable {
    package let certificate: [UInt8]
    package let key: [UInt8]
  }

  package enum Purpose: Sendable {
    /// For a listener that is reached by these host names and numeric addresses.
    case server(names: [String])
    /// For an operator's console.
    case client(name: String)
  }

  package static let authorityDays = 3650
  /// What clients accept at most from public authorities; nobody needs more here.
  package static let longestDays = 825
  /// Host names of one certificate.
  package static let nameLimit = 32

  private let certificate: CertificateHandle
  private let key: PrivateKeyHandle

  /// An authority that was made before.
  package init(certificate: [UInt8], key: [UInt8]) throws(TLSError) {
    let identity = try TLSIdentity(certificates: certificate, key: key)
    (self.certificate, self.key) = (identity.chain[0], identity.key)
  }

  /// A new authority.
  ///
  /// - Parameter now: Seconds since 1970.
  package static func make(name: String, now: Int64) throws(TLSError) -> Pair {
    let key = try newKey()
    let draft = try Draft(name: name, key: key, now: now, days: authorityDays)
    try draft.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0", issuer: draft.handle)
    try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign", issuer: draft.handle)
    try draft.add(NID_subject_key_identifier, "hash", issuer: draft.handle)
    return try draft.signed(issuer: draft.handle, by: key)
  }

  /// A certificate of this authority with a new key.
  ///
  /// - Throws: `badFile` for a name that no certificate can hold.
  package func issue(_ purpose: Purpose, now: Int64, days: Int) throws(TLSError) -> Pair {
    precondition((1...Self.longestDays).contains(days), "a certificate lives 1 to 825 days")
    let names = try purpose.alternativeNames()
    let key = try Self.newKey()
    let draft = try Draft(name: purpose.commonName, key: key, now: now, days: days)
    try draft.add(NID_basic_constraints, "critical,CA:FALSE", issuer: certificate)
    try draft.add(NID_key_usage, "critical,digitalSignature", issuer: certificate)
    try draft.add(NID_ext_key_usage, purpose.usage, issuer: certificate)
    if let names {
      try draft.add(NID_subject_alt_name, names, issuer: certificate)
    }
    try draft.add(NID_subject_key_identifier, "hash", issuer: certificate)
    try draft.add(NID_authority_key_identifier, "keyid", issuer: certificate)
    return try draft.signed(issuer: certificate, by: self.key)
  }

  private static func newKey() throws(TLSError) -> PrivateKeyHandle {
    Libssl.clearErrors()
    guard let key = unsafe cs_new_P256_key() else { throw Libssl.unavailable("a P-256 key") }
    return unsafe PrivateKeyHandle(owning: key)
  }
}

extension CertificateAuthority.Purpose {
  fileprivate var commonName: String {
    switch self {
    case .server(let names): names.first ?? ""
    case .client(let name): name
    }
  }

  fileprivate var usage: String {
    switch self {
    case .server: "serverAuth"
    case .client: "clientAuth"
    }
  }

  fileprivate func alternativeNames() throws(TLSError) -> String? {
    guard case .server(let names) = self else { return nil }
    guard (1...CertificateAuthority.nameLimit).contains(names.count) else {
      throw TLSError(
        .badFile, "a certificate needs 1 to \(CertificateAuthority.nameLimit) names",
        fix: "give the names that clients use")
    }
    var all: [String] = []
    for name in names { all.append(try Self.alternativeName(name)) }
    return all.joined(separator: ",")
  }

  /// The value goes into OpenSSL's own notation, so nothing but names and addresses may pass.
  private static func alternativeName(_ name: String) throws(TLSError) -> String {
    if let address = unsafe a2i_IPADDRESS(name) {
      unsafe ASN1_OCTET_STRING_free(address)
      return "IP:\(name)"
    }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    let isName =
      name.utf8.count <= 253
      && labels.allSatisfy { label in
        (1...63).contains(label.utf8.count) && label.utf8.first != 45 && label.utf8.last != 45
          && label.utf8.allSatisfy {
            $0 == 45 || (48...57).contains($0) || (97...122).contains($0 | 0x20)
          }
      }
    guard isName else {
      throw TLSError(
        .badFile, "\"\(name)\" is neither a host name nor a numeric address",
        fix: "give names such as gateway.example.net or 192.0.2.7, without scheme or port")
    }
    return "DNS:\(name)"
  }
}

/// A certificate that is being made.
private struct Draft {
  let handle: CertificateHandle
  private let key: PrivateKeyHandle

  /// Clocks differ: valid from this long before it was made.
  private static let backdating: Int64 = 300
  /// The longest common name of X.509.
  private static let longestName = 64

  init(name: String, key: PrivateKeyHandle, now: Int64, days: Int) throws(TLSError) {
    Libssl.clearErrors()
    guard let made = unsafe X509_new() else { throw Libssl.unavailable("a certificate") }
    handle = unsafe CertificateHandle(owning: made)
    self.key = key
    var serial = [UInt8](repeating: 0, count: 16)
    guard unsafe RAND_bytes(&serial, 16) == 1 else { throw Libssl.unavailable("a random number") }
    serial[0] = serial[0] & 0x7F | 0x40
    let common = Array(name.utf8.prefix(Self.longestName))
    let isMade =
      unsafe X509_set_version(made, 2) == 1 && Self.set(serial: serial, of: made)
      && Self.set(made, from: now - Self.backdating, until: now + Int64(days) * 86_400)
      && X509_NAME_add_entry_by_NID(
        X509_get_subject_name(made), NID_commonName, MBSTRING_UTF8, common, Int32(common.count),
        -1, 0) == 1
      && X509_set_pubkey(made, key.pointer) == 1
    guard isMade else { throw Libssl.unavailable("a certificate") }
  }

  private static func set(serial: [UInt8], of certificate: OpaquePointer) -> Bool {
    guard let number = unsafe BN_bin2bn(serial, Int32(serial.count), nil) else { return false }
    defer { unsafe BN_free(number) }
    return unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil
  }

  private static func set(_ certificate: OpaquePointer, from: Int64, until: Int64) -> Bool {
    unsafe ASN1_TIME_set(X509_getm_notBefore(certificate), Int(from)) != nil
      && ASN1_TIME_set(X509_getm_notAfter(certificate), Int(until)) != nil
  }

  func add(_ name: Int32, _ value: String, issuer: CertificateHandle) throws(TLSError) {
    Libssl.clearErrors()
    guard unsafe cs_add_extension(handle.pointer, issuer.pointer, name, value) == 1 else {
      throw Libssl.unavailable("a certificate's \(value)")
    }
  }

  func signed(
    issuer: CertificateHandle, by signer: PrivateKeyHandle
  ) throws(TLSError) -> CertificateAuthority.Pair {
    Libssl.clearErrors()
    let isSigned =
      unsafe X509_set_issuer_name(handle.pointer, X509_get_subject_name(issuer.pointer)) == 1
      && X509_sign(handle.pointer, signer.pointer, EVP_sha256()) > 0
    guard isSigned, let certificate = MemoryBIO(), let secret = MemoryBIO(),
      unsafe PEM_write_bio_X509(certificate.pointer, handle.pointer) == 1,
      unsafe PEM_write_bio_PKCS8PrivateKey(secret.pointer, key.pointer, nil, nil, 0, nil, nil) == 1
    else { throw Libssl.unavailable("signing a certificate") }
    return CertificateAuthority.Pair(certificate: certificate.bytes, key: secret.bytes)
  }
}
