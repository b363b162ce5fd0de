import JSON
import MCP
import Synchronization

/// One MCP session of an agent: the serial owner of its kernel.
///
/// Concurrency model: the kernel and everything that belongs to it is behind one mutex; effects are
/// carried out inside it, so that events reach a stream in the kernel's order. Nothing here waits.
final class AgentSession: Sendable {
  /// A request that the desk must do.
  struct Started: Sendable {
    let ticket: ServerSession.Ticket
    let work: ServerSession.Work
    let caller: DeskCaller
    let reportsProgress: Bool
    let stream: AgentStream
  }

  /// What becomes of a message.
  enum Reply: Sendable {
    case answer(RPCMessage)
    case started(Started)
    /// A notification or answer; requests that it withdrew are ended after the desk was told.
    case accepted(withdrawn: [Call])
  }

  struct Call: Sendable {
    let request: UInt64
    let stream: AgentStream
    let isTool: Bool
  }

  private struct State {
    var kernel: ServerSession
    var calls: [ServerSession.Ticket: Call] = [:]
    /// The stream of the session's own messages, while the client has it open.
    var stream: AgentStream?
    /// The client must hear that the tools changed as soon as it opens that stream.
    var missedChange = false
    var client: PeerIdentity?
    /// Those who wait for the client's answers.
    var askers: [ServerSession.Question: CheckedContinuation<RPCResponse.Outcome, Never>] = [:]
    var lastQuestion: UInt64 = 0
    var idleTicks = 0
    /// Tool calls that came in so far.
    var toolCalls = 0
  }

  let id: Text
  let number: UInt64
  let agent: Text
  let upstream: Text
  private let limits: AgentLimits
  private let began = ContinuousClock.now
  private let state: Mutex<State>

  init(
    id: Text, number: UInt64, agent: Text, upstream: Text,
    configuration: ServerSession.Configuration, limits: AgentLimits
  ) {
    self.id = id
    self.number = number
    self.agent = agent
    self.upstream = upstream
    self.limits = limits
    state = Mutex(State(kernel: ServerSession(configuration: configuration, tools: [])))
  }

  // MARK: What comes in

  /// Hands a message to the kernel. `request` is the number for the work that it may start.
  func receive(_ message: RPCMessage, request: UInt64) -> Reply {
    state.withLock { state in
      state.idleTicks = 0
      var reply = Reply.accepted(withdrawn: [])
      for effect in state.kernel.handle(.received(message)) {
        switch effect {
        case .answer(let message): reply = .answer(message)
        case .start(let ticket, let work, let reportsProgress):
          let started = start(ticket, work, reportsProgress, request, &state)
          reply = .started(started)
        case .stop(let ticket, _):
          reply = .accepted(withdrawn: state.calls.removeValue(forKey: ticket).map { [$0] } ?? [])
        default: perform(effect, &state)
        }
      }
      return reply
    }
  }

  /// The work's outcome; dropped when the request was withdrawn or the session has ended.
  func finish(_ ticket: ServerSession.Ticket, _ outcome: RPCResponse.Outcome) {
    handle(.finished(ticket, outcome))
  }

  func progress(_ ticket: ServerSession.Ticket, _ progress: Progress) {
    handle(.progressed(ticket, progress))
  }

  func replace(tools: [ToolDefinition]) { handle(.toolsChanged(tools)) }

  func notify(_ notification: RPCNotification) { handle(.upstreamNotified(notification)) }

  func notify(_ notification: RPCNotification, during ticket: ServerSession.Ticket) {
    handle(.notifiedDuring(ticket, notification))
  }

  // MARK: Asking the client

  /// Asks the client on the stream of a request under way. The error says why there is no answer.
  func ask(
    _ ticket: ServerSession.Ticket, _ method: Text, _ params: JSONObject?
  ) async -> RPCResponse.Outcome {
    let question = state.withLock { state in
      state.lastQuestion += 1
      return ServerSession.Question(rawValue: state.lastQuestion)
    }
    let time = limits.questionTime
    return await withTaskGroup(of: RPCResponse.Outcome?.self) { group in
      group.addTask { await self.put(question, ticket, method, params) }
      group.addTask {
        guard (try? await Task.sleep(for: time)) != nil else { return nil }
        self.handle(.withdraw(question, reason: "the client did not answer within \(time)"))
        return nil
      }
      var outcome = Self.takenBack
      for await next in group {
        guard let next else { continue }
        outcome = next
        group.cancelAll()
      }
      return outcome
    }
  }

  private static let takenBackReason: Text = "the upstream took its request back"
  private static let takenBack = RPCResponse.Outcome.error(
    RPCError(.internalError, takenBackReason.string))

