/// What a person does after `init`: each step is a command that works as it is printed.
package struct NextSteps: Sendable {
  package struct Step: Hashable, Sendable {
    package var words: String
    package var command: String
  }

  package var choice: SetupChoice
  package var directory: String
  package var commands: Commands
  /// Secrets that are still to be filled in.
  package var missing: [SetupFile.Secret]
  package var agent: String
  /// Whether the operator works as another user, who cannot read this configuration.
  package var keyIsElsewhere: Bool

  package init(
    choice: SetupChoice, directory: String, commands: Commands, missing: [SetupFile.Secret],
    agent: String, keyIsElsewhere: Bool = false
  ) {
    self.choice = choice
    self.directory = directory
    self.commands = commands
    self.missing = missing
    self.agent = agent
    self.keyIsElsewhere = keyIsElsewhere
  }

  private var operators: String { "http://" + choice.operators }

  package var steps: [Step] {
    var all = missing.map { secret in
      Step(
        words: "Store \(secret.words): paste it after this, then Enter and ^D.",
        command: "cat > " + Commands.quoted(directory + "/" + secret.name))
    }
    let isPaper = choice.environment == .paper
    if isPaper {
      all.append(
        Step(
          words: "Start the paper exchange, in a terminal of its own.",
          command: commands.naming("paper")))
    }
    all.append(
      Step(
        words: "Start the gateway, in \(isPaper ? "another" : "a terminal of its own").",
        command: commands.line("gateway")))
    all.append(
      Step(
        words: "Look whether everything is as it should be.", command: commands.line("doctor")))
    all.append(
      Step(
        words: "Connect your agent; `generic` tells what every client needs.",
        command: commands.line("connect", "generic", "--agent", agent)))
    all.append(
      Step(
        words: "Open the console and decide what your agent proposes.",
        command: keyIsElsewhere
          ? Commands.shell([commands.program, "console", "--gateway", operators])
          : commands.line("console")))
    return all
  }

  package var lines: [String] {
    ["Next:"]
      + steps.enumerated().flatMap { number, step in
        ["  \(number + 1). \(step.words)", "       \(step.command)"]
      }
  }
}
