import JSON
package import OperatorProtocol
import Synchronization

/// Tells every console what became durable, in one order, with a rising number.
///
/// A ring of the newest events serves consoles that come back. Each subscriber has a bounded queue:
/// one that falls behind gets `reset` in place of what it missed, and its sequence ends.
///
/// Concurrency model: the ring and all queues are behind one mutex, held without an `await`. Any
/// task publishes; publishers that need an order among themselves keep it themselves. One task
/// iterates a subscription; continuations are resumed outside the lock.
package final class EventHub: Sendable {
  package struct Limits: Hashable, Sendable {
    /// Events kept for consoles that come back.
    package var ringEvents = 2048
    package var ringBytes = 4 << 20
    /// Events that wait for one subscriber; not less than the ring, which is replayed through it.
    package var queueEvents = 4096
    package var queueBytes = 8 << 20
    package var subscribers = 64

    package init() {}
  }

  /// An event with its number and its bytes in an event stream.
  package struct Numbered: Hashable, Sendable {
    package let id: UInt64
    package let event: OperatorEvent
    package let frame: [UInt8]

    init(id: UInt64, event: OperatorEvent, payload: [UInt8]) {
      self.id = id
      self.event = event
      frame = Array("id: \(id)\nevent: \(event.name)\ndata: ".utf8) + payload + [10, 10]
    }
  }

  /// What a subscriber is woken for.
  package enum Item: Hashable, Sendable {
    /// Everything that waited, oldest first; never empty.
    case events([Numbered])
    /// Nothing happened for a while: write a heartbeat.
    case quiet
  }

  private struct Queue {
    var events: [Numbered] = []
    var bytes = 0
    var isQuiet = false
    var hasEnded = false
    var waiter: CheckedContinuation<Item?, Never>?
  }

  private struct State {
    var latest: UInt64
    var ring: [Numbered] = []
    var ringHead = 0
    var ringBytes = 0
    var queues: [UInt64: Queue] = [:]
    var latestQueue: UInt64 = 0
    var isClosed = false
    var resets = 0
  }

  private typealias Wake = (CheckedContinuation<Item?, Never>, Item?)

  private let limits: Limits
  private let state: Mutex<State>

  /// - Parameter after: Numbers start behind it. It must be larger than any number of an earlier
  ///   run, such as the microseconds since 1970, so that no old number is taken for a new one.
  package init(after: UInt64, limits: Limits = Limits()) {
    precondition(limits.queueEvents >= limits.ringEvents && limits.queueBytes >= limits.ringBytes)
    self.limits = limits
    state = Mutex(State(latest: after))
  }

  /// The number of the newest event.
  package var latest: UInt64 { state.withLock { $0.latest } }

  /// Consoles that follow, and how many fell behind since the start.
  package var subscriberCount: Int { state.withLock { $0.queues.count } }
  package var resets: Int { state.withLock { $0.resets } }

  package func publish(_ event: OperatorEvent) {
    let payload = JSONWriter.bytes(of: event.payload)
    let wakes = state.withLock { state -> [Wake] in
      guard !state.isClosed else { return [] }
      state.latest += 1
      let numbered = Numbered(id: state.latest, event: event, payload: payload)
      remember(numbered, in: &state)
      return state.queues.keys.compactMap { id in
        let hadEnded = state.queues[id]?.hasEnded
        let wake = push(numbered, to: &state.queues[id])
        if state.queues[id]?.hasEnded != hadEnded { state.resets += 1 }
        return wake
      }
    }
    for (waiter, item) in wakes { waiter.resume(returning: item) }
  }

  /// Subscribes at once: every event that is published after the return is delivered.
  ///
  /// - Parameter after: The number that the console saw last. What came after it is delivered
  ///   first, or `reset` when the number is not known here any more. Nil: new events only.
  /// - Throws: `unavailable` when there are too many subscribers or the hub is closed.
  package func subscribe(after: UInt64? = nil) throws(OperatorRefusal) -> EventSubscription {
    let id = state.withLock { state -> UInt64? in
      guard !state.isClosed, state.queues.count < limits.subscribers else { return nil }
      state.latestQueue += 1
      var queue = Queue()
      queue.events = after.map { missed(after: $0, in: state) } ?? []
      queue.bytes = queue.events.reduce(0) { $0 + $1.frame.count }
      state.queues[state.latestQueue] = queue
      return state.latestQueue
    }
    guard let id else {
      throw OperatorRefusal(
        .unavailable, "\(limits.subscribers) consoles follow already, or the gateway is stopping")
    }
    return EventSubscription(hub: self, id: id)
  }

  /// Ends every subscription after what waits in it; nothing is published any more.
  package func close() {
    let wakes = state.withLock { state -> [Wake] in
      state.isClosed = true
      return state.queues.keys.compactMap { end(&state.queues[$0]) }
    }
    for (waiter, item) in wakes { waiter.resume(returning: item) }
  }

  // MARK: For subscriptions

  func next(_ id: UInt64) async -> Item? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let item = state.withLock { state -> Item?? in
          guard var queue = state.queues[id] else { return .some(nil) }
          defer { state.queues[id] = queue }
          return take(from: &queue, or: continuation)
        }
        if let item { continuation.resume(returning: item) }
      }
    } onCancel: {
      finish(id)
    }
  }

  func finish(_ id: UInt64) {
    let wake = state.withLock { end(&$0.queues[id]) }
    if let (waiter, item) = wake { waiter.resume(returning: item) }
  }

  /// Wakes a subscriber that nothing happened to.
  func quiet(_ id: UInt64) {
    let waiter = state.withLock { state -> CheckedContinuation<Item?, Never>? in
      guard let waiter = state.queues[id]?.waiter.take() else {
        state.queues[id]?.isQuiet = true
        return nil
      }
      return waiter
    }
    waiter?.resume(returning: .quiet)
  }

  func hasEnded(_ id: UInt64) -> Bool { state.withLock { $0.queues[id]?.hasEnded ?? true } }

  func remove(_ id: UInt64) {
    finish(id)
    state.withLock { $0.queues[id] = nil }
  }

  // MARK: Under the lock

  private func remember(_ numbered: Numbered, in state: inout State) {
    state.ring.append(numbered)
    state.ringBytes += numbered.frame.count
    while state.ring.count - state.ringHead > limits.ringEvents
      || state.ringBytes > limits.ringBytes
    {
      state.ringBytes -= state.ring[state.ringHead].frame.count
      state.ringHead += 1
    }
    if state.ringHead > limits.ringEvents {
      state.ring.removeFirst(state.ringHead)
      state.ringHead = 0
    }
  }

  private func missed(after: UInt64, in state: State) -> [Numbered] {
    if after == state.latest { return [] }
    let kept = state.ring[state.ringHead...]
    guard after < state.latest, let first = kept.first, after + 1 >= first.id else {
      return [reset(at: state.latest)]
    }
    return Array(kept.dropFirst(Int(after + 1 - first.id)))
  }

  private func push(_ numbered: Numbered, to queue: inout Queue?) -> Wake? {
    guard queue?.hasEnded == false else { return nil }
    if let waiter = queue?.waiter.take() { return (waiter, .events([numbered])) }
    queue?.events.append(numbered)
    queue?.bytes += numbered.frame.count
    if let full = queue, full.events.count > limits.queueEvents || full.bytes > limits.queueBytes {
      queue?.events = [reset(at: numbered.id)]
      queue?.hasEnded = true
    }
    return nil
  }

  private func end(_ queue: inout Queue?) -> Wake? {
    queue?.hasEnded = true
    return queue?.waiter.take().map { ($0, nil) }
  }

  private func take(
    from queue: inout Queue, or continuation: CheckedContinuation<Item?, Never>
  ) -> Item?? {
    precondition(queue.waiter == nil, "two tasks iterate one subscription")
    if !queue.events.isEmpty {
      defer {
        queue.events = []
        queue.bytes = 0
        queue.isQuiet = false
      }
      return .events(queue.events)
    }
    if queue.hasEnded { return .some(nil) }
    if queue.isQuiet {
      queue.isQuiet = false
      return .quiet
    }
    queue.waiter = continuation
    return nil
  }

  private func reset(at id: UInt64) -> Numbered {
    let event = OperatorEvent.reset
    return Numbered(id: id, event: event, payload: JSONWriter.bytes(of: event.payload))
  }
}
