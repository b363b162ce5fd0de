import Bybit
import JSON
import Time

/// What a subscription tool does.
enum SubscriptionStep: Sendable { case start, read, list, stop }

/// Subscriptions to private topics that outlive their call, with the official server's habits: the
/// oldest messages are dropped, a loss is told by the status alone, three tries to come back, no
/// heartbeat, and an end when nobody reads for five minutes.
///
/// Concurrency model: the actor owns all state; each subscription has one task that fills it.
actor Subscriptions {
  private static let idleLimit = Milliseconds.minutes(5)
  private static let retries: [Duration] = [.seconds(1), .seconds(2), .seconds(4)]
  private static let most = 20

  private struct One {
    let topic: Text
    let limit: Int
    var status: Text = "connecting"
    var messages: [JSONValue] = []
    var readAt: Timestamp
    var task: Task<Void, Never>?
  }

  private var all: [Text: One] = [:]
  private var count = 0

  func start(
    _ topic: Text, keeping limit: Int, _ socket: V5Socket.Configuration,
    now: @escaping @Sendable () -> Timestamp
  ) -> JSONValue {
    count += 1
    let id: Text = "sub-\(count)"
    if all.count >= Self.most, let oldest = all.min(by: { $0.value.readAt < $1.value.readAt }) {
      end(oldest.key)
    }
    all[id] = One(topic: topic, limit: limit, readAt: now())
    all[id]?.task = Task { await self.follow(id, topic, socket, now) }
    return [
      "subscriptionId": .string(id), "topic": .string(topic), "status": "connecting",
      "message": "Subscribed; read it with readMessages.",
    ]
  }

  /// Nil when there is no such subscription.
  func read(_ id: Text, limit: Int?, clears: Bool, now: Timestamp) -> JSONValue? {
    guard var one = all[id] else { return nil }
    let messages = Array(one.messages.prefix(limit ?? one.messages.count))
    // What the limit left out is lost with the rest.
    if clears { one.messages = [] }
    one.readAt = now
    all[id] = one
    return [
      "subscriptionId": .string(id), "status": .string(one.status),
      "messageCount": .int(messages.count), "messages": .array(messages),
    ]
  }

  func list() -> JSONValue {
    let rows = all.sorted { $0.key < $1.key }.map { id, one -> JSONValue in
      [
        "id": .string(id), "topic": .string(one.topic), "status": .string(one.status),
        "buffered": .int(one.messages.count),
      ]
    }
    return ["count": .int(rows.count), "subscriptions": .array(rows)]
  }

  func stop(_ id: Text) -> Bool {
    guard all[id] != nil else { return false }
    end(id)
    return true
  }

  func stopAll() { for id in all.keys { end(id) } }

  private func end(_ id: Text) {
    all[id]?.task?.cancel()
    all[id] = nil
  }

  // MARK: Following

  private func follow(
    _ id: Text, _ topic: Text, _ configuration: V5Socket.Configuration,
    _ now: @escaping @Sendable () -> Timestamp
  ) async {
    var tries = Self.retries[...]
    while all[id] != nil, !Task.isCancelled {
      await connection(id, topic, configuration, now)
      guard let wait = tries.popFirst() else { break }
      all[id]?.status = "reconnecting"
      try? await Task.sleep(for: wait)
    }
    all[id]?.status = "closed"
  }

  private func connection(
    _ id: Text, _ topic: Text, _ configuration: V5Socket.Configuration,
    _ now: @escaping @Sendable () -> Timestamp
  ) async {
    guard
      let socket = try? await V5Socket.open(configuration, .stream, deadline: .now + .seconds(10))
    else { return }
    await withTaskCancellationHandler {
      defer { socket.abort() }
      guard (try? await socket.authenticate(configuration, at: now())) != nil,
        (try? await socket.subscribe([topic.string])) != nil
      else { return }
      all[id]?.status = "active"
      while let frame = try? await socket.next() {
        guard keep(frame, of: id, now()) else { return }
      }
    } onCancel: {
      socket.abort()
    }
  }

  /// False when the subscription has ended.
  private func keep(_ frame: JSONValue, of id: Text, _ now: Timestamp) -> Bool {
    guard let one = all[id] else { return false }
    guard now - one.readAt < Self.idleLimit else {
      end(id)
      return false
    }
    guard frame["topic"] != nil else { return true }
    all[id]?.messages.append(frame)
    if one.messages.count >= one.limit { all[id]?.messages.removeFirst() }
    return true
  }
}
