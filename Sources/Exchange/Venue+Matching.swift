import Decimals
import JSON

extension Venue {
  /// Trades until nothing crosses `limit` or the taker has had enough. `lots` bounds the house only;
  /// an order knows its own. Returns the lots of the house that are left.
  @discardableResult
  mutating func cross(
    _ taker: Book.Owner, _ side: Side, limit: Int, lots: Int = 0, in market: Int
  ) -> Int {
    var left = lots
    while let level = markets[market].book.best(side.opposite),
      side.accepts(level.ticks, limit: limit), let maker = level.queue.first
    {
      // Asked again before every fill: an earlier one may have closed the position or the order.
      let room = wanted(by: taker, left, at: level.ticks)
      guard room > 0 else { return left }
      let makerRoom = min(reducible(maker.owner), maker.lots)
      guard makerRoom > 0 else {
        if case .order(let id) = maker.owner { close(id, .byReduceOnly, .none) }
        continue
      }
      if case .order(let own) = taker, case .order(let other) = maker.owner,
        preventsSelfMatch(own, other)
      {
        continue
      }
      let size = min(room, makerRoom)
      markets[market].book.takeFront(side.opposite, lots: size)
      trade(taker, maker.owner, side, size, at: level.ticks, in: market)
      left -= size
    }
    return left
  }

  /// How many lots the taker still takes at `ticks`.
  private func wanted(by taker: Book.Owner, _ left: Int, at ticks: Int) -> Int {
    guard case .order(let id) = taker else { return left }
    guard let order = orders[id], order.status.isWorking else { return 0 }
    guard let budget = order.budget else { return min(order.leavesLots, reducible(taker)) }
    return affordable(budget, at: ticks, in: order.market)
  }

  /// The whole lots that `budget` in quote coin pays for.
  func affordable(_ budget: ExactDecimal, at ticks: Int, in market: Int) -> Int {
    let instrument = markets[market].instrument
    return exactly { () throws(DecimalError) in
      let quantity = try budget.divided(
        by: instrument.price(ticks), scale: instrument.quantityStep.scale, rounding: .down)
      return try instrument.lotsBelow(quantity)
    }
  }

  /// Whether two orders must not trade; cancels what the taker's type says.
  private mutating func preventsSelfMatch(_ taker: Text, _ maker: Text) -> Bool {
    guard let own = orders[taker], own.selfMatch != .none, isSelf(own, maker) else { return false }
    if own.selfMatch != .cancelTaker {
      orders[maker]?.selfMatchOrderID = taker
      close(maker, .bySelfMatch, .selfMatch)
    }
    if own.selfMatch != .cancelMaker {
      orders[taker]?.selfMatchOrderID = maker
      close(taker, .bySelfMatch, .selfMatch)
    }
    return true
  }

  /// Whether the maker belongs to the account or the group of `order`.
  private func isSelf(_ order: Order, _ maker: Text) -> Bool {
    guard let other = orders[maker] else { return false }
    return other.account == order.account
      || (order.selfMatchGroup != 0 && other.selfMatchGroup == order.selfMatchGroup)
  }

  private mutating func trade(
    _ taker: Book.Owner, _ maker: Book.Owner, _ side: Side, _ lots: Int, at ticks: Int,
    in market: Int
  ) {
    let price = markets[market].instrument.price(ticks)
    let value = exactly { () throws(DecimalError) in
      let value = try markets[market].instrument.value(lots, at: price)
      try markets[market].record(lots, at: ticks, value: value)
      return value
    }
    effects.append(
      .trade(
        PublicTrade(
          market: markets[market].instrument.id, side: side, price: price,
          quantity: markets[market].instrument.quantity(lots), value: value, at: now,
          sequence: markets[market].sequence)))
    touched.markets.insert(market)
    touched.priced.insert(market)
    settle(taker, side, lots, price, value, isMaker: false, in: market)
    settle(maker, side.opposite, lots, price, value, isMaker: true, in: market)
    if case .order(let id) = maker, let order = orders[id] { effects.append(.order(order)) }
  }

  /// Whether a new order would trade at once.
  func wouldTake(_ order: Order) -> Bool {
    guard let best = markets[order.market].book.best(order.side.opposite) else { return false }
    return order.side.accepts(best.ticks, limit: order.limit)
  }

  /// Whether the whole order could be filled at once. Orders that may only close are not counted as
  /// makers, and neither is what self-match prevention would take away.
  func canFill(_ order: Order) -> Bool {
    guard reducible(.order(order.id)) >= order.leavesLots else { return false }
    var there = 0
    for level in markets[order.market].book.levels(order.side.opposite) {
      guard order.side.accepts(level.ticks, limit: order.limit) else { break }
      for entry in level.queue {
        if case .order(let maker) = entry.owner {
          if order.selfMatch != .none, isSelf(order, maker) {
            if order.selfMatch == .cancelMaker { continue }
            return false
          }
          guard let other = orders[maker], !isReducing(other) else { continue }
        }
        there += entry.lots
        if there >= order.leavesLots { return true }
      }
    }
    return false
  }
}
