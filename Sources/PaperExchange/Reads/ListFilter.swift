import Exchange
import JSON
import Time

/// What a list of orders or fills is asked for. An order id wins over a link id.
struct ListFilter: Sendable {
  private let category: Category
  private let symbol: Text?
  private let baseCoin: Text?
  private let settleCoin: Text?
  private let orderID: Text?
  private let linkID: Text?
  private let status: Text?
  private let kind: Text?
  private let start: Timestamp?
  private let end: Timestamp?

  /// The longest stretch of time that one question may cover.
  static let longest = Milliseconds.minutes(7 * 24 * 60)

  init(_ query: Query, _ category: Category) throws(Refusal) {
    self.category = category
    symbol = query["symbol"]
    baseCoin = query["baseCoin"]
    settleCoin = query["settleCoin"]
    orderID = query["orderId"]
    linkID = query["orderLinkId"]
    status = query["orderStatus"]
    kind = query["orderFilter"]
    start = try query.time("startTime")
    end = try query.time("endTime")
    if let start, let end {
      guard start <= end, end - start <= Self.longest else {
        throw .parameter("params error: the time range is not within 7 days")
      }
    }
  }

  var namesOrder: Bool { orderID != nil || linkID != nil }
  var namesMarket: Bool { symbol != nil || baseCoin != nil || settleCoin != nil }

  func passes(_ order: Order, of venue: Venue, at moment: Timestamp) -> Bool {
    guard order.category == category else { return false }
    if let orderID {
      guard order.id == orderID else { return false }
    } else if let linkID, order.linkID != linkID {
      return false
    }
    if let symbol, order.symbol != symbol { return false }
    let instrument = venue.instrument(order.symbol, order.category)
    if let baseCoin, instrument?.baseCoin != baseCoin { return false }
    if let settleCoin, instrument?.settleCoin != settleCoin { return false }
    if let status, Text(order.status.rawValue) != status { return false }
    guard passesKind(order) else { return false }
    return (start.map { moment >= $0 } ?? true) && (end.map { moment <= $0 } ?? true)
  }

  private func passesKind(_ order: Order) -> Bool {
    guard let kind else { return true }
    switch kind {
    case "Order": return order.trigger == nil
    case "StopOrder": return order.trigger != nil && order.filter != .tpslOrder
    default: return kind == Text(order.filter.rawValue)
    }
  }
}
