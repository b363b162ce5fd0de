package import Decimals
package import JSON
package import Time

/// The best levels of a book, sizes summed by price.
package struct BookView: Hashable, Sendable {
  package struct Level: Hashable, Sendable {
    package let price: ExactDecimal
    /// Zero in a delta: the level is gone.
    package let quantity: ExactDecimal

    package init(price: ExactDecimal, quantity: ExactDecimal) {
      self.price = price
      self.quantity = quantity
    }
  }

  package let symbol: Text
  /// Best first.
  package let bids: [Level]
  package let asks: [Level]
  /// Rises with every change of this book.
  package let update: Int
  package let sequence: Int
  package let at: Timestamp

  /// What turns `old` into this view, or nil when no level differs. Levels that are gone come with
  /// quantity zero.
  package func delta(from old: BookView) -> BookView? {
    let bids = Self.changes(from: old.bids, to: self.bids)
    let asks = Self.changes(from: old.asks, to: self.asks)
    guard !bids.isEmpty || !asks.isEmpty else { return nil }
    return BookView(
      symbol: symbol, bids: bids, asks: asks, update: update, sequence: sequence, at: at)
  }

  /// The view cut to `depth` levels a side.
  package func top(_ depth: Int) -> BookView {
    BookView(
      symbol: symbol, bids: Array(bids.prefix(depth)), asks: Array(asks.prefix(depth)),
      update: update, sequence: sequence, at: at)
  }

  private static func changes(from old: [Level], to new: [Level]) -> [Level] {
    let before = Dictionary(old.map { ($0.price, $0.quantity) }, uniquingKeysWith: { $1 })
    let prices = Set(new.map(\.price))
    let gone = old.filter { !prices.contains($0.price) }
    return gone.map { Level(price: $0.price, quantity: .zero) }
      + new.filter { before[$0.price] != $0.quantity }
  }
}

/// The public summary of one market. Prices in quote coin, sizes in base coin or dollars.
package struct Ticker: Hashable, Sendable {
  package let market: MarketID
  package let last: ExactDecimal
  package let mark: ExactDecimal
  package let index: ExactDecimal
  /// The price at the start of the session, which stands for the price a day ago.
  package let open: ExactDecimal
  package let high: ExactDecimal
  package let low: ExactDecimal
  package let volume: ExactDecimal
  /// Quote coin, for inverse contracts settlement coin.
  package let turnover: ExactDecimal
  package let openInterest: ExactDecimal
  package let bid: BookView.Level?
  package let ask: BookView.Level?
  /// Futures: what longs pay to shorts at the next funding, as a fraction of the position's value.
  package let fundingRate: ExactDecimal?
  package let nextFunding: Timestamp?
  /// Options only.
  package let option: OptionQuote?
  package let sequence: Int

  package var symbol: Text { market.symbol }
}

/// What the model says about one option. Price and greeks for one unit of the base coin.
package struct OptionQuote: Hashable, Sendable {
  package let underlying: ExactDecimal
  /// Volatilities a year, as fractions; nil where there is no quote.
  package let markIv: ExactDecimal
  package let bidIv: ExactDecimal?
  package let askIv: ExactDecimal?
  package let delta: ExactDecimal
  package let gamma: ExactDecimal
  /// For one point of volatility.
  package let vega: ExactDecimal
  /// For one day.
  package let theta: ExactDecimal
}

/// The prices between which limit orders are taken as they are.
package struct PriceBand: Hashable, Sendable {
  /// The highest price of a buy order.
  package let highestBuy: ExactDecimal
  /// The lowest price of a sell order.
  package let lowestSell: ExactDecimal
}
