import Decimals
import JSON

/// Waiting orders, and what follows from an event until nothing more does.
extension Venue {
  /// Follows up what the event did: exits, liquidations, triggers, until all is quiet; then says what
  /// accounts and markets look like. Ends, because each round closes or fires an order that waited.
  mutating func settleDown() {
    repeat {
      followExits()
      followPositions()
      liquidate()
    } while fireNext()
    report()
  }

  /// Fires the earliest waiting order whose price is reached. False when there is none.
  private mutating func fireNext() -> Bool {
    for market in touched.priced.sorted() {
      let m = markets[market]
      if m.status == .trading, let due = m.triggers.due(last: m.last, mark: m.mark, index: m.index)
      {
        fire(due.id)
        return true
      }
      touched.priced.remove(market)
    }
    return !touched.moved.isEmpty || !touched.grown.isEmpty
  }

  /// Turns a waiting order into a working one. What cannot work any more is ended with its reason.
  private mutating func fire(_ id: Text) {
    guard var order = orders[id], order.status == .untriggered else { return }
    forget(order)
    touched.note(order.account, slotKey(of: order))
    if !order.stopKind.isFullExit, let partner = order.partner {
      order.partner = nil
      orders[partner]?.partner = nil
      order.isShadow = false
      close(partner, order.category == .spot ? .byOCO : .byExitClear, .none)
    }
    unshow(order)
    order.updatedAt = now
    order.status = .triggered
    effects.append(.order(order))
    order.status = .new
    if isReducing(order) {
      let room = accounts[order.account]?.slots[slotKey(of: order)]?.closable(by: order.side) ?? 0
      guard room > 0 else { return end(order, .cancelled, .byReduceOnly, .none) }
      if order.stopKind.isFullExit {
        order.lots = room
        order.quantity = markets[order.market].instrument.quantity(room)
      }
    }
    guard let owner = accounts[order.account] else { return }
    do throws(Refusal) {
      let (ticks, price) = try limit(
        of: order.request, reference: nil, owner.band(of: order.category), in: order.market)
      order.limit = ticks
      order.price = price
      try checkFunds(order, replacing: orders[id], owner)
    } catch {
      return end(order, .rejected, .none, .other)
    }
    put(order)
    effects.append(.order(order))
    execute(id)
  }

  /// A full exit that fired no longer stands on its position.
  private mutating func unshow(_ order: Order) {
    let key = slotKey(of: order)
    switch order.stopKind {
    case .takeProfit: accounts[order.account]?.slots[key]?.position?.exits.takeProfit = nil
    case .stopLoss: accounts[order.account]?.slots[key]?.position?.exits.stopLoss = nil
    case .none, .stop, .partialTakeProfit, .partialStopLoss, .tpslOrder: break
    }
  }

  /// Ends an order that left the triggers and never came to the book.
  private mutating func end(
    _ order: Order, _ status: OrderStatus, _ type: CancelType, _ reason: RejectReason
  ) {
    var order = order
    order.status = status
    order.cancelType = type
    order.rejectReason = reason
    put(order)
    effects.append(.order(order))
  }

  /// Says what accounts hold now, and which markets changed.
  private mutating func report() {
    for place in touched.places {
      if let position = accounts[place.account]?.slots[place.slot]?.position {
        effects.append(.position(position, of: place.account))
      }
    }
    for account in touched.places.map(\.account).unique() {
      if let summary = exactly({ () throws(DecimalError) in try summary(of: account) }) {
        effects.append(.wallet(summary))
      }
    }
    for market in touched.markets.sorted() {
      markets[market].update += 1
      effects.append(.market(markets[market].instrument.id))
    }
  }
}

extension Array where Element: Hashable {
  /// Each element once, in the order of the first.
  fileprivate func unique() -> [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
