import Console
import OperatorProtocol
import Synchronization

/// What the network tasks have for the thread that owns the screen.
///
/// **Concurrency model.** Any task posts; only the screen's thread drains. The contents are behind a
/// mutex; the screen is woken when the first event comes into an empty box. A box that is full
/// throws everything away and says so as one `reset`, after which all is read anew.
final class Mailbox: Sendable {
  static let limit = 20_000

  private struct State {
    var events: [ConsoleEvent] = []
    var hasOverflowed = false
    var wake: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  /// - Parameter wake: Tells the owner, from any task, that something is here.
  func attach(_ wake: @escaping @Sendable () -> Void) {
    let isWaiting = state.withLock { state in
      state.wake = wake
      return !state.events.isEmpty
    }
    if isWaiting { wake() }
  }

  func post(_ event: ConsoleEvent) {
    let wake = state.withLock { state -> (@Sendable () -> Void)? in
      let wasEmpty = state.events.isEmpty
      if state.events.count >= Self.limit {
        // Answers and the state of the link are few and must not be lost.
        state.events.removeAll { event in
          if case .feed = event { true } else { false }
        }
        state.hasOverflowed = true
      }
      state.events.append(event)
      return wasEmpty ? state.wake : nil
    }
    wake?()
  }

  /// Everything that has come since the last time, in order.
  func drain() -> [ConsoleEvent] {
    state.withLock { state in
      defer {
        state.events.removeAll(keepingCapacity: true)
        state.hasOverflowed = false
      }
      return state.hasOverflowed ? state.events + [.feed(.reset)] : state.events
    }
  }
}
