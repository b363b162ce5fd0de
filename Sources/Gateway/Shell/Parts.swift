import Approvals
import Bybit
import Cryptography
import Foundation
import JSON
import Logging
import MCP
import Networking
import OperatorProtocol
import Orders
import Storage
import TLS
import Time

/// Everything around the kernel, wired together: it performs effects and reports events.
struct Parts: Sendable {
  let loop: GateLoop
  let writer: StoreWriter
  let calls = CallTable()
  let metrics = GatewayMetrics()
  let phase = GatewayPhase()
  let tools = ToolCache()
  let decisions = DecisionTable()
  let admission = Admission()
  let hub: EventHub
  let lanes: OrderLanes
  let directory: UpstreamDirectory
  let exchange: ExchangeWatch?
  /// Order news without a read key.
  let feed: UpstreamFeed?
  let agentGate: AgentGate
  let operatorGate: OperatorGate
  private let logger: Logger

  private static let reopenEvery = Duration.seconds(1)

  init(
    _ configuration: Configuration, _ environment: [String: String], store: SQLiteStore,
    durable: any Store, settings: GateSettings, now: @escaping @Sendable () -> Timestamp,
    logger: Logger
  ) throws {
    self.logger = logger
    let loop = GateLoop(now: now, uptime: SystemClock.uptime(), logger: logger)
    self.loop = loop
    let report: @Sendable (GateEvent) -> Void = { loop.submit($0) }
    writer = StoreWriter(durable, metrics: metrics, report: report)
    hub = EventHub(after: UInt64(clamping: now().milliseconds) * 1000)
    let security = try Self.security(configuration)
    let sources = try configuration.upstreams.map {
      try UpstreamSource($0, environment, security)
    }
    lanes = OrderLanes(
      Dictionary(uniqueKeysWithValues: sources.map { ($0.name, $0) }), logger: logger,
      report: report)
    directory = UpstreamDirectory(sources, metrics: metrics, logger: logger, report: report)
    exchange = try configuration.exchange.map {
      try ExchangeWatch(
        $0, environment, security: security, refresh: settings.refreshEvery, now: now,
        logger: logger, report: report, room: { await loop.room() })
    }
    feed = Self.feed(
      of: directory, unless: exchange?.followsOrders ?? false, loop, now: now, logger: logger)
    agentGate = AgentGate(
      loop: loop, calls: calls, admission: admission, directory: directory, cache: tools,
      random: { SystemRandom.bytes($0) }, run: Text(Hex.encode(SystemRandom.bytes(6))))
    operatorGate = OperatorGate(
      loop: loop, decisions: decisions, admission: admission, store: store)
  }

  /// Through the first upstream: the account that most calls are about.
  private static func feed(
    of directory: UpstreamDirectory, unless hasKey: Bool, _ loop: GateLoop,
    now: @escaping @Sendable () -> Timestamp, logger: Logger
  ) -> UpstreamFeed? {
    guard !hasKey, let upstream = directory.names.first else { return nil }
    return UpstreamFeed(
      tools: { directory.tools(of: upstream) },
      ask: { tool, arguments in
        await directory.ask(
          upstream, ToolCall(name: tool, arguments: arguments), timeout: feedPatience)
      }, now: now, logger: logger, report: { loop.submit($0) }, room: { await loop.room() })
  }

  private static let feedPatience = Duration.seconds(30)

  var health: Health { Health(loop: loop, directory: directory, phase: phase) }

  /// TLS for everything that the gateway itself connects to.
  private static func security(_ configuration: Configuration) throws -> TLSClient {
    do {
      let files = try configuration.trust.map {
        try Files.read($0, limit: ListenerTLS.fileLimit)
      }
      return TLSClient(try .client(trust: TLSTrust(authorities: files)))
    } catch let error as TLSError {
      throw Files.Failure("\"trust\" of the configuration: \(error)")
    }
  }

