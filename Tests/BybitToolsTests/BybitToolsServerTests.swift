import JSON
import Synchronization
import Testing
import V5Stub

@testable import BybitTools

@Suite struct BybitToolsServerTests {
  private static let leg: JSONValue = [
    "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.10", "price": "100",
  ]
  private static let batch: JSONValue = ["category": "linear", "request": [leg]]

  /// Signs everybody in and answers orders with `reply`.
  private static func trading(
    _ reply: JSONValue?
  ) -> @Sendable (String, JSONValue) -> [V5Stub.Step] {
    { path, frame in
      guard path == "/v5/trade", frame["op"] != "auth" else { return V5Stub.polite(path, frame) }
      return reply.map { [.send($0)] } ?? []
    }
  }

  @Test func listsEveryToolWithAClosedSchema() async throws {
    let stub = try await V5Stub()
    let client = try await Client(stub)
    let list = try await client.ask("tools/list", [:])
    let tools = try #require(list["result"]?["tools"]?.arrayValue)
    #expect(tools.count == Tool.all.count)
    for tool in tools { #expect(tool["inputSchema"]?["additionalProperties"] == false) }
    try await client.finish()
    await stub.stop()
  }

  @Test(arguments: [0, 10016, 10001, 20006])
  func everyTradeFrameIsASuccessWithTheRawFrameAsText(_ code: Int) async throws {
    let reply: JSONValue = [
      "reqId": "req-1700000000000", "retCode": .int(code), "retMsg": "m",
      "op": "order.create-batch", "data": ["list": [["orderId": ""]]],
      "retExtInfo": ["list": [["code": 110007, "msg": "ab not enough for new order"]]],
    ]
    let stub = try await V5Stub(socket: Self.trading(reply))
    let client = try await Client(stub)
    let (text, isError) = try await client.call("wsBatchCreateOrders", Self.batch)
    #expect(!isError)
    #expect(try JSONParser.parse(text) == reply)
    #expect(stub.frames.last?.frame["reqId"] == "req-1700000000000")
    try await client.finish()
    await stub.stop()
  }

  @Test func unknownKeysVanishAndNothingElseChanges() async throws {
    let stub = try await V5Stub(socket: Self.trading(["retCode": 0, "op": "order.create-batch"]))
    let client = try await Client(stub)
    _ = try await client.call(
      "wsBatchCreateOrders",
      [
        "category": "linear", "comment": "x",
        "request": [
          [
            "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.10",
            "slippageTolerance": "1", "reduceOnly": true, "positionIdx": 0,
          ]
        ],
      ])
    #expect(
      stub.frames.last?.frame["args"] == [
        [
          "category": "linear",
          "request": [
            [
              "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.10",
              "positionIdx": 0, "reduceOnly": true,
            ]
          ],
        ]
      ])
    try await client.finish()
    await stub.stop()
  }

