import JSON
import MCP
import OperatorProtocol
import Simulation
import Testing
import Time

@testable import Approvals

/// Orders that the exchange makes from an approved one stand with the leg that asked for them.
struct ExitOrderTests {
  private static let exits = #","takeProfit":"70000","stopLoss":"50000""#

  /// A batch of one order that the exchange took.
  private func sent(_ more: String) -> Playbook {
    var play = Playbook()
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
}
