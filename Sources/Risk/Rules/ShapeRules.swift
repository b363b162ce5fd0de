import Decimals
import JSON
import Orders
import Time

/// A01 to A10: what the exchange would turn down or change.
extension RuleDefinition {
  static let shape: [RuleDefinition] = [
    .init(
      .tick, "price step", "every price mod tick = 0", .instrument, .block
    ) { try $0.ticks() },
    .init(
      .lot, "quantity step and bounds", "q mod step = 0, minimum ≤ q ≤ maximum for its type",
      .instrument, .block
    ) { try $0.lots() },
    .init(
      .minimumNotional, "minimum notional",
      "N ≥ the exchange's minimum; a conditional order at "
        + "min(mark, trigger)", [.instrument, .quote], .block
    ) { $0.minimumNotionals() },
    .init(
      .priceLimit, "exchange's price limit",
      "Buy p ≤ limit, Sell p ≥ limit; where it is not told min(M·(1+Y), max(I, M·(1+X))) and its mirror",
      [.instrument, .quote, .priceLimit, .account], .block
    ) { $0.priceLimits() },
    .init(
      .status, "instrument status",
      "status = Trading, delivery > 24 h (options 1 h), the position is "
        + "not reduce-only", [.instrument, .account], .block
    ) { $0.statuses() },
    .init(
      .linkID, "link ids", "orderLinkId is new among open orders and seven days of this agent",
      [.account, .history], .block
    ) { $0.linkIDs() },
    .init(
      .batchShape, "size of the batch", "n ≤ 20, on spot n ≤ 10; over 10 some interfaces refuse",
      [],
      .block
    ) { $0.batchShape() },
    .init(
      .rate, "rate of orders", "n ≤ 10, on spot 20, which the exchange takes within a second", [],
      .high
    ) { $0.rates() },
    .init(
      .positionIndex, "position index",
      "one-way: 0; hedge: Buy-open and Sell-close 1, Sell-open and Buy-close 2", .account, .block
    ) { $0.positionIndices() },
    .init(
      .timeInForce, "time in force",
      "PostOnly does not cross; Market has no price and is not GTC; FOK ≤ visible depth",
      [.quote, .book], .warn
    ) { $0.timesInForce() },
  ]
}

extension RiskContext {
  // MARK: A01

  fileprivate func ticks() throws -> [Finding] {
    each(.tick, "Every price is a whole number of ticks.", where: .leg(\.namesPrice)) { leg in
      let tick = try rules(of: leg).tick
      func fault(_ name: String, _ price: ExactDecimal?) throws -> Finding? {
        guard let price, try !price.isMultiple(of: tick) else { return nil }
        // The nearest valid price that is no worse for the order: lower to buy, higher to sell.
        let near =
          try price.divided(by: tick, scale: 0, rounding: leg.isBuy ? .down : .up) * tick
        return Finding(
          .tick, .block, leg, "\(name) \(price) is no multiple of the tick \(tick); \(near) is.",
          value: price.description, limit: tick.description, setBy: .exchange)
      }
      return try fault("price", leg.tickedPrice) ?? fault("trigger price", leg.trigger)
        ?? fault("take profit", leg.takeProfit) ?? fault("stop loss", leg.stopLoss)
        ?? fault("take-profit limit", leg.profitLimit) ?? fault("stop-loss limit", leg.lossLimit)
    }
  }

  // MARK: A02

  fileprivate func lots() throws -> [Finding] {
    each(.lot, "Every quantity fits its step and bounds.", where: .leg { !$0.closesAll }) { leg in
      let rules = try rules(of: leg)
      func finding(_ outcome: RiskOutcome, _ words: String, _ limit: ExactDecimal) -> Finding {
        Finding(
          .lot, outcome, leg, "quantity \(leg.leg.qtyText) \(words).",
          value: leg.leg.qtyText.string, limit: limit.description, setBy: .exchange)
      }
      if leg.qty.isZero { return finding(.block, "is zero", rules.step) }
      if leg.leg.quantityIsQuote {
        guard let step = rules.quoteStep, try !leg.qty.isMultiple(of: step) else { return nil }
        return finding(.block, "is no multiple of the quote step \(step)", step)
      }
      if try !leg.qty.isMultiple(of: rules.step) {
        return finding(.block, "is no multiple of the step \(rules.step)", rules.step)
      }
      if let least = rules.minQty, leg.qty < least {
        return finding(.block, "is under the minimum \(least)", least)
      }
      let isPost = leg.timeInForce == .postOnly
      let most =
        leg.isMarket
        ? rules.maxMarketQty
        : isPost
          ? rules.maxPostOnlyQty ?? rules.maxLimitQty
          : rules.maxLimitQty
      guard let most, leg.qty > most else { return nil }
      return leg.isClosing
        ? finding(.note, "is over \(most); the exchange splits a reduce-only order", most)
        : finding(.block, "is over the maximum \(most)", most)
    }
  }

