import JSON
package import Time

/// Everything known about the orders of one dispatched batch, merged from acks, the private stream
/// and REST lists in any order and with repeats.
///
/// Orders are found by `orderLinkId`, or by the order id that an ack gave. What is filled never
/// falls, and an order that ended never lives again.
package struct LegTracker: Hashable, Sendable {
  /// What one piece of news did.
  package enum Change: Hashable, Sendable {
    /// The row is about no order of this batch.
    case notOurs
    /// The row bears the id of a leg, but is another order: what differs.
    case mismatch(leg: Int, String)
    case unchanged(leg: Int)
    case changed(leg: Int)
  }

  package private(set) var legs: [LegProgress]
  /// No row from before this moment counts: the intent to send less the clock error.
  package let since: Timestamp

  package init(_ batch: OrderBatch, since: Timestamp) {
    legs = batch.legs.map { LegProgress($0) }
    self.since = since
  }

  package init(_ batch: ChangeBatch, since: Timestamp) {
    legs = batch.changes.map { LegProgress($0) }
    self.since = since
  }

  /// Every order has ended.
  package var isSettled: Bool { legs.allSatisfy(\.state.isFinal) }
  package var hasUnknown: Bool { legs.contains { $0.state == .unknown } }

  // MARK: News

  /// What the tool's result says. Evidence from the exchange that arrived earlier is kept.
  package mutating func apply(_ outcome: ToolOutcome) {
    switch outcome {
    case .accepted(let acks), .partly(let acks):
      for ack in acks where legs.indices.contains(ack.index) { legs[ack.index].apply(ack) }
    case .refused(let code, let words):
      for at in legs.indices { legs[at].reject(code: code, words: words) }
    case .unknown: markUnknown()
    }
  }

  /// Nothing was heard: every leg without evidence is unknown.
  package mutating func markUnknown() {
    for at in legs.indices { legs[at].markUnknown() }
  }

  /// The exchange was asked, and nothing can arrive there any more: a leg without any evidence was
  /// not carried out. Not for a leg whose id another order bears.
  package mutating func concludeAbsent(leg: Int) {
    guard legs.indices.contains(leg), legs[leg].stranger == nil else { return }
    let words =
      switch legs[leg].change?.kind {
      case .amend where legs[leg].row != nil: "the order still has its old values"
      case .cancel where legs[leg].row != nil: "the order is still open"
      default: "the exchange has no such order"
      }
    legs[leg].reject(code: nil, words: words)
  }

  /// A person has established what became of every leg that is still unknown.
  package mutating func resolve(words: String) {
    for at in legs.indices { legs[at].resolve(words: words) }
  }

  /// Nothing of the batch was sent, or nothing was accepted: legs without other evidence are
  /// refused.
  package mutating func rejectUnsent(words: String) {
    for at in legs.indices where legs[at].state == .sent || legs[at].state == .unknown {
      legs[at].reject(code: nil, words: words)
    }
  }

  package mutating func apply(_ row: OrderRow) -> Change {
    guard let at = index(row.orderLinkID, row.orderID) else { return .notOurs }
    let before = legs[at]
    switch legs[at].subject {
    case .order(let leg):
      if let difference = legs[at].difference(of: leg, from: row, since: since) {
        // What is older than the intent cannot be what was sent.
        if row.createdAt.map({ $0 >= since }) ?? true { legs[at].stranger = difference }
        return .mismatch(leg: at, difference)
      }
      legs[at].stranger = nil
      legs[at].apply(row)
    case .change(let change):
      guard change.names(row) else { return .notOurs }
      if let updated = row.updatedAt, updated < since {
        // It tells what the order was, and nothing of the change.
        if row.status.isFinal { legs[at].endedBefore(row) } else { legs[at].wasBefore(row) }
      } else {
        legs[at].apply(row)
      }
    }
    return before == legs[at] ? .unchanged(leg: at) : .changed(leg: at)
  }

  package mutating func apply(_ row: ExecutionRow) -> Change {
    // What a changed order trades is told by its rows.
    guard let at = index(row.orderLinkID, row.orderID), let leg = legs[at].leg else {
      return .notOurs
    }
    guard row.isTrade else { return .unchanged(leg: at) }
    guard row.symbol == leg.symbol, row.side == leg.side else {
      return .mismatch(leg: at, "symbol or side differ")
    }
    guard row.at >= since else { return .mismatch(leg: at, "it traded before the intent to send") }
    let before = legs[at]
    legs[at].apply(row)
    return before == legs[at] ? .unchanged(leg: at) : .changed(leg: at)
  }

  private func index(_ linkID: Text?, _ orderID: Text) -> Int? {
    if let linkID, let at = legs.firstIndex(where: { $0.orderLinkID == linkID }) { return at }
    return legs.firstIndex { $0.orderID == orderID }
  }
}

extension LegProgress {
  /// Once an order is known to be the leg's, its quantity may have been amended.
  fileprivate func difference(of leg: Leg, from row: OrderRow, since: Timestamp) -> String? {
    guard let orderID, orderID == row.orderID, isKnown else {
      return leg.difference(from: row, since: since)
    }
    if row.symbol != leg.symbol { return "its symbol is \(row.symbol)" }
    return row.side == leg.side ? nil : "its side is \(row.side.rawValue)"
  }
}

extension Leg {
  /// Whether `row` is the order that this leg asked for.
  package func matches(row: OrderRow, since: Timestamp) -> Bool {
    difference(from: row, since: since) == nil
  }

  /// What makes `row` another order than this leg, in words. Nil when it is this one.
  ///
  /// A leg of quantity zero closes a whole position; the exchange fills in the quantity.
  func difference(from row: OrderRow, since: Timestamp) -> String? {
    if row.symbol != symbol { return "its symbol is \(row.symbol)" }
    if row.side != side { return "its side is \(row.side.rawValue)" }
    if row.orderType != orderType { return "its type is \(row.orderType.rawValue)" }
    if row.qty != qty, !closesWholePosition { return "its quantity is \(row.qty)" }
    guard let created = row.createdAt else { return "its creation time is not told" }
    return created < since ? "it was created before the intent to send" : nil
  }
}
