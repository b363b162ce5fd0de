import JSON
import MCP
import Synchronization

/// The serial owner of an upstream's session kernel: the callers that wait and what is to be
/// written, all behind one mutex. Continuations and callbacks run after the mutex is free.
///
/// Over stdio what is to be written waits in an outbox for the task that writes. Over HTTP the
/// exchanges' kernel is here too; exchanges are begun and stopped inside the mutex, which never
/// waits, so that their order is the kernel's.
final class UpstreamLink: Sendable {
  typealias Handle = ClientSession.Handle
  typealias Completion = ClientSession.Completion
  typealias Caller = CheckedContinuation<Completion, Never>

  /// A message for the child; calls are known by their handle until they are taken for writing.
  struct Line: Sendable {
    let bytes: [UInt8]
    let call: Handle?
  }

  enum Verdict { case usable, unusable }

  private struct Waiter {
    let caller: Caller
    let client: UpstreamClient?
    let progress: (@Sendable (Progress) -> Void)?
  }

  private struct State {
    var kernel: ClientSession
    /// Nil over stdio.
    var transport: ClientTransport?
    var exchanges: (@Sendable (ClientTransport.Effect) -> Void)?
    /// Clients that are being asked.
    var questions: [ClientSession.Question: Task<Void, Never>] = [:]
    var waiters: [Handle: Waiter] = [:]
    var lastHandle: UInt64 = 0
    var outbox: [Line] = []
    var outboxBytes = 0
    var writer: CheckedContinuation<Line?, Never>?
    var identity: PeerIdentity?
    var tools: [ToolDefinition] = []
    var readiness: Result<Void, UpstreamError>?
    var readyWaiter: CheckedContinuation<Result<Void, UpstreamError>, Never>?
    var endWaiters: [CheckedContinuation<Void, Never>] = []
    var isUnusable = false
    var isClosed = false
  }

  /// What is to be done when the mutex is free.
  private enum Deed {
    case complete(Caller, Completion)
    case progress(@Sendable (Progress) -> Void, Progress)
    case write(CheckedContinuation<Line?, Never>, Line?)
    case ready(CheckedContinuation<Result<Void, UpstreamError>, Never>, Result<Void, UpstreamError>)
    case event(UpstreamEvent)
    case notify(@Sendable (RPCNotification) -> Void, RPCNotification)
    case end([CheckedContinuation<Void, Never>])
  }

  private let state: Mutex<State>
  private let events: AsyncStream<UpstreamEvent>.Continuation
  private let outboxLimit: Int

  /// - Parameters:
  ///   - outboxBytes: Bytes that may wait for a child that does not read.
  ///   - asksClients: Whether the upstream may ask the clients of calls.
  ///   - transport: Over HTTP, the kernel of the exchanges.
  init(
    version: Text, callLimit: Int, outboxBytes: Int = .max, asksClients: Bool,
    transport: ClientTransport? = nil, events: AsyncStream<UpstreamEvent>.Continuation
  ) {
    self.events = events
    outboxLimit = outboxBytes
    state = Mutex(
      State(
        kernel: ClientSession(
          configuration: ClientSession.Configuration(
            name: "countersign", version: version, callLimit: callLimit, asksClients: asksClients)),
        transport: transport))
  }

  /// Who carries out exchanges over HTTP; before `start`.
  func attach(_ exchanges: @escaping @Sendable (ClientTransport.Effect) -> Void) {
    state.withLock { $0.exchanges = exchanges }
  }

  var tools: [ToolDefinition] { state.withLock { $0.tools } }
  var identity: PeerIdentity? { state.withLock { $0.identity } }
  var isOpen: Bool { state.withLock { !$0.isClosed && !$0.isUnusable } }
  var drops: ClientSession.Drops { state.withLock { $0.kernel.drops } }

  /// Calls that were not taken for writing yet.
  var queuedCalls: Int { state.withLock { $0.outbox.count { $0.call != nil } } }

  // MARK: Events

  func start() { handle(.started) }

  @discardableResult
  func handle(_ event: ClientSession.Event) -> Verdict {
    change { state, deeds in
      for effect in state.kernel.handle(event) { perform(effect, nil, &state, &deeds) }
      return state.isUnusable ? .unusable : .usable
    }
  }

  func notify(_ method: Text, _ params: JSONObject?) {
    handle(.notify(method: method, params: params))
  }

  func newHandle() -> Handle {
    state.withLock { state in
      state.lastHandle += 1
      return Handle(rawValue: state.lastHandle)
    }
  }

  func begin(
    _ handle: Handle, _ method: Text, _ params: JSONObject, client: UpstreamClient?,
    progress: (@Sendable (Progress) -> Void)?, _ caller: Caller
  ) {
    change { state, deeds in
      if let refusal = refusal(state) {
        deeds.append(.complete(caller, .notSent(refusal)))
        return
      }
      state.waiters[handle] = Waiter(caller: caller, client: client, progress: progress)
      let event = ClientSession.Event.call(
        handle, method: method, params: params, reportsProgress: progress != nil,
        owner: client?.owner)
      for effect in state.kernel.handle(event) { perform(effect, handle, &state, &deeds) }
    }
  }