  // MARK: A03

  fileprivate func minimumNotionals() -> [Finding] {
    each(
      .minimumNotional, "Every order reaches the minimum notional.",
      where: .leg { !$0.closesAll && $0.category != .inverse && $0.category != .option }
    ) { leg in
      guard let least = try rules(of: leg).minNotional else { return nil }
      let known = try leg.worth.get()
      guard var amount = known.amount else {
        guard leg.isClosing else { throw Unchecked("no price of \(leg.symbol)") }
        return Finding(
          .minimumNotional, .note, leg, "its worth is not known.", limit: "\(least)",
          setBy: .exchange)
      }
      var isEstimate = known.estimated
      if leg.isConditional, let mark = leg.market?.mark, let trigger = leg.trigger,
        min(mark, trigger) < leg.price ?? trigger
      {
        amount = try min(mark, trigger) * leg.qty
        isEstimate = true
      }
      guard amount < least else { return nil }
      // Closing orders are exempt at some exchanges; an estimate is no certain rejection.
      let outcome: RiskOutcome = leg.isClosing ? .note : isEstimate ? .high : .block
      let shown = "\(isEstimate ? "~" : "")\(amount) \(known.currency)"
      return Finding(
        .minimumNotional, outcome, leg, "\(shown) is under the minimum \(least).", value: shown,
        limit: "\(least) \(known.currency)", setBy: .exchange)
    }
  }

  // MARK: A04

  /// The highest buy and lowest sell price.
  private struct Band {
    let buy: ExactDecimal
    let sell: ExactDecimal
    /// By the exchange's own word, not computed here.
    let isTold: Bool
  }

  fileprivate func priceLimits() -> [Finding] {
    each(
      .priceLimit, "Every limit price lies inside the price limit.",
      where: .leg { $0.category != .option && $0.price != nil }
    ) { leg in
      guard let price = leg.price else { return nil }
      let band = try band(of: leg)
      let bound = leg.isBuy ? band.buy : band.sell
      let shown = (band.isTold ? "" : "~") + bound.description
      func finding(_ outcome: RiskOutcome, _ words: String) -> Finding {
        Finding(
          .priceLimit, outcome, leg, "price \(price) \(words).", value: price.description,
          limit: shown, setBy: .exchange)
      }
      guard leg.isBuy ? price > bound : price < bound else {
        let near = try bound.basisPoints(to: price).magnitude
        return measured(
          .nearPriceLimit, near, leg,
          "\(leg.label): price \(price) is within \(near) bps of the price limit \(shown).")
      }
      switch rejectsOutsideLimit {
      case true? where band.isTold && !leg.isClosing:
        return finding(.block, "is outside the price limit \(bound)")
      case true?: return finding(.high, "is outside the price limit \(shown): rejected")
      case false?: return finding(.high, "is outside the limit: it will be sent as \(shown)")
      case nil where leg.category == .spot:
        return finding(.high, "is outside the limit \(shown): rejected unless set otherwise")
      case nil: return finding(.high, "is outside the limit: by default it is sent as \(shown)")
      }
    }
  }

