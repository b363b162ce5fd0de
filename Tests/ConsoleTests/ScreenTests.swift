import Cryptography
import Decimals
import Foundation
import JSON
import OperatorProtocol
import Terminal
import TestSupport
import Testing
import Time

@testable import Console

/// Screens as pictures. A picture that is missing is written and fails; `RECORD_SCREENS=1` writes
/// all of them anew.
@Suite struct ScreenTests {
  static let sizes = [(80, 24), (120, 40), (200, 60)]
  static let scenes: [(name: String, make: @Sendable (Int, Int) -> Desk)] = [
    ("empty", { Desk([], width: $0, height: $1) }),
    ("queue", { Desk(Sample.five, width: $0, height: $1) }),
    (
      "high",
      {
        var desk = Desk(Sample.five, width: $0, height: $1)
        desk.look(at: .high)
        desk.press(.pageUp, .pageUp, .pageUp, .pageUp)
        return desk
      }
    ),
    (
      "armed",
      {
        var desk = Desk([.high], width: $0, height: $1)
        desk.look(at: .high)
        desk.press("a")
        desk.wait(2_000)
        desk.type("12Sell ETH")
        return desk
      }
    ),
    (
      "hostile",
      {
        var desk = Desk([.hostile], width: $0, height: $1)
        desk.wait(1_000)
        return desk
      }
    ),
    (
      "orders",
      {
        var desk = Desk([.high, .calm], width: $0, height: $1)
        desk.add(orders: Live.orders, fills: Live.fills)
        return desk
      }
    ),
    (
      "orders-page",
      {
        var desk = Desk([.high], width: $0, height: $1)
        desk.add(orders: Live.orders, fills: Live.fills)
        desk.press("3")
        return desk
      }
    ),
    (
      "audit",
      {
        var desk = Desk([.calm], width: $0, height: $1)
        desk.press("4")
        desk.send(.ledgerPage(entries: Live.entries, size: 3))
        desk.send(.checkpoint("gw-1\n3\nq83vEjRWeJA=\n\n- gw-1 c2lnbmF0dXJl\n"))
        desk.press("j")
        return desk
      }
    ),
    (
      "help",
      {
        var desk = Desk([.calm], width: $0, height: $1)
        desk.press("?")
        return desk
      }
    ),
    (
      "stale",
      {
        var desk = Desk([.calm, .high], width: $0, height: $1)
        desk.send(.linkDown("connection refused by 127.0.0.1:8788; trying again"))
        desk.wait(12_000)
        return desk
      }
    ),
    (
      "unverified",
      {
        var desk = Desk([.reducing], width: $0, height: $1)
        desk.send(
          .feed(
            .status(
              .sample(verified: false, environment: "mainnet", warnings: ["the key can trade"]))))
        return desk
      }
    ),
    (
      "reject",
      {
        var desk = Desk([.calm], width: $0, height: $1)
        desk.press("x")
        desk.type("too large for tonight")
        return desk
      }
    ),
    ("checks", { ChecksTests.page(width: $0, height: $1) }),
    (
      "exposure",
      {
        var desk = Desk([.high], width: $0, height: $1)
        desk.look(at: .high)
        desk.watch()
        desk.press("5")
        return desk
      }
    ),
    (
      "market",
      {
        var desk = Desk([.high], width: $0, height: $1)
        desk.look(at: .high)
        desk.watch()
        desk.press("G", .pageDown, .pageDown, .pageDown)
        return desk
      }
    ),
    (
      "agents",
      {
        var desk = Desk([.high, .calm], width: $0, height: $1)
        desk.send(.feed(.status(DeedTests.paused("arb-x"))))
        desk.press("6")
        desk.send(.agents(Live.agents))
        desk.send(.limits(Live.limits))
        desk.press("j")
        return desk
      }
    ),
    (
      "policy",
      {
        var desk = Desk([.calm], width: $0, height: $1)
        desk.press("7")
        desk.send(.policy(Live.policy))
        desk.send(.tools(Live.tools))
        return desk
      }
    ),
    (
      "bytes",
      {
        var desk = Desk([.calm], width: $0, height: $1)
        desk.look(at: .calm)
        desk.press("o")
        return desk
      }
    ),
    (
      "set",
      {
        var desk = DeedTests.marked(3, width: $0, height: $1)
        desk.press("a")
        desk.wait(900)
        return desk
      }
    ),
    (
      "tools",
      {
        var desk = Desk([.calm], width: $0, height: $1)
        desk.press("8")
        desk.send(.tools(Live.tools))
        desk.press("j")
        return desk
      }
    ),
    (
      "definition",
      { ToolDeskTests.desk(width: $0, height: $1) }
    ),
    (
      "accept",
      {
        var desk = ToolDeskTests.desk(width: $0, height: $1)
        desk.press(.pageDown, .pageDown)
        desk.wait(1_000)
        ToolDeskTests.open(&desk)
        desk.wait(2_000)
        desk.type("wsBatch")
        return desk
      }
    ),
    (
      "command",
      {
        var desk = Desk(Sample.five, width: $0, height: $1)
        desk.type(":p")
        desk.press(.tab)
        return desk
      }
    ),
  ]

