import JSON
import Networking
import OperatorProtocol
import ServiceLifecycle
import Testing

@testable import Gateway

@Suite("Event streams of consoles") struct OperatorEventStreamTests {
  private func next(_ iterator: inout EventStream.Iterator) async throws -> String {
    guard let event = try await iterator.next() else { return "end" }
    return "\(event.id ?? "-") \(event.event ?? "-") \(event.data)"
  }

  @Test func `events arrive in order with their numbers`() async throws {
    try await Harness.run { gateway in
      let stream = try await gateway.follow(gateway.signIn())
      var events = stream.makeAsyncIterator()
      gateway.hub.publish(Fixtures.event(1))
      gateway.hub.publish(.batch(Fixtures.summary))
      #expect(try await next(&events) == #"1001 ledger {"index":1}"#)
      let batch = try await events.next()
      let payload = try JSONParser.parse(batch?.data ?? "")
      let event = try OperatorEvent(name: batch?.event ?? "", payload: JSONCursor(payload))
      #expect(event == .batch(Fixtures.summary))
      stream.close()
    }
  }

  @Test(arguments: [
    ("1001", #"1002 ledger {"index":2}"#), ("7", "1002 reset {}"), ("9999", "1002 reset {}"),
    ("x", "1002 reset {}"),
  ])
  func `a console comes back with its last number`(id: String, first: String) async throws {
    try await Harness.run { gateway in
      gateway.hub.publish(Fixtures.event(1))
      gateway.hub.publish(Fixtures.event(2))
      let stream = try await gateway.follow(gateway.signIn(), after: id)
      var events = stream.makeAsyncIterator()
      #expect(try await next(&events) == first)
      stream.close()
    }
  }

  @Test func `the desk is told when a console leaves`() async throws {
    try await Harness.run { gateway in
      let stream = try await gateway.follow(gateway.signIn())
      stream.close()
      await gateway.desk.sessionEnd()
      #expect(gateway.desk.ended == [1])
    }
  }

  @Test func `a session with a second stream has not ended`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      let first = try await gateway.follow(token)
      let second = try await gateway.follow(token)
      var events = second.makeAsyncIterator()
      gateway.hub.publish(Fixtures.event(1))
      _ = try await next(&events)
      first.close()
      second.close()
      await gateway.desk.sessionEnd()
      #expect(gateway.desk.ended == [1])
    }
  }

  @Test func `a quiet stream gets heartbeats`() async throws {
    try await Harness.run { gateway in
      let token = try await gateway.signIn()
      let stream = try await gateway.client.stream(
        .get, gateway.url(OperatorRoute.events),
        headers: ["Authorization": "Bearer \(token)"], deadline: .now + Harness.soon)
      #expect(stream.head.mediaType == "text/event-stream")
      #expect(try await stream.next() == Array(":\n\n".utf8))
      await gateway.time.tick(.seconds(1), times: OperatorLimits().heartbeatTicks)
      #expect(try await stream.next() == Array(":\n\n".utf8))
      stream.close()
    }
  }

  @Test func `revoking an operator ends the stream`() async throws {
    try await Harness.run { gateway in
      let stream = try await gateway.follow(gateway.signIn())
      var events = stream.makeAsyncIterator()
      _ = gateway.desk.edit { $0.operators.removeValue(forKey: "alice") }
      await gateway.time.tick(.seconds(1))
      #expect(try await next(&events) == "end")
      await gateway.desk.sessionEnd()
    }
  }

  @Test func `a console that does not read is cut off`() async throws {
    var limits = EventHub.Limits()
    limits.ringEvents = 4
    limits.queueEvents = 4
    try await Harness.run(events: limits) { gateway in
      let token = try await gateway.signIn()
      let stream = try await gateway.client.stream(
        .get, gateway.url(OperatorRoute.events),
        headers: ["Authorization": "Bearer \(token)"], deadline: .now + Harness.soon)
      #expect(try await stream.next() == Array(":\n\n".utf8))
      let digits = try #require(JSONNumber(literal: String(repeating: "7", count: 4 << 20)))
      let large = OperatorEvent.ledger(["number": .number(digits)])
      for _ in 0..<40 { gateway.hub.publish(large) }
      // Whether the last write still waits for the reader or not, time alone ends it.
      while gateway.desk.ended.isEmpty {
        gateway.time.advance(by: .seconds(1))
        await Task.yield()
      }
      stream.close()
    }
  }

  @Test func `a graceful shutdown ends streams and returns`() async throws {
    let hub = EventHub(after: 0)
    let desk = FakeOperatorDesk()
    let time = ManualTime()
    let listener = try OperatorListener(
      .init(host: "127.0.0.1", port: 0, gateway: "g"), desk: desk, hub: hub,
      surroundings: OperatorSurroundings(
        now: { time.now }, sleep: { try await time.sleep($0) },
        random: { [UInt8](repeating: 1, count: $0) }),
      logger: Harness.quiet)
    let (ports, ready) = AsyncStream.makeStream(of: Int.self)
    let group = ServiceGroup(
      services: [Running { try await listener.run { ready.yield($0) } }], logger: Harness.quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var iterator = ports.makeAsyncIterator()
      _ = await iterator.next()
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
    #expect(throws: OperatorRefusal.self) { try hub.subscribe() }
  }

  @Test func `an address that others reach needs TLS`() throws {
    let error = #expect(throws: OperatorListenerError.self) {
      try OperatorListener(
        .init(host: "0.0.0.0", port: 0, gateway: "g"), desk: FakeOperatorDesk(),
        hub: EventHub(after: 0),
        surroundings: OperatorSurroundings(
          now: { Fixtures.now }, sleep: { _ in }, random: { [UInt8](repeating: 0, count: $0) }),
        logger: Harness.quiet)
    }
    #expect(error?.code == .notLoopback)
  }
}

private struct Running: Service {
  let body: @Sendable () async throws -> Void
  init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }
  func run() async throws { try await body() }
}
