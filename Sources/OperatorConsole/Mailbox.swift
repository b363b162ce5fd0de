import Console
import OperatorProtocol
import Synchronization

/// What the network tasks have for the thread that owns the screen.
///
/// **Concurrency model.** Any task posts; only the screen's thread drains. The contents are behind a
/// mutex; the screen is woken by what is waited for and by what can close an open panel, and by other news
/// unless it looks at them soon by itself.
/// A box that is full throws the news away and says so as one `reset`, after which all is read anew.
final class Mailbox: Sendable {
  static let limit = 20_000

  private struct State {
    var events: [ConsoleEvent] = []
    var hasOverflowed = false
    /// Whether the owner looks at news soon without being woken.
    var isLookedAtSoon = false
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
      let isSilent = event.canRest && (state.isLookedAtSoon || !state.events.isEmpty)
      if state.events.count >= Self.limit {
        // Answers and the state of the link are few and must not be lost.
        state.events.removeAll(where: \.isNews)
        state.hasOverflowed = true
      }
      state.events.append(event)
      return isSilent ? nil : state.wake
    }
    wake?()
  }

  /// What has come, oldest first, `most` at one time; the rest is for the next time.
  func take(atMost most: Int) -> [ConsoleEvent] {
    state.withLock { state in
      if state.hasOverflowed {
        state.hasOverflowed = false
        state.events.append(.feed(.reset))
      }
      let taken = Array(state.events.prefix(most))
      state.events.removeFirst(taken.count)
      return taken
    }
  }

  /// The owner is about to wait: until it is woken, or for a moment only when it looks at news `soon` by
  /// itself. Says whether the box is empty; else it must not wait, or more would come than it takes.
  func rest(soon: Bool) -> Bool {
    state.withLock { state in
      state.isLookedAtSoon = soon
      return state.events.isEmpty
    }
  }
}

extension ConsoleEvent {
  /// Whether it is one of many that tell how things are by now.
  fileprivate var isNews: Bool { if case .feed = self { true } else { false } }

  /// Whether nothing that may be approved depends on it: it is only shown.
  fileprivate var canRest: Bool {
    switch self {
    case .feed(.order), .feed(.fill), .feed(.ledger): true
    default: false
    }
  }
}
