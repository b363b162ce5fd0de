import Cryptography
import JSON
import OperatorProtocol
import Orders
import Terminal
import Time

/// Plain lines for people without a terminal screen. Foreign text is made visible, never obeyed.
enum Plain {
  static func safe(_ text: String) -> String { SafeText(untrusted: text).string }
  static func safe(_ text: Text) -> String { safe(text.string) }

  static func line(_ batch: BatchSummary) -> String {
    let gross = batch.grossNotional.map { text($0) } ?? "?"
    let legs = batch.legs == 0 ? "call" : "\(batch.legs) legs"
    return [
      batch.id.description, batch.state.rawValue, batch.severity.rawValue.uppercased(),
      safe(batch.agent), safe(batch.tool), legs,
      batch.symbols.map { safe($0) }.joined(separator: ","),
      gross, "expires \(batch.expiresAt.clock)Z", "digest \(batch.digest.hex)",
    ].joined(separator: "  ")
  }

  static func text(_ amount: Amount) -> String {
    "\(amount.estimated ? "~" : "")\(amount.amount) \(safe(amount.currency))"
  }

  static func lines(_ detail: BatchDetail) throws -> [String] {
    let batch = detail.summary
    let statement = try Statement(
      json: JSONCursor(try JSONParser.parse(detail.statement, limits: .peer)))
    var lines = [
      "\(batch.id)  \(batch.state.rawValue)  revision \(batch.revision)",
      "agent \(safe(batch.agent))  upstream \(safe(batch.upstream))  tool \(safe(batch.tool))",
      "environment \(safe(batch.environment))  expires \(batch.expiresAt)",
      "digest \(batch.digest.hex)",
    ]
    if let gross = batch.grossNotional, let net = batch.netNotional {
      lines.append("gross \(text(gross))  net \(text(net))")
    }
    for finding in batch.findings {
      lines.append(
        "\(finding.severity.rawValue.uppercased()) \(safe(finding.rule)) \(safe(finding.words))")
    }
    lines += arguments(statement)
    lines += detail.changes.flatMap { line($0) }
    lines += detail.legStates.map { OrderLines.line($0, withBatch: true) }
    if let inquiry = batch.inquiry {
      lines.append(
        "outcome not known since \(inquiry.since.clock)Z; \(inquiry.step.rawValue): "
          + safe(inquiry.question)
          + (inquiry.nextAt.map { " (next at \($0.clock)Z)" } ?? ""))
    }
    if !batch.outcome.isEmpty { lines.append(safe(batch.outcome)) }
    return lines
  }

  private static func arguments(_ statement: Statement) -> [String] {
    if let change = try? ChangeBatch.parse(tool: statement.tool, arguments: statement.arguments) {
      return changes(change)
    }
    guard let order = try? OrderBatch.parse(tool: statement.tool, arguments: statement.arguments)
    else { return [safe(JSONWriter.canonicalText(of: .object(statement.arguments)))] }
    return order.legs.map { leg in
      let fields = leg.allFields.map { "\(safe($0.key))=\(safe($0.text))" }
      return "leg \(leg.number): category=\(order.category.rawValue) "
        + fields.joined(separator: " ")
    }
  }

  private static func changes(_ change: ChangeBatch) -> [String] {
    let all = change.changes.map { ($0.number, $0.allFields) }
    return (all.isEmpty ? [(0, change.scope)] : all).map { number, fields in
      let words = fields.map { "\(safe($0.key))=\(safe($0.text))" }.joined(separator: " ")
      let name = number > 0 ? "leg \(number)" : "all orders"
      return "\(name): category=\(change.category.rawValue) \(words)"
    }
  }

  static func line(_ change: ChangeView) -> [String] {
    let order = change.order.map { "now \(OrderLines.line($0, withBatch: false))" }
    let head =
      "leg \(change.leg) \(change.kind.rawValue): \(order ?? "the order is not known here")"
    return [head]
      + change.fields.map { field in
        "leg \(change.leg): \(safe(field.key)) \(field.old.map { safe($0) } ?? "?") -> "
          + safe(field.new)
      }
  }

  static func line(_ limit: LimitView) -> String {
    let whose = zip(limit.scope, limit.of).map { "\(safe($0)) \(safe($1))" }.joined(separator: ", ")
    let span = limit.window.map { "in any \($0)" } ?? "under way"
    let next = limit.nextFree.map { "  next free \($0.clock)Z" } ?? ""
    return "\(safe(limit.counter))  \(whose.isEmpty ? "all calls" : whose)  "
      + "\(limit.used) of \(limit.max) \(span)\(next)"
  }

  static func line(_ fill: FillView) -> String {
    let whose = fill.batch.map { "\($0)#\(fill.leg)" } ?? "elsewhere"
    return "fill \(fill.time.clock)Z  \(whose)  \(safe(fill.symbol)) \(safe(fill.side)) "
      + "\(fill.quantity) @\(fill.price)  fee \(fill.fee) \(safe(fill.feeCoin))  \(fill.isMaker ? "maker" : "taker")"
  }
}
