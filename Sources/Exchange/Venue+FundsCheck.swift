import Decimals
import JSON

/// Whether an account can carry an order.
extension Venue {
  /// Refuses an order that binds more than is available. `replacing` is the same order before an
  /// amendment. An order that waits binds nothing yet, except a spot order with locked funds.
  func checkFunds(
    _ order: Order, replacing old: Order?, _ owner: Account
  ) throws(Refusal) {
    let (new, before) = (claim(of: order), old.map { claim(of: $0) } ?? .none)
    guard new != before else { return }
    let fits: Bool
    do { fits = try carries(order, new, instead: before, owner) } catch { throw .balance }
    guard fits else { throw .balance }
  }

  private func carries(
    _ order: Order, _ new: Claim, instead old: Claim, _ owner: Account
  ) throws(DecimalError) -> Bool {
    switch new {
    case .none: return true
    case .hold(let coin, let amount):
      let free = try owner.free(coin) + old.amount(of: coin)
      guard amount <= free else { return false }
      return try withinMargin(amount - old.amount(of: coin), of: coin, order.account)
    case .loan(let coin, let amount):
      let more = try amount - old.amount(of: coin)
      let margin = try Funds.loanMargin(more * rate(coin)).initial
      return try margin <= available(order.account)
    case .opening(let key, let side, let lots, let value):
      var before = owner.slots[key] ?? Slot()
      if case .opening(_, _, let lots, let value) = old {
        try before.add(side, -lots, -value)
      }
      var after = before
      try after.add(side, lots, value)
      let was = try orderMargin(of: owner.slots[key] ?? Slot(), key, owner)
      let more = try orderMargin(of: after, key, owner) - was
      guard more.isPositive else { return true }
      let opening = after.openingLots(side) - before.openingLots(side)
      let instrument = markets[key.market].instrument
      let price = instrument.price(order.limit)
      let worth = try instrument.value(opening, at: price)
      let fee = try fee(
        opening, at: price, value: worth, rate: instrument.takerFee, in: key.market)
      return try (more + fee) * rate(instrument.settleCoin) <= available(order.account)
    }
  }

  /// Coins that are bound for an order stop counting as margin.
  private func withinMargin(
    _ amount: ExactDecimal, of coin: Text, _ account: AccountID
  ) throws(DecimalError) -> Bool {
    guard amount.isPositive else { return true }
    return try amount * rate(coin) <= available(account)
  }

  func available(_ account: AccountID) throws(DecimalError) -> ExactDecimal {
    try summary(of: account)?.available ?? .zero
  }
}

extension Claim {
  /// What of `coin` a spot order binds.
  func amount(of coin: Text) -> ExactDecimal {
    switch self {
    case .hold(coin, let amount), .loan(coin, let amount): amount
    default: .zero
    }
  }
}

extension Slot {
  mutating func add(_ side: Side, _ lots: Int, _ value: ExactDecimal) throws(DecimalError) {
    if side == .buy { try buys.add(lots, value) } else { try sells.add(lots, value) }
  }
}
