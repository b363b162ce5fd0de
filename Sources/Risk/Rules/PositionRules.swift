import Decimals
import JSON
import Orders
import Time

/// D06, and what positions, exposure and margin will be after the batch.
extension RiskContext {
  private struct PositionKey: Hashable {
    let symbol: Text
    let index: Int
  }

  func positionEffects() -> [Finding] {
    guard batch.category != .spot else { return [] }
    var order: [PositionKey] = []
    var groups: [PositionKey: [LegFacts]] = [:]
    for leg in legs {
      let key = PositionKey(symbol: leg.symbol, index: leg.positionIdx)
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(leg)
    }
    return order.map { key in
      let mine = groups[key] ?? []
      do {
        return try effect(key.symbol, mine, try position(of: mine[0])?.size ?? .zero)
      } catch {
        return unchecked(.positionEffect, mine.map(\.index), error)
      }
    }
  }

  private func effect(
    _ symbol: Text, _ mine: [LegFacts], _ before: ExactDecimal
  ) throws -> Finding {
    func finding(_ outcome: RiskOutcome, _ words: String) -> Finding {
      Finding(
        .positionEffect, outcome, legs: mine.map(\.index), "\(symbol): \(words).",
        value: before.description)
    }
    // The worst of three orders of fill: as listed, all buys first, all sells first.
    let ends = [
      try size(before, after: mine), try size(before, after: mine.filter(\.isBuy)),
      try size(before, after: mine.filter { !$0.isBuy }),
    ]
    let isOther = { (end: ExactDecimal) in
      end.isPositive && before.isNegative || end.isNegative && before.isPositive
    }
    if let flipped = ends.first(where: isOther) {
      return finding(
        hasTag(.flip) || hasTag(.quote) ? .note : .high,
        "turns \(before) into \(flipped), the other side")
    }
    let largest = ends.max { $0.magnitude < $1.magnitude } ?? before
    if before.isZero {
      return largest.isZero
        ? finding(.note, "reduce-only without a position; it will be cancelled")
        : finding(.note, "opens \(largest)")
    }
    guard largest.magnitude > before.magnitude else {
      return finding(.pass, "reduces \(before) to \(ends[0])")
    }
    let growth = try (largest.magnitude - before.magnitude).percent(of: before.magnitude)
    let words = "grows \(before) to \(largest), by \(growth) %"
    return measured(
      .increase, growth, mine[0], legs: mine.map(\.index), "\(symbol): \(words).")
      ?? finding(.note, words)
  }

  /// The position when `legs` fill wholly in their order. Reduce-only legs stop at zero.
  private func size(_ before: ExactDecimal, after legs: [LegFacts]) throws -> ExactDecimal {
    var size = before
    for leg in legs {
      let signed = leg.isBuy ? leg.qty : -leg.qty
      guard leg.isClosing else {
        size = try size + signed
        continue
      }
      let shrinks = leg.isBuy ? size.isNegative : size.isPositive
      guard shrinks else { continue }
      let all = leg.closesAll || leg.qty >= size.magnitude
      size = all ? .zero : try size + signed
    }
    return size
  }

  // MARK: After the batch

  /// The exposure in the symbol of `leg` in US dollars when its orders and the open ones fill in the
  /// worst order.
  func exposureAfter(_ leg: LegFacts) throws -> ExactDecimal {
    let mark = try leg.category == .spot ? mid(of: leg) : mark(of: leg)
    var held = ExactDecimal.zero
    for position in try knownAccount().positions
    where position.symbol == leg.symbol {
      held = try held + position.size
    }
    if leg.category == .spot {
      let base = leg.market?.instrument?.baseCoin ?? Coins.base(of: leg.symbol, .spot)
      held = try knownAccount().coins[base]?.free ?? .zero
    }
    var buys = ExactDecimal.zero
    var sells = ExactDecimal.zero
    for other in legs where other.symbol == leg.symbol && !other.isClosing {
      let quantity = other.leg.quantityIsQuote ? try other.worth.get().base ?? .zero : other.qty
      if other.isBuy { buys = try buys + quantity } else { sells = try sells + quantity }
    }
    buys = try buys + open(leg.symbol).opening(.buy)
    sells = try sells + open(leg.symbol).opening(.sell)
    let worst = max(try (held + buys).magnitude, try (held - sells).magnitude)
    if leg.category == .inverse { return worst }
    return try dollars(
      try worst * mark,
      leg.market?.instrument?.currency ?? Coins.quote(of: leg.symbol, leg.category))
  }

