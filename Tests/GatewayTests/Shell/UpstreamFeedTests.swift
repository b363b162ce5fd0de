import Approvals
import JSON
import Logging
import MCP
import OperatorProtocol
import Synchronization
import Testing
import Time

@testable import Gateway

/// Order news without a read key: by subscriptions that are read in steps, or by collecting calls.
@Suite struct UpstreamFeedTests {
  private static let time = Timestamp(milliseconds: 1_700_000_000_000)

  /// What a feed asked and reported; it ends when the script of answers does.
  private final class Script: Sendable {
    struct State {
      var answers: [String]
      var asked: [Text] = []
      var events: [GateEvent] = []
    }
    let state: Mutex<State>
    let (ended, end) = AsyncStream<Void>.makeStream()

    init(_ answers: [String]) { state = Mutex(State(answers: answers)) }

    func ask(_ tool: Text) -> ToolResult? {
      let answer: String? = state.withLock { state in
        state.asked.append(tool)
        guard tool != "stopSubscription" else { return "{}" }
        return state.answers.isEmpty ? nil : state.answers.removeFirst()
      }
      if answer == nil { end.finish() }
      return answer.map { ToolResult(text: $0) }
    }
  }

  private func play(
    _ tools: Set<Text>, _ answers: [String]
  ) async -> (asked: [Text], events: [GateEvent]) {
    let script = Script(answers)
    let feed = UpstreamFeed(
      tools: { tools }, ask: { tool, _ in script.ask(tool) }, now: { Self.time },
      sleep: { _ in
        // Others get their turn: two feeds that only run would keep both threads of two cores.
        await Task.yield()
        try Task.checkCancellation()
      }, logger: Logger(label: "test"),
      report: { event in script.state.withLock { $0.events.append(event) } }, room: {})
    let run = Task { await feed.run() }
    for await _ in script.ended {}
    run.cancel()
    await run.value
    return script.state.withLock { ($0.asked, $0.events) }
  }

  private static func message(_ topic: String) -> String {
    #"{"topic":"\#(topic)","creationTime":1,"data":[{"orderId":"1"}]}"#
  }

  @Test func subscriptionsAreReadInSteps() async {
    let (asked, events) = await play(
      ["startSubscription", "readMessages", "subscribeOrder"],
      [
        #"{"subscriptionId":"s1"}"#, #"{"subscriptionId":"s2"}"#,
        #"{"status":"active","messages":[\#(Self.message("order"))]}"#,
        #"{"status":"active","messages":[\#(Self.message("execution"))]}"#,
        #"{"status":"reconnecting","messages":[]}"#,
      ])
    #expect(
      asked.prefix(7) == [
        "startSubscription", "startSubscription", "readMessages", "readMessages", "readMessages",
        "stopSubscription", "stopSubscription",
      ])
    let words = events.prefix(4).map(Self.words)
    #expect(words == ["orders 1", "executions 1", "polled 2000", "stale"])
    #expect(events.contains { Self.words($0) == "stale" })
  }

  @Test func withoutSubscriptionsOneCallFollowsTheOther() async {
    let (asked, events) = await play(["subscribeOrder"], ["[\(Self.message("order.linear"))]"])
    #expect(asked.prefix(2) == ["subscribeOrder", "subscribeOrder"])
    #expect(events.prefix(3).map(Self.words) == ["orders 1", "polled 10000", "stale"])
  }

  private static func words(_ event: GateEvent) -> String {
    switch event {
    case .orderRows(let rows): "orders \(rows.count)"
    case .executionRows(let rows): "executions \(rows.count)"
    case .feed(.polled(let gap, _)): "polled \(gap.count)"
    case .feed(.stale): "stale"
    default: "other"
    }
  }
}
