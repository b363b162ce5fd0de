import JSON
import MCP
import OperatorProtocol
import Orders
import Simulation
import Testing
import Time

@testable import Approvals

/// From the approval to the outcome.
struct DispatchTests {
  @Test func theGroupIsRecordedBeforeAnythingIsSentThroughIt() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play << ["persist approved", "accept 1", "show #1 approved", "open"]
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play << ["persist "]
    play.savedOne()
    play << ["persist dispatching"]
    #expect(play.records[.meta]?["lane/bybit"] == "g1")
    play.savedOne()
    play << ["show #1 dispatching", "dispatch #1 wsBatchCreateOrders"]
    #expect(play.dispatched == [play.gate.held[play.id()]?.statement.arguments])
  }

  @Test func oneCallAtATime() {
    var play = Playbook()
    play.sent()
    play.held("wsBatchCreateOrders", Bench.batch("1"))
    play.decides("ada", .approve, 2)
    play.saved()
    play << ["persist approved", "accept 2", "show #2 approved"]
    play.answers(accepted)
    play.saved()
    play << [
      "persist acknowledged", "persist dispatching", "show #1 acknowledged",
      "answer 1 acknowledged", "show #2 dispatching", "dispatch #2 wsBatchCreateOrders",
    ]
  }

  @Test func aLaneThatCannotBeOpenedFailsWhatWaitsForIt() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play.lines = []
    play >> .laneFailed(upstream: Bench.upstream, "no such program")
    play.saved()
    play << ["persist failed", "show #1 failed", "answer 1 failed"]
  }

  @Test func aLaneThatGoesAwayBeforeTheBytesLeaveFailsTheCall() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.savedOne()
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    play.saved()
    #expect(play.state() == .failed)
    #expect(play.dispatched.isEmpty)
  }

  @Test func aChildThatWasKilledWhileItWasRecordedIsNotUsed() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    play.lines = []
    play.saved()
    #expect(play.dispatched.isEmpty)
    #expect(play.state() == .approved)
  }

  // MARK: Answers

  static let answers: [(DispatchAnswer, HoldState)] = [
    (accepted, .acknowledged),
    (legs(0, 110_007), .acknowledged),
    (legs(110_007, 110_007), .failed),
    (legs(0, 10_016), .unknown),
    (text(#"{"retCode":10003,"retMsg":"bad key"}"#), .failed),
    (text(#"{"retCode":10016,"retMsg":"busy"}"#), .unknown),
    (text("not JSON"), .unknown),
    (text("Validation error: no symbol", isError: true), .failed),
    (text("Error: request timed out", isError: true), .unknown),
    (.refused(RPCError(.invalidParams, "no such tool")), .failed),
    (.refused(RPCError(.internalError, "it broke")), .unknown),
    (.notSent("the pipe is closed"), .failed),
    (.lost("the child died"), .unknown),
  ]

  @Test(arguments: answers) func everyAnswerIsRead(answer: DispatchAnswer, state: HoldState) {
    var play = Playbook()
    play.sent()
    play.answers(answer)
    play.saved()
    #expect(play.state() == state)
    #expect(
      play.lines.contains("kill g1")
        == (state == .unknown || answer == .notSent("the pipe is closed"))
    )
  }

  @Test func anAllFailedBatchIsNoSuccess() {
    var play = Playbook()
    play.sent()
    play.answers(Self.legs(110_007, 110_007))
    play.saved()
    #expect(play.gate.held[play.id()]?.outcome == "the exchange refused all 2 legs")
    #expect(play.results[1]?[meta: ToolResult.decisionKey]?["status"] == "failed")
  }

  @Test func noAnswerWithinTheDeadlineIsUnknown() {
    var play = Playbook()
    play.sent()
    play.after(.milliseconds(19_999))
    play << []
    play.after(.milliseconds(1))
    play.saved()
    play << ["persist unknown", "kill g1", "show #1 unknown"]
    play.answers(accepted)
    play << []
    #expect(play.state() == .unknown)
  }

  @Test func anUnknownOutcomeIsNeverSentAgain() {
    var play = Playbook()
    play.sent()
    play.answers(.lost("x"))
    play.saved()
    play.call()
    play.restart()
    play.introduce()
    play.saved()
    play.call()
    play.saved()
    #expect(play.dispatched.count == 1)
    #expect(play.batches.count == 1)
  }

  // MARK: What the exchange says

  /// Unknown, killed, waited for, and asked about.
  private func asking(_ settings: GateSettings = Bench.settings) -> Playbook {
    var play = Playbook(settings: settings)
    play.sent()
    play.answers(.lost("the child died"))
    play.saved()
    play.lines = []
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    play.after(.milliseconds(7_999))
    play.saved()
    #expect(!play.lines.contains("ask #1"))
    play.lines = []
    play.after(.milliseconds(1))
    play << ["ask #1"]
    return play
  }

  @Test func nothingIsAskedBeforeTheKill() {
    var play = Playbook()
    play.sent()
    play.answers(.lost("x"))
    play.saved()
    play.lines = []
    play.after(.minutes(1))
    #expect(!play.lines.contains("ask #1"))
  }

  @Test func foundOrdersAcknowledgeAndAbsentOnesFail() {
    var play = asking()
    play >> .exchangeRead(play.id(), .rows(orders: [play.row(0), play.row(1)], executions: []))
    play.saved()
    #expect(play.state() == .acknowledged)
    play = asking()
    play >> .exchangeRead(play.id(), .rows(orders: [], executions: []))
    play.saved()
    #expect(play.state() == .failed)
    play = asking()
    play >> .exchangeRead(play.id(), .rows(orders: [play.row(1)], executions: []))
    play.saved()
    #expect(play.state() == .acknowledged)
    #expect(play.gate.held[play.id()]?.outcome == "found at the exchange: 1 of 2 legs")
  }

  @Test(arguments: ["symbol", "side", "orderType", "qty", "createdTime"] as [Text])
  func anotherOrderUnderTheSameLinkIDDoesNotCount(key: Text) {
    let other: [Text: JSONValue] = [
      "symbol": "ETHUSDT", "side": "Sell", "orderType": "Market", "qty": "0.2",
      "createdTime": .string("\((Bench.start - .seconds(4)).milliseconds)"),
    ]
    var play = asking()
    var row = play.row(0)
    row[key] = other[key]
    play >> .exchangeRead(play.id(), .rows(orders: [row], executions: []))
    play.saved()
    // One from before the intent cannot be it; one that bears its id and differs is for a person.
    #expect(play.state() == (key == "createdTime" ? .failed : .unknown))
  }

  @Test func failedReadsAreAskedAgainWithGrowingWaits() {
    var play = asking()
    for wait in [2, 5, 15, 60, 60] as [Int64] {
      play >> .exchangeRead(play.id(), .failed("rate limit"))
      play.lines = []
      play.after(.milliseconds(wait * 1000 - 1))
      #expect(!play.lines.contains("ask #1"))
      play.after(.milliseconds(1))
      #expect(play.lines.contains("ask #1"))
    }
  }

  @Test func anAnswerThatWasNotAskedForConcludesNothing() {
    var play = Playbook()
    play.sent()
    play.answers(.lost("x"))
    play.saved()
    play >> .exchangeRead(play.id(), .rows(orders: [], executions: []))
    #expect(play.state() == .unknown)
  }

  @Test func anUnverifiedAccountConcludesNothing() {
    var play = asking()
    play >> .identitySeen(upstream: Bench.upstream, nil)
    play >> .exchangeRead(play.id(), .rows(orders: [play.row(0), play.row(1)], executions: []))
    #expect(play.state() == .unknown)
  }

  @Test func anUpstreamOverHTTPConcludesNoAbsence() {
    var settings = Bench.settings
    settings.canConcludeAbsence = [Bench.upstream: false]
    var play = asking(settings)
    play >> .exchangeRead(play.id(), .rows(orders: [], executions: []))
    #expect(play.state() == .unknown)
    play.lines = []
    play.after(.seconds(2))
    play.lines = []
    play >> .exchangeRead(play.id(), .rows(orders: [play.row(0), play.row(1)], executions: []))
    #expect(play.state() == .acknowledged)
  }

  @Test func aPersonResolves() {
    var play = asking()
    play.decides("ada", .resolve)
    play << ["refuse 2 bad_request"]
    play.decides("ada", .resolve, note: "both orders were cancelled by hand")
    play.saved()
    play << ["persist resolved", "accept 3", "show #1 resolved", "answer 1 resolved"]
  }

  @Test func theStreamMayFindTheOrdersFirst() {
    var play = Playbook()
    play.sent()
    play.answers(.lost("x"))
    play.saved()
    play >> .orderRows([play.row(0)])
    #expect(play.state() == .unknown)
    play >> .orderRows([play.row(1)])
    #expect(play.state() == .acknowledged)
  }

  // MARK: Legs and fills

  @Test func legsAndFillsAreJoinedToTheBatch() {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play.saved()
    play.shows = ["leg", "fill"]
    play.lines = []
    play >> .orderRows([play.row(0)])
    play << ["leg 1 working"]
    play >> .executionRows([play.fill(1)])
    play << ["fill 2", "leg 2 filled"]
    play >> .executionRows([play.fill(1)])
    play << []
    #expect(play.gate.recentFills.map(\.batch) == [play.id()])
    var other = play.row(0)
    other["orderLinkId"] = "somebody-else"
    other["orderId"] = "z"
    play >> .orderRows([other])
    play << ["leg 0 working"]
    #expect(play.gate.orders.map(\.batch) == [play.id(), play.id(), nil])
  }

  @Test func aRowFitsTheOlderBatchWhenLinkIDsAreUsedTwice() {
    let arguments = Bench.batch("60000", more: #","orderLinkId":"mine""#)
    var play = Playbook()
    play.sent("wsBatchCreateOrders", arguments)
    let row = play.row(0)
    play.answers(Self.legs(0))
    play.saved()
    play >> .answered(RequestID(1), delivered: true)
    play.now = play.now + .minutes(1)
    play.held("wsBatchCreateOrders", arguments)
    play.decides("ada", .approve, 2)
    play.saved()
    #expect(play.state(2) == .dispatching)
    play.shows = ["leg"]
    play.lines = []
    play >> .orderRows([row])
    play << ["leg 1 working"]
    #expect(play.gate.held[play.id(1)]?.tracker?.legs[0].state == .working)
  }

  static func text(_ text: String, isError: Bool = false) -> DispatchAnswer {
    .result(ToolResult(text: text, isError: isError))
  }

  static func legs(_ codes: Int...) -> DispatchAnswer {
    let rows = codes.map { #"{"orderId":"\#($0 == 0 ? "a" : "")"}"# }.joined(separator: ",")
    let list = codes.map { #"{"code":\#($0),"msg":"-"}"# }.joined(separator: ",")
    return text(
      #"{"retCode":0,"retMsg":"OK","data":{"list":[\#(rows)]},"retExtInfo":{"list":[\#(list)]}}"#)
  }
}

extension Playbook {
  /// The order of a leg as the exchange would show it.
  func row(_ leg: Int, of number: Int = 1) -> JSONObject {
    guard let order = gate.held[id(number)]?.order else { return [:] }
    let asked = order.legs[leg]
    return [
      "symbol": .string(asked.symbol), "orderId": .string("o\(leg)"),
      "orderLinkId": .string(asked.orderLinkID ?? ""), "side": .string(asked.side.rawValue),
      "orderType": .string(asked.orderType.rawValue), "qty": .string(asked.qtyText),
      "orderStatus": "New", "cumExecQty": "0",
      "createdTime": .string("\(Bench.start.milliseconds)"),
    ]
  }

  func fill(_ leg: Int) -> JSONObject {
    var row = row(leg)
    row["execId"] = .string("e\(leg)")
    row["execPrice"] = "59000"
    row["execQty"] = row["qty"]
    row["execTime"] = row["createdTime"]
    return row
  }
}
