import Decimals
import Orders

/// What an order would take from the visible book.
struct BookWalk {
  /// In base coin.
  var taken = ExactDecimal.zero
  var cost = ExactDecimal.zero
  /// Wanted but not visible up to its limit.
  var missing = ExactDecimal.zero

  /// Takes what `leg` can from `levels`, of which orders before it have taken `start`. Nil where the
  /// order counts no base coin.
  init?(_ levels: [BookSnapshot.Level], _ leg: LegFacts, from start: ExactDecimal) throws {
    guard let quantity = try leg.worth.get().base, leg.category != .option else { return nil }
    var skip = start
    var left = quantity
    for level in levels {
      guard left.isPositive else { break }
      if let price = leg.price, leg.isBuy ? level.price > price : level.price < price { break }
      var size = level.size
      if skip.isPositive {
        let used = min(skip, size)
        skip = try skip - used
        size = try size - used
      }
      guard size.isPositive else { continue }
      let part = min(left, size)
      taken = try taken + part
      cost = try cost + part * level.price
      left = try left - part
    }
    missing = left
  }

  var average: ExactDecimal? {
    guard taken.isPositive else { return nil }
    return try? cost.divided(by: taken, scale: 12, rounding: .halfEven).normalized
  }
}
