/// The gateway's configuration file.
package struct ConfigurationFact: Fact, Hashable {
  package enum Outcome: Hashable, Sendable {
    case missing
    /// This user may not look.
    case closed
    /// With file, line and column.
    case refused(String)
    case valid

    var isUsable: Bool { self == .valid }
  }

  package var file: FileFact
  package var outcome: Outcome

  package init(file: FileFact, outcome: Outcome) {
    self.file = file
    self.outcome = outcome
  }

  package func findings(_ commands: Commands) -> [Finding] {
    switch outcome {
    case .missing:
      [
        Finding(
          .configuration, .problem, "there is no configuration at \(file.path)",
          mend: "make one, to try it without an account; or name another with --config",
          command: Commands.shell([commands.program, "init", "--paper"]))
      ]
    case .closed:
      [
        Finding(
          .configuration, .problem, "this user may not open \(file.path)",
          mend: "look as the gateway's user: sudo -u USER " + commands.naming("doctor"))
      ]
    case .refused(let words):
      [
        Finding(
          .configuration, .problem, words,
          mend: "correct the file there; docs/configuration.md has every key")
      ]
    case .valid:
      [
        file.changeable(.configuration)
          ?? Finding(.configuration, .ok, "\(file.path) is valid")
      ]
    }
  }
}

/// The policy file.
package struct PolicyFact: Fact, Hashable {
  package enum Outcome: Hashable, Sendable {
    /// With file, line and column.
    case refused(String)
    case valid(rules: Int, warnings: [String])
  }

  package var file: FileFact
  /// What the policy names as its catalogue: who can change it changes verdicts too.
  package var catalogue: FileFact?
  package var outcome: Outcome

  package init(file: FileFact, catalogue: FileFact? = nil, outcome: Outcome) {
    self.file = file
    self.catalogue = catalogue
    self.outcome = outcome
  }

  package func findings(_ commands: Commands) -> [Finding] {
    switch outcome {
    case .refused(let words):
      return [
        Finding(
          .policy, .problem, words,
          mend: "correct it and check it again; docs/policy.md has the language",
          command: commands.line("policy", "check"))
      ]
    case .valid(let rules, let warnings):
      let state =
        file.changeable(.policy) ?? catalogue?.changeable(.policy)
        ?? Finding(.policy, .ok, "\(file.path) is valid, \(rules) rules")
      return [state]
        + warnings.map {
          Finding(
            .policy, .warning, $0, mend: "read how each rule is understood",
            command: commands.line("policy", "check"))
        }
    }
  }
}
