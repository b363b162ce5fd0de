import Decimals
package import JSON
import OperatorProtocol
package import Orders
import Policy
import Risk

extension Gatekeeper {
  /// A call that has just come in, as the policy sees it.
  func proposal(of call: AgentCall) -> Call {
    Call(
      tool: call.tool, arguments: call.arguments, agent: call.agent,
      facts: facts(
        tool: call.tool, upstream: call.upstream, client: call.client,
        session: call.session,
        order: OrderTool.named(call.tool)?.kind == .create
          ? try? OrderBatch.parse(tool: call.tool, arguments: call.arguments) : nil,
        assess: { assess($0, agent: call.agent, upstream: call.upstream) }))
  }

  /// A held call, as the policy sees it now.
  func proposal(of call: HeldCall) -> Call {
    Call(
      tool: call.tool, arguments: call.received, agent: call.agent,
      facts: facts(
        tool: call.tool, upstream: call.upstream, client: call.client,
        session: call.session, order: call.order,
        assess: { _ in assess(call) }))
  }

  /// What the policy may ask about a call besides its arguments. Only what its rules use is computed;
  /// what cannot be computed is missing, and satisfies nothing.
  private func facts(
    tool: Text, upstream: Text, client: Text?, session: SessionFacts?,
    order: @autoclosure () -> OrderBatch?,
    assess: (OrderBatch) -> Assessment
  ) -> JSONObject {
    let roots = policy.roots(for: tool)
    var facts = JSONObject()
    if roots.contains("server") { facts["server"] = ["name": .string(upstream)] }
    if roots.contains("client"), let client { facts["client"] = ["name": .string(client)] }
    if roots.contains("session"), let session { facts["session"] = session.json }
    guard roots.contains("order") || roots.contains("risk"), let order = order() else {
      return facts
    }
    if roots.contains("order") {
      facts["order"] = .object(order.facts(quotes: market.quotes(for: order)))
    }
    if roots.contains("risk") { facts["risk"] = assess(order).facts }
    return facts
  }
}

extension OrderBatch {
  /// What the policy may ask about the batch. Without a quote for each leg that needs one there are no
  /// sums.
  package func facts(quotes: [Text: Quote] = [:]) -> JSONObject {
    var facts: JSONObject = [
      "category": .string(Text(category.rawValue)), "legs": .int(legs.count),
      "market_legs": .int(legs.count { $0.orderType == .market }),
      "symbols": .array(symbols.map(JSONValue.string)),
      "sides": .array(sides.map { .string(Text($0.rawValue)) }),
      "reduce_only": .bool(legs.allSatisfy(\.reduceOnly)),
    ]
    guard let notional = try? Notional(self, quotes: quotes) else { return facts }
    facts["estimated"] = .bool(notional.legs.contains(where: \.estimated))
    // A sum without one of its legs would be too small: it is not told.
    guard notional.unvalued.isEmpty else { return facts }
    for (name, amount) in notional.amounts { facts[name] = .object(amount) }
    facts["by_symbol"] = .array(notional.bySymbol.map { notional.row($0.symbol, $0.totals, self) })
    return facts
  }

  /// Each once, in the order of the legs.
  fileprivate var sides: [Side] {
    legs.reduce(into: []) { sides, leg in
      if !sides.contains(leg.side) { sides.append(leg.side) }
    }
  }
}

extension Notional {
  /// Amounts by currency, under the names of the policy's facts.
  fileprivate var amounts: [Text: JSONObject] {
    var all: [Text: JSONObject] = [:]
    for totals in byCurrency {
      all["notional", default: [:]][totals.currency] = (try? totals.gross()).map(JSONValue.init)
      all["net", default: [:]][totals.currency] = (try? totals.net()).map(JSONValue.init)
      all["buy", default: [:]][totals.currency] = JSONValue(totals.buy)
      all["sell", default: [:]][totals.currency] = JSONValue(totals.sell)
      let largest = legs.filter { $0.currency == totals.currency }.compactMap(\.amount).max()
      all["largest_leg", default: [:]][totals.currency] = largest.map(JSONValue.init)
    }
    return all
  }

  fileprivate func row(
    _ symbol: Text, _ totals: NotionalTotals, _ batch: OrderBatch
  ) -> JSONValue {
    let own = batch.legs.filter { $0.symbol == symbol }
    func quantity(_ side: Side) -> JSONValue? {
      var sum: ExactDecimal = .zero
      for leg in own where leg.side == side {
        guard let next = try? sum + leg.qty else { return nil }
        sum = next
      }
      return JSONValue(sum)
    }
    return .compact([
      "symbol": .string(symbol), "currency": .string(totals.currency),
      "notional": (try? totals.gross()).map(JSONValue.init), "legs": .int(own.count),
      "buy_qty": quantity(.buy), "sell_qty": quantity(.sell),
    ])
  }
}

extension JSONValue {
  /// Decimal text, as the exchange writes amounts.
  fileprivate init(_ amount: ExactDecimal) { self = .string(Text(amount.description)) }
}

extension Assessment {
  fileprivate var facts: JSONValue {
    let fired = findings.filter { $0.severity >= .note }.map(\.rule)
    return [
      "max_severity": .string(Text(severity.rawValue.uppercased())),
      "fired": .array(Set(fired).sorted().map(JSONValue.string)),
      "unchecked": .int(report?.uncheckedCount ?? findings.count { $0.severity == .unchecked }),
    ]
  }
}

extension [Shadowed] {
  /// For the ledger; nil when there is none.
  var json: JSONValue? {
    isEmpty
      ? nil
      : .array(
        map { ["rule": .string(Text($0.rule)), "decision": .string(Text($0.decision.rawValue))] })
  }
}
