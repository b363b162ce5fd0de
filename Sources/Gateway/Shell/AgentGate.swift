import Approvals
import Cryptography
import JSON
import MCP
import Synchronization
import Time

/// The agents' desk: turns their requests into events of the kernel.
struct AgentGate: AgentDesk {
  let loop: GateLoop
  let calls: CallTable
  let admission: Admission
  let directory: UpstreamDirectory
  let cache: ToolCache
  let random: @Sendable (Int) -> [UInt8]
  /// Names this run of the gateway: numbers of sessions begin anew with each.
  let run: Text

  func agent(tokenHash: Digest) async -> Text? { admission.agent(tokenHash) }

  func upstreams() async -> [Text] { directory.names }

  func profile(upstream: Text) async -> UpstreamProfile { directory.profile(of: upstream) }

  func tools(agent: Text, upstream: Text) async -> [ToolDefinition] {
    await cache.tools(of: upstream) {
      await loop.read(for: agent) { $0.visibleTools(of: upstream) }
    }
  }

  func call(_ call: DeskCall) async -> DeskAnswer {
    let request = call.caller.request
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        calls.begin(call, continuation)
        switch loop.submit(agentCall(call)) {
        case .taken: return
        case .refused: calls.finish(request, .result(AgentAnswers.flooded))
        case .withdrawn, .left: calls.finish(request, .error(Self.ended))
        }
      }
    } onCancel: {
      calls.finish(request, .error(Self.ended))
    }
  }

  private static let ended = RPCError(.internalError, "the request ended")

  private func agentCall(_ call: DeskCall) -> AgentCall {
    var made = AgentCall(
      request: RequestID(call.caller.request), agent: call.caller.agent,
      client: call.caller.client.name, upstream: call.caller.upstream, tool: call.call.name,
      arguments: call.call.arguments, random: random(10))
    made.session = SessionFacts(
      id: "\(run)-\(call.caller.session)", calls: call.caller.calls,
      age: .seconds(call.caller.age.components.seconds))
    return made
  }

  func forward(_ request: DeskForward) async -> RPCResponse.Outcome {
    await directory.forward(request)
  }

  func cancelled(request: UInt64) async {
    loop.cancelled(RequestID(request))
  }

  func disconnected(request: UInt64) async {
    loop.disconnected(RequestID(request))
    calls.finish(request, .error(RPCError(.internalError, "the connection was lost")))
  }

  func written(request: UInt64, delivered: Bool) async {
    loop.answered(RequestID(request), delivered: delivered)
  }

  func events() -> AsyncStream<DeskEvent> { directory.events() }
}

/// Who may come in, as the kernel last said.
final class Admission: Sendable {
  private let registry = Mutex(Registry())

  func admit(_ new: Registry) -> [Text] {
    registry.withLock { old in
      defer { old = new }
      return old.agents.keys.filter { name in
        old.agents[name]?.isRevoked == false && new.agents[name]?.isRevoked != false
      }
    }
  }

  func agent(_ tokenHash: Digest) -> Text? {
    registry.withLock { $0.agent(tokenHash: tokenHash)?.name }
  }

  func person(_ name: Text) -> Registry.Operator? {
    registry.withLock { $0.activeOperator(name) }
  }

  var all: Registry { registry.withLock { $0 } }
}
