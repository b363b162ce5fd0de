package import Time

/// What the exchange has said about how often a path may still be asked. Pure.
///
/// Every signed answer says how many requests are left and when the count starts anew. With none
/// left, the next request waits for that moment instead of being refused.
package struct V5RateBudget: Hashable, Sendable {
  /// No answer of the exchange makes a request wait longer.
  package static let longestWait = Milliseconds.seconds(5)

  private struct Window: Hashable, Sendable {
    var left: Int
    var resets: Timestamp
  }

  private var windows: [String: Window] = [:]

  package init() {}

  /// What an answer says: requests left, and the exchange's time of the new count.
  package mutating func note(_ path: String, left: Int, resets: Timestamp) {
    windows[path] = Window(left: max(left, 0), resets: resets)
  }

  /// How long the next request of `path` has to wait at `now` of the exchange's clock; it counts at
  /// once, so that requests side by side do not share what is left.
  package mutating func take(_ path: String, at now: Timestamp) -> Milliseconds {
    guard let window = windows[path] else { return .zero }
    guard window.resets > now else {
      windows[path] = nil
      return .zero
    }
    guard window.left <= 0 else {
      windows[path]?.left -= 1
      return .zero
    }
    return min(window.resets - now, Self.longestWait)
  }
}
