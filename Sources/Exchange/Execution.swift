package import Decimals
package import JSON
package import Time

/// One fill of one order, or a payment on a position.
package struct Execution: Sendable {
  package enum Kind: String, Sendable {
    case trade = "Trade"
    /// `value` is the position's value and `fee` what it paid; negative: received.
    case funding = "Funding"
    /// A liquidation.
    case bust = "BustTrade"
    /// An option at its expiry.
    case delivery = "Delivery"
  }

  package let id: Text
  package var kind = Kind.trade
  package let account: AccountID
  /// The order right after this fill. Payments carry one of their own that nobody placed.
  package let order: Order
  package let price: ExactDecimal
  package let quantity: ExactDecimal
  /// price × quantity, quote coin; for inverse contracts settlement coin.
  package let value: ExactDecimal
  package let fee: ExactDecimal
  package let feeRate: ExactDecimal
  package let isMaker: Bool
  /// How much of the quantity closed a position.
  package let closed: ExactDecimal
  /// Realised profit before fees, settlement coin.
  package let profit: ExactDecimal
  package let markPrice: ExactDecimal
  package var indexPrice = ExactDecimal.zero
  /// Options: the mark's implied volatility and the price of the underlying.
  package var markIv: ExactDecimal?
  package var underlyingPrice: ExactDecimal?
  package let at: Timestamp
  /// Rises with every trade of the exchange.
  package let sequence: Int
}
