import Decimals
import JSON

extension Venue {
  mutating func place(_ request: OrderRequest, by account: AccountID) throws(Refusal) {
    let order: Order
    do { order = try admit(request, by: account) } catch {
      throw error.spoken(by: request.category)
    }
    var taken = order
    taken.serial = nextSerial()
    if !order.linkID.isEmpty { accounts[account]?.links[order.linkID] = order.id }
    _ = Self.id(request.category, &ids)
    put(taken)
    effects += [.accepted(taken), .order(taken)]
    if taken.status == .untriggered { remember(taken) } else { execute(taken.id) }
    touched.note(account, slotKey(of: taken))
  }

  /// Lets a working order trade and rests or ends what is left.
  mutating func execute(_ id: Text) {
    guard let order = orders[id], order.status.isWorking else { return }
    if order.timeInForce == .postOnly, wouldTake(order) {
      return close(id, .none, .postOnlyWouldTake)
    }
    if order.timeInForce == .fok, !canFill(order) { return close(id, .none, .noFullFill) }
    let before = order.filledLots
    cross(.order(id), order.side, limit: order.limit, in: order.market)
    guard let traded = orders[id] else { return }
    if traded.status == .filled { return effects.append(.order(traded)) }
    guard traded.status.isWorking else { return }
    if isReducing(traded), reducible(.order(id)) == 0 {
      close(id, .byReduceOnly, .none)
    } else if traded.timeInForce == .ioc || traded.timeInForce == .fok {
      close(id, .none, .noImmediateQuantity)
    } else {
      markets[traded.market].book.rest(
        Book.Entry(owner: .order(id), lots: traded.leavesLots), traded.side, at: traded.limit)
      touched.markets.insert(traded.market)
      if traded.filledLots > before { effects.append(.order(traded)) }
    }
  }
}
