package import Decimals
package import Time

/// One trade as everybody sees it.
package struct PublicTrade: Hashable, Sendable {
  package let market: MarketID
  /// The taker's.
  package let side: Side
  package let price: ExactDecimal
  /// Base coin or dollars.
  package let quantity: ExactDecimal
  /// Quote coin, for inverse contracts settlement coin.
  package let value: ExactDecimal
  package let at: Timestamp
  /// Rises with every trade of the exchange.
  package let sequence: Int
}