  private func put(
    _ question: ServerSession.Question, _ ticket: ServerSession.Ticket, _ method: Text,
    _ params: JSONObject?
  ) async -> RPCResponse.Outcome {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        state.withLock { state in
          guard !Task.isCancelled else { return continuation.resume(returning: Self.takenBack) }
          state.askers[question] = continuation
          let event = ServerSession.Event.ask(
            question, during: ticket, method: method, params: params)
          for effect in state.kernel.handle(event) {
            guard case .relay(let ticket, let message) = effect else {
              perform(effect, &state)
              continue
            }
            let bytes = ServerSentEvents.message(message)
            if state.calls[ticket]?.stream.push(bytes) != true { giveUp(question, &state) }
          }
        }
      }
    } onCancel: {
      handle(.withdraw(question, reason: Self.takenBackReason))
    }
  }

  /// The client does not read what is sent to it.
  private func giveUp(_ question: ServerSession.Question, _ state: inout State) {
    let reason: Text = "the client does not read what it is sent"
    for effect in state.kernel.handle(.withdraw(question, reason: reason)) {
      perform(effect, &state)
    }
  }

  private func handle(_ event: ServerSession.Event) {
    state.withLock { state in
      for effect in state.kernel.handle(event) { perform(effect, &state) }
    }
  }

  // MARK: Effects

  private func perform(_ effect: ServerSession.Effect, _ state: inout State) {
    switch effect {
    case .greeted(let identity): state.client = identity
    case .relay(let ticket, let message):
      state.calls[ticket]?.stream.push(ServerSentEvents.message(message))
    case .finish(let ticket, let message):
      let call = state.calls.removeValue(forKey: ticket)
      call?.stream.finish(.answered, ServerSentEvents.message(message))
    case .announce(let message): announce(message, &state)
    case .told(let question, let outcome):
      state.askers.removeValue(forKey: question)?.resume(returning: outcome)
    case .answer, .start, .stop: break
    }
  }

  private func start(
    _ ticket: ServerSession.Ticket, _ work: ServerSession.Work, _ reportsProgress: Bool,
    _ request: UInt64, _ state: inout State
  ) -> Started {
    let stream = AgentStream(limit: limits.streamBytes)
    let isTool = if case .callTool = work { true } else { false }
    state.calls[ticket] = Call(request: request, stream: stream, isTool: isTool)
    let earlier = state.toolCalls
    if isTool { state.toolCalls += 1 }
    let client =
      state.client ?? PeerIdentity(name: "", version: "", protocolVersion: .latest)
    return Started(
      ticket: ticket, work: work,
      caller: DeskCaller(
        request: request, agent: agent, upstream: upstream, session: number, calls: earlier,
        age: ContinuousClock.now - began, client: client),
      reportsProgress: reportsProgress, stream: stream)
  }

  private func announce(_ message: RPCMessage, _ state: inout State) {
    let bytes = ServerSentEvents.message(message)
    let isToolChange = message == .notification("notifications/tools/list_changed")
    guard let stream = state.stream else {
      if isToolChange { state.missedChange = true }
      return
    }
    guard !stream.push(bytes) else { return }
    // The client does not read: it must connect again and ask anew.
    state.stream = nil
    state.missedChange = true
    stream.finish(.closed)
  }

  // MARK: The session's own stream

  /// Opens the stream of the session's own messages; an older one ends.
  func openStream() -> AgentStream {
    let stream = AgentStream(limit: limits.streamBytes)
    state.withLock { state in
      state.idleTicks = 0
      state.stream?.finish(.closed)
      state.stream = stream
      if state.missedChange {
        state.missedChange = false
        stream.push(ServerSentEvents.message(.notification("notifications/tools/list_changed")))
      }
    }
    stream.start()
    return stream
  }

  func closeStream(_ stream: AgentStream) {
    state.withLock { state in
      if state.stream === stream { state.stream = nil }
    }
    stream.finish(.closed)
  }

  // MARK: Time and end

  /// Ticks since anything happened; nil while something is open.
  var idleTicks: Int? {
    state.withLock { $0.calls.isEmpty && $0.stream == nil ? $0.idleTicks : nil }
  }

  func tick() {
    state.withLock { state in
      for call in state.calls.values { call.stream.tick(perHeartbeat: limits.ticksPerHeartbeat) }
      state.stream?.tick(perHeartbeat: limits.ticksPerHeartbeat)
      if state.calls.isEmpty, state.stream == nil { state.idleTicks += 1 }
    }
  }

  /// Ends the session; its streams end without an answer.
  func close() {
    state.withLock { state in
      for effect in state.kernel.handle(.closed) { perform(effect, &state) }
      for call in state.calls.values { call.stream.finish(.closed) }
      state.calls = [:]
      state.stream?.finish(.closed)
      state.stream = nil
    }
  }

  /// Ends the session because the listener does; what is open gets an answer.
  func shutDown() {
    state.withLock { state in
      for (ticket, call) in state.calls {
        let outcome = call.isTool ? Self.endedTool : .error(Self.ended)
        for effect in state.kernel.handle(.finished(ticket, outcome)) {
          if case .finish(_, let message) = effect {
            call.stream.finish(.shutdown, ServerSentEvents.message(message))
          } else {
            perform(effect, &state)
          }
        }
        call.stream.finish(.shutdown)
      }
      state.calls = [:]
      state.stream?.finish(.shutdown)
      state.stream = nil
      for effect in state.kernel.handle(.closed) { perform(effect, &state) }
    }
  }

  private static let endedText =
    "The gateway is stopping, so this answer ends here. Nothing is known to be undone or done "
    + "because of it: make the identical call again in a moment to learn the outcome."
  private static let ended = RPCError(.internalError, endedText)
  private static let endedTool = RPCResponse.Outcome.result(
    .object(ToolResult(text: endedText, isError: true).json))
}
