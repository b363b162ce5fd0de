package import Decimals
package import JSON
package import Time

/// What one leg is worth, and how sure that is.
package struct LegNotional: Hashable, Sendable {
  /// Index of the leg in its batch.
  package let leg: Int
  package let symbol: Text
  package let side: Side
  package let currency: Text
  /// In `currency`, never negative. Nil where no price is known; `reason` says why.
  package let amount: ExactDecimal?
  /// From a price that is not in the order.
  package let estimated: Bool
  /// The age of the price of an estimate.
  package let asOf: Timestamp?
  /// Units of the base coin; for inverse contracts an estimate of the coin's amount.
  package let base: ExactDecimal?
  /// An option's quantity at the price of what is under it, in `currency`; always an estimate.
  package let underlying: ExactDecimal?
  package let reason: String?
}

/// Sums in one currency. All are exact sums of the legs' amounts.
package struct NotionalTotals: Hashable, Sendable {
  package let currency: Text
  package var buy: ExactDecimal = .zero
  package var sell: ExactDecimal = .zero
  /// Any addend was an estimate.
  package var estimated = false
  /// The oldest price among the estimates.
  package var asOf: Timestamp?
  /// Of options: quantity at the price under them. Nil where there is none.
  package var underlying: ExactDecimal?

  package init(currency: Text) { self.currency = currency }

  package func gross() throws(DecimalError) -> ExactDecimal { try buy + sell }
  /// Buys less sells.
  package func net() throws(DecimalError) -> ExactDecimal { try buy - sell }

  mutating func add(_ leg: LegNotional) throws(DecimalError) {
    guard let amount = leg.amount else { return }
    if leg.side == .buy { buy = try buy + amount } else { sell = try sell + amount }
    if let more = leg.underlying { underlying = try (underlying ?? .zero) + more }
    guard leg.estimated || leg.underlying != nil else { return }
    estimated = estimated || leg.estimated
    asOf = [asOf, leg.asOf].compactMap { $0 }.min()
  }
}

/// The worth of a batch: per leg, per currency and per symbol.
///
/// Limit orders, inverse contracts and spot orders in quote coin are exact; market and conditional
/// market legs are estimates from the given quotes. Different currencies are never added.
package struct Notional: Hashable, Sendable {
  package let legs: [LegNotional]
  /// In the order of first appearance.
  package let byCurrency: [NotionalTotals]
  package let bySymbol: [(symbol: Text, totals: NotionalTotals)]
  /// Legs that could not be valued.
  package var unvalued: [LegNotional] { legs.filter { $0.amount == nil } }

  /// Throws when a product or sum has more digits than can be held exactly.
  package init(_ batch: OrderBatch, quotes: [Text: Quote] = [:]) throws(DecimalError) {
    var legs: [LegNotional] = []
    for leg in batch.legs { legs.append(try LegNotional(leg, quotes[leg.symbol])) }
    self.legs = legs
    byCurrency = try Self.totals(legs, key: \.currency).map(\.1)
    bySymbol = try Self.totals(legs, key: \.symbol).map { (symbol: $0.0, totals: $0.1) }
  }

  private static func totals(
    _ legs: [LegNotional], key: KeyPath<LegNotional, Text>
  ) throws(DecimalError) -> [(Text, NotionalTotals)] {
    var sums: [(Text, NotionalTotals)] = []
    for leg in legs {
      let name = leg[keyPath: key]
      if !sums.contains(where: { $0.0 == name }) {
        sums.append((name, NotionalTotals(currency: leg.currency)))
      }
      guard let at = sums.firstIndex(where: { $0.0 == name }) else { continue }
      try sums[at].1.add(leg)
    }
    return sums
  }

  package static func == (a: Notional, b: Notional) -> Bool { a.legs == b.legs }
  package func hash(into hasher: inout Hasher) { hasher.combine(legs) }
}

extension LegNotional {
  /// Digits after the point of a base amount that had to be divided.
  private static let baseScale = 12

  package init(_ leg: Leg, _ quote: Quote?) throws(DecimalError) {
    let currency = quote?.currency ?? Coins.quote(of: leg.symbol, leg.category)
    let (price, estimated) = Self.price(of: leg, quote)
    var amount: ExactDecimal?
    var base: ExactDecimal? = leg.qty
    var isEstimate = estimated
    if leg.closesWholePosition {
      base = nil
    } else if leg.category == .inverse || leg.quantityIsQuote {
      amount = leg.qty
      isEstimate = false
      base = nil
      if let price, price.isPositive {
        base = try leg.qty.divided(by: price, scale: Self.baseScale, rounding: .halfEven)
      }
    } else if let price {
      amount = try leg.qty * price
    }
    var underlying: ExactDecimal?
    if leg.category == .option, let spot = quote?.underlying { underlying = try leg.qty * spot }
    self.init(
      leg: leg.index, symbol: leg.symbol, side: leg.side, currency: currency, amount: amount,
      estimated: isEstimate, asOf: isEstimate || underlying != nil ? quote?.asOf : nil, base: base,
      underlying: underlying, reason: amount == nil ? Self.reason(leg) : nil)
  }

  /// The price that the leg is valued at, and whether it is an estimate.
  private static func price(of leg: Leg, _ quote: Quote?) -> (ExactDecimal?, Bool) {
    // An implied volatility overrides the price that stands beside it.
    if leg.category == .option, leg.orderIv != nil { return (quote?.mark, true) }
    if leg.orderType == .limit {
      return leg.price.map { ($0, false) } ?? (quote?.taking(leg.side), true)
    }
    if leg.isConditional { return (leg.triggerPrice, true) }
    return (quote?.taking(leg.side), true)
  }

  private static func reason(_ leg: Leg) -> String {
    leg.closesWholePosition
      ? "closes the whole position, whatever its size" : "no price of \(leg.symbol) is known"
  }
}