  private func band(of leg: LegFacts) throws -> Band {
    if let market = leg.market, let buy = market.buyLimit, let sell = market.sellLimit,
      let time = market.limitsAsOf, now - time <= RiskLimits.priceLimitStale
    {
      return Band(buy: buy, sell: sell, isTold: true)
    }
    let fresh = try prices(of: leg)
    let rules = try rules(of: leg)
    guard let x = rules.priceRatioX, let y = rules.priceRatioY, let index = fresh.index,
      let base = leg.category == .spot ? index : fresh.mark
    else { throw Unchecked("no price limit of \(leg.symbol)") }
    // The exchange's formula with a premium of zero: an estimate.
    let buy = min(try base * (.one + y), max(index, try base * (.one + x)))
    let sell = max(try base * (.one - y), min(index, try base * (.one - x)))
    return Band(buy: buy, sell: sell, isTold: false)
  }

  private var rejectsOutsideLimit: Bool? {
    guard let account = try? knownAccount() else { return nil }
    return batch.category == .spot
      ? account.rejectsOutsideSpotLimit : account.rejectsOutsideLimit
  }

  // MARK: A05

  fileprivate func statuses() -> [Finding] {
    each(.status, "Every instrument trades.") { leg in
      let rules = try rules(of: leg)
      func finding(_ outcome: RiskOutcome, _ words: String) -> Finding {
        Finding(.status, outcome, leg, words, value: rules.status?.string, setBy: .exchange)
      }
      if let status = rules.status, status != "Trading" {
        let isAuction = status == "PreLaunch" && leg.price != nil && leg.timeInForce == .gtc
        return finding(isAuction ? .warn : .block, "\(leg.symbol) is \(status), not Trading.")
      }
      if let position = try? position(of: leg), position.isReduceOnly, !leg.isClosing {
        return finding(.block, "the exchange lets this position only shrink.")
      }
      if let delivery = rules.deliversAt {
        let left = delivery - now
        if left <= .zero { return finding(.block, "\(leg.symbol) has been delivered.") }
        let soon = leg.category == .option ? Milliseconds.minutes(60) : .minutes(24 * 60)
        if left < soon { return finding(.warn, "it is delivered in \(left.words).") }
      }
      if rules.isPreListing { return finding(.warn, "\(leg.symbol) trades before its listing.") }
      if !leg.isClosing, leg.category == .linear || leg.category == .inverse {
        _ = try partly("It trades; may its position only shrink?") { try position(of: leg) }
      }
      return nil
    }
  }

  // MARK: A06

  fileprivate func linkIDs() -> [Finding] {
    let week = Milliseconds.minutes(7 * 24 * 60)
    let mine = Set(legs.compactMap(\.leg.orderLinkID))
    var used: Set<Text> = []
    for past in history.legs where past.fate != .refused && now - past.at <= week {
      if let id = past.linkID, mine.contains(id) { used.insert(id) }
    }
    let open = Set((try? knownAccount())?.openOrders.compactMap(\.linkID) ?? [])
    return each(.linkID, "Every link id is new.") { leg in
      guard let id = leg.leg.orderLinkID else {
        let isOption = leg.category == .option
        return Finding(
          .linkID, isOption ? .block : .warn, leg,
          isOption ? "the exchange wants a link id." : "no link id: a time-out cannot be settled.",
          setBy: .exchange)
      }
      if open.contains(id) {
        return Finding(
          .linkID, .block, leg, "an open order has the link id \(id).", value: id.string,
          setBy: .exchange)
      }
      if used.contains(id) {
        return Finding(
          .linkID, .high, leg, "the link id \(id) was used within seven days.", value: id.string)
      }
      // The gateway's own are new by themselves.
      if surroundings.ownLinkIDs.contains(leg.index) {
        _ = try partly("It is new here; has an open order it?") { try knownAccount() }
      }
      return nil
    }
  }

  // MARK: A07

  fileprivate func batchShape() -> [Finding] {
    let count = legs.count
    let most = batch.category.maxLegs
    func finding(_ outcome: RiskOutcome, _ words: String, _ limit: Int) -> [Finding] {
      [
        Finding(
          .batchShape, outcome, words, value: "\(count)", limit: "\(limit)", setBy: .exchange)
      ]
    }
    if count > most { return finding(.block, "\(count) orders; at most \(most) are taken.", most) }
    return count > 10 && batch.category != .option
      ? finding(.note, "\(count) orders: some interfaces of the exchange take ten.", 10)
      : finding(.pass, "\(count) orders in one category.", most)
  }

  // MARK: A08

