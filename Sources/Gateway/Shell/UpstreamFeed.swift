import Approvals
import JSON
import Logging
import MCP
import OperatorProtocol
import Time

/// Order news through an upstream's own subscriptions, for a gateway without a read key.
///
/// It is read in steps, and what happened while the upstream's subscription was down is lost, so the
/// state of the feed says how far apart the readings are, and nothing is concluded from it.
///
/// Concurrency model: one task under `run`; what it finds goes to the kernel as events.
final class UpstreamFeed: Sendable {
  typealias Ask = @Sendable (Text, JSONObject) async -> ToolResult?

  /// How far apart two readings of a subscription are.
  static let gap = Milliseconds.seconds(2)
  /// How long one collecting call lasts where an upstream has no subscriptions that outlive a call.
  static let collecting = Milliseconds.seconds(10)
  /// Messages that an upstream keeps for a subscription: its own limit.
  private static let kept = 5_000
  private static let topics: [Text] = ["order", "execution"]

  private let tools: @Sendable () -> Set<Text>
  private let ask: Ask
  private let now: @Sendable () -> Timestamp
  private let sleep: @Sendable (Duration) async throws -> Void
  private let report: @Sendable (GateEvent) -> Void
  private let room: @Sendable () async -> Void
  private let logger: Logger

  /// - Parameters:
  ///   - tools: The names of the tools that the upstream offers now.
  ///   - ask: Calls one of them; nil when there was no answer.
  init(
    tools: @escaping @Sendable () -> Set<Text>, ask: @escaping Ask,
    now: @escaping @Sendable () -> Timestamp,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    logger: Logger, report: @escaping @Sendable (GateEvent) -> Void,
    room: @escaping @Sendable () async -> Void
  ) {
    self.tools = tools
    self.ask = ask
    self.now = now
    self.sleep = sleep
    self.logger = logger
    self.report = report
    self.room = room
  }

  func run() async {
    var lastRead: Timestamp?
    while !Task.isCancelled {
      let offered = tools()
      if offered.isSuperset(of: ["startSubscription", "readMessages"]) {
        await followSubscriptions(&lastRead)
      } else if offered.contains("subscribeOrder") {
        await collect(&lastRead)
      }
      // Nothing was read since, so nothing is known since.
      if let lastRead { report(.feed(.stale(since: lastRead))) }
      guard (try? await sleep(.milliseconds(Self.gap.count))) != nil else { return }
    }
  }

  // MARK: Subscriptions

  /// Reads both topics until a reading fails or the upstream says that one is not active any more.
  private func followSubscriptions(_ lastRead: inout Timestamp?) async {
    var ids: [Text] = []
    for topic in Self.topics {
      let started = await answer(
        "startSubscription",
        [
          "category": "private", "topic": .string(topic), "requiresAuth": true,
          "maxMessages": .int(Self.kept),
        ])
      guard let id = started?["subscriptionId"]?.textValue else { return await stop(ids) }
      ids.append(id)
    }
    var wasActive = false
    reading: while !Task.isCancelled {
      for id in ids {
        guard let read = await answer("readMessages", ["subscriptionId": .string(id)]) else {
          break reading
        }
        deliver(read["messages"]?.arrayValue ?? [])
        switch read["status"]?.textValue {
        case "active": wasActive = true
        case "connecting" where !wasActive: break
        default: break reading
        }
      }
      lastRead = now()
      report(.feed(.polled(gap: Self.gap, asOf: now())))
      await room()
      guard (try? await sleep(.milliseconds(Self.gap.count))) != nil else { break }
    }
    await stop(ids)
  }

  private func stop(_ ids: [Text]) async {
    for id in ids { _ = await ask("stopSubscription", ["subscriptionId": .string(id)]) }
  }

  // MARK: Collecting

  /// One collecting call after the other. Between two of them nothing is heard.
  private func collect(_ lastRead: inout Timestamp?) async {
    while !Task.isCancelled {
      let frames = await answer(
        "subscribeOrder",
        ["messageCount": .int(Self.kept), "timeoutMs": .int(Self.collecting.count)])
      guard let frames = frames?.arrayValue else { return }
      deliver(frames)
      lastRead = now()
      report(.feed(.polled(gap: Self.collecting, asOf: now())))
      await room()
    }
  }

  // MARK: Answers

  private func answer(_ tool: Text, _ arguments: JSONObject) async -> JSONValue? {
    guard let result = await ask(tool, arguments), !result.isError, let text = result.texts.first
    else {
      logger.warning("the upstream's order news cannot be read", metadata: ["tool": "\(tool)"])
      return nil
    }
    return try? JSONParser.parse(text.utf8, limits: .peer)
  }

  private func deliver(_ frames: [JSONValue]) {
    for frame in frames {
      let rows = frame["data"]?.arrayValue?.compactMap(\.objectValue) ?? []
      guard !rows.isEmpty else { continue }
      switch frame["topic"]?.stringValue?.split(separator: ".").first {
      case "order": report(.orderRows(rows))
      case "execution": report(.executionRows(rows))
      default: break
      }
    }
  }
}
