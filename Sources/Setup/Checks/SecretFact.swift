/// A secret that the configuration refers to. Never the secret itself.
package struct SecretFact: Fact, Hashable {
  package enum Source: Hashable, Sendable {
    case environment(String, isSet: Bool)
    case file(FileFact, isEmpty: Bool)
  }

  /// Where the configuration names it, such as `exchange.key`.
  package var place: String
  package var source: Source

  package init(place: String, source: Source) {
    self.place = place
    self.source = source
  }

  package func findings(_ commands: Commands) -> [Finding] {
    switch source {
    case .environment(let name, let isSet):
      [
        isSet
          ? Finding(.secret, .ok, "\(place): \(name) is set here")
          : Finding(
            .secret, .problem,
            "\(place): the environment variable \(name) is not set here",
            mend: "set it where the gateway starts, or keep the secret in a 0600 file: "
              + "{\"file\": PATH}")
      ]
    case .file(let file, let isEmpty): [judge(file, isEmpty)]
    }
  }

  private func judge(_ file: FileFact, _ isEmpty: Bool) -> Finding {
    guard let status = file.status else {
      return missing("\(file.path) is not there", file)
    }
    guard file.isMine else {
      return Finding(
        .secret, .unchecked, "\(place): \(file.path) belongs to the user \(status.ownerName)")
    }
    if file.isOpen {
      return Finding(
        .secret, .problem, "\(place): others can open \(file.path) (mode \(file.modeText))",
        mend: "close it to others; if anybody may have read it, change the secret",
        command: "chmod 600 \(file.quoted)")
    }
    return isEmpty
      ? missing("\(file.path) is empty", file)
      : Finding(.secret, .ok, "\(place): \(file.path) is there, for its owner alone")
  }

  private func missing(_ words: String, _ file: FileFact) -> Finding {
    Finding(
      .secret, .problem, "\(place): \(words)",
      mend: "paste the secret after this command, then Enter and ^D",
      command: "(umask 077; cat > \(file.quoted))")
  }
}
