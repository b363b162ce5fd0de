import NIOCore
import Synchronization

/// A counting gate with a bounded, first-come queue whose waits end with a deadline.
final class Slots: Sendable {
  private struct State {
    var free: Int
    var nextID: UInt64 = 0
    var waiters: [(id: UInt64, continuation: CheckedContinuation<Void, any Error>)] = []
  }

  private let state: Mutex<State>
  private let waiting: Int

  init(_ count: Int, waiting: Int) {
    state = Mutex(State(free: count))
    self.waiting = waiting
  }

  func acquire(deadline: ContinuousClock.Instant) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let timer = Connector.group.any().scheduleTask(deadline: deadline.deadline) {
      self.fail(id, NetworkError(.deadline, "no free connection before the deadline"))
    }
    defer { timer.cancel() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { enter(id, $0, deadline) }
    } onCancel: {
      fail(id, NetworkError(.cancelled, "the caller gave up"))
    }
  }

  private func enter(
    _ id: UInt64, _ continuation: CheckedContinuation<Void, any Error>,
    _ deadline: ContinuousClock.Instant
  ) {
    let answer: Result<Void, NetworkError>? = state.withLock { state in
      if Task.isCancelled { return .failure(NetworkError(.cancelled, "the caller gave up")) }
      if deadline <= .now {
        return .failure(NetworkError(.deadline, "the deadline passed before the request"))
      }
      if state.free > 0 {
        state.free -= 1
        return .success(())
      }
      guard state.waiters.count < waiting else {
        return .failure(
          NetworkError(.busy, "\(waiting) requests wait for this host already", fix: "try later"))
      }
      state.waiters.append((id, continuation))
      return nil
    }
    if let answer { continuation.resume(with: answer) }
  }

  private func fail(_ id: UInt64, _ error: NetworkError) {
    let waiter = state.withLock { state in
      state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0).continuation }
    }
    waiter?.resume(throwing: error)
  }

  func release() {
    let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
      guard !state.waiters.isEmpty else {
        state.free += 1
        return nil
      }
      return state.waiters.removeFirst().continuation
    }
    next?.resume()
  }
}
