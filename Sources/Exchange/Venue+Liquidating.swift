import Decimals
import JSON

/// What happens to an account whose margin balance no longer covers its maintenance margin.
extension Venue {
  mutating func liquidate() {
    let suspects =
      touched.marksMoved ? Set(accounts.keys) : Set(touched.places.map(\.account))
    touched.marksMoved = false
    for account in suspects.sorted() where isUnderwater(account) { liquidate(account) }
  }

  private func isUnderwater(_ account: AccountID) -> Bool {
    guard let owner = accounts[account], owner.isExposed,
      let summary = exactly({ () throws(DecimalError) in try summary(of: account) })
    else { return false }
    return summary.maintenanceMargin.isPositive
      && summary.marginBalance < summary.maintenanceMargin
      || summary.marginBalance.isNegative
  }

  /// First every order goes; then the seeded market takes positions over at their mark price, the
  /// dearest first, until the rest is covered; then borrowed coins are paid back with the others. What
  /// is still missing is paid by the insurance pot.
  private mutating func liquidate(_ account: AccountID) {
    let open = (accounts[account]?.open ?? []).compactMap { orders[$0] }
    for order in open.sorted(by: { $0.serial < $1.serial }) {
      close(order.id, .beforeLiquidation, .none)
    }
    while isUnderwater(account), let key = dearest(of: account) {
      takeOver(key, of: account, at: markets[key.market].mark, .bust, .liquidation)
    }
    if isUnderwater(account) { repay(account) }
  }

  /// The open position with the largest maintenance margin; options that are owned come last.
  private func dearest(of account: AccountID) -> SlotKey? {
    guard let owner = accounts[account] else { return nil }
    var found: (key: SlotKey, margin: ExactDecimal)?
    for key in owner.slots.keys.sorted() {
      guard let position = owner.slots[key]?.position, position.lots != 0 else { continue }
      let margin = exactly { () throws(DecimalError) in
        try positionMargin(of: position, key, owner).maintenance
          * rate(markets[key.market].instrument.settleCoin)
      }
      if let best = found, margin <= best.margin { continue }
      found = (key, margin)
    }
    return found?.key
  }

  /// Closes a position against the seeded market by an order of the exchange's own.
  mutating func takeOver(
    _ key: SlotKey, of account: AccountID, at ticks: Int, _ kind: Execution.Kind,
    _ maker: CreateType
  ) {
    guard let position = accounts[account]?.slots[key]?.position, let side = position.side else {
      return
    }
    let instrument = markets[key.market].instrument
    let lots = abs(position.lots)
    let price = instrument.price(ticks)
    var order = Order(
      id: Self.id(instrument.category, &ids),
      request: OrderRequest(
        category: instrument.category, symbol: instrument.symbol, side: side.opposite,
        type: .market, quantity: instrument.quantity(lots), reduceOnly: true,
        positionIndex: key.index),
      account: account, timeInForce: .ioc, price: price, quantity: instrument.quantity(lots),
      createdAt: now, updatedAt: now, exits: Exits(), feeCoin: instrument.settleCoin,
      serial: nextSerial(), market: key.market, limit: ticks, lots: lots,
      step: instrument.quantityStep, averageScale: instrument.priceScale + 6)
    order.createType = maker
    put(order)
    let value = exactly { () throws(DecimalError) in try instrument.value(lots, at: price) }
    markets[key.market].sequence += 1
    settle(
      .order(order.id), side.opposite, lots, price, value, isMaker: false, in: key.market,
      kind: kind)
    settle(
      .house, side, lots, price, value, isMaker: true, in: key.market)
    if let filled = orders[order.id] { effects.append(.order(filled)) }
  }

  /// Turns every coin into dollars at its index price and lets the insurance pot pay what is missing.
  private mutating func repay(_ account: AccountID) {
    guard let owner = accounts[account] else { return }
    exactly { () throws(DecimalError) in
      for coin in owner.balances.keys.sorted() where coin != Self.dollar {
        let amount = owner.balance(coin)
        guard !amount.isZero, !rate(coin).isZero else { continue }
        let worth = try amount * rate(coin)
        try Pots.add(amount, of: coin, to: &pots.house)
        try Pots.add(-worth, of: Self.dollar, to: &pots.house)
        try accounts[account]?.pay(coin, -amount)
        try accounts[account]?.pay(Self.dollar, worth)
      }
      let left = accounts[account]?.balance(Self.dollar) ?? .zero
      guard left.isNegative else { return }
      try Pots.add(left, of: Self.dollar, to: &pots.insurance)
      try accounts[account]?.pay(Self.dollar, -left)
    }
  }

  static let dollar: Text = "USDT"
}

extension Account {
  /// Whether anything could cost more than the account has.
  var isExposed: Bool {
    slots.values.contains { $0.position?.lots ?? 0 != 0 }
      || balances.values.contains { $0.amount.isNegative }
  }
}