  @Test(arguments: [(120, 40), (160, 45), (200, 60)])
  func `how old prices are is never cut`(width: Int, height: Int) {
    var desk = Desk([.high], width: width, height: height)
    desk.look(at: .high)
    desk.watch()
    if width < 200 { desk.press("G", .pageDown, .pageDown, .pageDown) }
    let prices = desk.picture.filter { $0.contains(" price BTCUSDT") }
    #expect(prices.contains { $0.contains(#/price BTCUSDT [0-9.]+ age \d:\d\d /#) }, "\(desk.text)")
  }

  @Test(arguments: sizes.indices)
  func `the number of warnings is never cut, and help has all of them`(size: Int) {
    let (width, height) = Self.sizes[size]
    var desk = Desk([.calm], width: width, height: height)
    let warnings = [String(repeating: "long words ", count: 30), "second", "third"]
    desk.send(.feed(.status(.sample(warnings: warnings))))
    #expect(desk.picture[1].contains("! 1 of 3, see ?: long words"), "\(desk.text)")
    desk.press("?")
    for _ in 0..<20 where !desk.text.contains("warning: third") { desk.press(.pageDown) }
    #expect(desk.text.contains("warning: third"), "\(desk.text)")
  }

  @Test(arguments: scenes.indices, sizes.indices)
  func `the screen is as it was stored`(scene: Int, size: Int) throws {
    let (name, make) = Self.scenes[scene]
    let (width, height) = Self.sizes[size]
    let desk = make(width, height)
    let frame = desk.model.render(size: desk.size)
    let text = (frame.picture + ["", "-- styles"] + frame.styles).joined(separator: "\n") + "\n"
    try Stored.check(text, name: "\(name)-\(width)x\(height)")
  }

  @Test(arguments: sizes.indices)
  func `orders that do not fit change nothing about those that do`(size: Int) {
    let (width, height) = Self.sizes[size]
    let newest = (0..<60).map { Live.leg(at: seconds(-Int64($0)), $0) }
    let older = (60..<300).map { Live.leg(at: seconds(-Int64($0)), $0) }
    var few = Desk([.high], width: width, height: height)
    few.add(orders: newest, fills: Live.fills)
    var many = Desk([.high], width: width, height: height)
    many.add(orders: older + newest, fills: Live.fills)
    let rows = [few, many].map { desk in
      desk.model.render(size: desk.size).picture.map { row in
        row.replacing("60 live", with: "N live").replacing("300 live", with: "N live")
      }
    }
    #expect(rows[0].contains { $0.contains("N live") && $0.contains("3 fills") })
    #expect(rows[0].map { $0.filter { $0 != "-" } } == rows[1].map { $0.filter { $0 != "-" } })
  }

