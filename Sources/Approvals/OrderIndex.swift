import JSON
import OperatorProtocol
import Orders

/// Which calls an order of the exchange may belong to, so that news cost the same however many calls
/// are remembered.
struct OrderIndex: Hashable, Sendable {
  private var byLink: [Text: Set<BatchID>] = [:]
  private var byOrder: [Text: Set<BatchID>] = [:]

  /// Notes every id by which the legs are known now.
  mutating func note(_ id: BatchID, _ tracker: LegTracker) {
    for leg in tracker.legs {
      if let link = leg.orderLinkID { byLink[link, default: []].insert(id) }
      if let order = leg.orderID { byOrder[order, default: []].insert(id) }
    }
  }

  mutating func forget(_ id: BatchID, _ tracker: LegTracker) {
    for leg in tracker.legs {
      if let link = leg.orderLinkID { Self.remove(id, of: link, in: &byLink) }
      if let order = leg.orderID { Self.remove(id, of: order, in: &byOrder) }
    }
  }

  private static func remove(_ id: BatchID, of key: Text, in index: inout [Text: Set<BatchID>]) {
    index[key]?.remove(id)
    if index[key]?.isEmpty == true { index[key] = nil }
  }

  /// Newest first.
  func calls(link: Text?, order: Text) -> [BatchID] {
    let linked = link.flatMap { byLink[$0] } ?? []
    return linked.union(byOrder[order] ?? []).sorted(by: >)
  }
}
