import CoreMetrics
import Synchronization

/// One metric with its labels.
protocol MetricCell: AnyObject, Sendable {
  /// Its lines.
  func samples(_ name: String, _ labels: [Label]) -> [String]
}

final class CounterCell: MetricCell, CounterHandler {
  private let value = Atomic<Int64>(0)

  func increment(by amount: Int64) { value.add(max(0, amount), ordering: .relaxed) }
  func reset() { value.store(0, ordering: .relaxed) }

  func samples(_ name: String, _ labels: [Label]) -> [String] {
    [PrometheusText.sample(name, labels, "\(value.load(ordering: .relaxed))")]
  }
}

final class GaugeCell: MetricCell, MeterHandler {
  private let value = Mutex<Double>(0)

  func set(_ new: Int64) { set(Double(new)) }
  func set(_ new: Double) { value.withLock { $0 = new } }
  func increment(by amount: Double) { value.withLock { $0 += amount } }
  func decrement(by amount: Double) { value.withLock { $0 -= amount } }

  func samples(_ name: String, _ labels: [Label]) -> [String] {
    [PrometheusText.sample(name, labels, PrometheusText.number(value.withLock { $0 }))]
  }
}

/// Counts values, in seconds, by upper bounds.
final class HistogramCell: MetricCell, RecorderHandler, TimerHandler {
  private struct State {
    /// One for each bound, and one for what is past the last.
    var counts: [Int64]
    var sum = 0.0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  init?(_ kind: MetricsRegistry.Description.Kind) {
    guard case .histogram(let bounds) = kind else { return nil }
    self.bounds = bounds
    state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  func record(_ value: Int64) { record(Double(value)) }
  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  func record(_ value: Double) {
    let place = bounds.firstIndex { value <= $0 } ?? bounds.count
    state.withLock { state in
      state.counts[place] += 1
      state.sum += value
    }
  }

  func samples(_ name: String, _ labels: [Label]) -> [String] {
    let now = state.withLock { $0 }
    var seen: Int64 = 0
    var lines: [String] = []
    for (bound, count) in zip(bounds + [.infinity], now.counts) {
      seen += count
      let limit = Label(name: "le", value: PrometheusText.number(bound))
      lines.append(PrometheusText.sample(name + "_bucket", labels + [limit], "\(seen)"))
    }
    lines.append(PrometheusText.sample(name + "_sum", labels, PrometheusText.number(now.sum)))
    lines.append(PrometheusText.sample(name + "_count", labels, "\(seen)"))
    return lines
  }
}
