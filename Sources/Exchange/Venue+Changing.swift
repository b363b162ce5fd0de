import Decimals
import JSON

/// Cancels and amendments.
extension Venue {
  // MARK: Cancelling

  mutating func cancel(_ name: OrderName, by account: AccountID) throws(Refusal) {
    let order = try find(name, of: account)
    effects.append(.accepted(order))
    touched.note(account, slotKey(of: order))
    close(order.id, .byUser, .byUser)
  }

  /// The open order that a name means.
  func find(_ name: OrderName, of account: AccountID) throws(Refusal) -> Order {
    _ = try market(name.market)
    guard name.orderID != nil || name.linkID != nil else {
      throw .parameter("params error: orderId or orderLinkId is required")
    }
    guard let id = name.orderID ?? name.linkID.flatMap({ accounts[account]?.links[$0] }),
      let order = orders[id], order.account == account, order.symbol == name.symbol,
      order.category == name.category, order.status.isOpen
    else { throw Refusal.missingOrder.spoken(by: name.category) }
    return order
  }

  mutating func cancelAll(_ request: CancelAllRequest, by account: AccountID) throws(Refusal) {
    let owner = try owner(account)
    if let symbol = request.symbol { _ = try market(MarketID(request.category, symbol)) }
    guard
      request.category != .linear || request.symbol != nil || request.baseCoin != nil
        || request.settleCoin != nil
    else { throw .parameter("params error: symbol, baseCoin or settleCoin is required") }
    let found = owner.open.compactMap { orders[$0] }.filter { fits($0, request) }
      .sorted { $0.serial < $1.serial }
    effects.append(.cancelled(found))
    for order in found { close(order.id, .byUser, .byUser) }
  }

  private func fits(_ order: Order, _ request: CancelAllRequest) -> Bool {
    let instrument = markets[order.market].instrument
    guard order.category == request.category else { return false }
    if let symbol = request.symbol, order.symbol != symbol { return false }
    if let coin = request.baseCoin, instrument.baseCoin != coin { return false }
    if let coin = request.settleCoin, instrument.settleCoin != coin { return false }
    let isWaiting = order.status == .untriggered
    if order.category == .spot {
      return (request.filter ?? .order) == order.filter || (request.filter == .order && !isWaiting)
    }
    switch request.filter {
    case nil: return true
    case .order: return !isWaiting
    case .stopOrder: return order.stopKind == .stop && isWaiting
    case .tpslOrder: return order.stopKind.isExit && isWaiting
    }
  }

  // MARK: Amending

  /// A smaller quantity keeps the order's place in the queue; a larger one or another price sends it
  /// to the end of its queue, and it may trade at once.
  mutating func amend(_ request: AmendRequest, by account: AccountID) throws(Refusal) {
    let old = try find(request.name, of: account)
    let new: Order
    do { new = try amended(old, request) } catch { throw error.spoken(by: old.category) }
    effects.append(.accepted(new))
    touched.note(account, slotKey(of: new))
    if old.status == .untriggered {
      forget(old)
      put(new)
      remember(new)
      touched.priced.insert(new.market)
      effects.append(.order(new))
      keepPositionExit(new)
    } else {
      replaceOnBook(old, new)
    }
  }

  private mutating func replaceOnBook(_ old: Order, _ new: Order) {
    let keepsPlace = new.limit == old.limit && new.lots <= old.lots
    if keepsPlace {
      put(new)
      markets[new.market].book.shrink(new.id, new.side, at: new.limit, to: new.leavesLots)
      touched.markets.insert(new.market)
      effects.append(.order(new))
      return
    }
    unrest(old)
    put(new)
    effects.append(.order(new))
    execute(new.id)
  }

  /// A full exit is shown on its position too.
  private mutating func keepPositionExit(_ order: Order) {
    guard let trigger = order.trigger else { return }
    let exit = Exit(trigger: trigger.price, by: trigger.by)
    let key = slotKey(of: order)
    switch order.stopKind {
    case .takeProfit: accounts[order.account]?.slots[key]?.position?.exits.takeProfit = exit
    case .stopLoss: accounts[order.account]?.slots[key]?.position?.exits.stopLoss = exit
    default: break
    }
  }

