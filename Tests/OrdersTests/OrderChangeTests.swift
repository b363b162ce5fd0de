import Decimals
import JSON
import Testing
import Time

@testable import Orders

@Suite struct OrderChangeTests {
  func amend(_ more: String, tool: Text = "amendOrder") throws -> ChangeBatch {
    try ChangeBatch.parse(
      tool: tool,
      arguments: object(#"{"category":"linear","symbol":"BTCUSDT","orderId":"o1"\#(more)}"#))
  }

  func refusal(_ tool: Text, _ arguments: String) -> OrderError? {
    do {
      _ = try ChangeBatch.parse(tool: tool, arguments: object(arguments))
      return nil
    } catch {
      return error
    }
  }

  static func row(_ more: [Text: JSONValue] = [:]) throws -> OrderRow {
    var row: JSONObject = [
      "category": "linear", "symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "a",
      "side": "Buy", "orderType": "Limit", "qty": "1.000", "price": "60000",
      "orderStatus": "New", "cumExecQty": "0", "takeProfit": "", "stopLoss": "59000",
      "reduceOnly": false, "createdTime": "1000050", "updatedTime": "1000100",
    ]
    for (key, value) in more { row[key] = value }
    return try OrderRow(json: JSONCursor(.object(row)))
  }

  @Test func readsWhatAnAmendmentReplaces() throws {
    let batch = try amend(#","price":"61000","stopLoss":"0","tpslMode":"Full""#)
    #expect(batch.changes.count == 1 && batch.symbols == ["BTCUSDT"])
    let change = batch.changes[0]
    #expect(change.orderID == "o1" && change.orderLinkID == nil && change.price == "61000")
    #expect(change.news.map(\.key) == ["price", "stopLoss", "tpslMode"])
  }

  @Test(
    arguments: [
      ("amendOrder", #"{"category":"linear","symbol":"BTCUSDT","price":"1"}"#, "$"),
      ("amendOrder", #"{"category":"linear","symbol":"BTCUSDT","orderId":"o1"}"#, "$"),
      ("amendOrder", #"{"category":"linear","symbol":"X","orderId":"o","side":"Buy"}"#, "$.side"),
      ("amendOrder", #"{"category":"linear","symbol":"X","orderId":"o","qty":"1e3"}"#, "$.qty"),
      ("amendOrder", #"{"category":"linear","symbol":"X","orderId":"o 1","qty":"1"}"#, "$.orderId"),
      (
        "wsBatchAmendOrders",
        #"{"category":"spot","request":[{"symbol":"X","orderId":"o","qty":"1"},"#
          + #"{"symbol":"X","orderId":"o","price":"2"}]}"#, "$.request[1]"
      ),
      (
        "batchCancelOrders",
        #"{"category":"spot","request":[{"symbol":"X","orderId":"o","orderFilter":"Order"}]}"#,
        "$.request[0].orderFilter"
      ),
      ("wsBatchCancelOrders", #"{"category":"spot","request":[]}"#, "$.request"),
      ("cancelAllOrders", #"{"category":"linear","symbol":"BTCUSDT","all":true}"#, "$.all"),
      ("cancelAllOrders", #"{"symbol":"BTCUSDT"}"#, "$"),
      ("createOrder", #"{"category":"linear"}"#, "$"),
    ] as [(Text, String, String)])
  func refusesWithTheirPath(_ tool: Text, _ arguments: String, _ path: String) {
    #expect(refusal(tool, arguments)?.path.description == path)
  }

  @Test func cancelsAreReadFromEveryTool() throws {
    for tool in ["cancelOrder", "wsCancelOrder"] as [Text] {
      let one = try ChangeBatch.parse(
        tool: tool,
        arguments: object(
          #"{"category":"spot","symbol":"BTCUSDT","orderLinkId":"a","orderFilter":"tpslOrder"}"#))
      #expect(one.changes.map(\.orderLinkID) == ["a"] && one.changes[0].news.isEmpty)
    }
    let all = try ChangeBatch.parse(
      tool: "cancelAllOrders",
      arguments: object(#"{"category":"linear","settleCoin":"USDT","orderFilter":"StopOrder"}"#))
    #expect(all.changes.isEmpty && all.scope.count == 3)
  }

  @Test func showsTheOrderAsItWouldStand() throws {
    let row = try Self.row(["triggerPrice": "0.00"])
    let batch = try amend(#","price":"61000","stopLoss":"0""#)
    let result = try #require(batch.result(of: [row]))
    #expect(result.legs[0].price == "61000" && result.legs[0].qty == "1")
    #expect(result.legs[0].stopLoss == nil && !result.legs[0].isConditional)
    #expect(batch.result(of: []) == nil)
    #expect(try Notional(result).byCurrency.first?.gross() == "61000")
  }

  // MARK: What became of it

  let since = Timestamp(milliseconds: 1_000_000)

  func tracker(_ more: String = #","price":"61000""#) throws -> LegTracker {
    LegTracker(try amend(more), since: since)
  }

  @Test func anAmendmentFollowsItsOrder() throws {
    var all = try tracker()
    all.apply(
      .accepted([
        LegAck(index: 0, answer: .accepted, code: 0, words: "", orderID: "o1", orderLinkID: nil)
      ]))
    #expect(all.legs[0].state == .acked)
    // News of the order with its old price say nothing about the amendment.
    _ = all.apply(try Self.row(["cumExecQty": "0.1", "orderStatus": "PartiallyFilled"]))
    #expect(all.legs[0].state == .acked)
    _ = all.apply(try Self.row(["price": "61000.0", "updatedTime": "1000200"]))
    #expect(all.legs[0].state == .partFilled && all.legs[0].orderLinkID == "a")
    _ = all.apply(
      try Self.row([
        "price": "61000", "orderStatus": "Filled", "cumExecQty": "1", "updatedTime": "1000300",
      ]))
    #expect(all.legs[0].state == .filled && all.isSettled)
  }

  @Test func aRefusedAmendmentLeavesItsOrderAsItWas() throws {
    var all = try tracker()
    all.apply(.refused(code: 110_001, words: "too late"))
    _ = all.apply(try Self.row())
    #expect(all.legs[0].state == .rejected(code: 110_001, words: "too late"))
  }

  @Test func anUnknownAmendmentIsSeenByItsNewValues() throws {
    var all = try tracker()
    all.markUnknown()
    _ = all.apply(try Self.row())
    #expect(all.legs[0].state == .unknown && all.hasUnknown)
    var other = all
    other.concludeAbsent(leg: 0)
    #expect(
      other.legs[0].state == .rejected(code: nil, words: "the order still has its old values"))
    _ = all.apply(try Self.row(["price": "61000", "updatedTime": "1000200"]))
    #expect(all.legs[0].state == .working)
  }

  @Test func anOrderThatRestsAsBeforeWasNotAmended() throws {
    var all = try tracker()
    all.markUnknown()
    _ = all.apply(try Self.row(["updatedTime": "999000"]))
    #expect(all.legs[0].state == .unknown && all.legs[0].qty == "1")
    all.concludeAbsent(leg: 0)
    #expect(all.legs[0].state == .rejected(code: nil, words: "the order still has its old values"))
  }

  @Test func anOrderThatEndedBeforeCannotHaveBeenAmended() throws {
    var all = try tracker()
    all.markUnknown()
    _ = all.apply(
      try Self.row(["orderStatus": "Filled", "cumExecQty": "1", "updatedTime": "999000"]))
    #expect(
      all.legs[0].state == .rejected(code: nil, words: "the order had ended before: Filled"))
  }

  @Test func aCancelEndsWithItsOrder() throws {
    func cancel() throws -> LegTracker {
      let batch = try ChangeBatch.parse(
        tool: "wsBatchCancelOrders",
        arguments: object(
          #"{"category":"linear","request":[{"symbol":"BTCUSDT","orderLinkId":"a"}]}"#))
      return LegTracker(batch, since: since)
    }
    var all = try cancel()
    all.markUnknown()
    _ = all.apply(try Self.row())
    #expect(all.legs[0].state == .unknown)
    var open = all
    open.concludeAbsent(leg: 0)
    #expect(open.legs[0].state == .rejected(code: nil, words: "the order is still open"))
    _ = all.apply(
      try Self.row(["orderStatus": "Cancelled", "cumExecQty": "0.4", "updatedTime": "1000200"]))
    #expect(all.legs[0].state == .cancelled(filledQty: "0.4"))
  }

  @Test func aPersonsWordCountsUntilTheExchangeSpeaks() throws {
    var all = LegTracker(
      try batch(limit("BTCUSDT", "Buy", "1", "60000", #","orderLinkId":"a""#)), since: since)
    all.markUnknown()
    all.resolve(words: "resolved by ada: not there")
    #expect(all.legs[0].state == .resolved(words: "resolved by ada: not there") && all.isSettled)
    _ = all.apply(try Self.row())
    #expect(all.legs[0].state == .working)
  }

  @Test func anAmendedOrderIsStillTheLegs() throws {
    var all = LegTracker(
      try batch(limit("BTCUSDT", "Buy", "1", "60000", #","orderLinkId":"a""#)), since: since)
    _ = all.apply(try Self.row())
    _ = all.apply(
      try Self.row([
        "qty": "0.4", "orderStatus": "Filled", "cumExecQty": "0.4", "updatedTime": "1000200",
      ]))
    #expect(all.legs[0].state == .filled && all.legs[0].qty == "0.4")
  }

  @Test func aStrangerUnderTheLegsIDIsNoAbsence() throws {
    var all = LegTracker(
      try batch(limit("BTCUSDT", "Buy", "1", "60000", #","orderLinkId":"a""#)), since: since)
    all.markUnknown()
    _ = all.apply(try Self.row(["qty": "2"]))
    all.concludeAbsent(leg: 0)
    #expect(all.legs[0].state == .unknown && all.legs[0].stranger == "its quantity is 2")
  }
}
