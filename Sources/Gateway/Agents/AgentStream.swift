import MCP
import Synchronization

/// What waits to be written to one HTTP answer that is an event stream.
///
/// Concurrency model: producers (the session, the listener's tick, the connection) push from
/// anywhere and never block; one task reads with `next`. All state is behind one mutex.
final class AgentStream: Sendable {
  /// Why nothing follows.
  enum End: Hashable, Sendable {
    /// The outcome of the request is the last event.
    case answered
    /// The client withdrew the request.
    case cancelled
    /// The session ended, or another stream took this one's place.
    case closed
    /// The listener ends.
    case shutdown
  }

  enum Next: Hashable, Sendable {
    /// Bytes to write now; none means only that the answer's head is due.
    case bytes([UInt8])
    case last([UInt8], End)
    /// The client's socket is gone or half closed. Told once.
    case gone
  }

  private struct State {
    var pending: [UInt8] = []
    var isStarted = false
    var isHeadDue = false
    var isGone = false
    var quietTicks = 0
    var end: End?
    var waiter: CheckedContinuation<Next, Never>?

    mutating func take() -> Next? {
      if isGone {
        isGone = false
        return .gone
      }
      if let end {
        defer { pending = [] }
        return .last(pending, end)
      }
      guard !pending.isEmpty || isHeadDue else { return nil }
      defer { pending = [] }
      isHeadDue = false
      isStarted = true
      quietTicks = 0
      return .bytes(pending)
    }
  }

  private let state = Mutex(State())
  private let limit: Int

  /// - Parameter limit: Bytes that may wait, the last event not counted.
  init(limit: Int) { self.limit = limit }

  /// Adds an event. False when the reader is too slow and it was dropped.
  @discardableResult
  func push(_ event: [UInt8]) -> Bool {
    change { state in
      guard state.end == nil, state.pending.count + event.count <= limit else { return false }
      state.pending += event
      return true
    }
  }

  /// Asks for the head of the answer although there is no event yet.
  func start() {
    change { state in if !state.isStarted { state.isHeadDue = true } }
  }

  /// Ends the stream after `event`; the first end counts.
  func finish(_ end: End, _ event: [UInt8] = []) {
    change { state in
      guard state.end == nil else { return }
      state.pending += event
      state.end = end
    }
  }

  func lost() {
    change { state in state.isGone = true }
  }

  /// Called at even intervals: starts the answer, later breaks a long silence with a comment.
  func tick(perHeartbeat: Int) {
    change { state in
      guard state.end == nil else { return }
      guard state.isStarted else {
        state.isHeadDue = true
        return
      }
      state.quietTicks += 1
      if state.quietTicks >= perHeartbeat, state.pending.isEmpty {
        state.pending = ServerSentEvents.heartbeat
      }
    }
  }

  /// The next thing to do; waits for it. After `last` it is always the same end.
  func next() async -> Next {
    await withCheckedContinuation { continuation in
      let ready = state.withLock { state -> Next? in
        precondition(state.waiter == nil, "two tasks read one event stream")
        if let ready = state.take() { return ready }
        state.waiter = continuation
        return nil
      }
      if let ready { continuation.resume(returning: ready) }
    }
  }

  private func change<Value>(_ body: (inout State) -> Value) -> Value {
    let (value, wake) = state.withLock {
      state -> (Value, (CheckedContinuation<Next, Never>, Next)?) in
      let value = body(&state)
      guard let waiter = state.waiter, let next = state.take() else { return (value, nil) }
      state.waiter = nil
      return (value, (waiter, next))
    }
    if let (waiter, next) = wake { waiter.resume(returning: next) }
    return value
  }
}
