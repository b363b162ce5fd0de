import Decimals
import JSON
package import OperatorProtocol
import Orders
import Time

extension Gatekeeper {
  /// Rows of the private stream or of a backfill.
  mutating func orderRows(_ rows: [JSONObject]) -> [GateEffect] {
    rows.flatMap { object -> [GateEffect] in
      guard let row = try? OrderRow(json: JSONCursor(.object(object))) else {
        record(Draft(entries: [draft("unreadable_order_row", nil, ["row": .object(object)])]))
        return []
      }
      return news(row)
    }
  }

  /// One order: the leg that made it, and every leg that changes it.
  private mutating func news(_ row: OrderRow) -> [GateEffect] {
    var effects: [GateEffect] = []
    var mismatch: [GateEffect]?
    var isOurs = false
    for id in orderIndex.calls(link: row.orderLinkID, order: row.orderID) {
      let makes = held[id]?.order != nil
      if makes, isOurs { continue }
      guard let change = held[id]?.tracker?.apply(row), change != .notOurs else { continue }
      // An agent may use its link ids again: an older batch can still be the right one.
      if case .mismatch = change {
        mismatch = mismatch ?? legChanged(id, change)
        continue
      }
      isOurs = isOurs || makes
      effects += legChanged(id, change)
    }
    if isOurs { return effects }
    return effects + (mismatch ?? seenElsewhere(row))
  }

  mutating func executionRows(_ rows: [JSONObject]) -> [GateEffect] {
    rows.flatMap { object -> [GateEffect] in
      guard let row = try? ExecutionRow(json: JSONCursor(.object(object))) else {
        record(Draft(entries: [draft("unreadable_execution_row", nil, ["row": .object(object)])]))
        return []
      }
      guard row.isTrade, !fillIDs.contains(row.execID) else { return [] }
      for id in orderIndex.calls(link: row.orderLinkID, order: row.orderID) {
        guard let change = held[id]?.tracker?.apply(row), change != .notOurs else { continue }
        return filled(id, row, change) + legChanged(id, change)
      }
      return keep(FillView(row, batch: nil, leg: 0, agent: ""))
    }
  }

  /// What was learnt of a call's orders: they are found by it from now on.
  mutating func noteOrders(of id: BatchID) {
    if let tracker = held[id]?.tracker { orderIndex.note(id, tracker) }
  }

  func apply(orders: [JSONObject], executions: [JSONObject], to tracker: inout LegTracker) {
    for object in orders {
      if let row = try? OrderRow(json: JSONCursor(.object(object))) { _ = tracker.apply(row) }
    }
    for object in executions {
      if let row = try? ExecutionRow(json: JSONCursor(.object(object))) { _ = tracker.apply(row) }
    }
  }

  private mutating func legChanged(_ id: BatchID, _ change: LegTracker.Change) -> [GateEffect] {
    guard let call = held[id] else { return [] }
    switch change {
    case .notOurs, .unchanged: return []
    case .mismatch(let leg, let words):
      record(
        Draft(entries: [
          draft("mismatch", id.text, ["leg": .int(leg + 1), "words": .string(words)])
        ]))
      return []
    case .changed(let leg):
      guard let progress = call.tracker?.legs[leg] else { return [] }
      noteOrders(of: id)
      let view = LegView(progress, of: call, now: now)
      record(Draft(entries: [draft("leg", id.text, view.json.objectValue ?? JSONObject())]))
      return [.publish(.order(view))] + foundByStream(id)
    }
  }

  /// The stream may show what became of an unknown outcome before anybody asks.
  private mutating func foundByStream(_ id: BatchID) -> [GateEffect] {
    guard let call = held[id], call.state == .unknown, isAccountOf(call),
      let tracker = call.tracker, !tracker.hasUnknown
    else { return [] }
    return concluded(id, tracker)
  }

  private mutating func filled(
    _ id: BatchID, _ row: ExecutionRow, _ change: LegTracker.Change
  ) -> [GateEffect] {
    guard case .changed(let leg) = change, let call = held[id] else { return [] }
    let view = FillView(row, batch: id, leg: leg + 1, agent: call.agent)
    record(Draft(entries: [draft("fill", id.text, view.json.objectValue ?? JSONObject())]))
    remember(view)
    return keep(view)
  }

  private mutating func keep(_ fill: FillView) -> [GateEffect] {
    fills.append(fill)
    fillIDs.insert(fill.execID)
    // In one go now and then: taking the first one away each time would move all the others.
    if fills.count >= settings.fillsKept * 2 {
      let dropped = fills.prefix(fills.count - settings.fillsKept)
      for old in dropped { fillIDs.remove(old.execID) }
      fills.removeFirst(dropped.count)
    }
    return [.publish(.fill(fill))]
  }

  // MARK: Views

  func publishLegs(_ id: BatchID) -> [GateEffect] {
    guard let call = held[id] else { return [] }
    return legs(of: call).map { .publish(.order($0)) }
  }

  package func legs(of call: HeldCall) -> [LegView] {
    call.tracker?.legs.map { LegView($0, of: call, now: now) } ?? []
  }

