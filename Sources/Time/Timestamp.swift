/// A moment in UTC with millisecond resolution. It is never read from a clock here.
package struct Timestamp: Hashable, Comparable, Sendable {
  /// Milliseconds since 1970-01-01T00:00:00Z.
  package let milliseconds: Int64

  package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  package static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

  /// Overflow saturates: the far ends of time are further than any wait.
  package static func + (moment: Timestamp, wait: Milliseconds) -> Timestamp {
    let (sum, overflow) = moment.milliseconds.addingReportingOverflow(wait.count)
    return Timestamp(milliseconds: overflow ? (wait.count < 0 ? .min : .max) : sum)
  }

  package static func - (a: Timestamp, b: Timestamp) -> Milliseconds {
    let (difference, overflow) = a.milliseconds.subtractingReportingOverflow(b.milliseconds)
    return Milliseconds(overflow ? (a < b ? .min : .max) : difference)
  }

  package static func - (moment: Timestamp, wait: Milliseconds) -> Timestamp {
    moment + Milliseconds(-wait.count)
  }
}

/// A length of time in whole milliseconds.
package struct Milliseconds: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let count: Int64

  package init(_ count: Int64) { self.count = count }

  package static let zero = Milliseconds(0)
  package static func milliseconds(_ count: Int64) -> Milliseconds { Milliseconds(count) }
  package static func seconds(_ count: Int64) -> Milliseconds { Milliseconds(count * 1000) }
  package static func minutes(_ count: Int64) -> Milliseconds { .seconds(count * 60) }
  package static func < (a: Milliseconds, b: Milliseconds) -> Bool { a.count < b.count }

  /// Overflow saturates, as for timestamps.
  package static func + (a: Milliseconds, b: Milliseconds) -> Milliseconds {
    let (sum, overflow) = a.count.addingReportingOverflow(b.count)
    return Milliseconds(overflow ? (b.count < 0 ? .min : .max) : sum)
  }

  /// The length of `text`: a whole number followed by `ms`, `s`, `m`, `h` or `d`. Nil otherwise.
  package init?(parsing text: String) {
    let units: [(String, Int64)] = [
      ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
    for (suffix, factor) in units where text.hasSuffix(suffix) {
      let digits = text.dropLast(suffix.count)
      guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { continue }
      guard let whole = Int64(digits) else { return nil }
      let (product, overflow) = whole.multipliedReportingOverflow(by: factor)
      guard !overflow else { return nil }
      self.init(product)
      return
    }
    return nil
  }

  /// The shortest exact form that `init(parsing:)` reads.
  package var description: String {
    for (suffix, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
    where count != 0 && count % Int64(factor) == 0 {
      return "\(count / Int64(factor))\(suffix)"
    }
    return "\(count)ms"
  }
}
