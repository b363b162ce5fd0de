package import Approvals
import Bybit
import Cryptography
import Foundation
package import JSON
package import Logging
import MCP
import Networking
import OperatorProtocol
import Policy
import Storage
import Synchronization
import Time

/// The gateway as a process: kernel, store, upstreams, exchange, and both listeners.
package struct GatewayService: Sendable {
  package static let version: Text = "0.1.0"
  /// How often policy file and registry are looked at.
  private static let watchEvery = Duration.milliseconds(250)
  /// Time for calls under way to end, and for a call that was sent to be answered, when it stops.
  private static let quietTime = Duration.seconds(5)
  private static let quietGlance = Duration.milliseconds(20)

  private let configuration: Configuration
  private let environment: [String: String]
  private let settings: GateSettings
  private let policy: Policy
  private let store: SQLiteStore
  private let durable: any Store
  private let key: SigningKey
  private let tls: ListenerTLS?
  private let logger: Logger
  private let now: @Sendable () -> Timestamp = { SystemClock.now() }

  /// Reads everything a start needs. Throws with the file and place of what is wrong.
  ///
  /// `wrapping` stands between the decisions and the disk; tests put faults there.
  package init(
    _ configuration: Configuration, environment: [String: String], logger: Logger,
    wrapping: (any Store) -> any Store = { $0 }
  ) throws {
    self.configuration = configuration
    self.environment = environment
    self.logger = logger
    policy = try PolicyFile.read(configuration.policy)
    store = try SQLiteStore(directory: configuration.state, access: .gateway)
    durable = wrapping(store)
    let isNew = try store.lines(from: 0, limit: 1).isEmpty
    key = try LedgerKey.read(in: configuration.state, isNew: isNew)
    settings = GateSettings(configuration)
    let seconds = now().milliseconds / 1000
    tls = try configuration.tls.map {
      try ListenerTLS($0, now: Int64(seconds), logger: logger)
    }
  }

  /// Serves until cancelled. `onReady` gets both ports, `onMetrics` that of the metrics' listener
  /// where one is configured.
  package func run(
    onMetrics: @escaping @Sendable (Int) -> Void = { _ in },
    onReady: @escaping @Sendable (_ agents: Int, _ operators: Int) -> Void
  ) async throws {
    let parts = try Parts(
      configuration, environment, store: store, durable: durable, settings: settings, now: now,
      logger: logger)
    let kernel = try Gatekeeper(settings: settings, policy: policy, ledgerKey: key)
    let snapshot = try store.load()
    parts.loop.submit(.storeRestored(snapshot))
    let ready = ReadyPorts(onReady)
    // Not a child: the decisions go on until everything around them has ended.
    let (ended, ender) = AsyncStream<Void>.makeStream()
    let decisions = Task {
      defer { ender.finish() }
      try await decide(kernel, parts)
    }
    let (asked, asker) = AsyncStream<Void>.makeStream()
    // Not a child either: what is under way ends in order before anything is cancelled.
    let served = await withTaskCancellationHandler {
      await Task { await surroundings(parts, ready, onMetrics, until: ended, asked) }.value
    } onCancel: {
      asker.finish()
    }
    parts.hub.close()
    await stop(parts)
    try await decisions.value
    try served.get()
  }

  /// Runs everything around the decisions until one of them ends, or until it was asked to stop and
  /// what was under way has ended.
  private func surroundings(
    _ parts: Parts, _ ready: ReadyPorts, _ onMetrics: @escaping @Sendable (Int) -> Void,
    until ended: AsyncStream<Void>, _ asked: AsyncStream<Void>
  ) async -> Result<Void, any Error> {
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { for await _ in ended {} }
        group.addTask {
          for await _ in asked {}
          await quieten(parts)
        }
        group.addTask { await parts.directory.run() }
        if let exchange = parts.exchange { group.addTask { await exchange.run() } }
        if let feed = parts.feed { group.addTask { await feed.run() } }
        group.addTask { await watchFiles(parts) }
        let agents = agentListener(parts, ready)
        group.addTask { try await agents.run() }
        group.addTask { try await serveOperators(parts, ready) }
        if let endpoint = configuration.metrics {
          let listener = metricsListener(parts, agents, endpoint)
          group.addTask { try await listener.run { onMetrics($0) } }
        }
        defer { group.cancelAll() }
        // Whoever ends first ends all.
        try await group.next()
      }
      return .success(())
    } catch {
      return .failure(error)
    }
  }

  /// Tells everybody who waits what to ask for later, begins nothing new, and waits until what is
  /// under way has ended, or as long as it may.
  private func quieten(_ parts: Parts) async {
    guard !Task.isCancelled else { return }
    logger.notice("stopping")
    parts.phase.stop()
    parts.loop.submit(.closing)
    let deadline = ContinuousClock.now + Self.quietTime
    while ContinuousClock.now < deadline, !Task.isCancelled {
      if parts.calls.isEmpty, await parts.loop.read(within: Self.quietTime, \.isQuiet) ?? true {
        return
      }
      try? await Task.sleep(for: Self.quietGlance)
    }
    logger.warning("something was still under way when the time to stop was over")
  }

  /// Lets the decisions end with everything recorded.
  private func stop(_ parts: Parts) async {
    parts.loop.submit(.stopping)
    await parts.loop.read { _ in }
    await parts.writer.drained()
    parts.loop.finish()
    await parts.lanes.close()
  }

  // MARK: The decisions

  private func decide(_ kernel: Gatekeeper, _ parts: Parts) async throws {
    let broken = Mutex<String?>(nil)
    await withDiscardingTaskGroup { group in
      await parts.loop.run(kernel) { effect in
        if case .unreadable(let words) = effect {
          broken.withLock { $0 = words }
          parts.loop.finish()
        } else {
          parts.perform(effect, &group)
        }
      }
      group.cancelAll()
    }
    if let words = broken.withLock({ $0 }) {
      throw Files.Failure("the stored state cannot be read: \(words)")
    }
  }

  // MARK: Listeners

  private func agentListener(_ parts: Parts, _ ready: ReadyPorts) -> AgentListener {
    let tls = tls
    var limits = AgentLimits()
    limits.connections = min(limits.connections, SystemLimits.agentSockets)
    return AgentListener(
      desk: parts.agentGate, host: configuration.agents.host, port: configuration.agents.port,
      version: Self.version, rules: HTTPRules(allowedHosts: hosts(configuration.agents)),
      limits: limits, logger: logger, secure: { try tls?.secureAgents($0) },
      onReady: { ready.agents($0) })
  }

  private func metricsListener(
    _ parts: Parts, _ agents: AgentListener, _ endpoint: Configuration.Endpoint
  ) -> MetricsListener {
    let collector = MetricsCollector(
      metrics: parts.metrics, loop: parts.loop, directory: parts.directory, writer: parts.writer,
      hub: parts.hub,
      agents: { (agents.sessionCount, agents.connectionCount, agents.refusedCount) },
      startedAt: now())
    let health = parts.health
    return MetricsListener(
      host: endpoint.host, port: endpoint.port, text: { await collector.text() },
      health: { await health.report() }, logger: logger)
  }

  private func serveOperators(_ parts: Parts, _ ready: ReadyPorts) async throws {
    let now = self.now
    let listener = try OperatorListener(
      .init(
        host: configuration.operators.host, port: configuration.operators.port,
        gateway: configuration.name,
        door: OperatorDoor(hosts: hosts(configuration.operators))),
      desk: parts.operatorGate, hub: parts.hub,
      surroundings: OperatorSurroundings(
        now: now, sleep: { try await Task.sleep(for: $0) }, random: { SystemRandom.bytes($0) }),
      health: { [health = parts.health] in await health.report() }, logger: logger,
      security: tls.map { $0.secureOperators })
    try await listener.run { ready.operators($0) }
  }

  /// The names besides loopback by which a listener may be asked.
  private func hosts(_ listener: Configuration.Endpoint) -> Set<Text> {
    let bound = listener.host.contains(":") ? "[\(listener.host)]" : listener.host.lowercased()
    return Set(configuration.hosts + (tls?.hosts ?? []) + [Text(bound)])
  }

  // MARK: Files that change

  /// Looks at contents, not at events: an atomic replace, a symlinked mount and an invalid file in
  /// between are all seen.
  private func watchFiles(_ parts: Parts) async {
    var lastPolicy = try? PolicyFile(configuration.policy)
    var lastRegistry = try? store.registryVersion()
    while (try? await Task.sleep(for: Self.watchEvery)) != nil {
      tls?.reload(now: Int64(now().milliseconds / 1000))
      let file = Result { try PolicyFile(configuration.policy, after: lastPolicy) }
      if (try? file.get()) != lastPolicy {
        lastPolicy = try? file.get()
        do {
          parts.loop.submit(.policy(try file.get().policy()))
        } catch {
          parts.loop.submit(.policyRefused("\(error)"))
        }
      }
      let version = try? store.registryVersion()
      if version != lastRegistry, let registry = try? Registry(records: registrations()) {
        lastRegistry = version
        parts.loop.submit(.registry(registry))
      }
    }
  }

  private func registrations() throws -> StoreSnapshot {
    StoreSnapshot(
      records: [
        .agent: try store.records(.agent), .approver: try store.records(.approver),
      ], ledgerSize: 0)
  }
}

