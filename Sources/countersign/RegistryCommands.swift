import Approvals
import ArgumentParser
import Cryptography
import Foundation
import Gateway
import JSON
import OperatorConsole
import OperatorProtocol
import Storage

// MARK: Agents

struct AgentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Issue and revoke agents' tokens, show their limits.",
    subcommands: [Add.self, List.self, Limits.self, Revoke.self])

  struct Limits: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what the policy's limits have counted at the running gateway.")
    @OptionGroup var gateway: GatewayOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let limits = try await gateway.client().limits()
      if output.json { return Standard.json(.array(limits.map(\.json))) }
      if limits.isEmpty { Standard.error("no limit has counted anything") }
      for limit in limits { Standard.line(Plain.line(limit)) }
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register an agent and print its token, which is shown only now.")
    @OptionGroup var config: ConfigOptions
    @Argument(help: "1 to 64 of A-Z a-z 0-9 . _ -") var name: String
    @Option(help: "The operator whose agent it is, for policies that forbid owners to approve.")
    var owner: String?

    func run() throws {
      try Names.check(name)
      let store = try config.store()
      if let owner, try store.document(.approver, Text(owner)) == nil {
        throw Failure(
          Failure.badInput, "no operator is called \"\(owner)\"; register them first: operator add")
      }
      Standard.line(try NewAgent.register(name, owner: owner, in: store))
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List agents.")
    @OptionGroup var config: ConfigOptions
    @OptionGroup var output: JSONOption

    func run() throws {
      let agents = try config.store().records(.agent).sorted { $0.key < $1.key }
      if output.json {
        let rows: [JSONValue] = agents.map { name, document in
          .compact([
            "name": .string(name), "revoked": document["revoked"] ?? false,
            "owner": document["owner"],
          ])
        }
        return Standard.json(.array(rows))
      }
      for (name, document) in agents {
        let owner = document["owner"]?.stringValue.map { "  of \($0)" } ?? ""
        let state = document["revoked"]?.boolValue == true ? "  revoked" : ""
        Standard.line("\(name)\(owner)\(state)")
      }
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Revoke an agent's token; a running gateway ends its sessions at once.")
    @OptionGroup var config: ConfigOptions
    @Argument var name: String

    func run() throws { try Names.revoke(name, .agent, in: try config.store()) }
  }
}

// MARK: Operators

struct OperatorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operator", abstract: "Make operators' keys and register them.",
    subcommands: [Init.self, Add.self, List.self, Revoke.self])

  struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key of your own and print its public half.")
    @Argument(help: "Your name at the gateway.") var name: String
    @Option(help: "A 0600 file whose first line is the passphrase.", completion: .file())
    var passphraseFile: String?
    @Flag(help: "Keep the key unsealed: whoever can read the file can approve.")
    var noPassphrase = false
    @Option(help: "Where to write the key.", completion: .file()) var key: String?

    func run() throws {
      try Names.check(name)
      let passphrase = noPassphrase ? nil : try NewKey.passphrase(file: passphraseFile)
      let path = key ?? GatewayOptions.defaultKey
      let file = try NewKey.write(name, passphrase: passphrase, to: path)
      Standard.error("key written to \(path)")
      Standard.line(file.publicKey.base64)
    }
  }

  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register an operator's public key at the gateway.")
    @OptionGroup var config: ConfigOptions
    @Argument var name: String
    @Option(help: "The public key that `operator init` printed.") var key: String
    @Option(
      help: "viewer, operator or admin.",
      completion: .list(["viewer", "operator", "admin"]))
    var role = "operator"

    func run() throws {
      try Names.check(name)
      guard let key = PublicKey(base64: key) else {
        throw Failure(Failure.badInput, "--key takes the line that `operator init` printed")
      }
      guard let role = Role(rawValue: role) else {
        throw Failure(Failure.badInput, "--role is viewer, operator or admin")
      }
      let person = Registry.Operator(name: Text(name), key: key, role: role)
      try config.store().registerOperator(person.name, person.json)
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List operators.")
    @OptionGroup var config: ConfigOptions
    @OptionGroup var output: JSONOption

    func run() throws {
      let people = try config.store().records(.approver).sorted { $0.key < $1.key }
      if output.json { return Standard.json(.array(people.map(\.value))) }
      for (_, document) in people {
        let person = try Registry.Operator(json: JSONCursor(document))
        let state = person.isRevoked ? "  revoked" : ""
        Standard.line("\(person.name)  \(person.role.rawValue)  \(person.key.base64)\(state)")
      }
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Revoke an operator's key; signatures that were not dispatched count no more.")
    @OptionGroup var config: ConfigOptions
    @Argument var name: String

    func run() throws { try Names.revoke(name, .approver, in: try config.store()) }
  }
}

/// Registering an agent.
enum NewAgent {
  /// Registers `name` and gives its token, which is stored nowhere.
  static func register(
    _ name: String, owner: String? = nil, in store: SQLiteStore
  ) throws -> String {
    let token = "csa_" + Hex.encode(SystemRandom.bytes(24))
    try register(name, token: token, owner: owner, in: store)
    return token
  }

  static func register(
    _ name: String, token: String, owner: String? = nil, in store: SQLiteStore
  ) throws {
    let agent = Registry.Agent(
      name: Text(name), tokenHash: SHA256.hash(token.utf8), owner: owner.map { Text($0) })
    try store.registerAgent(agent.name, agent.json)
  }
}

/// Making an operator's key.
enum NewKey {
  /// From the file, or asked for twice on the terminal.
  static func passphrase(file: String?) throws -> String {
    if let file { return try Passphrase.fromFile(file) }
    let first = try Passphrase.fromTerminal(prompt: "A passphrase for your signing key: ")
    guard try Passphrase.fromTerminal(prompt: "Again: ") == first else {
      throw Failure(Failure.badInput, "the passphrases differ; nothing was written")
    }
    return first
  }

  /// Writes a new key file, sealed unless `passphrase` is nil.
  static func write(
    _ name: String, passphrase: String?, to path: String
  ) throws -> OperatorKeyFile {
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    let seed = SystemRandom.bytes(SigningKey.seedByteCount)
    let file =
      try passphrase.map {
        try OperatorKeyFile.sealed(
          name: Text(name), seed: seed, passphrase: $0, salt: SystemRandom.bytes(16),
          nonce: SystemRandom.bytes(12))
      } ?? OperatorKeyFile.plain(name: Text(name), seed: seed)
    try file.write(path)
    return file
  }
}

enum Names {
  static func check(_ name: String) throws {
    guard Registry.isName(Text(name)) else {
      throw Failure(Failure.badInput, "\"\(name)\" is no name: 1 to 64 of A-Z a-z 0-9 . _ -")
    }
  }

  static func revoke(_ name: String, _ kind: RecordKind, in store: SQLiteStore) throws {
    try store.changeRegistration(kind, Text(name)) { document in
      var changed = document.objectValue ?? JSONObject()
      changed["revoked"] = true
      return .object(changed)
    }
  }
}
