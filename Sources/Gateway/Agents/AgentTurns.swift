import DequeModule
import JSON
import Synchronization

/// Lets only a few messages of each agent be worked on at a time, in the order in which they came, so
/// that an agent with many sockets has no larger share of the processor than one with a single one.
///
/// Concurrency model: one mutex; continuations are resumed outside it.
final class AgentTurns: Sendable {
  private struct Line {
    var working = 0
    var waiting: Deque<CheckedContinuation<Void, Never>> = []
  }

  private let limit: Int
  private let lines = Mutex<[Text: Line]>([:])

  init(limit: Int) { self.limit = limit }

  /// Returns when it is the caller's turn; `leave` must follow.
  func enter(_ agent: Text) async {
    await withCheckedContinuation { continuation in
      let isNow = lines.withLock { lines in
        guard lines[agent, default: Line()].working < limit else {
          lines[agent]?.waiting.append(continuation)
          return false
        }
        lines[agent, default: Line()].working += 1
        return true
      }
      if isNow { continuation.resume() }
    }
  }

  func leave(_ agent: Text) {
    let next = lines.withLock { lines -> CheckedContinuation<Void, Never>? in
      guard var line = lines[agent] else { return nil }
      // The place goes to the next in line.
      let next = line.waiting.popFirst()
      if next == nil { line.working -= 1 }
      lines[agent] = line.working == 0 ? nil : line
      return next
    }
    next?.resume()
  }
}
