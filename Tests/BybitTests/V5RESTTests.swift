import Cryptography
import JSON
import Networking
import Synchronization
import Testing
import Time
import V5Stub

@testable import Bybit

@Suite struct V5RESTTests {
  private static let credentials = V5Credentials(key: "K", secret: "S")
  private static let start = Timestamp(milliseconds: 1_700_000_000_000)

  private func client(
    _ stub: V5Stub, credentials: V5Credentials? = credentials, timeout: Duration = .seconds(60)
  ) throws -> V5REST {
    V5REST(
      V5REST.Configuration(
        base: try WebURL(stub.restURL), credentials: credentials, timeout: timeout),
      http: HTTPClient(), now: { Self.start })
  }

  private static func envelope(_ result: JSONValue, code: Int = 0) -> V5Stub.Answer {
    .json([
      "retCode": .int(code), "retMsg": code == 0 ? "OK" : "no", "result": result,
      "retExtInfo": [:], "time": 1_700_000_000_250,
    ])
  }

  @Test func aSignedReadCarriesASignatureOfTheQueryAsSent() async throws {
    let stub = try await V5Stub(rest: { _ in Self.envelope(["list": [["orderId": "1"]]]) })
    let reply = try await client(stub).openOrders(.linear, .init(orderLinkId: "cs-1 &"))
    #expect(reply.list.count == 1)
    let request = try #require(stub.requests.first)
    let query = "category=linear&openOnly=0&orderLinkId=cs-1%20%26"
    #expect(request.target == "/v5/order/realtime?\(query)")
    let text = "1700000000000K5000\(query)"
    #expect(
      request.headers["X-BAPI-SIGN"]
        == HMACSHA256.code(key: "S".utf8, message: text.utf8).hex)
    await stub.stop()
  }

  @Test func aPostSignsItsBodyAsSent() async throws {
    let stub = try await V5Stub(rest: { _ in Self.envelope(["orderId": "1"]) })
    _ = try await client(stub).createOrder(
      ["symbol": "BTCUSDT", "qty": "0.10", "category": "linear"])
    let request = try #require(stub.requests.first)
    #expect(request.body == #"{"symbol":"BTCUSDT","qty":"0.10","category":"linear"}"#)
    let text = "1700000000000K5000\(request.body)"
    #expect(
      request.headers["X-BAPI-SIGN"]
        == HMACSHA256.code(key: "S".utf8, message: text.utf8).hex)
    await stub.stop()
  }

  @Test func publicReadsAreNotSigned() async throws {
    let stub = try await V5Stub(rest: { _ in Self.envelope(["list": []]) })
    _ = try await client(stub, credentials: nil).tickers(.linear, symbol: "BTCUSDT")
    #expect(stub.requests.first?.headers["X-BAPI-SIGN"] == nil)
    let error = await #expect(throws: V5Error.self) {
      _ = try await client(stub, credentials: nil).apiKey()
    }
    #expect(error?.code == .noKey)
    #expect(error?.delivery == .notSent)
    await stub.stop()
  }

  @Test func theClockOffsetIsMeasuredAndUsed() async throws {
    let stub = try await V5Stub(rest: { _ in Self.envelope([:]) })
    let client = try client(stub)
    let offset = try await client.synchroniseClock()
    #expect(offset.offset == .milliseconds(250))
    #expect(offset.error == .milliseconds(1))
    _ = try await client.walletBalance()
    #expect(stub.requests.last?.headers["X-BAPI-TIMESTAMP"] == "1700000000250")
    await stub.stop()
  }

  @Test func refusalsAreRepliesUntilTheyAreAskedToBeErrors() async throws {
    let stub = try await V5Stub(rest: { _ in Self.envelope([:], code: 110072) })
    let reply = try await client(stub).cancelOrder(["orderId": "1"])
    #expect(reply.retCode.isDuplicateLinkID)
    let error = #expect(throws: V5Error.self) { try reply.accepted() }
    #expect(error?.message == "Bybit API error 110072: no")
    await stub.stop()
  }

  @Test func legsOfABatchKeepTheirOrder() async throws {
    let stub = try await V5Stub(rest: { _ in
      .json([
        "retCode": 0, "retMsg": "OK",
        "result": ["list": [["orderId": "a"], ["orderId": ""]]],
        "retExtInfo": [
          "list": [["code": 0, "msg": "OK"], ["code": 10001, "msg": "position idx"]]
        ],
      ])
    })
    let reply = try await client(stub).createOrders(["category": "linear", "request": []])
    #expect(reply.legCodes.map(\.code) == [.ok, .badParameter])
    await stub.stop()
  }

  @Test(arguments: [
    (V5Stub.Answer.status(403, "blocked"), V5Error.Code.status),
    (.status(200, "<html>"), .malformed), (.status(200, "[]"), .malformed),
    (.status(200, #"{"retCode":"0"}"#), .malformed), (.silence, .network),
  ])
  func whatIsNoAnswerIsAmbiguous(_ answer: V5Stub.Answer, _ code: V5Error.Code) async throws {
    let stub = try await V5Stub(rest: { _ in answer })
    let timeout: Duration = code == .network ? .seconds(2) : .seconds(60)
    let error = await #expect(throws: V5Error.self) {
      _ = try await client(stub, timeout: timeout).createOrder([:])
    }
    #expect(error?.code == code)
    #expect(error?.delivery == .ambiguous)
    await stub.stop()
  }

  // MARK: Asking again

  /// The stub's answers in turn, the last one for ever; and how long the client waited.
  private func answers(
    _ all: [V5Stub.Answer], _ body: (V5REST, V5Stub, Waits) async throws -> Void
  ) async throws {
    let turn = Turn(all)
    let stub = try await V5Stub(rest: { _ in turn.next() })
    let waits = Waits()
    var configuration = V5REST.Configuration(
      base: try WebURL(stub.restURL), credentials: Self.credentials)
    configuration.sleep = { waits.note($0) }
    try await body(
      V5REST(configuration, http: HTTPClient(), now: { Self.start }), stub, waits)
    await stub.stop()
  }

  @Test(arguments: [
    envelope([:], code: 10006), envelope([:], code: 10016), .status(503, "busy"),
    .status(429, "slow down"),
  ])
  func aReadIsAskedAgain(_ first: V5Stub.Answer) async throws {
    try await answers([first, Self.envelope(["list": []])]) { client, stub, waits in
      let reply = try await client.walletBalance()
      #expect(reply.retCode == .ok)
      #expect(stub.requests.count == 2 && waits.all.count == 1)
    }
  }

  @Test func aReadIsNotAskedForEver() async throws {
    try await answers([Self.envelope([:], code: 10006)]) { client, stub, _ in
      let reply = try await client.walletBalance()
      #expect(reply.retCode == .tooManyVisits)
      #expect(stub.requests.count == 3)
    }
  }

  @Test func aWrongClockIsSetBeforeTheReadIsAskedAgain() async throws {
    try await answers([Self.envelope([:], code: 10002), Self.envelope([:])]) { client, stub, _ in
      let reply = try await client.walletBalance()
      #expect(reply.retCode == .ok)
      #expect(stub.requests.map(\.target)[1] == "/v5/market/time")
      #expect(stub.requests.last?.headers["X-BAPI-TIMESTAMP"] == "1700000000250")
    }
  }

  @Test(arguments: [envelope([:], code: 10006), .status(503, "busy")])
  func anOrderIsNeverAskedAgain(_ answer: V5Stub.Answer) async throws {
    try await answers([answer]) { client, stub, _ in
      _ = try? await client.createOrder([:])
      #expect(stub.requests.count == 1)
    }
  }

  @Test func aSpentBudgetIsWaitedFor() {
    var budget = V5RateBudget()
    let now = Self.start
    #expect(budget.take("/a", at: now) == .zero)
    budget.note("/a", left: 1, resets: now + .seconds(1))
    #expect(budget.take("/a", at: now) == .zero)
    #expect(budget.take("/a", at: now) == .seconds(1))
    #expect(budget.take("/b", at: now) == .zero)
    #expect(budget.take("/a", at: now + .seconds(1)) == .zero)
    budget.note("/a", left: 0, resets: now + .minutes(9))
    #expect(budget.take("/a", at: now) == V5RateBudget.longestWait)
  }

  @Test func nobodyThereIsNotSent() async throws {
    let stub = try await V5Stub()
    let client = try client(stub)
    await stub.stop()
    let error = await #expect(throws: V5Error.self) { _ = try await client.createOrder([:]) }
    #expect(error?.delivery == .notSent)
  }
}

private final class Turn: Sendable {
  private let answers: Mutex<[V5Stub.Answer]>
  init(_ all: [V5Stub.Answer]) { answers = Mutex(all) }
  func next() -> V5Stub.Answer {
    answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
  }
}

private final class Waits: Sendable {
  private let waits = Mutex<[Duration]>([])
  var all: [Duration] { waits.withLock { $0 } }
  func note(_ wait: Duration) { waits.withLock { $0.append(wait) } }
}