/// Tells both ports once, when both listeners serve.
private final class ReadyPorts: Sendable {
  private let ports = Mutex<(agents: Int?, operators: Int?)>((nil, nil))
  private let tell: @Sendable (Int, Int) -> Void

  init(_ tell: @escaping @Sendable (Int, Int) -> Void) { self.tell = tell }

  func agents(_ port: Int) { set { $0.agents = port } }
  func operators(_ port: Int) { set { $0.operators = port } }

  private func set(_ change: (inout (agents: Int?, operators: Int?)) -> Void) {
    let both = ports.withLock { ports -> (Int, Int)? in
      change(&ports)
      guard let agents = ports.agents, let operators = ports.operators else { return nil }
      return (agents, operators)
    }
    if let both { tell(both.0, both.1) }
  }
}

extension GateSettings {
  init(_ configuration: Configuration) {
    self.init()
    gateway = configuration.name
    environment = configuration.exchange?.environment ?? "unknown"
    ttl = configuration.hold.ttl ?? ttl
    wait = configuration.hold.wait ?? wait
    cooling = configuration.hold.cooling ?? cooling
    waitByClient = configuration.hold.waitByClient
    riskLimits = configuration.risk
    // A child's process group can be ended; a request over HTTP cannot be called back.
    for upstream in configuration.upstreams {
      canConcludeAbsence[upstream.name] = upstream.url == nil
    }
    pendingPerAgent = configuration.hold.pendingPerAgent ?? pendingPerAgent
    pendingTotal = configuration.hold.pendingTotal ?? pendingTotal
  }
}
