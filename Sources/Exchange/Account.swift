import Decimals
import JSON

/// A place for one position of an account.
struct SlotKey: Hashable, Comparable, Sendable {
  let market: Int
  /// 0 one-way, 1 long and 2 short in hedge mode.
  let index: Int

  static func < (a: SlotKey, b: SlotKey) -> Bool {
    a.market == b.market ? a.index < b.index : a.market < b.market
  }
}

/// Lots of several orders and their value at their limit prices.
struct Totals: Hashable, Sendable {
  var lots = 0
  var value = ExactDecimal.zero

  mutating func add(_ lots: Int, _ value: ExactDecimal) throws(DecimalError) {
    self.lots += lots
    self.value = try self.value + value
  }
}

/// One position with the orders that belong to it.
struct Slot: Sendable {
  var position: Position?
  /// Working orders that may open something.
  var buys = Totals()
  var sells = Totals()
  /// Working orders that may only close.
  var reducing: Set<Text> = []
  /// Waiting exits.
  var exits: Set<Text> = []

  func totals(_ side: Side) -> Totals { side == .buy ? buys : sells }
  func closable(by side: Side) -> Int { position?.closable(by: side) ?? 0 }

  /// Lots of working orders of `side` that would open something if all of them filled.
  func openingLots(_ side: Side) -> Int { max(0, totals(side).lots - closable(by: side)) }
}

/// One coin of an account.
struct Balance: Sendable {
  var amount = ExactDecimal.zero
  var realised = ExactDecimal.zero
  /// Held for spot orders.
  var locked = ExactDecimal.zero
  /// What leveraged spot orders would spend.
  var leveraged = ExactDecimal.zero
}

/// What an open order binds.
enum Claim: Hashable, Sendable {
  case none
  /// A spot order spends this coin.
  case hold(Text, ExactDecimal)
  /// The same, borrowing allowed.
  case loan(Text, ExactDecimal)
  /// A derivative order that may open a position.
  case opening(SlotKey, Side, Int, ExactDecimal)
}

struct LeveragePair: Hashable, Sendable {
  var buy: ExactDecimal
  var sell: ExactDecimal
}

/// The open orders of an account in one market.
struct OrderCounts: Hashable, Sendable {
  var active = 0
  /// Conditional orders; exits are counted by their slot.
  var waiting = 0
}

/// An account with its positions.
struct Account: Sendable {
  var balances: [Text: Balance] = [:]
  var slots: [SlotKey: Slot] = [:]
  /// Every link id that names a retained order.
  var links: [Text: Text] = [:]
  var open: Set<Text> = []
  var counts: [Int: OrderCounts] = [:]
  var leverage: [Int: LeveragePair] = [:]
  /// Markets in hedge mode.
  var hedged: Set<Int> = []
  var futuresBand = BandPolicy.reprice
  var spotBand = BandPolicy.refuse
  /// 0: none but the account itself.
  var selfMatchGroup = 0

  func balance(_ coin: Text) -> ExactDecimal { balances[coin]?.amount ?? .zero }

  /// What of `coin` no spot order holds.
  func free(_ coin: Text) throws(DecimalError) -> ExactDecimal {
    guard let balance = balances[coin] else { return .zero }
    return try balance.amount - balance.locked
  }

  /// Keeps the sums of what orders bind.
  mutating func exchange(_ old: Claim, for new: Claim) throws(DecimalError) {
    guard old != new else { return }
    try count(old, -1)
    try count(new, 1)
  }

  private mutating func count(_ claim: Claim, _ sign: Int) throws(DecimalError) {
    switch claim {
    case .none: break
    case .hold(let coin, let amount):
      let change = sign > 0 ? amount : -amount
      let locked = balances[coin]?.locked ?? .zero
      balances[coin, default: Balance()].locked = try locked + change
    case .loan(let coin, let amount):
      let change = sign > 0 ? amount : -amount
      let leveraged = balances[coin]?.leveraged ?? .zero
      balances[coin, default: Balance()].leveraged = try leveraged + change
    case .opening(let key, let side, let lots, let value):
      let change = sign > 0 ? value : -value
      try slots[key, default: Slot()].add(side, sign * lots, change)
    }
  }

  /// Moves money of a coin in or out.
  mutating func pay(
    _ coin: Text, _ change: ExactDecimal, realised: ExactDecimal = .zero
  ) throws(DecimalError) {
    var balance = balances[coin] ?? Balance()
    balance.amount = try balance.amount + change
    balance.realised = try balance.realised + realised
    balances[coin] = balance
  }
}
