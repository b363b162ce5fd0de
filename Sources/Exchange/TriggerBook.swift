import JSON

/// Waiting orders of one market by the price they wait for. Only the next one of each kind is ever
/// looked at.
struct TriggerBook: Sendable {
  struct Entry: Hashable, Sendable {
    let ticks: Int
    /// Earlier orders fire first at equal prices.
    let serial: Int
    let id: Text
  }

  private struct Kind: Hashable {
    let by: TriggerBy
    let direction: TriggerDirection
  }

  /// The next to fire is last.
  private var queues: [Kind: [Entry]] = [:]

  mutating func insert(_ entry: Entry, _ by: TriggerBy, _ direction: TriggerDirection) {
    let kind = Kind(by: by, direction: direction)
    let place = Self.place(of: entry, direction, in: queues[kind] ?? [])
    queues[kind, default: []].insert(entry, at: place)
  }

  mutating func remove(_ entry: Entry, _ by: TriggerBy, _ direction: TriggerDirection) {
    let kind = Kind(by: by, direction: direction)
    let place = Self.place(of: entry, direction, in: queues[kind] ?? [])
    guard let queue = queues[kind], place < queue.count, queue[place] == entry else { return }
    queues[kind]?.remove(at: place)
  }

  /// The earliest order whose price is reached.
  func due(last: Int, mark: Int, index: Int) -> Entry? {
    var found: Entry?
    for (kind, queue) in queues {
      guard let next = queue.last else { continue }
      let price =
        switch kind.by {
        case .last: last
        case .mark: mark
        case .index: index
        }
      let isReached = kind.direction == .rise ? price >= next.ticks : price <= next.ticks
      if isReached, next.serial < found?.serial ?? .max { found = next }
    }
    return found
  }

  /// Where `entry` stands or would stand.
  private static func place(
    of entry: Entry, _ direction: TriggerDirection, in queue: [Entry]
  ) -> Int {
    var (low, high) = (0, queue.count)
    while low < high {
      let middle = (low + high) / 2
      if fires(entry, before: queue[middle], direction) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static func fires(_ a: Entry, before b: Entry, _ direction: TriggerDirection) -> Bool {
    if a.ticks == b.ticks { return a.serial < b.serial }
    return direction == .rise ? a.ticks < b.ticks : a.ticks > b.ticks
  }
}
