package import Decimals
package import JSON

extension Venue {
  /// Every instrument, in the order in which they are listed.
  package var instruments: [Instrument] { markets.map(\.instrument) }

  package func instrument(_ symbol: Text, _ category: Category = .linear) -> Instrument? {
    place(symbol, category).map { markets[$0].instrument }
  }

  package func status(_ symbol: Text, _ category: Category = .linear) -> MarketStatus? {
    place(symbol, category).map { markets[$0].status }
  }

  private func place(_ symbol: Text, _ category: Category) -> Int? {
    index[MarketID(category, symbol)]
  }

  // MARK: Orders

  /// Open orders of an account, newest first, waiting ones among them.
  package func openOrders(of account: AccountID) -> [Order] {
    (accounts[account]?.open ?? []).compactMap { orders[$0] }.sorted { $0.serial > $1.serial }
  }

  /// Closed orders of an account that are still kept, the last closed first.
  package func closedOrders(of account: AccountID) -> [Order] {
    closed.reversed().compactMap { orders[$0] }.filter { $0.account == account }
  }

  /// An order of this account by its id.
  package func order(_ id: Text, of account: AccountID) -> Order? {
    orders[id].flatMap { $0.account == account ? $0 : nil }
  }

  /// An order of this account by the id that its sender gave.
  package func order(link: Text, of account: AccountID) -> Order? {
    accounts[account]?.links[link].flatMap { orders[$0] }
  }

  // MARK: Accounts

  /// Nil before the first trade of the account in this place.
  package func position(
    _ symbol: Text, _ category: Category = .linear, index: Int = 0, of account: AccountID
  ) -> Position? {
    place(symbol, category).flatMap {
      accounts[account]?.slots[SlotKey(market: $0, index: index)]?.position
    }
  }

  /// Positions that were ever open, by symbol, category and side.
  package func positions(of account: AccountID) -> [Position] {
    (accounts[account]?.slots.values.compactMap(\.position) ?? []).sorted {
      $0.market == $1.market ? $0.index < $1.index : $0.market < $1.market
    }
  }

  /// Initial and maintenance margin of a position at the present mark, settlement coin.
  package func margins(
    of position: Position, _ account: AccountID
  ) -> (initial: ExactDecimal, maintenance: ExactDecimal)? {
    guard let market = index[position.market], let owner = accounts[account] else { return nil }
    let key = SlotKey(market: market, index: position.index)
    return try? positionMargin(of: position, key, owner)
  }

  package func isHedged(
    _ symbol: Text, _ category: Category = .linear, of account: AccountID
  ) -> Bool {
    place(symbol, category).map { accounts[account]?.hedged.contains($0) ?? false } ?? false
  }

  /// What happens to this account's limit prices outside the band.
  package func priceLimit(_ category: Category, of account: AccountID) -> BandPolicy {
    accounts[account]?.band(of: category) ?? configuration.band
  }

  /// 0: the account is in no group.
  package func selfMatchGroup(of account: AccountID) -> Int {
    accounts[account]?.selfMatchGroup ?? 0
  }

  // MARK: Markets

  package func mark(_ symbol: Text, _ category: Category = .linear) -> ExactDecimal? {
    place(symbol, category).map { markets[$0].markPrice }
  }

  package func priceBand(_ symbol: Text, _ category: Category = .linear) -> PriceBand? {
    guard let market = place(symbol, category), let band = try? markets[market].band() else {
      return nil
    }
    let instrument = markets[market].instrument
    return PriceBand(
      highestBuy: instrument.price(band.buy), lowestSell: instrument.price(band.sell))
  }

  /// The best `depth` levels of each side.
  package func book(
    _ symbol: Text, _ category: Category = .linear, depth: Int
  ) -> BookView? {
    guard let place = place(symbol, category) else { return nil }
    let market = markets[place]
    func view(_ side: Side) -> [BookView.Level] {
      market.book.levels(side).prefix(depth).map {
        BookView.Level(
          price: market.instrument.price($0.ticks), quantity: market.instrument.quantity($0.lots))
      }
    }
    return BookView(
      symbol: symbol, bids: view(.buy), asks: view(.sell), update: market.update,
      sequence: market.sequence, at: now)
  }

  package func ticker(_ symbol: Text, _ category: Category = .linear) -> Ticker? {
    guard let place = place(symbol, category),
      let book = book(symbol, category, depth: 1)
    else { return nil }
    let market = markets[place]
    let price = market.instrument.price
    let isFuture = category.isFuture
    return Ticker(
      market: market.instrument.id, last: price(market.last), mark: market.markPrice,
      index: indexPrice(of: place), open: price(market.open), high: price(market.high),
      low: price(market.low), volume: market.instrument.quantity(market.volume),
      turnover: market.turnover, openInterest: market.instrument.quantity(openLots(place)),
      bid: book.bids.first, ask: book.asks.first,
      fundingRate: isFuture ? try? market.fundingRate() : nil,
      nextFunding: isFuture ? market.nextFunding : nil, option: optionQuote(place),
      sequence: market.sequence)
  }

  /// All long lots of one market.
  private func openLots(_ market: Int) -> Int {
    guard markets[market].instrument.category != .spot else { return 0 }
    return accounts.values.reduce(max(0, markets[market].houseLots)) { sum, account in
      (0...2).reduce(sum) { sum, index in
        let lots = account.slots[SlotKey(market: market, index: index)]?.position?.lots ?? 0
        return sum + max(0, lots)
      }
    }
  }
}
