package import JSON
package import MCP

/// What happens to the connection to an upstream.
package enum UpstreamEvent: Sendable {
  /// The whole list, after the handshake and after each change.
  case tools([ToolDefinition])
  /// The list cannot be read any more; the tools known so far must not be called.
  case toolsUnusable(UpstreamError)
  /// About resources, prompts or logging, and about no call under way.
  case notified(RPCNotification)
  /// The last event. A child is dead and reaped.
  case closed(UpstreamError)
}

/// The client that waits for the outcome of a request: what it hears, and may be asked, meanwhile.
package struct UpstreamClient: Sendable {
  /// Equal for the requests of one MCP session of one agent.
  package var owner: ClientSession.Owner
  /// A notification that is about the request. It must not block.
  package var notify: @Sendable (RPCNotification) -> Void
  /// A request of the upstream and its parameters; cancelled when no answer is needed any more.
  package var ask: @Sendable (Text, JSONObject?) async -> RPCResponse.Outcome

  package init(
    owner: ClientSession.Owner, notify: @escaping @Sendable (RPCNotification) -> Void,
    ask: @escaping @Sendable (Text, JSONObject?) async -> RPCResponse.Outcome
  ) {
    self.owner = owner
    self.notify = notify
    self.ask = ask
  }
}

/// One connection to an upstream that has shaken hands: a child process, or a session over HTTP.
///
/// It is started once and never again: whoever owns it hears `closed` and starts another one.
protocol UpstreamConnection: AnyObject, Sendable {
  /// One reader. The oldest of 1,024 unread events gives way.
  var events: AsyncStream<UpstreamEvent> { get }
  var link: UpstreamLink { get }
  /// Identifies what would send orders through it, in a form that outlives this process; nil when
  /// that is not known.
  var lane: LaneIdentity? { get }

  /// Ends it politely and returns when `closed` is reported.
  func terminate() async
  /// Ends it at once.
  func kill()
}

extension UpstreamConnection {
  /// The tools of the list that was read last; empty while it cannot be used.
  var tools: [ToolDefinition] { link.tools }
  /// What the upstream says about itself.
  var identity: PeerIdentity? { link.identity }
  /// Calls of which no byte was written yet.
  var queuedCalls: Int { link.queuedCalls }
  var isOpen: Bool { link.isOpen }
  /// What the session dropped, for metrics.
  var drops: ClientSession.Drops { link.drops }

  /// Waits for the first whole list of tools.
  func ready(within time: Duration) async throws(UpstreamError) {
    let result = await withTaskGroup(of: Result<Void, UpstreamError>?.self) { group in
      group.addTask { await self.link.ready() }
      group.addTask {
        try? await Task.sleep(for: time)
        self.link.giveUpWaiting(
          UpstreamError(
            .deadline, "the upstream did not finish its handshake in \(time)",
            fix: "see its own log lines, or allow it more time"))
        return nil
      }
      var result: Result<Void, UpstreamError>?
      for await next in group {
        guard let next else { continue }
        result = next
        group.cancelAll()
      }
      return result
    }
    try result?.get()
  }

  /// Calls a tool. See `request`.
  func call(
    _ call: ToolCall, timeout: Duration? = nil, client: UpstreamClient? = nil,
    progress: (@Sendable (Progress) -> Void)? = nil
  ) async -> ClientSession.Completion {
    await request("tools/call", call.params, timeout: timeout, client: client, progress: progress)
  }

  /// Sends a request and waits for its end.
  ///
  /// `notSent` means that no byte of it was written; `lost` and `cancelled` that the upstream may
  /// have acted. Cancelling the task cancels the request: `notSent` when it was still waiting to be
  /// written, else `cancelled`.
  ///
  /// - Parameters:
  ///   - timeout: After it the upstream is told and the end is `lost`; nil waits without end.
  ///   - client: Whom the upstream may ask on its behalf; nil is nobody.
  ///   - progress: Asks the upstream for progress. It must not block.
  func request(
    _ method: Text, _ params: JSONObject, timeout: Duration? = nil, client: UpstreamClient? = nil,
    progress: (@Sendable (Progress) -> Void)? = nil
  ) async -> ClientSession.Completion {
    let handle = link.newHandle()
    guard let timeout else { return await ask(handle, method, params, client, progress) }
    return await withTaskGroup(of: ClientSession.Completion?.self) { group in
      group.addTask { await self.ask(handle, method, params, client, progress) }
      group.addTask {
        guard (try? await Task.sleep(for: timeout)) != nil else { return nil }
        self.link.giveUp(
          handle, reason: "no answer in time",
          as: .lost(MCPError(.limit, "the upstream did not answer within \(timeout)")))
        return nil
      }
      var completion = ClientSession.Completion.cancelled
      for await next in group {
        guard let next else { continue }
        completion = next
        group.cancelAll()
      }
      return completion
    }
  }

  private func ask(
    _ handle: ClientSession.Handle, _ method: Text, _ params: JSONObject,
    _ client: UpstreamClient?, _ progress: (@Sendable (Progress) -> Void)?
  ) async -> ClientSession.Completion {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        link.begin(handle, method, params, client: client, progress: progress, continuation)
      }
    } onCancel: {
      link.giveUp(handle, reason: "the caller gave up", as: .cancelled)
    }
  }

  /// Tells the upstream something that has no answer.
  func notify(_ method: Text, _ params: JSONObject? = nil) { link.notify(method, params) }
}
