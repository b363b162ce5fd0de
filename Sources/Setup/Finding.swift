package import JSON

/// What `doctor` says about one thing: how it is, and how to mend it.
package struct Finding: Hashable, Sendable {
  package enum Verdict: String, Hashable, Sendable, CaseIterable {
    case ok, note, warning, problem
    /// It could not be looked at; the words say why.
    case unchecked = "not_checked"
  }

  /// What was looked at. Raw values are stable: scripts select by them.
  package enum Check: String, Hashable, Sendable, CaseIterable {
    case configuration, policy, state, ledger, secret, upstream, gateway, exchange, clock
    case key, `operator`, agent, token, tls, shell, terminal, disk
  }

  package var check: Check
  package var verdict: Verdict
  package var words: String
  /// A sentence for a person; nil where there is nothing to mend.
  package var mend: String?
  /// One line for a shell that does it; nil where no single line can.
  package var command: String?

  package init(
    _ check: Check, _ verdict: Verdict, _ words: String, mend: String? = nil,
    command: String? = nil
  ) {
    self.check = check
    self.verdict = verdict
    self.words = words
    self.mend = mend
    self.command = command
  }

  package var json: JSONValue {
    .compact([
      "check": .string(check.rawValue), "verdict": .string(verdict.rawValue),
      "words": .string(words), "mend": mend.map { .string($0) },
      "command": command.map { .string($0) },
    ])
  }
}

/// Something about an installation that was looked at, ready to be judged. A new check is a new
/// type of this, gathered by the shell.
package protocol Fact: Sendable {
  func findings(_ commands: Commands) -> [Finding]
}
