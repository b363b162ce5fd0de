import Decimals
import JSON
import Time

/// What time alone does: funding and the end of options.
extension Venue {
  mutating func settleTime() {
    for market in markets.indices {
      if markets[market].instrument.category.isFuture { fund(market) }
      if let terms = markets[market].instrument.option, now >= terms.expiry,
        markets[market].status != .delivered
      {
        deliver(market, terms)
      }
    }
  }

  // MARK: Funding

  /// Pays what is due since the last event. Payments fall on whole intervals since 1970.
  private mutating func fund(_ market: Int) {
    let interval = markets[market].instrument.fundingInterval.count
    guard let first = markets[market].nextFunding else {
      let passed = now.milliseconds / interval
      markets[market].nextFunding = Timestamp(milliseconds: (passed + 1) * interval)
      return
    }
    guard now >= first else { return }
    let due = (now.milliseconds - first.milliseconds) / interval + 1
    for _ in 0..<min(due, Int64(Limits.fundingPayments)) { payFunding(market) }
    markets[market].nextFunding = Timestamp(milliseconds: first.milliseconds + due * interval)
  }

  private mutating func payFunding(_ market: Int) {
    let rate = exactly { () throws(DecimalError) in try markets[market].fundingRate() }
    for account in accounts.keys.sorted() {
      for index in 0...2 {
        let key = SlotKey(market: market, index: index)
        guard let position = accounts[account]?.slots[key]?.position, position.lots != 0 else {
          continue
        }
        exactly { () throws(DecimalError) in try pay(rate, position, key, account) }
      }
    }
    touched.marksMoved = true
  }

  /// Longs pay a positive rate, shorts receive it.
  private mutating func pay(
    _ rate: ExactDecimal, _ position: Position, _ key: SlotKey, _ account: AccountID
  ) throws(DecimalError) {
    let instrument = markets[key.market].instrument
    let mark = markets[key.market].markPrice
    let value = try instrument.value(abs(position.lots), at: mark)
    let fee = try position.lots > 0 ? value * rate : -(value * rate)
    try accounts[account]?.pay(instrument.settleCoin, -fee)
    try Pots.add(fee, of: instrument.settleCoin, to: &pots.funding)
    let paid = try position.funding + fee
    accounts[account]?.slots[key]?.position?.funding = paid
    touched.note(account, key)
    markets[key.market].sequence += 1
    let side = position.lots > 0 ? Side.sell : .buy
    var order = Order(
      id: Text(ids.uuid()),
      request: OrderRequest(
        category: instrument.category, symbol: instrument.symbol, side: side, type: .market,
        quantity: 0, positionIndex: key.index),
      account: account, timeInForce: .ioc, price: 0, quantity: 0, createdAt: now, updatedAt: now,
      exits: Exits(), feeCoin: instrument.settleCoin, serial: 0, market: key.market, limit: 0,
      lots: 0, step: instrument.quantityStep, averageScale: instrument.priceScale + 6)
    order.status = .filled
    note(
      Execution(
        id: Text(ids.uuid()), kind: .funding, account: account, order: order, price: mark,
        quantity: position.size, value: value, fee: fee, feeRate: rate, isMaker: false, closed: 0,
        profit: 0, markPrice: mark, indexPrice: markets[key.market].indexPrice, at: now,
        sequence: markets[key.market].sequence))
  }

  // MARK: Expiry

  /// Options end at what they are worth at the index price, to the tick; the seeded market is the
  /// other side.
  private mutating func deliver(_ market: Int, _ terms: OptionTerms) {
    let instrument = markets[market].instrument
    for order in orders.values.filter({ $0.market == market && $0.status.isOpen })
      .sorted(by: { $0.serial < $1.serial })
    {
      close(order.id, .bySettlement, .none)
    }
    let worth = exactly { () throws(DecimalError) in
      let distance =
        try terms.kind == .call
        ? underlying(of: market) - terms.strike : terms.strike - underlying(of: market)
      return try instrument.ticksBelow(max(.zero, distance))
    }
    for account in accounts.keys.sorted() {
      takeOver(
        SlotKey(market: market, index: 0), of: account, at: worth, .delivery, .closing)
    }
    markets[market].status = .delivered
    markets[market].mark = worth
    markets[market].book = Book()
    touched.markets.insert(market)
  }
}