  fileprivate func rates() -> [Finding] {
    let budget = batch.category == .spot ? 20 : 10
    let count = batch.category == .option ? 1 : legs.count
    guard count > budget else {
      return [
        Finding(
          .rate, .pass, "\(count) within the exchange's rate.", value: "\(count)",
          limit: "\(budget)", setBy: .exchange)
      ]
    }
    return [
      Finding(
        .rate, hasTag(.legs) ? .high : .warn, legs: Array(budget..<count),
        "Orders \(budget + 1) to \(count) may be refused: the exchange takes \(budget) a second.",
        value: "\(count)", limit: "\(budget)", setBy: .exchange)
    ]
  }

  // MARK: A09

  fileprivate func positionIndices() -> [Finding] {
    each(
      .positionIndex, "Every position index fits the mode.",
      where: .leg { $0.category == .linear || $0.category == .inverse }
    ) { leg in
      let index = leg.positionIdx
      func finding(_ outcome: RiskOutcome, _ words: String) -> Finding {
        Finding(.positionIndex, outcome, leg, words, value: "\(index)", setBy: .exchange)
      }
      if index > 0 {
        let opens = (index == 1) == leg.isBuy
        if opens, leg.isClosing {
          return finding(.block, "reduce-only, but index \(index) makes it open.")
        }
        if !opens, !leg.isClosing, leg.trigger == nil {
          return finding(.note, "index \(index) makes it close, without reduce-only.")
        }
      }
      // A position shows the mode; without one it is not known, and the exchange decides.
      let held = try knownAccount().positions.filter { $0.symbol == leg.symbol }
      guard let shown = held.first else { return nil }
      guard (shown.index > 0) != (index > 0) else { return nil }
      return finding(
        .block,
        shown.index > 0
          ? "the symbol is in hedge mode: the index is 1 or 2."
          : "the symbol is in one-way mode: the index is 0.")
    }
  }

  // MARK: A10

  fileprivate func timesInForce() -> [Finding] {
    each(.timeInForce, "Every time in force means something.") { leg in
      func finding(_ outcome: RiskOutcome, _ words: String) -> Finding {
        Finding(.timeInForce, outcome, leg, words, value: leg.timeInForce?.rawValue)
      }
      if leg.isMarket {
        let ignored = [leg.leg.price.map { _ in "price" }, leg.ignoredTimeInForce].compactMap { $0 }
        return ignored.isEmpty
          ? nil : finding(.note, "the exchange ignores \(ignored.joined(separator: " and ")).")
      }
      if leg.timeInForce == .postOnly, !leg.isConditional, let price = leg.price,
        let best = try prices(of: leg).quote?.best(against: leg.side),
        leg.isBuy ? price >= best : price <= best
      {
        return finding(
          hasTag(.quote) ? .note : .warn, "post-only at \(price) crosses \(best): it is cancelled.")
      }
      guard leg.timeInForce == .fok, !leg.isConditional,
        let walk = try BookWalk(book(of: leg).against(leg.side), leg, from: 0),
        walk.missing.isPositive
      else { return nil }
      return finding(.warn, "fill-or-kill over the visible \(walk.taken): it is cancelled.")
    }
  }
}

extension LegFacts {
  // The prices that must be whole ticks. Zero means "none"; the price of a market order is ignored.

  fileprivate var tickedPrice: ExactDecimal? {
    category == .option && leg.orderIv != nil ? nil : price
  }
  fileprivate var profitLimit: ExactDecimal? { leg.tpLimitPrice.flatMap { $0.isZero ? nil : $0 } }
  fileprivate var lossLimit: ExactDecimal? { leg.slLimitPrice.flatMap { $0.isZero ? nil : $0 } }
  fileprivate var namesPrice: Bool {
    tickedPrice != nil || trigger != nil || takeProfit != nil || stopLoss != nil
      || profitLimit != nil || lossLimit != nil
  }

  fileprivate var ignoredTimeInForce: String? {
    timeInForce == .gtc || timeInForce == .postOnly ? "timeInForce" : nil
  }
}

extension Quote {
  /// The best price of the other side's orders.
  func best(against side: Side) -> ExactDecimal? {
    (side == .buy ? ask : bid).flatMap { $0.isPositive ? $0 : nil }
  }
}
