import Cryptography
import Decimals
import JSON
import OperatorProtocol
import Synchronization
import Time

@testable import Gateway

/// A desk that answers from memory and writes down what it was asked to do.
final class FakeOperatorDesk: OperatorDesk {
  struct State {
    var operators: [Text: (key: PublicKey, role: Role)] = [:]
    var decisions: [(decision: SignedDecision, session: UInt64, cools: Bool)] = []
    var halts: [HaltOrder] = []
    var acceptances: [ToolAcceptance] = []
    var ended: [UInt64] = []
    var ledgerAsked: [(from: Int, limit: Int)] = []
    var refusal: OperatorRefusal?
    var isBroken = false
    var endWaiters: [CheckedContinuation<Void, Never>] = []
  }

  private struct Broken: Error {}

  private let state = Mutex(State())

  func edit<T>(_ change: (inout State) -> sending T) -> sending T {
    state.withLock { change(&$0) }
  }

  var decisions: [(decision: SignedDecision, session: UInt64, cools: Bool)] {
    state.withLock { $0.decisions }
  }
  var halts: [HaltOrder] { state.withLock { $0.halts } }
  var acceptances: [ToolAcceptance] { state.withLock { $0.acceptances } }
  var ended: [UInt64] { state.withLock { $0.ended } }
  var ledgerAsked: [(from: Int, limit: Int)] { state.withLock { $0.ledgerAsked } }

  /// Returns once a session's last stream was reported to have ended.
  func sessionEnd() async {
    await withCheckedContinuation { continuation in
      let isNow = state.withLock { state in
        if state.ended.isEmpty { state.endWaiters.append(continuation) }
        return !state.ended.isEmpty
      }
      if isNow { continuation.resume() }
    }
  }

  func operatorKey(_ name: Text) async -> (key: PublicKey, role: Role)? {
    state.withLock { $0.operators[name] }
  }

  func status() async -> StatusView { Fixtures.status }
  func batches() async -> [BatchSummary] { [Fixtures.summary] }

  func detail(_ id: BatchID) async -> BatchDetail? {
    guard id == Fixtures.batch else { return nil }
    return BatchDetail(summary: Fixtures.summary, statement: "{}", legStates: [])
  }

  func orders() async -> (orders: [LegView], fills: [FillView]) { ([], []) }

  func decide(
    _ signed: SignedDecision, session: UInt64, cools: Bool
  ) async throws(OperatorRefusal) -> JSONValue {
    let refusal = state.withLock { state in
      state.decisions.append((signed, session, cools))
      return state.refusal
    }
    if let refusal { throw refusal }
    return ["batch": Fixtures.summary.json]
  }

  func halt(
    _ order: HaltOrder, signature: Signature
  ) async throws(OperatorRefusal) -> JSONValue {
    state.withLock { $0.halts.append(order) }
    return Fixtures.status.json
  }

  func tools() async -> [ToolView] { [Fixtures.tool] }

  func toolDefinitions(_ upstream: Text, _ tool: Text) async -> ToolDefinitions? {
    guard upstream == Fixtures.tool.upstream, tool == Fixtures.tool.tool else { return nil }
    return ToolDefinitions(tool: Fixtures.tool, old: [:], new: ["a": "b"])
  }

  func accept(
    _ acceptance: ToolAcceptance, signature: Signature
  ) async throws(OperatorRefusal) -> JSONValue {
    state.withLock { $0.acceptances.append(acceptance) }
    return ["tool": Fixtures.tool.json]
  }

