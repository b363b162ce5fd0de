import Decimals
import JSON
import Testing

@testable import Exchange

/// All money of an exchange by coin: what accounts have, what their open futures cost, and the pots.
/// It never changes.
func allMoney(_ venue: Venue) throws -> [Text: ExactDecimal] {
  var total: [Text: ExactDecimal] = [:]
  for account in venue.accounts.values {
    for (coin, balance) in account.balances {
      try Pots.add(balance.amount, of: coin, to: &total)
    }
    for (key, slot) in account.slots {
      let instrument = venue.markets[key.market].instrument
      guard let position = slot.position, instrument.category.isFuture else { continue }
      try Pots.add(position.openCost, of: instrument.settleCoin, to: &total)
    }
  }
  let pots = venue.pots
  for pot in [pots.house, pots.fees, pots.funding, pots.insurance] {
    for (coin, amount) in pot { try Pots.add(amount, of: coin, to: &total) }
  }
  return total
}
