package import Cryptography
package import JSON
package import MCP

/// What the agents' listener asks of the gateway: everything that is a decision.
///
/// The listener speaks the protocol and holds the sockets; the desk knows agents, policy, held
/// calls and upstreams. Requests are named by numbers that are never used twice while the process
/// lives.
package protocol AgentDesk: Sendable {
  /// The agent whose token has this SHA-256; nil when it is unknown or revoked. Asked for every
  /// HTTP request, so that a revocation counts at once.
  func agent(tokenHash: Digest) async -> Text?

  /// The endpoint names; the first one is also `/mcp` itself.
  func upstreams() async -> [Text]

  /// What `initialize` tells about an upstream.
  func profile(upstream: Text) async -> UpstreamProfile

  /// The tools that the agent may see, in the order to show them, those of the gateway included.
  func tools(agent: Text, upstream: Text) async -> [ToolDefinition]

  /// Does a `tools/call` and returns its one outcome; progress is reported before that.
  ///
  /// A lost connection does not end it: `disconnected` tells the desk, which still returns the
  /// outcome. Its task is cancelled only after `cancelled`, or when the listener ends; the
  /// desk then returns soon and whatever it returns is dropped.
  func call(_ call: DeskCall) async -> DeskAnswer

  /// Does a request about resources, prompts, completion or logging. Cancelled like `call`.
  func forward(_ request: DeskForward) async -> RPCResponse.Outcome

  /// The agent withdrew the request (`notifications/cancelled`). Nothing more is written for it.
  func cancelled(request: UInt64) async

  /// Nobody reads the answer of the request any more, as far as the socket tells. No withdrawal.
  func disconnected(request: UInt64) async

  /// The outcome that `call` or `forward` returned was handed to the agent's socket whole
  /// (`delivered`), or could not be.
  func written(request: UInt64, delivered: Bool) async

  /// What sessions must hear of while they live. Asked for once per run of the listener.
  func events() -> AsyncStream<DeskEvent>
}

/// What an upstream says about itself, as far as agents are told.
package struct UpstreamProfile: Hashable, Sendable {
  /// Advice to the model.
  package var instructions: Text?
  /// Capabilities besides `tools`; requests of others are refused in the session.
  package var capabilities: JSONObject

  package init(instructions: Text? = nil, capabilities: JSONObject = JSONObject()) {
    self.instructions = instructions
    self.capabilities = capabilities
  }
}

/// Who asks, and on which request.
package struct DeskCaller: Hashable, Sendable {
  package var request: UInt64
  package var agent: Text
  package var upstream: Text
  /// A number for the MCP session, never used twice.
  package var session: UInt64
  /// Tool calls that came in the session before, and how long ago it began.
  package var calls: Int
  package var age: Duration
  /// What the client says about itself; for wait budgets and logs only.
  package var client: PeerIdentity

  package init(
    request: UInt64, agent: Text, upstream: Text, session: UInt64, calls: Int = 0,
    age: Duration = .zero, client: PeerIdentity
  ) {
    self.request = request
    self.calls = calls
    self.age = age
    self.agent = agent
    self.upstream = upstream
    self.session = session
    self.client = client
  }
}

/// The way back to the client whose request is under way, for what the upstream has to say.
package struct DeskClient: Sendable {
  /// A notification that is about the request. Never blocks.
  package var notify: @Sendable (RPCNotification) -> Void
  /// Asks the client and waits for its answer; an error where it cannot be asked. Cancelling the
  /// task takes the question back.
  package var ask: @Sendable (Text, JSONObject?) async -> RPCResponse.Outcome

  package init(
    notify: @escaping @Sendable (RPCNotification) -> Void = { _ in },
    ask: @escaping @Sendable (Text, JSONObject?) async -> RPCResponse.Outcome = { _, _ in
      .error(RPCError(.methodNotFound, "there is no client to ask"))
    }
  ) {
    self.notify = notify
    self.ask = ask
  }
}

package struct DeskCall: Sendable {
  package var caller: DeskCaller
  package var call: ToolCall
  /// Whether the client gave a progress token; without one `progress` does nothing.
  package var reportsProgress: Bool
  /// Tells the client how far the call is. Never blocks; calls after the outcome are dropped.
  package var progress: @Sendable (Progress) -> Void
  package var client: DeskClient

  package init(
    caller: DeskCaller, call: ToolCall, reportsProgress: Bool = false,
    client: DeskClient = DeskClient(), progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    self.client = client
    self.caller = caller
    self.call = call
    self.reportsProgress = reportsProgress
    self.progress = progress
  }
}

package struct DeskForward: Sendable {
  package var caller: DeskCaller
  package var method: Text
  /// Without a progress token.
  package var params: JSONObject
  package var reportsProgress: Bool
  package var progress: @Sendable (Progress) -> Void
  package var client: DeskClient

  package init(
    caller: DeskCaller, method: Text, params: JSONObject, reportsProgress: Bool = false,
    client: DeskClient = DeskClient(), progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    self.client = client
    self.caller = caller
    self.method = method
    self.params = params
    self.reportsProgress = reportsProgress
    self.progress = progress
  }
}

package enum DeskAnswer: Hashable, Sendable {
  case result(ToolResult)
  case error(RPCError)

  var outcome: RPCResponse.Outcome {
    switch self {
    case .result(let result): .result(.object(result.json))
    case .error(let error): .error(error)
    }
  }
}

package enum DeskEvent: Hashable, Sendable {
  /// What `tools` returns may have changed, for everybody.
  case toolsChanged
  /// A notification of an upstream about resources, prompts or logging, for its sessions.
  case notified(upstream: Text, RPCNotification)
  /// The agent's sessions must end now.
  case revoked(agent: Text)
}
