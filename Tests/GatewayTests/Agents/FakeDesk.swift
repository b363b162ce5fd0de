import Cryptography
import JSON
import MCP
import Synchronization

@testable import Gateway

/// A desk for tests. It writes down what it is told and does what the tool's name says:
/// `read` answers at once, `hold` when it is released, `steps` after three steps of progress,
/// `ask` after the client was asked for its roots, `log` after a notification about the call,
/// `order` as a held batch whose outcome is asked for with `awaitApproval`.
final class FakeDesk: AgentDesk {
  private struct State {
    var tokens: [Digest: Text] = [:]
    var tools: [ToolDefinition] = ["read", "hold", "steps", "order", "awaitApproval"].map(tool)
    var log: [String] = []
    var watchers: [(line: String, count: Int, CheckedContinuation<Void, Never>)] = []
    var held: [UInt64: CheckedContinuation<String, Never>] = [:]
    var polls = 0
  }

  private let state = Mutex(State())
  private let sink: AsyncStream<DeskEvent>.Continuation
  private let stream: AsyncStream<DeskEvent>

  init(tokens: [String: Text] = ["token-a": "alpha", "token-b": "beta"]) {
    (stream, sink) = AsyncStream.makeStream()
    for (token, agent) in tokens {
      state.withLock { $0.tokens[SHA256.hash(Array(token.utf8))] = agent }
    }
  }

  static func tool(_ name: Text) -> ToolDefinition {
    let json: JSONValue = ["name": .string(name), "inputSchema": ["type": "object"]]
    guard let tool = try? ToolDefinition(json: JSONCursor(json)) else {
      preconditionFailure("not a tool: \(name)")
    }
    return tool
  }

  // MARK: What tests do

  var log: [String] { state.withLock { $0.log } }

  /// Waits until `line` was written down `count` times.
  func wait(for line: String, count: Int = 1) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if Task.isCancelled { return true }
          if state.log.count(where: { $0 == line }) >= count { return true }
          state.watchers.append((line, count, continuation))
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      // The test ran out of time: its next expectation tells.
      let all = state.withLock { state in
        defer { state.watchers = [] }
        return state.watchers
      }
      for watcher in all { watcher.2.resume() }
    }
  }

  /// Lets every held call answer `text`.
  func release(_ text: String = "released") {
    let held = state.withLock { state in
      defer { state.held = [:] }
      return state.held.values.map { $0 }
    }
    for caller in held { caller.resume(returning: text) }
  }

  func revoke(_ token: String) {
    let agent = state.withLock { $0.tokens.removeValue(forKey: SHA256.hash(Array(token.utf8))) }
    if let agent { sink.yield(.revoked(agent: agent)) }
  }

  func replace(tools: [Text]) {
    state.withLock { $0.tools = tools.map(Self.tool) }
    sink.yield(.toolsChanged)
  }

  private func note(_ line: String) {
    let ready = state.withLock { state in
      state.log.append(line)
      let log = state.log
      let ready = state.watchers.filter { watcher in
        log.count { $0 == watcher.line } >= watcher.count
      }
      state.watchers.removeAll { watcher in log.count { $0 == watcher.line } >= watcher.count }
      return ready
    }
    for watcher in ready { watcher.2.resume() }
  }

  // MARK: The desk

  func agent(tokenHash: Digest) async -> Text? { state.withLock { $0.tokens[tokenHash] } }
  func upstreams() async -> [Text] { ["bybit", "other"] }

  func profile(upstream: Text) async -> UpstreamProfile {
    UpstreamProfile(
      instructions: "Trade with care.", capabilities: ["logging": [:], "resources": [:]])
  }

  func tools(agent: Text, upstream: Text) async -> [ToolDefinition] { state.withLock { $0.tools } }

  func call(_ call: DeskCall) async -> DeskAnswer {
    let name = call.call.name
    note("call \(name) by \(call.caller.agent) at \(call.caller.upstream)")
    switch name {
    case "read": return .result(ToolResult(text: "read by \(call.caller.client.name)"))
    case "steps":
      for step in 1...3 { call.progress(Progress(step: step, of: 3)) }
      return .result(ToolResult(text: "three steps"))
    case "ask":
      switch await call.client.ask("roots/list", ["x": 1]) {
      case .result(let roots): return .result(ToolResult(text: JSONWriter.text(of: roots)))
      case .error(let error): return .result(ToolResult(text: error.message, isError: true))
      }
    case "log":
      call.client.notify(
        RPCNotification(method: "notifications/message", params: ["data": "about the call"]))
      return .result(ToolResult(text: "logged"))
    case "hold": return .result(ToolResult(text: await hold(call.caller.request)))
    case "order":
      call.progress(Progress(step: 1))
      return .result(Self.pending)
    case "awaitApproval":
      let polls = state.withLock { state in
        state.polls += 1
        return state.polls
      }
      return .result(polls < 2 ? Self.pending : ToolResult(text: "filled"))
    default: return .error(RPCError(.invalidParams, "unknown tool"))
    }
  }

  private static let pending = ToolResult(
    text: "PENDING", structured: ["state": "pending", "approvalId": "cs_1"])

  private func hold(_ request: UInt64) async -> String {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isCancelled = state.withLock { state in
          if !Task.isCancelled { state.held[request] = continuation }
          return Task.isCancelled
        }
        if isCancelled { continuation.resume(returning: "cancelled") }
        note("held")
      }
    } onCancel: {
      note("work cancelled")
      state.withLock { $0.held.removeValue(forKey: request) }?.resume(returning: "cancelled")
    }
  }

  func forward(_ request: DeskForward) async -> RPCResponse.Outcome {
    note("forward \(request.method)")
    return .result(["resources": []])
  }

  func cancelled(request: UInt64) async { note("cancelled") }
  func disconnected(request: UInt64) async { note("disconnected") }
  func written(request: UInt64, delivered: Bool) async { note("written \(delivered)") }
  func events() -> AsyncStream<DeskEvent> { stream }
}
