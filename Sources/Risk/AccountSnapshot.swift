package import Decimals
package import JSON
package import Orders
package import Time

/// The account as the gateway's read key last saw it.
package enum AccountSnapshot: Hashable, Sendable {
  /// No key was ever configured.
  case notConfigured
  /// A key is configured, but nothing could be read: why.
  case missing(String)
  case known(Account)
}

package struct Account: Hashable, Sendable {
  package struct Position: Hashable, Sendable {
    package let symbol: Text
    /// 0 one-way, 1 the long side and 2 the short side of hedge mode.
    package let index: Int
    /// Long positive, short negative, in the unit of the symbol's orders.
    package let size: ExactDecimal

    package init(symbol: Text, index: Int = 0, size: ExactDecimal) {
      self.symbol = symbol
      self.index = index
      self.size = size
    }
  }

  package struct OpenOrder: Hashable, Sendable {
    package let symbol: Text
    package let side: Side
    /// Nil for a market order that waits for its trigger.
    package let price: ExactDecimal?
    /// Waits for its trigger, so it rests in no book.
    package let isConditional: Bool

    package init(symbol: Text, side: Side, price: ExactDecimal?, isConditional: Bool = false) {
      self.symbol = symbol
      self.side = side
      self.price = price
      self.isConditional = isConditional
    }
  }

  package var positions: [Position]
  package var openOrders: [OpenOrder]
  /// In US dollars.
  package var equity: ExactDecimal?
  /// Whether orders outside the price limit are turned down instead of moved to it. Nil: not known.
  package var rejectsOutsideLimit: Bool?
  package var asOf: Timestamp

  package init(
    positions: [Position] = [], openOrders: [OpenOrder] = [], equity: ExactDecimal? = nil,
    rejectsOutsideLimit: Bool? = nil, asOf: Timestamp
  ) {
    self.positions = positions
    self.openOrders = openOrders
    self.equity = equity
    self.rejectsOutsideLimit = rejectsOutsideLimit
    self.asOf = asOf
  }
}

/// What this agent proposed shortly before.
package struct RecentHistory: Hashable, Sendable {
  package struct PastLeg: Hashable, Sendable {
    package let leg: Leg
    /// The id of its batch.
    package let batch: Text
    package let at: Timestamp

    package init(leg: Leg, batch: Text, at: Timestamp) {
      self.leg = leg
      self.batch = batch
      self.at = at
    }
  }

  package var legs: [PastLeg]

  package init(_ legs: [PastLeg] = []) { self.legs = legs }
}
