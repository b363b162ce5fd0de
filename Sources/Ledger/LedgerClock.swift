package import JSON
package import Time

/// How far entries may go back in time, and the entry that says so when a clock was set back.
package struct LedgerClock: Hashable, Sendable {
  /// Entries of one moment come from several tasks, so a little disorder is normal.
  package static let tolerance = Milliseconds.seconds(5)
  /// The kind of the entry that the ledger writes itself before time goes back further.
  package static let stepKind: Text = "clock-stepped"

  /// The latest time since the last step. Nil before the first entry.
  package private(set) var latest: Timestamp?

  package init(latest: Timestamp? = nil) { self.latest = latest }

  /// Whether an entry of `time` needs a step before it.
  func isStep(to time: Timestamp) -> Bool {
    latest.map { $0 - time > Self.tolerance } ?? false
  }

  /// False when the entry goes back too far without saying so.
  mutating func accept(_ entry: Entry) -> Bool {
    if entry.kind == Self.stepKind {
      latest = entry.time
      return true
    }
    guard !isStep(to: entry.time) else { return false }
    latest = latest.map { max($0, entry.time) } ?? entry.time
    return true
  }
}
