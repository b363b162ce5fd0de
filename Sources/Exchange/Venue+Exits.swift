import Decimals
import JSON

/// Take profit and stop loss.
extension Venue {
  // MARK: Checks

  /// The exits of a new order lie on the right sides of its price.
  func checkExits(
    of request: OrderRequest, _ price: ExactDecimal, _ slot: Slot, in market: Int
  ) throws(Refusal) {
    guard !request.exits.isEmpty else { return }
    if request.exits.mode == .partial, slot.exits.count >= 2 * Limits.partialExits {
      throw .tooManyExits
    }
    let isMarket = request.type == .market
    let base = isMarket ? markets[market].instrument.price(markets[market].last) : price
    try check(request.exits, entering: request.side, at: base, in: market)
  }

  func check(
    _ exits: Exits, entering side: Side, at base: ExactDecimal, in market: Int
  ) throws(Refusal) {
    let instrument = markets[market].instrument
    for (exit, profits) in [(exits.takeProfit, true), (exits.stopLoss, false)] {
      guard let exit else { continue }
      let name: Text = profits ? "TakeProfit" : "StopLoss"
      guard exit.trigger.isPositive, instrument.ticks(of: exit.trigger) != nil else {
        throw .triggerPrice
      }
      let above = (side == .buy) == profits
      guard above ? exit.trigger > base : exit.trigger < base else {
        throw .parameter(
          "\(name):\(exit.trigger.description) set for \(side.rawValue) position should be \(above ? "higher" : "lower") than base_price:\(base.description)"
        )
      }
      guard exit.type == .limit else { continue }
      guard exits.mode == .partial || instrument.category == .spot else {
        throw .parameter("params error: \(name) in Full mode is a Market order")
      }
      guard let limit = exit.limit, limit.isPositive, instrument.ticks(of: limit) != nil else {
        throw .price
      }
    }
  }

  // MARK: Exits of orders

  /// Creates or enlarges the exits of orders that filled something.
  mutating func followExits() {
    let grown = touched.grown
    touched.grown = []
    for id in grown {
      guard let order = orders[id], !order.exits.isEmpty else { continue }
      if order.category == .spot {
        if order.status == .filled, order.children.isEmpty { makeSpotPair(order) }
        continue
      }
      let key = slotKey(of: order)
      // An order that only closed the other side leaves nothing to protect.
      guard accounts[order.account]?.slots[key]?.position?.side == order.side else { continue }
      if order.exits.mode == .full {
        replaceFull(order.exits, of: order.account, key, parent: order.linkID)
      } else {
        growPair(order, key)
      }
    }
  }

  /// The pairs of a partial order cover what it filled: the last pair grows while both of it wait.
  private mutating func growPair(_ order: Order, _ key: SlotKey) {
    let fresh = order.filledLots - order.coveredLots
    guard fresh > 0 else { return }
    orders[order.id]?.coveredLots = order.filledLots
    let waits = order.children.allSatisfy { orders[$0]?.status == .untriggered }
    if waits, !order.children.isEmpty {
      for id in order.children { resize(id, to: (orders[id]?.lots ?? 0) + fresh) }
      return
    }
    let pair = makePair(
      order.exits, of: order.account, key, lots: fresh, parent: order.linkID)
    orders[order.id]?.children = pair
  }

  private mutating func resize(_ id: Text, to lots: Int) {
    guard var order = orders[id], order.status == .untriggered, order.lots != lots else { return }
    order.lots = lots
    order.quantity = markets[order.market].instrument.quantity(lots)
    order.updatedAt = now
    put(order)
    effects.append(.order(order))
  }

  /// What a spot order bought or sold goes back by whichever exit comes first; the first of the pair
  /// holds the funds.
  private mutating func makeSpotPair(_ order: Order) {
    let instrument = markets[order.market].instrument
    let lots = exactly { () throws(DecimalError) in try returnable(order, instrument) }
    guard lots > 0 else { return }
    var made: [Text] = []
    for (exit, profits) in [(order.exits.takeProfit, true), (order.exits.stopLoss, false)] {
      guard let exit else { continue }
      var request = OrderRequest(
        category: .spot, symbol: order.symbol, side: order.side.opposite, type: exit.type,
        quantity: instrument.quantity(lots), price: exit.limit)
      request.filter = .tpslOrder
      request.marketUnit = exit.type == .market ? .baseCoin : nil
      made.append(
        wait(
          request, order.account, exit, .tpslOrder,
          Self.direction(closing: order.side, profits: profits),
          profits ? .takeProfit : .stopLoss, lots: lots, parent: order.linkID,
          isShadow: !made.isEmpty))
    }
    link(made)
    orders[order.id]?.children = made
  }

