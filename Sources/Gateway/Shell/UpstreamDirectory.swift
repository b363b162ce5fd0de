import Approvals
import JSON
import Logging
import MCP
import Synchronization

/// The general connections to all upstreams: everything but the sending of held calls goes here.
///
/// Concurrency model: each supervisor runs its own task; what they report goes to the kernel.
final class UpstreamDirectory: Sendable {
  /// In the order of the configuration; the first one is also the default endpoint.
  let names: [Text]
  private let supervisors: [Text: UpstreamSupervisor]
  private let listeners: Listeners

  init(
    _ sources: [UpstreamSource], metrics: GatewayMetrics, logger: Logger,
    report: @escaping @Sendable (GateEvent) -> Void
  ) {
    names = sources.map(\.name)
    let identities = IdentityReader(report: report)
    let listeners = Listeners()
    self.listeners = listeners
    var supervisors: [Text: UpstreamSupervisor] = [:]
    for source in sources {
      let name = source.name
      supervisors[name] = UpstreamSupervisor(
        source, logger: logger,
        onStatus: { status in
          if case .starting = status { metrics.started(upstream: name) }
          guard case .ready(_, let tools) = status else { return }
          report(.toolsListed(upstream: name, tools))
          identities.isDue(name)
        },
        onNotified: { listeners.tell(.notified(upstream: name, $0)) })
    }
    self.supervisors = supervisors
    identities.attach { [supervisors] name in supervisors[name] }
    self.identities = identities
  }

  private let identities: IdentityReader

  func run() async {
    await withDiscardingTaskGroup { group in
      for supervisor in supervisors.values { group.addTask { await supervisor.run() } }
      group.addTask { await self.identities.run() }
    }
  }

  /// Each upstream, in the order of the configuration, and whether it answers.
  var states: [(name: Text, isUp: Bool)] {
    names.map { ($0, supervisors[$0]?.status.isReady ?? false) }
  }

  /// What an upstream sent that was dropped; nil where there is no connection.
  func drops(of upstream: Text) -> ClientSession.Drops? { supervisors[upstream]?.connection?.drops }

  /// The tools that an upstream offers now; empty without a connection.
  func tools(of upstream: Text) -> Set<Text> {
    Set(supervisors[upstream]?.connection?.tools.map(\.name) ?? [])
  }

  /// A question of the gateway itself; nil when it was not answered.
  func ask(_ upstream: Text, _ call: ToolCall, timeout: Duration) async -> ToolResult? {
    guard let connection = supervisors[upstream]?.connection,
      case .result(let object) = await connection.call(call, timeout: timeout)
    else { return nil }
    return ToolResult(upstream: .object(object))
  }

  func profile(of upstream: Text) -> UpstreamProfile {
    guard let identity = supervisors[upstream]?.connection?.identity else {
      return UpstreamProfile()
    }
    return UpstreamProfile(
      instructions: identity.instructions, capabilities: identity.capabilities)
  }

  /// The answer for the agent, and what is known of the call by it.
  func call(_ upstream: Text, _ call: DeskCall) async -> (answer: DeskAnswer, end: ForwardEnd) {
    guard let supervisor = supervisors[upstream] else {
      return (.error(RPCError(.internalError, "no upstream is called \(upstream)")), .notSent)
    }
    let progress = call.reportsProgress ? call.progress : nil
    let client = UpstreamClient(call.caller, call.client)
    switch await supervisor.call(call.call, client: client, progress: progress) {
    case .result(let object):
      let answer =
        ToolResult(upstream: .object(object)).map(DeskAnswer.result)
        ?? .error(RPCError(.internalError, "the upstream's answer is no result"))
      return (answer, .answered)
    case .error(let error): return (.error(error), error.saysNeverRan ? .refused : .answered)
    case .notSent(let error):
      return (.result(ToolResult(text: "Not executed: \(error)", isError: true)), .notSent)
    case .lost(let error):
      let words = "The upstream gave no answer: \(error)"
      return (.result(ToolResult(text: words, isError: true)), .lost)
    case .cancelled: return (.error(RPCError(.internalError, "the call was cancelled")), .lost)
    }
  }

  /// Calls a tool that cancels, in the gateway's own name.
  func cancel(_ call: CancelCall) async -> DispatchAnswer {
    guard let supervisor = supervisors[call.upstream] else {
      return .notSent("no upstream is called \(call.upstream)")
    }
    return DispatchAnswer(
      await supervisor.call(
        ToolCall(name: call.tool, arguments: call.arguments), timeout: Self.cancelPatience))
  }

  private static let cancelPatience = Duration.seconds(20)

