package import Decimals
import JSON
package import Orders
import Time

/// One order with all that checks ask about it, read once for all of them and shared: every rule goes
/// through all orders, and a copy of each would cost more than most rules.
final class LegFacts: Sendable {
  let leg: Leg
  let index: Int
  let symbol: Text
  let category: Category
  let side: Side
  let qty: ExactDecimal
  /// Of a limit order.
  let price: ExactDecimal?
  /// Nil where there is none; the exchange takes zero for none.
  let trigger: ExactDecimal?
  let takeProfit: ExactDecimal?
  let stopLoss: ExactDecimal?
  let timeInForce: TimeInForce?
  let isMarket: Bool
  /// Can only shrink a position. Spot has none.
  let isClosing: Bool
  let closesAll: Bool
  /// 0 where none is named.
  let positionIdx: Int
  /// The account's, where it is known; nil for none.
  let position: Shared<Account.Position>?
  let market: MarketFacts?
  let limits: EffectiveLimits
  let symbolClass: SymbolClass
  let worth: Result<LegNotional, DecimalError>

  var isBuy: Bool { side == .buy }
  var isConditional: Bool { trigger != nil }
  /// +1 or -1.
  var sign: ExactDecimal { isBuy ? 1 : -1 }
  /// How people name the leg.
  var label: String { "#\(index + 1) \(side.rawValue) \(symbol)" }
  /// Milliseconds past which a quote does not count.
  var quoteStale: Int64 {
    let bounds = limits[.age]
    return (bounds.block ?? bounds.high).flatMap { Int64(exactly: $0.value.coefficient) } ?? 10_000
  }
  /// Can stay in the book.
  var rests: Bool { price != nil && timeInForce != .ioc && timeInForce != .fok }
  /// Part of it can trade the moment it arrives.
  var takes: Bool { !isConditional && timeInForce != .postOnly && timeInForce != .rpi }

  private init(
    _ leg: Leg, _ market: MarketFacts?, _ positions: [Shared<Account.Position>],
    _ symbolClass: SymbolClass, _ limits: EffectiveLimits, _ quote: Quote?
  ) {
    self.leg = leg
    self.index = leg.index
    symbol = leg.symbol
    category = leg.category
    side = leg.side
    qty = leg.qty
    isMarket = leg.orderType == .market
    price = isMarket ? nil : leg.price
    func some(_ price: ExactDecimal?) -> ExactDecimal? { price.flatMap { $0.isZero ? nil : $0 } }
    trigger = some(leg.triggerPrice)
    takeProfit = some(leg.takeProfit)
    stopLoss = some(leg.stopLoss)
    timeInForce = leg.timeInForce
    isClosing = leg.reduceOnly && leg.category != .spot
    closesAll = leg.closesWholePosition
    let index = leg.positionIdx ?? 0
    positionIdx = index
    position = positions.first { $0.index == index }
    self.market = market
    self.symbolClass = symbolClass
    self.limits = limits
    worth = Result { () throws(DecimalError) in try LegNotional(leg, quote) }
  }

  static func all(
    _ batch: OrderBatch, _ market: MarketSnapshot, _ positions: [Account.Position],
    _ limits: RiskLimits, agent: Text, now: Timestamp
  ) -> [LegFacts] {
    struct Common {
      let market: MarketFacts?
      let positions: [Shared<Account.Position>]
      let symbols: SymbolClass
      let limits: EffectiveLimits
      let quote: Quote?
    }
    var common: [Text: Common] = [:]
    return batch.legs.map { leg in
      let own: Common
      if let known = common[leg.symbol] {
        own = known
      } else {
        let found = market.symbols[leg.symbol]
        let symbols = found?.symbolClass(at: now) ?? .a
        let effective = limits.effective(symbols, symbol: leg.symbol, agent: agent)
        let bounds = effective[.age]
        let stale = (bounds.block ?? bounds.high)?.value ?? 10_000
        // Estimates are made only from quotes that are young enough.
        let quote = found?.quote.flatMap { ExactDecimal((now - $0.asOf).count) <= stale ? $0 : nil }
        own = Common(
          market: found.map { MarketFacts($0) },
          positions: positions.filter { $0.symbol == leg.symbol }.map { Shared($0) },
          symbols: symbols, limits: effective, quote: quote)
        common[leg.symbol] = own
      }
      return LegFacts(leg, own.market, own.positions, own.symbols, own.limits, own.quote)
    }
  }
}

extension SymbolMarket {
  /// A day's trading in US dollars (or the quote coin) and in base coin. Which of the exchange's two
  /// figures is which is told by their quotient, since it depends on the category.
  var day: (dollars: ExactDecimal, base: ExactDecimal)? {
    guard let volume = volume24h, let turnover = turnover24h, let last, last.isPositive,
      volume.isPositive, turnover.isPositive
    else { return nil }
    func isPrice(_ top: ExactDecimal, _ bottom: ExactDecimal) -> Bool {
      guard let ratio = try? top.divided(by: bottom, scale: 12, rounding: .halfEven),
        let share = try? ratio.divided(by: last, scale: 4, rounding: .halfEven)
      else { return false }
      return share > "0.8" && share < "1.2"
    }
    if isPrice(turnover, volume) { return (turnover, volume) }
    return isPrice(volume, turnover) ? (volume, turnover) : nil
  }

  /// What is not known counts as the class with the tightest limits.
  func symbolClass(at now: Timestamp) -> SymbolClass {
    if let launched = instrument?.launchedAt, now - launched < .minutes(30 * 24 * 60) { return .c }
    guard let dollars = day?.dollars else { return .a }
    return dollars >= 500_000_000 ? .a : dollars >= 20_000_000 ? .b : .c
  }
}

extension LegNotional {
  /// What a cap measures: of options the amount of what is under them, else the amount.
  package func exposure(_ category: Category) -> ExactDecimal? {
    category == .option ? underlying : amount
  }
}
