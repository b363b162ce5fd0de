package import JSON

/// Who is registered at the gateway.
package struct RegistryFact: Fact, Hashable {
  package struct Person: Hashable, Sendable {
    package var name: Text
    package var publicKey: String
    /// `viewer`, `operator` or `admin`.
    package var role: String
    package var isRevoked: Bool

    package init(name: Text, publicKey: String, role: String, isRevoked: Bool) {
      self.name = name
      self.publicKey = publicKey
      self.role = role
      self.isRevoked = isRevoked
    }

    var decides: Bool { !isRevoked && role != "viewer" }
  }

  package struct Agent: Hashable, Sendable {
    package var name: Text
    package var isRevoked: Bool

    package init(name: Text, isRevoked: Bool) {
      self.name = name
      self.isRevoked = isRevoked
    }
  }

  package var people: [Person]
  package var agents: [Agent]

  package init(people: [Person], agents: [Agent]) {
    self.people = people
    self.agents = agents
  }

  package func findings(_ commands: Commands) -> [Finding] {
    [operators(commands), agent(commands)]
  }

  private func operators(_ commands: Commands) -> Finding {
    let deciding = people.filter(\.decides)
    guard deciding.isEmpty else {
      return Finding(
        .operator, .ok,
        "registered: " + deciding.map { "\($0.name) (\($0.role))" }.joined(separator: ", "))
    }
    return Finding(
      .operator, .problem, "nobody is registered who may decide",
      mend: "make a key, then register the public half that it prints: "
        + commands.line("operator", "add", "NAME", "--key", "PUBLIC", "--role", "admin"),
      command: Commands.shell([commands.program, "operator", "init", "NAME"]))
  }

  private func agent(_ commands: Commands) -> Finding {
    let active = agents.filter { !$0.isRevoked }
    guard active.isEmpty else {
      return Finding(
        .agent, .ok, "registered: " + active.map(\.name.string).joined(separator: ", "))
    }
    let words = agents.isEmpty ? "no agent is registered" : "every agent is revoked"
    return Finding(
      .agent, .problem, "\(words): nothing can call the gateway",
      mend: "register one; its token is printed once",
      command: commands.line("agent", "add", freeName))
  }

  /// A name that was never given: a revoked one is not given again.
  private var freeName: String {
    let taken = Set(agents.map(\.name))
    return (1...).lazy.map { $0 == 1 ? "agent" : "agent\($0)" }.first { !taken.contains(Text($0)) }
      ?? "agent"
  }
}

/// The operator's own key file.
package struct OperatorKeyFact: Fact, Hashable {
  package enum Outcome: Hashable, Sendable {
    case missing
    case refused(String, mend: String)
    case read(name: Text, publicKey: String, hasPassphrase: Bool)
  }

  package var file: FileFact
  package var outcome: Outcome
  /// Nil where the registry cannot be read.
  package var people: [RegistryFact.Person]?

  package init(file: FileFact, outcome: Outcome, people: [RegistryFact.Person]?) {
    self.file = file
    self.outcome = outcome
    self.people = people
  }

  package func findings(_ commands: Commands) -> [Finding] {
    switch outcome {
    case .missing: [missing(commands)]
    case .refused(let words, let mend):
      [
        Finding(
          .operator, .problem, words, mend: mend.isEmpty ? nil : mend,
          command: file.isOpen && file.isMine ? "chmod 600 \(file.quoted)" : nil)
      ]
    case .read(let name, let key, let hasPassphrase):
      [sealing(hasPassphrase)] + registration(name, key, commands)
    }
  }

  private func missing(_ commands: Commands) -> Finding {
    guard let people, people.contains(where: \.decides) else {
      return Finding(
        .operator, .unchecked, "there is no key at \(file.path)",
        mend: "make one if you are an operator",
        command: Commands.shell([commands.program, "operator", "init", "NAME"]))
    }
    return Finding(
      .operator, .note,
      "there is no key at \(file.path); fine if the operators work as other users")
  }

  private func sealing(_ hasPassphrase: Bool) -> Finding {
    hasPassphrase
      ? Finding(.operator, .ok, "\(file.path) is sealed with a passphrase")
      : Finding(
        .operator, .warning,
        "\(file.path) has no passphrase: whoever can read the file can approve",
        mend: "fine on paper; elsewhere make a key with one under another name, and revoke this")
  }

  private func registration(
    _ name: Text, _ key: String, _ commands: Commands
  ) -> [Finding] {
    guard let people else {
      return [
        Finding(
          .operator, .unchecked, "whether \(name) is registered: the state cannot be read")
      ]
    }
    guard let person = people.first(where: { $0.name == name }) else {
      return [
        Finding(
          .operator, .problem, "\(name)'s key is not registered at this gateway",
          mend: "register its public half",
          command: commands.line("operator", "add", name.string, "--key", key, "--role", "operator")
        )
      ]
    }
    return unusable(person, key)
  }

  private func unusable(_ person: RegistryFact.Person, _ key: String) -> [Finding] {
    let words: String
    if person.isRevoked {
      words = "\(person.name)'s key is revoked"
    } else if person.publicKey != key {
      words = "\(person.name) is registered with another key than the one in \(file.path)"
    } else if person.role == "viewer" {
      return [Finding(.operator, .note, "\(person.name) is a viewer: looks, and decides nothing")]
    } else {
      return []
    }
    return [
      Finding(
        .operator, .problem, words,
        mend: "use the key that is registered, or make one under another name: names are given once"
      )
    ]
  }
}

/// A file with an agent's token.
package struct TokenFact: Fact, Hashable {
  package enum Outcome: Hashable, Sendable {
    case opens(String)
    case revoked(String)
    case unknown
    case unchecked(String)
  }

  package var file: FileFact
  package var outcome: Outcome

  package init(file: FileFact, outcome: Outcome) {
    self.file = file
    self.outcome = outcome
  }

  package func findings(_ commands: Commands) -> [Finding] {
    if file.isOpen, file.isMine {
      return [
        Finding(
          .token, .problem, "others can open \(file.path) (mode \(file.modeText))",
          mend: "close it to others; if anybody may have read it, revoke that agent",
          command: "chmod 600 \(file.quoted)")
      ]
    }
    switch outcome {
    case .opens(let name):
      return [Finding(.token, .ok, "\(file.path) is the token of \(name)")]
    case .revoked(let name):
      return [useless("is the token of \(name), which is revoked")]
    case .unknown: return [useless("is no token of this gateway")]
    case .unchecked(let words): return [Finding(.token, .unchecked, "\(file.path): \(words)")]
    }
  }

  private func useless(_ words: String) -> Finding {
    Finding(
      .token, .warning, "\(file.path) \(words): it opens nothing",
      mend: "register another agent under a new name, and delete this file",
      command: "rm \(file.quoted)")
  }
}