  private func refusal(_ state: State) -> MCPError? {
    // Inside the mutex: a cancellation after this finds the caller among those that wait.
    if Task.isCancelled { return Self.withdrawn }
    guard state.outboxBytes <= outboxLimit else {
      return MCPError(
        .limit, "\(outboxLimit) bytes wait for the upstream, which does not read; try again later")
    }
    return nil
  }

  private static let withdrawn = MCPError(.closed, "the call was withdrawn before it was sent")

  /// Ends a call from this side; one that was not taken for writing yet ends as `notSent`.
  func giveUp(_ handle: Handle, reason: Text, as completion: Completion) {
    change { state, deeds in
      guard state.waiters[handle] != nil else { return }
      let wasSent = !unsend(handle, &state)
      for effect in state.kernel.handle(.cancel(handle, reason: reason)) {
        switch effect {
        case .send where !wasSent, .completed: continue
        default: perform(effect, nil, &state, &deeds)
        }
      }
      complete(handle, wasSent ? completion : .notSent(Self.withdrawn), &state, &deeds)
    }
  }

  /// Takes a call out of the outbox; false when it is not there any more.
  private func unsend(_ handle: Handle, _ state: inout State) -> Bool {
    guard let index = state.outbox.firstIndex(where: { $0.call == handle }) else { return false }
    state.outboxBytes -= state.outbox.remove(at: index).bytes.count
    return true
  }

  // MARK: Writing

  /// The next line to write; nil when the session is over, or a line could not be written: what waits
  /// behind it never left.
  func nextOutgoing() async -> Line? {
    await withCheckedContinuation { continuation in
      change { state, deeds in
        if state.isClosed || state.isUnusable {
          deeds.append(.write(continuation, nil))
        } else if state.outbox.isEmpty {
          state.writer = continuation
        } else {
          let line = state.outbox.removeFirst()
          state.outboxBytes -= line.bytes.count
          deeds.append(.write(continuation, line))
        }
      }
    }
  }

  /// A line could not be written; the child is of no more use.
  func failed(_ line: Line, isUnsent: Bool, _ reason: String) {
    change { state, deeds in
      state.isUnusable = true
      guard let call = line.call, isUnsent, state.waiters[call] != nil else { return }
      _ = state.kernel.handle(.cancel(call, reason: nil))
      complete(call, .notSent(MCPError(.closed, reason)), &state, &deeds)
    }
  }

  // MARK: The end

  /// The process has ended, or the session over HTTP, which is ended at the server too. Calls that were never taken for writing end as `notSent`, the others as
  /// `lost`.
  func close(_ reason: String) {
    change { state, deeds in close(reason, &state, &deeds) }
  }

  private func close(_ reason: String, _ state: inout State, _ deeds: inout [Deed]) {
    guard !state.isClosed else { return }
    state.isClosed = true
    let error = MCPError(.closed, "the upstream ended: \(LogLine.text(reason))")
    for line in state.outbox {
      guard let call = line.call, state.waiters[call] != nil else { continue }
      _ = state.kernel.handle(.cancel(call, reason: nil))
      complete(call, .notSent(error), &state, &deeds)
    }
    state.outbox = []
    state.outboxBytes = 0
    for effect in state.kernel.handle(.closed(reason: Text(LogLine.text(reason)))) {
      perform(effect, nil, &state, &deeds)
    }
    if let writer = state.writer.take() { deeds.append(.write(writer, nil)) }
    state.tools = []
    let closed = UpstreamError(
      .closed, error.message, fix: "it is started again where the configuration says so")
    settle(.failure(closed), &state, &deeds)
    deeds.append(.event(.closed(closed)))
    deeds.append(.end(state.endWaiters))
    state.endWaiters = []
    transport(.close, &state, &deeds)
    state.exchanges = nil
  }

  /// Waits for `close`.
  func closed() async {
    await withCheckedContinuation { continuation in
      change { state, deeds in
        if state.isClosed {
          deeds.append(.end([continuation]))
        } else {
          state.endWaiters.append(continuation)
        }
      }
    }
  }

  // MARK: Readiness

  func ready() async -> Result<Void, UpstreamError> {
    await withCheckedContinuation { continuation in
      change { state, deeds in
        if let known = state.readiness {
          deeds.append(.ready(continuation, known))
        } else {
          state.readyWaiter = continuation
        }
      }
    }
  }

  func giveUpWaiting(_ error: UpstreamError) {
    change { state, deeds in settle(.failure(error), &state, &deeds) }
  }

  private func settle(
    _ result: Result<Void, UpstreamError>, _ state: inout State, _ deeds: inout [Deed]
  ) {
    guard state.readiness == nil else { return }
    state.readiness = result
    if let waiter = state.readyWaiter.take() { deeds.append(.ready(waiter, result)) }
  }

  // MARK: Exchanges over HTTP

