import Foundation
import Time

/// The system's clock.
enum WallClock {
  static var now: Timestamp {
    Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
  }
}

/// Wall time at the start, carried on by a clock that never goes back and counts a suspended
/// machine's time, so that no step of the system's clock can shorten a wait.
struct SteadyClock {
  private let start: Timestamp
  private let origin: ContinuousClock.Instant

  init() {
    start = WallClock.now
    origin = .now
  }

  var now: Timestamp {
    let (seconds, attoseconds) = (ContinuousClock.now - origin).components
    return start + Milliseconds(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}
