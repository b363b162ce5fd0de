import Decimals
import JSON
import Orders
import Time

/// A11 to A20: what could mean another thing than it seems to.
extension RuleDefinition {
  static let units: [RuleDefinition] = [
    .init(
      .spotUnit, "unit of a spot market buy",
      "q read as quote and as base differ by > 5×, and only the other reading lies in [0.2, 5] × the "
        + "agent's median", [.quote, .history], .high
    ) { $0.spotUnits() },
    .init(
      .inverseUnit, "unit of an inverse order",
      "q counts USD; suspect: q < 10 with a median > 500, q not whole, or q·M in [0.2, 5] × the median",
      [.quote, .history], .high
    ) { $0.inverseUnits() },
    .init(
      .trigger, "trigger", "direction 1: trigger > reference, 2: trigger < reference", .quote,
      .block
    ) { $0.triggers() },
    .init(
      .protectionSide, "sides of take profit and stop loss",
      "Buy: SL < base < TP; Sell the mirror; base is p, of a market order the trigger's price",
      .quote,
      .block
    ) { $0.protections() },
    .init(
      .stopBeyondLiquidation, "stop beyond liquidation", "long: SL ≤ liquidation price; short: ≥",
      [.quote, .book, .instrument, .account, .volatility], .high
    ) { $0.stopsBeyondLiquidation() },
    .init(
      .conditionalMargin, "margin of a conditional stop",
      "initial margin > limit while the only stop waits for its trigger",
      [.quote, .instrument, .account],
      .warn
    ) { $0.conditionalMargins() },
    .init(
      .closeAll, "closes the whole position", "q = 0, reduce-only and close-on-trigger", .account,
      .warn
    ) { $0.closeAlls() },
    .init(
      .spotBorrow, "borrowing on spot", "borrow = max(0, need − free), in % of E",
      [.quote, .account], .high
    ) { $0.spotBorrows() },
    .init(
      .optionOrder, "option order",
      "call buy p ≤ S, put buy p ≤ K, sell p ≥ intrinsic; |p − M| / max(M, 5 ticks); |iv − mark iv|",
      [.quote, .instrument], .block
    ) { $0.optionOrders() },
    .init(
      .unknownField, "fields without effect",
      "every key is known to the tool (else it is refused); keys that do nothing here are named",
      [],
      .note
    ) { $0.idleFields() },
  ]
}

extension RiskContext {
  // MARK: A11, A12

  /// The agent's median worth of an order in a symbol; nil under five orders.
  func medianWorth(_ leg: LegFacts) -> ExactDecimal? {
    let worths = Array(past(leg).compactMap(\.worth).suffix(200))
    return worths.count < 5 ? nil : Statistics.middle(worths)
  }

  private func isNear(_ amount: ExactDecimal, _ median: ExactDecimal) throws -> Bool {
    try amount * 5 >= median && amount <= median * 5
  }

  fileprivate func spotUnits() -> [Finding] {
    each(
      .spotUnit, "", where: .leg { $0.category == .spot && $0.isMarket && $0.isBuy }
    ) { leg in
      let isQuote = leg.leg.quantityIsQuote
      guard let price = try prices(of: leg).quote?.taking(.buy) else {
        throw Unchecked("no price of \(leg.symbol)")
      }
      let quote = Coins.quote(of: leg.symbol, .spot)
      let base = Coins.base(of: leg.symbol, .spot)
      let other = try leg.qty * price
      let asBase = try leg.qty.divided(by: price, scale: 6, rounding: .halfEven)
      let words =
        isQuote
        ? "spends \(leg.qty) \(quote), about \(asBase) \(base)."
        : "buys \(leg.qty) \(base), about \(other) \(quote)."
      let (meant, otherwise) = isQuote ? (leg.qty, other) : (other, leg.qty)
      func finding(_ outcome: RiskOutcome, _ more: String = "") -> Finding {
        Finding(.spotUnit, outcome, leg, words + more, value: "\(meant) \(quote)")
      }
      let differ = try max(meant, otherwise) > min(meant, otherwise) * 5
      if differ, let median = medianWorth(leg), try !isNear(meant, median),
        try isNear(otherwise, median)
      {
        return finding(
          .high, " The agent's orders are about \(median) \(quote): the other unit may be meant.")
      }
      guard differ, isQuote, medianWorth(leg) == nil,
        let least = leg.market?.instrument?.minNotional, leg.qty < least
      else { return finding(.note) }
      return finding(.warn, " That is under the exchange's minimum.")
    }
  }

