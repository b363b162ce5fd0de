package import Decimals
package import JSON
package import Time

/// One count as it stands now.
package struct CounterReading: Hashable, Sendable {
  package let counter: Text
  package let scope: [Limit.Part]
  /// What each part of `scope` is.
  package let values: [Text]
  package let span: Limit.Span
  package let used: ExactDecimal
  /// The smallest of the limits on it.
  package let max: ExactDecimal
  /// In how long something leaves the window; nil where only calls that wait or are under way count.
  package let nextFree: Milliseconds?
}

extension Counters {
  /// What the limits of `policy` have counted, in the order of their names; the first `most`.
  package func readings(of policy: Policy, most: Int) -> [CounterReading] {
    var smallest: [Limit.Identity: ExactDecimal] = [:]
    for limit in policy.limits + policy.tools.flatMap(\.limits) {
      smallest[limit.identity] = Swift.min(smallest[limit.identity] ?? limit.max, limit.max)
    }
    var all: [CounterReading] = []
    for (key, count) in counts {
      let identity = Limit.Identity(counter: key.counter, span: key.span, scope: key.scope)
      guard let max = smallest[identity] else { continue }
      var count = count
      count.advance(to: now)
      guard !count.isEmpty else { continue }
      all.append(
        CounterReading(
          counter: key.counter, scope: key.scope, values: key.values, span: key.span,
          used: count.sum.normalized, max: max, nextFree: count.nextFree.map { $0 - now }))
    }
    return Array(all.sorted { $0.isBefore($1) }.prefix(most))
  }
}

extension CounterReading {
  fileprivate func isBefore(_ other: CounterReading) -> Bool {
    if counter != other.counter { return counter < other.counter }
    if values != other.values { return values.lexicographicallyPrecedes(other.values) }
    return (span.window ?? .zero) < (other.span.window ?? .zero)
  }
}
