package import Decimals
package import JSON
package import Time

/// The rules of one market.
///
/// Inside the exchange a price is a count of ticks and a quantity a count of lots; both are exact.
/// Sizes are in base coin, for inverse contracts in US dollars. Money is in `settleCoin`.
package struct Instrument: Sendable {
  package var category = Category.linear
  package var symbol: Text
  package var symbolID: Int
  package var baseCoin: Text
  package var quoteCoin: Text = "USDT"
  /// The coin of margin, profit and fees; for spot the quote coin.
  package var settleCoin: Text = "USDT"
  /// Digits after the point of a price.
  package var priceScale: Int
  package var tickSize: ExactDecimal
  package var minPrice: ExactDecimal
  package var maxPrice: ExactDecimal
  /// The step of quantities; for spot the base precision.
  package var quantityStep: ExactDecimal
  package var minQuantity: ExactDecimal
  /// The most that one limit order may ask for.
  package var maxQuantity: ExactDecimal
  /// The most that one market order may ask for.
  package var maxMarketQuantity: ExactDecimal
  /// The least value of an order, quote coin; zero where none is asked. For spot `minOrderAmt`.
  package var minNotional: ExactDecimal = 0
  /// Spot: the step of amounts in quote coin.
  package var quotePrecision: ExactDecimal = "0.0000001"
  package var minLeverage: ExactDecimal = 1
  package var maxLeverage: ExactDecimal = 1
  package var leverageStep: ExactDecimal = "0.01"
  /// The maintenance margin as a fraction of a position's value.
  package var maintenanceRate: ExactDecimal = "0.005"
  /// Ratio X of the price band: the distance from the mark (spot: index) price, as a fraction.
  package var bandRatio: ExactDecimal
  /// Ratio Y, the furthest distance.
  package var outerBandRatio: ExactDecimal
  package var takerFee: ExactDecimal = "0.00055"
  package var makerFee: ExactDecimal = "0.0002"
  /// Futures: time between two funding payments.
  package var fundingInterval = Milliseconds.minutes(480)
  /// Options only.
  package var option: OptionTerms?

  package var id: MarketID { MarketID(category, symbol) }
  /// Spot: the step of quantities in base coin.
  package var basePrecision: ExactDecimal { quantityStep }

  /// The whole number of ticks in `price`, or nil when it is not on the grid.
  package func ticks(of price: ExactDecimal) -> Int? { Self.count(price, of: tickSize) }
  /// The whole number of lots in `quantity`, or nil when it is not on the grid.
  package func lots(of quantity: ExactDecimal) -> Int? { Self.count(quantity, of: quantityStep) }

  package func price(_ ticks: Int) -> ExactDecimal { Self.amount(ticks, of: tickSize) }
  package func quantity(_ lots: Int) -> ExactDecimal { Self.amount(lots, of: quantityStep) }

  /// The nearest grid price towards zero.
  package func ticksBelow(_ price: ExactDecimal) throws(DecimalError) -> Int {
    try Self.whole(price, of: tickSize)
  }

  /// The most whole lots in `quantity`.
  func lotsBelow(_ quantity: ExactDecimal) throws(DecimalError) -> Int {
    try Self.whole(quantity, of: quantityStep)
  }

  /// What `lots` at `price` are worth in settlement coin: size × price, or for an inverse contract
  /// dollars ÷ price, to `Instrument.coinScale` digits, halves to even.
  package func value(_ lots: Int, at price: ExactDecimal) throws(DecimalError) -> ExactDecimal {
    guard category == .inverse else { return try quantity(lots) * price }
    return try quantity(lots).divided(by: price, scale: Self.coinScale, rounding: .halfEven)
  }

  /// Digits of a value that a division makes: those of the coin's smallest part.
  package static let coinScale = 8

  static func amount(_ count: Int, of step: ExactDecimal) -> ExactDecimal {
    // Steps have few digits and counts fit 63 bits: far inside 38 digits.
    ExactDecimal(coefficient: Int128(count) * step.coefficient, scale: step.scale)
  }

  private static func whole(
    _ amount: ExactDecimal, of step: ExactDecimal
  ) throws(DecimalError) -> Int {
    let count = try amount.divided(by: step, scale: 0, rounding: .down)
    guard let whole = Int(exactly: count.coefficient) else { throw .overflow }
    return whole
  }

  private static func count(_ amount: ExactDecimal, of step: ExactDecimal) -> Int? {
    guard let fits = try? amount.isMultiple(of: step), fits else { return nil }
    return try? whole(amount, of: step)
  }
}

/// What an option promises.
package struct OptionTerms: Hashable, Sendable {
  package enum Kind: String, Sendable {
    case call = "Call"
    case put = "Put"
  }

  package var kind: Kind
  package var strike: ExactDecimal
  package var expiry: Timestamp

  package init(kind: Kind, strike: ExactDecimal, expiry: Timestamp) {
    self.kind = kind
    self.strike = strike
    self.expiry = expiry
  }
}
