import Approvals
import Cryptography
import JSON
import MCP
import OperatorProtocol
import Time

extension World {
  // MARK: Agents

  mutating func agentStep() {
    switch chance.below(10) {
    case ..<5: call()
    case ..<7: waitForApproval()
    case 7: leave(cancelling: true)
    case 8: leave(cancelling: false)
    default: call()
    }
  }

  private var agent: Text { nextRequest.isMultiple(of: 3) ? "hal" : "bot" }

  private mutating func call() {
    let price = "6000\(chance.below(3))"
    switch chance.below(20) {
    case ..<11: send("wsBatchCreateOrders", Bench.batch(price, "59000"))
    case ..<14: send("wsCreateOrder", Bench.order(price))
    case ..<16: send("createOrder", Bench.order(price))
    case 16: send("setLeverage", Bench.object(#"{"symbol":"BTCUSDT","leverage":"5"}"#))
    case 17: send("getTickers", Bench.object(#"{"category":"linear"}"#))
    case 18: send("wsCancelOrder", Bench.object(#"{"category":"linear","orderId":"o1"}"#))
    default: send("withdraw", JSONObject())
    }
  }

  private mutating func waitForApproval() {
    guard let id = chance.pick(told.keys.sorted()) else { return call() }
    let agent = disk.held(id)?["statement"]?["agent"]?.textValue
    send(awaitApprovalTool, ["approvalId": .string(id.text)], as: agent)
  }

  private mutating func send(_ tool: Text, _ arguments: JSONObject, as agent: Text? = nil) {
    let call = AgentCall(
      request: RequestID(nextRequest), agent: agent ?? self.agent, client: "sim",
      upstream: Bench.upstream, tool: tool, arguments: arguments, random: chance.bytes(10))
    nextRequest += 1
    open[call.request] = call
    cameAt[call.request] = now
    handle(.call(call))
  }

  private mutating func leave(cancelling: Bool) {
    guard let request = chance.pick(open.keys.sorted()) else { return }
    open[request] = nil
    handle(cancelling ? .cancelled(request) : .disconnected(request))
  }

  mutating func answered(_ request: RequestID, _ result: ToolResult) {
    guard open.removeValue(forKey: request) != nil else {
      return violations.append("request \(request.number) was answered although it was not open")
    }
    remember(result)
    if !isQuiet, chance.percent(10) { return push(.answers, .disconnected(request)) }
    push(.answers, .answered(request, delivered: isQuiet || !chance.percent(10)))
  }

  /// What an agent is told must already be true on disk, and stay true.
  private mutating func remember(_ result: ToolResult) {
    let decision = result[meta: ToolResult.decisionKey]
    guard let text = decision?["approvalId"]?.stringValue, let id = BatchID(text),
      let state = decision?["status"]?.stringValue.flatMap({ HoldState(rawValue: $0) })
    else { return }
    if state.isSettled, disk.history[id]?.contains(state) != true {
      violations.append("an agent was told that \(id) is \(state), and that is not on disk")
    }
    if disk.held(id) == nil {
      violations.append("an agent was told of \(id), which is not on disk")
    }
    told[id] = state
  }

  // MARK: Operators

  mutating func operatorStep() {
    // A freeze stops everything, so it does not last.
    if chance.percent(isFrozenOnDisk ? 40 : 3) { return haltStep() }
    if chance.percent(5) { return handle(.sessionEnded(UInt64(chance.below(2)))) }
    let open = console.values.filter { !$0.state.isSettled }.sorted { $0.id < $1.id }
    guard let batch = chance.pick(open) else { return }
    let name: Text = chance.pick(["ada", "ada", "bob", "bob", "eve", "zoe"]) ?? "ada"
    switch (batch.state, chance.below(10)) {
    case (.cooling, ..<4): decide(.recall, batch, name)
    case (.unknown, ..<1): decide(.resolve, batch, name)
    case (_, 0): decide(.reject, batch, name)
    case (_, 1): decide(.approve, batch, name, key: Bench.key(77))
    default: decide(.approve, batch, name)
    }
  }

  private mutating func decide(
    _ verb: Decision.Verb, _ batch: BatchSummary, _ name: Text, key: SigningKey? = nil
  ) {
    let signed = Bench.sign(
      verb, batch, by: name, note: verb == .approve ? "" : "because", at: now,
      nonce: Int(nextAsk), with: key)
    handle(
      .decide(ask(), signed, session: UInt64(chance.below(2)), cools: chance.percent(40)))
  }

  private mutating func haltStep() {
    let freezes = !isFrozenOnDisk
    let signed = Bench.halt(freezes: freezes, by: "ada", at: now, nonce: Int(nextAsk))
    handle(.halt(ask(), signed.order, signed.signature))
  }

  var isFrozenOnDisk: Bool { disk.records[.meta]?["freeze"] != nil }

  private mutating func ask() -> OperatorRequestID {
    defer { nextAsk += 1 }
    asked.insert(nextAsk)
    return OperatorRequestID(nextAsk)
  }

  mutating func replied(_ request: OperatorRequestID) {
    if asked.remove(request.number) == nil {
      violations.append("operator request \(request.number) was answered twice or never asked")
    }
  }
}
