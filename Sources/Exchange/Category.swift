package import JSON

/// What kind of thing is traded. One symbol can name a contract in one category and a pair in
/// another.
package enum Category: String, CaseIterable, Sendable {
  /// Contracts sized in base coin, settled in quote coin.
  case linear
  /// Contracts of one US dollar, settled in base coin.
  case inverse
  /// Coins themselves.
  case spot
  /// European options, sized in base coin, premium in settlement coin.
  case option

  /// Positions with leverage, funding and liquidation.
  package var isFuture: Bool { self == .linear || self == .inverse }
}

/// The full name of one market.
package struct MarketID: Hashable, Comparable, Sendable {
  package let category: Category
  package let symbol: Text

  package init(_ category: Category, _ symbol: Text) {
    self.category = category
    self.symbol = symbol
  }

  package static func < (a: MarketID, b: MarketID) -> Bool {
    a.symbol == b.symbol ? a.category.rawValue < b.category.rawValue : a.symbol < b.symbol
  }
}

/// Whether a market takes orders.
package enum MarketStatus: String, Sendable {
  case trading = "Trading"
  /// No quotes, no new orders; resting orders stay and may be cancelled.
  case halted = "Closed"
  /// An option after its expiry.
  case delivered = "Delivering"
}
