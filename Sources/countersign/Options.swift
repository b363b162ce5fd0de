import ArgumentParser
import Foundation
import Gateway
import JSON
import Networking
import OperatorConsole
import Storage
import TLS

/// Where the configuration is.
struct ConfigOptions: ParsableArguments {
  @Option(help: "The gateway's configuration file.", completion: .file(extensions: ["json"]))
  var config: String?

  static var home: String {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 }
      ?? (environment["HOME"] ?? ".") + "/.config"
    return base + "/countersign"
  }

  static var defaultPath: String { home + "/config.json" }

  var path: String { config ?? Self.defaultPath }

  /// The path from the root, whatever the working directory.
  var fullPath: String { URL(fileURLWithPath: path).path }

  /// The directory that relative paths in the configuration start at.
  var directory: String { URL(fileURLWithPath: path).deletingLastPathComponent().path }

  func read() throws -> Configuration {
    let bytes = try Files.read(fullPath)
    do throws(JSONError) {
      return try Configuration(document: bytes, directory: directory)
    } catch {
      throw Failure(Failure.badInput, "\(path): \(error)")
    }
  }

  /// The state for a command: agents, operators and the ledger, also while a gateway runs.
  func store() throws -> SQLiteStore {
    try SQLiteStore(directory: try read().state, access: .command)
  }
}

/// How a command reaches a running gateway, and as whom.
struct GatewayOptions: ParsableArguments {
  @OptionGroup var configuration: ConfigOptions

  @Option(help: "URL of the operators' listener. Default: the configuration's.")
  var gateway: String?

  @Option(
    help: "The operator's key file. Default: operator.key beside the configuration, or yours.",
    completion: .file())
  var key: String?

  @Option(
    help: "A 0600 file whose first line is the key's passphrase.", completion: .file())
  var passphraseFile: String?

  @Option(
    help: "PEM file of the authority that signed the gateway's certificate.", completion: .file())
  var ca: String?

  @Option(
    help: "PEM file of your client certificate, where the gateway asks for one.",
    completion: .file())
  var clientCertificate: String?

  @Option(help: "A 0600 PEM file with the client certificate's key.", completion: .file())
  var clientKey: String?

  static var defaultKey: String { ConfigOptions.home + "/operator.key" }

  /// The key of an installation that keeps one beside its configuration, else the user's own.
  static func keyPath(_ given: String?, _ configuration: ConfigOptions) -> String {
    if let given { return given }
    let beside = configuration.directory + "/operator.key"
    return FileManager.default.fileExists(atPath: beside) ? beside : defaultKey
  }

  func client() throws -> OperatorClient {
    let file = try OperatorKeyFile.read(Self.keyPath(key, configuration))
    let (url, authority) = try place()
    return try OperatorClient(
      gateway: url, key: try unlock(file), security: try security(authority))
  }

  /// Where the gateway is, and who signed its certificate as far as the configuration tells.
  private func place() throws -> (url: String, authority: String?) {
    if let given = gateway { return (given, nil) }
    if let given = Self.variable("COUNTERSIGN_GATEWAY") { return (given, nil) }
    let file = try configuration.read()
    var listener = file.operators
    // Addresses that mean all of the machine's are no place to connect to.
    if listener.host == "0.0.0.0" { listener.host = "127.0.0.1" }
    if listener.host == "::" { listener.host = "::1" }
    return (file.url(listener, port: listener.port), file.tls?.authority)
  }

  private func security(_ configured: String?) throws -> TLSClient {
    let authority = ca ?? Self.variable("COUNTERSIGN_CA") ?? configured
    do {
      let files = try [authority].compactMap(\.self).map { try Files.read($0) }
      return TLSClient(
        try .client(trust: TLSTrust(authorities: files), identity: try clientIdentity()))
    } catch let error as TLSError {
      throw Failure(Failure.badInput, "\(error)")
    }
  }

  private func clientIdentity() throws -> TLSIdentity? {
    switch (clientCertificate, clientKey) {
    case (nil, nil): return nil
    case (let certificate?, let key?):
      return try TLSIdentity(
        certificates: try Files.read(certificate), key: try Files.secretBytes(key, limit: 1 << 20))
    default:
      throw Failure(Failure.badInput, "--client-certificate and --client-key go together")
    }
  }

  private static func variable(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  private func unlock(_ file: OperatorKeyFile) throws -> OperatorKey {
    guard file.needsPassphrase else { return try file.unlock() }
    let passphrase =
      try passphraseFile.map { try Passphrase.fromFile($0) }
      ?? Passphrase.fromTerminal(prompt: "Passphrase of \(file.name): ")
    return try file.unlock(passphrase: passphrase)
  }
}

struct JSONOption: ParsableArguments {
  @Flag(help: "Print JSON for programs.")
  var json = false
}
