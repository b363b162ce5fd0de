import Approvals
import Cryptography
import JSON
import Logging
import MCP
import OperatorProtocol
import Synchronization

/// The connections through which held calls are sent: one an upstream. A child has a process group
/// of its own that can be killed whole; a session over HTTP is its own too, but what was sent through
/// it cannot be called back. Nobody can be asked through either.
///
/// Concurrency model: connections by name behind a mutex; every operation is a task that reports
/// back to the kernel, which decides their order.
final class OrderLanes: Sendable {
  private let sources: [Text: UpstreamSource]
  private let children = Mutex<[Text: any UpstreamConnection]>([:])
  private let report: @Sendable (GateEvent) -> Void
  private let logger: Logger
  private static let killAgain = Duration.seconds(2)

  init(
    _ sources: [Text: UpstreamSource], logger: Logger,
    report: @escaping @Sendable (GateEvent) -> Void
  ) {
    self.sources = sources
    self.logger = logger
    self.report = report
  }

  func open(_ upstream: Text) async {
    guard let source = sources[upstream] else {
      return report(.laneFailed(upstream: upstream, "no upstream is called \(upstream)"))
    }
    do throws(UpstreamError) {
      let child = try await source.start(asksClients: false, logger: logger)
      guard let lane = child.lane else {
        child.kill()
        return report(.laneFailed(upstream: upstream, "its process group cannot be identified"))
      }
      let account = await AccountIdentity.ask(child)
      children.withLock { $0[upstream] = child }
      report(
        .laneOpened(
          upstream: upstream,
          LaneChild(
            group: lane.text, fingerprints: Self.fingerprints(child.tools),
            account: account)))
      await watch(child, upstream, lane)
    } catch {
      report(.laneFailed(upstream: upstream, "\(error)"))
    }
  }

  private static func fingerprints(_ tools: [ToolDefinition]) -> [Text: Digest] {
    Dictionary(tools.map { ($0.name, SHA256.hash($0.fingerprintInput)) }) { first, _ in first }
  }

  /// Hears when the child ends by itself, or says that its tools are others now.
  private func watch(
    _ child: any UpstreamConnection, _ upstream: Text, _ lane: LaneIdentity
  ) async {
    let started = Self.fingerprints(child.tools)
    for await event in child.events {
      switch event {
      case .notified: continue
      case .tools(let tools) where Self.fingerprints(tools) == started: continue
      case .tools, .toolsUnusable, .closed: break
      }
      let wasCurrent = children.withLock { all in
        guard all[upstream] === child else { return false }
        all[upstream] = nil
        return true
      }
      if wasCurrent {
        child.kill()
        await end(lane, upstream)
      }
    }
  }

  /// Ends a connection, or what an earlier run left behind, and says so when no process of it is left.
  func kill(_ upstream: Text, group: Text?) async {
    let child = children.withLock { all -> (any UpstreamConnection)? in
      guard let child = all[upstream], group == nil || child.lane?.text == group
      else { return nil }
      all[upstream] = nil
      return child
    }
    if let child {
      child.kill()
      await child.terminate()
    }
    guard let group else { return report(.laneKilled(upstream: upstream, group: nil)) }
    guard let identity = LaneIdentity(text: group) else {
      return report(
        .laneSurvives(
          upstream: upstream, group: group, "the recorded process group \(group) cannot be read"))
    }
    await end(identity, upstream)
  }

  private func end(_ lane: LaneIdentity, _ upstream: Text) async {
    switch lane {
    case .processes(let group): await endGroup(group, upstream)
    // Nothing can be sent through it any more. What was sent may still be carried out: the
    // settings say that absence is never concluded for such an upstream.
    case .remote(let text): report(.laneKilled(upstream: upstream, group: text))
    }
  }

  /// Kills the group until it is gone. What cannot be told apart from others is left alone, and
  /// nothing is concluded until it is gone.
  private func endGroup(_ group: ProcessGroupIdentity, _ upstream: Text) async {
    while !Task.isCancelled {
      let outcome = await ProcessGroupIdentity.killGroup(group)
      switch outcome {
      case .killed, .gone:
        return report(.laneKilled(upstream: upstream, group: Text(group.text)))
      case .surviving, .unverifiable:
        logger.error(
          "the process group that sends orders is not known to be dead",
          metadata: ["upstream": "\(upstream)", "group": "\(group)", "is": "\(outcome)"])
        report(
          .laneSurvives(
            upstream: upstream, group: Text(group.text),
            "process group \(group.group) may still send orders; end it, and check with "
              + "`ps -o pid,args -g \(group.group)`"))
      }
      try? await Task.sleep(for: Self.killAgain)
    }
  }

  func dispatch(_ id: BatchID, _ upstream: Text, _ call: ToolCall) async {
    guard let child = children.withLock({ $0[upstream] }) else {
      return report(.dispatchAnswered(id, .notSent("the upstream is not running")))
    }
    report(.dispatchAnswered(id, DispatchAnswer(await child.call(call))))
  }

  /// Ends every child; nothing is sent after this.
  func close() async {
    let all = children.withLock { all in
      defer { all = [:] }
      return Array(all.values)
    }
    for child in all { await child.terminate() }
  }
}

extension DispatchAnswer {
  init(_ completion: ClientSession.Completion) {
    switch completion {
    case .result(let object):
      if let result = ToolResult(upstream: .object(object)) {
        self = .result(result)
      } else {
        self = .lost("the upstream's answer is no result")
      }
    case .error(let error): self = .refused(error)
    case .notSent(let error): self = .notSent("\(error)")
    case .lost(let error): self = .lost("\(error)")
    case .cancelled: self = .lost("the call was cancelled after it was sent")
    }
  }
}
