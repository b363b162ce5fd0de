import JSON
import Logging
import MCP
import StreamableHTTP

/// One session with an upstream over Streamable HTTP.
///
/// When the server ends the session, calls under way are `lost` and `closed` is reported: whoever
/// owns this begins a new session with a new value, and repeats nothing.
///
/// Concurrency model: both kernels, of the session and of its exchanges, are behind the mutex of
/// `UpstreamLink`; exchanges are tasks of the runner.
final class UpstreamRemote: UpstreamConnection {
  let events: AsyncStream<UpstreamEvent>
  let link: UpstreamLink
  let lane: LaneIdentity? = .newRemote()
  private let runner: ExchangeRunner

  private init(_ configuration: RemoteUpstreamConfiguration, asksClients: Bool) {
    let (events, sink) = AsyncStream<UpstreamEvent>.makeStream(
      bufferingPolicy: .bufferingNewest(1024))
    self.events = events
    let link = UpstreamLink(
      version: configuration.version, callLimit: configuration.callLimit, asksClients: asksClients,
      transport: ClientTransport(), events: sink)
    self.link = link
    runner = ExchangeRunner(
      configuration.url, headers: configuration.headers, limits: configuration.limits,
      security: configuration.security, report: { link.exchange($0) })
  }

  /// Begins a session and reads the list of tools.
  ///
  /// - Throws: `UpstreamError`; the session is over then.
  static func start(
    _ configuration: RemoteUpstreamConfiguration, asksClients: Bool = false, logger: Logger
  ) async throws(UpstreamError) -> UpstreamRemote {
    let remote = UpstreamRemote(configuration, asksClients: asksClients)
    let runner = remote.runner
    remote.link.attach { runner.perform($0) }
    remote.link.start()
    do {
      try await remote.ready(within: configuration.handshakeTime)
    } catch {
      await remote.terminate()
      throw error
    }
    return remote
  }

  /// Ends the session here and at the server, which gets the time of the limits for it.
  func terminate() async {
    kill()
    await runner.end()
  }

  /// Ends the session here at once; the server is told, and nobody waits for it.
  func kill() { link.close("the session was ended here") }
}
