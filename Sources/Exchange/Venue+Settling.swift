import Decimals
import JSON

/// The books of a trade: positions, wallets, fees.
extension Venue {
  /// Books one side of a trade.
  mutating func settle(
    _ owner: Book.Owner, _ side: Side, _ lots: Int, _ price: ExactDecimal, _ value: ExactDecimal,
    isMaker: Bool, in market: Int, kind: Execution.Kind = .trade
  ) {
    guard case .order(let id) = owner, var order = orders[id] else {
      exactly { () throws(DecimalError) in
        try settleHouse(side, lots, value, in: market)
      }
      return
    }
    let instrument = markets[market].instrument
    let rate = isMaker ? instrument.makerFee : instrument.takerFee
    let booked = exactly { () throws(DecimalError) in
      instrument.category == .spot
        ? try settleSpot(order, side, lots, value, rate, in: market)
        : try settlePosition(order, side, lots, price, value, rate, in: market)
    }
    exactly { () throws(DecimalError) in
      order.filledValue = try order.filledValue + value
      order.fee = try order.fee + booked.fee
      order.closedPnl = try order.closedPnl + booked.profit
      if let budget = order.budget { order.budget = try budget - value }
      try Pots.add(booked.fee, of: order.feeCoin, to: &pots.fees)
    }
    order.filledLots += lots
    order.status = isDone(order, at: price) ? .filled : .partiallyFilled
    order.updatedAt = now
    put(order)
    if !order.exits.isEmpty { touched.grown.append(id) }
    let place = Touched.Place(account: order.account, slot: slotKey(of: order))
    touched.note(place.account, place.slot)
    touched.moved.insert(place)
    let quote = optionQuote(market)
    note(
      Execution(
        id: Text(ids.uuid()), kind: kind, account: order.account, order: order, price: price,
        quantity: instrument.quantity(lots), value: value, fee: booked.fee, feeRate: rate,
        isMaker: isMaker, closed: instrument.quantity(booked.closed), profit: booked.profit,
        markPrice: markets[market].markPrice, indexPrice: indexPrice(of: market),
        markIv: quote?.markIv, underlyingPrice: quote?.underlying, at: now,
        sequence: markets[market].sequence))
  }

  private struct Booked {
    var fee: ExactDecimal
    var closed = 0
    var profit = ExactDecimal.zero
  }

  /// Whether nothing of the order is left; an order in quote coin is done when the rest buys no lot.
  private func isDone(_ order: Order, at price: ExactDecimal) -> Bool {
    guard let budget = order.budget else { return order.filledLots >= order.lots }
    let lot = markets[order.market].instrument.quantityStep
    return exactly { () throws(DecimalError) in budget < (try lot * price) }
  }

  private mutating func settleHouse(
    _ side: Side, _ lots: Int, _ value: ExactDecimal, in market: Int
  ) throws(DecimalError) {
    let instrument = markets[market].instrument
    markets[market].houseLots += side.sign * lots
    let cash = (side == .buy) == (instrument.category != .inverse) ? -value : value
    try Pots.add(cash, of: instrument.settleCoin, to: &pots.house)
    guard instrument.category == .spot else { return }
    let coins = instrument.quantity(side.sign * lots)
    try Pots.add(coins, of: instrument.baseCoin, to: &pots.house)
  }

  /// Coins change hands; the fee is taken from what is received.
  private mutating func settleSpot(
    _ order: Order, _ side: Side, _ lots: Int, _ value: ExactDecimal, _ rate: ExactDecimal,
    in market: Int
  ) throws(DecimalError) -> Booked {
    let instrument = markets[market].instrument
    let coins = instrument.quantity(lots)
    let fee = try (side == .buy ? coins : value) * rate
    let base = try side == .buy ? coins - fee : -coins
    let quote = try side == .buy ? -value : value - fee
    try accounts[order.account]?.pay(instrument.baseCoin, base)
    try accounts[order.account]?.pay(instrument.quoteCoin, quote)
    return Booked(fee: fee)
  }

  /// A position changes. Futures pay their profit when they close; options pay the premium at once.
  private mutating func settlePosition(
    _ order: Order, _ side: Side, _ lots: Int, _ price: ExactDecimal, _ value: ExactDecimal,
    _ rate: ExactDecimal, in market: Int
  ) throws(DecimalError) -> Booked {
    let instrument = markets[market].instrument
    let key = slotKey(of: order)
    let fee = try fee(lots, at: price, value: value, rate: rate, in: market)
    guard let owner = accounts[order.account] else { return Booked(fee: fee) }
    var position =
      owner.slots[key]?.position
      ?? Position(instrument, index: key.index, leverage: leverage(key, owner), at: now)
    let closed = min(position.closable(by: side), lots)
    let closing = closed == lots ? value : try instrument.value(closed, at: price)
    let profit = try position.trade(
      side, closed: closed, worth: closing, opened: lots - closed, worth: value - closing)
    position.updatedAt = now
    position.sequence = markets[market].sequence
    position.fees = try position.fees + fee
    accounts[order.account]?.slots[key, default: Slot()].position = position
    let cash =
      instrument.category == .option ? (side == .buy ? -value : value) : profit
    try accounts[order.account]?.pay(instrument.settleCoin, cash - fee, realised: profit)
    return Booked(fee: fee, closed: closed, profit: profit)
  }

  mutating func note(_ execution: Execution) {
    if executions.count >= Limits.executions { executions.removeFirst(Limits.executions / 10) }
    executions.append(execution)
    effects.append(.execution(execution))
  }

  func indexPrice(of market: Int) -> ExactDecimal {
    markets[market].instrument.category == .option
      ? underlying(of: market) : markets[market].indexPrice
  }
}