  @Test func `only what can be seen makes a model look different`() {
    var desk = Desk(Sample.five)
    let before = desk.model
    _ = desk.model.handle(.painted(desk.model.painted), at: desk.now + Milliseconds(7))
    #expect(desk.model.looks(like: before))
    desk.press("j")
    #expect(!desk.model.looks(like: before))
  }
}

enum Stored {
  static func check(_ text: String, name: String, file: String = #filePath) throws {
    let directory = URL(fileURLWithPath: file).deletingLastPathComponent()
      .appendingPathComponent("Screens")
    let path = directory.appendingPathComponent("\(name).txt")
    let isRecording = ProcessInfo.processInfo.environment["RECORD_SCREENS"] == "1"
    let stored = try? String(contentsOf: path, encoding: .utf8)
    guard stored != text || isRecording else { return }
    if stored == nil || isRecording {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try text.write(to: path, atomically: true, encoding: .utf8)
    }
    if isRecording { return }
    Issue.record(
      stored == nil
        ? "\(name) was not stored; it is written now, look at it"
        : "\(name) differs from the stored screen:\n\(text)")
  }
}

/// Orders, fills and ledger entries to look at.
enum Live {
  static func leg(
    _ batch: Sample?, _ number: Int, _ symbol: Text, _ side: Text, _ quantity: String,
    _ filled: String, _ status: LegStatus, price: String? = nil, words: String = ""
  ) -> LegView {
    LegView(
      batch: batch?.id, leg: number, agent: "mm-alpha", orderLinkID: "mma-\(symbol)-\(number)",
      orderID: "o-\(symbol)-\(number)", symbol: symbol, side: side,
      orderType: price == nil ? "Market" : "Limit", quantity: given(.init(quantity)),
      price: price.flatMap { .init($0) }, status: status, filled: given(.init(filled)),
      averagePrice: filled == "0" ? nil : .init("64119.9"), fees: filled == "0" ? 0 : "3.21",
      words: words, updatedAt: seconds(-2))
  }

  /// The order `number` of somebody else, that changed at `moment`.
  static func leg(at moment: Timestamp, _ number: Int) -> LegView {
    var one = leg(nil, 0, "SOLUSDT", "Sell", "40", "0", .working, price: "155.20")
    one.orderID = "o-\(number)"
    one.orderLinkID = "o-\(number)"
    one.price = ExactDecimal(String(100 + number))
    one.updatedAt = moment
    return one
  }

  static let orders: [LegView] = [
    leg(.high, 1, "BTCUSDT", "Buy", "0.250", "0.120", .partFilled, price: "64120.0"),
    leg(.high, 2, "BTCUSDT", "Buy", "0.250", "0.250", .filled),
    leg(
      .high, 3, "ETHUSDT", "Sell", "5.00", "0", .rejected, price: "3209.50",
      words: "110094 worth less than the least"),
    leg(nil, 0, "SOLUSDT", "Sell", "40", "0", .working, price: "155.20"),
    leg(.calm, 1, "ETHUSDT", "Buy", "1.50", "0", .unknown, price: "3207.10"),
  ]

  static func fill(_ number: Int, _ quantity: String, _ price: String) -> FillView {
    FillView(
      execID: "e-\(number)", batch: Sample.high.id, leg: 1, agent: "mm-alpha",
      orderLinkID: "mma-1042-1", symbol: "BTCUSDT", side: "Buy", price: given(.init(price)),
      quantity: given(.init(quantity)), fee: "0.77", isMaker: number % 2 == 0,
      time: seconds(Int64(-30 + number)))
  }

  static let fills = [
    fill(1, "0.020", "64120.0"), fill(2, "0.100", "64119.9"), fill(3, "0.250", "64336.0"),
  ]

  static let agents: [AgentView] = [
    AgentView(
      name: "arb-x", isRevoked: false, allowed: 120, denied: 14, held: 3, recent: 61, waiting: 0,
      lastCallAt: seconds(-1)),
    AgentView(
      name: "grid-b", isRevoked: false, allowed: 40, denied: 0, held: 9, recent: 2, waiting: 1,
      lastCallAt: seconds(-44)),
    AgentView(name: "old", isRevoked: true),
  ]

