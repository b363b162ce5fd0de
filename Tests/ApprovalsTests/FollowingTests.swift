import JSON
import MCP
import OperatorProtocol
import Orders
import Simulation
import Testing
import Time

@testable import Approvals

/// Open orders are asked about although the stream is live.
struct FollowingTests {
  /// One order at the exchange, of which the stream has told nothing.
  private func taken() -> Playbook {
    var settings = Bench.settings
    settings.followEvery = .seconds(5)
    var play = Playbook(settings: settings)
    play.sent("wsBatchCreateOrders", Bench.batch("60000"))
    play.answers(Self.taken("o1"))
    play.saved()
    play.lines = []
    return play
  }

  private static func taken(_ order: String) -> DispatchAnswer {
    .result(
      ToolResult(
        text: #"{"retCode":0,"retMsg":"OK","data":{"list":[{"orderId":"\#(order)"}]},"#
          + #""retExtInfo":{"list":[{"code":0,"msg":"OK"}]}}"#))
  }

  private func row(_ play: Playbook, _ status: String, at time: Timestamp) -> JSONObject {
    [
      "category": "linear", "symbol": "BTCUSDT", "orderId": "o1",
      "orderLinkId": .string(play.links()[0]), "side": "Buy", "orderType": "Limit", "qty": "0.1",
      "price": "60000", "orderStatus": .string(status),
      "cumExecQty": status == "Filled" ? "0.1" : "0",
      "createdTime": .string("\(Bench.start.milliseconds)"),
      "updatedTime": .string("\(time.milliseconds)"),
    ]
  }

  @Test func aLostMessageIsFoundAndTheStreamTakenUpAnew() throws {
    var play = taken()
    let filledAt = play.now
    play.after(.seconds(5))
    #expect(play.lines.contains("ask #1"))
    play.lines = []
    play.after(.seconds(2))
    play
      >> .exchangeRead(
        play.id(), .rows(orders: [row(play, "Filled", at: filledAt)], executions: []))
    #expect(play.lines.contains("renew"))
    let legs = play.gate.legs(of: try #require(play.gate.held[play.id()]))
    #expect(legs.map(\.status) == [.filled])
    play.lines = []
    play.after(.seconds(30))
    play.saved()
    #expect(play.kinds().contains("stream_missed"))
    #expect(!play.lines.contains("ask #1"), "an order that has ended is asked about")
  }

  @Test func whatTheStreamTellsInTimeIsNoReasonToDistrustIt() {
    var play = taken()
    play >> .orderRows([row(play, "New", at: play.now)])
    play.after(.seconds(5))
    #expect(play.lines.contains("ask #1"))
    play.lines = []
    play
      >> .exchangeRead(play.id(), .rows(orders: [row(play, "New", at: play.now)], executions: []))
    play >> .exchangeRead(play.id(), .failed("nobody asked"))
    #expect(!play.lines.contains("renew"))
  }

  @Test func callsThatWereNeverSeenAreAskedAboutOneSecondApart() {
    var play = taken()
    play.held("wsBatchCreateOrders", Bench.batch("59000"))
    play.decides("ada", .approve, 2)
    play.saved()
    play.answers(Self.taken("o2"), 2)
    play.saved()
    play.lines = []
    play.after(.seconds(5))
    #expect(play.lines == ["ask #1"])
    play >> .exchangeRead(play.id(), .rows(orders: [], executions: []))
    play.lines = []
    play.after(.seconds(1))
    #expect(play.lines == ["ask #2"])
    // One of them is seen: the rest is not in a hurry.
    play >> .orderRows([row(play, "New", at: play.now)])
    play >> .exchangeRead(play.id(2), .rows(orders: [], executions: []))
    play.after(.seconds(1))
    play.lines = []
    play.after(.seconds(1))
    #expect(play.lines == [], "one call alone is asked about every second")
  }

  @Test func nothingIsAskedWhileTheFeedIsDown() {
    var play = taken()
    play >> .feed(.stale(since: play.now))
    play.after(.seconds(60))
    #expect(!play.lines.contains("ask #1"))
  }

  @Test func aCallThatIsNeverSeenKeepsNoOtherWaiting() {
    var play = taken()
    play.held("wsBatchCreateOrders", Bench.batch("59000"))
    play.decides("ada", .approve, 2)
    play.saved()
    play.answers(Self.taken("o2"), 2)
    play.saved()
    var seen = row(play, "New", at: play.now)
    seen["orderId"] = "o2"
    seen["orderLinkId"] = .string(play.links(2)[0])
    seen["price"] = "59000"
    play >> .orderRows([seen])
    play.lines = []
    for _ in 0..<20 {
      play.after(.seconds(1))
      play >> .exchangeRead(play.id(), .rows(orders: [], executions: []))
      play >> .exchangeRead(play.id(2), .rows(orders: [], executions: []))
    }
    #expect(play.lines.contains("ask #1"))
    #expect(play.lines.contains("ask #2"))
  }
}
