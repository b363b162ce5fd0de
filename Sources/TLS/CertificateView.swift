import COpenSSL
import NIOCore

/// What a certificate says, for people.
package struct CertificateView: Hashable, Sendable {
  /// The common name of its owner, or empty.
  package let subject: String
  package let issuer: String
  /// Host names and numeric addresses that it is for.
  package let names: [String]
  /// Seconds since 1970.
  package let notBefore: Int64
  package let notAfter: Int64

  init(_ certificate: CertificateHandle) {
    unsafe subject = Self.commonName(X509_get_subject_name(certificate.pointer))
    unsafe issuer = Self.commonName(X509_get_issuer_name(certificate.pointer))
    unsafe notBefore = Self.seconds(X509_get0_notBefore(certificate.pointer))
    unsafe notAfter = Self.seconds(X509_get0_notAfter(certificate.pointer))
    names = Self.names(certificate)
  }

  /// Every certificate of a PEM file.
  package static func all(pem: [UInt8]) throws(TLSError) -> [CertificateView] {
    try PEM.certificates(pem, "the certificate file").map(CertificateView.init)
  }

  /// For error words: a stranger's certificate may hold anything, so only plain text is let through.
  var summary: String {
    let text = "it names " + (names.isEmpty ? subject : names.prefix(4).joined(separator: ", "))
    return String(
      decoding: text.utf8.prefix(200).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
  }

  private static func commonName(_ name: OpaquePointer?) -> String {
    var text = [CChar](repeating: 0, count: 256)
    let count = unsafe X509_NAME_get_text_by_NID(name, NID_commonName, &text, Int32(text.count))
    return count > 0
      ? String(decoding: text.prefix(Int(count)).map(UInt8.init(bitPattern:)), as: UTF8.self) : ""
  }

  private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
    guard let epoch = unsafe ASN1_TIME_set(nil, 0) else { return 0 }
    defer { unsafe ASN1_TIME_free(epoch) }
    var (days, seconds): (Int32, Int32) = (0, 0)
    guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return 0 }
    return Int64(days) * 86_400 + Int64(seconds)
  }

  private static func names(_ certificate: CertificateHandle) -> [String] {
    guard let list = unsafe cs_subject_names(certificate.pointer) else { return [] }
    defer { unsafe GENERAL_NAMES_free(list) }
    var all: [String] = []
    var (index, kind, length): (Int32, Int32, Int32) = (0, 0, 0)
    while let bytes = unsafe cs_subject_name(list, index, &kind, &length) {
      index += 1
      let value = unsafe Array(UnsafeBufferPointer(start: bytes, count: Int(length)))
      switch kind {
      case GEN_DNS: all.append(String(decoding: value, as: UTF8.self))
      case GEN_IPADD: address(value).map { all.append($0) }
      default: continue
      }
    }
    return all
  }

  /// The address as people write it; nil for a length that no address has.
  private static func address(_ bytes: [UInt8]) -> String? {
    try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: 0).ipAddress
  }
}
