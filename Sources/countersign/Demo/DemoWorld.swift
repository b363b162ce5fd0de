import Approvals
import Cryptography
import Foundation
import Gateway
import JSON
import Ledger
import Networking
import OperatorConsole
import OperatorProtocol
import Storage

/// The demo's processes: a paper exchange and a gateway, both of this very program.
struct DemoWorld: Sendable {
  let place: DemoPlace
  let paperURL: String
  let agentsURL: String
  let token: String
  let client: OperatorClient
  private let paper: ChildProcess
  private let gateway: ChildProcess

  private static let program = "/proc/self/exe"
  private static let upstream = "bybit"

  static func start(in place: DemoPlace, seed: UInt64) async throws -> DemoWorld {
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: Self.program)
    let paper = try await child(
      program,
      [
        "paper", "--seed", String(seed), "--key", "demo-trade", "--secret", "demo-trade-secret",
        "--read-key", "demo-read", "--read-secret", "demo-read-secret", "--log",
        place.path + "/paper.log",
      ], place, log: "paper.err")
    let paperURL = try await ready(paper, "paper: ")
    try writeFiles(place, program, paperURL)
    let (token, key) = try register(place)
    let gateway = try await child(
      program, ["gateway", "--config", place.path + "/config.json"], place, log: "gateway.err")
    let agentsURL = try await ready(gateway, "agents: ")
    let operatorsURL = try await ready(gateway, "operators: ")
    let client = try OperatorClient(gateway: operatorsURL, key: key)
    let world = DemoWorld(
      place: place, paperURL: paperURL, agentsURL: agentsURL, token: token, client: client,
      paper: paper, gateway: gateway)
    try await world.untilVerified()
    return world
  }

  func stop() async {
    _ = await gateway.terminate(grace: .seconds(3))
    _ = await paper.terminate(grace: .seconds(1))
  }

  /// Verifies every entry and the signed head; gives their number.
  func verifyLedger() throws -> Int {
    let store = try SQLiteStore(directory: place.path + "/state", access: .command)
    guard let head = try Head.read(store),
      let seed = Base64.decode(
        try Files.secret(place.path + "/state/ledger.key"))
    else { throw Failure(Failure.refused, "the ledger has no signed head") }
    let key = try VerifierKey(name: head.origin, key: try SigningKey(seed: seed).publicKey)
    var verifier = try LedgerVerifier(key: key, checkpoints: [head])
    try Head.eachLine(store, from: 0) { line in
      try verifier.consume(line.bytes, storedLeafHash: line.leafHash)
    }
    return try verifier.finish().size
  }

  // MARK: Starting

  private static func child(
    _ program: String, _ arguments: [String], _ place: DemoPlace, log: String
  ) async throws -> ChildProcess {
    let path = place.path + "/" + log
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let file = FileHandle(forWritingAtPath: path)
    var environment = ChildCommand.environment(
      inheriting: ["PATH", "HOME", "LANG", "LD_LIBRARY_PATH"],
      from: ProcessInfo.processInfo.environment,
      adding: [
        "BYBIT_API_KEY": "demo-trade", "BYBIT_API_SECRET": "demo-trade-secret",
        "DEMO_READ_KEY": "demo-read", "DEMO_READ_SECRET": "demo-read-secret",
      ])
    environment["XDG_CONFIG_HOME"] = place.path
    return try await ChildProcess.start(
      ChildCommand(program, arguments, environment: environment)
    ) { line in
      try? file?.write(contentsOf: Data(line + [UInt8(ascii: "\n")]))
    }
  }

  /// The rest of the line with which a server says that it serves.
  private static func ready(_ child: ChildProcess, _ prefix: String) async throws -> String {
    let lines = child.lines.makeAsyncIterator()
    while let line = try await lines.next() {
      let text = String(decoding: line, as: UTF8.self)
      if text.hasPrefix(prefix) { return String(text.dropFirst(prefix.count)) }
    }
    throw Failure(Failure.unreachable, "a part of the demo did not start: \(prefix)")
  }

  private static func writeFiles(
    _ place: DemoPlace, _ program: String, _ paperURL: String
  ) throws {
    let stream = "ws" + paperURL.dropFirst("http".count)
    let config: JSONValue = [
      "listen": ["agents": "127.0.0.1:0", "operators": "127.0.0.1:0"], "state": "state",
      "policy": "policy.json", "name": "countersign-demo",
      "upstreams": [
        Text(upstream): [
          "command": [.string(program), "bybit-tools"],
          "env": [
            "BYBIT_API_KEY": ["env": "BYBIT_API_KEY"],
            "BYBIT_API_SECRET": ["env": "BYBIT_API_SECRET"],
            "BYBIT_REST_URL": .string(paperURL), "BYBIT_STREAM_URL": .string(stream),
          ],
        ]
      ],
      "exchange": [
        "rest": .string(paperURL), "stream": .string(stream), "key": ["env": "DEMO_READ_KEY"],
        "secret": ["env": "DEMO_READ_SECRET"],
      ], "hold": ["wait": "4s", "ttl": "10m"],
    ]
    try write(config, place.path + "/config.json")
    try write(policy, place.path + "/policy.json")
  }

  /// Reads and cancels pass, what makes or changes orders is held, the rest is denied.
  private static let policy: JSONValue = [
    "version": "1", "default": "deny",
    "tools": [
      "get*": [:], "query*": [:], "subscribeOrder": [:], "subscribeExecution": [:],
      "wsCancelOrder": [:], "wsBatchCancelOrders": [:],
      "wsBatchCreateOrders": [
        "deny_if": [["conditions": [], "on_deny": "Requires human approval."]]
      ], "wsCreateOrder": ["action": "hold"], "wsAmendOrder": ["action": "hold"],
      "setLeverage": ["action": "hold"],
      "wsBatchAmendOrders": ["action": "hold"],
    ],
  ]

  private static func write(_ value: JSONValue, _ path: String) throws {
    try Data(JSONWriter.bytes(of: value)).write(to: URL(fileURLWithPath: path))
  }

  private static func register(_ place: DemoPlace) throws -> (token: String, key: OperatorKey) {
    let store = try SQLiteStore(directory: place.path + "/state", access: .command)
    let token = "csa_" + Hex.encode(SystemRandom.bytes(24))
    let agent = Registry.Agent(name: "demo-agent", tokenHash: SHA256.hash(token.utf8))
    try store.registerAgent(agent.name, agent.json)
    let key = try SigningKey(seed: SystemRandom.bytes(SigningKey.seedByteCount))
    let person = Registry.Operator(name: "you", key: key.publicKey, role: .admin)
    try store.registerOperator(person.name, person.json)
    try store.close()
    return (token, OperatorKey(name: person.name, key: key))
  }

  /// Waits until the gateway has seen both accounts and follows the order stream.
  private func untilVerified() async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
      let status = try await client.status()
      if status.isEnvironmentVerified, status.feed == .live { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw Failure(Failure.unreachable, "the gateway did not become ready; see \(place.path)")
  }
}
