import Approvals
import JSON
import Testing

@testable import Gateway

/// Who is served next, what is refused, and what never overtakes what.
@Suite("Shell: the queue before the decisions")
struct GateQueueTests {
  private var queue: GateQueue

  init() {
    var limits = GateQueue.Limits()
    limits.perAgent = 3
    limits.inARow = 2
    limits.early = 2
    queue = GateQueue(limits: limits)
  }

  private static func call(_ number: UInt64, _ agent: Text) -> AgentCall {
    AgentCall(
      request: RequestID(number), agent: agent, client: "", upstream: "bybit", tool: "t",
      arguments: [:], random: [])
  }

  /// What comes out until the queue is empty, as words.
  private mutating func drained() -> [String] {
    var words: [String] = []
    while let input = queue.next() {
      guard case .event(let event) = input else {
        words.append("look")
        continue
      }
      switch event {
      case .call(let call): words.append("\(call.agent) \(call.request.number)")
      case .cancelled(let request): words.append("cancelled \(request.number)")
      case .disconnected(let request): words.append("gone \(request.number)")
      case .answered(let request, _): words.append("answered \(request.number)")
      case .sessionEnded(let session): words.append("operator \(session)")
      case .tick: words.append("tick")
      case .persisted(let ids): words.append("persisted \(ids.map(String.init).joined())")
      default: words.append("?")
      }
    }
    return words
  }

  @Test mutating func agentsTakeTurns() {
    for number in 1...3 { #expect(queue.add(Self.call(UInt64(number), "flood")) == .taken) }
    #expect(queue.add(Self.call(10, "calm")) == .taken)
    #expect(queue.add(Self.call(20, "other")) == .taken)
    #expect(drained() == ["flood 1", "calm 10", "other 20", "flood 2", "flood 3"])
  }

  @Test mutating func theGatewayAndItsOperatorsComeFirst() {
    _ = queue.add(Self.call(1, "a"))
    queue.add(.sessionEnded(7))
    queue.add(.tick)
    #expect(drained() == ["tick", "operator 7", "a 1"])
  }

  @Test mutating func agentsAreNotStarvedByThem() {
    _ = queue.add(Self.call(1, "a"))
    for number in 1...4 { queue.add(.persisted([number])) }
    #expect(drained() == ["persisted 1", "persisted 2", "a 1", "persisted 3", "persisted 4"])
  }

  @Test mutating func aFullLaneRefusesItsAgentAndNobodyElse() {
    for number in 1...3 { _ = queue.add(Self.call(UInt64(number), "flood")) }
    #expect(queue.add(Self.call(4, "flood")) == .refused)
    #expect(queue.refusals == 1)
    #expect(queue.add(Self.call(5, "calm")) == .taken)
    _ = queue.next()
    #expect(queue.add(Self.call(6, "flood")) == .taken)
  }

  @Test mutating func theEndOfACallIsNeverRefusedAndNeverOvertakesIt() {
    for number in 1...3 { _ = queue.add(Self.call(UInt64(number), "a")) }
    queue.addDisconnected(RequestID(1))
    queue.addCancelled(RequestID(2))
    queue.addAnswered(RequestID(3), delivered: true)
    #expect(drained() == ["a 1", "a 2", "a 3", "gone 1", "cancelled 2", "answered 3"])
  }

  @Test mutating func onlyTheFirstEndCounts() {
    _ = queue.add(Self.call(1, "a"))
    queue.addDisconnected(RequestID(1))
    queue.addAnswered(RequestID(1), delivered: false)
    #expect(drained() == ["a 1", "gone 1"])
  }

  @Test mutating func whatEndsARefusedCallIsNotQueued() {
    for number in 1...3 { _ = queue.add(Self.call(UInt64(number), "a")) }
    _ = queue.add(Self.call(4, "a"))
    queue.addAnswered(RequestID(4), delivered: true)
    #expect(drained() == ["a 1", "a 2", "a 3"])
  }

  @Test mutating func aWithdrawalThatComesBeforeItsCallTakesItBack() {
    queue.addCancelled(RequestID(1))
    #expect(queue.add(Self.call(1, "a")) == .withdrawn)
    #expect(drained() == [])
  }

  /// A lost connection is no withdrawal: the call is held and its agent counts as gone.
  @Test mutating func aClientThatLeftBeforeItsCallStillMadeIt() {
    queue.addDisconnected(RequestID(1))
    #expect(queue.add(Self.call(1, "a")) == .left)
    #expect(drained() == ["a 1", "gone 1"])
  }

  @Test mutating func endsWithoutACallAreForgottenOldestFirst() {
    for number in 1...3 { queue.addCancelled(RequestID(UInt64(number))) }
    #expect(queue.add(Self.call(1, "a")) == .taken)
    #expect(queue.add(Self.call(2, "a")) == .withdrawn)
    #expect(queue.add(Self.call(3, "a")) == .withdrawn)
  }

  @Test mutating func readersOfAnAgentWaitForItsTurn() {
    _ = queue.add(Self.call(1, "a"))
    queue.add(for: "a") { _ in }
    _ = queue.add(Self.call(2, "b"))
    #expect(drained() == ["a 1", "b 2", "look"])
  }
}
