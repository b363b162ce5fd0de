import Decimals
import JSON
import Orders
import Time

/// The market of one symbol with what many rules ask of it, computed once and shared.
@dynamicMemberLookup
final class MarketFacts: Sendable {
  let value: SymbolMarket
  let hasPrice: Bool
  let quote: Quote?
  let mid: ExactDecimal?
  let day: (dollars: ExactDecimal, base: ExactDecimal)?
  let readings: Readings

  init(_ value: SymbolMarket) {
    self.value = value
    hasPrice = value.hasPrice
    quote = value.quote
    mid = quote?.mid
    day = value.day
    readings = Readings(value)
  }

  @inline(__always)
  subscript<Member>(dynamicMember member: KeyPath<SymbolMarket, Member>) -> Member {
    value[keyPath: member]
  }
}

/// When the inputs of checks were read.
struct Readings: Sendable {
  private struct Reading: Sendable {
    let input: RiskInputs
    let name: String
    let at: Timestamp
  }

  private let all: [Reading]

  init(_ market: SymbolMarket) {
    let moments: [(RiskInputs, String, Timestamp?)] = [
      (.instrument, "instrument", market.instrument?.fetchedAt),
      (.quote, "quote", market.engineTime), (.book, "book", market.book?.asOf),
      (.volatility, "volatility", market.volatilityAsOf),
      (.priceLimit, "price limit", market.limitsAsOf),
    ]
    all = moments.compactMap { input, name, at in
      at.map { Reading(input: input, name: name, at: $0) }
    }
  }

  /// The oldest of several markets' readings.
  init(_ markets: [Readings]) {
    guard markets.count > 1 else {
      self = markets.first ?? Readings(SymbolMarket())
      return
    }
    var oldest: [Reading] = []
    for reading in markets.flatMap(\.all) {
      guard let place = oldest.firstIndex(where: { $0.input == reading.input }) else {
        oldest.append(reading)
        continue
      }
      if reading.at < oldest[place].at { oldest[place] = reading }
    }
    all = oldest.sorted { $0.input.rawValue < $1.input.rawValue }
  }

  /// Adds the ages of those that `inputs` name.
  func add(to found: inout [Finding.Input], of inputs: RiskInputs, at now: Timestamp) {
    for one in all where inputs.contains(one.input) {
      found.append(Finding.Input(one.name, age: now - one.at))
    }
  }
}

/// The open orders of one symbol with their sums.
final class OpenFacts: Sendable {
  static let none = OpenFacts([])

  typealias Sum = Result<ExactDecimal, DecimalError>

  let orders: [Account.OpenOrder]
  private let resting: [Sum]
  private let opening: [Sum]
  private let hasStops: [Bool]

  init(_ orders: [Account.OpenOrder]) {
    self.orders = orders
    func sums(_ counts: (Account.OpenOrder) -> Bool) -> [Sum] {
      Side.allCases.map { side in
        Result { () throws(DecimalError) in
          var sum = ExactDecimal.zero
          for order in orders where order.side == side && counts(order) {
            sum = try sum + (order.left ?? .zero)
          }
          return sum
        }
      }
    }
    resting = sums { !$0.isConditional }
    opening = sums { !$0.isClosing }
    hasStops = Side.allCases.map { side in
      orders.contains { $0.side == side && $0.isConditional && $0.isClosing }
    }
  }

  private static func place(_ side: Side) -> Int { side == Side.allCases[0] ? 0 : 1 }

  /// What rests on one side of the book.
  func resting(_ side: Side) throws(DecimalError) -> ExactDecimal {
    try resting[Self.place(side)].get()
  }

  /// What can open or grow a position by one side.
  func opening(_ side: Side) throws(DecimalError) -> ExactDecimal {
    try opening[Self.place(side)].get()
  }

  /// Whether an order of this side waits to close a position.
  func hasStop(_ side: Side) -> Bool { hasStops[Self.place(side)] }
}