  /// What became of an exchange.
  func exchange(_ event: ClientTransport.Event) {
    change { state, deeds in
      guard !state.isClosed else { return }
      transport(event, &state, &deeds)
    }
  }

  private func transport(
    _ event: ClientTransport.Event, _ state: inout State, _ deeds: inout [Deed]
  ) {
    for effect in state.transport?.handle(event) ?? [] {
      switch effect {
      case .deliver(let message, let on): pass(.received(message, on: on), &state, &deeds)
      case .malformed(let refusal): pass(.malformed(refusal), &state, &deeds)
      case .unanswered(let id, let how): pass(.unanswered(id, how), &state, &deeds)
      case .over(let error): close(error.message, &state, &deeds)
      case .post, .get, .wait, .stop, .delete:
        state.exchanges?(effect)
      }
    }
    // A session that failed has no way back; its owner begins another one.
    if state.transport != nil, state.isUnusable { close("the session failed", &state, &deeds) }
  }

  private func pass(
    _ event: ClientSession.Event, _ state: inout State, _ deeds: inout [Deed]
  ) {
    for effect in state.kernel.handle(event) { perform(effect, nil, &state, &deeds) }
  }

  // MARK: Effects

  private func perform(
    _ effect: ClientSession.Effect, _ call: Handle?, _ state: inout State, _ deeds: inout [Deed]
  ) {
    switch effect {
    case .send(let message):
      guard state.transport == nil else { return transport(.send(message), &state, &deeds) }
      send(Line(bytes: message.bytes, call: call), &state, &deeds)
    case .ready(let identity):
      state.identity = identity
      transport(.listen, &state, &deeds)
    case .listed(let tools):
      state.tools = tools
      settle(.success(()), &state, &deeds)
      deeds.append(.event(.tools(tools)))
    case .notListed(let error):
      state.tools = []
      let unusable = UpstreamError(
        .tools, LogLine.text(error.message), fix: "no tool of it can be called until it is mended")
      settle(.failure(unusable), &state, &deeds)
      deeds.append(.event(.toolsUnusable(unusable)))
    case .completed(let handle, let completion): complete(handle, completion, &state, &deeds)
    case .progressed(let handle, let progress):
      if let report = state.waiters[handle]?.progress { deeds.append(.progress(report, progress)) }
    case .notified(let notification, let call): tell(notification, call, state, &deeds)
    case .asked(let question, let call, let method, let params):
      ask(question, call, method, params, &state)
    case .withdrawn(let question): state.questions.removeValue(forKey: question)?.cancel()
    case .failed(let error):
      state.isUnusable = true
      let failed = UpstreamError(
        .handshake, LogLine.text(error.message), fix: "update the upstream or its configuration")
      settle(.failure(failed), &state, &deeds)
    }
  }

  private func tell(
    _ notification: RPCNotification, _ call: Handle?, _ state: State, _ deeds: inout [Deed]
  ) {
    guard let call else { return deeds.append(.event(.notified(notification))) }
    if let client = state.waiters[call]?.client {
      deeds.append(.notify(client.notify, notification))
    }
  }

  /// The answer comes back as an event; a task that is asking ends with its question.
  private func ask(
    _ question: ClientSession.Question, _ call: Handle, _ method: Text, _ params: JSONObject?,
    _ state: inout State
  ) {
    guard let client = state.waiters[call]?.client else { return }
    state.questions[question] = Task {
      let outcome = await client.ask(method, params)
      self.state.withLock { $0.questions[question] = nil }
      self.handle(.answered(question, outcome))
    }
  }

  private func send(_ line: Line, _ state: inout State, _ deeds: inout [Deed]) {
    guard !state.isClosed else { return }
    if let writer = state.writer.take() {
      deeds.append(.write(writer, line))
      return
    }
    // Answers to a child that asks without end and never reads.
    guard line.call != nil || state.outboxBytes <= outboxLimit else { return }
    state.outbox.append(line)
    state.outboxBytes += line.bytes.count
  }

  private func complete(
    _ handle: Handle, _ completion: Completion, _ state: inout State, _ deeds: inout [Deed]
  ) {
    guard let waiter = state.waiters.removeValue(forKey: handle) else { return }
    deeds.append(.complete(waiter.caller, completion))
  }

  private func change<Value>(_ body: (inout State, inout [Deed]) -> Value) -> Value {
    var deeds: [Deed] = []
    let value = state.withLock { state in body(&state, &deeds) }
    for deed in deeds { carryOut(deed) }
    return value
  }

  private func carryOut(_ deed: Deed) {
    switch deed {
    case .complete(let caller, let completion): caller.resume(returning: completion)
    case .progress(let report, let progress): report(progress)
    case .write(let writer, let line): writer.resume(returning: line)
    case .ready(let waiter, let result): waiter.resume(returning: result)
    case .event(let event): events.yield(event)
    case .notify(let hear, let notification): hear(notification)
    case .end(let waiters):
      events.finish()
      for waiter in waiters { waiter.resume() }
    }
  }
}

extension Optional {
  fileprivate mutating func take() -> Wrapped? {
    defer { self = nil }
    return self
  }
}
