import Approvals
import Cryptography
import JSON
import OperatorProtocol
import Orders
import Time

extension World {
  mutating func perform(_ effect: GateEffect) {
    tell("<< \(effect.brief)")
    switch effect {
    case .persist(let commit):
      if fault == .sendsBeforeIntent { sendEarly(commit) }
      take(commit)
    case .answer(let request, let result): answered(request, result)
    case .forward(let request, _, let tool, _, let reportsEnd):
      forwards += 1
      let end = isQuiet ? ForwardEnd.answered : forwardEnd()
      if end != .notSent { metered(request, tool) }
      if reportsEnd { push(.answers, .forwardEnded(request, end)) }
      guard open.removeValue(forKey: request) != nil else { return }
      push(.answers, .answered(request, delivered: true))
    case .accept(let request, let body): accepted(request, body)
    case .refuse(let request, _): replied(request)
    case .publish(let event): published(event)
    case .openLane: lane.commands.append(.open)
    case .killLane(_, let group): lane.commands.append(.kill(group: group))
    case .dispatch(let id, _, let tool, let arguments):
      if fault != .sendsBeforeIntent { send(id, tool, arguments) }
    case .readExchange(let id, let orders, _): read(id, orders.compactMap(\.orderLinkID))
    case .readOrders(let keys):
      push(.reads, .ordersRead(keys.compactMap(\.orderID), .failed("rate limit")))
    case .listOpenOrders:
      push(.reads, .openOrders(OpenOrders(rows: [], complete: [], readAt: now)))
    case .reopenStore: disk.isReopening = true
    case .unreadable(let words): violations.append("the store cannot be read: \(words)")
    case .wake(let moment): wakeAt = moment
    case .renewStream, .waits, .counted, .cancelForward, .cancelOrders, .watch, .admit,
      .toolListChanged:
      break
    }
  }

  private mutating func forwardEnd() -> ForwardEnd {
    chance.pick([.answered, .answered, .answered, .lost, .refused, .notSent]) ?? .answered
  }

  private mutating func send(_ id: BatchID, _ tool: Text, _ arguments: JSONObject) {
    checkDispatch(id, arguments)
    metered(id, tool)
    lane.commands.append(.send(Message(batch: id, tool: tool, arguments: arguments)))
  }

  /// The planted fault: what the intent says is sent while the intent is on its way to the disk.
  private mutating func sendEarly(_ commit: Commit) {
    for record in commit.records
    where record.kind == .held && record.document?["state"] == "dispatching" {
      guard let id = BatchID(record.key.string), !sent.contains(id),
        let statement = record.document?["statement"], let tool = statement["tool"]?.textValue,
        let arguments = statement["arguments"]?.objectValue
      else { continue }
      sent.insert(id)
      lane.commands.append(.send(Message(batch: id, tool: tool, arguments: arguments)))
    }
  }

  private mutating func read(_ id: BatchID, _ links: [Text]) {
    if !isQuiet, chance.percent(25) {
      push(.reads, .exchangeRead(id, .failed("rate limit")))
    } else {
      push(.reads, .exchangeRead(id, .rows(orders: exchange.rows(links), executions: [])))
    }
  }

  private mutating func accepted(_ request: OperatorRequestID, _ body: JSONValue) {
    replied(request)
    guard let batch = body["batch"], let id = batch["id"]?.stringValue.flatMap({ BatchID($0) }),
      let state = batch["state"]?.stringValue.flatMap({ HoldState(rawValue: $0) })
    else { return }
    if disk.history[id]?.contains(state) != true {
      violations.append("an operator was told that \(id) is \(state), and that is not on disk")
    }
  }

  private mutating func published(_ event: OperatorEvent) {
    switch event {
    case .batch(let batch):
      console[batch.id] = batch
      if disk.history[batch.id]?.contains(batch.state) != true {
        violations.append(
          "the consoles were shown \(batch.id) as \(batch.state), and that is not on disk")
      }
    case .reset:
      console = [:]
      for batch in gate?.summaries ?? [] { console[batch.id] = batch }
    default: break
    }
  }
}
