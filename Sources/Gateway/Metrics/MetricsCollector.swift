import Approvals
import Foundation
import JSON
import MCP
import OperatorProtocol
import Time

/// Reads what is only known when somebody asks, and renders everything.
struct MetricsCollector: Sendable {
  let metrics: GatewayMetrics
  let loop: GateLoop
  let directory: UpstreamDirectory
  let writer: StoreWriter
  let hub: EventHub
  /// Of the agents' listener: sessions, sockets, requests refused by its limit.
  let agents: @Sendable () -> (sessions: Int, connections: Int, refusals: Int)
  let startedAt: Timestamp

  /// What the kernel tells.
  private struct Look: Sendable {
    var states: [HoldState: Int] = [:]
    var status: StatusView

    init(_ kernel: Gatekeeper) {
      for call in kernel.held.values { states[call.state, default: 0] += 1 }
      status = kernel.status
    }
  }

  /// The text; nil when the decisions give no answer in time.
  func text() async -> String? {
    guard let look = await loop.read(within: Health.patience, { Look($0) }) else { return nil }
    set(look)
    setUpstreams()
    setListeners()
    setProcess()
    return metrics.registry.text
  }

  private func set(_ look: Look) {
    for state in HoldState.allCases {
      metrics.set(
        "countersign_held_calls", [("state", state.rawValue)], look.states[state] ?? 0)
    }
    metrics.set("countersign_store_up", look.status.isStoreWritable ? 1 : 0)
    metrics.set("countersign_ledger_entries", look.status.ledgerSize)
    metrics.set("countersign_frozen", look.status.frozen == nil ? 0 : 1)
    metrics.set("countersign_exchange_stream_live", look.status.feed == .live ? 1 : 0)
    var age = 0.0
    if case .stale(let since) = look.status.feed {
      age = Double((look.status.now - since).count) / 1000
    }
    metrics.set("countersign_exchange_stream_stale_seconds", age)
  }

  private func setUpstreams() {
    for (name, isUp) in directory.states {
      metrics.set("countersign_upstream_up", [("upstream", name.string)], isUp ? 1 : 0)
      guard let drops = directory.drops(of: name) else { continue }
      for (reason, count) in [
        ("malformed", drops.malformed), ("late", drops.late), ("unknown", drops.unknown),
        ("stray", drops.stray),
      ] {
        metrics.set(
          "countersign_upstream_dropped_messages",
          [("upstream", name.string), ("reason", reason)], count)
      }
    }
  }

  private func setListeners() {
    let (agents, queues) = (agents(), loop.lengths)
    metrics.set("countersign_agent_sessions", agents.sessions)
    metrics.set("countersign_agent_connections", agents.connections)
    metrics.set("countersign_refused_requests", [("limit", "requests_per_agent")], agents.refusals)
    metrics.set("countersign_refused_requests", [("limit", "queue_per_agent")], queues.refusals)
    metrics.set("countersign_consoles", hub.subscriberCount)
    metrics.set("countersign_console_resets", hub.resets)
    for (queue, length) in [
      ("gateway", queues.own), ("operators", queues.operators), ("agents", queues.agents),
      ("store", writer.length),
    ] {
      metrics.set("countersign_queue_length", [("queue", queue)], length)
    }
  }

  private func setProcess() {
    let version = GatewayService.version.string
    metrics.set("countersign_build_info", [("version", version)], 1)
    metrics.set("process_start_time_seconds", Double(startedAt.milliseconds) / 1000)
    if let bytes = Self.residentBytes() { metrics.set("process_resident_memory_bytes", bytes) }
  }

  /// Where the system tells it as Linux does.
  private static func residentBytes() -> Int? {
    guard let text = try? Files.read("/proc/self/statm", limit: 4096) else { return nil }
    let words = String(decoding: text, as: UTF8.self).split(separator: " ")
    return words.count > 1 ? Int(words[1]).map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) } : nil
  }
}
