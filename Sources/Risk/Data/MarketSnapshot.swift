package import Decimals
package import JSON
package import Orders
package import Time

/// The visible orders of one contract, best first.
package struct BookSnapshot: Hashable, Sendable {
  package struct Level: Hashable, Sendable {
    package let price: ExactDecimal
    package let size: ExactDecimal

    package init(price: ExactDecimal, size: ExactDecimal) {
      self.price = price
      self.size = size
    }
  }

  package var bids: [Level]
  package var asks: [Level]
  /// The matching engine's time.
  package var asOf: Timestamp

  package init(bids: [Level], asks: [Level], asOf: Timestamp) {
    self.bids = bids
    self.asks = asks
    self.asOf = asOf
  }

  /// What an order of `side` takes from.
  package func against(_ side: Side) -> [Level] { side == .buy ? asks : bids }
}

/// Greeks of one option contract, each for one unit of the coin under it.
package struct Greeks: Hashable, Sendable {
  package var delta: ExactDecimal
  package var gamma: ExactDecimal
  package var vega: ExactDecimal
  package var theta: ExactDecimal
  /// Implied volatility of the mark, as a share: 0.6 is 60 %.
  package var markVolatility: ExactDecimal

  package init(
    delta: ExactDecimal, gamma: ExactDecimal, vega: ExactDecimal, theta: ExactDecimal,
    markVolatility: ExactDecimal
  ) {
    self.delta = delta
    self.gamma = gamma
    self.vega = vega
    self.theta = theta
    self.markVolatility = markVolatility
  }
}

/// What is publicly known of one contract.
package struct SymbolMarket: Hashable, Sendable {
  package var instrument: Instrument?
  package var mark: ExactDecimal?
  package var index: ExactDecimal?
  package var last: ExactDecimal?
  package var bid: ExactDecimal?
  package var ask: ExactDecimal?
  package var bidSize: ExactDecimal?
  package var askSize: ExactDecimal?
  /// The price of the coin under an option.
  package var underlying: ExactDecimal?
  package var greeks: Greeks?
  /// The matching engine's time of these prices.
  package var engineTime: Timestamp?
  /// As the exchange counts them; which of the two is in base coin depends on the category.
  package var volume24h: ExactDecimal?
  package var turnover24h: ExactDecimal?
  package var fundingRate: ExactDecimal?
  package var nextFunding: Timestamp?
  package var book: BookSnapshot?
  /// The exchange's own highest buy and lowest sell price, and when it said so.
  package var buyLimit: ExactDecimal?
  package var sellLimit: ExactDecimal?
  package var limitsAsOf: Timestamp?
  /// Standard deviation of one-minute returns of the mark, as a share (0.0005 is 5 bps).
  package var sd1m: ExactDecimal?
  /// Of daily returns.
  package var sd1d: ExactDecimal?
  package var volatilityAsOf: Timestamp?
  /// The move of the mark within the last ten seconds, as a share.
  package var move10s: ExactDecimal?

  package init() {}

  package var hasPrice: Bool { [bid, ask, mark, last].contains { $0?.isPositive ?? false } }

  package var quote: Quote? {
    guard hasPrice, let engineTime else { return nil }
    return Quote(
      bid: bid, ask: ask, mark: mark, last: last, underlying: underlying,
      currency: instrument?.currency, asOf: engineTime)
  }

  /// What differs from an earlier look, as inputs of rules. Of another class every limit is another.
  package func news(since old: SymbolMarket?, at now: Timestamp) -> RiskInputs {
    guard (old?.symbolClass(at: now) ?? .a) == symbolClass(at: now) else { return .everything }
    guard let old else { return .market }
    var news: RiskInputs = []
    if instrument != old.instrument { news.insert(.instrument) }
    if book != old.book { news.insert(.book) }
    if (sd1m, sd1d, volatilityAsOf) != (old.sd1m, old.sd1d, old.volatilityAsOf) {
      news.insert(.volatility)
    }
    if (buyLimit, sellLimit, limitsAsOf) != (old.buyLimit, old.sellLimit, old.limitsAsOf) {
      news.insert(.priceLimit)
    }
    if quoteOnly != old.quoteOnly { news.insert(.quote) }
    return news
  }

  private var quoteOnly: SymbolMarket {
    var copy = self
    (copy.instrument, copy.book, copy.sd1m, copy.sd1d) = (nil, nil, nil, nil)
    (copy.volatilityAsOf, copy.buyLimit, copy.sellLimit, copy.limitsAsOf) = (nil, nil, nil, nil)
    return copy
  }
}

/// The market as the gateway last saw it, by symbol. All symbols are of the batch's category.
package struct MarketSnapshot: Hashable, Sendable {
  package var symbols: [Text: SymbolMarket]

  package init(_ symbols: [Text: SymbolMarket] = [:]) { self.symbols = symbols }
}
