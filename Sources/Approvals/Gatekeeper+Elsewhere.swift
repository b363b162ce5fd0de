import JSON
import OperatorProtocol
import Orders
import Time

/// Orders that no call of this gateway names: exits that the exchange made from an approved order, and
/// what others place in the account. They are known from the stream and from the lists of open orders
/// alone, so one that is missing from such a list has ended unheard.
extension Gatekeeper {
  mutating func seenElsewhere(_ row: OrderRow) -> [GateEffect] {
    if !row.status.isFinal, isOldNews(row) { return [] }
    var row = row
    row.parentLinkID = row.parentLinkID ?? elsewhere[row.orderID]?.parentLinkID
    if row.status.isFinal {
      elsewhere[row.orderID] = nil
      endedElsewhere.insert(row.orderID, most: settings.elsewhereKept)
    } else if elsewhere.count < settings.elsewhereKept || elsewhere[row.orderID] != nil {
      elsewhere[row.orderID] = row
    }
    return [.publish(.order(view(of: row)))]
  }

  /// Whether more is known of an open order already: a list may have been read before the news that came
  /// by the stream. An end is never old.
  private func isOldNews(_ row: OrderRow) -> Bool {
    if endedElsewhere.contains(row.orderID) { return true }
    guard let known = elsewhere[row.orderID]?.updatedAt, let at = row.updatedAt else {
      return false
    }
    return at < known
  }

  /// An order that no call names. Exits of an approved leg's order say which leg asked for them.
  func view(of row: OrderRow) -> LegView {
    var view = LegView(row, row.category)
    guard let parent = row.parentLinkID else { return view }
    for id in orderIndex.calls(link: parent, order: "") {
      let leg = held[id]?.tracker?.legs.first {
        $0.orderLinkID == parent && $0.symbol == row.symbol && $0.asksForExits
      }
      guard let leg, let call = held[id] else { continue }
      view.agent = call.agent
      view.origin = LegOrigin(batch: id, leg: leg.index + 1, kind: row.stopOrderType)
      break
    }
    return view
  }

  // MARK: Open orders as the exchange lists them

  /// Learns what is open, and which orders are not any more: how those ended is asked next.
  mutating func openOrders(_ lists: OpenOrders) -> [GateEffect] {
    if following.asking == .lists { following.asking = nil }
    let effects = orderRows(lists.rows)
    let listed = Set(lists.rows.compactMap { $0["orderId"]?.textValue })
    for (id, row) in elsewhere where !listed.contains(id) {
      guard let category = row.category, lists.complete.contains(category) else { continue }
      // One that came while the lists were read may be in none of them.
      let isOld = row.updatedAt.map { isLate($0, at: lists.readAt) } ?? true
      if isOld { following.missing.insert(id) }
    }
    return effects
  }

  /// How orders ended that are not open any more.
  mutating func ordersRead(_ ids: [Text], _ reading: ExchangeReading) -> [GateEffect] {
    guard following.asking == .orders(ids) else { return [] }
    following.asking = nil
    guard case .rows(let orders, let executions) = reading else {
      following.next = now + settings.followEvery
      return []
    }
    following.missing.subtract(ids)
    let known = ids.filter { elsewhere[$0] != nil }
    var effects = executionRows(executions) + orderRows(orders)
    let found = Dictionary(
      orders.compactMap { try? OrderRow(json: JSONCursor(.object($0))) }.map { ($0.orderID, $0) },
      uniquingKeysWith: { $1 })
    effects += known.filter { found[$0] == nil }.compactMap { forgotten($0) }
    // What ended while the stream was live should have been heard.
    let unheard = known.compactMap { found[$0] }.filter(\.status.isFinal).compactMap(\.updatedAt)
      .filter { $0 > liveSince + settings.clockError && isLate($0, at: now) }
    guard let first = unheard.min() else { return effects }
    record(Draft(entries: [draft("stream_missed", nil, ["since": .timestamp(first)])]))
    return effects + [.renewStream]
  }

  /// The exchange keeps orders that ended without a fill for a day only.
  private mutating func forgotten(_ id: Text) -> GateEffect? {
    guard let row = elsewhere.removeValue(forKey: id) else { return nil }
    var view = view(of: row)
    view.status = .resolved
    view.words = "no longer open, and the exchange does not say any more how it ended"
    return .publish(.order(view))
  }

  /// Whether the stream has had time to bring news of `moment`, whatever the clocks.
  func isLate(_ news: Timestamp, at moment: Timestamp) -> Bool {
    news < moment - settings.streamLag - settings.clockError
  }
}

/// The newest of many ids: at least the given number, at most twice as many.
struct RecentIDs: Hashable, Sendable {
  private var newer: Set<Text> = []
  private var older: Set<Text> = []

  func contains(_ id: Text) -> Bool { newer.contains(id) || older.contains(id) }

  mutating func insert(_ id: Text, most: Int) {
    newer.insert(id)
    guard newer.count >= most else { return }
    older = newer
    newer = []
  }
}
