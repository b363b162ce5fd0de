package import JSON
package import Networking
package import Time

/// A frame of a public topic.
package struct V5PublicFrame: Hashable, Sendable {
  package let topic: Text
  /// The whole state, or what changed in it.
  package let isSnapshot: Bool
  /// The matching engine's time where it is told, else that of the frame.
  package let time: Timestamp
  package let data: JSONValue

  init?(_ frame: JSONValue) {
    guard let topic = frame["topic"]?.textValue, let sent = frame["ts"]?.intValue,
      let data = frame["data"]
    else { return nil }
    self.topic = topic
    isSnapshot = frame["type"]?.textValue != "delta"
    time = Timestamp(milliseconds: Int64(frame["cts"]?.intValue ?? sent))
    self.data = data
  }
}

/// One public stream of a category from its opening to its end. Nothing is kept across connections:
/// each subscription begins with a snapshot.
package final class V5PublicStream: Sendable {
  private let socket: WebSocket

  private init(_ socket: WebSocket) { self.socket = socket }

  /// Opens the stream of `category` at `base`, such as `wss://stream.bybit.com`.
  package static func open(
    _ base: WebURL, _ category: V5Category,
    security: any ConnectionSecurity, deadline: ContinuousClock.Instant
  ) async throws -> V5PublicStream {
    do {
      return V5PublicStream(
        try await WebSocket.connect(
          to: base.appending("/v5/public/\(category.rawValue)"), security: security,
          deadline: deadline))
    } catch {
      throw V5Error.network(error)
    }
  }

  /// Topics that the exchange takes in one request.
  private static let topicsPerRequest = 10

  package func subscribe(_ topics: [String]) async throws { try await send("subscribe", topics) }
  package func unsubscribe(_ topics: [String]) async throws {
    try await send("unsubscribe", topics)
  }

  private func send(_ operation: Text, _ topics: [String]) async throws {
    for start in stride(from: 0, to: topics.count, by: Self.topicsPerRequest) {
      let some = topics[start..<min(topics.count, start + Self.topicsPerRequest)]
      try await send([
        "op": .string(operation), "args": .array(some.map { .string($0) }),
      ])
    }
  }

  package func ping() async throws { try await send(["op": "ping"]) }

  private func send(_ frame: JSONValue) async throws {
    do {
      try await socket.send(JSONWriter.text(of: frame))
    } catch {
      throw V5Error.network(error)
    }
  }

  /// The next frame of a topic, or nil for any other message; throws at the stream's end.
  package func next() async throws -> V5PublicFrame? {
    do {
      guard let message = try await socket.makeAsyncIterator().next() else {
        throw V5Error(.network, "the exchange closed the stream")
      }
      return V5PublicFrame(try JSONParser.parse(message.bytes, limits: .peer))
    } catch let error as V5Error {
      throw error
    } catch let error as JSONError {
      throw V5Error(.malformed, "a frame is no JSON: \(error)")
    } catch {
      throw V5Error.network(error)
    }
  }

  package func abort() { socket.abort() }
}
