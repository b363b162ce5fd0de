import Synchronization

/// A queue between a producer that must not block and one consumer that awaits.
///
/// Concurrency model: all state is behind one mutex. `push` and `finish` come from one event loop,
/// `next` from one task at a time; `onDemand` is called outside the lock by the consumer when the
/// queue, once full, has drained to its low mark.
final class BoundedQueue<Element: Sendable>: Sendable {
  enum Pressure { case more, pause, closed }

  private struct State {
    var buffer: [(element: Element, cost: Int)] = []
    var head = 0
    var cost = 0
    var isPaused = false
    var waiter: CheckedContinuation<Element?, any Error>?
    var end: Result<Void, any Error>?

    mutating func pop() -> Element? {
      guard head < buffer.count else { return nil }
      let (element, cost) = buffer[head]
      head += 1
      self.cost -= cost
      if head > 64, head * 2 > buffer.count {
        buffer.removeFirst(head)
        head = 0
      }
      return element
    }

    mutating func removeAll() {
      buffer = []
      head = 0
      cost = 0
    }
  }

  private let state = Mutex(State())
  private let high: Int
  private let low: Int
  private let onDemand: @Sendable () -> Void

  /// - Parameters:
  ///   - high: Cost from which `push` asks for a pause.
  ///   - onDemand: Called when the producer may go on after a pause.
  init(high: Int, onDemand: @escaping @Sendable () -> Void) {
    self.high = high
    low = high / 2
    self.onDemand = onDemand
  }

  func push(_ element: Element, cost: Int) -> Pressure {
    let (waiter, pressure) = state.withLock {
      state -> (CheckedContinuation<Element?, any Error>?, Pressure) in
      guard state.end == nil else { return (nil, .closed) }
      if let waiter = state.waiter.take() { return (waiter, .more) }
      state.buffer.append((element, cost))
      state.cost += cost
      if state.cost >= high { state.isPaused = true }
      return (nil, state.isPaused ? .pause : .more)
    }
    waiter?.resume(returning: element)
    return pressure
  }

  /// Ends the queue after what is in it; the first end counts.
  func finish(throwing error: (any Error)? = nil) { end(error, dropping: false) }

  /// Ends the queue at once and drops what is in it.
  func abort(throwing error: (any Error)? = nil) { end(error, dropping: true) }

  private func end(_ error: (any Error)?, dropping: Bool) {
    let waiter = state.withLock { state -> CheckedContinuation<Element?, any Error>? in
      if dropping { state.removeAll() }
      guard state.end == nil else { return nil }
      state.end = error.map { .failure($0) } ?? .success(())
      return state.waiter.take()
    }
    guard let waiter else { return }
    if let error { waiter.resume(throwing: error) } else { waiter.resume(returning: nil) }
  }

  /// The next element; nil at the end. Cancellation throws and leaves the queue as it is.
  func next() async throws -> Element? {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (now, resumes) = take(or: continuation)
        if resumes { onDemand() }
        if let now { continuation.resume(with: now) }
      }
    } onCancel: {
      let waiter = state.withLock { $0.waiter.take() }
      waiter?.resume(throwing: CancellationError())
    }
  }

  private func take(
    or continuation: CheckedContinuation<Element?, any Error>
  ) -> (Result<Element?, any Error>?, resumes: Bool) {
    state.withLock { state in
      precondition(state.waiter == nil, "two tasks read one queue at the same time")
      if Task.isCancelled { return (.failure(CancellationError()), false) }
      if let element = state.pop() {
        guard state.isPaused, state.cost <= low else { return (.success(element), false) }
        state.isPaused = false
        return (.success(element), true)
      }
      if let end = state.end { return (end.map { nil }, false) }
      state.waiter = continuation
      return (nil, false)
    }
  }
}
