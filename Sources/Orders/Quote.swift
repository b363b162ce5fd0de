package import Decimals
package import JSON
package import Time

/// Prices of one symbol that estimates are made from.
package struct Quote: Hashable, Sendable {
  package var bid: ExactDecimal?
  package var ask: ExactDecimal?
  package var mark: ExactDecimal?
  package var last: ExactDecimal?
  /// The price of the coin under an option.
  package var underlying: ExactDecimal?
  /// The coin of price × quantity, from the instrument. Nil: read from the symbol's spelling.
  package var currency: Text?
  package var asOf: Timestamp

  package init(
    bid: ExactDecimal? = nil, ask: ExactDecimal? = nil, mark: ExactDecimal? = nil,
    last: ExactDecimal? = nil, underlying: ExactDecimal? = nil, currency: Text? = nil,
    asOf: Timestamp
  ) {
    self.bid = bid
    self.ask = ask
    self.mark = mark
    self.last = last
    self.underlying = underlying
    self.currency = currency
    self.asOf = asOf
  }

  /// What an order of `side` that takes now would about pay: the other side of the book, else the
  /// mark, else the last trade.
  package func taking(_ side: Side) -> ExactDecimal? {
    let book = side == .buy ? ask : bid
    return [book, mark, last].compactMap { $0 }.first { $0.isPositive }
  }

  package var mid: ExactDecimal? {
    guard let bid, let ask, bid.isPositive, ask.isPositive else { return nil }
    let scale = max(bid.scale, ask.scale) + 1
    return try? (bid + ask).divided(by: 2, scale: scale, rounding: .halfEven)
  }
}
