/// The certificate of the listeners' TLS.
package struct CertificateFact: Fact, Hashable {
  package enum Outcome: Hashable, Sendable {
    case refused(String)
    /// Seconds until it counts no more; negative afterwards.
    case read(names: [String], secondsLeft: Int)
  }

  /// Days before its end from which on it is worth a look.
  package static let soon = 30
  private static let day = 86_400
  /// What `cert init` calls the certificate; only such a one can `cert renew` replace.
  private static let ownName = "/server.pem"

  package var certificate: FileFact
  package var key: FileFact
  package var outcome: Outcome
  /// The private authority's key, where it lies beside the certificate.
  package var authorityKey: FileFact

  package init(
    certificate: FileFact, key: FileFact, outcome: Outcome, authorityKey: FileFact
  ) {
    self.certificate = certificate
    self.key = key
    self.outcome = outcome
    self.authorityKey = authorityKey
  }

  package func findings(_ commands: Commands) -> [Finding] {
    [keyRights, life(commands), authority].compactMap(\.self)
  }

  private var keyRights: Finding? {
    if !key.isThere {
      return Finding(
        .tls, .problem, "\(key.path) is not there",
        mend: "name the key's file in listen.tls.key")
    }
    guard key.isOpen else { return nil }
    return Finding(
      .tls, .problem, "others can open \(key.path) (mode \(key.modeText))",
      mend: "close it to others; if anybody may have read it, make another",
      command: "chmod 600 \(key.quoted)")
  }

  private func life(_ commands: Commands) -> Finding {
    switch outcome {
    case .refused(let words):
      return Finding(
        .tls, .problem, words, mend: "make one, or name another in listen.tls.certificate",
        command: Commands.shell([commands.program, "cert", "init"]))
    case .read(let names, let left):
      let verdict: Finding.Verdict =
        left < 0 ? .problem : left < Self.soon * Self.day ? .warning : .ok
      let state = left < 0 ? "has expired" : "counts for \(left / Self.day) more days"
      let words = "\(certificate.path) \(state): \(names.joined(separator: ", "))"
      guard verdict != .ok else { return Finding(.tls, .ok, words) }
      return Finding(
        .tls, verdict, words, mend: "renew it; a running gateway takes it into use by itself",
        command: renewal(commands))
    }
  }

  private func renewal(_ commands: Commands) -> String? {
    guard certificate.path.hasSuffix(Self.ownName), authorityKey.isThere else { return nil }
    let place = String(certificate.path.dropLast(Self.ownName.count))
    return Commands.shell([commands.program, "cert", "renew", "--directory", place])
  }

  private var authority: Finding? {
    guard authorityKey.isThere else { return nil }
    return Finding(
      .tls, .note, "the authority's key lies at \(authorityKey.path)",
      mend: "keep it elsewhere: with it anybody can pass for the gateway")
  }
}
