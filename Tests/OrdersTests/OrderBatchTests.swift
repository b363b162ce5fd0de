import Decimals
import JSON
import Testing

@testable import Orders

@Suite struct OrderBatchTests {
  @Test func readsEveryFieldOfALeg() throws {
    let batch = try batch(
      limit(
        "BTCUSDT", "Sell", "0.010", "61000.50",
        #","reduceOnly":true,"positionIdx":2,"#
          + #""timeInForce":"PostOnly","takeProfit":"59000","orderLinkId":"a-1""#))
    let leg = try #require(batch.legs.first)
    #expect(leg.side == .sell && leg.orderType == .limit && leg.reduceOnly)
    #expect(leg.qtyText == "0.010" && leg.qty == "0.01" && leg.price == "61000.5")
    #expect(leg.positionIdx == 2 && leg.timeInForce == .postOnly && leg.orderLinkID == "a-1")
    #expect(batch.isReducing)
    #expect(
      leg.allFields.map { "\($0.key)=\($0.text)" } == [
        "orderLinkId=a-1", "orderType=Limit", "positionIdx=2", "price=61000.50", "qty=0.010",
        "reduceOnly=true", "side=Sell", "symbol=BTCUSDT", "takeProfit=59000",
        "timeInForce=PostOnly",
      ])
  }

  @Test(arguments: [
    (#","slippageTolerance":"1""#, "$.request[0].slippageTolerance", OrderError.Code.unknownKey),
    (#","Price":"1""#, "$.request[0].Price", .unknownKey),
    (#","reduceonly":true"#, "$.request[0].reduceonly", .unknownKey),
    (#","reduceOnly":"true""#, "$.request[0].reduceOnly", .shape),
    (#","reduceOnly":null"#, "$.request[0].reduceOnly", .shape),
    (#","positionIdx":"0""#, "$.request[0].positionIdx", .shape),
    (#","positionIdx":3"#, "$.request[0].positionIdx", .badValue),
    (#","positionIdx":1.0"#, "$.request[0].positionIdx", .badNumber),
    (#","positionIdx":1e0"#, "$.request[0].positionIdx", .badNumber),
    (#","timeInForce":"RPI""#, "$.request[0].timeInForce", .badValue),
    (#","timeInForce":"gtc""#, "$.request[0].timeInForce", .badValue),
    (#","smpType":"Cancel""#, "$.request[0].smpType", .badValue),
    (#","orderLinkId":"a b""#, "$.request[0].orderLinkId", .linkID),
    (#","orderLinkId":"""#, "$.request[0].orderLinkId", .linkID),
    (#","takeProfit":"-1""#, "$.request[0].takeProfit", .badValue),
  ])
  func refusesAFieldWithItsPath(_ more: String, _ path: String, _ code: OrderError.Code) {
    let error = failure { try batch(limit("BTCUSDT", "Buy", "1", "2", more)) }
    #expect(error?.code == code)
    #expect(error?.path.description == path)
    #expect(error?.fix.isEmpty == false)
  }

  @Test(arguments: ["symbol", "side", "qty", "price", "orderLinkId"])
  func repeatsNothingOfARefusedText(_ key: String) {
    var leg: JSONObject = [
      "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "2",
    ]
    leg[Text(key)] = "\u{1B}[2Japproved"
    let error = failure { try batch(JSONWriter.text(of: .object(leg))) }
    #expect(error?.path.description == "$.request[0].\(key)")
    #expect(error?.description.contains("approved") == false)
  }

  /// Keys are the agent's words as well: a person reads the reason, so it repeats only plain names.
  @Test(arguments: [
    "\u{1B}[2Japproved", "\u{202E}approved", "approved by ada", "\u{430}pproved",
    String(repeating: "approved", count: 9), "",
  ])
  func repeatsNoKeyThatIsNoPlainName(_ key: String) throws {
    func leg(_ value: JSONValue) -> JSONObject {
      [
        "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "2",
        Text(key): value,
      ]
    }
    func refused(_ arguments: JSONObject) throws -> OrderError {
      try #require(
        failure { try OrderBatch.parse(tool: "wsBatchCreateOrders", arguments: arguments) })
    }
    func call(_ legs: JSONValue, _ more: JSONObject = JSONObject()) -> JSONObject {
      var call: JSONObject = ["category": "linear", "request": legs]
      for member in more.members { call[member.key] = member.value }
      return call
    }
    let odd = try JSONParser.parse("[{\"deep\":1e0}]")
    let inside = try refused(call([.object(leg(true))]))
    #expect(inside.code == .unknownKey && inside.path.description == "$.request[0]")
    #expect(inside.description.contains("the key (\(key.utf8.count) bytes)"))
    #expect(inside.fix.contains("orderType, positionIdx, price"))
    let beside = try refused(call([.object(leg(true))], [Text(key): true]))
    #expect(beside.code == .unknownKey && beside.path == .root)
    #expect(beside.fix == "remove it; known here: category, request")
    let number = try refused(call([.object(leg(odd))]))
    #expect(number.code == .badNumber && number.path.description == "$.request[0]")
    for error in [inside, beside, number] {
      #expect(!error.description.contains("pproved"), "\(error)")
    }
  }

  @Test func namesTheKnownKeyThatAnotherLooksLike() throws {
    let twin = ",\"orderLin\u{212A}Id\":\"x\""
    let error = try #require(failure { try batch(limit("BTCUSDT", "Buy", "1", "2", twin)) })
    #expect(error.code == .unknownKey && error.path.description == "$.request[0]")
    #expect(
      error.message == "the key (13 bytes) differs from \"orderLinkId\" only in case")
    #expect(error.fix == "write \"orderLinkId\"")
    let plain = failure { try batch(limit("BTCUSDT", "Buy", "1", "2", #","Price":"1""#)) }
    #expect(plain?.message == "the key \"Price\" differs from \"price\" only in case")
  }

  @Test(arguments: ["-1", "1e9", "", "+1", ".5", "5.", "1,0", " 1", "1 ", "0x10", "NaN", "١"])
  func refusesWhatIsNoPlainDecimal(_ text: String) {
    #expect(failure { try batch(limit("BTCUSDT", "Buy", text)) }?.code == .badValue)
  }

  @Test(arguments: ["0", "007", "1.50", "0.00000001", "123456789012345678901234567890"])
  func takesPlainDecimals(_ text: String) throws {
    #expect(try batch(limit("BTCUSDT", "Buy", text)).legs[0].qtyText.string == text)
  }

  @Test func refusesTooManyDigitsRatherThanRounding() {
    let long = String(repeating: "9", count: 39)
    #expect(failure { try batch(limit("BTCUSDT", "Buy", long)) }?.code == .badValue)
    let padded = String(repeating: "0", count: 60) + "1"
    #expect(failure { try batch(limit("BTCUSDT", "Buy", padded)) }?.code == .badValue)
  }

  @Test(arguments: ["btcusdt", "\u{212A}AITOUSDT", "BTC USDT", "", "BTC/USDT", "BTCUSDT\\r"])
  func refusesSymbolsOutsideTheirAlphabet(_ symbol: String) {
    #expect(failure { try batch(limit(symbol)) }?.code == .badValue)
  }

  @Test(arguments: [
    (0, "linear", false), (1, "linear", true), (20, "linear", true), (21, "linear", false),
    (10, "spot", true), (11, "spot", false),
  ])
  func countsLegs(_ count: Int, _ category: String, _ fits: Bool) {
    let legs = Array(repeating: limit(), count: count).joined(separator: ",")
    let code = failure { try batch(legs, category: category) }?.code
    #expect(code == (fits ? nil : .tooManyLegs))
  }

  @Test func refusesALinkIDThatStandsTwice() {
    let leg = limit("BTCUSDT", "Buy", "1", "2", #","orderLinkId":"x""#)
    let error = failure { try batch(leg + "," + leg) }
    #expect(error?.code == .linkID)
    #expect(error?.path.description == "$.request[1].orderLinkId")
  }

  @Test func refusesStrangersBesideTheLegs() {
    let call = object(#"{"category":"linear","request":[\#(limit())],"dryRun":true}"#)
    let error = failure { try OrderBatch.parse(tool: "wsBatchCreateOrders", arguments: call) }
    #expect(error?.code == .unknownKey && error?.path.description == "$.dryRun")
  }

  @Test func refusesALimitOrderWithoutAPrice() {
    let leg = #"{"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"1"}"#
    #expect(failure { try batch(leg) }?.code == .missing)
    #expect(
      failure {
        try batch(
          leg.replacing("\"1\"}", with: "\"1\",\"orderIv\":\"0.5\"}"),
          category: "option")
      } == nil)
  }

  @Test func readsSingleOrdersAndTheirOwnFields() throws {
    let single = object(
      #"{"category":"spot","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"200","#
        + #""slippageToleranceType":"Percent","slippageTolerance":"0.5","positionIdx":"0"}"#)
    let batch = try OrderBatch.parse(tool: "createOrder", arguments: single)
    #expect(batch.legs[0].slippageTolerance == "0.5" && batch.legs[0].positionIdx == 0)
    #expect(batch.legs[0].quantityIsQuote)
    #expect(
      failure { try OrderBatch.parse(tool: "wsCreateOrder", arguments: single) }?.code
        == .unknownKey)
  }

  @Test(arguments: ["wsAmendOrder", "cancelOrder", "getTickers", "wsbatchcreateorders"] as [Text])
  func createsNothingWithOtherTools(_ tool: Text) {
    #expect(failure { try batch(limit(), tool: tool) }?.code == .notAnOrderTool)
  }

  @Test func knowsTheKindOfEveryOrderTool() {
    #expect(OrderTool.named("wsBatchAmendOrders")?.kind == .amend)
    #expect(OrderTool.named("cancelAllOrders")?.kind == .cancel)
    #expect(OrderTool.named("WsCreateOrder") == nil)
    #expect(OrderTool.named("wsBatchCreateOrders")?.fields.count == 28)
    #expect(OrderTool.named("createOrder")?.fields.count == 34)
  }

  @Test func injectsLinkIDsWhereTheAgentGaveNone() throws {
    let two = try batch(
      limit() + "," + limit("BTCUSDT", "Buy", "1", "2", #","orderLinkId":"mine""#))
    let sent = try two.injectingLinkIDs(batchID: "01JD3ZK7Q9ABCDEFGHJKMNPQRS")
    #expect(
      sent.legs.map(\.orderLinkID) == ["cs-01JD3ZK7Q9ABCDEFGHJKMNPQRS-01", "mine"])
    #expect(sent.legs[0].orderLinkID?.count == 32)
    let text = String(decoding: sent.canonicalArguments, as: UTF8.self)
    #expect(text.hasPrefix(#"{"category":"linear","request":[{"orderLinkId":"cs-01JD"#))
    #expect(two.legs[0].orderLinkID == nil)
  }

  @Test func refusesToInjectWhatTheAgentHasTaken() throws {
    let taken = #","orderLinkId":"cs-01JD3ZK7Q9ABCDEFGHJKMNPQRS-01""#
    let two = try batch(limit() + "," + limit("BTCUSDT", "Buy", "1", "2", taken))
    #expect(
      failure { try two.injectingLinkIDs(batchID: "01JD3ZK7Q9ABCDEFGHJKMNPQRS") }?.code == .linkID)
    #expect(failure { try two.injectingLinkIDs(batchID: "short") }?.code == .linkID)
  }
}