  func sessionEnded(_ session: UInt64) async {
    let waiters = state.withLock { state in
      state.ended.append(session)
      defer { state.endWaiters = [] }
      return state.endWaiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func ledgerEntries(
    from: Int, limit: Int
  ) async throws -> (entries: [JSONValue], size: Int) {
    state.withLock { $0.ledgerAsked.append((from, limit)) }
    if state.withLock({ $0.isBroken }) { throw Broken() }
    return ([["index": .int(from)]], Fixtures.status.ledgerSize)
  }

  func checkpoint() async -> (text: String, verifierKey: String) { ("note\n", "key") }

  func consistencyProof(
    from: Int
  ) async throws -> (checkpoint: String, size: Int, proof: [Digest]) {
    ("note\n", 9, [SHA256.hash([1])])
  }

  func receipt(index: Int) async throws -> JSONValue { ["index": .int(index)] }
  func limits() async -> [LimitView] { [Fixtures.limit] }
  func agents() async -> JSONValue { ["agents": ["desk-bot"]] }
  func exposure() async -> ExposureView { ExposureView(markets: [], account: .notConfigured) }
  func policy() async -> PolicyView {
    PolicyView(digest: SHA256.hash([2]), rules: ["all is denied"], warnings: [], hits: [])
  }
  func operators() async -> JSONValue { ["operators": ["alice"]] }
}

enum Fixtures {
  static let limit = LimitView(
    counter: "daily", scope: ["agent"], of: ["desk-bot"], used: "0.75", max: 1,
    window: .minutes(60), nextFree: now)
  static let now = Timestamp(milliseconds: 1_795_000_000_000)
  static let batch = BatchID(at: now, random: [UInt8](repeating: 7, count: 10))
  static let zero = SHA256.hash([0])
  static let tool = ToolView(
    upstream: "bybit", tool: "a/b c", state: .drifted, accepted: zero, seen: SHA256.hash([1]),
    revision: 1)

  static let status = StatusView(
    now: now, gateway: "example.org/gateway", environment: "paper", isEnvironmentVerified: true,
    account: "…17", policyDigest: zero, feed: .live, isStoreWritable: true, frozen: nil,
    pending: 1, ledgerSize: 40, ledgerRoot: zero, cooling: .seconds(3), warnings: [])

  static let summary = BatchSummary(
    id: batch, state: .pending, digest: zero, revision: 1, agent: "desk-bot", upstream: "bybit",
    tool: "wsBatchCreateOrders", legs: 1, symbols: ["BTCUSDT"], grossNotional: nil,
    netNotional: nil, byCurrency: [], receivedAt: now, expiresAt: now + .minutes(15),
    coolingUntil: nil, findings: [], severity: .pass, isReducing: false, environment: "paper",
    signedBy: [], quorum: 1, isAgentWaiting: true, lastAskedAt: now, isAgentGone: false,
    supersedes: nil, identicalTo: nil, outcome: "")

  static func decision(by name: Text) -> Decision {
    Decision(
      verb: .approve, batch: batch, revision: 1, digest: zero, environment: "paper",
      operatorName: name, accepted: [], note: "", decidedAt: now, nonce: "n")
  }

  static func key(_ seed: UInt8) throws -> SigningKey {
    try SigningKey(seed: [UInt8](repeating: seed, count: 32))
  }

  /// A ledger event that can be told apart.
  static func event(_ index: Int) -> OperatorEvent { .ledger(["index": .int(index)]) }
}

/// Time that passes when it is told to.
///
/// Concurrency model: behind one mutex; sleepers are resumed outside of it.
final class ManualTime: Sendable {
  private struct Sleeper {
    let id: Int
    let wake: Duration
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var elapsed = Duration.zero
    var latest = 0
    var sleepers: [Sleeper] = []
    var cancelled: Set<Int> = []
    var waiters: [(length: Duration, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())

  var now: Timestamp {
    let elapsed = state.withLock { $0.elapsed }
    return Fixtures.now + .milliseconds(Int64(elapsed / .milliseconds(1)))
  }

  func sleep(_ length: Duration) async throws {
    let id = state.withLock { state in
      state.latest += 1
      return state.latest
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (isCancelled, waiters) = state.withLock { state in
          if state.cancelled.contains(id) {
            return (true, [CheckedContinuation<Void, Never>]())
          }
          state.sleepers.append(
            Sleeper(id: id, wake: state.elapsed + length, continuation: continuation))
          let ready = state.waiters.filter { $0.length == length }
          state.waiters.removeAll { $0.length == length }
          return (false, ready.map(\.continuation))
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
        for waiter in waiters { waiter.resume() }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        state.cancelled.insert(id)
        defer { state.sleepers.removeAll { $0.id == id } }
        return state.sleepers.first { $0.id == id }
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Returns once something sleeps that wakes `length` from now.
  func sleeper(of length: Duration) async {
    await withCheckedContinuation { continuation in
      let isNow = state.withLock { state in
        if state.sleepers.contains(where: { $0.wake == state.elapsed + length }) { return true }
        state.waiters.append((length, continuation))
        return false
      }
      if isNow { continuation.resume() }
    }
  }

  func advance(by length: Duration) {
    let due = state.withLock { state in
      state.elapsed += length
      let due = state.sleepers.filter { $0.wake <= state.elapsed }
      state.sleepers.removeAll { $0.wake <= state.elapsed }
      return due
    }
    for sleeper in due { sleeper.continuation.resume() }
  }

  /// Lets `count` ticks of `length` pass, each only when somebody sleeps for it.
  func tick(_ length: Duration, times count: Int = 1) async {
    for _ in 0..<count {
      await sleeper(of: length)
      advance(by: length)
    }
  }
}
