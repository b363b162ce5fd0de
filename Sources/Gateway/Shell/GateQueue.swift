package import Approvals
import DequeModule
package import JSON

/// What waits for the kernel, in lanes.
///
/// First comes what the gateway itself and its operators have to say: completions of effects, time,
/// administration, decisions, readers. Then the agents, one input of one agent after one of the next,
/// so that none waits for the flood of another. Within a lane everything keeps its order; what
/// happens to a call never overtakes the call.
///
/// What cannot be refused is bounded by what it answers: completions by the effects under way,
/// decisions and readers by the operators' connections, the ends of calls by the calls that were let
/// in. Calls are refused when their agent's lane is full.
package struct GateQueue: Sendable {
  package enum Input: Sendable {
    case event(GateEvent)
    case look(@Sendable (Gatekeeper) -> Void)
  }

  package struct Limits: Hashable, Sendable {
    /// Inputs of one agent that may wait; a call that finds so many is refused.
    package var perAgent = 256
    /// Inputs of gateway and operators that pass in a row while an agent waits.
    package var inARow = 64
    /// Inputs of the gateway itself that may wait before the exchange's stream is not read further.
    package var own = 4_096
    /// Requests that ended before their call came in and are remembered; the oldest go first.
    package var early = 1_024

    package init() {}
  }

  /// What became of a call.
  package enum Admission: Hashable, Sendable {
    case taken
    /// The agent's lane is full: nothing was queued.
    case refused
    /// The agent withdrew it before it came in: nothing was queued.
    case withdrawn
    /// Its client left before it came in; it was queued all the same.
    case left
  }

  private enum EarlyEnd { case withdrawn, left }

  package let limits: Limits
  private var own: Deque<Input> = []
  private var operators: Deque<Input> = []
  private var lanes: [Text: Deque<Input>] = [:]
  /// Agents whose lane is not empty, the next one first.
  private var turns: Deque<Text> = []
  private var passedInARow = 0
  /// The agent of each call that was let in and has not ended.
  private var agents: [RequestID: Text] = [:]
  private var earlyEnds: [RequestID: EarlyEnd] = [:]
  /// Calls that were refused.
  package private(set) var refusals = 0

  package init(limits: Limits = Limits()) { self.limits = limits }

  package var isEmpty: Bool { own.isEmpty && operators.isEmpty && turns.isEmpty }
  package var ownCount: Int { own.count }
  package var operatorCount: Int { operators.count }
  package var agentCount: Int { lanes.values.reduce(0) { $0 + $1.count } }

  // MARK: In

  /// Queues an event that no agent caused.
  package mutating func add(_ event: GateEvent) {
    switch event {
    case .decide, .halt, .acceptTool, .sessionEnded: operators.append(.event(event))
    default: own.append(.event(event))
    }
  }

  /// Queues a reader for an operator, or for an agent.
  package mutating func add(for agent: Text?, _ look: @escaping @Sendable (Gatekeeper) -> Void) {
    if let agent { append(.look(look), agent) } else { operators.append(.look(look)) }
  }

  package mutating func add(_ call: AgentCall) -> Admission {
    let early = earlyEnds.removeValue(forKey: call.request)
    guard early != .withdrawn else { return .withdrawn }
    guard lanes[call.agent].map({ $0.count < limits.perAgent }) ?? true else {
      refusals += 1
      return .refused
    }
    append(.event(.call(call)), call.agent)
    guard early == nil else {
      append(.event(.disconnected(call.request)), call.agent)
      return .left
    }
    agents[call.request] = call.agent
    return .taken
  }

  /// Queues the end of a call that was let in; the first end is the one that counts.
  package mutating func addCancelled(_ request: RequestID) {
    guard let agent = agents.removeValue(forKey: request) else {
      return remember(request, .withdrawn)
    }
    append(.event(.cancelled(request)), agent)
  }

  package mutating func addDisconnected(_ request: RequestID) {
    guard let agent = agents.removeValue(forKey: request) else { return remember(request, .left) }
    append(.event(.disconnected(request)), agent)
  }

  package mutating func addAnswered(_ request: RequestID, delivered: Bool) {
    guard let agent = agents.removeValue(forKey: request) else { return }
    append(.event(.answered(request, delivered: delivered)), agent)
  }

  private mutating func append(_ input: Input, _ agent: Text) {
    if lanes[agent] == nil { turns.append(agent) }
    lanes[agent, default: []].append(input)
  }

  private mutating func remember(_ request: RequestID, _ end: EarlyEnd) {
    earlyEnds[request] = end
    if earlyEnds.count > limits.early, let oldest = earlyEnds.keys.min() { earlyEnds[oldest] = nil }
  }

  // MARK: Out

  package mutating func next() -> Input? {
    let agentsWait = !turns.isEmpty
    if !agentsWait || passedInARow < limits.inARow,
      let first = own.popFirst() ?? operators.popFirst()
    {
      passedInARow = agentsWait ? passedInARow + 1 : 0
      return first
    }
    passedInARow = 0
    guard let agent = turns.popFirst(), var lane = lanes.removeValue(forKey: agent) else {
      return nil
    }
    let input = lane.popFirst()
    if !lane.isEmpty {
      lanes[agent] = lane
      turns.append(agent)
    }
    return input
  }
}