  /// Leverage that the exchange applies to the symbol.
  func leverage(of leg: LegFacts) throws -> ExactDecimal {
    if leg.category == .spot || leg.category == .option { return .one }
    guard
      let leverage = try position(of: leg)?.leverage
        ?? knownAccount().positions.first(where: {
          $0.symbol == leg.symbol && $0.leverage != nil
        })?.leverage
    else { throw Unchecked("the leverage in \(leg.symbol) is not known") }
    return leverage
  }

  /// Maintenance margin as a share of a position worth `value`: by its tier, else half of the
  /// smallest initial margin, which is an estimate.
  func maintenance(_ leg: LegFacts, _ value: ExactDecimal) throws -> (
    rate: ExactDecimal, isEstimate: Bool
  ) {
    let rules = try rules(of: leg)
    if let tier = rules.tiers.first(where: { value <= $0.limit }) ?? rules.tiers.last {
      return (tier.maintenance, false)
    }
    guard let most = rules.maxLeverage, most.isPositive else {
      throw Unchecked("the maintenance margin of \(leg.symbol) is not known")
    }
    return (try ExactDecimal.one.divided(by: most * 2, scale: 6, rounding: .up), true)
  }

  /// Margins after the batch, in percent of the margin balance, and what the batch needs in US dollars.
  struct MarginAfter: Sendable {
    let initial: ExactDecimal
    let maintenance: ExactDecimal
    let need: ExactDecimal
  }

  func marginAfter() throws -> MarginAfter {
    try memo.marginAfter { try computedMarginAfter() }
  }

  private func computedMarginAfter() throws -> MarginAfter {
    let account = try knownAccount()
    guard let balance = account.marginBalance ?? account.equity, balance.isPositive,
      var initial = account.initialMargin, var maintained = account.maintenanceMargin
    else { throw Unchecked("the account's margins are not known") }
    var need = ExactDecimal.zero
    for leg in legs where !leg.isClosing && !leg.isConditional && !leg.closesAll {
      guard try openingQuantity(of: leg).isPositive else { continue }
      let worth = try dollars(of: leg)
      let fees = try worth * fee(of: leg).rate * 2
      need = try need + worth.divided(by: leverage(of: leg), scale: 8, rounding: .up) + fees
      // A bought option is paid in full; of a sold one the exchange alone knows the margin.
      if leg.category == .option, leg.isBuy { continue }
      maintained = try maintained + worth * maintenance(leg, worth).rate
    }
    initial = try initial + need
    return MarginAfter(
      initial: try initial.percent(of: balance), maintenance: try maintained.percent(of: balance),
      need: need)
  }

  /// What taking costs, as a share, and whether the account's own rate is known.
  func fee(of leg: LegFacts) throws -> (rate: ExactDecimal, isKnown: Bool) {
    if let own = try? knownAccount().fees[leg.symbol] {
      return (own.taker, true)
    }
    return (leg.category == .spot ? "0.001" : "0.00055", false)
  }

  /// Where the position that `orders` leave behind would be liquidated; nil where nothing is at risk.
  func liquidationAfter(
    _ orders: [LegFacts]
  ) throws -> (price: ExactDecimal, isEstimate: Bool, size: ExactDecimal)? {
    guard let leg = orders.first else { return nil }
    let held = try position(of: leg)
    var size = held?.size ?? .zero
    var cost = try size * (held?.entry ?? mark(of: leg))
    for order in orders where !order.isClosing {
      let signed = order.isBuy ? order.qty : -order.qty
      size = try size + signed
      cost = try cost + signed * effectivePrice(of: order)
    }
    guard !size.isZero else { return nil }
    let mark = try mark(of: leg)
    let value = try leg.category == .inverse ? size.magnitude : size.magnitude * mark
    let rate = try maintenance(leg, value)
    let account = try knownAccount()
    let isLong = size.isPositive
    if account.marginMode == .isolated {
      let entry = try cost.divided(by: size, scale: 8, rounding: .halfEven)
      let share = try ExactDecimal.one.divided(by: leverage(of: leg), scale: 8, rounding: .down)
      let room = try share - rate.rate
      return (
        try (entry * (isLong ? .one - room : .one + room)).rescaled(to: 4, rounding: .halfEven),
        rate.isEstimate || leg.category == .inverse, size
      )
    }
    // Cross: what is left of the whole account until its maintenance margin.
    guard let balance = account.marginBalance ?? account.equity,
      let maintained = account.maintenanceMargin
    else { throw Unchecked("the account's margins are not known") }
    let cushion = try balance - maintained - value * rate.rate
    let units =
      try leg.category == .inverse
      ? size.magnitude.divided(by: mark, scale: 8, rounding: .up) : size.magnitude
    let distance = try cushion.divided(by: units, scale: 4, rounding: .down)
    let price = try isLong ? mark - distance : mark + distance
    return price.isPositive ? (price, true, size) : nil
  }
}