  fileprivate func inverseUnits() -> [Finding] {
    each(.inverseUnit, "", where: .leg { $0.category == .inverse && !$0.closesAll }) { leg in
      let mark = try mark(of: leg)
      let coins = try leg.qty.divided(by: mark, scale: 6, rounding: .halfEven)
      let words = "\(leg.qty) USD, about \(coins) \(Coins.base(of: leg.symbol, .inverse))."
      let median = medianWorth(leg)
      let small = leg.qty < 10 && (median ?? .zero) > 500
      let asCoins = try median.map { try isNear(try leg.qty * mark, $0) && !isNear(leg.qty, $0) }
      let isSuspect = try small || !leg.qty.isMultiple(of: 1) || asCoins ?? false
      return Finding(
        .inverseUnit, isSuspect ? .high : .note, leg,
        isSuspect ? words + " The quantity looks like coins, but it counts USD." : words,
        value: "\(leg.qty) USD")
    }
  }

  // MARK: A13, A14

  private func reference(_ by: Text?, _ market: MarketFacts) -> ExactDecimal? {
    switch by?.string {
    case "MarkPrice": market.mark
    case "IndexPrice": market.index
    default: market.last
    }
  }

  fileprivate func triggers() -> [Finding] {
    each(
      .trigger, "Every trigger stands where it can be reached.", where: .leg { $0.isConditional }
    ) {
      leg in
      guard let trigger = leg.trigger else { return nil }
      func finding(_ outcome: RiskOutcome, _ words: String, _ limit: String? = nil) -> Finding {
        Finding(
          .trigger, outcome, leg, words, value: "\(trigger)", limit: limit, setBy: .exchange)
      }
      if leg.leg.triggerDirection == nil, leg.category != .spot {
        return finding(.block, "a trigger price without a direction.")
      }
      guard let base = reference(leg.leg.triggerBy, try prices(of: leg)), base.isPositive else {
        throw Unchecked("no reference price of \(leg.symbol)")
      }
      let rises = leg.leg.triggerDirection.map { $0 == 1 } ?? leg.isBuy
      if rises ? trigger <= base : trigger >= base {
        let words = "the trigger \(trigger) is \(rises ? "not above" : "not below") \(base)"
        return leg.category == .spot
          ? finding(.high, "\(words): it may wait for the other direction.")
          : finding(.block, "\(words): the exchange turns it down.")
      }
      let distance = try base.basisPoints(to: trigger).magnitude
      let ticks = try (leg.market?.instrument?.tick ?? .zero) * 2
      let isTwoTicks = try (trigger - base).magnitude < ticks
      let words = "the trigger is \(distance) bps from \(base): it fires at once."
      return worse(
        measured(.nearTrigger, distance, leg, "\(leg.label): \(words)"),
        isTwoTicks ? finding(.warn, words, "2 ticks") : nil)
    }
  }

