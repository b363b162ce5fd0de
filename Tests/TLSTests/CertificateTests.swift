import Testing

@testable import TLS

@Suite("TLS: certificates")
struct CertificateTests {
  static let now: Int64 = 1_800_000_000

  private func authority() throws -> CertificateAuthority {
    let pair = try CertificateAuthority.make(name: "root", now: Self.now)
    return try CertificateAuthority(certificate: pair.certificate, key: pair.key)
  }

  @Test("a certificate says what it was made for")
  func saysWhatItIsFor() throws {
    let pair = try authority().issue(
      .server(names: ["gw.example.net", "192.0.2.7", "2001:db8::7"]), now: Self.now, days: 30)
    let view = try #require(try CertificateView.all(pem: pair.certificate).first)
    #expect(view.names == ["gw.example.net", "192.0.2.7", "2001:db8::7"])
    #expect((view.subject, view.issuer) == ("gw.example.net", "root"))
    #expect(view.notBefore == Self.now - 300)
    #expect(view.notAfter == Self.now + 30 * 86_400)
  }

  @Test(
    "what is no name gets into no certificate",
    arguments: [
      "", "a,DNS:evil.example", "a b", "https://gw", "gw:8787", "-gw", "gw-", "a..b", "käse",
      "IP:1.2.3.4", "*", "*.example.net", "gw\u{0}", String(repeating: "a", count: 64),
    ])
  func refusesNames(_ name: String) throws {
    let authority = try authority()
    let error = #expect(throws: TLSError.self) {
      try authority.issue(.server(names: [name]), now: Self.now, days: 1)
    }
    #expect(error?.code == .badFile)
  }

  @Test("a key of another certificate is refused, and so is none")
  func keysBelong() throws {
    let authority = try authority()
    let one = try authority.issue(.client(name: "mia"), now: Self.now, days: 1)
    let other = try authority.issue(.client(name: "max"), now: Self.now, days: 1)
    _ = try TLSIdentity(certificates: one.certificate, key: one.key)
    for (certificate, key) in [
      (one.certificate, other.key), (one.certificate, []), ([], one.key), (one.key, one.key),
      (one.certificate, one.certificate), (Array(one.certificate.dropLast(60)), one.key),
    ] {
      let error = #expect(throws: TLSError.self) {
        try TLSIdentity(certificates: certificate, key: key)
      }
      #expect(error?.code == .badFile)
    }
  }

  @Test("two keys and serials are never the same")
  func differ() throws {
    let authority = try authority()
    let pairs = try (0..<20).map { _ in
      try authority.issue(.client(name: "mia"), now: Self.now, days: 1)
    }
    #expect(Set(pairs.map(\.key)).count == 20)
    #expect(Set(pairs.map(\.certificate)).count == 20)
  }
}
