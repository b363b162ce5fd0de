import OperatorProtocol
import Testing

@testable import Gateway

@Suite("The event hub") struct EventHubTests {
  private func limits(ring: Int, queue: Int) -> EventHub.Limits {
    var limits = EventHub.Limits()
    limits.ringEvents = ring
    limits.queueEvents = queue
    return limits
  }

  /// What a subscriber gets next, as `number name`.
  private func next(_ iterator: inout EventSubscription.Iterator) async -> [String] {
    switch await iterator.next() {
    case .events(let events): events.map { "\($0.id) \($0.event.name)" }
    case .quiet: ["quiet"]
    case nil: ["end"]
    }
  }

  private func publish(_ indexes: Range<Int>, to hub: EventHub) {
    for index in indexes { hub.publish(Fixtures.event(index)) }
  }

  @Test func `a new subscriber gets what comes after it`() async throws {
    let hub = EventHub(after: 100)
    publish(0..<2, to: hub)
    var events = try hub.subscribe().makeAsyncIterator()
    publish(2..<4, to: hub)
    #expect(await next(&events) == ["103 ledger", "104 ledger"])
  }

  @Test func `a subscriber that comes back gets what it missed`() async throws {
    let hub = EventHub(after: 100)
    publish(0..<5, to: hub)
    var events = try hub.subscribe(after: 103).makeAsyncIterator()
    #expect(await next(&events) == ["104 ledger", "105 ledger"])
  }

  @Test func `one that missed nothing waits`() async throws {
    let hub = EventHub(after: 100)
    publish(0..<5, to: hub)
    let subscription = try hub.subscribe(after: 105)
    var events = subscription.makeAsyncIterator()
    subscription.markQuiet()
    #expect(await next(&events) == ["quiet"])
  }

  @Test(arguments: [0, 99, 102, 200, UInt64.max])
  func `a number that is not kept is answered with a reset`(after: UInt64) async throws {
    let hub = EventHub(after: 100, limits: limits(ring: 3, queue: 8))
    publish(0..<6, to: hub)
    var events = try hub.subscribe(after: after).makeAsyncIterator()
    #expect(await next(&events) == ["106 reset"])
    publish(6..<7, to: hub)
    #expect(await next(&events) == ["107 ledger"])
  }

  @Test func `the oldest number that is kept is replayed from`() async throws {
    let hub = EventHub(after: 100, limits: limits(ring: 3, queue: 8))
    publish(0..<20, to: hub)
    var events = try hub.subscribe(after: 117).makeAsyncIterator()
    #expect(await next(&events) == ["118 ledger", "119 ledger", "120 ledger"])
  }

  @Test func `the ring is bounded in bytes too`() async throws {
    var limits = EventHub.Limits()
    limits.ringBytes = 150
    let hub = EventHub(after: 100, limits: limits)
    publish(0..<10, to: hub)
    var events = try hub.subscribe(after: 101).makeAsyncIterator()
    #expect(await next(&events) == ["110 reset"])
  }

  @Test func `a subscriber that falls behind gets a reset and the end`() async throws {
    let hub = EventHub(after: 100, limits: limits(ring: 2, queue: 3))
    let slow = try hub.subscribe()
    var events = slow.makeAsyncIterator()
    var other = try hub.subscribe().makeAsyncIterator()
    publish(0..<3, to: hub)
    #expect(!slow.hasEnded)
    #expect(await next(&other) == ["101 ledger", "102 ledger", "103 ledger"])
    publish(3..<5, to: hub)
    #expect(slow.hasEnded)
    #expect(await next(&events) == ["104 reset"])
    #expect(await next(&events) == ["end"])
    #expect(await next(&other) == ["104 ledger", "105 ledger"])
  }

  @Test func `places are bounded and given back`() throws {
    var limits = EventHub.Limits()
    limits.subscribers = 1
    let hub = EventHub(after: 0, limits: limits)
    do {
      let first = try hub.subscribe()
      #expect(throws: OperatorRefusal.self) { try hub.subscribe() }
      withExtendedLifetime(first) {}
    }
    _ = try hub.subscribe()
  }

  @Test func `closing ends every subscription after what waits`() async throws {
    let hub = EventHub(after: 100)
    var events = try hub.subscribe().makeAsyncIterator()
    publish(0..<1, to: hub)
    hub.close()
    publish(1..<2, to: hub)
    #expect(await next(&events) == ["101 ledger"])
    #expect(await next(&events) == ["end"])
    #expect(throws: OperatorRefusal.self) { try hub.subscribe() }
  }

  @Test func `a cancelled subscriber is woken`() async throws {
    let subscription = try EventHub(after: 0).subscribe()
    let task = Task { [subscription] in
      var events = subscription.makeAsyncIterator()
      return await events.next()
    }
    task.cancel()
    #expect(await task.value == nil)
  }

  @Test func `a frame holds number, name and payload`() async throws {
    let hub = EventHub(after: 41)
    var events = try hub.subscribe().makeAsyncIterator()
    hub.publish(Fixtures.event(7))
    guard case .events(let found)? = await events.next() else {
      Issue.record("no event")
      return
    }
    #expect(
      found.map { String(decoding: $0.frame, as: UTF8.self) }
        == ["id: 42\nevent: ledger\ndata: {\"index\":7}\n\n"])
  }
}