  fileprivate func protections() -> [Finding] {
    each(
      .protectionSide, "Take profit and stop loss stand on their sides.",
      where: .leg { $0.takeProfit != nil || $0.stopLoss != nil || $0.leg["tpslMode"] != nil }
    ) { leg in
      func finding(_ outcome: RiskOutcome, _ words: String) -> Finding {
        Finding(.protectionSide, outcome, leg, words, setBy: .exchange)
      }
      if leg.isClosing {
        return finding(.block, "reduce-only takes no take profit or stop loss.")
      }
      let isFull = leg.leg["tpslMode"]?.textValue != "Partial"
      let limits = ["tpOrderType", "slOrderType"].contains { leg.leg[$0]?.textValue == "Limit" }
      if isFull, limits { return finding(.block, "mode Full takes market orders only.") }
      if limits, leg.leg["tpLimitPrice"] == nil && leg.leg["slLimitPrice"] == nil {
        return finding(.block, "a limit take profit or stop loss needs its limit price.")
      }
      let market = leg.price == nil ? try prices(of: leg) : leg.market
      for (name, level, by, above) in [
        ("take profit", leg.takeProfit, "tpTriggerBy" as Text, leg.isBuy),
        ("stop loss", leg.stopLoss, "slTriggerBy", !leg.isBuy),
      ] {
        guard let level else { continue }
        guard
          let base = leg.price ?? leg.trigger
            ?? market.flatMap({ reference(leg.leg[by]?.textValue, $0) })
        else { throw Unchecked("no reference price of \(leg.symbol)") }
        if above ? level <= base : level >= base {
          return finding(
            .block, "the \(name) \(level) is not \(above ? "above" : "below") \(base).")
        }
      }
      guard let stop = leg.stopLoss, let bid = market?.bid, let ask = market?.ask, stop >= bid,
        stop <= ask
      else { return nil }
      return finding(.warn, "the stop loss \(stop) lies inside the spread \(bid) to \(ask).")
    }
  }

  // MARK: A15, A16, A17

  fileprivate func stopsBeyondLiquidation() -> [Finding] {
    each(
      .stopBeyondLiquidation, "Every stop acts before liquidation.",
      where: .leg { $0.stopLoss != nil && ($0.category == .linear || $0.category == .inverse) }
    ) { leg in
      guard let stop = leg.stopLoss, let after = try liquidationAfter([leg]) else { return nil }
      let beyond = leg.isBuy ? stop <= after.price : stop >= after.price
      let slack = after.isEstimate ? try after.price * (leg.market?.sd1d ?? "0.02") : .zero
      let near = try (stop - after.price).magnitude <= slack
      guard beyond || near else { return nil }
      return Finding(
        .stopBeyondLiquidation, beyond && !near ? .high : .warn, leg,
        "the stop \(stop) stands at or beyond the liquidation price "
          + "\(after.isEstimate ? "~" : "")\(after.price).", value: "\(stop)",
        limit: "\(after.price)", setBy: .exchange)
    }
  }

  fileprivate func conditionalMargins() -> [Finding] {
    each(
      .conditionalMargin, "Conditional orders find their margin.",
      where: .leg { $0.isConditional && !$0.isClosing && !$0.leg.closeOnTrigger }
    ) { leg in
      let used = try marginAfter().initial
      return measured(
        .conditionalMargin, used, leg,
        "\(leg.label): cancelled at its trigger if margin lacks then; \(used) % is in use after.")
    }
  }

  fileprivate func closeAlls() -> [Finding] {
    each(.closeAll, "", where: .leg { $0.closesAll }) { leg in
      let held = (try? position(of: leg))?.size.magnitude
      let words = held.map { "CLOSES ALL \($0)" } ?? "CLOSES ALL of a position that is not known"
      return Finding(.closeAll, .warn, leg, "\(words) of \(leg.symbol).", value: held?.description)
    }
  }

  // MARK: A18

  fileprivate func spotBorrows() -> [Finding] {
    each(
      .spotBorrow, "Nothing is borrowed.", where: .leg { $0.category == .spot && $0.leg.isLeverage }
    ) {
      leg in
      let (coin, need) = try spotNeed(leg)
      let free = try knownAccount().coins[coin]?.free ?? .zero
      let borrow = try need - free
      guard borrow.isPositive else { return nil }
      let share = try dollars(borrow, coin).percent(of: try equity())
      let words = "\(leg.label): borrows about \(borrow) \(coin), \(share) % of the equity."
      if let finding = measured(.borrow, share, leg, words) { return finding }
      return Finding(
        .spotBorrow, hasTag(.margin) ? .note : .warn, legs: [leg.index], words, value: "\(share) %")
    }
  }

