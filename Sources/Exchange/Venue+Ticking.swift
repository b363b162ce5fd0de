import Decimals
import JSON
import Time

/// The seeded market.
extension Venue {
  /// One step: the middle walks or follows its leader, quotes go with it, a taker may come.
  mutating func step(_ market: Int) {
    guard markets[market].status != .delivered else { return }
    if markets[market].status == .halted {
      markets[market].haltLeft -= 1
      guard markets[market].haltLeft <= 0 else { return }
      markets[market].status = .trading
      markets[market].model = .calm
    }
    if case .halt(let steps) = markets[market].model { return halt(market, steps) }
    let moved = follow(market) ?? walk(market)
    guard moved != markets[market].middle || markets[market].leader == nil || chance.oneIn(8) else {
      return
    }
    markets[market].set(moved)
    touched.priced.insert(market)
    touched.marksMoved = true
    requote(market)
    let maker = markets[market].maker
    guard chance.oneIn(maker.takerEvery) else { return }
    let side: Side = chance.oneIn(2) ? .buy : .sell
    let size = chance.number(in: 1...max(1, maker.size))
    let band = exactly { () throws(DecimalError) in try markets[market].band() }
    cross(.house, side, limit: side == .buy ? band.buy : band.sell, lots: size, in: market)
  }

  private mutating func walk(_ market: Int) -> Int {
    markets[market].maker.walk(
      from: markets[market].middle, markets[market].model, &chance)
  }

  /// The middle of a market behind its leader's, or nil when it has none.
  func follow(_ market: Int) -> Int? {
    guard let leader = markets[market].leader else { return nil }
    let instrument = markets[market].instrument
    let price = markets[leader].instrument.price(markets[leader].middle)
    if let model = optionModel(market) {
      let value = ExactDecimal(rounding: model.price(at: model.markIv))
      return max(1, (try? instrument.ticksBelow(value)) ?? 1)
    }
    return max(1, (try? instrument.ticksBelow(price)) ?? 1)
  }

  private mutating func halt(_ market: Int, _ steps: Int) {
    markets[market].status = .halted
    markets[market].haltLeft = steps
    for side in Side.allCases { markets[market].book.dropHouse(side, keeping: []) }
    touched.markets.insert(market)
  }

  /// Moves a market, and those that follow it, to given prices.
  mutating func move(to point: PricePoint) throws(Refusal) {
    let market = try market(point.market)
    let instrument = markets[market].instrument
    func ticks(_ price: ExactDecimal?) throws(Refusal) -> Int? {
      guard let price else { return nil }
      guard price >= instrument.minPrice, price <= instrument.maxPrice,
        let ticks = instrument.ticks(of: price)
      else { throw Refusal.price }
      return ticks
    }
    let middle = try ticks(point.middle) ?? 1
    let (mark, index) = (try ticks(point.mark), try ticks(point.index))
    guard markets[market].status != .delivered else { throw .halted }
    markets[market].set(middle, mark: mark, index: index)
    effects.append(.done)
    touched.marksMoved = true
    for place in markets.indices where place == market || markets[place].leader == market {
      guard markets[place].status == .trading else { continue }
      if place != market, let behind = follow(place) { markets[place].set(behind) }
      touched.priced.insert(place)
      requote(place)
    }
  }

  /// Brings the quotes of the seeded market around its middle. A quote whose price stays keeps its
  /// place in the queue; new ones line up behind the orders that rest there.
  mutating func requote(_ market: Int) {
    guard markets[market].status == .trading else { return }
    let maker = markets[market].maker
    let middle = markets[market].middle
    let model = markets[market].model
    let wanted = [Side.buy, .sell].map { ($0, maker.quotes($0, around: middle, model)) }
    for (side, prices) in wanted {
      markets[market].book.dropHouse(side, keeping: Set(prices))
    }
    for (side, prices) in wanted {
      let quoted = Set(markets[market].book.levels(side).filter(\.hasHouse).map(\.ticks))
      for ticks in prices {
        let size = maker.quoteSize(model, &chance)
        if !quoted.contains(ticks) {
          quote(side, size, at: ticks, in: market)
        } else if chance.oneIn(8) || model.isThin {
          markets[market].book.shrinkHouse(side, at: ticks, to: size)
        }
      }
    }
    touched.markets.insert(market)
  }

  private mutating func quote(_ side: Side, _ size: Int, at ticks: Int, in market: Int) {
    let left = cross(.house, side, limit: ticks, lots: size, in: market)
    guard left > 0 else { return }
    markets[market].book.rest(Book.Entry(owner: .house, lots: left), side, at: ticks)
  }

  // MARK: Options

  func optionModel(_ market: Int) -> OptionModel? {
    guard let terms = markets[market].instrument.option else { return nil }
    let end = now.milliseconds == 0 ? configuration.start : now
    return OptionModel(
      terms, underlying: underlying(of: market), milliseconds: (terms.expiry - end).count)
  }

  func optionQuote(_ market: Int) -> OptionQuote? {
    guard let model = optionModel(market) else { return nil }
    let instrument = markets[market].instrument
    let book = markets[market].book
    return model.quote(
      bid: book.best(.buy).map { instrument.price($0.ticks) },
      ask: book.best(.sell).map { instrument.price($0.ticks) },
      underlying: underlying(of: market))
  }

  /// The price on the grid that a volatility stands for.
  func price(atIv iv: ExactDecimal, in market: Int) throws(Refusal) -> ExactDecimal {
    guard iv.isPositive, iv <= 10, let model = optionModel(market) else {
      throw .parameter("params error: orderIv takes more than 0 and at most 10, which is 1000 %")
    }
    let instrument = markets[market].instrument
    let value = ExactDecimal(rounding: model.price(at: iv.double))
    let ticks = (try? instrument.ticksBelow(value)) ?? 0
    return instrument.price(max(1, ticks))
  }
}

extension Market {
  mutating func set(_ middle: Int, mark: Int? = nil, index: Int? = nil) {
    self.middle = middle
    self.mark = mark ?? middle
    self.index = index ?? middle
  }
}
