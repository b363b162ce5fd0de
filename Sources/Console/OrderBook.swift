import JSON
import OperatorProtocol
import Time

/// The legs and fills that the console has heard of, newest kept.
struct OrderBook: Hashable, Sendable {
  static let legLimit = 1_000
  static let fillLimit = 300

  /// A leg of a batch, or an order by its exchange id.
  enum Key: Hashable, Sendable {
    case leg(BatchID, Int)
    case order(Text, Text)
  }

  private(set) var legs: [Key: LegView] = [:]
  /// Newest last.
  private(set) var fills: [FillView] = []
  private var known: Set<Text> = []

  static func key(of leg: LegView) -> Key {
    if let batch = leg.batch { return .leg(batch, leg.leg) }
    return .order(leg.orderID, leg.orderLinkID)
  }

  mutating func take(_ leg: LegView) {
    let key = Self.key(of: leg)
    // News come in the order in which they happened, but a list that was asked for may overtake some:
    // an order that ended stays ended, and what is filled never falls. Times do not tell, for an ack
    // bears the gateway's and a row the exchange's.
    if let old = legs[key] {
      guard leg.filled >= old.filled, leg.status.isFinal || !old.status.isFinal else { return }
    }
    legs[key] = leg
    if legs.count > Self.legLimit { forgetOldest() }
  }

  mutating func take(_ fill: FillView) {
    guard known.insert(fill.execID).inserted else { return }
    let place = fills.lastIndex { $0.time <= fill.time }.map { $0 + 1 } ?? 0
    fills.insert(fill, at: place)
    if fills.count > Self.fillLimit { known.remove(fills.removeFirst().execID) }
  }

  mutating func replace(legs all: [LegView], fills more: [FillView]) {
    legs = [:]
    fills = []
    known = []
    for leg in all { take(leg) }
    for fill in more { take(fill) }
  }

  /// The legs of a batch by number.
  func legs(of batch: BatchID) -> [LegView] {
    legs.values.filter { $0.batch == batch }.sorted { $0.leg < $1.leg }
  }

  /// What is alive at the exchange first, then the newest of the rest; no more than `most`.
  func others(than batch: BatchID?, most: Int = legLimit) -> [LegView] {
    let others = legs.values.filter { batch == nil || $0.batch != batch }
    // Legs are large and never copied here: what is sorted are their places, with what mostly decides
    // beside them.
    let ranked = others.indices.map { place in
      (place, isFinal: others[place].status.isFinal, updatedAt: others[place].updatedAt)
    }
    .sorted { a, b in
      if a.isFinal != b.isFinal { return !a.isFinal }
      if a.updatedAt != b.updatedAt { return a.updatedAt > b.updatedAt }
      let (x, y) = (a.0, b.0)
      return others[x].orderLinkID == others[y].orderLinkID
        ? others[x].leg < others[y].leg : others[x].orderLinkID < others[y].orderLinkID
    }
    return ranked.prefix(most).map { others[$0.0] }
  }

  var liveCount: Int { legs.values.count { !$0.status.isFinal } }

  /// Drops the oldest quarter, finished ones first.
  private mutating func forgetOldest() {
    let ranked = legs.sorted { a, b in
      if a.value.status.isFinal != b.value.status.isFinal { return a.value.status.isFinal }
      return a.value.updatedAt < b.value.updatedAt
    }
    for (key, _) in ranked.prefix(Self.legLimit / 4) { legs[key] = nil }
  }
}
