package import Decimals
package import JSON
package import Time

/// A position. Its cost is kept as an exact sum, so that no trade creates or destroys money whatever
/// the average price rounds to.
package struct Position: Sendable {
  package let market: MarketID
  /// 0 one-way, 1 the long and 2 the short side in hedge mode.
  package let index: Int
  package internal(set) var leverage: ExactDecimal
  package internal(set) var createdAt: Timestamp
  package internal(set) var updatedAt: Timestamp
  /// What the open size was traded for, settlement coin, never negative.
  package internal(set) var entryValue = ExactDecimal.zero
  /// Realised since the start, before fees and funding, settlement coin.
  package internal(set) var realised = ExactDecimal.zero
  /// Fees since the start.
  package internal(set) var fees = ExactDecimal.zero
  /// Funding paid since the start; negative: received.
  package internal(set) var funding = ExactDecimal.zero
  /// Exits of the whole position.
  package internal(set) var exits = Exits()
  package internal(set) var sequence = 0
  /// Positive long, negative short.
  var lots = 0
  let step: ExactDecimal

  /// Digits after the point to which the cost of a closed part is rounded; the rest stays open.
  static let costScale = 12

  init(
    _ instrument: Instrument, index: Int, leverage: ExactDecimal, at now: Timestamp
  ) {
    market = instrument.id
    step = instrument.quantityStep
    self.index = index
    self.leverage = leverage
    createdAt = now
    updatedAt = now
  }

  package var symbol: Text { market.symbol }
  package var category: Category { market.category }
  /// Nil when flat.
  package var side: Side? { lots == 0 ? nil : lots > 0 ? .buy : .sell }
  /// Base coin or dollars, never negative.
  package var size: ExactDecimal { Instrument.amount(abs(lots), of: step) }

  /// Nil when flat. For show only: rounded to 8 digits, halves to even.
  package var averagePrice: ExactDecimal? {
    guard lots != 0 else { return nil }
    let (top, bottom) = category == .inverse ? (size, entryValue) : (entryValue, size)
    return try? top.divided(by: bottom, scale: 8, rounding: .halfEven).normalized
  }

  /// +1 where a higher price is a profit for `entryValue` counted as cost.
  private var direction: Int { (lots >= 0) == (category != .inverse) ? 1 : -1 }

  /// Profit if the position were worth `value` now, settlement coin.
  func unrealised(worth value: ExactDecimal) throws(DecimalError) -> ExactDecimal {
    direction > 0 ? try value - entryValue : try entryValue - value
  }

  /// Profit if the position were closed at `mark`, settlement coin.
  package func unrealised(
    at mark: ExactDecimal, _ instrument: Instrument
  ) throws(DecimalError) -> ExactDecimal {
    guard lots != 0 else { return .zero }
    return try unrealised(worth: instrument.value(abs(lots), at: mark))
  }

  /// What the position adds to the sum of all money while it is open: its cost, signed.
  var openCost: ExactDecimal { direction > 0 ? -entryValue : entryValue }

  /// How many lots an order of `side` could close.
  func closable(by side: Side) -> Int {
    self.side == side.opposite ? abs(lots) : 0
  }

  /// Books a trade whose closing part is worth `closing` and whose rest `opening`. Returns the profit
  /// of the closed part before fees.
  mutating func trade(
    _ side: Side, closed: Int, worth closing: ExactDecimal, opened: Int,
    worth opening: ExactDecimal
  ) throws(DecimalError) -> ExactDecimal {
    var profit = ExactDecimal.zero
    if closed > 0 {
      let cost = try cost(of: closed)
      profit = direction > 0 ? try closing - cost : try cost - closing
      entryValue = try entryValue - cost
    }
    if opened > 0 { entryValue = try entryValue + opening }
    lots += side.sign * (closed + opened)
    realised = try realised + profit
    return profit
  }

  private func cost(of closed: Int) throws(DecimalError) -> ExactDecimal {
    guard closed < abs(lots) else { return entryValue }
    return try (entryValue * ExactDecimal(closed)).divided(
      by: ExactDecimal(abs(lots)), scale: Self.costScale, rounding: .halfEven)
  }
}