  /// What a spot order pays with, and how much of it.
  func spotNeed(_ leg: LegFacts) throws -> (coin: Text, amount: ExactDecimal) {
    if leg.isBuy {
      guard let amount = try leg.worth.get().amount else {
        throw Unchecked("no price of \(leg.symbol)")
      }
      return (try leg.worth.get().currency, amount)
    }
    guard let base = try leg.worth.get().base else { throw Unchecked("no price of \(leg.symbol)") }
    return (leg.market?.instrument?.baseCoin ?? Coins.base(of: leg.symbol, .spot), base)
  }

  // MARK: A19

  fileprivate func optionOrders() -> [Finding] {
    each(.optionOrder, "The option's price is in bounds.", where: .leg { $0.category == .option }) {
      leg in
      func finding(_ outcome: RiskOutcome, _ words: String) -> Finding {
        Finding(.optionOrder, outcome, leg, words, setBy: .exchange)
      }
      guard let terms = OptionTerms(leg.symbol) else {
        return finding(.block, "\(leg.symbol) is no option's name.")
      }
      if leg.leg.orderIv != nil, leg.price != nil {
        return finding(.high, "the implied volatility overrides the price that stands beside it.")
      }
      let market = try prices(of: leg)
      guard let spot = market.underlying, let mark = market.mark else {
        throw Unchecked("no price of what is under \(leg.symbol)")
      }
      if let implied = leg.leg.orderIv, let greeks = market.greeks {
        let off = try ((implied - greeks.markVolatility) * 100).magnitude
        return measured(
          .optionVolatility, off, leg,
          "\(leg.label): implied volatility \(off) points off that of the mark.")
      }
      guard let price = leg.price else { return nil }
      let most = terms.isCall ? spot : terms.strike
      let intrinsic = max(.zero, try terms.isCall ? spot - terms.strike : terms.strike - spot)
      if leg.isBuy, price > most {
        return finding(.high, "\(price) is more than the option can ever be worth, \(most).")
      }
      if !leg.isBuy, price < intrinsic {
        return finding(.high, "\(price) is less than the intrinsic value \(intrinsic).")
      }
      let tick = try rules(of: leg).tick
      let gap = try (price - mark).magnitude
      // The mark of an option far out of the money is a few ticks.
      guard try gap > tick * 3 else { return nil }
      let off = try gap.percent(of: max(mark, try tick * 5))
      return measured(
        .optionPrice, off, leg, "\(leg.label): \(price) is \(off) % off the mark \(mark).")
    }
  }

  // MARK: A20

  fileprivate func idleFields() -> [Finding] {
    each(.unknownField, "Every field is known and has an effect.") { leg in
      let idle = leg.leg.allFields.map(\.key).filter { leg.isIdle($0) }
      guard !idle.isEmpty else { return nil }
      let list = idle.map(\.string).joined(separator: ", ")
      return Finding(.unknownField, .note, leg, "without effect here: \(list).", value: list)
    }
  }
}

/// What an option's name says: `BTC-26DEC25-90000-C`, with `-USDT` behind it where it settles so.
struct OptionTerms {
  let strike: ExactDecimal
  let isCall: Bool

  init?(_ symbol: Text) {
    let parts = symbol.string.split(separator: "-")
    guard (4...5).contains(parts.count), let strike = ExactDecimal(parts[2]),
      parts[3] == "C" || parts[3] == "P"
    else { return nil }
    self.strike = strike
    isCall = parts[3] == "C"
  }
}

extension LegFacts {
  /// Known to the tool, and ignored by the exchange for such an order.
  fileprivate func isIdle(_ key: Text) -> Bool {
    switch key.string {
    case "isLeverage", "marketUnit", "orderFilter": category != .spot
    case "reduceOnly", "positionIdx", "closeOnTrigger": category == .spot
    case "orderIv", "mmp": category != .option
    case "triggerBy", "triggerDirection": trigger == nil
    case "tpTriggerBy", "tpOrderType", "tpLimitPrice": takeProfit == nil
    case "slTriggerBy", "slOrderType", "slLimitPrice": stopLoss == nil
    default: false
    }
  }
}
