package import CoreMetrics
import Synchronization

/// Metrics in memory, by name and labels. `text` renders them in Prometheus' text format.
///
/// Concurrency model: the table is behind one mutex, each metric guards itself; rendering sees every
/// metric at a moment of its own.
package final class MetricsRegistry: MetricsFactory {
  /// What a name stands for.
  package struct Description: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
      case counter, gauge
      /// Upper bounds in seconds, rising; one without a bound is added.
      case histogram([Double])
    }

    package var name: String
    package var help: String
    package var kind: Kind

    package init(_ name: String, _ help: String, _ kind: Kind) {
      self.name = name
      self.help = help
      self.kind = kind
    }
  }

  /// Label sets of one name; further ones are not kept.
  package static let seriesPerName = 512

  private struct Family {
    var description: Description
    var series: [[Label]: any MetricCell] = [:]
  }

  private let families: Mutex<[String: Family]>

  /// Only what is described here is kept.
  package init(_ descriptions: [Description]) {
    families = Mutex(
      Dictionary(
        uniqueKeysWithValues: descriptions.map { ($0.name, Family(description: $0)) }))
  }

  package var text: String {
    let all = families.withLock { $0.values.sorted { $0.description.name < $1.description.name } }
    var lines: [String] = []
    for family in all {
      let (name, help) = (family.description.name, family.description.help)
      lines.append("# HELP \(name) \(PrometheusText.escaped(help: help))")
      lines.append("# TYPE \(name) \(family.description.kind.word)")
      for (labels, cell) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        lines += cell.samples(name, labels)
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The cell of a name and its labels; nil when the name is not described as this kind, or has too
  /// many label sets already.
  private func cell<Cell: MetricCell>(
    _ name: String, _ dimensions: [(String, String)], _ make: (Description.Kind) -> Cell?
  ) -> Cell? {
    let labels = dimensions.map { Label(name: $0.0, value: $0.1) }
    return families.withLock { families in
      guard let family = families[name] else { return nil }
      if let known = family.series[labels] { return known as? Cell }
      guard family.series.count < Self.seriesPerName, let new = make(family.description.kind) else {
        return nil
      }
      families[name]?.series[labels] = new
      return new
    }
  }

  // MARK: MetricsFactory

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    cell(label, dimensions) { $0 == .counter ? CounterCell() : nil } ?? NOOPMetricsHandler.instance
  }

  package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    cell(label, dimensions) { $0 == .gauge ? GaugeCell() : nil } ?? NOOPMetricsHandler.instance
  }

  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    cell(label, dimensions) { HistogramCell($0) } ?? NOOPMetricsHandler.instance
  }

  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    cell(label, dimensions) { HistogramCell($0) } ?? NOOPMetricsHandler.instance
  }

  // Metrics live as long as the process.
  package func destroyCounter(_ handler: any CounterHandler) {}
  package func destroyMeter(_ handler: any MeterHandler) {}
  package func destroyRecorder(_ handler: any RecorderHandler) {}
  package func destroyTimer(_ handler: any TimerHandler) {}
}

extension MetricsRegistry.Description.Kind {
  fileprivate var word: String {
    switch self {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }
}
