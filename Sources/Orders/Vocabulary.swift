package import JSON

/// The exchange's product categories. One batch has one category.
package enum Category: String, CaseIterable, Hashable, Sendable {
  case spot, linear, inverse, option

  /// The most legs that the exchange takes in one batch.
  package var maxLegs: Int { self == .spot ? 10 : 20 }
}

/// One symbol of one category: the same name can stand in several.
package struct Listing: Hashable, Comparable, Sendable {
  package let category: Category
  package let symbol: Text

  package init(_ category: Category, _ symbol: Text) {
    self.category = category
    self.symbol = symbol
  }

  package static func < (a: Listing, b: Listing) -> Bool {
    (a.category.rawValue, a.symbol) < (b.category.rawValue, b.symbol)
  }
}

package enum Side: String, CaseIterable, Hashable, Sendable {
  case buy = "Buy"
  case sell = "Sell"

  /// +1 for a buy, -1 for a sell.
  package var sign: Int { self == .buy ? 1 : -1 }
  package var opposite: Side { self == .buy ? .sell : .buy }
}

package enum OrderType: String, CaseIterable, Hashable, Sendable {
  case market = "Market"
  case limit = "Limit"
}

package enum TimeInForce: String, CaseIterable, Hashable, Sendable {
  case gtc = "GTC"
  case ioc = "IOC"
  case fok = "FOK"
  case postOnly = "PostOnly"
  case rpi = "RPI"
}

/// Which coin the quantity of a spot market order counts.
package enum MarketUnit: String, CaseIterable, Hashable, Sendable {
  case base = "baseCoin"
  case quote = "quoteCoin"
}

extension RawRepresentable where RawValue == String, Self: CaseIterable {
  /// The case whose raw value has exactly the bytes of `text`.
  package init?(exactly text: Text) {
    guard let found = Self.allCases.first(where: { Text($0.rawValue) == text }) else { return nil }
    self = found
  }
}
