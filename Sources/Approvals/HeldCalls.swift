package import JSON
package import OperatorProtocol
package import Orders
import Time

/// The calls that the gatekeeper knows, with what it asks about them counted along, so that no event
/// costs more because many calls are held.
package struct HeldCalls: Sendable {
  private var calls: [BatchID: HeldCall] = [:]
  private var openOf: [Text: Int] = [:]
  private var listingsOf: [Listing: Int] = [:]
  private var deadlines = Deadlines<BatchID>()

  /// Calls that wait for a decision.
  package private(set) var open = 0
  /// Those of them that are on disk.
  package private(set) var openOnDisk = 0
  package private(set) var settled: Set<BatchID> = []
  package private(set) var tracked: Set<BatchID> = []
  /// Settled calls with orders that have not ended.
  package private(set) var followed: Set<BatchID> = []
  /// Calls that can still be decided.
  private var undecided: Set<BatchID> = []
  /// What the checks read of all of them.
  private(set) var past = PastCalls()

  package init() {}

  package var count: Int { calls.count }
  package var isEmpty: Bool { calls.isEmpty }
  package var keys: Dictionary<BatchID, HeldCall>.Keys { calls.keys }
  package var values: Dictionary<BatchID, HeldCall>.Values { calls.values }

  /// Calls that can still be decided or recalled, oldest first.
  var assessable: [BatchID] { undecided.sorted() }

  package func open(of agent: Text) -> Int { openOf[agent] ?? 0 }

  /// What calls that can still be sent would trade, in order.
  package var listings: [Listing] { listingsOf.keys.sorted() }

  package subscript(_ id: BatchID) -> HeldCall? {
    get { calls[id] }
    _modify {
      let before = calls[id].map(Facts.init)
      let remembered = calls[id].flatMap(PastCalls.Key.init)
      defer {
        let after = calls[id].map(Facts.init)
        if before != after { note(id, before, after) }
        let key = calls[id].flatMap(PastCalls.Key.init)
        if let call = calls[id], let key, key != remembered {
          past.note(call, key)
        } else if key == nil, let remembered {
          past.letGo(id, of: remembered.agent)
        }
      }
      yield &calls[id]
    }
  }

  /// Calls that came before `moment` may be missing.
  mutating func beginPast(at moment: Timestamp) { past.begin(at: moment) }

  /// When the next call expires or its recall time ends.
  mutating func nextDeadline() -> Timestamp? { deadlines.next() }

  mutating func takeDue(_ now: Timestamp) -> [BatchID] { deadlines.takeDue(now).sorted() }

  // MARK: Counting

  /// What is counted about a call.
  private struct Facts: Equatable {
    let agent: Text
    let isOpen: Bool
    let isUndecided: Bool
    let isDurable: Bool
    let isSettled: Bool
    let isTracked: Bool
    let isFollowed: Bool
    let deadline: Timestamp?
    let listings: [Listing]

    init(_ call: HeldCall) {
      let canBeSent = call.state.isOpen || call.state == .cooling || call.state == .approved
      agent = call.agent
      isOpen = call.state.isOpen
      isUndecided = call.state.isOpen || call.state == .cooling
      isDurable = call.isDurable
      isSettled = call.state.isSettled
      isTracked = call.tracker != nil
      isFollowed = isSettled && call.tracker?.isSettled == false
      let expiry = canBeSent ? call.statement.expiresAt : nil
      let recall = call.state == .cooling ? call.coolingUntil : nil
      deadline = [expiry, recall].compactMap(\.self).min()
      listings =
        call.category.flatMap { category in
          canBeSent ? call.symbols.map { Listing(category, $0) } : nil
        } ?? []
    }
  }

  private mutating func note(_ id: BatchID, _ before: Facts?, _ after: Facts?) {
    if let before { count(before, -1) }
    if let after { count(after, 1) }
    deadlines.set(id, after?.deadline)
    if after?.isUndecided == true { undecided.insert(id) } else { undecided.remove(id) }
    if after?.isSettled == true { settled.insert(id) } else { settled.remove(id) }
    if after?.isFollowed == true { followed.insert(id) } else { followed.remove(id) }
    if after?.isTracked == true { tracked.insert(id) } else { tracked.remove(id) }
  }

  private mutating func count(_ facts: Facts, _ change: Int) {
    if facts.isOpen {
      open += change
      Self.add(change, to: facts.agent, in: &openOf)
      if facts.isDurable { openOnDisk += change }
    }
    for listing in facts.listings { Self.add(change, to: listing, in: &listingsOf) }
  }

  private static func add<Key>(_ change: Int, to key: Key, in counts: inout [Key: Int]) {
    let new = (counts[key] ?? 0) + change
    counts[key] = new == 0 ? nil : new
  }
}
