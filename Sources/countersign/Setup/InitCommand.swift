import Approvals
import ArgumentParser
import Cryptography
import Foundation
import Gateway
import JSON
import OperatorConsole
import Setup
import Storage

struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Set up a gateway: configuration, policy, keys, one agent.",
    discussion: """
      Writes everything that a first run needs into one directory: the configuration, a policy \
      (reads and cancels pass, what moves money waits for you, the rest is denied), the state, your \
      key, and one agent with its token in a file of its own. Then it looks at all of it as \
      `countersign doctor` does, and prints the next steps.

      --paper needs no account: it makes the keys of a paper exchange too. --testnet and --mainnet \
      use Bybit's own MCP server, which needs Node.js, and leave empty files for four secrets.

      What exists is never overwritten. It ends with 0 when everything was written, also when doctor \
      still misses something.
      """)

  @Flag(exclusivity: .exclusive, help: "Where orders go.")
  var environment: SetupChoice.Environment

  @Option(
    help: "Where to put everything. Default: $XDG_CONFIG_HOME/countersign.",
    completion: .directory)
  var directory: String?
  @Option(name: .customLong("operator"), help: "Your name. Default: your login name.")
  var person: String?
  @Option(help: "The agent's name.") var agent = "agent"
  @Option(
    help: "A 0600 file whose first line is the passphrase of your key.", completion: .file())
  var passphraseFile: String?
  @Flag(help: "Keep your key unsealed: whoever can read the file can approve.")
  var noPassphrase = false
  @Option(help: "Register this key, which `operator init` printed, instead of making one.")
  var publicKey: String?
  @Option(help: "HOST:PORT of the agents' listener.") var listenAgents = "127.0.0.1:8787"
  @Option(help: "HOST:PORT of the operators' listener.") var listenOperators = "127.0.0.1:8788"
  @Option(help: "HOST:PORT of the paper exchange.") var listenPaper = "127.0.0.1:8931"
  @Flag(help: "Say yes to mainnet.") var yes = false
  @Flag(
    help: """
      Fill in what is missing. Keys, secrets, tokens and state are kept; an old configuration and \
      policy are kept under another name.
      """)
  var force = false

  func run() async throws {
    let installation = Installation(
      directory: URL(fileURLWithPath: directory ?? ConfigOptions.home).path, agent: agent)
    let name = try operatorName()
    try Names.check(agent)
    if !force { try installation.refuseIfThere() }
    try confirmMainnet()
    let choice = SetupChoice(
      environment: environment, program: Program.word, agents: listenAgents,
      operators: listenOperators, exchange: listenPaper)
    try check(choice, installation)
    let key = try keySource(installation)
    try installation.writeFiles(choice)
    try installation.register(name, key)
    try await report(installation, choice)
  }

  // MARK: Before anything is written

  private func operatorName() throws -> String {
    if let person {
      try Names.check(person)
      return person
    }
    let login = System.userName(of: getuid()) ?? "me"
    return Registry.isName(Text(login)) ? login : "me"
  }

  private func confirmMainnet() throws {
    guard environment == .mainnet, !yes else { return }
    Standard.error(
      """
      Mainnet: what you approve moves real money. Try the same on paper and on the testnet first,
      and start with the smallest order that the exchange takes.
      """)
    guard UserTerminal.answer("Type mainnet to go on: ") == "mainnet" else {
      throw Failure(
        Failure.badInput, "nothing was written; type mainnet, or give --yes")
    }
  }

  /// The configuration that would be written is one that the gateway accepts.
  private func check(_ choice: SetupChoice, _ installation: Installation) throws {
    do throws(JSONError) {
      _ = try Configuration(
        document: Array(choice.configuration.utf8), directory: installation.directory)
    } catch {
      throw Failure(Failure.badInput, "\(error); nothing was written")
    }
  }

  private func keySource(_ installation: Installation) throws -> Installation.KeySource {
    if let publicKey {
      guard let key = PublicKey(base64: publicKey) else {
        throw Failure(
          Failure.badInput, "--public-key takes the line that `operator init` printed")
      }
      return .given(key)
    }
    if installation.has(SetupFile.operatorKey) { return .kept }
    return .made(passphrase: noPassphrase ? nil : try NewKey.passphrase(file: passphraseFile))
  }

  // MARK: Afterwards

  private func report(_ installation: Installation, _ choice: SetupChoice) async throws {
    let config = ConfigOptions.named(installation.path(SetupFile.configuration))
    let commands = Program.commands(config)
    for line in installation.written { Standard.line("wrote " + Plain.safe(line)) }
    Standard.line("")
    let report = await Survey(config: config, key: nil).report()
    for line in report.lines(leavingOut: [.ok], width: UserTerminal.width) {
      Standard.line(Plain.safe(line))
    }
    Standard.line("")
    let steps = NextSteps(
      choice: choice, directory: installation.directory, commands: commands,
      missing: installation.emptySecrets, agent: agent, keyIsElsewhere: publicKey != nil)
    for line in steps.lines { Standard.line(Plain.safe(line)) }
  }
}

extension SetupChoice.Environment: EnumerableFlag {
  static func help(for value: Self) -> ArgumentHelp? {
    switch value {
    case .paper: "A paper exchange on this machine, without an account."
    case .testnet: "Bybit's testnet."
    case .mainnet: "Bybit's mainnet: real money."
    }
  }
}
