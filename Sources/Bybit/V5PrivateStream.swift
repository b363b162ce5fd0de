package import JSON
import Networking
import Synchronization
package import Time

/// Frames of a topic: one frame may hold several rows.
package struct V5TopicFrame: Hashable, Sendable {
  package let topic: Text
  package let id: Text
  package let creationTime: Timestamp
  package let rows: [JSONValue]

  /// Nil when the frame is no topic frame of V5's shape.
  init?(_ frame: JSONValue) {
    guard let topic = frame["topic"]?.textValue, let created = frame["creationTime"]?.intValue
    else { return nil }
    self.topic = topic
    id = frame["id"]?.textValue ?? ""
    creationTime = Timestamp(milliseconds: Int64(created))
    switch frame["data"] {
    case .array(let rows): self.rows = rows
    case .object(let row): rows = [.object(row)]
    default: return nil
    }
  }
}

/// The private stream of one account, kept alive: connect, sign in, subscribe, ping, come back.
///
/// Nothing is replayed after a loss, and nothing is sent as a snapshot: each time the stream is
/// live it says `gap`, and the owner backfills by REST while frames already arrive.
///
/// Concurrency model: `run` owns the connection; one task iterates the events. Events wait in a
/// bounded buffer; when the reader is too slow the connection is dropped and a gap follows, so that
/// nothing is lost silently.
package final class V5PrivateStream: AsyncSequence, Sendable {
  package enum State: Hashable, Sendable {
    /// The attempt's number since the last time it was live, from 0.
    case connecting(attempt: Int)
    case live
    /// Since when nothing is known, and why.
    case stale(since: Timestamp, reason: String)
  }

  package enum Event: Hashable, Sendable {
    case state(State)
    /// Live from now on; what happened before is unknown since `since` (nil: since ever).
    case gap(since: Timestamp?)
    case frame(V5TopicFrame)
  }

  package struct Configuration: Sendable {
    package var socket: V5Socket.Configuration
    package var topics: [String]
    package var ping: Duration
    /// Silence, pongs included, after which the connection counts as dead.
    package var silence: Duration
    package var connect: Duration
    package var backoff: V5Backoff
    /// Events that may wait for the reader.
    package var buffered: Int

    package init(
      socket: V5Socket.Configuration, topics: [String] = ["order", "execution"],
      ping: Duration = .seconds(20), silence: Duration = .seconds(50),
      connect: Duration = .seconds(10), backoff: V5Backoff = V5Backoff(), buffered: Int = 16_384
    ) {
      self.socket = socket
      self.topics = topics
      self.ping = ping
      self.silence = silence
      self.connect = connect
      self.backoff = backoff
      self.buffered = buffered
    }
  }

  /// Clock and chance, given from outside.
  package struct Environment: Sendable {
    package var now: @Sendable () -> Timestamp
    package var sleep: @Sendable (Duration) async throws -> Void
    package var random: @Sendable () -> UInt64

    package init(
      now: @escaping @Sendable () -> Timestamp,
      sleep: @escaping @Sendable (Duration) async throws -> Void,
      random: @escaping @Sendable () -> UInt64
    ) {
      self.now = now
      self.sleep = sleep
      self.random = random
    }
  }

  private let configuration: Configuration
  private let environment: Environment
  private let stream: AsyncStream<Event>
  private let events: AsyncStream<Event>.Continuation
  /// The exchange's clock minus ours, for signatures.
  private let offset: @Sendable () -> Milliseconds
  private let current = Mutex<V5Socket?>(nil)

  package init(
    _ configuration: Configuration, environment: Environment,
    clockOffset: @escaping @Sendable () -> Milliseconds = { .zero }
  ) {
    self.configuration = configuration
    self.environment = environment
    offset = clockOffset
    (stream, events) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(configuration.buffered))
  }

  package func makeAsyncIterator() -> AsyncStream<Event>.Iterator { stream.makeAsyncIterator() }

  /// Keeps the stream alive until the task is cancelled; then the events end.
  package func run() async {
    defer { events.finish() }
    var attempt = 0
    var lost: Timestamp?
    while !Task.isCancelled {
      report(.state(.connecting(attempt: attempt)))
      let wasLive = Flag()
      let reason = await connection(since: lost, wasLive)
      if Task.isCancelled { return }
      if wasLive.isRaised { attempt = 0 }
      if wasLive.isRaised || lost == nil { lost = environment.now() }
      report(.state(.stale(since: lost ?? environment.now(), reason: reason)))
      let wait = configuration.backoff.wait(attempt: attempt, random: environment.random())
      attempt += 1
      try? await environment.sleep(wait)
    }
  }

  /// Ends the connection that is open now, as if it had been lost.
  package func renew() { current.withLock { $0 }?.abort() }

  /// Hands an event over; false when the reader is too slow for it.
  @discardableResult
  private func report(_ event: Event) -> Bool {
    if case .dropped = events.yield(event) { return false }
    return true
  }

  private static let slowReader = "the reader of the order stream is too slow"

  /// One connection from its opening to its end. Returns why it ended.
  private func connection(since lost: Timestamp?, _ wasLive: Flag) async -> String {
    do {
      let socket = try await V5Socket.open(
        configuration.socket, .stream, deadline: .now + configuration.connect)
      current.withLock { $0 = socket }
      defer {
        current.withLock { $0 = nil }
        socket.abort()
      }
      return try await withTaskCancellationHandler {
        try await converse(on: socket, since: lost, wasLive)
      } onCancel: {
        socket.abort()
      }
    } catch {
      return "\(error)"
    }
  }

  private func converse(
    on socket: V5Socket, since lost: Timestamp?, _ wasLive: Flag
  ) async throws -> String {
    let heard = Flag()
    return try await withThrowingTaskGroup(of: String.self) { group in
      group.addTask { try await self.read(socket, since: lost, wasLive, heard) }
      group.addTask { try await self.watch(socket, heard) }
      defer { group.cancelAll() }
      let reason = try await group.next() ?? "ended"
      socket.abort()
      return reason
    }
  }

  private func read(
    _ socket: V5Socket, since lost: Timestamp?, _ wasLive: Flag, _ heard: Flag
  ) async throws -> String {
    try await socket.authenticate(configuration.socket, at: environment.now() + offset())
    try await socket.subscribe(configuration.topics)
    // A gap that is not told would be worse than none: without room for it, this is not live.
    guard report(.state(.live)), report(.gap(since: lost)) else { return Self.slowReader }
    wasLive.raise()
    while let frame = try await socket.next() {
      heard.raise()
      guard let topic = V5TopicFrame(frame) else { continue }
      guard report(.frame(topic)) else { return Self.slowReader }
    }
    return "the exchange closed the stream"
  }

  /// Pings, and ends the connection when nothing at all was heard for too long.
  private func watch(_ socket: V5Socket, _ heard: Flag) async throws -> String {
    var silent = Duration.zero
    while true {
      try await environment.sleep(configuration.ping)
      silent = heard.isRaised ? .zero : silent + configuration.ping
      heard.lower()
      guard silent < configuration.silence else {
        return "nothing was heard for \(silent)"
      }
      try await socket.send(["op": "ping"])
    }
  }
}