  /// The lots that the exits of a spot order can give back: no more than it got, and than the account
  /// still has free.
  private func returnable(_ order: Order, _ instrument: Instrument) throws(DecimalError) -> Int {
    let coin = order.side == .buy ? instrument.baseCoin : instrument.quoteCoin
    let free = try accounts[order.account]?.free(coin) ?? .zero
    if order.side == .buy {
      return try instrument.lotsBelow(max(.zero, min(free, order.filled - order.fee)))
    }
    let exits = [order.exits.takeProfit, order.exits.stopLoss].compactMap { $0 }
    let dearest = exits.map { max($0.trigger, $0.limit ?? $0.trigger) }.max() ?? .one
    let money = try max(.zero, min(free, order.filledValue - order.fee))
    let lots = try instrument.lotsBelow(
      money.divided(by: dearest, scale: instrument.quantityStep.scale, rounding: .down))
    return min(lots, order.filledLots)
  }

  // MARK: Exits of positions

  /// Puts full exits in the place of those that a position has; a part that is nil or the same stays.
  mutating func replaceFull(
    _ wanted: Exits, of account: AccountID, _ key: SlotKey, parent: Text
  ) {
    guard let position = accounts[account]?.slots[key]?.position, position.lots != 0 else { return }
    var exits = wanted
    if exits.takeProfit == position.exits.takeProfit { exits.takeProfit = nil }
    if exits.stopLoss == position.exits.stopLoss { exits.stopLoss = nil }
    guard !exits.isEmpty else { return }
    if exits.takeProfit != nil { clearFull(.takeProfit, account, key) }
    if exits.stopLoss != nil { clearFull(.stopLoss, account, key) }
    _ = makePair(exits, of: account, key, lots: abs(position.lots), parent: parent)
    if let exit = exits.takeProfit {
      accounts[account]?.slots[key]?.position?.exits.takeProfit = exit
    }
    if let exit = exits.stopLoss {
      accounts[account]?.slots[key]?.position?.exits.stopLoss = exit
    }
    touched.note(account, key)
  }

  /// Takes away the full exits of one kind.
  mutating func clearFull(_ kind: StopKind, _ account: AccountID, _ key: SlotKey) {
    for id in exits(account, key) where orders[id]?.stopKind == kind {
      close(id, .byExitClear, .none)
    }
    if kind == .takeProfit {
      accounts[account]?.slots[key]?.position?.exits.takeProfit = nil
    } else {
      accounts[account]?.slots[key]?.position?.exits.stopLoss = nil
    }
  }

  /// The waiting exits of a slot, oldest first.
  func exits(_ account: AccountID, _ key: SlotKey) -> [Text] {
    (accounts[account]?.slots[key]?.exits ?? []).compactMap { orders[$0] }
      .sorted { $0.serial < $1.serial }.map(\.id)
  }

  /// Creates waiting orders for the exits of a slot. Returns their ids.
  @discardableResult
  mutating func makePair(
    _ exits: Exits, of account: AccountID, _ key: SlotKey, lots: Int, parent: Text
  ) -> [Text] {
    guard let side = accounts[account]?.slots[key]?.position?.side else { return [] }
    let instrument = markets[key.market].instrument
    let isFull = exits.mode == .full
    var made: [Text] = []
    for (exit, profits) in [(exits.takeProfit, true), (exits.stopLoss, false)] {
      guard let exit else { continue }
      let request = OrderRequest(
        category: instrument.category, symbol: instrument.symbol, side: side.opposite,
        type: exit.type, quantity: instrument.quantity(lots), price: exit.limit, reduceOnly: true,
        closeOnTrigger: true, positionIndex: key.index)
      let kind: StopKind =
        profits
        ? (isFull ? .takeProfit : .partialTakeProfit) : (isFull ? .stopLoss : .partialStopLoss)
      let maker: CreateType =
        profits
        ? (isFull ? .takeProfit : .partialTakeProfit) : (isFull ? .stopLoss : .partialStopLoss)
      made.append(
        wait(
          request, account, exit, kind, Self.direction(closing: side, profits: profits), maker,
          lots: lots, parent: parent))
    }
    if !isFull { link(made) }
    return made
  }

  private static func direction(closing side: Side, profits: Bool) -> TriggerDirection {
    (side == .buy) == profits ? .rise : .fall
  }

  private mutating func link(_ pair: [Text]) {
    guard pair.count == 2 else { return }
    orders[pair[0]]?.partner = pair[1]
    orders[pair[1]]?.partner = pair[0]
  }

