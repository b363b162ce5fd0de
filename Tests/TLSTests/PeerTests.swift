import NIOCore
import Testing

@testable import TLS

@Suite("TLS: who is refused, and in which words")
struct PeerTests {
  /// The first error of a handshake over memory, the client's before the server's.
  private func failure(_ client: TLSConnection, _ server: TLSConnection) -> TLSError? {
    let allocator = ByteBufferAllocator()
    for _ in 0..<6 {
      for (side, other) in [(client, server), (server, client)] {
        if case .failed(let error) = side.handshake() { return error }
        if let bytes = side.takeOutput(allocator), let error = other.feed(bytes) { return error }
      }
    }
    return nil
  }

  private func refusal(
    host: String, isAddress: Bool = false, names: [String], issued: Int64 = 0
  ) throws -> TLSError? {
    let (authority, trust) = try Papers.authority()
    let pair = try authority.issue(
      .server(names: names), now: Papers.now() + issued * 86_400, days: 30)
    let identity = try TLSIdentity(certificates: pair.certificate, key: pair.key)
    return failure(
      try .client(.client(trust: trust), host: host, isAddress: isAddress),
      try .server(.server(identity)))
  }

  @Test("names and addresses that the certificate holds pass")
  func passes() throws {
    #expect(try refusal(host: "gw.example", names: ["gw.example", "192.0.2.7"]) == nil)
    #expect(try refusal(host: "192.0.2.7", isAddress: true, names: ["192.0.2.7"]) == nil)
    #expect(try refusal(host: "2001:db8::7", isAddress: true, names: ["2001:db8:0::7"]) == nil)
  }

  @Test("a certificate for other names is refused, and the error says for which")
  func wrongNames() throws {
    let error = try #require(try refusal(host: "gw.example", names: ["a.example", "192.0.2.7"]))
    #expect(error.code == .wrongHost)
    #expect(error.message.contains("is not for gw.example (it names a.example, 192.0.2.7)"))
    let address = try refusal(host: "192.0.2.8", isAddress: true, names: ["192.0.2.7"])
    #expect(address?.code == .wrongHost)
  }

  @Test(
    "a wildcard is one whole label, the first; a common name is none",
    arguments: [
      ("*.example.net", "gw.example.net", true), ("*.example.net", "GW.EXAMPLE.net", true),
      ("*.example.net", "a.gw.example.net", false), ("*.example.net", "example.net", false),
      ("g*.example.net", "gw.example.net", false), ("gw.*.net", "gw.example.net", false),
      ("*.net", "example.net", false), ("*", "gw", false),
      ("other.example", "common.example", false),
      ("common.example", "common.example", true),
    ])
  func wildcards(_ name: String, _ host: String, _ passes: Bool) throws {
    // The program itself makes none; OpenSSL's own command does.
    let identity = try Papers.selfSigned(common: "common.example", names: "DNS:\(name)")
    let error = try failure(
      .client(.client(trust: identity.trust), host: host, isAddress: false),
      .server(.server(identity.identity)))
    #expect(error?.code == (passes ? nil : .wrongHost))
  }

  @Test("a certificate without alternative names is for nobody")
  func commonName() throws {
    let identity = try Papers.selfSigned(common: "common.example", names: nil)
    let error = try failure(
      .client(.client(trust: identity.trust), host: "common.example", isAddress: false),
      .server(.server(identity.identity)))
    #expect(error?.code == .wrongHost)
  }

  @Test("an authority with the right name and another key vouches for nobody")
  func twins() throws {
    let (_, trust) = try Papers.authority()
    let (twin, _) = try Papers.authority()
    let identity = try Papers.identity(.server(names: ["gw.example"]), of: twin)
    let error = try #require(
      try failure(
        .client(.client(trust: trust), host: "gw.example", isAddress: false),
        .server(.server(identity))))
    #expect(error.code == .untrusted)
  }

  @Test("dates count", arguments: [(-60, "expired"), (60, "not valid yet")])
  func dates(_ issued: Int64, _ words: String) throws {
    let error = try #require(
      try refusal(host: "gw.example", names: ["gw.example"], issued: issued))
    #expect(error.code == (issued < 0 ? .expired : .notYetValid))
    #expect(error.message.contains(words))
  }

  @Test("a client without the right certificate is refused with words of its own")
  func clients() throws {
    let (authority, trust) = try Papers.authority()
    let (stranger, _) = try Papers.authority()
    let server = try Papers.identity(.server(names: ["gw"]), of: authority)
    func refusal(of identity: TLSIdentity?) throws -> TLSError? {
      // In TLS 1.3 a client is done before it is refused: only the server's error counts.
      failure(
        try .client(.client(trust: trust, identity: identity), host: "gw", isAddress: false),
        try .server(.server(server, clients: trust)))
    }
    #expect(try refusal(of: Papers.identity(.client(name: "mia"), of: authority)) == nil)
    #expect(try refusal(of: nil)?.code == .certificateMissing)
    let wrong = try refusal(of: Papers.identity(.client(name: "mia"), of: stranger))
    #expect(wrong?.code == .untrusted)
    // A listener's certificate is no client's, though the same authority signed it.
    let misused = try refusal(of: server)
    #expect(misused?.code == .badCertificate)
    #expect(misused?.message.contains("it names gw") == true)
  }
}
