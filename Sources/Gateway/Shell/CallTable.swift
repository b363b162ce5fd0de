import Approvals
import JSON
import MCP
import OperatorProtocol
import Synchronization

/// The agents' requests that are under way, by number: who waits, and what was asked.
///
/// Concurrency model: one mutex; continuations are resumed outside it, each exactly once.
final class CallTable: Sendable {
  private struct Entry {
    var call: DeskCall
    var waiter: CheckedContinuation<DeskAnswer, Never>?
    var forward: Task<Void, Never>?
  }

  private let entries = Mutex<[UInt64: Entry]>([:])

  var isEmpty: Bool { entries.withLock { $0.isEmpty } }

  func begin(_ call: DeskCall, _ waiter: CheckedContinuation<DeskAnswer, Never>) {
    entries.withLock { $0[call.caller.request] = Entry(call: call, waiter: waiter) }
  }

  func call(_ request: UInt64) -> DeskCall? { entries.withLock { $0[request]?.call } }

  func forwards(_ request: UInt64, _ task: Task<Void, Never>) {
    entries.withLock { $0[request]?.forward = task }
  }

  func stopForward(_ request: UInt64) {
    entries.withLock { $0[request]?.forward }?.cancel()
  }

  /// Tells the client every few seconds that its call is waited for, until the request ends. Only
  /// clients that gave a progress token hear of it.
  func reportWaiting(_ request: UInt64) async {
    guard let call = call(request), call.reportsProgress else { return }
    var step = 1
    while (try? await Task.sleep(for: Self.progressEvery)) != nil, self.call(request) != nil {
      call.progress(Progress(step: step, message: "waiting for a human's approval"))
      step += 1
    }
  }

  private static let progressEvery = Duration.seconds(10)

  /// Ends a request; later answers to it are dropped.
  func finish(_ request: UInt64, _ answer: DeskAnswer) {
    let entry = entries.withLock { $0.removeValue(forKey: request) }
    entry?.waiter?.resume(returning: answer)
  }
}

/// The operators' requests that wait for a decision to become durable.
final class DecisionTable: Sendable {
  typealias Answer = Result<JSONValue, OperatorRefusal>
  private let waiting = Mutex<
    (next: UInt64, waiters: [UInt64: CheckedContinuation<Answer, Never>])
  >(
    (0, [:]))

  /// Submits with a fresh number and waits for the kernel's answer.
  func ask(_ submit: (OperatorRequestID) -> Void) async -> Answer {
    await withCheckedContinuation { continuation in
      let number = waiting.withLock { table in
        table.next += 1
        table.waiters[table.next] = continuation
        return table.next
      }
      submit(OperatorRequestID(number))
    }
  }

  func finish(_ request: OperatorRequestID, _ answer: Answer) {
    waiting.withLock { $0.waiters.removeValue(forKey: request.number) }?.resume(returning: answer)
  }

  /// Nothing in flight will be answered: the store failed.
  func failAll(_ refusal: OperatorRefusal) {
    let all = waiting.withLock { table in
      defer { table.waiters = [:] }
      return Array(table.waiters.values)
    }
    for waiter in all { waiter.resume(returning: .failure(refusal)) }
  }
}