  private mutating func wait(
    _ request: OrderRequest, _ account: AccountID, _ exit: Exit, _ kind: StopKind,
    _ direction: TriggerDirection, _ maker: CreateType, lots: Int, parent: Text,
    isShadow: Bool = false
  ) -> Text {
    let market = index[request.market] ?? 0
    let instrument = markets[market].instrument
    let shown = exit.limit ?? exit.trigger
    let received = request.side == .buy ? instrument.baseCoin : instrument.quoteCoin
    var order = Order(
      id: Self.id(request.category, &ids), request: request, account: account,
      timeInForce: request.type == .market ? .ioc : .gtc, price: shown,
      quantity: request.quantity, createdAt: now, updatedAt: now, exits: Exits(),
      feeCoin: request.category == .spot ? received : instrument.settleCoin,
      serial: nextSerial(), market: market, limit: instrument.ticks(of: shown) ?? 1, lots: lots,
      step: instrument.quantityStep, averageScale: instrument.priceScale + 6)
    order.status = .untriggered
    order.createType = maker
    order.stopKind = kind
    order.parentLinkID = parent
    order.trigger = Trigger(price: exit.trigger, direction: direction, by: exit.by)
    order.lastPriceOnCreated = instrument.price(markets[market].last)
    order.isShadow = isShadow
    put(order)
    remember(order)
    effects.append(.order(order))
    touched.note(account, slotKey(of: order))
    touched.priced.insert(market)
    return order.id
  }

  // MARK: Positions that changed

  /// Exits and reduce-only orders go with the position they belonged to; full exits keep its size.
  mutating func followPositions() {
    let moved = touched.moved.sorted {
      $0.account == $1.account ? $0.slot < $1.slot : $0.account < $1.account
    }
    touched.moved = []
    for place in moved {
      guard let slot = accounts[place.account]?.slots[place.slot] else { continue }
      let side = slot.position?.side
      for id in exits(place.account, place.slot) {
        guard let order = orders[id] else { continue }
        if side != order.side.opposite {
          close(id, .byExitClear, .none)
        } else if order.stopKind.isFullExit {
          resize(id, to: abs(slot.position?.lots ?? 0))
        }
      }
      if exits(place.account, place.slot).isEmpty {
        accounts[place.account]?.slots[place.slot]?.position?.exits = Exits()
      }
      let idle = slot.reducing.compactMap { orders[$0] }
        .filter { slot.closable(by: $0.side) == 0 }.sorted { $0.serial < $1.serial }
      for order in idle { close(order.id, .byReduceOnly, .none) }
    }
  }

  // MARK: Requests

  mutating func set(_ stop: TradingStop, by account: AccountID) throws(Refusal) {
    let market = try market(MarketID(stop.category, stop.symbol))
    let owner = try owner(account)
    let key = SlotKey(market: market, index: stop.positionIndex)
    guard let position = owner.slots[key]?.position, let side = position.side else {
      throw .parameter("can not set tp/sl/ts for zero position")
    }
    let current = position.exits
    let isFull = stop.mode == .full
    let takeProfit = stop.takeProfit?.applied(to: isFull ? current.takeProfit : nil)
    let stopLoss = stop.stopLoss?.applied(to: isFull ? current.stopLoss : nil)
    let exits = Exits(takeProfit: takeProfit, stopLoss: stopLoss, mode: stop.mode)
    try check(exits, entering: side, at: markets[market].markPrice, in: market)
    var lots = abs(position.lots)
    if !isFull {
      guard !exits.isEmpty, let size = stop.size,
        let wanted = markets[market].instrument.lots(of: size), wanted > 0, wanted <= lots
      else { throw .parameter("params error: a partial exit needs a size within the position") }
      let pairs = owner.slots[key]?.exits.count ?? 0
      guard pairs < 2 * Limits.partialExits else { throw .tooManyExits }
      lots = wanted
    }
    effects.append(.done)
    if isFull {
      if stop.takeProfit?.trigger?.isZero == true { clearFull(.takeProfit, account, key) }
      if stop.stopLoss?.trigger?.isZero == true { clearFull(.stopLoss, account, key) }
      replaceFull(exits, of: account, key, parent: "")
    } else {
      makePair(exits, of: account, key, lots: lots, parent: "")
    }
    touched.note(account, key)
  }
}

extension ExitChange {
  /// The exit after this change, or nil when there is none.
  func applied(to old: Exit?) -> Exit? {
    guard let trigger = trigger ?? old?.trigger, !trigger.isZero else { return nil }
    return Exit(
      trigger: trigger, by: by ?? old?.by ?? .last, type: type ?? old?.type ?? .market,
      limit: limit ?? old?.limit)
  }
}
