import Decimals
import JSON
import MCP
import OperatorProtocol
import Orders
import Simulation
import Testing
import Time

@testable import Approvals

/// Orders that the exchange makes from an approved one stand with the leg that asked for them.
struct ExitOrderTests {
  private static let exits = #","takeProfit":"70000","stopLoss":"50000""#

  /// A batch of one order that the exchange took.
  private func sent(_ more: String) -> Playbook {
    var settings = Bench.settings
    settings.followEvery = .seconds(5)
    var play = Playbook(settings: settings)
    play.shows = ["leg"]
    play.sent("wsBatchCreateOrders", Bench.batch("60000", more: more))
    play.answers(
      .result(
        ToolResult(
          text: #"{"retCode":0,"retMsg":"OK","data":{"list":[{"orderId":"o1"}]},"#
            + #""retExtInfo":{"list":[{"code":0,"msg":"OK"}]}}"#)))
    play.saved()
    return play
  }

  private func exit(_ play: Playbook, parent: Text?, symbol: Text = "BTCUSDT") -> JSONObject {
    var row: JSONObject = [
      "category": "linear", "symbol": .string(symbol), "orderId": "x1", "orderLinkId": "",
      "side": "Sell", "orderType": "Market", "qty": "0.1", "price": "70000",
      "orderStatus": "Untriggered", "cumExecQty": "0", "stopOrderType": "TakeProfit",
      "createdTime": .string("\(play.now.milliseconds)"),
      "updatedTime": .string("\(play.now.milliseconds)"),
    ]
    if let parent { row["parentOrderLinkId"] = .string(parent) }
    return row
  }

  private func shown(_ play: Playbook) -> LegView? { play.gate.orders.first { $0.orderID == "x1" } }

  @Test func anExitStandsWithTheLegThatAskedForIt() throws {
    var play = sent(Self.exits)
    play >> .orderRows([exit(play, parent: play.links()[0])])
    let view = try #require(shown(play))
    #expect(view.origin == LegOrigin(batch: play.id(), leg: 1, kind: "TakeProfit"))
    #expect((view.batch, view.leg, view.agent) == (nil, 0, "bot"))
    #expect(try LegView(json: JSONCursor(view.json)) == view)
    let legs = play.gate.legs(of: try #require(play.gate.held[play.id()]))
    #expect(legs.map(\.side) == ["Buy"], "the leg took its exit for itself")
  }

  @Test func aListThatDoesNotNameTheParentTakesNothingBack() {
    var play = sent(Self.exits)
    play >> .orderRows([exit(play, parent: play.links()[0])])
    play >> .orderRows([exit(play, parent: nil)])
    #expect(shown(play)?.origin?.batch == play.id())
  }

  @Test func whatNobodyAskedForWasMadeElsewhere() {
    var bare = sent("")
    bare >> .orderRows([exit(bare, parent: bare.links()[0])])
    #expect(shown(bare) != nil && shown(bare)?.origin == nil)
    var stranger = sent(Self.exits)
    stranger >> .orderRows([exit(stranger, parent: "somebody")])
    #expect(shown(stranger) != nil && shown(stranger)?.origin == nil)
    var other = sent(Self.exits)
    other >> .orderRows([exit(other, parent: other.links()[0], symbol: "ETHUSDT")])
    #expect(shown(other) != nil && shown(other)?.origin == nil)
  }

  @Test func anApprovedAmendmentMayAskForExitsToo() {
    var play = Playbook()
    play
      >> .orderRows([
        [
          "category": "linear", "symbol": "BTCUSDT", "orderId": "o9", "orderLinkId": "mine",
          "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "60000", "orderStatus": "New",
          "cumExecQty": "0", "createdTime": .string("\(play.now.milliseconds)"),
          "updatedTime": .string("\(play.now.milliseconds)"),
        ]
      ])
    play.sent(
      "amendOrder",
      ["category": "linear", "symbol": "BTCUSDT", "orderLinkId": "mine", "takeProfit": "70000"])
    play >> .orderRows([exit(play, parent: "mine")])
    #expect(shown(play)?.origin == LegOrigin(batch: play.id(), leg: 1, kind: "TakeProfit"))
  }

  // MARK: Ends that the stream did not tell

  /// An exit that is open, in a gateway that hears the stream.
  private func withOpenExit() -> Playbook {
    var play = sent(Self.exits)
    play >> .orderRows([exit(play, parent: play.links()[0])])
    play.lines = []
    return play
  }

  private func ended(_ play: Playbook, _ status: Text, at moment: Timestamp) -> JSONObject {
    var row = exit(play, parent: nil)
    row["orderStatus"] = .string(status)
    row["cumExecQty"] = status == "Filled" ? "0.1" : "0"
    row["updatedTime"] = .string("\(moment.milliseconds)")
    return row
  }

  private func lists(_ play: Playbook, _ rows: [JSONObject] = []) -> GateEvent {
    .openOrders(OpenOrders(rows: rows, complete: [.linear], readAt: play.now))
  }

  private func asks(_ play: inout Playbook, _ line: String, within wait: Milliseconds) -> Bool {
    let end = play.now + wait
    while play.now < end, !play.lines.contains(line) {
      play.after(.seconds(1))
      // What else is asked meanwhile is answered by nothing.
      play >> .exchangeRead(play.id(), .failed("nobody knows"))
      if line != "list" {
        play >> .openOrders(OpenOrders(rows: [], complete: [], readAt: play.now))
      }
    }
    defer { play.lines = [] }
    return play.lines.contains(line)
  }

  @Test func anEndThatTheStreamLostIsFoundAndTheStreamTakenUpAnew() {
    var play = withOpenExit()
    play.after(.seconds(60))
    play.lines = []
    let endedAt = play.now + .seconds(1)
    #expect(asks(&play, "list", within: play.gate.settings.listOpenEvery + .seconds(10)))
    play.after(.seconds(60))
    play >> lists(play)
    #expect(shown(play)?.status == .working, "it has ended before anybody knows how")
    #expect(asks(&play, "ask x1", within: .seconds(10)))
    play >> .ordersRead(["x1"], .rows(orders: [ended(play, "Filled", at: endedAt)], executions: []))
    #expect(shown(play) == nil)
    #expect(play.lines.contains("leg 0 filled"))
    #expect(play.lines.contains("renew"))
    play.after(.seconds(1))
    play.saved()
    #expect(play.kinds().contains("stream_missed"))
  }

  @Test func anEndInAGapIsFoundFromTheBackfillAlone() {
    var play = withOpenExit()
    play >> .feed(.stale(since: play.now))
    let endedAt = play.now + .seconds(1)
    play.after(.seconds(60))
    play >> lists(play)
    play >> .feed(.live)
    play.lines = []
    #expect(asks(&play, "ask x1", within: .seconds(10)))
    play
      >> .ordersRead(["x1"], .rows(orders: [ended(play, "Cancelled", at: endedAt)], executions: []))
    #expect(shown(play) == nil)
    #expect(play.lines.contains("leg 0 cancelled"))
    #expect(!play.lines.contains("renew"), "the gap is known: the stream is not to blame")
  }

  @Test func whatIsListedOrTooNewOrOfAnotherListIsNotAskedFor() {
    var play = withOpenExit()
    play >> lists(play, [exit(play, parent: nil)])
    #expect(play.gate.following.missing.isEmpty)
    play >> .openOrders(OpenOrders(rows: [], complete: [.linear], readAt: play.now))
    #expect(play.gate.following.missing.isEmpty, "it may be younger than the list")
    play.after(.seconds(60))
    play >> .openOrders(OpenOrders(rows: [], complete: [.spot], readAt: play.now))
    #expect(play.gate.following.missing.isEmpty, "a list of spot orders says nothing of it")
    play >> lists(play)
    #expect(play.gate.following.missing == ["x1"])
    play >> .orderRows([ended(play, "Filled", at: play.now)])
    play.lines = []
    #expect(!asks(&play, "ask x1", within: .seconds(20)), "the stream has told it meanwhile")
  }

  @Test func aFailedQuestionIsAskedAgain() {
    var play = withOpenExit()
    play.after(.seconds(60))
    play >> lists(play)
    #expect(asks(&play, "ask x1", within: .seconds(10)))
    play >> .ordersRead(["x1"], .failed("rate limit"))
    #expect(shown(play)?.status == .working)
    #expect(asks(&play, "ask x1", within: .seconds(10)))
  }

  @Test func whatTheExchangeForgotIsShownSoAndNoLongerOpen() {
    var play = withOpenExit()
    play.after(.seconds(60))
    play >> lists(play)
    #expect(asks(&play, "ask x1", within: .seconds(10)))
    play >> .ordersRead(["x1"], .rows(orders: [], executions: []))
    #expect(shown(play) == nil)
    #expect(play.lines.contains("leg 0 resolved"))
  }

  @Test func anEndCountsWhateverItsTimeIs() {
    var play = withOpenExit()
    play >> .orderRows([ended(play, "Cancelled", at: play.now - .seconds(5))])
    #expect(shown(play) == nil)
  }

  @Test func newsOfAnOpenOrderThatAreOlderThanWhatIsKnownChangeNothing() {
    var play = withOpenExit()
    var old = exit(play, parent: nil)
    old["triggerPrice"] = "1"
    old["updatedTime"] = .string("\((play.now - .seconds(5)).milliseconds)")
    play >> .orderRows([old])
    #expect(shown(play)?.triggerPrice != "1")
  }

  @Test func aListThatWasReadBeforeTheNewsOpensNothingAgain() {
    var play = withOpenExit()
    let open = exit(play, parent: nil)
    play.after(.seconds(1))
    play >> .orderRows([ended(play, "Cancelled", at: play.now)])
    play >> lists(play, [open])
    #expect(shown(play) == nil)
  }
}
