import JSON
import Time

/// Requests that are left in the running second, by bucket.
struct RateBudgets: Sendable {
  struct Left: Sendable {
    let limit: Int
    let remaining: Int
    let reset: Timestamp
  }

  private struct Window: Sendable {
    var second: Int64
    var used: Int
  }

  private var windows: [Text: Window] = [:]

  /// Takes up to `wanted` units and says how many were there.
  mutating func take(
    _ wanted: Int, of limit: Int, from bucket: Text, at now: Timestamp
  ) -> (granted: Int, left: Left) {
    let second = now.milliseconds / 1000
    var window = windows[bucket] ?? Window(second: second, used: 0)
    if window.second != second { window = Window(second: second, used: 0) }
    let granted = min(wanted, max(0, limit - window.used))
    window.used += granted
    windows[bucket] = window
    let reset = Timestamp(milliseconds: (second + 1) * 1000)
    return (granted, Left(limit: limit, remaining: limit - window.used, reset: reset))
  }
}