  /// The order after the change. Everything is checked, nothing changes.
  private func amended(_ old: Order, _ change: AmendRequest) throws(Refusal) -> Order {
    let owner = try owner(old.account)
    let instrument = markets[old.market].instrument
    guard markets[old.market].status == .trading else { throw .halted }
    var new = old
    new.updatedAt = now
    if let quantity = change.quantity {
      guard old.budget == nil, !old.stopKind.isFullExit else {
        throw .parameter("params error: the qty of this order cannot be changed")
      }
      let most = old.type == .market ? instrument.maxMarketQuantity : instrument.maxQuantity
      new.lots = try lots(quantity, most: most, instrument)
      guard new.lots > old.filledLots else { throw .belowFilled }
      new.quantity = quantity
    }
    try amendPrice(&new, change, owner)
    try amendTrigger(&new, change)
    try amendExits(&new, change)
    guard
      new.lots != old.lots || new.limit != old.limit || new.trigger != old.trigger
        || new.exits != old.exits
    else { throw .unchanged }
    if !isReducing(new), new.lots != old.lots || new.limit != old.limit, instrument.minNotional > 0
    {
      let notional = (try? instrument.quantity(new.lots) * new.price) ?? .zero
      guard notional >= instrument.minNotional else {
        throw .belowNotional(old.category, instrument.minNotional, instrument.quoteCoin)
      }
    }
    try checkFunds(new, replacing: old, owner)
    return new
  }

  private func amendPrice(
    _ order: inout Order, _ change: AmendRequest, _ owner: Account
  ) throws(Refusal) {
    guard change.price != nil || change.orderIv != nil else { return }
    guard order.type == .limit else {
      throw .parameter("params error: a Market order has no price to change")
    }
    guard change.orderIv == nil || order.category == .option else {
      throw .parameter("params error: orderIv is for options")
    }
    var request = order.request
    request.price = change.price ?? request.price
    request.orderIv = change.orderIv
    let reference = order.status == .untriggered ? order.trigger?.price : nil
    (order.limit, order.price) = try limit(
      of: request, reference: reference, owner.band(of: order.category), in: order.market)
    order.orderIv = change.orderIv ?? order.orderIv
    order.request.price = request.price
  }

  private func amendTrigger(_ order: inout Order, _ change: AmendRequest) throws(Refusal) {
    guard change.triggerPrice != nil || change.triggerBy != nil else { return }
    let market = markets[order.market]
    guard order.status == .untriggered, var trigger = order.trigger else {
      throw .parameter("params error: the order does not wait for a price")
    }
    trigger.by = change.triggerBy ?? trigger.by
    trigger.price = change.triggerPrice ?? trigger.price
    let current = market.price(trigger.by)
    guard trigger.price.isPositive, let ticks = market.instrument.ticks(of: trigger.price) else {
      throw .triggerPrice
    }
    guard trigger.direction == .rise ? ticks > current : ticks < current else {
      throw .triggered(trigger.direction, trigger.price, market.instrument.price(current))
    }
    order.trigger = trigger
    if order.type == .market {
      order.limit = ticks
      order.price = trigger.price
    }
  }

  private func amendExits(_ order: inout Order, _ change: AmendRequest) throws(Refusal) {
    guard change.takeProfit != nil || change.stopLoss != nil || change.exitMode != nil else {
      return
    }
    guard order.category != .option, !isReducing(order) else { throw .exitsNotAllowed }
    guard order.filledLots == 0 else {
      throw Refusal(110059, "Cannot modify the TP/SL of a partially filled open order")
    }
    if let mode = change.exitMode { order.exits.mode = mode }
    if let wanted = change.takeProfit {
      order.exits.takeProfit = wanted.applied(to: order.exits.takeProfit)
    }
    if let wanted = change.stopLoss {
      order.exits.stopLoss = wanted.applied(to: order.exits.stopLoss)
    }
    try check(order.exits, entering: order.side, at: order.price, in: order.market)
  }
}

extension StopKind {
  /// Closes the whole position, whatever its size.
  var isFullExit: Bool { self == .takeProfit || self == .stopLoss }
}
