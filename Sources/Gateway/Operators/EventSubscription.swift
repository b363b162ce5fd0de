/// One console's place in the events. Only one task iterates; dropping it ends the subscription.
package final class EventSubscription: AsyncSequence, Sendable {
  package typealias Element = EventHub.Item
  package typealias Failure = Never

  private let hub: EventHub
  private let id: UInt64

  init(hub: EventHub, id: UInt64) {
    self.hub = hub
    self.id = id
  }

  deinit { hub.remove(id) }

  /// Whether it has fallen behind, was finished, or the hub is closed.
  package var hasEnded: Bool { hub.hasEnded(id) }

  /// Ends the sequence after what waits in it.
  package func finish() { hub.finish(id) }

  /// Delivers `quiet` unless an event comes first.
  package func markQuiet() { hub.quiet(id) }

  package func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

  package struct Iterator: AsyncIteratorProtocol {
    let subscription: EventSubscription

    package mutating func next() async -> EventHub.Item? {
      await subscription.hub.next(subscription.id)
    }
  }
}
