import Approvals
import Cryptography
import Foundation
import Gateway
import JSON
import Ledger
import OperatorConsole
import OperatorProtocol
import Policy
import Setup
import Storage
import TLS

/// Gathers the facts about an installation. It reads and asks; it decides and changes nothing.
struct Survey {
  /// Entries of the ledger that are verified here; more take too long.
  static let entryLimit = 20_000

  let config: ConfigOptions
  let key: String?

  func report() async -> Report {
    Report(subject: config.fullPath, facts: await facts(), commands: Program.commands(config))
  }

  private func facts() async -> [any Fact] {
    let file = System.file(config.fullPath)
    let configuration: Configuration
    do {
      guard !System.isClosed(file.path) else {
        return [ConfigurationFact(file: file, outcome: .closed), UserTerminal.fact]
      }
      guard file.isThere else {
        return [ConfigurationFact(file: file, outcome: .missing), UserTerminal.fact]
      }
      configuration = try config.read()
    } catch {
      return [ConfigurationFact(file: file, outcome: .refused("\(error)")), UserTerminal.fact]
    }
    let state = StateSurvey(configuration)
    let gateway = await NetworkSurvey.gateway(configuration)
    let secrets = SecretSurvey(configuration)
    let operatorKey = operatorKey(state.registry)
    let exchange = await NetworkSurvey(configuration, isNeeded: gateway.runs).facts()
    var facts: [any Fact] = [ConfigurationFact(file: file, outcome: .valid)]
    facts.append(policy(configuration))
    facts.append(state.fact)
    facts += state.people
    facts.append(operatorKey)
    facts += tokens(state)
    facts += secrets.facts
    facts += upstreams(configuration)
    facts.append(gateway)
    if let tls = configuration.tls { facts.append(certificate(tls)) }
    facts += exchange
    facts.append(System.clock)
    facts.append(shell(operatorKey, state, secrets))
    facts.append(UserTerminal.fact)
    facts.append(
      DiskFact(path: configuration.state, free: System.freeSpace(configuration.state)))
    return facts
  }

  // MARK: Files

  private func policy(_ configuration: Configuration) -> PolicyFact {
    let file = System.file(configuration.policy)
    do {
      let document = try PolicyFile(configuration.policy)
      let policy = try document.policy()
      return PolicyFact(
        file: file, catalogue: document.catalogue.map { System.file($0) },
        outcome: .valid(rules: policy.tools.count, warnings: policy.warnings()))
    } catch {
      return PolicyFact(file: file, outcome: .refused("\(error)"))
    }
  }

  private func operatorKey(_ registry: RegistryFact?) -> OperatorKeyFact {
    let file = System.file(GatewayOptions.keyPath(key, config))
    func fact(_ outcome: OperatorKeyFact.Outcome) -> OperatorKeyFact {
      OperatorKeyFact(file: file, outcome: outcome, people: registry?.people)
    }
    guard file.isThere else { return fact(.missing) }
    do {
      let read = try OperatorKeyFile.read(file.path)
      return fact(
        .read(
          name: read.name, publicKey: read.publicKey.base64,
          hasPassphrase: read.needsPassphrase))
    } catch {
      return fact(.refused(error.message, mend: error.fix))
    }
  }

  /// The token files that `init` wrote beside the configuration.
  private func tokens(_ state: StateSurvey) -> [any Fact] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: config.directory)) ?? []
    return names.filter { $0.hasSuffix(SetupFile.tokenSuffix) }.sorted().map { name in
      let file = System.file(config.directory + "/" + name)
      return TokenFact(file: file, outcome: outcome(file, state))
    }
  }

  private func outcome(_ file: FileFact, _ state: StateSurvey) -> TokenFact.Outcome {
    guard let agents = state.agents else { return .unchecked("the state cannot be read") }
    let token: String
    do { token = try Files.secret(file.path) } catch { return .unchecked("\(error)") }
    let hash = SHA256.hash(token.utf8)
    guard let agent = agents.first(where: { $0.tokenHash == hash }) else { return .unknown }
    return agent.isRevoked ? .revoked(agent.name.string) : .opens(agent.name.string)
  }

  private func upstreams(_ configuration: Configuration) -> [any Fact] {
    configuration.upstreams.map { upstream in
      if let url = upstream.url {
        return UpstreamFact(
          name: upstream.name.string, reach: .url(url, wrong: nil),
          gatewayExchange: configuration.exchange?.rest)
      }
      let program = upstream.command.first ?? ""
      var settings: [String: String] = [:]
      for case (let name, .plain(let value)) in upstream.environment { settings[name] = value }
      return UpstreamFact(
        name: upstream.name.string,
        reach: .command(program: program, found: Program.find(program)),
        exchange: BybitPlace.of(settings: settings, command: upstream.command),
        gatewayExchange: configuration.exchange?.rest)
    }
  }

  private func certificate(_ tls: Configuration.ListenerFiles) -> CertificateFact {
    let place = (tls.certificate as NSString).deletingLastPathComponent
    let outcome: CertificateFact.Outcome
    do {
      guard let own = try CertificateShow.read(tls.certificate).first else {
        throw Files.Failure("\(tls.certificate) holds no certificate")
      }
      outcome = .read(
        names: own.names, secondsLeft: Int(own.notAfter - CertificateMaking.now))
    } catch {
      outcome = .refused("\(error)")
    }
    return CertificateFact(
      certificate: System.file(tls.certificate), key: System.file(tls.key), outcome: outcome,
      authorityKey: System.file(place + "/ca.key"))
  }

  private func shell(
    _ key: OperatorKeyFact, _ state: StateSurvey, _ secrets: SecretSurvey
  ) -> ShellFact {
    ShellFact(
      user: Int(geteuid()), userName: System.userName(of: geteuid()) ?? "\(geteuid())",
      isLogin: System.isLogin(geteuid()), operatorKey: key.file.status?.owner,
      state: state.fact.directory.status?.owner, secrets: secrets.owners)
  }
}

