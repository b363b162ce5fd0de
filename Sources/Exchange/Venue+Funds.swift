package import Decimals
package import JSON

/// Margins. Every account is one cross-margin wallet in dollars: coins count at the index price of
/// their linear contract.
extension Venue {
  /// Dollars for one of `coin`; nothing for a coin that no market prices.
  func rate(_ coin: Text) -> ExactDecimal {
    if Self.dollars.contains(coin) { return .one }
    return rates[coin].map { markets[$0].indexPrice } ?? .zero
  }

  private static let dollars: Set<Text> = ["USD", "USDT", "USDC"]

  /// The wallet of an account with margins and unrealised profit at the present marks, or nil for
  /// an unknown account. Throws when a sum has more than 38 digits.
  package func summary(of account: AccountID) throws(DecimalError) -> WalletSummary? {
    guard let owner = accounts[account] else { return nil }
    var coins: [Text: CoinSummary] = [:]
    for (coin, balance) in owner.balances {
      var row = CoinSummary(coin)
      row.balance = balance.amount
      row.realised = balance.realised
      row.locked = balance.locked
      row.leveraged = balance.leveraged
      coins[coin] = row
    }
    for (key, slot) in owner.slots {
      let coin = markets[key.market].instrument.settleCoin
      var row = coins[coin] ?? CoinSummary(coin)
      try add(slot, key, of: owner, to: &row)
      coins[coin] = row
    }
    var summary = WalletSummary(account: account)
    for coin in coins.keys.sorted() {
      guard var row = coins[coin] else { continue }
      row.rate = rate(coin)
      try summary.add(row)
    }
    return summary
  }

  private func add(
    _ slot: Slot, _ key: SlotKey, of owner: Account, to row: inout CoinSummary
  ) throws(DecimalError) {
    row.orderMargin = try row.orderMargin + orderMargin(of: slot, key, owner)
    guard let position = slot.position, position.lots != 0 else { return }
    let margin = try positionMargin(of: position, key, owner)
    row.positionMargin = try row.positionMargin + margin.initial
    row.maintenanceMargin = try row.maintenanceMargin + margin.maintenance
    let instrument = markets[key.market].instrument
    let mark = markets[key.market].markPrice
    if instrument.category == .option {
      let value = try instrument.value(position.lots, at: mark)
      row.optionValue = try row.optionValue + value
    } else {
      row.unrealised = try row.unrealised + position.unrealised(at: mark, instrument)
    }
  }

  /// Margins of an open position at the present mark, settlement coin.
  func positionMargin(
    of position: Position, _ key: SlotKey, _ owner: Account
  ) throws(DecimalError) -> (initial: ExactDecimal, maintenance: ExactDecimal) {
    let market = markets[key.market]
    let lots = abs(position.lots)
    if market.instrument.category == .option {
      guard position.lots < 0 else { return (.zero, .zero) }
      return try shortMargin(lots, at: market.markPrice, in: key.market)
    }
    let value = try market.instrument.value(lots, at: market.markPrice)
    return (
      try value.divided(
        by: leverage(key, owner), scale: Funds.marginScale, rounding: .up),
      try value * market.instrument.maintenanceRate
    )
  }

  /// Margins of a short option: its price, and a tenth of the underlying (three hundredths to
  /// maintain) less what it is out of the money, half of that at least.
  func shortMargin(
    _ lots: Int, at price: ExactDecimal, in market: Int
  ) throws(DecimalError) -> (initial: ExactDecimal, maintenance: ExactDecimal) {
    let instrument = markets[market].instrument
    guard let terms = instrument.option else { return (.zero, .zero) }
    let underlying = underlying(of: market)
    let outside = try terms.kind == .call ? terms.strike - underlying : underlying - terms.strike
    let room = max(.zero, outside)
    let size = instrument.quantity(lots)
    let most = try underlying * "0.1"
    let initial = try max(most - room, underlying * "0.05")
    return (try size * (initial + price), try size * (underlying * "0.03" + price))
  }

  /// The price of what an option is written on.
  func underlying(of market: Int) -> ExactDecimal {
    let leader = markets[market].leader ?? market
    return markets[leader].indexPrice
  }

