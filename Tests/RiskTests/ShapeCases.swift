import Decimals
import JSON
import Orders
import Time

@testable import Risk

extension RuleCase {
  static let shapeCases: [RuleCase] = [
    // A01
    .init(.tick, "whole ticks", [limit("Buy", "0.1", "60000.1")], "pass"),
    .init(.tick, "half a tick", [limit("Buy", "0.1", "60000.15")], "block"),
    .init(.tick, "half a tick, closing", [limit("Sell", "0.1", "60000.15", closing)], "block"),
    .init(
      .tick, "a stop off the tick", [limit("Buy", "0.1", "60000", with(#""stopLoss":"59000.05""#))],
      "block"),
    .init(.tick, "a market order", [market()], "not_applicable"),
    .init(.tick, "no instrument", [limit()], "unchecked") { $0.market.instrument = nil },
    .init(.tick, "an instrument over an hour old", [limit("Buy", "0.1", "1.15")], "unchecked") {
      $0.market.instrument?.fetchedAt = noon - .minutes(61)
    },
    .init(.tick, "an instrument of an hour", [limit("Buy", "0.1", "1.15")], "block") {
      $0.market.instrument?.fetchedAt = noon - .minutes(60)
    },
    // A02
    .init(.lot, "at the minimum", [limit("Buy", "0.001")], "pass"),
    .init(.lot, "under the minimum", [limit("Buy", "0.0009")], "block"),
    .init(.lot, "zero", [limit("Buy", "0")], "block"),
    .init(.lot, "at the maximum", [limit("Buy", "100")], "pass"),
    .init(.lot, "over the maximum", [limit("Buy", "100.001")], "block"),
    .init(.lot, "over the maximum, closing", [limit("Sell", "100.001", "60000", closing)], "note"),
    .init(.lot, "market at its own maximum", [market("Buy", "50")], "pass"),
    .init(.lot, "market over its own maximum", [market("Buy", "50.001")], "block"),
    .init(.lot, "closes all", [market("Sell", "0", closingAll)], "not_applicable"),
    .init(.lot, "spot in quote steps", [market("Buy", "200.01")], "pass", category: "spot"),
    .init(.lot, "spot off the quote step", [market("Buy", "200.001")], "block", category: "spot"),
    .init(.lot, "no instrument", [limit()], "unchecked") { $0.market.instrument = nil },
    // A03
    .init(.minimumNotional, "at the minimum", [limit("Buy", "0.001", "5000")], "pass"),
    .init(.minimumNotional, "under the minimum", [limit("Buy", "0.001", "4999.9")], "block"),
    .init(
      .minimumNotional, "a take profit under the minimum",
      [limit("Sell", "0.001", "4999.9", closing)], "note"),
    .init(.minimumNotional, "an estimate under the minimum", [market("Buy", "0.001")], "high") {
      $0.market.ask = "4000"
      $0.market.bid = "3999"
    },
    .init(.minimumNotional, "no price", [market("Buy", "0.001")], "unchecked") {
      ($0.market.ask, $0.market.bid, $0.market.mark, $0.market.last) = (nil, nil, nil, nil)
    },
    // A04
    .init(.priceLimit, "well inside", [limit("Buy", "0.1", "60000")], "pass"),
    .init(.priceLimit, "20 bps from the limit", [limit("Buy", "0.1", "60478.8")], "pass"),
    .init(.priceLimit, "within 20 bps", [limit("Buy", "0.1", "60480")], "warn"),
    .init(.priceLimit, "at the limit", [limit("Buy", "0.1", "60600")], "warn"),
    .init(.priceLimit, "beyond it, moved", [limit("Buy", "0.1", "60600.1")], "high"),
    .init(.priceLimit, "beyond it, turned down", [limit("Sell", "0.1", "59399.9")], "block") {
      $0.account.rejectsOutsideLimit = true
    },
    .init(
      .priceLimit, "beyond it, turned down, closing", [limit("Sell", "0.1", "59399.9", closing)],
      "high"
    ) { $0.account.rejectsOutsideLimit = true },
    .init(.priceLimit, "beyond a computed limit", [limit("Buy", "0.1", "61200.1")], "high") {
      $0.market.buyLimit = nil
      $0.account.rejectsOutsideLimit = true
    },
    .init(.priceLimit, "nothing to compute it from", [limit()], "unchecked") {
      $0.market.buyLimit = nil
      $0.market.index = nil
    },
    // A05
    .init(.status, "trades", [limit()], "pass"),
    .init(.status, "does not trade", [limit()], "block") {
      $0.market.instrument?.status = "Settling"
    },
    .init(.status, "does not trade, closing", [limit("Sell", "0.1", "60000", closing)], "block") {
      $0.market.instrument?.status = "Settling"
    },
    .init(.status, "delivered in a day", [limit()], "pass") {
      $0.market.instrument?.deliversAt = noon + .minutes(24 * 60)
    },
    .init(.status, "delivered within a day", [limit()], "warn") {
      $0.market.instrument?.deliversAt = noon + .minutes(24 * 60 - 1)
    },
    .init(.status, "a position that may only shrink", [limit()], "block") {
      $0.hold("1") { $0.isReduceOnly = true }
    },
    .init(.status, "shrinks it", [limit("Sell", "0.1", "60000", closing)], "pass") {
      $0.hold("1") { $0.isReduceOnly = true }
    },
    .init(.status, "a position that is not known", [limit()], "unchecked") { $0.hasKey = false },
    .init(
      .status, "of no matter to what shrinks it", [limit("Sell", "0.1", "60000", closing)], "pass"
    ) { $0.hasKey = false },
    .init(.status, "no instrument", [limit()], "unchecked") { $0.market.instrument = nil },
    // A06
    .init(.linkID, "a new one", [limit("Buy", "0.1", "60000", linked("a"))], "pass"),
    .init(.linkID, "none", [limit()], "warn"),
    .init(.linkID, "used this week", [limit("Buy", "0.1", "60000", linked("a"))], "high") {
      $0.remember(Scene.past(limit("Buy", "0.1", "60000", linked("a")), hours: 7 * 24))
    },
    .init(.linkID, "used before this week", [limit("Buy", "0.1", "60000", linked("a"))], "pass") {
      $0.remember(Scene.past(limit("Buy", "0.1", "60000", linked("a")), hours: 7 * 24 + 1))
    },
    .init(
      .linkID, "of an order that was refused", [limit("Buy", "0.1", "60000", linked("a"))], "pass"
    ) {
      $0.remember(
        Scene.past(limit("Buy", "0.1", "60000", linked("a")), hours: 1, fate: .refused))
    },
    .init(.linkID, "of an open order", [limit("Buy", "0.1", "60000", linked("a"))], "block") {
      $0.account.openOrders = [open("Buy", "50000") { $0.linkID = "a" }]
    },
    .init(
      .linkID, "the agent's own, no key", [limit("Buy", "0.1", "60000", linked("a"))], "unchecked"
    ) {
      $0.around.ownLinkIDs = [0]
      $0.hasKey = false
    },
    .init(
      .linkID, "the gateway's own, no key", [limit("Buy", "0.1", "60000", linked("a"))], "pass"
    ) { $0.hasKey = false },
    // A07
    .init(.batchShape, "ten", Array(repeating: limit(), count: 10), "pass"),
    .init(.batchShape, "eleven", Array(repeating: limit(), count: 11), "note"),
    // A08
    .init(.rate, "what is left", Array(repeating: limit(), count: 10), "pass"),
    .init(.rate, "one more", Array(repeating: limit(), count: 11), "warn"),
    .init(.rate, "legs that belong together", Array(repeating: limit(), count: 11), "high") {
      $0.set(#"{"agents":{"bot":{"tags":["legs"]}}}"#)
    },
    // A09
    .init(.positionIndex, "one-way", [limit()], "pass"),
    .init(
      .positionIndex, "hedge index in one-way mode",
      [limit("Buy", "0.1", "60000", with(#""positionIdx":1"#))], "block"),
    .init(
      .positionIndex, "opens in hedge mode",
      [limit("Buy", "0.1", "60000", with(#""positionIdx":1"#))],
      "pass"
    ) { $0.account.positions = [Scene.position("0", index: 1)] },
    .init(.positionIndex, "one-way index in hedge mode", [limit()], "block") {
      $0.account.positions = [Scene.position("0", index: 1)]
    },
    .init(
      .positionIndex, "reduce-only that opens",
      [limit("Buy", "0.1", "60000", with(#""positionIdx":1"#) + closing)], "block"
    ) { $0.account.positions = [Scene.position("0", index: 1)] },
    .init(
      .positionIndex, "reduces",
      [limit("Sell", "0.1", "60000", with(#""positionIdx":1"#) + closing)],
      "pass"
    ) { $0.account.positions = [Scene.position("1", index: 1)] },
    .init(.positionIndex, "no key", [limit()], "unchecked") { $0.hasKey = false },
    // A10
    .init(
      .timeInForce, "post-only under the ask",
      [limit("Buy", "0.1", "60000", with(#""timeInForce":"PostOnly""#))], "pass"),
    .init(
      .timeInForce, "post-only at the ask",
      [limit("Buy", "0.1", "60000.1", with(#""timeInForce":"PostOnly""#))], "warn"),
    .init(
      .timeInForce, "post-only at the ask of an agent that quotes",
      [limit("Buy", "0.1", "60000.1", with(#""timeInForce":"PostOnly""#))], "note"
    ) { $0.set(#"{"agents":{"bot":{"tags":["quote"]}}}"#) },
    .init(
      .timeInForce, "a market order's price", [market("Buy", "0.1", with(#""price":"1""#))], "note"),
    .init(
      .timeInForce, "fill-or-kill within the depth",
      [limit("Buy", "0.5", "60000.1", with(#""timeInForce":"FOK""#))], "pass"),
    .init(
      .timeInForce, "fill-or-kill over the depth",
      [limit("Buy", "0.6", "60000.1", with(#""timeInForce":"FOK""#))], "warn"),
    .init(
      .timeInForce, "no book", [limit("Buy", "0.6", "60000.1", with(#""timeInForce":"FOK""#))],
      "unchecked"
    ) { $0.market.book = nil },
  ]
}

func open(
  _ side: Side, _ price: ExactDecimal?, _ change: (inout Account.OpenOrder) -> Void = { _ in }
) -> Account.OpenOrder {
  var order = Account.OpenOrder(symbol: "BTCUSDT", side: side, price: price)
  order.left = "0.1"
  change(&order)
  return order
}

func open(
  _ side: String, _ price: ExactDecimal?, _ change: (inout Account.OpenOrder) -> Void = { _ in }
) -> Account.OpenOrder {
  open(side == "Buy" ? Side.buy : .sell, price, change)
}