  @Test(arguments: [
    (#"{"category":"linear"}"#, "request: Required"),
    (#"{"category":"linear","request":[]}"#, "request: Array must contain at least 1 element(s)"),
    (
      #"{"category":"swap","request":[{}]}"#,
      "category: Invalid enum value. Expected 'spot' | 'linear' | 'inverse' | 'option', "
        + "received 'swap'; request.0.symbol: Required; request.0.side: Required; "
        + "request.0.orderType: Required; request.0.qty: Required"
    ),
    (
      #"{"category":"spot","request":[{"symbol":1,"side":"Buy","orderType":"Limit","qty":0.1}]}"#,
      "request.0.symbol: Expected string, received number; "
        + "request.0.qty: Expected string, received number"
    ),
    (
      #"{"category":"spot","request":[{"symbol":"A","side":"Buy","orderType":"Limit","#
        + #""qty":"1","positionIdx":"0","reduceOnly":"x"}]}"#,
      "request.0.positionIdx: Invalid input; request.0.reduceOnly: Expected boolean, "
        + "received string"
    ),
    (#"{"category":"spot","request":["x"]}"#, "request.0: Expected object, received string"),
  ])
  func badInputIsNotSent(_ arguments: String, _ problem: String) async throws {
    let stub = try await V5Stub(socket: Self.trading(nil))
    let client = try await Client(stub)
    let (text, isError) = try await client.call(
      "wsBatchCreateOrders", JSONParser.parse(arguments))
    #expect(isError)
    #expect(text == "Validation error: \(problem)")
    #expect(stub.opened.isEmpty)
    try await client.finish()
    await stub.stop()
  }

  @Test func unknownOutcomesHaveTheOfficialTexts() async throws {
    let silent = try await V5Stub(socket: Self.trading(nil))
    var client = try await Client(silent, trade: .milliseconds(500))
    var outcome = try await client.call("wsBatchCreateOrders", Self.batch)
    #expect(outcome.isError)
    #expect(outcome.text == "Error: Trade WS request timed out after 500ms")
    try await client.finish()
    await silent.stop()

    let closing = try await V5Stub(socket: { path, frame in
      frame["op"] == "auth" ? V5Stub.polite(path, frame) : [.close]
    })
    client = try await Client(closing)
    outcome = try await client.call("wsBatchCreateOrders", Self.batch)
    #expect(outcome.text == "Error: Trade WS connection closed unexpectedly")
    try await client.finish()
    await closing.stop()
  }

  @Test func aRefusedSignInAndAMissingKeyAreErrors() async throws {
    let refusal: JSONValue = ["retCode": 10004, "retMsg": "error sign!", "op": "auth"]
    let stub = try await V5Stub(socket: { _, _ in [.send(refusal)] })
    var client = try await Client(stub)
    var outcome = try await client.call("wsBatchCreateOrders", Self.batch)
    #expect(outcome.isError)
    #expect(outcome.text == "Error: WebSocket auth failed: \(JSONWriter.text(of: refusal))")
    try await client.finish()
    client = try await Client(stub, hasKey: false)
    outcome = try await client.call("wsBatchCreateOrders", Self.batch)
    #expect(outcome.text == "Error: BYBIT_API_KEY must be set for trade operations.")
    try await client.finish()
    await stub.stop()
  }

  @Test func readsReturnTheWholeEnvelopeAndRefusalsAreErrors() async throws {
    let stub = try await V5Stub(rest: { request in
      switch request.target {
      case let target where target.hasPrefix("/v5/market/tickers?"):
        .json(["retCode": 0, "retMsg": "OK", "result": ["list": []], "time": 1])
      case let target where target.hasPrefix("/v5/order/realtime?"):
        .json(["retCode": 10003, "retMsg": "API key is invalid."])
      default: .status(403, "no")
      }
    })
    let client = try await Client(stub)
    let good = try await client.call("getTickers", ["category": "linear", "symbol": "BTCUSDT"])
    #expect(!good.isError)
    #expect(good.text.hasPrefix("{\n  \"retCode\": 0,\n  \"retMsg\": \"OK\",\n  \"result\": {\n"))
    #expect(stub.requests.first?.target == "/v5/market/tickers?category=linear&symbol=BTCUSDT")
    let refused = try await client.call("getOpenOrders", ["category": "linear", "limit": 5])
    #expect(refused.isError)
    #expect(refused.text == "Error: Bybit API error 10003: API key is invalid.")
    let blocked = try await client.call("queryAPIKey", [:])
    #expect(blocked.text == "Error: HTTP 403 Forbidden: no")
    let unknown = try await client.call("nope", [:])
    #expect(unknown.isError)
    #expect(unknown.text == "Tool not found: nope")
    try await client.finish()
    await stub.stop()
  }

  @Test(
    arguments: [
      (
        "createOrder",
        #"{"category":"spot","symbol":"A","side":"Buy","orderType":"Market","qty":"9"}"#,
        "/v5/order/create"
      ),
      ("cancelAllOrders", #"{"category":"linear","settleCoin":"USDT"}"#, "/v5/order/cancel-all"),
      (
        "batchAmendOrders", #"{"category":"option","request":[{"symbol":"A","orderId":"1"}]}"#,
        "/v5/order/amend-batch"
      ),
      (
        "setTradingStop",
        #"{"category":"linear","symbol":"A","tpslMode":"Full","positionIdx":"0","stopLoss":"1"}"#,
        "/v5/position/trading-stop"
      ),
    ] as [(Text, String, String)])
  func aPostIsSentAsGivenAndItsRefusalIsAnError(
    _ tool: Text, _ arguments: String, _ path: String
  ) async throws {
    let replies = Turn([
      .json(["retCode": 0, "retMsg": "OK", "result": [:]]),
      .json(["retCode": 110001, "retMsg": "order not exists"]),
    ])
    let stub = try await V5Stub(rest: { _ in replies.next() })
    let client = try await Client(stub)
    let input = try JSONParser.parse(arguments)
    let good = try await client.call(tool, input)
    #expect(!good.isError)
    let request = try #require(stub.requests.first)
    #expect(request.method == "POST" && request.target == path)
    #expect(try JSONParser.parse(request.body) == input)
    let refused = try await client.call(tool, input)
    #expect(refused.isError && refused.text == "Error: Bybit API error 110001: order not exists")
    try await client.finish()
    await stub.stop()
  }

  @Test func aSubscriptionIsReadInSteps() async throws {
    let stub = try await V5Stub()
    let client = try await Client(stub)
    let started = try await client.call(
      "startSubscription",
      ["category": "private", "topic": "order", "requiresAuth": true, "maxMessages": 2])
    let id = try #require(try JSONParser.parse(started.text)["subscriptionId"])
    func read() async throws -> JSONValue {
      try JSONParser.parse(try await client.call("readMessages", ["subscriptionId": id]).text)
    }
    while try await read()["status"] != "active" { await Task.yield() }
    for number in 1...3 {
      stub.push(["topic": "order", "creationTime": .int(number), "data": []])
    }
    var seen: [JSONValue] = []
    while seen.last?["creationTime"] != 3 {
      seen += try await read()["messages"]?.arrayValue ?? []
    }
    let list = try await client.call("listSubscriptions", [:])
    #expect(try JSONParser.parse(list.text)["count"] == 1)
    #expect(!(try await client.call("stopSubscription", ["subscriptionId": id])).isError)
    #expect(try await client.call("readMessages", ["subscriptionId": id]).isError)
    try await client.finish()
    await stub.stop()
  }

  @Test func faultsAreReproducedOnRequest() async throws {
    let stub = try await V5Stub(socket: Self.trading(["retCode": 0, "op": "order.create-batch"]))
    var client = try await Client(stub, faults: "upgrade-required")
    let refused = try await client.call("getTickers", ["category": "linear"])
    #expect(refused.isError && refused.text.contains("upgrade required"))
    #expect(stub.requests.isEmpty)
    try await client.finish()
    client = try await Client(stub, faults: "hanging-handshake")
    try await client.start("wsBatchCreateOrders", Self.batch, id: 5)
    #expect(try await client.ask("ping", [:], id: 6)["id"] == 6)
    #expect(stub.opened.isEmpty)
    await client.abandon()
    await stub.stop()
    await #expect(throws: (any Error).self) { _ = try await Client(stub, faults: "nonsense") }
  }

  @Test func aSlowSubscriptionBlocksNoOther() async throws {
    let stub = try await V5Stub(rest: { _ in .json(["retCode": 0, "result": [:]]) })
    let client = try await Client(stub)
    try await client.start(
      "subscribeOrder", ["category": "linear", "messageCount": 2, "timeoutMs": 60_000], id: 7)
    while stub.frames.count < 2 { await Task.yield() }
    #expect(stub.frames.last?.frame["args"] == ["order.linear"])
    try await client.start("getTickers", ["category": "linear"], id: 8)
    #expect(try await client.next()["id"] == 8)
    let frame: JSONValue = ["id": "1", "topic": "order.linear", "creationTime": 1, "data": [[:]]]
    stub.push(frame)
    stub.push(["op": "pong"])
    stub.push(frame)
    let answer = try await client.next()
    #expect(answer["id"] == 7)
    #expect(try JSONParser.parse(Client.outcome(answer).text) == [frame, frame])
    try await client.finish()
    await stub.stop()
  }

  @Test func aSubscriptionWithoutEventsIsAnEmptyList() async throws {
    let stub = try await V5Stub()
    let client = try await Client(stub)
    let (text, isError) = try await client.call("subscribeExecution", ["timeoutMs": 150])
    #expect(text == "[]")
    #expect(!isError)
    try await client.finish()
    await stub.stop()
  }

  @Test func brokenLinesGetErrorsAndTheServerLivesOn() async throws {
    let stub = try await V5Stub()
    let client = try await Client(stub, lineBytes: 20_000)
    for line in ["{", "[]", #"{"jsonrpc":"1.0","id":4,"method":"ping"}"#, #"{"a":1,"a":2}"#] {
      try await client.send(raw: line)
      #expect(try await client.next()["error"]?["code"]?.intValue ?? 0 <= -32600)
    }
    try await client.send(raw: String(repeating: "x", count: 300_000))
    #expect(try await client.next()["error"]?["code"] == -32700)
    try await client.send(raw: "")
    #expect(try await client.ask("ping", [:], id: 9)["result"] == [:])
    try await client.finish()
    await stub.stop()
  }

  @Test func aCancelledCallStillPlacesItsOrderAndIsNotAnswered() async throws {
    let stub = try await V5Stub(socket: Self.trading(["retCode": 0, "op": "order.create-batch"]))
    let client = try await Client(stub)
    try await client.start("wsBatchCreateOrders", Self.batch, id: 5)
    try await client.send([
      "jsonrpc": "2.0", "method": "notifications/cancelled", "params": ["requestId": 5],
    ])
    while stub.frames.count < 2 || stub.openSockets > 0 { await Task.yield() }
    #expect(try await client.ask("ping", [:], id: 6)["id"] == 6)
    try await client.finish()
    await stub.stop()
  }
}

/// Answers in turn, the last one for ever.
private final class Turn: Sendable {
  private let answers: Mutex<[V5Stub.Answer]>
  init(_ all: [V5Stub.Answer]) { answers = Mutex(all) }
  func next() -> V5Stub.Answer { answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }
}
