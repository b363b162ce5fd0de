import Decimals
import JSON
import Orders

/// Quantities of one symbol, side by side.
struct SymbolQuantity: Hashable, Sendable {
  var symbol: Text
  /// The coin in which quantities are counted.
  var unit: String
  var buy = ExactDecimal.zero
  var sell = ExactDecimal.zero

  var net: ExactDecimal? { try? buy - sell }

  /// The sums by symbol and unit in the order of the legs; nil when a sum cannot be held.
  static func all(of batch: OrderBatch) -> [SymbolQuantity]? {
    var sums: [SymbolQuantity] = []
    for leg in batch.legs {
      let unit = leg.unit
      if !sums.contains(where: { $0.symbol == leg.symbol && $0.unit == unit }) {
        sums.append(SymbolQuantity(symbol: leg.symbol, unit: unit))
      }
      guard let at = sums.firstIndex(where: { $0.symbol == leg.symbol && $0.unit == unit }) else {
        continue
      }
      guard let total = try? (leg.side == .buy ? sums[at].buy : sums[at].sell) + leg.qty else {
        return nil
      }
      if leg.side == .buy { sums[at].buy = total } else { sums[at].sell = total }
    }
    return sums
  }
}

extension Leg {
  /// The coin that `qty` counts, as far as the symbol tells.
  var unit: String {
    if category == .inverse { return "USD" }
    if quantityIsQuote { return Coins.quote(of: symbol, category).string }
    return Coins.base(of: symbol, category).string
  }
}