  /// What the working orders of a slot bind, settlement coin: both sides, each as far as it could
  /// open something.
  func orderMargin(
    of slot: Slot, _ key: SlotKey, _ owner: Account
  ) throws(DecimalError) -> ExactDecimal {
    var total = ExactDecimal.zero
    for side in Side.allCases {
      let totals = slot.totals(side)
      guard totals.lots > 0 else { continue }
      if markets[key.market].instrument.category == .option {
        total = try total + optionOrderMargin(side, totals, slot, key)
        continue
      }
      let opening = slot.openingLots(side)
      guard opening > 0 else { continue }
      let value = try totals.value * ExactDecimal(opening)
      let divisor = try leverage(key, owner) * ExactDecimal(totals.lots)
      total = try total + value.divided(by: divisor, scale: Funds.marginScale, rounding: .up)
    }
    return total
  }

  /// Buyers pay the premium; sellers need the margin of what they would be short.
  private func optionOrderMargin(
    _ side: Side, _ totals: Totals, _ slot: Slot, _ key: SlotKey
  ) throws(DecimalError) -> ExactDecimal {
    guard side == .sell else { return totals.value }
    let opening = slot.openingLots(.sell)
    return try shortMargin(opening, at: markets[key.market].markPrice, in: key.market).initial
  }

  /// The account's leverage of a slot, capped by the contract.
  func leverage(_ key: SlotKey, _ owner: Account) -> ExactDecimal {
    let pair = owner.leverage[key.market]
    let wanted = key.index == 2 ? pair?.sell : pair?.buy
    return min(wanted ?? configuration.leverage, markets[key.market].instrument.maxLeverage)
  }

  /// The leverage that a position of this account has or would have.
  package func leverage(
    _ symbol: Text, _ category: Category = .linear, index place: Int = 0, of account: AccountID
  ) -> ExactDecimal {
    guard let market = index[MarketID(category, symbol)], let owner = accounts[account] else {
      return configuration.leverage
    }
    return leverage(SlotKey(market: market, index: place), owner)
  }

  /// The fee for `lots` at `price`, settlement coin; for options a share of the underlying, at most
  /// seven hundredths of the premium.
  func fee(
    _ lots: Int, at price: ExactDecimal, value: ExactDecimal, rate: ExactDecimal, in market: Int
  ) throws(DecimalError) -> ExactDecimal {
    guard markets[market].instrument.category == .option else { return try value * rate }
    let size = markets[market].instrument.quantity(lots)
    return min(try underlying(of: market) * rate * size, try value * "0.07")
  }

  /// The mark price at which the account would be liquidated if only this market moved, rounded to a
  /// tick against the account; nil where no positive price does that, for options and when flat.
  package func liquidationPrice(_ position: Position, of account: AccountID) -> ExactDecimal? {
    guard position.category.isFuture, position.lots != 0, let owner = accounts[account],
      let market = index[position.market], let summary = try? summary(of: account)
    else { return nil }
    let key = SlotKey(market: market, index: position.index)
    return try? liquidationPrice(position, key, owner, summary)
  }

  private func liquidationPrice(
    _ position: Position, _ key: SlotKey, _ owner: Account, _ summary: WalletSummary
  ) throws(DecimalError) -> ExactDecimal? {
    let instrument = markets[key.market].instrument
    let coin = instrument.settleCoin
    let rate = rate(coin)
    let size = position.size
    let mark = markets[key.market].markPrice
    let profit = try position.unrealised(at: mark, instrument) * rate
    let maintenance = try positionMargin(of: position, key, owner).maintenance * rate
    // What is left for this position when everything else stays.
    let rest = try summary.marginBalance - profit - summary.maintenanceMargin + maintenance
    let sign: ExactDecimal = position.lots > 0 ? 1 : -1
    let (top, bottom): (ExactDecimal, ExactDecimal)
    if instrument.category == .linear {
      // rest + sign × (size × p − entry) = size × p × ratio
      top = try sign * position.entryValue - rest
      bottom = try size * (sign - instrument.maintenanceRate)
    } else {
      // The coin's own balance moves with p: rest' + coins × p + sign × (entry × p − size) = size × ratio
      let coins = owner.balance(coin)
      top = try size * (instrument.maintenanceRate + sign) - (rest - coins * rate)
      bottom = try coins + sign * position.entryValue
    }
    guard !bottom.isZero else { return nil }
    let price = try top.divided(by: bottom, scale: 12, rounding: .halfEven)
    guard price.isPositive else { return nil }
    let ticks = try instrument.ticksBelow(price)
    let isLong = position.lots > 0
    let onGrid = instrument.price(isLong && instrument.price(ticks) < price ? ticks + 1 : ticks)
    return onGrid.isPositive && onGrid <= instrument.maxPrice ? onGrid : nil
  }
}