/// The state directory: rights, database, ledger, and who is registered.
struct StateSurvey {
  private(set) var fact: StateFact
  private(set) var registry: RegistryFact?
  private(set) var agents: [Registry.Agent]?

  init(_ configuration: Configuration) {
    let place = configuration.state
    fact = StateFact(
      directory: System.file(place), database: System.file(place + "/countersign.sqlite"),
      ledgerKey: System.file(place + "/ledger.key"))
    guard fact.directory.isThere else {
      registry = RegistryFact(people: [], agents: [])
      agents = []
      return
    }
    guard fact.isReadable, !fact.directory.isOpen, !fact.database.isOpen else { return }
    guard fact.database.isThere else { return }
    do {
      let store = try SQLiteStore(directory: place, access: .command)
      defer { try? store.close() }
      try readPeople(store)
      fact.ledger = Self.ledger(store, configuration, hasKey: fact.ledgerKey.isThere)
    } catch let error as StorageError {
      fact.refusal = error.message
      fact.remedy = error.fix
    } catch {
      fact.refusal = "\(error)"
      fact.remedy = "restore the state directory from a backup"
    }
  }

  var people: [any Fact] { registry.map { [$0] } ?? [] }

  private mutating func readPeople(_ store: SQLiteStore) throws {
    let agents = try store.records(.agent).sorted { $0.key < $1.key }.map {
      try Registry.Agent(json: JSONCursor($0.value))
    }
    let people = try store.records(.approver).sorted { $0.key < $1.key }.map {
      try Registry.Operator(json: JSONCursor($0.value))
    }
    self.agents = agents
    registry = RegistryFact(
      people: people.map {
        .init(
          name: $0.name, publicKey: $0.key.base64, role: $0.role.rawValue,
          isRevoked: $0.isRevoked)
      }, agents: agents.map { .init(name: $0.name, isRevoked: $0.isRevoked) })
  }

  private static func ledger(
    _ store: SQLiteStore, _ configuration: Configuration, hasKey: Bool
  ) -> StateFact.Ledger {
    do {
      guard let head = try Head.read(store) else {
        return try store.lines(from: 0, limit: 1).isEmpty
          ? .empty : .wrong("it has entries and no signed head")
      }
      guard hasKey else { return .wrong("the key that signs it, ledger.key, is gone") }
      let key = try Head.ownKey(configuration)
      try head.verify(with: key)
      guard head.size <= Survey.entryLimit else { return .head(entries: head.size) }
      var verifier = try LedgerVerifier(key: key, checkpoints: [head])
      try Head.eachLine(store, from: 0) {
        try verifier.consume($0.bytes, storedLeafHash: $0.leafHash)
      }
      return .verified(entries: try verifier.finish().size)
    } catch {
      return .wrong("\(error)")
    }
  }
}

/// Every secret that the configuration refers to.
struct SecretSurvey {
  let facts: [any Fact]
  /// Owners of the files.
  let owners: [Int]

  init(_ configuration: Configuration) {
    var named: [(String, Configuration.Secret)] = []
    for upstream in configuration.upstreams {
      for case (let name, .secret(let secret)) in upstream.environment {
        named.append(("upstreams.\(upstream.name).env.\(name)", secret))
      }
    }
    if let key = configuration.exchange?.key { named.append(("exchange.key", key)) }
    if let file = configuration.exchange?.privateKey {
      named.append(("exchange.private_key", .file(file)))
    }
    if let secret = configuration.exchange?.secret { named.append(("exchange.secret", secret)) }
    let environment = ProcessInfo.processInfo.environment
    let all = named.map { SecretFact(place: $0.0, source: Self.source($0.1, environment)) }
    facts = all
    owners = all.compactMap { fact in
      if case .file(let file, _) = fact.source { file.status?.owner } else { nil }
    }
  }

  private static func source(
    _ secret: Configuration.Secret, _ environment: [String: String]
  ) -> SecretFact.Source {
    switch secret {
    case .environment(let name):
      return .environment(name, isSet: environment[name].map { !$0.isEmpty } ?? false)
    case .file(let path):
      let file = System.file(path)
      let isEmpty = file.isMine && !file.isOpen && (try? Files.secret(path)) == nil
      return .file(file, isEmpty: isEmpty)
    }
  }
}
