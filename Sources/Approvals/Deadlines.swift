package import Time

/// At most one moment for each key, earliest first. Setting, taking and looking cost the logarithm
/// of what is kept.
package struct Deadlines<Key: Hashable & Sendable>: Sendable {
  private struct Entry: Sendable {
    var moment: Timestamp
    var key: Key
  }

  /// A heap; entries whose moment is not the key's own any more are passed over.
  private var heap: [Entry] = []
  private var moments: [Key: Timestamp] = [:]

  package init() {}

  package var count: Int { moments.count }
  /// Entries in the heap, those that are passed over included.
  var entries: Int { heap.count }

  /// Sets the moment of a key, or takes it away.
  package mutating func set(_ key: Key, _ moment: Timestamp?) {
    guard moments[key] != moment else { return }
    moments[key] = moment
    guard let moment else { return }
    if heap.count > 64 + 2 * moments.count {
      rebuild()
    } else {
      push(Entry(moment: moment, key: key))
    }
  }

  package mutating func removeAll() {
    heap = []
    moments = [:]
  }

  /// The earliest moment.
  package mutating func next() -> Timestamp? {
    while let first = heap.first, moments[first.key] != first.moment { pop() }
    return heap.first?.moment
  }

  /// Takes the keys whose moment has come, in no particular order.
  package mutating func takeDue(_ now: Timestamp) -> [Key] {
    var due: [Key] = []
    while let moment = next(), moment <= now, let first = heap.first {
      moments[first.key] = nil
      due.append(first.key)
      pop()
    }
    return due
  }

  // MARK: The heap

  private mutating func rebuild() {
    heap = []
    for (key, moment) in moments { push(Entry(moment: moment, key: key)) }
  }

  private mutating func push(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0, heap[child].moment < heap[(child - 1) / 2].moment {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func pop() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < heap.count }
      guard let least = children.min(by: { heap[$0].moment < heap[$1].moment }),
        heap[least].moment < heap[parent].moment
      else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
