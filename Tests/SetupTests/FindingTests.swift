import JSON
import Setup
import Testing

/// Facts as a table: what was found, what is said of it, and what mends it.
@Suite("What doctor says")
struct FindingTests {
  static let commands = Commands(
    program: "countersign", configPath: "/d/config.json", isDefault: true)

  static func file(
    _ path: String = "/d/x", mode: Int = 0o600, owner: Int = 7, size: Int = 9, mine: Bool = true,
    directory: Bool = false
  ) -> FileFact {
    FileFact(
      path: path,
      status: .init(
        isDirectory: directory, isRegular: !directory, mode: mode, owner: owner, ownerName: "ann",
        size: size), isMine: mine)
  }

  static let absent = FileFact(path: "/d/x", status: nil, isMine: false)

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var fact: any Fact
    var verdict: Finding.Verdict
    /// Part of the words.
    var says: String
    var command: String?

    init(
      _ name: String, _ fact: any Fact, _ verdict: Finding.Verdict, _ says: String,
      _ command: String? = nil
    ) {
      testDescription = name
      self.fact = fact
      self.verdict = verdict
      self.says = says
      self.command = command
    }
  }

  @Test("is the worst of each fact, with what mends it", arguments: cases)
  func judgement(one: Case) throws {
    let findings = one.fact.findings(Self.commands)
    let finding = try #require(
      findings.first { $0.verdict == one.verdict && $0.words.contains(one.says) }, "\(findings)")
    #expect(finding.command == one.command)
    if [.problem, .warning].contains(finding.verdict), !finding.words.contains("does not answer") {
      #expect(finding.mend != nil || finding.command != nil)
    }
    if one.verdict == .ok { #expect(findings.allSatisfy { $0.verdict == .ok }) }
  }

  static let cases: [Case] =
    configuration + state + secrets + upstreams + gateway + certificates + exchange + keys
    + people + surroundings

  static func certificate(
    _ left: Int, key: FileFact = file("/d/server.key"), authority: FileFact = absent
  ) -> CertificateFact {
    CertificateFact(
      certificate: file("/d/server.pem"), key: key,
      outcome: .read(names: ["localhost"], secondsLeft: left * 86_400), authorityKey: authority)
  }

  static let certificates: [Case] = [
    Case("a fresh certificate", certificate(90), .ok, "counts for 90 more days: localhost"),
    Case("one that ends soon", certificate(29), .warning, "counts for 29 more days"),
    Case(
      "one that has ended", certificate(-1, authority: file("/d/ca.key")), .problem, "has expired",
      "countersign cert renew --directory /d"),
    Case(
      "an open key", certificate(90, key: file("/d/server.key", mode: 0o640)), .problem,
      "others can open /d/server.key", "chmod 600 /d/server.key"),
    Case("no key", certificate(90, key: absent), .problem, "/d/x is not there"),
    Case(
      "the authority beside it", certificate(90, authority: file("/d/ca.key")), .note,
      "the authority's key"),
    Case(
      "no certificate",
      CertificateFact(
        certificate: absent, key: file(), outcome: .refused("/d/x cannot be read"),
        authorityKey: absent), .problem, "/d/x cannot be read", "countersign cert init"),
  ]

  static let configuration: [Case] = [
    Case(
      "no configuration", ConfigurationFact(file: absent, outcome: .missing), .problem,
      "no configuration at /d/x", "countersign init --paper"),
    Case(
      "one of another user", ConfigurationFact(file: absent, outcome: .closed), .problem,
      "this user may not open /d/x"),
    Case(
      "a bad one", ConfigurationFact(file: file(), outcome: .refused("line 3, column 9: bad")),
      .problem, "line 3, column 9"),
    Case(
      "one that all can change", ConfigurationFact(file: file(mode: 0o666), outcome: .valid),
      .problem, "others can change /d/x (mode 0666)", "chmod go-w /d/x"),
    Case(
      "one that all can read", ConfigurationFact(file: file(mode: 0o644), outcome: .valid), .ok,
      "is valid"),
    Case(
      "a bad policy", PolicyFact(file: file(), outcome: .refused("line 1, column 2: no")), .problem,
      "line 1", "countersign policy check"),
    Case(
      "a doubtful policy", PolicyFact(file: file(), outcome: .valid(rules: 2, warnings: ["odd"])),
      .warning, "odd", "countersign policy check"),
    Case(
      "a catalogue that all can change",
      PolicyFact(
        file: file(), catalogue: file("/d/c", mode: 0o666), outcome: .valid(rules: 2, warnings: [])),
      .problem, "others can change /d/c (mode 0666)", "chmod go-w /d/c"),
  ]

  static func state(
    _ directory: FileFact, database: FileFact = file("/d/db"), key: FileFact = file("/d/key"),
    refusal: String? = nil,
    ledger: StateFact.Ledger = .empty
  ) -> StateFact {
    StateFact(
      directory: directory, database: database, ledgerKey: key, refusal: refusal,
      remedy: "restore it", ledger: ledger)
  }

  static let place = file("/d/state", mode: 0o700, directory: true)

  static let state: [Case] = [
    Case("no state", state(absent), .note, "no state at /d/x yet"),
    Case(
      "an open directory", state(file("/d/state", mode: 0o755, directory: true)), .problem,
      "others can open /d/state (mode 0755)", "chmod 700 /d/state"),
    Case(
      "an open ledger key", state(place, key: file("/d/key", mode: 0o640)), .problem,
      "others can open /d/key", "chmod 600 /d/key"),
    Case(
      "somebody else's state", state(file("/d/state", mode: 0o700, mine: false, directory: true)),
      .unchecked, "belongs to the user ann",
      "sudo -u ann countersign doctor --config /d/config.json"),
    Case("a damaged database", state(place, refusal: "not whole"), .problem, "not whole"),
    Case("a forged ledger", state(place, ledger: .wrong("root")), .problem, "does not verify"),
    Case(
      "a long ledger", state(place, ledger: .head(entries: 30_000)), .note, "30000",
      "countersign audit verify"),
    Case("a good one", state(place, ledger: .verified(entries: 1)), .ok, "1 entry"),
  ]

  static let secrets: [Case] = [
    Case(
      "a variable that is not set",
      SecretFact(place: "exchange.key", source: .environment("KEY", isSet: false)), .problem,
      "KEY is not set"),
    Case(
      "a file that is not there",
      SecretFact(place: "exchange.key", source: .file(absent, isEmpty: true)), .problem,
      "/d/x is not there", "(umask 077; cat > /d/x)"),
    Case(
      "an empty file", SecretFact(place: "exchange.key", source: .file(file(), isEmpty: true)),
      .problem, "/d/x is empty", "(umask 077; cat > /d/x)"),
    Case(
      "an open file",
      SecretFact(place: "exchange.key", source: .file(file(mode: 0o644), isEmpty: false)),
      .problem, "others can open /d/x (mode 0644)", "chmod 600 /d/x"),
    Case(
      "a good file", SecretFact(place: "exchange.key", source: .file(file(), isEmpty: false)), .ok,
      "exchange.key"),
  ]

  static let upstreams: [Case] = [
    Case(
      "no npx", UpstreamFact(name: "b", reach: .command(program: "npx", found: nil)), .problem,
      "npx is not on PATH"),
    Case(
      "another exchange",
      UpstreamFact(
        name: "b", reach: .command(program: "npx", found: "/usr/bin/npx"), exchange: "https://t",
        gatewayExchange: "https://m"), .problem, "trades at https://t"),
    Case(
      "a good one", UpstreamFact(name: "b", reach: .command(program: "npx", found: "/usr/bin/npx")),
      .ok, "npx is /usr/bin/npx"),
  ]

  static func gateway(
    _ agents: GatewayFact.Answer, _ operators: GatewayFact.Answer, _ lock: GatewayFact.Lock
  ) -> GatewayFact {
    GatewayFact(
      listeners: [
        .init(name: "agents", address: "h:1", answer: agents),
        .init(name: "operators", address: "h:2", answer: operators),
      ], lock: lock)
  }

  static let restart =
    "kill 5; while kill -0 5 2>/dev/null; do sleep 1; done; countersign gateway"

  static let gateway: [Case] = [
    Case(
      "none", gateway(.nobody, .nobody, .free), .note, "does not run", "countersign gateway"),
    Case("one", gateway(.gateway, .gateway, .held(process: 5)), .ok, "process 5"),
    Case(
      "a stranger", gateway(.stranger, .nobody, .free), .problem,
      "what answers at h:1 is no gateway"),
    Case(
      "another state's", gateway(.gateway, .gateway, .free), .problem,
      "a gateway with another state answers at h:1"),
    Case(
      "one at other ports", gateway(.nobody, .nobody, .held(process: 5)), .problem,
      "does not answer at h:1 (agents) and h:2 (operators)", restart),
    Case(
      "half of one", gateway(.gateway, .nobody, .held(process: 5)), .problem,
      "does not answer at h:2 (operators)", restart),
    Case("any port", gateway(.anyPort, .anyPort, .held(process: nil)), .ok, "it runs"),
    Case("of another user", gateway(.gateway, .gateway, .unknown), .ok, "a gateway answers"),
  ]

  static func exchange(
    _ outcome: ExchangeFact.Outcome, _ environment: String = "paper", needed: Bool = true
  ) -> ExchangeFact {
    ExchangeFact(environment: environment, url: "http://e", outcome: outcome, isNeeded: needed)
  }

  static let exchange: [Case] = [
    Case("none", exchange(.notConfigured), .warning, "no exchange"),
    Case(
      "stopped under a running gateway", exchange(.failed("refused")), .problem,
      "no paper exchange answers", "countersign paper --config /d/config.json"),
    Case(
      "not started yet", exchange(.failed("refused"), needed: false), .note,
      "no paper exchange answers", "countersign paper --config /d/config.json"),
    Case(
      "testnet out of reach", exchange(.failed("refused"), "testnet", needed: false), .problem,
      "testnet at http://e cannot be reached: refused"),
    Case("paper", exchange(.reached(offset: -3, error: 2)), .ok, "paper at http://e"),
    Case("mainnet", exchange(.reached(offset: 0, error: 2), "mainnet"), .note, "MAINNET"),
    Case(
      "a clock that is off", exchange(.reached(offset: -1_200, error: 100)), .warning,
      "1200 ms behind", "timedatectl set-ntp true"),
    Case(
      "a clock that is far off", exchange(.reached(offset: 6_000, error: 100)), .problem,
      "6000 ms ahead", "timedatectl set-ntp true"),
    Case(
      "a slow answer proves nothing", exchange(.reached(offset: 1_200, error: 900)), .ok, "1200 ms"),
    Case(
      "nothing keeps the clock", ClockFact(isSynchronised: false), .warning, "nothing keeps",
      "timedatectl set-ntp true"),
    Case("no word of the clock", ClockFact(isSynchronised: nil), .unchecked, "does not tell"),
  ]

  static func key(
    _ owner: KeyFact.Owner, trade: Bool = false, withdraw: Bool = false, other: String? = nil
  ) -> KeyFact {
    KeyFact(
      owner: owner,
      outcome: .seen(
        KeyDescription(account: "1", canTrade: trade, canWithdraw: withdraw, isUnbound: true)),
      gatewayAccount: other)
  }

  static let keys: [Case] = [
    Case("reads only", key(.gateway), .ok, "sees account 1; it works from any address"),
    Case("can trade", key(.gateway, trade: true), .warning, "THE GATEWAY'S KEY CAN TRADE."),
    Case(
      "can withdraw", key(.gateway, trade: true, withdraw: true), .warning,
      "THE GATEWAY'S KEY CAN TRADE AND WITHDRAW"),
    Case(
      "an agent's that withdraws", key(.upstream("b"), trade: true, withdraw: true), .warning,
      "THE TRADING KEY CAN WITHDRAW"),
    Case("an agent's that reads", key(.upstream("b")), .problem, "can only read"),
    Case(
      "two accounts", key(.upstream("b"), trade: true, other: "2"), .problem,
      "trades account 1, but the gateway reads account 2"),
    Case("one account", key(.upstream("b"), trade: true, other: "1"), .ok, "trading key of b"),
    Case("refused", KeyFact(owner: .gateway, outcome: .refused("10003")), .problem, "10003"),
    Case("not asked", KeyFact(owner: .gateway, outcome: .unchecked("no")), .unchecked, "no"),
  ]

  static let me = RegistryFact.Person(name: "me", publicKey: "K", role: "admin", isRevoked: false)

  static func person(role: String = "admin", revoked: Bool = false, key: String = "K")
    -> RegistryFact.Person
  { .init(name: "me", publicKey: key, role: role, isRevoked: revoked) }

  static func operatorKey(
    _ people: [RegistryFact.Person]?, passphrase: Bool = true
  ) -> OperatorKeyFact {
    OperatorKeyFact(
      file: file("/d/operator.key"),
      outcome: .read(name: "me", publicKey: "K", hasPassphrase: passphrase), people: people)
  }

  static let people: [Case] = [
    Case(
      "nobody decides", RegistryFact(people: [person(role: "viewer")], agents: []), .problem,
      "nobody is registered", "countersign operator init NAME"),
    Case(
      "no agent", RegistryFact(people: [me], agents: []), .problem, "no agent",
      "countersign agent add agent"),
    Case(
      "every agent revoked",
      RegistryFact(people: [me], agents: [.init(name: "agent", isRevoked: true)]), .problem,
      "every agent is revoked", "countersign agent add agent2"),
    Case(
      "somebody and something",
      RegistryFact(people: [me], agents: [.init(name: "bot", isRevoked: false)]), .ok,
      "registered: bot"),
    Case("sealed and registered", operatorKey([me]), .ok, "sealed"),
    Case("unsealed", operatorKey([me], passphrase: false), .warning, "no passphrase"),
    Case(
      "not registered", operatorKey([]), .problem, "not registered",
      "countersign operator add me --key K --role operator"),
    Case("revoked", operatorKey([person(revoked: true)]), .problem, "revoked"),
    Case("another key", operatorKey([person(key: "L")]), .problem, "another key"),
    Case("a viewer", operatorKey([person(role: "viewer")]), .note, "viewer"),
    Case("an unknown registry", operatorKey(nil), .unchecked, "cannot be read"),
    Case(
      "an open key",
      OperatorKeyFact(
        file: file("/d/operator.key", mode: 0o644),
        outcome: .refused("can be read by others", mend: "close it"),
        people: [me]), .problem, "can be read by others", "chmod 600 /d/operator.key"),
    Case(
      "no key where others decide",
      OperatorKeyFact(file: absent, outcome: .missing, people: [me]), .note, "no key"),
    Case(
      "an open token", TokenFact(file: file(mode: 0o644), outcome: .opens("bot")), .problem,
      "others can open", "chmod 600 /d/x"),
    Case(
      "a revoked token", TokenFact(file: file(), outcome: .revoked("bot")), .warning,
      "the token of bot, which is revoked", "rm /d/x"),
    Case(
      "a stranger's token", TokenFact(file: file(), outcome: .unknown), .warning, "no token of",
      "rm /d/x"),
    Case("a good token", TokenFact(file: file(), outcome: .opens("bot")), .ok, "bot"),
  ]

  static func shell(
    _ user: Int, login: Bool = true, key: Int?, state: Int?, secrets: [Int] = []
  ) -> ShellFact {
    ShellFact(
      user: user, userName: "ann", isLogin: login, operatorKey: key, state: state,
      secrets: secrets)
  }

  static let surroundings: [Case] = [
    Case(
      "one user for all", shell(7, key: 7, state: 7, secrets: [7]), .warning,
      "ann owns the operator's key, the gateway's state and the exchange's secrets"),
    Case("the operator apart", shell(7, key: 7, state: 8, secrets: [8]), .ok, "another user"),
    Case(
      "the gateway's own user", shell(8, login: false, key: 7, state: 8, secrets: [8]), .ok,
      "no user whom a person"),
    Case(
      "the gateway's user with a key", shell(8, login: false, key: 8, state: 8), .warning,
      "the operator's key"),
    Case(
      "a login that runs the gateway", shell(8, key: nil, state: 8, secrets: [8]), .warning,
      "the gateway's state"),
    Case("somebody else", shell(9, key: 7, state: 8), .ok, "owns none"),
    Case(
      "no terminal",
      TerminalFact(size: nil, term: "", colours: nil, isUTF8: true, asksForNoColour: false),
      .unchecked, "no terminal"),
    Case(
      "an unknown terminal",
      TerminalFact(size: (80, 24), term: "odd", colours: nil, isUTF8: true, asksForNoColour: false),
      .problem, "TERM is odd", "export TERM=xterm-256color"),
    Case(
      "a small one",
      TerminalFact(size: (79, 24), term: "xterm", colours: 8, isUTF8: true, asksForNoColour: false),
      .warning, "79x24"),
    Case(
      "a good one",
      TerminalFact(size: (80, 24), term: "xterm", colours: 8, isUTF8: true, asksForNoColour: false),
      .ok, "8 colours"),
    Case("a full disk", DiskFact(path: "/d", free: 99 << 20), .problem, "99 MiB"),
    Case("a filling disk", DiskFact(path: "/d", free: 1023 << 20), .warning, "1023 MiB"),
    Case("a disk", DiskFact(path: "/d", free: 1 << 30), .ok, "1024 MiB"),
  ]

  @Test("of a key follows the exchange's own description")
  func queryAPI() throws {
    func description(_ text: String) throws -> KeyDescription? {
      KeyDescription(queryAPI: try JSONParser.parse(text.utf8, limits: .peer))
    }
    let reads = try description(
      #"{"userID":5,"readOnly":1,"permissions":{"Wallet":["Withdraw"]},"ips":["*"]}"#)
    #expect(reads == .init(account: "5", canTrade: false, canWithdraw: false, isUnbound: true))
    let all = try description(
      #"{"userID":"5","readOnly":0,"permissions":{"Wallet":["Withdraw"]},"ips":["1.2.3.4"]}"#)
    #expect(all == .init(account: "5", canTrade: true, canWithdraw: true, isUnbound: false))
    #expect(try description(#"{"userID":0}"#) == nil)
  }

  @Test("of a terminal follows its compiled description")
  func terminfo() {
    func short(_ values: [Int]) -> [UInt8] {
      values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }
    let numbers = Array(repeating: -1, count: 13) + [256]
    // Two names' bytes and one flag: an odd length, padded before the numbers.
    let old = short([0o432, 2, 1, 14, 0, 0]) + [120, 0, 1] + [0] + short(numbers)
    #expect(TerminalDescription.colours(old) == 256)
    let wide =
      short([0o1036, 2, 2, 14, 0, 0]) + [120, 0, 1, 0]
      + numbers.flatMap { short([$0, $0 < 0 ? -1 : 0]) }
    #expect(TerminalDescription.colours(wide) == 256)
    #expect(TerminalDescription.colours(short([0o432, 2, 0, 3, 0, 0]) + [120, 0]) == 0)
    #expect(TerminalDescription.colours([1, 2, 3]) == nil)
    #expect(TerminalDescription.colours(Array(old.prefix(20))) == 0)
  }
}