  static let limits: [LimitView] = [
    LimitView(
      counter: "orders", scope: ["agent"], of: ["grid-b"], used: 41, max: 200,
      window: .minutes(60), nextFree: seconds(95)),
    LimitView(
      counter: "notional", scope: ["agent", "symbol"], of: ["grid-b", "ETHUSDT"],
      used: "118250.75", max: 125_000, window: .minutes(1_440), nextFree: nil),
    LimitView(
      counter: "calls", scope: ["agent", "tool"], of: ["arb-x", "wsBatchCreateOrders"], used: 20,
      max: 20, window: .minutes(1), nextFree: seconds(12)),
    LimitView(
      counter: "in_flight", scope: [], of: [], used: 3, max: 10, window: nil, nextFree: nil),
  ]

  static let tools: [ToolView] = [
    ToolView(
      upstream: "bybit", tool: "getTickers", state: .pinned, accepted: SHA256.hash("t".utf8),
      seen: SHA256.hash("t".utf8), revision: 1, acceptedAt: seconds(-7_200)),
    ToolDeskTests.changed.tool,
    ToolView(
      upstream: "bybit", tool: "cancelOrder", state: .absent, accepted: SHA256.hash("c".utf8),
      seen: nil, revision: 3, acceptedAt: seconds(-90_000), acceptedBy: "ops2"),
    ToolView(
      upstream: "notes", tool: "write", state: .unknown, accepted: nil,
      seen: SHA256.hash("n".utf8), revision: 0),
  ]

  static let policy = PolicyView(
    digest: StatusView.sample().policyDigest,
    rules: [
      "default: a tool that is not listed is denied",
      "wsBatchCreateOrders: every call is held for approval", "getTickers: allowed",
    ], warnings: ["cancelOrder: no rule can fire"],
    hits: [.init(rule: "/tools/getTickers", count: 412), .init(rule: "/default", count: 3)])

  static let entries: [JSONObject] = [
    #"{"body":{"policy":"5f2b"},"index":0,"kind":"started","time":"2026-11-22T11:58:00.000Z"}"#,
    #"""
    {"body":{"statement":{"agent":"mm-alpha"}},"index":1,"kind":"pending",
     "subject":"cs_01M81J18G0B9D5MPJTB9D5MPG2","time":"2026-11-22T11:58:41.117Z"}
    """#,
    #"""
    {"body":{"by":"ops1","outcome":"rejected by ops1: size\u001b[2J"},"index":2,"kind":"rejected",
     "subject":"cs_01M81J18G0B9D5MPJTB9D5MPG2","time":"2026-11-22T11:59:02.004Z"}
    """#,
  ].compactMap { try? JSONParser.parse($0).objectValue }
}

extension Desk {
  /// Half a minute of prices that go up, and a position.
  mutating func watch() {
    for step in 0..<16 {
      var bitcoin = ExposureView.Market(symbol: "BTCUSDT")
      bitcoin.mark = ExactDecimal(64_118 + step * step)
      (bitcoin.bid, bitcoin.ask) = ("64118.4", "64118.5")
      (bitcoin.bidSize, bitcoin.askSize, bitcoin.asOf) = ("1.220", "0.900", now)
      var ether = ExposureView.Market(symbol: "ETHUSDT")
      (ether.mark, ether.bidSize, ether.askSize) = ("3209.40", "2.00", "9.10")
      (ether.bid, ether.ask, ether.asOf) = ("3209.39", "3209.41", now)
      send(
        .exposure(
          ExposureView(
            markets: [bitcoin, ether],
            account: .known(
              positions: [
                .init(symbol: "BTCUSDT", size: "0.50"), .init(symbol: "ETHUSDT", size: "8.00"),
              ], openOrders: ["BTCUSDT": 2], equity: "100200.50", asOf: now))))
      wait(2_000)
    }
  }

  mutating func add(orders: [LegView], fills: [FillView]) {
    for order in orders { send(.feed(.order(order))) }
    for fill in fills { send(.feed(.fill(fill))) }
  }
}
