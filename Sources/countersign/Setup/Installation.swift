import Approvals
import Cryptography
import Foundation
import Gateway
import JSON
import OperatorConsole
import OperatorProtocol
import Setup
import Storage

/// The directory that `init` fills. Nothing in it is ever overwritten.
///
/// One command uses it at a time; `written` says what it did.
final class Installation {
  enum KeySource {
    /// A key file is there already.
    case kept
    case given(PublicKey)
    case made(passphrase: String?)
  }

  let directory: String
  private let agent: String
  private(set) var written: [String] = []

  init(directory: String, agent: String) {
    self.directory = directory
    self.agent = agent
  }

  func path(_ name: String) -> String { directory + "/" + name }
  func has(_ name: String) -> Bool { System.status(path(name)) != nil }

  var emptySecrets: [SetupFile.Secret] {
    SetupFile.allSecrets.filter { (System.status(path($0.name))?.size ?? 0) == 0 }
  }

  private var names: [String] {
    [
      SetupFile.configuration, SetupFile.policy, SetupFile.catalogue, SetupFile.state,
      SetupFile.operatorKey,
      SetupFile.token(agent), SetupFile.secrets,
    ]
  }

  /// Throws with what is there and what to do about it.
  func refuseIfThere() throws {
    let there = names.filter(has)
    guard !there.isEmpty else { return }
    let config = ConfigOptions.named(path(SetupFile.configuration))
    let other = Commands.quoted(directory + "-2")
    throw Failure(
      Failure.badInput,
      """
      \(directory) has something already: \(there.joined(separator: ", ")). Nothing was changed.
        to look at it:                      \(Program.commands(config).line("doctor"))
        to set up another beside it:        add --directory \(other)
        to fill in only what is missing:    add --force; keys, secrets, tokens and state are kept
      """)
  }

  // MARK: Files

  func writeFiles(_ choice: SetupChoice) throws {
    try makeDirectory(directory)
    try makeDirectory(path(SetupFile.secrets))
    for secret in SetupFile.allSecrets where !has(secret.name) {
      let text = choice.environment == .paper ? Hex.encode(SystemRandom.bytes(16)) + "\n" : ""
      try write(secret.name, text, text.isEmpty ? "empty, for \(secret.words)" : secret.words)
    }
    try replace(SetupFile.configuration, choice.configuration)
    try replace(SetupFile.catalogue, BuiltInCatalogue.text)
    try replace(SetupFile.policy, BuiltInPolicy.text)
  }

  /// Writes a document; an older one that says something else is kept under another name.
  private func replace(_ name: String, _ text: String) throws {
    if has(name) {
      if (try? Files.read(path(name))) == Array(text.utf8) { return }
      guard let old = (1...).lazy.map({ "\(name).old-\($0)" }).first(where: { !self.has($0) }),
        rename(path(name), path(old)) == 0
      else { throw Failure(Failure.badInput, "\(path(name)) cannot be set aside") }
      written.append("\(path(old)): what stood in \(name)")
    }
    try write(name, text, nil)
  }

  private func makeDirectory(_ path: String) throws {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  private func write(_ name: String, _ text: String, _ words: String?) throws {
    try NewFile.write(path(name), text)
    written.append(path(name) + (words.map { ": \($0)" } ?? ""))
  }

  // MARK: People and agents

  func register(_ name: String, _ source: KeySource) throws {
    let store = try SQLiteStore(directory: path(SetupFile.state), access: .command)
    defer { try? store.close() }
    switch source {
    case .given(let key): try register(name, key, in: store)
    case .kept:
      let file = try OperatorKeyFile.read(path(SetupFile.operatorKey))
      try register(file.name.string, file.publicKey, in: store)
    case .made(let passphrase):
      let file = try NewKey.write(name, passphrase: passphrase, to: path(SetupFile.operatorKey))
      written.append(
        "\(path(SetupFile.operatorKey)): your key, "
          + (passphrase == nil ? "without a passphrase" : "sealed with your passphrase"))
      try register(name, file.publicKey, in: store)
    }
    try registerAgent(in: store)
  }

  private func register(_ name: String, _ key: PublicKey, in store: SQLiteStore) throws {
    if let known = try store.document(.approver, Text(name)),
      let person = try? Registry.Operator(json: JSONCursor(known))
    {
      guard person.key == key, !person.isRevoked else {
        throw Failure(
          Failure.badInput,
          "\(name) is registered with another key, or revoked; give another --operator NAME")
      }
      return
    }
    let person = Registry.Operator(name: Text(name), key: key, role: .admin)
    try store.registerOperator(person.name, person.json)
    written.append("\(path(SetupFile.state)): \(name) is registered as an admin")
  }

  /// The token of a file that is there, else a new one in a new file.
  private func registerAgent(in store: SQLiteStore) throws {
    let token = SetupFile.token(agent)
    let isKnown = try store.document(.agent, Text(agent)) != nil
    switch (isKnown, has(token)) {
    case (true, true): return
    case (true, false):
      throw Failure(
        Failure.badInput,
        "the agent \(agent) is registered and its token was shown only once; give another "
          + "--agent NAME")
    case (false, true):
      try NewAgent.register(agent, token: try Files.secret(path(token)), in: store)
    case (false, false):
      try write(
        token, try NewAgent.register(agent, in: store) + "\n",
        "the token for your agent, here called \(agent)")
    }
  }
}

/// A file that must not be there yet, for its owner alone.
enum NewFile {
  static func write(_ path: String, _ text: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else {
      throw Failure(
        Failure.badInput, "\(path) cannot be made: \(String(cString: strerror(errno)))")
    }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    try handle.write(contentsOf: Data(text.utf8))
    try handle.synchronize()
  }
}
