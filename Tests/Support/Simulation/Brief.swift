package import Approvals
import JSON
import MCP
import OperatorProtocol
import Orders

extension GateEffect {
  /// One line that says what the effect is; nothing that changes from run to run but ids.
  package var brief: String {
    switch self {
    case .persist(let commit):
      "persist \(commit.lines.map(\.kind).joined(separator: ","))"
    case .answer(let request, let result): "answer \(request.number) \(result.brief)"
    case .waits(let request): "waits \(request.number)"
    case .forward(let request, _, let tool, _, _): "forward \(request.number) \(tool)"
    case .cancelForward(let request): "cancel \(request.number)"
    case .accept(let request, _): "accept \(request.number)"
    case .refuse(let request, let refusal): "refuse \(request.number) \(refusal.code.rawValue)"
    case .publish(.batch(let batch)): "show \(batch.id) \(batch.state.rawValue)"
    case .publish(.order(let leg)): "leg \(leg.leg) \(leg.status.rawValue)"
    case .publish(.fill(let fill)): "fill \(fill.leg)"
    case .publish(let event): event.name
    case .openLane: "open"
    case .killLane(_, let group): group.map { "kill \($0)" } ?? "kill"
    case .dispatch(let id, _, let tool, _): "dispatch \(id) \(tool)"
    case .cancelOrders(_, let call): "cancel \(call.tool) \(call.scope)"
    case .readExchange(let id, _, _): "ask \(id)"
    case .readOrders(let keys): "ask \(keys.compactMap(\.orderID?.string).joined(separator: ","))"
    case .listOpenOrders: "list"
    case .renewStream: "renew"
    case .watch(let all): "watch \(all.map(\.symbol.string).joined(separator: ","))"
    case .reopenStore: "reopen"
    case .unreadable(let words): "unreadable \(words)"
    case .admit: "admit"
    case .toolListChanged: "tools"
    case .counted: "counted"
    case .wake: "wake"
    }
  }
}

extension LedgerLine {
  /// What happened, as the entry names it.
  package var kind: String {
    (try? JSONParser.parse(bytes, limits: .file))?["kind"]?.stringValue ?? "unreadable"
  }
}

extension ToolResult {
  /// The gateway's verdict and status, then `again` for a replay; the first words of others.
  package var brief: String {
    guard let decision = self[meta: Self.decisionKey], let verdict = decision["verdict"] else {
      return texts.first?.string ?? ""
    }
    let status = decision["status"]?.stringValue
    let again = decision["replayed"] == true ? " again" : ""
    return (status ?? verdict.stringValue ?? "") + again
  }
}

extension GateEvent {
  var brief: String {
    switch self {
    case .laneOpened(_, let child): "lane opened \(child.group)"
    case .call(let call): "call \(call.request.number) \(call.agent) \(call.tool)"
    case .decide(let request, let signed, let session, let cools):
      "decide \(request.number) \(signed.decision.verb) \(signed.decision.batch) "
        + "\(signed.decision.operatorName) session \(session)\(cools ? " cools" : "")"
    case .halt(_, let order, _): order.verb.rawValue
    case .storeRestored: "storeRestored"
    case .toolsListed: "toolsListed"
    case .policy: "policy"
    case .orderRows: "orderRows"
    case .registry: "registry"
    case .exchangeRead(let id, .rows(let orders, _)): "exchangeRead \(id): \(orders.count) orders"
    default: "\(self)"
    }
  }
}