  func forward(_ request: DeskForward) async -> RPCResponse.Outcome {
    guard let supervisor = supervisors[request.caller.upstream] else {
      return .error(RPCError(.internalError, "no upstream of this name"))
    }
    let progress = request.reportsProgress ? request.progress : nil
    let client = UpstreamClient(request.caller, request.client)
    let end = await supervisor.request(
      request.method, request.params, client: client, progress: progress)
    switch end {
    case .result(let object): return .result(.object(object))
    case .error(let error): return .error(error)
    case .notSent(let error), .lost(let error):
      return .error(RPCError(.internalError, "\(error)"))
    case .cancelled: return .error(RPCError(.internalError, "the request was cancelled"))
    }
  }

  // MARK: What sessions hear

  func events() -> AsyncStream<DeskEvent> { listeners.stream() }

  func tell(_ event: DeskEvent) { listeners.tell(event) }

  private final class Listeners: Sendable {
    private let all = Mutex<[AsyncStream<DeskEvent>.Continuation]>([])

    func stream() -> AsyncStream<DeskEvent> {
      let (stream, continuation) = AsyncStream<DeskEvent>.makeStream(
        bufferingPolicy: .bufferingNewest(1024))
      all.withLock { $0.append(continuation) }
      return stream
    }

    func tell(_ event: DeskEvent) {
      for listener in all.withLock({ $0 }) { listener.yield(event) }
    }
  }
}

extension UpstreamClient {
  /// The client of an agent's session: whom the upstream may ask during its requests.
  fileprivate init(_ caller: DeskCaller, _ client: DeskClient) {
    self.init(
      owner: ClientSession.Owner(rawValue: caller.session), notify: client.notify, ask: client.ask)
  }
}

/// Asks each upstream for which account it trades: whenever it has started, soon again while it does
/// not tell, and once in a while.
///
/// Concurrency model: `run` is one task; what is due comes to it through a queue.
final class IdentityReader: Sendable {
  private static let whileUnknown = Duration.seconds(5)
  private static let whileKnown = Duration.seconds(60)

  private let due: AsyncStream<Text>
  private let queue: AsyncStream<Text>.Continuation
  private let report: @Sendable (GateEvent) -> Void
  private let find = Mutex<(@Sendable (Text) -> UpstreamSupervisor?)?>(nil)

  init(report: @escaping @Sendable (GateEvent) -> Void) {
    (due, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(64))
    self.report = report
  }

  func attach(_ find: @escaping @Sendable (Text) -> UpstreamSupervisor?) {
    self.find.withLock { $0 = find }
  }

  func isDue(_ upstream: Text) { queue.yield(upstream) }

  func run() async {
    // Of several alarms for one upstream only the newest rings.
    var alarms: [Text: Task<Void, Never>] = [:]
    for await upstream in due {
      alarms[upstream]?.cancel()
      let identity = await ask(upstream)
      report(.identitySeen(upstream: upstream, identity))
      let wait = identity == nil ? Self.whileUnknown : Self.whileKnown
      alarms[upstream] = Task {
        guard (try? await Task.sleep(for: wait)) != nil else { return }
        self.isDue(upstream)
      }
    }
    for alarm in alarms.values { alarm.cancel() }
  }

  private func ask(_ upstream: Text) async -> AccountIdentity? {
    guard let connection = find.withLock({ $0 })?(upstream)?.connection else { return nil }
    return await AccountIdentity.ask(connection)
  }
}

extension AccountIdentity {
  static let tool: Text = "queryAPIKey"
  private static let patience = Duration.seconds(20)

  /// Asks an upstream for which account it trades; nil when it does not tell.
  static func ask(_ child: any UpstreamConnection) async -> AccountIdentity? {
    guard child.tools.contains(where: { $0.name == tool }) else { return nil }
    let call = ToolCall(name: tool, arguments: JSONObject())
    guard case .result(let object) = await child.call(call, timeout: patience) else { return nil }
    return AccountIdentity(answer: object)
  }

  /// The account in the result of `queryAPIKey`.
  init?(answer object: JSONObject) {
    guard let result = ToolResult(upstream: .object(object)), !result.isError,
      let text = result.texts.first,
      let reply = try? JSONParser.parse(text.utf8, limits: .peer)
    else { return nil }
    self.init(reply: reply)
  }

  /// The account of a `query-api` answer; nil when it does not tell.
  init?(reply: JSONValue) {
    guard reply["retCode"]?.intValue == 0, let key = reply["result"] else { return nil }
    let number = key["userID"].flatMap { value in
      value.intValue.map { String($0) } ?? value.stringValue
    }
    guard let number, !number.isEmpty, number != "0" else { return nil }
    self.init(uid: Text(number), canTrade: key["readOnly"]?.intValue == 0)
  }
}
