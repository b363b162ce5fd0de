import Approvals
import Cryptography
import JSON
import Logging
import MCP
import OperatorProtocol
import Policy
import Synchronization
import Time

/// The one owner of the gateway's decisions.
///
/// Concurrency model: `run` is one task; it takes inputs in the order of the queue, hands each to the
/// kernel, and performs the effects without waiting for any of them. Whatever takes time runs
/// elsewhere and comes back as an event. Readers get a copy of the kernel from the same queue. The
/// queue and who waits for it are behind one mutex; continuations are resumed outside it.
package final class GateLoop: Sendable {
  typealias Input = GateQueue.Input

  private struct State {
    var queue: GateQueue
    var taker: CheckedContinuation<Input?, Never>?
    /// Who waits until the gateway's own inputs are fewer.
    var writers: [CheckedContinuation<Void, Never>] = []
    var isFinished = false
    /// The kernel as it was at the end: readers that come later are answered from it.
    var last: Gatekeeper?
    var lateReaders: [@Sendable (Gatekeeper) -> Void] = []
  }

  private let state: Mutex<State>
  private let now: @Sendable () -> Timestamp
  private let uptime: @Sendable () -> Uptime?
  private let logger: Logger

  init(
    limits: GateQueue.Limits = GateQueue.Limits(), now: @escaping @Sendable () -> Timestamp,
    uptime: @escaping @Sendable () -> Uptime? = { nil }, logger: Logger
  ) {
    state = Mutex(State(queue: GateQueue(limits: limits)))
    self.now = now
    self.uptime = uptime
    self.logger = logger
  }

  // MARK: In

  /// Hands over an event that no agent caused.
  func submit(_ event: GateEvent) { change { $0.add(event) } }

  func submit(_ call: AgentCall) -> GateQueue.Admission { change { $0.add(call) } ?? .refused }

  func cancelled(_ request: RequestID) { change { $0.addCancelled(request) } }

  func disconnected(_ request: RequestID) { change { $0.addDisconnected(request) } }

  func answered(_ request: RequestID, delivered: Bool) {
    change { $0.addAnswered(request, delivered: delivered) }
  }

  /// What `body` makes of the kernel when the reader's turn has come: an operator's, or an agent's.
  func read<T: Sendable>(
    for agent: Text? = nil, _ body: @escaping @Sendable (Gatekeeper) -> T
  ) async -> T {
    await withCheckedContinuation { continuation in
      let look: @Sendable (Gatekeeper) -> Void = { continuation.resume(returning: body($0)) }
      guard change({ $0.add(for: agent, look) }) == nil else { return }
      let last = state.withLock { state in
        if state.last == nil { state.lateReaders.append(look) }
        return state.last
      }
      if let last { look(last) }
    }
  }

  /// The same, or nil when no answer comes within `time`.
  func read<T: Sendable>(
    within time: Duration, _ body: @escaping @Sendable (Gatekeeper) -> T
  ) async -> T? {
    await withCheckedContinuation { continuation in
      let waiter = OneAnswer(continuation)
      let alarm = Task {
        guard (try? await Task.sleep(for: time)) != nil else { return }
        waiter.resume(nil)
      }
      let look: @Sendable (Gatekeeper) -> Void = { kernel in
        waiter.resume(body(kernel))
        alarm.cancel()
      }
      if change({ $0.add(for: nil, look) }) == nil { waiter.resume(nil) }
    }
  }

  /// Returns when the gateway's own inputs are few enough for more news of the exchange.
  func room() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        guard !state.isFinished, state.queue.ownCount >= state.queue.limits.own else { return true }
        state.writers.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  /// How many inputs wait, by whom they are from, and how many calls were refused so far.
  var lengths: (own: Int, operators: Int, agents: Int, refusals: Int) {
    state.withLock {
      ($0.queue.ownCount, $0.queue.operatorCount, $0.queue.agentCount, $0.queue.refusals)
    }
  }

  /// Ends `run` after what was submitted before.
  func finish() {
    let (taker, writers) = state.withLock { state in
      state.isFinished = true
      defer { state.writers = [] }
      return (state.queue.isEmpty ? state.taker.take() : nil, state.writers)
    }
    taker?.resume(returning: nil)
    for writer in writers { writer.resume() }
  }

  /// Changes the queue and hands its first input to a `run` that waits; after `finish` it does
  /// nothing, and the value is nil.
  @discardableResult
  private func change<Value>(_ body: (inout GateQueue) -> Value) -> Value? {
    let (value, wake) = state.withLock {
      state -> (Value?, (CheckedContinuation<Input?, Never>, Input)?) in
      guard !state.isFinished else { return (nil, nil) }
      let value = body(&state.queue)
      guard state.taker != nil, let input = state.queue.next(), let taker = state.taker.take()
      else { return (value, nil) }
      return (value, (taker, input))
    }
    if let (taker, input) = wake { taker.resume(returning: input) }
    return value
  }

  // MARK: Out

  private func next() async -> Input? {
    await withCheckedContinuation { continuation in
      let (ready, writers) = state.withLock {
        state -> (Input??, [CheckedContinuation<Void, Never>]) in
        guard let input = state.queue.next() else {
          if state.isFinished { return (.some(nil), []) }
          state.taker = continuation
          return (nil, [])
        }
        guard state.queue.ownCount <= state.queue.limits.own / 2 else { return (input, []) }
        defer { state.writers = [] }
        return (input, state.writers)
      }
      for writer in writers { writer.resume() }
      if let ready { continuation.resume(returning: ready) }
    }
  }

  /// Decides until `finish`.
  ///
  /// - Parameter perform: Starts an effect and returns at once.
  func run(_ start: Gatekeeper, perform: (GateEffect) -> Void) async {
    var kernel = start
    var timer: Task<Void, Never>?
    while let input = await next() {
      switch input {
      case .look(let body): body(kernel)
      case .event(let event):
        for effect in kernel.handle(event, at: now(), uptime: uptime()) {
          guard case .wake(let moment) = effect else {
            if case .publish(.ledger(let entry)) = effect { log(entry, kernel) }
            perform(effect)
            continue
          }
          timer?.cancel()
          timer = alarm(at: moment)
        }
      }
    }
    timer?.cancel()
    let last = kernel
    let readers = state.withLock { state in
      state.last = last
      defer { state.lateReaders = [] }
      return state.lateReaders
    }
    for reader in readers { reader(last) }
  }

  /// One line for each ledger entry, when it is on disk: which call, whose, by which rule. Never what
  /// an agent or an operator wrote.
  private func log(_ entry: JSONObject, _ kernel: Gatekeeper) {
    guard logger.logLevel <= .info else { return }
    let call = entry["subject"]?.stringValue.flatMap { BatchID($0) }.flatMap { kernel.held[$0] }
    let body = entry["body"]
    let fields: [(String, Text?)] = [
      ("decision", entry["subject"]?.textValue),
      ("agent", call?.agent ?? body?["agent"]?.textValue),
      ("upstream", call?.upstream ?? body?["upstream"]?.textValue),
      ("tool", call?.tool ?? body?["tool"]?.textValue),
      ("rule", call?.rule ?? body?["rule"]?.textValue), ("by", body?["by"]?.textValue),
    ]
    var metadata: Logger.Metadata = [:]
    for (name, value) in fields { metadata[name] = value.map { "\($0)" } }
    logger.info("\(entry["kind"]?.stringValue ?? "")", metadata: metadata)
  }

  private func alarm(at moment: Timestamp) -> Task<Void, Never> {
    let wait = max(moment - now(), .zero)
    return Task {
      // A wait past a day is cut: the kernel asks again after the tick.
      let length = min(wait.count, 86_400_000)
      guard (try? await Task.sleep(for: .milliseconds(length))) != nil else { return }
      self.submit(.tick)
    }
  }
}

/// A continuation that is resumed by whoever comes first.
private final class OneAnswer<Value: Sendable>: Sendable {
  private let continuation: Mutex<CheckedContinuation<Value?, Never>?>

  init(_ continuation: CheckedContinuation<Value?, Never>) {
    self.continuation = Mutex(continuation)
  }

  func resume(_ value: Value?) {
    continuation.withLock { $0.take() }?.resume(returning: value)
  }
}
