import Approvals
import CoreMetrics
import JSON
import OperatorProtocol
import Time

/// What the gateway counts. Label values are names of the configuration and words of its own, never
/// anything that an agent sent.
struct GatewayMetrics: Sendable {
  let registry = MetricsRegistry(descriptions)

  // MARK: Counted as it happens

  func count(_ tally: GateTally) {
    switch tally {
    case .call(let upstream, let kind, let verdict):
      add(
        "countersign_calls_total",
        [
          ("upstream", upstream.string), ("class", kind.rawValue), ("verdict", verdict.rawValue),
        ])
    case .decision(let verb, let isTaken):
      add(
        "countersign_decisions_total",
        [("verb", verb.rawValue), ("outcome", isTaken ? "taken" : "refused")])
    case .decidedAfter(let time):
      Recorder(label: "countersign_decision_seconds", factory: registry)
        .record(Double(time.count) / 1000)
    case .outcome(let upstream, let state):
      add(
        "countersign_dispatches_total",
        [("upstream", upstream.string), ("outcome", state.rawValue)])
    }
  }

  func started(upstream: Text) {
    add("countersign_upstream_starts_total", [("upstream", upstream.string)])
  }

  func committed(in time: Duration) {
    let (seconds, attoseconds) = time.components
    Timer(label: "countersign_store_commit_seconds", factory: registry)
      .recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  func commitFailed() { add("countersign_store_failures_total") }

  private func add(_ name: String, _ labels: [(String, String)] = []) {
    Counter(label: name, dimensions: labels, factory: registry).increment()
  }

  // MARK: Looked at when asked

  func set(_ name: String, _ labels: [(String, String)], _ value: Double) {
    Meter(label: name, dimensions: labels, factory: registry).set(value)
  }

  func set(_ name: String, _ labels: [(String, String)], _ value: Int) {
    set(name, labels, Double(value))
  }

  func set(_ name: String, _ value: Int) { set(name, [], Double(value)) }
  func set(_ name: String, _ value: Double) { set(name, [], value) }

  // MARK: Names

  private typealias Description = MetricsRegistry.Description

  private static let descriptions: [Description] = [
    Description(
      "countersign_calls_total", "Tool calls by upstream, class of the tool and verdict.", .counter),
    Description("countersign_held_calls", "Held calls in memory, by state.", .gauge),
    Description(
      "countersign_decisions_total", "Decisions of operators, taken or refused.", .counter),
    Description(
      "countersign_decision_seconds", "Time from a call to its approval or rejection.",
      .histogram([1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600])),
    Description(
      "countersign_dispatches_total",
      "How dispatched calls came out; one that is unknown first counts again when it is settled.",
      .counter),
    Description("countersign_upstream_up", "Whether the upstream answers.", .gauge),
    Description(
      "countersign_upstream_starts_total", "Starts of the upstream's general child.", .counter),
    Description(
      "countersign_upstream_dropped_messages",
      "Messages of the upstream that were dropped since its child started, by reason.", .gauge),
    Description("countersign_agent_sessions", "Sessions of agents.", .gauge),
    Description("countersign_agent_connections", "Open sockets of agents.", .gauge),
    Description("countersign_consoles", "Event streams of consoles.", .gauge),
    Description(
      "countersign_console_resets", "Consoles that fell behind and had to start over.", .gauge),
    Description("countersign_queue_length", "Inputs that wait, by queue.", .gauge),
    Description(
      "countersign_refused_requests",
      "Requests refused before the policy saw them since the start, by limit.", .gauge),
    Description("countersign_store_up", "Whether the store can be written.", .gauge),
    Description(
      "countersign_store_commit_seconds", "Time to make a group of commits durable.",
      .histogram([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5])),
    Description("countersign_store_failures_total", "Groups of commits that failed.", .counter),
    Description("countersign_ledger_entries", "Entries of the ledger.", .gauge),
    Description(
      "countersign_exchange_stream_live", "Whether the order stream can be believed.", .gauge),
    Description(
      "countersign_exchange_stream_stale_seconds",
      "How long the order stream has been stale; 0 while it is live or not configured.", .gauge),
    Description("countersign_frozen", "Whether approvals are frozen.", .gauge),
    Description("countersign_build_info", "The version, as a label.", .gauge),
    Description(
      "process_resident_memory_bytes", "Resident memory of the gateway's process.", .gauge),
    Description(
      "process_start_time_seconds", "Start of the process, seconds since 1970.", .gauge),
  ]
}