  /// Legs of this gateway's batches and orders made elsewhere, newest batch first.
  package var orders: [LegView] {
    held.tracked.sorted(by: >).flatMap { id in held[id].map { legs(of: $0) } ?? [] }
      + elsewhere.values.map { view(of: $0) }.sorted { $0.updatedAt > $1.updatedAt }
  }
}

extension LegView {
  init(_ progress: LegProgress, of call: HeldCall, now: Timestamp) {
    let leg = progress.leg
    let row = progress.row
    let price = row.map(\.price) ?? leg?.price ?? progress.change?.price
    self.init(
      batch: call.id, leg: progress.index + 1, agent: call.agent,
      orderLinkID: progress.orderLinkID ?? "", orderID: progress.orderID ?? "",
      symbol: progress.symbol, side: Text(progress.side?.rawValue ?? ""),
      orderType: Text(progress.orderType?.rawValue ?? ""), quantity: progress.qty ?? .zero,
      price: progress.orderType == .market ? nil : price, status: LegStatus(progress.state),
      filled: progress.filledQty, averagePrice: progress.averagePrice, fees: .zero,
      words: progress.words, updatedAt: progress.updatedAt ?? now)
    kind = progress.change.map { LegKind($0.kind) } ?? .create
    category = Text(progress.category.rawValue)
    timeInForce = Text(leg?.timeInForce?.rawValue ?? "")
    reduceOnly = leg?.reduceOnly ?? false
    triggerPrice = leg?.triggerPrice ?? progress.change?.triggerPrice
    takeProfit = leg?.takeProfit ?? progress.change?.takeProfit
    stopLoss = leg?.stopLoss ?? progress.change?.stopLoss
    if let row { take(row) }
    changes = progress.change?.fields(against: nil) ?? []
    take(fees: progress.fees)
    arrivalPrice = call.arrivals[progress.index]
    slippageBps = slippage(progress.side)
  }

  init(_ row: OrderRow, _ category: Category?) {
    self.init(
      batch: nil, leg: 0, agent: "", orderLinkID: row.orderLinkID ?? "", orderID: row.orderID,
      symbol: row.symbol, side: Text(row.side.rawValue), orderType: Text(row.orderType.rawValue),
      quantity: row.qty, price: row.orderType == .limit ? row.price : nil,
      status: LegStatus(row.status), filled: row.filled, averagePrice: row.averagePrice,
      fees: .zero, words: row.reason, updatedAt: row.updatedAt ?? Timestamp(milliseconds: 0))
    self.category = category.map { Text($0.rawValue) } ?? ""
    take(row)
    take(fees: row.fees)
  }

  private mutating func take(_ row: OrderRow) {
    if !row.timeInForce.isEmpty { timeInForce = row.timeInForce }
    reduceOnly = row.isReduceOnly
    triggerPrice = row.amount("triggerPrice") ?? triggerPrice
    // What the exchange does not tell stays as it was asked for; what it tells counts.
    takeProfit = row.amendable["takeProfit"] == nil ? takeProfit : row.amount("takeProfit")
    stopLoss = row.amendable["stopLoss"] == nil ? stopLoss : row.amount("stopLoss")
  }

  private mutating func take(fees all: [Text: ExactDecimal]) {
    feesByCoin = all
    fees = all.count == 1 ? all.values.first ?? .zero : .zero
  }

  /// Digits after the point of a basis point.
  private static let slippageScale = 2

  private func slippage(_ side: Side?) -> ExactDecimal? {
    guard let side, let averagePrice, let arrivalPrice, arrivalPrice.isPositive else { return nil }
    guard
      let worse = try? side == .buy ? averagePrice - arrivalPrice : arrivalPrice - averagePrice,
      let scaled = try? worse * ExactDecimal(10_000)
    else { return nil }
    return try? scaled.divided(by: arrivalPrice, scale: Self.slippageScale, rounding: .halfEven)
  }
}

extension LegProgress {
  fileprivate var words: String {
    switch state {
    case .rejected(let code, let words): code.map { "\($0) \(words)" } ?? words
    case .resolved(let words): words
    case .unknown: stranger.map { "an order with its id is another one: \($0)" } ?? reason
    default: reason
    }
  }
}

extension LegStatus {
  init(_ state: LegState) {
    self =
      switch state {
      case .sent: .waiting
      case .acked: .acked
      case .working: .working
      case .partFilled: .partFilled
      case .filled: .filled
      case .cancelled: .cancelled
      case .rejected: .rejected
      case .unknown: .unknown
      case .resolved: .resolved
      }
  }

  init(_ status: OrderRow.Status) {
    self =
      switch status {
      case .working: .working
      case .partFilled: .partFilled
      case .filled: .filled
      case .cancelled: .cancelled
      case .rejected: .rejected
      }
  }
}

extension FillView {
  init(_ row: ExecutionRow, batch: BatchID?, leg: Int, agent: Text) {
    self.init(
      execID: row.execID, batch: batch, leg: leg, agent: agent,
      orderLinkID: row.orderLinkID ?? "", symbol: row.symbol, side: Text(row.side.rawValue),
      price: row.price, quantity: row.qty, fee: row.fee ?? .zero, isMaker: row.isMaker ?? false,
      time: row.at)
    feeCoin =
      row.feeCurrency ?? row.category.map { Coins.fee(of: row.symbol, $0, row.side) } ?? ""
  }
}
