import JSON

/// Resting orders of one market in price-time priority.
struct Book: Sendable {
  enum Owner: Hashable, Sendable {
    /// The seeded market.
    case house
    case order(Text)
  }

  struct Entry: Sendable {
    let owner: Owner
    var lots: Int
  }

  struct Level: Sendable {
    let ticks: Int
    /// Oldest first.
    var queue: [Entry]

    var lots: Int { queue.reduce(0) { $0 + $1.lots } }
    var hasHouse: Bool { queue.contains { $0.owner == .house } }
  }

  /// Best first.
  private(set) var bids: [Level] = []
  private(set) var asks: [Level] = []

  func levels(_ side: Side) -> [Level] { side == .buy ? bids : asks }
  func best(_ side: Side) -> Level? { side == .buy ? bids.first : asks.first }

  /// Whether the best bid is at or above the best ask: never true between events.
  var isCrossed: Bool {
    guard let bid = bids.first, let ask = asks.first else { return false }
    return bid.ticks >= ask.ticks
  }

  /// Appends an entry to the end of its price's queue.
  mutating func rest(_ entry: Entry, _ side: Side, at ticks: Int) {
    edit(side) { levels in
      let place = side.place(of: ticks, in: levels)
      if place < levels.count, levels[place].ticks == ticks {
        levels[place].queue.append(entry)
      } else {
        levels.insert(Level(ticks: ticks, queue: [entry]), at: place)
      }
    }
  }

  /// Takes `lots` from the oldest entry at the best price.
  mutating func takeFront(_ side: Side, lots: Int) {
    edit(side) { levels in
      guard !levels.isEmpty, !levels[0].queue.isEmpty else { return }
      levels[0].queue[0].lots -= lots
      if levels[0].queue[0].lots <= 0 { levels[0].queue.removeFirst() }
      if levels[0].queue.isEmpty { levels.removeFirst() }
    }
  }

  mutating func remove(_ id: Text, _ side: Side, at ticks: Int) {
    edit(side, at: ticks) { queue in queue.removeAll { $0.owner == .order(id) } }
  }

  /// Shrinks an order in place; its rank in the queue stays.
  mutating func shrink(_ id: Text, _ side: Side, at ticks: Int, to lots: Int) {
    edit(side, at: ticks) { queue in
      guard let entry = queue.firstIndex(where: { $0.owner == .order(id) }) else { return }
      queue[entry].lots = lots
    }
  }

  /// Drops the quotes of the seeded market at every price outside `kept`.
  mutating func dropHouse(_ side: Side, keeping kept: Set<Int>) {
    edit(side) { levels in
      for place in levels.indices where !kept.contains(levels[place].ticks) {
        levels[place].queue.removeAll { $0.owner == .house }
      }
      levels.removeAll(where: \.queue.isEmpty)
    }
  }

  /// Shrinks the quote of the seeded market at `ticks` in place; its rank in the queue stays.
  mutating func shrinkHouse(_ side: Side, at ticks: Int, to lots: Int) {
    edit(side, at: ticks) { queue in
      guard let entry = queue.firstIndex(where: { $0.owner == .house }) else { return }
      queue[entry].lots = min(lots, queue[entry].lots)
    }
  }

  /// Changes the queue of one price, and drops the price when nobody is left there.
  private mutating func edit(_ side: Side, at ticks: Int, _ change: (inout [Entry]) -> Void) {
    edit(side) { levels in
      let place = side.place(of: ticks, in: levels)
      guard place < levels.count, levels[place].ticks == ticks else { return }
      change(&levels[place].queue)
      if levels[place].queue.isEmpty { levels.remove(at: place) }
    }
  }

  private mutating func edit(_ side: Side, _ change: (inout [Level]) -> Void) {
    if side == .buy { change(&bids) } else { change(&asks) }
  }
}

extension Side {
  /// Whether a quote at `a` ranks strictly before one at `b` on this side of the book.
  private func precedes(_ a: Int, _ b: Int) -> Bool { self == .buy ? a > b : a < b }

  /// Where a price stands, or would stand, in levels from the best to the worst.
  fileprivate func place(of ticks: Int, in levels: [Book.Level]) -> Int {
    var (low, high) = (0, levels.count)
    while low < high {
      let middle = (low + high) / 2
      if precedes(levels[middle].ticks, ticks) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
