import Decimals
import JSON
import Time

/// What one counter holds: amounts without a date, which count until they get one or go, and dated
/// ones, which count from their moment on for the length of the window.
///
/// An amount dated `t` counts at every moment before `t + window`, and no longer at it.
struct Count: Hashable, Sendable {
  private struct Entry: Hashable, Sendable {
    let at: Timestamp
    let amount: ExactDecimal
    let ticket: Text
  }

  /// Nil: only amounts without a date count, such as calls under way.
  let window: Milliseconds?
  private(set) var sum = ExactDecimal.zero
  private(set) var undated = 0
  /// Oldest first; those before `first` have left.
  private var dated: [Entry] = []
  private var first = 0

  init(window: Milliseconds?) { self.window = window }

  /// Amounts that count now.
  var entries: Int { undated + dated.count - first }
  var isEmpty: Bool { entries == 0 }

  /// Lets go of what the window no longer counts.
  mutating func advance(to now: Timestamp) {
    guard let window else { return }
    while first < dated.count, dated[first].at + window <= now {
      subtract(dated[first].amount)
      first += 1
    }
    if first > 64, first > dated.count / 2 {
      dated.removeFirst(first)
      first = 0
    }
  }

  mutating func add(_ amount: ExactDecimal) {
    undated += 1
    add(sum: amount)
  }

  mutating func remove(_ amount: ExactDecimal) {
    undated -= 1
    subtract(amount)
  }

  /// Gives an amount without a date one. It may lie before others.
  mutating func date(_ amount: ExactDecimal, _ at: Timestamp, _ ticket: Text) {
    undated -= 1
    var place = dated.count
    while place > first, dated[place - 1].at > at { place -= 1 }
    dated.insert(Entry(at: at, amount: amount, ticket: ticket), at: place)
  }

  /// Takes the date away again; false when the window has let go of it already.
  mutating func undate(_ ticket: Text) -> Bool {
    guard let at = dated[first...].lastIndex(where: { $0.ticket == ticket }) else { return false }
    dated.remove(at: at)
    undated += 1
    return true
  }

  /// The moment at which `amount` more fits under `max`, if nothing else comes and nothing is given
  /// back; nil where that depends on amounts without a date.
  func fits(_ amount: ExactDecimal, under max: ExactDecimal) -> Timestamp? {
    guard let window, var rest = try? sum + amount else { return nil }
    for entry in dated[first...] {
      guard let less = try? rest - entry.amount else { return nil }
      rest = less
      if rest <= max { return entry.at + window }
    }
    return nil
  }

  /// When the first amount leaves the window.
  var nextFree: Timestamp? {
    guard let window, first < dated.count else { return nil }
    return dated[first].at + window
  }

  /// A sum never passes `Limit.mostAmount`, the largest limit, nor has it more than `mostDigits` after
  /// the point: both fit in the 38 digits of an exact decimal.
  private mutating func add(sum amount: ExactDecimal) {
    guard let more = try? sum + amount else { preconditionFailure("a count overflows") }
    sum = more
  }

  private mutating func subtract(_ amount: ExactDecimal) {
    guard let less = try? sum - amount else { preconditionFailure("a count overflows") }
    sum = less.normalized
  }
}