  /// Starts an effect; what takes time runs in `group`.
  func perform(_ effect: GateEffect, _ group: inout DiscardingTaskGroup) {
    switch effect {
    case .persist(let commit): writer.persist(commit)
    case .answer(let request, let result): calls.finish(request.number, .result(result))
    case .waits(let request): group.addTask { await calls.reportWaiting(request.number) }
    case .forward(let request, let upstream, _, _, let reportsEnd):
      forward(request, upstream, reportsEnd: reportsEnd)
    case .cancelForward(let request): calls.stopForward(request.number)
    case .accept(let request, let body): decisions.finish(request, .success(body))
    case .refuse(let request, let refusal): decisions.finish(request, .failure(refusal))
    case .publish(let event): hub.publish(event)
    case .admit(let registry):
      for name in admission.admit(registry) { directory.tell(.revoked(agent: name)) }
    case .toolListChanged:
      tools.clear()
      directory.tell(.toolsChanged)
    case .watch(let listings): exchange?.watch(listings)
    case .reopenStore:
      decisions.failAll(OperatorRefusal(.unavailable, "nothing can be recorded now"))
      group.addTask { await reopen() }
    case .openLane(let upstream): group.addTask { await lanes.open(upstream) }
    case .killLane(let upstream, let processes):
      group.addTask { await lanes.kill(upstream, group: processes) }
    case .dispatch(let id, let upstream, let tool, let arguments):
      let call = ToolCall(name: tool, arguments: arguments)
      group.addTask { await lanes.dispatch(id, upstream, call) }
    case .cancelOrders(let request, let call):
      group.addTask {
        loop.submit(.ordersCancelled(request, call, await directory.cancel(call)))
      }
    case .readExchange(let id, let orders, _):
      group.addTask { loop.submit(.exchangeRead(id, await read(orders))) }
    case .readOrders(let orders):
      let ids = orders.compactMap(\.orderID)
      group.addTask { loop.submit(.ordersRead(ids, await read(orders))) }
    case .listOpenOrders:
      group.addTask {
        let none = OpenOrders(rows: [], complete: [], readAt: .init(milliseconds: 0))
        loop.submit(.openOrders(await exchange?.openOrders() ?? none))
      }
    case .renewStream: exchange?.renewStream()
    case .counted(let tally): metrics.count(tally)
    case .unreadable, .wake: break
    }
  }

  /// An allowed call goes to the upstream as the agent's own; its answer comes back unchanged.
  /// What became of it is told before its agent can act on the answer.
  private func forward(_ request: RequestID, _ upstream: Text, reportsEnd: Bool) {
    let number = request.number
    guard let call = calls.call(number) else {
      if reportsEnd { loop.submit(.forwardEnded(request, .notSent)) }
      return
    }
    calls.forwards(
      number,
      Task {
        let (answer, end) = await directory.call(upstream, call)
        if reportsEnd { loop.submit(.forwardEnded(request, end)) }
        calls.finish(number, answer)
      })
  }

  private func read(_ orders: [OrderKey]) async -> ExchangeReading {
    await exchange?.read(orders) ?? .failed("no exchange is configured")
  }

  private func reopen() async {
    while !Task.isCancelled {
      do {
        return loop.submit(.storeRestored(try await writer.resume()))
      } catch {
        logger.critical("the store cannot be written", metadata: ["error": "\(error)"])
      }
      guard (try? await Task.sleep(for: Self.reopenEvery)) != nil else { return }
    }
  }
}

extension ExchangeWatch {
  convenience init(
    _ exchange: Configuration.Exchange, _ environment: [String: String],
    security: any ConnectionSecurity, refresh: Milliseconds,
    now: @escaping @Sendable () -> Timestamp, logger: Logger,
    report: @escaping @Sendable (GateEvent) -> Void, room: @escaping @Sendable () async -> Void
  ) throws {
    let credentials = try exchange.credentials(environment)
    let rest = V5REST(
      .init(base: try WebURL(exchange.rest), credentials: credentials),
      http: HTTPClient(security: security), now: now)
    let stream = try credentials.map { credentials in
      V5PrivateStream(
        .init(
          socket: .init(
            base: try WebURL(exchange.stream), credentials: credentials, security: security)),
        environment: .init(
          now: now, sleep: { try await Task.sleep(for: $0) },
          random: { UInt64.random(in: .min ... .max) }),
        clockOffset: { rest.clockOffset?.offset ?? .zero })
    }
    let market = MarketWatch(
      rest: rest, stream: try WebURL(exchange.stream), security: security,
      hasKey: credentials != nil, refresh: refresh, now: now, logger: logger, report: report)
    self.init(
      rest: rest, stream: stream, market: market, now: now, logger: logger, report: report,
      room: room)
  }
}
