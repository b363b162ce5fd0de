import Cryptography
import JSON
import MCP
import OperatorProtocol
import Orders
import Policy
import Simulation
import Testing
import Time

@testable import Approvals

/// A test that reads like a transcript: `>>` is what happens to the gatekeeper, `<<` is all that it
/// does about it.
///
/// Effects are lines of text; batches are `#1`, `#2` in the order of their first sight. Wake-ups,
/// headers, ledger lines, watched symbols and legs are left out unless `shows` asks for them.
struct Playbook {
  var gate: Gatekeeper
  var now = Bench.start
  var shows: Set<String> = []
  /// Effects that no `<<` has taken yet.
  var lines: [String] = []
  var results: [UInt64: ToolResult] = [:]
  var commits: [Commit] = []
  /// What is durable.
  var records = Bench.records
  var ledger: [LedgerLine] = []
  var tallies: [GateTally] = []
  var dispatched: [JSONObject] = []
  var batches: [BatchID] = []
  private var numbers: [Text: Int] = [:]
  private var nextRequest: UInt64 = 1
  private var nextNonce = 1

  static let quiet: Set<String> = [
    "wake", "status", "ledger", "watch", "leg", "admit", "tools", "reset", "fill", "waits",
    "counted",
  ]

  /// What the upstream lists.
  private let tools: [ToolDefinition]

  /// A gateway that has started: tools listed, the account verified, the feed live.
  init(
    policy: Policy = Bench.policy(), settings: GateSettings = Bench.settings,
    tools: [ToolDefinition] = Bench.tools, starts: Bool = true
  ) {
    gate = Self.fresh(policy, settings)
    self.tools = tools
    if starts { start() }
  }

  private static func fresh(_ policy: Policy, _ settings: GateSettings) -> Gatekeeper {
    guard
      let gate = try? Gatekeeper(settings: settings, policy: policy, ledgerKey: Bench.ledgerKey)
    else { fatalError("the gatekeeper cannot be made") }
    return gate
  }

  mutating func start() {
    self >> .storeRestored(StoreSnapshot(records: records, ledgerSize: ledger.count))
    self >> .toolsListed(upstream: Bench.upstream, tools)
    self >> .readKeySeen(Bench.account)
    self >> .identitySeen(upstream: Bench.upstream, Bench.account)
    self >> .feed(.live)
    saved()
    lines = []
  }

  /// The process dies and starts again from what is durable.
  mutating func restart(with policy: Policy? = nil) {
    gate = Self.fresh(policy ?? gate.policy, gate.settings)
    commits = []
    lines = []
    self >> .storeRestored(StoreSnapshot(records: records, ledgerSize: ledger.count))
  }

  /// The store can be written again: the same process reads what is on disk.
  mutating func reopens() {
    commits = []
    lines = []
    self >> .storeRestored(StoreSnapshot(records: records, ledgerSize: ledger.count))
  }

  /// What a shell tells a gateway that has just started.
  mutating func introduce() {
    self >> .toolsListed(upstream: Bench.upstream, tools)
    self >> .readKeySeen(Bench.account)
    self >> .identitySeen(upstream: Bench.upstream, Bench.account)
    self >> .feed(.live)
  }

  // MARK: What happens

  static func >> (play: inout Playbook, event: GateEvent) {
    let effects = play.gate.handle(event, at: play.now)
    if case .storeRestored = event { play.see(play.gate.held.keys) }
    for effect in effects { play.take(effect) }
  }

  /// Everything given to the store becomes durable, in order, until nothing more is given to it.
  mutating func saved() {
    while !commits.isEmpty { savedOne() }
  }

  /// The oldest commit becomes durable.
  mutating func savedOne() {
    let commit = commits.removeFirst()
    for line in commit.lines {
      #expect(line.index == ledger.count, "a hole in the ledger")
      ledger.append(line)
    }
    for record in commit.records {
      records[record.kind, default: [:]][record.key] = record.document
    }
    self >> .persisted([commit.id])
  }

  mutating func after(_ wait: Milliseconds) {
    now = now + wait
    self >> .tick
  }

  /// A call of `bot`, or of somebody else; its request number.
  @discardableResult
  mutating func call(
    _ tool: Text = "wsBatchCreateOrders", _ arguments: JSONObject = Bench.batch("60000", "59000"),
    as agent: Text = "bot", client: Text = "sim"
  ) -> UInt64 {
    defer { nextRequest += 1 }
    var random = [UInt8](repeating: 0, count: 10)
    random[9] = UInt8(truncatingIfNeeded: nextRequest)
    self
      >> .call(
        AgentCall(
          request: RequestID(nextRequest), agent: agent, client: client, upstream: Bench.upstream,
          tool: tool, arguments: arguments, random: random))
    return nextRequest
  }

