import JSON
import Networking
import Synchronization
import Testing
import Time
import V5Stub

@testable import Bybit

@Suite struct V5PrivateStreamTests {
  private static func configuration(
    _ stub: V5Stub, buffered: Int = 1000
  ) throws -> V5PrivateStream.Configuration {
    V5PrivateStream.Configuration(
      socket: V5Socket.Configuration(
        base: try WebURL(stub.streamURL), credentials: V5Credentials(key: "K", secret: "S")),
      topics: ["order", "execution"], buffered: buffered)
  }

  /// A clock that stands still; pings never come due, waits between attempts are over at once.
  private static func environment(
    sleep: @escaping @Sendable (Duration) async throws -> Void = { wait in
      if wait >= .seconds(20) { try await Task.sleep(for: .seconds(600)) }
    }
  ) -> V5PrivateStream.Environment {
    V5PrivateStream.Environment(
      now: { Timestamp(milliseconds: 1_700_000_000_000) }, sleep: sleep, random: { 0 })
  }

  private static let row: JSONValue = [
    "id": "i", "topic": "order", "creationTime": 1_700_000_000_001,
    "data": [["orderId": "1", "orderStatus": "New"], ["orderId": "2", "orderStatus": "Filled"]],
  ]

  @Test func connectsSignsInSubscribesAndYieldsFrames() async throws {
    let stub = try await V5Stub()
    let stream = V5PrivateStream(
      try Self.configuration(stub), environment: Self.environment(),
      clockOffset: { .milliseconds(7) })
    let task = Task { await stream.run() }
    var events = stream.makeAsyncIterator()
    #expect(await events.next() == .state(.connecting(attempt: 0)))
    #expect(await events.next() == .state(.live))
    #expect(await events.next() == .gap(since: nil))
    let frames = stub.frames.map(\.frame)
    #expect(frames.map { $0["op"] } == ["auth", "subscribe"])
    #expect(frames[0]["args"]?.arrayValue?[1] == 1_700_000_005_007)
    #expect(frames[1]["args"] == ["order", "execution"])
    stub.push(Self.row)
    guard case .frame(let frame) = await events.next() else {
      Issue.record("no frame")
      return
    }
    #expect(frame.topic == "order")
    #expect(frame.rows.count == 2)
    task.cancel()
    await task.value
    #expect(await events.next() == nil)
    await stub.stop()
  }

  @Test func aLossIsToldAndFollowedByAGap() async throws {
    let stub = try await V5Stub()
    let stream = V5PrivateStream(
      try Self.configuration(stub), environment: Self.environment())
    let task = Task { await stream.run() }
    var events = stream.makeAsyncIterator()
    for _ in 0..<3 { _ = await events.next() }
    stub.dropSockets()
    guard case .state(.stale(let since, _)) = await events.next() else {
      Issue.record("not stale")
      return
    }
    #expect(await events.next() == .state(.connecting(attempt: 1)))
    #expect(await events.next() == .state(.live))
    #expect(await events.next() == .gap(since: since))
    stub.push(Self.row)
    guard case .frame = await events.next() else {
      Issue.record("no frame after coming back")
      return
    }
    task.cancel()
    await task.value
    await stub.stop()
  }

  @Test func aRefusedKeyIsTriedAgainWithLongerWaits() async throws {
    let stub = try await V5Stub(socket: { _, frame in
      [.send(["success": false, "ret_msg": "error:bad", "op": frame["op"] ?? .null])]
    })
    let waits = Mutex<[Duration]>([])
    let stream = V5PrivateStream(
      try Self.configuration(stub),
      environment: Self.environment { wait in
        if wait >= .seconds(20) { try await Task.sleep(for: .seconds(600)) }
        let count = waits.withLock {
          $0.append(wait)
          return $0.count
        }
        if count >= 4 { try await Task.sleep(for: .seconds(600)) }
      })
    let task = Task { await stream.run() }
    for await event in stream {
      if case .state(.stale(_, let reason)) = event {
        #expect(reason.contains("error:bad"))
        if waits.withLock({ $0.count }) >= 3 { break }
      }
    }
    task.cancel()
    await task.value
    #expect(
      waits.withLock { Array($0.prefix(3)) }
        == [.milliseconds(250), .milliseconds(500), .seconds(1)])
    await stub.stop()
  }

  @Test func pingsAreTextAndSilenceEndsTheConnection() async throws {
    // Signing in is answered, pings are not.
    let stub = try await V5Stub(socket: { path, frame in
      frame["op"] == "ping" ? [] : V5Stub.polite(path, frame)
    })
    let stream = V5PrivateStream(
      try Self.configuration(stub),
      environment: Self.environment { wait in
        if wait < .seconds(20) { try await Task.sleep(for: .seconds(600)) }
        while stub.frames.count < 2 { await Task.yield() }
        try await Task.sleep(for: .milliseconds(20))
      })
    let task = Task { await stream.run() }
    for await event in stream {
      guard case .state(.stale(_, let reason)) = event else { continue }
      #expect(reason.contains("nothing was heard"))
      break
    }
    #expect(stub.frames.map(\.frame).contains(["op": "ping"]))
    task.cancel()
    await task.value
    await stub.stop()
  }

  @Test func aReaderThatIsTooSlowGetsAGapInsteadOfAHole() async throws {
    let stub = try await V5Stub()
    let stream = V5PrivateStream(
      try Self.configuration(stub, buffered: 8),
      environment: Self.environment { wait in
        try await Task.sleep(for: wait >= .seconds(20) ? .seconds(600) : .milliseconds(20))
      })
    let task = Task { await stream.run() }
    while stub.frames.count < 2 { await Task.yield() }
    for _ in 0..<20 { stub.push(Self.row) }
    while stub.opened.count < 2 { await Task.yield() }
    var gaps = 0
    for await event in stream {
      if case .gap = event { gaps += 1 }
      if gaps == 2 { break }
    }
    task.cancel()
    await task.value
    await stub.stop()
  }
}
