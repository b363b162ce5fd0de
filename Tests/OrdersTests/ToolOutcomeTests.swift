import JSON
import TestSupport
import Testing

@testable import Orders

@Suite struct ToolOutcomeTests {
  let wsBatch = given(OrderTool.named("wsBatchCreateOrders"))
  let wsSingle = given(OrderTool.named("wsCreateOrder"))
  let restBatch = given(OrderTool.named("batchCreateOrders"))
  let restSingle = given(OrderTool.named("createOrder"))

  func batchReply(_ codes: [Int], body: String = "data") -> String {
    let rows = codes.enumerated().map { index, code in
      code == 0
        ? #"{"symbol":"SOLUSDT","orderId":"id-\#(index)","orderLinkId":"l-\#(index)"}"#
        : #"{"symbol":"SOLUSDT","orderId":"","orderLinkId":"l-\#(index)"}"#
    }
    let told = codes.map { #"{"code":\#($0),"msg":"words \#($0)"}"# }
    return #"{"retCode":0,"retMsg":"OK","op":"order.create-batch","\#(body)":{"list":["#
      + rows.joined(separator: ",") + #"]},"retExtInfo":{"list":["#
      + told.joined(separator: ",") + "]}}"
  }

  @Test(arguments: ["data", "result"])
  func readsTheCodeOfEveryLeg(_ body: String) throws {
    let outcome = ToolOutcome.read(batchReply([0, 10001], body: body), tool: wsBatch, legCount: 2)
    guard case .partly(let acks) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(acks.map(\.answer) == [.accepted, .rejected])
    #expect(acks[0].orderID == "id-0" && acks[1].orderID == nil)
    #expect(acks[1].words == "words 10001" && acks[1].orderLinkID == "l-1")
  }

  @Test func aSuccessWhoseEveryLegFailedIsNoSuccess() {
    let outcome = ToolOutcome.read(batchReply([110_007, 110_007]), tool: wsBatch, legCount: 2)
    guard case .partly(let acks) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(acks.allSatisfy { $0.answer == .rejected })
  }

  @Test(arguments: [10006, 10016, 10429, 170_146])
  func anAmbiguousLegIsNeitherAcceptedNorRejected(_ code: Int) {
    let outcome = ToolOutcome.read(batchReply([0, code]), tool: wsBatch, legCount: 2)
    guard case .partly(let acks) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(acks[1].answer == .ambiguous)
  }

  @Test func acceptsWhenEveryLegWasAccepted() {
    let outcome = ToolOutcome.read(batchReply([0, 0]), tool: restBatch, legCount: 2)
    guard case .accepted(let acks) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(acks.count == 2)
  }

  @Test func anAnswerAboutAnotherNumberOfLegsIsUnknown() {
    let outcome = ToolOutcome.read(batchReply([0]), tool: wsBatch, legCount: 2)
    guard case .unknown = outcome else {
      Issue.record("\(outcome)")
      return
    }
  }

  @Test(arguments: [
    (170_131, false, false), (10016, false, true), (10001, true, true), (10003, true, false),
    (20006, true, true), (10001, false, false),
  ])
  func topLevelCodes(_ code: Int, _ isBatch: Bool, _ isUnknown: Bool) {
    let text = #"{"retCode":\#(code),"retMsg":"no","data":{},"retExtInfo":{}}"#
    let outcome = ToolOutcome.read(text, tool: isBatch ? wsBatch : wsSingle, legCount: 1)
    #expect(
      outcome == (isUnknown ? .unknown(code: code, words: "no") : .refused(code: code, words: "no"))
    )
  }

  @Test func readsSingleOrders() {
    let text = #"{"retCode":0,"retMsg":"OK","result":{"orderId":"7","orderLinkId":"a"}}"#
    #expect(
      ToolOutcome.read(text, tool: restSingle, legCount: 1)
        == .accepted([
          LegAck(
            index: 0, answer: .accepted, code: 0, words: "OK", orderID: "7", orderLinkID: "a")
        ]))
  }

  @Test(
    arguments: [
      ("Error: Bybit API error 110072: OrderLinkedID is duplicate", 110_072, false),
      ("Error: Bybit API error 10016: busy", 10016, true),
      ("Error: This operation was aborted", nil, true),
      ("Error: Trade WS request timed out after 5000ms", nil, true),
      ("Error: Trade WS connection closed unexpectedly", nil, true),
      ("Error: HTTP 403 Forbidden: x", nil, true),
      ("Validation error: request.0.side: Invalid enum value.", nil, false),
      ("Error: connect ECONNREFUSED 127.0.0.1:1", nil, false),
      ("Error: WebSocket auth failed: {}", nil, false),
      ("Error: upgrade required: install version 9", nil, false),
    ] as [(String, Int?, Bool)])
  func failedCalls(_ text: String, _ code: Int?, _ isUnknown: Bool) {
    switch ToolOutcome.read(text, isError: true, tool: restSingle, legCount: 1) {
    case .unknown(let told, _): #expect(isUnknown && told == code)
    case .refused(let told, _): #expect(!isUnknown && told == code)
    case .accepted, .partly: Issue.record("a failed call accepted nothing")
    }
  }

  @Test(arguments: ["", "ok", "[]", #"{"retMsg":"OK"}"#, #"{"retCode":"0"}"#])
  func textThatIsNoAnswerIsUnknown(_ text: String) {
    guard case .unknown = ToolOutcome.read(text, tool: wsSingle, legCount: 1) else {
      Issue.record("\(text) was believed")
      return
    }
  }

  @Test func otherToolsAreReadByTheirCode() {
    func read(_ text: String, isError: Bool = false) -> ToolOutcome? {
      ToolOutcome.readOther(text, isError: isError)
    }
    #expect(read(#"{"retCode":0}"#) == nil)
    #expect(read("pong") == nil)
    #expect(read(#"{"retCode":110043,"retMsg":"no"}"#) == .refused(code: 110_043, words: "no"))
    #expect(read(#"{"retCode":10016,"retMsg":"e"}"#) == .unknown(code: 10016, words: "e"))
    #expect(
      read("Error: Bybit API error 110043: no", isError: true)
        == .refused(code: 110_043, words: "no"))
    #expect(read("Error: no such file", isError: true) == nil)
    let cut = "Error: This operation was aborted"
    #expect(read(cut, isError: true) == .unknown(code: nil, words: cut))
  }
}
