package import Decimals
package import JSON
package import Orders
package import Time

/// What agents proposed, sent and traded before, as far as the gateway remembers.
package struct RecentHistory: Hashable, Sendable {
  package enum Fate: Hashable, Sendable {
    case pending, sent
    /// Turned down by a person, a rule or the exchange.
    case refused
  }

  /// One order, with what the checks ask about it read once. Many are handed around with each
  /// assessment: they are shared, not copied.
  package final class PastLeg: Hashable, Sendable {
    package let leg: Leg
    /// The id of its batch.
    package let batch: Text
    package let at: Timestamp
    package let fate: Fate
    /// At the limit price, or what the gateway took the order to be worth.
    package let worth: ExactDecimal?
    package let currency: Text
    let price: ExactDecimal?
    let isMarket: Bool
    let linkID: Text?
    /// Natural, for statistics of sizes; nil where the worth is not known or not positive.
    let logarithmOfWorth: Double?

    package init(
      leg: Leg, batch: Text, at: Timestamp, fate: Fate = .pending, worth: ExactDecimal? = nil,
      currency: Text? = nil
    ) {
      self.leg = leg
      self.batch = batch
      self.at = at
      self.fate = fate
      price = leg.price
      isMarket = leg.orderType == .market
      linkID = leg.orderLinkID
      let worth = worth ?? price.flatMap { try? $0 * leg.qty }
      self.worth = worth
      self.currency = currency ?? Coins.quote(of: leg.symbol, leg.category)
      logarithmOfWorth = worth.flatMap {
        $0.isPositive ? Statistics.logarithm(Double($0)) : nil
      }
    }

    package static func == (a: PastLeg, b: PastLeg) -> Bool {
      a === b
        || a.leg == b.leg && a.batch == b.batch && a.at == b.at && a.fate == b.fate
          && a.worth == b.worth && a.currency == b.currency
    }

    package func hash(into hasher: inout Hasher) {
      hasher.combine(leg)
      hasher.combine(batch)
      hasher.combine(at)
    }
  }

  package struct Fill: Hashable, Sendable {
    package let symbol: Text
    package let side: Side
    package let price: ExactDecimal
    package let qty: ExactDecimal
    package let at: Timestamp

    package init(
      symbol: Text, side: Side, price: ExactDecimal, qty: ExactDecimal, at: Timestamp
    ) {
      self.symbol = symbol
      self.side = side
      self.price = price
      self.qty = qty
      self.at = at
    }
  }

  /// What the same agent did in a day, beyond the orders that are listed one by one too.
  package struct Day: Hashable, Sendable {
    package var orders = 0
    package var fills = 0
    /// Whether all that came within it is remembered.
    package var isWhole = true
    /// Whether each order of it that was not refused has a known worth.
    package var isValued = true
    /// Worth of what was not refused, by currency.
    package var worth: [Text: ExactDecimal] = [:]

    package init() {}
  }

  /// The newest orders of the same agent, oldest first.
  package var legs: [PastLeg]
  /// Orders of other agents that are pending or were sent lately.
  package var others: [PastLeg]
  /// Of the same agent, oldest first.
  package var fills: [Fill]
  package var day = Day()
  /// Symbols and kinds of order that the agent has sent within thirty days, as far as is remembered.
  package var sentSymbols: Set<Text> = []
  package var sentKinds: Set<String> = []

  package init(_ legs: [PastLeg] = [], others: [PastLeg] = [], fills: [Fill] = []) {
    self.legs = legs
    self.others = others
    self.fills = fills
    note(legs)
  }

  /// Takes orders into what is kept about all of them.
  private mutating func note(_ legs: [PastLeg]) {
    day.orders += legs.count
    for past in legs where past.fate != .refused {
      if let worth = past.worth {
        day.worth[past.currency] = try? (day.worth[past.currency] ?? .zero) + worth
      }
      guard past.fate == .sent else { continue }
      sentSymbols.insert(past.leg.symbol)
      sentKinds.formUnion(past.leg.kinds)
    }
  }
}

extension Leg {
  /// Kinds of orders that an agent meets for the first time only once. A plain limit order of a linear
  /// contract is none.
  package var kinds: Set<String> {
    var kinds: Set<String> = category == .linear ? [] : [category.rawValue]
    if isLeverage { kinds.insert("borrowing") }
    if orderType == .market { kinds.insert("market") }
    if isConditional { kinds.insert("conditional") }
    if positionIdx ?? 0 > 0 { kinds.insert("hedge-mode") }
    return kinds
  }
}
