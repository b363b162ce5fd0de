import HummingbirdCore
package import JSON
package import Logging
package import MCP
package import NIOCore
import NIOPosix
import ServiceLifecycle

/// The agents' listener: MCP over Streamable HTTP, with sessions (2025-06-18 and 2025-11-25).
///
/// `POST`, `GET` and `DELETE` on `/mcp` and `/mcp/UPSTREAM`. A tool call is answered by an event
/// stream that stays open as long as the desk needs; what the desk decides is always HTTP 200.
///
/// Concurrency model: every HTTP request is a task of its own; a session is a mutex around its
/// kernel; one task per listener lets time pass (heartbeats, idle sessions), one hears the desk.
/// All of them are children of `run`.
package struct AgentListener: Service {
  private let desk: any AgentDesk
  private let address: (host: String, port: Int)
  private let limits: AgentLimits
  private let clock: any Clock<Duration>
  private let logger: Logger
  private let secure: @Sendable (any Channel) throws -> Void
  private let onReady: @Sendable (Int) async -> Void
  private let endpoint: AgentEndpoint

  /// - Parameters:
  ///   - host: The address to bind, a name or number.
  ///   - port: 0 takes any free port; `onReady` tells which.
  ///   - version: Of this program, told to clients.
  ///   - rules: Hosts, origins and the body limit.
  ///   - clock: Drives heartbeats and the end of idle sessions.
  ///   - secure: Adds handlers below HTTP to a new socket, such as TLS.
  ///   - onReady: Runs when requests are taken, with the port.
  package init(
    desk: any AgentDesk, host: String = "127.0.0.1", port: Int, version: Text,
    rules: HTTPRules = HTTPRules(), limits: AgentLimits = AgentLimits(),
    clock: any Clock<Duration> = ContinuousClock(), logger: Logger,
    secure: @escaping @Sendable (any Channel) throws -> Void = { _ in },
    onReady: @escaping @Sendable (Int) async -> Void = { _ in }
  ) {
    self.desk = desk
    address = (host, port)
    self.limits = limits
    self.clock = clock
    self.logger = logger
    self.secure = secure
    self.onReady = onReady
    endpoint = AgentEndpoint(
      desk: desk, rules: rules, limits: limits, server: ("countersign", version),
      sessions: SessionTable(limits: limits), connections: AgentConnections(),
      numbers: RequestNumbers(), turns: AgentTurns(limit: limits.turnsPerAgent))
  }

  /// Live sessions, for metrics.
  package var sessionCount: Int { endpoint.sessions.count }
  /// Open sockets, for metrics.
  package var connectionCount: Int { endpoint.connections.count }
  /// Requests that were refused because their agent had too many under way, for metrics.
  package var refusedCount: Int { endpoint.load.refusals }

  /// Serves until the task is cancelled or a graceful shutdown begins. Both end open streams with
  /// an answer before the sockets are closed. Call it once.
  ///
  /// - Throws: When the address cannot be bound.
  package func run() async throws {
    let (stop, stopper) = AsyncStream<Void>.makeStream()
    // Not a child: a child would be cancelled before the open streams are ended.
    let work = Task { try await serve(until: stop) }
    try await withTaskCancellationHandler {
      try await withGracefulShutdownHandler {
        try await work.value
      } onGracefulShutdown: {
        stopper.finish()
      }
    } onCancel: {
      stopper.finish()
    }
  }

  private func serve(until stop: AsyncStream<Void>) async throws {
    let server = makeServer()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await server.run()
        return true
      }
      group.addTask {
        await hear()
        return false
      }
      group.addTask {
        await letTimePass()
        return false
      }
      group.addTask {
        for await _ in stop {}
        return await end(server)
      }
      while let isOver = try await group.next() {
        if isOver { group.cancelAll() }
      }
    }
  }

  private func makeServer() -> Server<AgentChannel> {
    let endpoint = endpoint
    let onReady = onReady
    let http = HTTP1Channel(
      responder: { request, writer, channel in
        try await endpoint.respond(request, writer, channel)
      },
      configuration: HTTP1Channel.Configuration(
        idleTimeout: TimeAmount(limits.connectionIdle),
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes,
          maxHeaderFieldCount: 100)))
    return Server(
      childChannelSetup: AgentChannel(
        http: http, connections: endpoint.connections, limits: limits, secure: secure),
      configuration: ServerConfiguration(
        address: .hostname(address.host, port: address.port),
        availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
      onServerRunning: { channel in await onReady(channel.localAddress?.port ?? 0) },
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
  }

  /// Ends what is open, then the server. True when everything ended by itself.
  private func end(_ server: Server<AgentChannel>) async -> Bool {
    endpoint.sessions.shutDown()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await server.shutdownGracefully() }
      group.addTask { try? await Task.sleep(for: limits.shutdownTime) }
      await group.next()
      group.cancelAll()
    }
    return true
  }

  private func letTimePass() async {
    let tick = limits.tick
    while (try? await clock.sleep(for: tick)) != nil { endpoint.sessions.tick() }
  }

  private func hear() async {
    for await event in desk.events() {
      switch event {
      case .toolsChanged: await refreshTools()
      case .notified(let upstream, let notification):
        for session in endpoint.sessions.all(where: { $0.upstream == upstream }) {
          session.notify(notification)
        }
      case .revoked(let agent):
        for session in endpoint.sessions.all(where: { $0.agent == agent }) {
          endpoint.sessions.end(session)
        }
      }
    }
  }

  private func refreshTools() async {
    struct View: Hashable {
      let agent: Text
      let upstream: Text
    }
    let views = Dictionary(grouping: endpoint.sessions.all()) {
      View(agent: $0.agent, upstream: $0.upstream)
    }
    for (view, sessions) in views {
      let tools = await desk.tools(agent: view.agent, upstream: view.upstream)
      for session in sessions { session.replace(tools: tools) }
    }
  }
}