  @discardableResult
  mutating func awaits(_ number: Int = 1, as agent: Text = "bot") -> UInt64 {
    call(awaitApprovalTool, ["approvalId": .string(batches[number - 1].text)], as: agent)
  }

  /// A held call that is on disk; its effects are taken.
  mutating func held(
    _ tool: Text = "wsBatchCreateOrders", _ arguments: JSONObject = Bench.batch("60000", "59000"),
    as agent: Text = "bot"
  ) {
    call(tool, arguments, as: agent)
    saved()
    lines = []
  }

  mutating func decides(
    _ name: Text, _ verb: Decision.Verb = .approve, _ number: Int = 1, cools: Bool = false,
    session: UInt64 = 1, accepting: [Text]? = nil, note: String = "",
    with key: SigningKey? = nil, change: (inout Decision) -> Void = { _ in }
  ) {
    guard let call = gate.held[batches[number - 1]] else { return }
    var signed = Bench.sign(
      verb, gate.summary(of: call), by: name, accepting: accepting, note: note, at: now,
      nonce: nextNonce, with: key)
    var decision = signed.decision
    change(&decision)
    if decision != signed.decision {
      signed = SignedDecision(decision, signedWith: key ?? Bench.keys[name] ?? Bench.ledgerKey)
    }
    self >> .decide(OperatorRequestID(UInt64(nextNonce)), signed, session: session, cools: cools)
    nextNonce += 1
  }

  mutating func nextOperatorRequest() -> OperatorRequestID {
    defer { nextNonce += 1 }
    return OperatorRequestID(UInt64(nextNonce))
  }

  mutating func halts(_ freezes: Bool, agent: Text? = nil, by name: Text = "ada") {
    halts(freezes ? .freeze : .thaw, agent: agent, by: name)
  }

  mutating func halts(_ verb: HaltOrder.Verb, agent: Text? = nil, by name: Text = "ada") {
    let signed = Bench.halt(verb, agent: agent, by: name, at: now, nonce: nextNonce)
    self >> .halt(OperatorRequestID(UInt64(nextNonce)), signed.order, signed.signature)
    nextNonce += 1
  }

  /// Held, approved by ada and sent; its effects are taken.
  mutating func sent(
    _ tool: Text = "wsBatchCreateOrders", _ arguments: JSONObject = Bench.batch("60000", "59000")
  ) {
    held(tool, arguments)
    decides("ada", .approve, batches.count)
    saved()
    self >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    saved()
    lines = []
  }

  mutating func answers(_ answer: DispatchAnswer, _ number: Int = 1) {
    self >> .dispatchAnswered(batches[number - 1], answer)
  }

  func state(_ number: Int = 1) -> HoldState? { gate.held[batches[number - 1]]?.state }
  func id(_ number: Int = 1) -> BatchID { batches[number - 1] }
  func links(_ number: Int = 1) -> [Text] {
    gate.held[id(number)]?.order?.legs.compactMap(\.orderLinkID) ?? []
  }
  func kinds() -> [String] { ledger.map(\.kind) }

  // MARK: What it does

  private mutating func take(_ effect: GateEffect) {
    switch effect {
    case .persist(let commit):
      commits.append(commit)
      see(gate.held.keys)
    case .answer(let request, let result): results[request.number] = result
    case .counted(let tally): tallies.append(tally)
    case .dispatch(_, _, _, let arguments): dispatched.append(arguments)
    default: break
    }
    let line = effect.brief
    let word = String(line.prefix { $0 != " " })
    guard !Self.quiet.contains(word) || shows.contains(word) else { return }
    lines.append(named(line))
  }

  /// Whatever is new is on its way to the disk before anything else is done about it.
  private mutating func see(_ ids: some Collection<BatchID>) {
    for id in ids.filter({ numbers[$0.text] == nil }).sorted() {
      batches.append(id)
      numbers[id.text] = batches.count
    }
  }

  /// The line with `#1` for the id of the first batch.
  private func named(_ line: String) -> String {
    let parts = line.split(separator: "cs_", omittingEmptySubsequences: false)
    return parts.dropFirst().reduce(String(parts[0])) { line, part in
      let id = "cs_" + part.prefix(26)
      guard let number = numbers[Text(id)] else { return line + "cs_" + part }
      return line + "#\(number)" + part.dropFirst(26)
    }
  }
}

extension Playbook {
  /// All that was done since the last `<<`.
  static func << (play: inout Playbook, wanted: [String]) {
    let done = play.lines
    play.lines = []
    #expect(done == wanted)
  }
}
