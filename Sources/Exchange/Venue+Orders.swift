import Decimals
import JSON

/// The one place where orders are written, so that what they bind is always counted.
extension Venue {
  /// Stores an order and brings every sum that depends on it up to date.
  mutating func put(_ order: Order) {
    let before = orders[order.id].map { claim(of: $0) } ?? .none
    let old = orders.updateValue(order, forKey: order.id)
    let after = claim(of: order)
    let key = slotKey(of: order)
    let reducing = isReducing(order)
    exactly { () throws(DecimalError) in
      try accounts[order.account]?.exchange(before, for: after)
    }
    let (was, isNow) = (old?.status ?? .cancelled, order.status)
    guard old == nil || was != isNow else { return }
    if old == nil, isNow.isOpen { accounts[order.account]?.open.insert(order.id) }
    if was.isOpen, !isNow.isOpen { retire(order) }
    if order.stopKind.isExit {
      if isNow == .untriggered {
        accounts[order.account]?.slots[key, default: Slot()].exits.insert(order.id)
      } else {
        accounts[order.account]?.slots[key]?.exits.remove(order.id)
      }
    } else {
      let change = (isNow == .untriggered ? 1 : 0) - (was == .untriggered ? 1 : 0)
      accounts[order.account]?.counts[order.market, default: OrderCounts()].waiting += change
    }
    let change = (isNow.isWorking ? 1 : 0) - (was.isWorking ? 1 : 0)
    accounts[order.account]?.counts[order.market, default: OrderCounts()].active += change
    if reducing {
      if isNow.isWorking {
        accounts[order.account]?.slots[key, default: Slot()].reducing.insert(order.id)
      } else {
        accounts[order.account]?.slots[key]?.reducing.remove(order.id)
      }
    }
  }

  /// What the order binds as it stands.
  func claim(of order: Order) -> Claim {
    guard order.status.isOpen else { return .none }
    let instrument = markets[order.market].instrument
    if order.category == .spot {
      let holds = order.status != .untriggered || (order.filter == .tpslOrder && !order.isShadow)
      guard holds else { return .none }
      let (coin, amount) = spending(order, instrument)
      return order.isLeverage ? .loan(coin, amount) : .hold(coin, amount)
    }
    guard order.status.isWorking, !isReducing(order) else { return .none }
    let lots = order.leavesLots
    let value = exactly { () throws(DecimalError) in
      try instrument.value(lots, at: instrument.price(order.limit))
    }
    return .opening(slotKey(of: order), order.side, lots, value)
  }

  /// What a spot order may still spend.
  private func spending(_ order: Order, _ instrument: Instrument) -> (Text, ExactDecimal) {
    let limit = instrument.price(order.limit)
    if order.side == .buy {
      if let budget = order.budget { return (instrument.quoteCoin, budget) }
      return (
        instrument.quoteCoin,
        exactly { () throws(DecimalError) in try instrument.quantity(order.leavesLots) * limit }
      )
    }
    guard let budget = order.budget else {
      return (instrument.baseCoin, instrument.quantity(order.leavesLots))
    }
    let most = exactly { () throws(DecimalError) in
      try budget.divided(by: limit, scale: instrument.quantityStep.scale, rounding: .up)
    }
    return (instrument.baseCoin, most)
  }

  func slotKey(of order: Order) -> SlotKey {
    SlotKey(market: order.market, index: order.positionIndex)
  }

  /// Whether the order may never open or turn a position: by its own flags, or because it stands
  /// against the side of a hedge position.
  func isReducing(_ order: Order) -> Bool { Self.isReducing(order.request) }

  static func isReducing(_ request: OrderRequest) -> Bool {
    guard request.category != .spot else { return false }
    if request.reduceOnly || request.closeOnTrigger { return true }
    switch request.positionIndex {
    case 1: return request.side == .sell
    case 2: return request.side == .buy
    default: return false
    }
  }

  /// How many lots the owner may still close; no bound for orders that may open.
  func reducible(_ owner: Book.Owner) -> Int {
    guard case .order(let id) = owner, let order = orders[id], isReducing(order) else {
      return .max
    }
    return accounts[order.account]?.slots[slotKey(of: order)]?.closable(by: order.side) ?? 0
  }

  /// Closes an open order without further fills and says so.
  mutating func close(_ id: Text, _ type: CancelType, _ reason: RejectReason) {
    guard var order = orders[id], order.status.isOpen else { return }
    let wasWaiting = order.status == .untriggered
    if wasWaiting { forget(order) } else { unrest(order) }
    order.status = Self.closing(order)
    order.cancelType = type
    order.rejectReason = reason
    order.updatedAt = now
    put(order)
    effects.append(.order(order))
    touched.note(order.account, slotKey(of: order))
    if wasWaiting, let partner = order.partner { standAlone(partner) }
  }

  private static func closing(_ order: Order) -> OrderStatus {
    guard order.category == .spot else { return .cancelled }
    if order.status == .untriggered { return .deactivated }
    return order.filledLots > 0 ? .partiallyFilledCanceled : .cancelled
  }

  /// The rest of a pair carries its own funds from now on.
  private mutating func standAlone(_ id: Text) {
    guard var order = orders[id], order.status.isOpen else { return }
    order.isShadow = false
    order.partner = nil
    put(order)
  }

  /// Takes a resting order off the book.
  mutating func unrest(_ order: Order) {
    markets[order.market].book.remove(order.id, order.side, at: order.limit)
    touched.markets.insert(order.market)
  }

  /// Takes a waiting order off the triggers.
  mutating func forget(_ order: Order) {
    guard let (entry, trigger) = triggerEntry(of: order) else { return }
    markets[order.market].triggers.remove(entry, trigger.by, trigger.direction)
  }

  mutating func remember(_ order: Order) {
    guard let (entry, trigger) = triggerEntry(of: order) else { return }
    markets[order.market].triggers.insert(entry, trigger.by, trigger.direction)
  }

  private func triggerEntry(of order: Order) -> (TriggerBook.Entry, Trigger)? {
    guard let trigger = order.trigger,
      let ticks = markets[order.market].instrument.ticks(of: trigger.price)
    else { return nil }
    return (TriggerBook.Entry(ticks: ticks, serial: order.serial, id: order.id), trigger)
  }

  /// Moves an order from the open to the closed ones, of which the oldest are forgotten.
  private mutating func retire(_ order: Order) {
    accounts[order.account]?.open.remove(order.id)
    closed.append(order.id)
    guard closed.count > Limits.closedOrders else { return }
    for old in closed.prefix(Limits.closedOrders / 10) {
      guard let order = orders.removeValue(forKey: old) else { continue }
      accounts[order.account]?.links[order.linkID] = nil
    }
    closed.removeFirst(Limits.closedOrders / 10)
  }

  /// Spot ids are numbers, all others UUIDs.
  static func id(_ category: Category, _ ids: inout SplitMix64) -> Text {
    guard category == .spot else { return Text(ids.uuid()) }
    return Text(String(1_000_000_000_000_000_000 + ids.next() % 1_000_000_000_000_000_000))
  }

  mutating func nextSerial() -> Int {
    serial += 1
    return serial
  }
}
