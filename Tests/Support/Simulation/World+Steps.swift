import Approvals
import JSON
import MCP
import OperatorProtocol
import Policy
import Time

extension World {
  mutating func step() {
    guard gate != nil else { return begin() }
    switch chance.below(100) {
    case ..<30: deliver()
    case ..<42: storeStep()
    case ..<62: laneStep()
    case ..<71: agentStep()
    case ..<88: operatorStep()
    case ..<95: timeStep()
    case 95: crash()
    case 96: failStore()
    case 97: changePolicy()
    default: streamStep()
    }
  }

  mutating func deliver() {
    guard let channel = chance.pick(busyChannels), let event = channels[channel]?.removeFirst()
    else { return storeStep() }
    handle(event)
  }

  // MARK: Time

  mutating func timeStep() {
    let wait: Milliseconds =
      switch chance.below(10) {
      case ..<5: .milliseconds(Int64(chance.below(500)))
      case ..<8: .seconds(Int64(chance.below(10)))
      case 8: .seconds(Int64(chance.below(40)))
      default: .minutes(Int64(chance.below(4)))
      }
    pass(wait)
  }

  mutating func pass(_ wait: Milliseconds) {
    now = now + wait
    guard let due = wakeAt, due <= now else { return }
    wakeAt = nil
    handle(.tick)
  }

  // MARK: Store

  mutating func storeStep() {
    if disk.isReopening {
      guard isQuiet || chance.percent(60) else { return }
      disk.isReopening = false
      disk.isBroken = false
      push(.store, .storeRestored(disk.snapshot))
    } else if !disk.tail.isEmpty {
      let count = isQuiet ? disk.tail.count : 1 + chance.below(disk.tail.count)
      let ids = disk.sync(count, checksEntries: checksEntries)
      if fault != .reportsBeforeDurable { push(.store, .persisted(ids)) }
    }
  }

  /// A write fails half-way: a prefix may be on disk, and nothing is taken until it is reopened.
  mutating func failStore() {
    guard !disk.isBroken, !disk.tail.isEmpty else { return }
    tell("the store fails")
    _ = disk.sync(chance.below(disk.tail.count + 1), checksEntries: checksEntries)
    let lost = disk.loseTail()
    disk.isBroken = true
    push(.store, .persistFailed(lost, "no space left"))
  }

  mutating func take(_ commit: Commit) {
    if disk.isBroken { return push(.store, .persistFailed([commit.id], "no space left")) }
    disk.take(commit)
    if fault == .reportsBeforeDurable { push(.store, .persisted([commit.id])) }
  }

  // MARK: Lane and exchange

  /// One of the things that can happen on the way to the exchange, if any can.
  mutating func laneStep() {
    var ready: [Int] = []
    if !lane.commands.isEmpty { ready.append(0) }
    if !lane.busyChildren.isEmpty { ready.append(1) }
    if !lane.wire.isEmpty { ready.append(2) }
    switch chance.pick(ready) {
    case 0?: commandStep()
    case 1?: childStep()
    case 2?: wireStep()
    default: storeStep()
    }
  }

  mutating func commandStep() {
    guard !lane.commands.isEmpty else { return }
    switch lane.commands.removeFirst() {
    case .open:
      if !isQuiet, chance.percent(10) {
        push(.lane, .laneFailed(upstream: Bench.upstream, "no such program"))
      } else {
        push(.lane, .laneOpened(upstream: Bench.upstream, Bench.child(lane.open())))
      }
    case .kill(let group):
      if group != nil, !isQuiet, chance.percent(20) {
        // It does not die, and is tried again.
        push(.lane, .laneSurvives(upstream: Bench.upstream, group: group, "it survives"))
        lane.commands.append(.kill(group: group))
      } else {
        lane.kill(group)
        push(.lane, .laneKilled(upstream: Bench.upstream, group: group))
      }
    case .send(let message):
      if let child = lane.current {
        lane.children[child].inbox.append(message)
      } else {
        push(.lane, .dispatchAnswered(message.batch, .notSent("the child is gone")))
      }
    }
  }

  mutating func childStep() {
    guard let at = chance.pick(lane.busyChildren) else { return }
    let message = lane.children[at].inbox.removeFirst()
    let outcome = isQuiet ? 20 : chance.below(100)
    switch outcome {
    case ..<4:
      reply(at, message.batch, .result(ToolResult(text: "Validation error: x", isError: true)))
    case ..<7: reply(at, message.batch, .refused(RPCError(.invalidParams, "no")))
    case ..<10:
      lane.kill(lane.children[at].group)
      answerOwn(at, message.batch, .lost("broken pipe"))
    default:
      lane.wire.append(LaneModel.Flight(message: message, signedAt: now, child: at))
    }
  }

  mutating func wireStep() {
    guard !lane.wire.isEmpty else { return }
    let flight = lane.wire.remove(at: chance.below(lane.wire.count))
    checkArrival(flight.message)
    let result = exchange.receive(
      flight.message, signedAt: flight.signedAt, now: now, window: settings.receiveWindow, &chance)
    tell("the exchange gets \(flight.message.batch): \(result.texts.first?.string ?? "")")
    let outcome = isQuiet ? 50 : chance.below(100)
    switch outcome {
    case ..<8: answerOwn(flight.child, flight.message.batch, .lost("connection reset"))
    case ..<14: break
    case ..<18: lane.kill(lane.children[flight.child].group)
    case ..<22:
      reply(
        flight.child, flight.message.batch,
        .result(ToolResult(text: "Error: request timed out", isError: true)))
    default: reply(flight.child, flight.message.batch, .result(result))
    }
  }

  private mutating func reply(_ child: Int, _ batch: BatchID, _ answer: DispatchAnswer) {
    guard lane.children[child].isAlive else { return }
    answerOwn(child, batch, answer)
  }

  private mutating func answerOwn(_ child: Int, _ batch: BatchID, _ answer: DispatchAnswer) {
    guard lane.children[child].run == lane.run, gate != nil else { return }
    push(.lane, .dispatchAnswered(batch, answer))
  }

  mutating func streamStep() {
    guard let row = exchange.news(&chance) else { return }
    handle(.orderRows([row]))
  }

  // MARK: Administration

  mutating func changePolicy() {
    let all = [
      limited("", ""),
      limited(#""createOrder":{"action":"allow""#, #""createOrder":{"action":"hold""#),
      limited(
        #""wsBatchCreateOrders":{"action":"hold""#, #""wsBatchCreateOrders":{"action":"deny""#),
    ]
    policy = chance.pick(all) ?? policy
    handle(.policy(policy))
  }
}
