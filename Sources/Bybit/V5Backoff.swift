/// How long to wait before connecting again. Pure.
///
/// The wait doubles with every attempt up to a ceiling and is spread over its upper half, so that
/// many clients do not come back together; the average stays under 500 connections in five minutes.
package struct V5Backoff: Hashable, Sendable {
  package var first: Duration
  package var ceiling: Duration

  package init(first: Duration = .milliseconds(500), ceiling: Duration = .seconds(30)) {
    self.first = first
    self.ceiling = ceiling
  }

  /// - Parameters:
  ///   - attempt: 0 for the first try after a loss.
  ///   - random: Any 64 bits.
  package func wait(attempt: Int, random: UInt64) -> Duration {
    let doubled = first * (1 << min(max(attempt, 0), 20))
    let whole = min(doubled, ceiling)
    let share = Int(random % 1001)
    return whole / 2 + whole * share / 2000
  }
}
