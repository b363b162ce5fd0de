import Decimals
import JSON
import MCP
import OperatorProtocol
import Orders
import Risk
import Simulation
import Testing
import Time

@testable import Approvals

/// Calls that change or cancel orders, and what became of an unknown one.
struct ChangeTests {
  static let amendment = Bench.object(
    #"{"category":"linear","symbol":"BTCUSDT","orderId":"o1","price":"61000","stopLoss":"0"}"#)

  static func row(_ more: [Text: JSONValue] = [:], at: Timestamp = Bench.start) -> JSONObject {
    var row: JSONObject = [
      "category": "linear", "symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "", "side": "Buy",
      "orderType": "Limit", "qty": "0.1", "price": "60000", "orderStatus": "New",
      "cumExecQty": "0", "stopLoss": "59000", "createdTime": "1000",
      "updatedTime": .string("\(at.milliseconds)"),
    ]
    for (key, value) in more { row[key] = value }
    return row
  }

  @Test func anAmendmentShowsOldAndNewValues() throws {
    var play = Playbook()
    play >> .orderRows([Self.row()])
    play.held("amendOrder", Self.amendment)
    let call = try #require(play.gate.held[play.id()])
    let change = try #require(play.gate.changes(of: call).first)
    #expect(
      change.fields == [
        FieldChange(key: "price", old: "60000", new: "61000"),
        FieldChange(key: "stopLoss", old: "59000", new: "0"),
      ])
    #expect(change.order?.quantity == "0.1" && change.kind == .amend)
    let words = call.assessment.findings.filter { $0.rule == "CHANGE" }.map(\.words)
    #expect(words == ["removes the stop loss at 59000"])
    #expect(call.assessment.gross?.amount == "6100")
    #expect(play.gate.summary(of: call).legs == 1)
  }

  @Test func anOrderThatIsNotKnownIsHigh() {
    var play = Playbook()
    play.held("amendOrder", Self.amendment)
    #expect(play.gate.held[play.id()]?.assessment.severity == .high)
    play >> .orderRows([Self.row()])
    play >> .market(.init(), .linear)
    let words = play.gate.held[play.id()]?.assessment.findings.map(\.words) ?? []
    #expect(!words.contains { $0.contains("not known here") })
  }

  @Test func aLegOfAnAmendmentFollowsItsOrder() {
    var play = Playbook()
    play >> .orderRows([Self.row()])
    play.sent("amendOrder", Self.amendment)
    play.answers(
      .result(
        ToolResult(text: #"{"retCode":0,"retMsg":"OK","result":{"orderId":"o1"}}"#)))
    play.saved()
    #expect(play.state() == .acknowledged)
    func status() -> LegStatus? {
      play.gate.held[play.id()].map { play.gate.legs(of: $0) }?[0].status
    }
    #expect(status() == .acked)
    play
      >> .orderRows([
        Self.row(["price": "61000", "stopLoss": "", "orderStatus": "Filled", "cumExecQty": "0.1"])
      ])
    #expect(status() == .filled)
  }

  /// What the exchange shows of the order after nobody knows whether it was amended.
  @Test(
    arguments: [
      (["price": "61000", "stopLoss": "0.00"], HoldState.acknowledged, LegStatus.working),
      ([:], .failed, .rejected),
      (["orderStatus": "Cancelled"], .acknowledged, .cancelled),
    ] as [([Text: JSONValue], HoldState, LegStatus)])
  func anUnknownAmendmentIsAskedAbout(
    _ more: [Text: JSONValue], _ state: HoldState, _ status: LegStatus
  ) throws {
    var play = Playbook()
    play.sent("amendOrder", Self.amendment)
    play.answers(.lost("the child died"))
    play.saved()
    #expect(play.gate.summary(of: try #require(play.gate.held[play.id()])).inquiry?.step == .ending)
    play.lines = []
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    #expect(play.lines.contains("show #1 unknown"), "consoles still read that it is being ended")
    play.after(.seconds(8))
    let asked = try #require(play.gate.held[play.id()])
    #expect(play.gate.summary(of: asked).inquiry?.question == "is there an order o1?")
    play >> .exchangeRead(play.id(), .rows(orders: [Self.row(more)], executions: []))
    play.saved()
    #expect(play.state() == state)
    #expect(play.gate.legs(of: try #require(play.gate.held[play.id()]))[0].status == status)
    #expect(play.dispatched.count == 1)
  }

  @Test func aPersonResolvesWhatNobodyCanAsk() throws {
    var play = Playbook()
    play >> .feed(.notConfigured)
    play.sent()
    play.answers(.lost("the child died"))
    play.saved()
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    play.after(.seconds(8))
    let view = play.gate.summary(of: try #require(play.gate.held[play.id()])).inquiry
    #expect(view?.step == .person && view?.legs == [1, 2])
    play.decides("ada", .resolve, note: "looked: neither is there")
    play.saved()
    #expect(play.state() == .resolved)
    let legs = play.gate.legs(of: try #require(play.gate.held[play.id()]))
    #expect(legs.map(\.status) == [.resolved, .resolved])
    #expect(legs[0].words == "resolved by ada: looked: neither is there")
    play.restart()
    play.saved()
    #expect(
      play.gate.legs(of: try #require(play.gate.held[play.id()])).map(\.status)
        == [.resolved, .resolved])
  }

  @Test func slippageIsAgainstThePriceAtApproval() throws {
    var play = Playbook()
    var market = SymbolMarketFixture.quote(bid: "59999", ask: "60000", at: play.now)
    play >> .market(market, .linear)
    play.sent("wsBatchCreateOrders", Bench.batch("61000"))
    market = SymbolMarketFixture.quote(bid: "69999", ask: "70000", at: play.now)
    play >> .market(market, .linear)
    let link = play.links()[0]
    play
      >> .executionRows([
        [
          "category": "linear", "symbol": "BTCUSDT", "orderId": "o9", "orderLinkId": .string(link),
          "side": "Buy", "execId": "e1", "execPrice": "60060", "execQty": "0.1", "execFee": "3.3",
          "execTime": .string("\(play.now.milliseconds)"),
        ]
      ])
    let leg = play.gate.legs(of: try #require(play.gate.held[play.id()]))[0]
    #expect(leg.arrivalPrice == "60000" && leg.slippageBps == "10")
    #expect(leg.feesByCoin == ["USDT": "3.3"] && leg.category == "linear")
  }
}

enum SymbolMarketFixture {
  static func quote(bid: ExactDecimal, ask: ExactDecimal, at time: Timestamp) -> MarketSnapshot {
    var market = SymbolMarket()
    market.bid = bid
    market.ask = ask
    market.engineTime = time
    return MarketSnapshot(["BTCUSDT": market])
  }
}
