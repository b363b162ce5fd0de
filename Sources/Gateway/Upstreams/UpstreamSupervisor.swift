package import JSON
package import Logging
package import MCP
import ServiceLifecycle
import Synchronization

/// Keeps one upstream running for everything that moves no orders: starts it, and again after it
/// ended, with a wait that doubles from one failure to the next.
///
/// Concurrency model: `run` owns the connection; callers take the present one from behind a mutex.
package final class UpstreamSupervisor: Service {
  package enum Status: Sendable {
    case starting
    case ready(PeerIdentity, [ToolDefinition])
    /// It does not run or its tools cannot be used; it is tried again by itself.
    case down(UpstreamError)

    package var isReady: Bool { if case .ready = self { true } else { false } }
  }

  /// How long to wait before another start.
  package struct BackOff: Hashable, Sendable {
    package var first: Duration
    package var longest: Duration
    /// A connection that lasted this long counts as healthy: the wait begins anew.
    package var healthy: Duration

    package init(
      first: Duration = .seconds(1), longest: Duration = .seconds(60),
      healthy: Duration = .seconds(60)
    ) {
      self.first = first
      self.longest = longest
      self.healthy = healthy
    }

    /// The wait after `failures` in a row.
    package func wait(after failures: Int) -> Duration {
      min(longest, first * (1 << min(max(failures - 1, 0), 20)))
    }
  }

  private struct State {
    var connection: (any UpstreamConnection)?
    var status = Status.starting
  }

  private let source: UpstreamSource
  private let backOff: BackOff
  private let clock: any Clock<Duration>
  private let logger: Logger
  private let onStatus: @Sendable (Status) async -> Void
  private let onNotified: @Sendable (RPCNotification) async -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - onStatus: Hears every change of status, also of the tools, in order.
  ///   - onNotified: Hears what the upstream tells about resources, prompts and logging.
  package init(
    _ source: UpstreamSource, backOff: BackOff = BackOff(),
    clock: any Clock<Duration> = ContinuousClock(), logger: Logger,
    onStatus: @escaping @Sendable (Status) async -> Void = { _ in },
    onNotified: @escaping @Sendable (RPCNotification) async -> Void = { _ in }
  ) {
    self.source = source
    self.backOff = backOff
    self.clock = clock
    self.logger = logger
    self.onStatus = onStatus
    self.onNotified = onNotified
  }

  package var status: Status { state.withLock { $0.status } }
  /// The connection that is open now.
  var connection: (any UpstreamConnection)? { state.withLock { $0.connection } }

  /// Calls a tool over the connection that is open now; `notSent` when there is none. See
  /// `UpstreamConnection`.
  package func call(
    _ call: ToolCall, timeout: Duration? = nil, client: UpstreamClient? = nil,
    progress: (@Sendable (Progress) -> Void)? = nil
  ) async -> ClientSession.Completion {
    await request("tools/call", call.params, timeout: timeout, client: client, progress: progress)
  }

  package func request(
    _ method: Text, _ params: JSONObject, timeout: Duration? = nil, client: UpstreamClient? = nil,
    progress: (@Sendable (Progress) -> Void)? = nil
  ) async -> ClientSession.Completion {
    let (connection, status) = state.withLock { ($0.connection, $0.status) }
    guard let connection else {
      if case .down(let error) = status { return .notSent(MCPError(.notReady, "\(error)")) }
      return .notSent(MCPError(.notReady, "the upstream is still starting; try again in a moment"))
    }
    return await connection.request(
      method, params, timeout: timeout, client: client, progress: progress)
  }

  /// Runs until the task is cancelled or a graceful shutdown begins; the child is ended then.
  package func run() async {
    let work = Task { await superviseUntilCancelled() }
    await withTaskCancellationOrGracefulShutdownHandler {
      await work.value
    } onCancelOrGracefulShutdown: {
      work.cancel()
    }
  }

  private func superviseUntilCancelled() async {
    var failures = 0
    while !Task.isCancelled {
      await change(to: .starting)
      let start = ContinuousClock.now
      let error = await runOnce()
      guard !Task.isCancelled else { break }
      failures = ContinuousClock.now - start >= backOff.healthy ? 1 : failures + 1
      let wait = backOff.wait(after: failures)
      logger.warning(
        "upstream down: \(error)",
        metadata: ["upstream": "\(source.name)", "retry-in": "\(wait)"])
      await change(to: .down(error))
      try? await clock.sleep(for: wait)
    }
  }

  /// Runs one connection to its end; says why it ended.
  private func runOnce() async -> UpstreamError {
    let connection: any UpstreamConnection
    do throws(UpstreamError) {
      connection = try await source.start(asksClients: true, logger: logger)
    } catch {
      return error
    }
    state.withLock { $0.connection = connection }
    defer { state.withLock { $0.connection = nil } }
    return await follow(connection)
  }

  private func follow(_ connection: any UpstreamConnection) async -> UpstreamError {
    var reason = UpstreamError(.closed, "the upstream ended", fix: "it is started again")
    for await event in connection.events {
      switch event {
      case .tools(let tools):
        guard let identity = connection.identity else { continue }
        await change(to: .ready(identity, tools))
      case .toolsUnusable(let error): await change(to: .down(error))
      case .notified(let notification): await onNotified(notification)
      case .closed(let error): reason = error
      }
    }
    // A cancelled task hears no more events; the connection is ended here.
    await connection.terminate()
    return reason
  }

  /// Told before it can be seen: whoever sees an upstream ready may rely on its tools being known.
  private func change(to status: Status) async {
    await onStatus(status)
    state.withLock { $0.status = status }
  }
}
