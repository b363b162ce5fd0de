import Decimals
import JSON
import Testing
import Time

@testable import Orders

@Suite struct LegTrackerTests {
  let since = Timestamp(milliseconds: 1_000_000)

  func tracker(_ leg: String = limit("BTCUSDT", "Buy", "1", "60000", #","orderLinkId":"a""#))
    throws -> LegTracker
  {
    LegTracker(try batch(leg), since: since)
  }

  func order(
    _ status: String, filled: String = "0", at: Int = 1_000_100, link: String = "a",
    _ changes: [Text: JSONValue] = [:]
  ) throws -> OrderRow {
    var row = object(
      #"{"symbol":"BTCUSDT","orderId":"o1","orderLinkId":"\#(link)","side":"Buy","#
        + #""orderType":"Limit","qty":"1.000","price":"60000","orderStatus":"\#(status)","#
        + #""cumExecQty":"\#(filled)","avgPrice":"","cumFeeDetail":{},"rejectReason":"EC_NoError","#
        + #""createdTime":"1000050","updatedTime":"\#(at)"}"#)
    for (key, value) in changes { row[key] = value }
    return try OrderRow(json: JSONCursor(.object(row)))
  }

  func trade(
    _ id: String, _ qty: String, _ price: String = "60000", fee: String = "1.5",
    at: Int = 1_000_200,
    type: String = "Trade"
  ) throws -> ExecutionRow {
    try ExecutionRow(
      json: JSONCursor(
        .object(
          object(
            #"{"symbol":"BTCUSDT","orderId":"o1","orderLinkId":"a","execId":"\#(id)","side":"Buy","#
              + #""execPrice":"\#(price)","execQty":"\#(qty)","execFee":"\#(fee)","feeCurrency":"","#
              + #""execType":"\#(type)","isMaker":false,"execTime":"\#(at)"}"#))))
  }

  @Test func followsAnOrderFromSentToFilled() throws {
    var all = try tracker()
    #expect(all.legs[0].state == .sent)
    all.apply(
      .accepted([
        LegAck(index: 0, answer: .accepted, code: 0, words: "", orderID: "o1", orderLinkID: "a")
      ]))
    #expect(all.legs[0].state == .acked)
    #expect(try all.apply(order("New")) == .changed(leg: 0))
    #expect(all.legs[0].state == .working)
    #expect(try all.apply(trade("t1", "0.4")) == .changed(leg: 0))
    #expect(all.legs[0].state == .partFilled && all.legs[0].filledQty == "0.4")
    _ = try all.apply(trade("t2", "0.6", "60010"))
    #expect(all.legs[0].state == .filled && all.isSettled)
    #expect(all.legs[0].averagePrice == "60006" && all.legs[0].fees == ["USDT": "3"])
  }

  @Test func aRepeatedTradeCountsOnce() throws {
    var all = try tracker()
    _ = try all.apply(trade("t1", "0.4"))
    #expect(try all.apply(trade("t1", "0.4")) == .unchanged(leg: 0))
    #expect(all.legs[0].filledQty == "0.4" && all.legs[0].fees == ["USDT": "1.5"])
  }

  @Test func fundingIsNoTrade() throws {
    var all = try tracker()
    #expect(try all.apply(trade("t1", "0.4", type: "Funding")) == .unchanged(leg: 0))
  }

  @Test func whatIsFilledNeverFalls() throws {
    var all = try tracker()
    _ = try all.apply(order("PartiallyFilled", filled: "0.7", at: 1_000_300))
    _ = try all.apply(order("New", filled: "0", at: 1_000_100))
    _ = try all.apply(order("PartiallyFilled", filled: "0.2", at: 1_000_400))
    #expect(all.legs[0].state == .partFilled && all.legs[0].filledQty == "0.7")
  }

  @Test func anEndedOrderNeverLivesAgain() throws {
    var all = try tracker()
    _ = try all.apply(order("Cancelled", filled: "0.5", at: 1_000_300))
    _ = try all.apply(order("PartiallyFilled", filled: "0.5", at: 1_000_900))
    #expect(all.legs[0].state == .cancelled(filledQty: "0.5"))
    _ = try all.apply(order("Filled", filled: "1", at: 1_000_301))
    #expect(all.legs[0].state == .filled)
    _ = try all.apply(order("Filled", filled: "1", at: 1_000_302, ["cancelType": "CancelByUser"]))
    #expect(all.legs[0].state == .filled && all.legs[0].reason == "")
  }

  @Test func everyOrderOfTheSameNewsEndsTheSame() throws {
    let rows = try [
      order("New"), order("PartiallyFilled", filled: "0.4", at: 1_000_200),
      order("Cancelled", filled: "0.4", at: 1_000_300),
    ]
    for first in 0..<3 {
      for second in 0..<3 where second != first {
        var all = try tracker()
        for at in [first, second, 3 - first - second] { _ = all.apply(rows[at]) }
        #expect(all.legs[0].state == .cancelled(filledQty: "0.4"))
      }
    }
  }

  @Test func aRejectionWithFillsIsACancellation() throws {
    var all = try tracker()
    _ = try all.apply(order("Rejected", filled: "0.3", ["rejectReason": "EC_X"]))
    #expect(all.legs[0].state == .cancelled(filledQty: "0.3"))
    var other = try tracker()
    _ = try other.apply(order("Rejected", ["rejectReason": "EC_PostOnlyWillTakeLiquidity"]))
    #expect(other.legs[0].state == .rejected(code: nil, words: "EC_PostOnlyWillTakeLiquidity"))
  }

  @Test(
    arguments: [
      ("symbol", "ETHUSDT"), ("side", "Sell"), ("orderType", "Market"), ("qty", "2"),
      ("createdTime", "999999"), ("createdTime", ""),
    ] as [(Text, String)])
  func anotherOrderUnderOurIDDoesNotCount(_ key: Text, _ value: String) throws {
    var all = try tracker()
    let change = try all.apply(order("Filled", filled: "1", [key: .string(Text(value))]))
    guard case .mismatch(leg: 0, _) = change else {
      Issue.record("\(change)")
      return
    }
    #expect(all.legs[0].state == .sent)
  }

  @Test func othersOrdersAreNotOurs() throws {
    var all = try tracker()
    #expect(try all.apply(order("New", link: "b")) == .notOurs)
  }

  @Test func findsAnOrderWithoutLinkIDByItsAck() throws {
    var all = try tracker(limit("BTCUSDT", "Buy", "1", "60000"))
    all.apply(
      .accepted([
        LegAck(index: 0, answer: .accepted, code: 0, words: "", orderID: "o1", orderLinkID: nil)
      ]))
    #expect(try all.apply(order("New", link: "")) == .changed(leg: 0))
  }

  @Test func evidenceWinsOverARefusal() throws {
    var all = try tracker()
    _ = try all.apply(order("New"))
    all.apply(.refused(code: 110_072, words: "duplicate"))
    #expect(all.legs[0].state == .working)
  }

  @Test func unknownStaysUntilTheExchangeIsAsked() throws {
    var all = try tracker()
    all.apply(.unknown(code: 10016, words: "busy"))
    #expect(all.legs[0].state == .unknown && all.hasUnknown && !all.isSettled)
    var absent = all
    absent.concludeAbsent(leg: 0)
    #expect(absent.legs[0].state.name == "rejected")
    _ = try all.apply(order("New"))
    #expect(all.legs[0].state == .working)
    all.concludeAbsent(leg: 0)
    #expect(all.legs[0].state == .working)
  }

  @Test func anAnswerThatNamesAnotherOrderIsNotBelieved() throws {
    var all = try tracker()
    all.apply(
      .accepted([
        LegAck(index: 0, answer: .accepted, code: 0, words: "", orderID: "o9", orderLinkID: "b")
      ]))
    #expect(all.legs[0].state == .unknown && all.legs[0].orderID == nil)
  }

  @Test func aLateAckChangesNothing() throws {
    var all = try tracker()
    _ = try all.apply(trade("t1", "0.4"))
    all.apply(.unknown(code: nil, words: "timed out"))
    #expect(all.legs[0].state == .partFilled)
  }

  @Test func anInverseAverageIsHarmonic() throws {
    var all = LegTracker(
      try batch(
        limit("BTCUSDT", "Buy", "300", "60000", #","orderLinkId":"a""#), category: "inverse"),
      since: since)
    _ = try all.apply(trade("t1", "100", "50000"))
    _ = try all.apply(trade("t2", "200", "100000"))
    #expect(all.legs[0].averagePrice == "75000")
  }

  @Test func anUnknownStatusWordIsAnError() {
    #expect(throws: JSONError.self) { try order("Sleeping") }
  }
}
