import Decimals
import JSON
import OperatorProtocol
import Orders
import Risk
import Time

/// What the checks read of the calls that came before, kept along with them: an assessment looks at no
/// call whole, however many there are.
struct PastCalls: Sendable {
  /// Orders of an agent that are looked at one by one, and those of the other agents.
  private static let legsListed = 400
  /// Calls of an agent of which at least the sums are kept.
  private static let callsKept = 10_000
  private static let day = Milliseconds.minutes(24 * 60)

  /// What decides how a call is remembered.
  struct Key: Equatable, Sendable {
    let agent: Text
    fileprivate let fate: RecentHistory.Fate
    fileprivate let worths: [Int: ExactDecimal]
    fileprivate let byCurrency: [Amount]

    /// Nil for a call that is no order batch.
    init?(_ call: HeldCall) {
      guard call.order != nil else { return nil }
      agent = call.agent
      fate = RecentHistory.Fate(call.state)
      worths = call.assessment.worths
      byCurrency = call.assessment.byCurrency
    }
  }

  private struct Past: Sendable {
    let id: BatchID
    let at: Timestamp
    let fate: RecentHistory.Fate
    let count: Int
    /// Empty once the call itself is not kept any more.
    var legs: [RecentHistory.PastLeg]
    let byCurrency: [Amount]
    /// Whether every order has a known worth: one at market has none before its price is known.
    let isValued: Bool
    let symbols: [Text]
    let kinds: Set<String>
  }

  /// Oldest first.
  private var byAgent: [Text: [Past]] = [:]
  /// When the newest call came of which nothing is remembered.
  private var forgotten: Timestamp?

  /// Where the call stands among `all`, or would.
  private static func place(of id: BatchID, in all: [Past]) -> Int {
    // Nearly always asked about the newest.
    if let last = all.last, last.id < id { return all.count }
    var (low, high) = (0, all.count)
    while low < high {
      let middle = (low + high) / 2
      if all[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Takes what a call has become.
  mutating func note(_ call: HeldCall, _ key: Key) {
    guard let order = call.order else { return }
    let one = Past(
      id: call.id, at: call.receivedAt, fate: key.fate, count: order.legs.count,
      legs: order.legs.map {
        RecentHistory.PastLeg(
          leg: $0, batch: call.id.text, at: call.receivedAt, fate: key.fate,
          worth: key.worths[$0.index])
      }, byCurrency: key.byCurrency,
      isValued: order.legs.allSatisfy { key.worths[$0.index] != nil || $0.closesWholePosition },
      symbols: order.symbols,
      kinds: order.legs.reduce(into: []) { $0.formUnion($1.kinds) })
    // In place: a copy of the array for each change would cost as much as looking at every call.
    var all = byAgent.removeValue(forKey: key.agent) ?? []
    let place = Self.place(of: call.id, in: all)
    if place < all.count, all[place].id == call.id {
      all[place] = one
    } else {
      all.insert(one, at: place)
      trim(&all, at: call.receivedAt)
    }
    byAgent[key.agent] = all
  }

  /// The call is not kept any more; for a day it still counts.
  mutating func letGo(_ id: BatchID, of agent: Text) {
    guard let place = byAgent[agent].map({ Self.place(of: id, in: $0) }) else { return }
    if byAgent[agent]?.dropFirst(place).first?.id == id { byAgent[agent]?[place].legs = [] }
  }

  private mutating func trim(_ all: inout [Past], at now: Timestamp) {
    let old = all.prefix { $0.legs.isEmpty && now - $0.at > Self.day }.count
    let most = all.dropFirst(old).prefix { $0.legs.isEmpty }.count
    let over = min(max(0, all.count - old - Self.callsKept), most)
    if over > 0 { begin(at: all[old + over - 1].at) }
    all.removeFirst(old + over)
  }

  /// Nothing before `moment` is remembered.
  mutating func begin(at moment: Timestamp) { forgotten = max(forgotten ?? moment, moment) }

  /// What came before the call `id`, or before now where it is nil. Fills are not among it.
  func history(of agent: Text, before id: BatchID?, at now: Timestamp) -> RecentHistory {
    var history = RecentHistory()
    let mine = byAgent[agent] ?? []
    history.day.isWhole = forgotten.map { now - $0 > Self.day } ?? true
    for one in mine[..<(id.map { Self.place(of: $0, in: mine) } ?? mine.count)].reversed() {
      if history.legs.count < Self.legsListed { history.legs += one.legs.reversed() }
      if now - one.at <= Self.day {
        history.day.orders += one.count
        for amount in one.fate == .refused ? [] : one.byCurrency {
          let sum = history.day.worth[amount.currency] ?? .zero
          history.day.worth[amount.currency] = try? sum + amount.amount
        }
        if one.fate != .refused, !one.isValued { history.day.isValued = false }
      }
      guard one.fate == .sent, now - one.at <= .minutes(30 * 24 * 60) else { continue }
      history.sentSymbols.formUnion(one.symbols)
      history.sentKinds.formUnion(one.kinds)
    }
    history.legs.reverse()
    for (other, calls) in byAgent where other != agent {
      let lately = calls.reversed().prefix {
        $0.fate == .pending || now - $0.at <= .minutes(1)
      }
      history.others += lately.lazy.flatMap(\.legs).prefix(Self.legsListed)
    }
    return history
  }
}

extension RecentHistory.Fate {
  init(_ state: HoldState) {
    self =
      switch state {
      case .pending, .partlySigned, .cooling, .approved, .dispatching: .pending
      case .acknowledged, .unknown, .resolved: .sent
      case .failed, .rejected, .expired, .withdrawn, .blocked: .refused
      }
  }
}
