import Decimals
import JSON
import Orders
import Time

@testable import Risk

private let calm = "60000"

extension RuleCase {
  static let processCases: [RuleCase] = [
    // F01
    .init(.newSymbol, "known", [limit()], "pass"),
    .init(.newSymbol, "new", [limit(symbol: "ETHUSDT")], "warn"),
    .init(.newSymbol, "only ever refused", [limit(symbol: "ETHUSDT")], "warn") {
      $0.remember(Scene.past(limit(symbol: "ETHUSDT"), hours: 1, fate: .refused))
    },
    .init(.newSymbol, "on the list", [limit()], "pass") {
      $0.set(#"{"agents":{"bot":{"symbols":["BTCUSDT"]}}}"#)
    },
    .init(.newSymbol, "not on the list, closing", [limit("Sell", "0.1", calm, closing)], "block") {
      $0.set(#"{"agents":{"bot":{"symbols":["ETHUSDT"]}}}"#)
    },
    // F02
    .init(.newKind, "known kinds", [limit(), market()], "pass"),
    .init(.newKind, "the first conditional one", [stop("61000", 1)], "high"),
    .init(.newKind, "the first of an agent", [limit()], "pass") { $0.history = RecentHistory() },
    .init(.newKind, "the first market order of an agent", [market()], "high") {
      $0.history = RecentHistory()
    },
    .init(.newKind, "the second conditional one", [stop("61000", 1)], "pass") {
      $0.remember(Scene.past(stop("61000", 1), hours: 2))
    },
    // F03
    .init(.budget, "half", [limit()], "pass") { $0.history.day.orders = 2499 },
    .init(.budget, "over half", [limit()], "note") { $0.history.day.orders = 2500 },
    .init(.budget, "over 80 %", [limit()], "warn") { $0.history.day.orders = 4000 },
    .init(.budget, "over all", [limit()], "high") { $0.history.day.orders = 5000 },
    .init(.budget, "an administrator's, closing", [limit("Sell", "0.1", calm, closing)], "high") {
      $0.set(#"{"limits":{"F03.orders":{"cap":10}}}"#)
    },
    .init(.budget, "an administrator's", [limit()], "block") {
      $0.set(#"{"limits":{"F03.orders":{"cap":10}}}"#)
    },
    .init(.budget, "not all of the day is known", [limit()], "note") {
      $0.history.day.isWhole = false
    },
    .init(.budget, "an order of the day has no known worth", [limit()], "pass") {
      $0.history.day.isValued = false
    },
    .init(.budget, "not all of the day is known, over all", [limit()], "high") {
      $0.history.day = .init()
      ($0.history.day.orders, $0.history.day.isWhole) = (5000, false)
    },
    .init(.budget, "an administrator's, not all of the day is known", [limit()], "unchecked") {
      $0.history.day.isWhole = false
      $0.set(#"{"limits":{"F03.orders":{"cap":4000}}}"#)
    },
    // F04
    .init(.streak, "no fills", [limit()], "pass"),
    .init(.streak, "two losses", [limit()], "pass") { $0.lose(2) },
    .init(.streak, "three losses", [limit()], "warn") { $0.lose(3) },
    .init(.streak, "three losses an hour ago", [limit()], "pass") { $0.lose(3, minutesAgo: 70) },
    // F05
    .init(.expiry, "ten seconds", [limit()], "pass") { $0.around.expiresAt = noon + .seconds(10) },
    .init(.expiry, "less", [limit()], "warn") { $0.around.expiresAt = noon + .milliseconds(9_999) },
    .init(.expiry, "not held yet", [limit()], "not_applicable") { $0.around.expiresAt = nil },
    // F06
    .init(
      .textAgainstOrder, "says what it does", [limit("Buy", "0.1", calm, linked("buy-btc-1"))],
      "pass"
    ) { $0.around.ownLinkIDs = [0] },
    .init(.textAgainstOrder, "says sell", [limit("Buy", "0.1", calm, linked("sell-btc-1"))], "high")
    { $0.around.ownLinkIDs = [0] },
    .init(
      .textAgainstOrder, "says another coin", [limit("Buy", "0.1", calm, linked("buy-eth-1"))],
      "high"
    ) { $0.around.ownLinkIDs = [0] },
    .init(
      .textAgainstOrder, "sells a long that it closes",
      [limit("Sell", "0.1", calm, linked("close-long") + closing)], "pass"
    ) { $0.around.ownLinkIDs = [0] },
    .init(
      .textAgainstOrder, "the gateway's own id", [limit("Buy", "0.1", calm, linked("cs-sell"))],
      "not_applicable"),
    // F07
    .init(.hostileText, "plain", [limit()], "pass"),
    .init(.hostileText, "an escape", [limit()], "high") { $0.around.texts = ["bot\u{1B}[2J"] },
    .init(.hostileText, "turns the direction", [limit()], "high") {
      $0.around.texts = ["bot\u{202E}"]
    },
    .init(.hostileText, "zero width", [limit()], "warn") { $0.around.texts = ["b\u{200B}ot"] },
    .init(.hostileText, "five pictures", [limit()], "pass") { $0.around.texts = ["🚀🚀🚀🚀🚀"] },
    .init(.hostileText, "six pictures", [limit()], "warn") { $0.around.texts = ["🚀🚀🚀🚀🚀🚀"] },
    // F08
    .init(.homoglyph, "a name of its own", [limit()], "pass"),
    .init(.homoglyph, "named like another", [limit()], "high") {
      $0.around.otherAgents = ["bot", "B0T"]
    },
    // F09
    .init(.environment, "verified", [limit()], "pass"),
    .init(.environment, "not verified", [limit()], "high") { $0.around.isVerified = false },
    .init(.environment, "another than the agent's", [limit()], "block") {
      $0.set(#"{"agents":{"bot":{"environment":"paper"}}}"#)
    },
    .init(.environment, "the agent's, closing", [limit("Sell", "0.1", calm, closing)], "pass") {
      $0.set(#"{"agents":{"bot":{"environment":"testnet"}}}"#)
    },
    // F10
    .init(.watch, "live", [limit()], "pass"),
    .init(.watch, "down", [limit()], "high") { $0.around.feed = .stale(since: noon - .seconds(5)) },
    .init(.watch, "down, closing", [limit("Sell", "0.1", calm, closing)], "high") {
      $0.around.feed = .stale(since: noon - .seconds(5))
    },
    .init(.watch, "connecting", [limit()], "warn") { $0.around.feed = .connecting },
    .init(.watch, "read in steps", [limit()], "warn") {
      $0.around.feed = .polled(gap: .seconds(2))
    },
    .init(.watch, "an open outcome", [limit()], "warn") { $0.around.unknownOutcomes = 1 },
    .init(.watch, "no key", [limit()], "unchecked") { $0.around.feed = .notConfigured },
    // F11
    .init(.clock, "500 ms", [limit()], "pass") { $0.around.clockOffset = .milliseconds(-500) },
    .init(.clock, "over 500 ms", [limit()], "warn") { $0.around.clockOffset = .milliseconds(-501) },
    .init(.clock, "half the window", [limit()], "warn") {
      $0.around.clockOffset = .milliseconds(2_500)
    },
    .init(.clock, "over half the window", [limit()], "high") {
      $0.around.clockOffset = .milliseconds(2_501)
    },
    .init(.clock, "not known", [limit()], "unchecked") { $0.around.clockOffset = nil },
    .init(.clock, "no key", [limit()], "unchecked") {
      $0.around.clockOffset = nil
      $0.hasKey = false
    },
    // F12
    .init(.approver, "ten in a minute", [limit()], "pass") { $0.approve(10) },
    .init(.approver, "eleven in a minute", [limit()], "warn") { $0.approve(11) },
    .init(.approver, "the owner", [limit()], "warn") { $0.around.ownerSigned = "ada" },
    // F13
    .init(.crowd, "alone", [limit()], "pass"),
    .init(.crowd, "together within the cap", [limit()], "note") {
      $0.history.others = [Scene.past(limit("Buy", "0.5"))]
    },
    .init(.crowd, "together over the cap", [limit()], "high") {
      $0.history.others = [Scene.past(limit("Buy", "0.75"))]
    },
    .init(.crowd, "no price", [market()], "unchecked") {
      $0.history.others = [Scene.past(limit("Buy", "0.5"))]
      $0.market = SymbolMarket()
    },
    .init(.crowd, "the other side", [limit()], "pass") {
      $0.history.others = [Scene.past(limit("Sell", "5", "70000"))]
    },
    .init(.crowd, "over a minute ago", [limit()], "pass") {
      $0.history.others = [Scene.past(limit("Buy", "5"), seconds: 61)]
    },
    .init(.crowd, "closing", [limit("Sell", "0.1", calm, closing)], "not_applicable") {
      $0.history.others = [Scene.past(limit("Sell", "5"))]
    },
    // F14
    .init(.halt, "active", [limit()], "pass"),
    .init(.halt, "halted", [limit()], "block") { $0.around.halt = .halted },
    .init(.halt, "reducing", [limit()], "block") { $0.around.halt = .reducing },
    .init(.halt, "reducing, closing", [limit("Sell", "0.1", calm, closing)], "pass") {
      $0.around.halt = .reducing
    },
  ]
}

extension Scene {
  fileprivate mutating func lose(_ count: Int, minutesAgo: Int64 = 10) {
    for _ in 0..<count {
      for (side, price) in [(Side.buy, "61000" as ExactDecimal), (.sell, "60000")] {
        history.fills.append(
          .init(
            symbol: symbol, side: side, price: price, qty: "0.1", at: noon - .minutes(minutesAgo)))
      }
    }
  }

  fileprivate mutating func approve(_ count: Int) {
    around.approvals = Array(repeating: .init(by: "ada", at: noon - .seconds(60)), count: count)
  }
}
