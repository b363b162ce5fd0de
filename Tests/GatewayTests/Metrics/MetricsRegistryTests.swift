import CoreMetrics
import Testing

@testable import Gateway

@Suite("Metrics: what readers get")
struct MetricsRegistryTests {
  private let registry = MetricsRegistry([
    .init("a_total", "Things\nthat \\ happen.", .counter), .init("b", "How many.", .gauge),
    .init("c_seconds", "How long.", .histogram([0.5, 2])),
  ])

  private var lines: [String] { registry.text.split(separator: "\n").map(String.init) }

  @Test func countersAndGaugesByLabels() {
    Counter(label: "a_total", dimensions: [("x", "q\"\\\n")], factory: registry).increment(by: 2)
    Counter(label: "a_total", dimensions: [("x", "q\"\\\n")], factory: registry).increment()
    Counter(label: "a_total", dimensions: [("x", "b")], factory: registry).increment()
    Meter(label: "b", factory: registry).set(1.5)
    #expect(
      lines.prefix(7) == [
        "# HELP a_total Things\\nthat \\\\ happen.", "# TYPE a_total counter",
        #"a_total{x="b"} 1"#, #"a_total{x="q\"\\\n"} 3"#, "# HELP b How many.", "# TYPE b gauge",
        "b 1.5",
      ])
  }

  @Test func histogramsCountUpTo() {
    let timer = Timer(label: "c_seconds", factory: registry)
    timer.recordMilliseconds(500)
    timer.recordMilliseconds(501)
    timer.recordSeconds(100)
    #expect(
      lines.suffix(5) == [
        #"c_seconds_bucket{le="0.5"} 1"#, #"c_seconds_bucket{le="2"} 2"#,
        #"c_seconds_bucket{le="+Inf"} 3"#, "c_seconds_sum 101.001", "c_seconds_count 3",
      ])
  }

  @Test func whatIsNotDescribedIsNotKept() {
    let before = registry.text
    Counter(label: "other", factory: registry).increment()
    Counter(label: "b", factory: registry).increment()
    Timer(label: "a_total", factory: registry).recordSeconds(1)
    #expect(registry.text == before)
  }

  @Test func labelSetsAreBounded() {
    for number in 0..<(MetricsRegistry.seriesPerName + 50) {
      Counter(label: "a_total", dimensions: [("n", "\(number)")], factory: registry).increment()
    }
    #expect(lines.count { $0.hasPrefix("a_total{") } == MetricsRegistry.seriesPerName)
  }

  @Test(
    arguments: [
      (1.0, "1"), (-2.5, "-2.5"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
    ] as [(Double, String)])
  func numbersAsTheFormatWritesThem(value: Double, text: String) {
    #expect(PrometheusText.number(value) == text)
  }
}
