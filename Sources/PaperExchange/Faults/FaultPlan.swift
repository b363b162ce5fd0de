import Exchange
import JSON

/// The rules that are armed, in the order in which they were armed.
struct FaultPlan: Sendable {
  /// A rule with its counts since it was armed.
  struct Armed: Sendable {
    let rule: FaultRule
    var seen = 0
    var acted = 0

    var isSpent: Bool { rule.count.map { acted >= $0 } ?? false }
  }

  static let limit = 1000

  private(set) var armed: [Armed] = []

  mutating func arm(_ rules: [FaultRule]) throws(Refusal) {
    guard armed.count + rules.count <= Self.limit else {
      throw .parameter("params error: more than \(Self.limit.description) faults are armed")
    }
    armed += rules.map { Armed(rule: $0) }
  }

  mutating func clear() { armed = [] }

  /// The rule that acts on this occasion, if any. Each rule that matches counts the occasion; the
  /// first one that is due acts, and others that are due wait for the next.
  mutating func meet(_ concern: PaperFault.Concern, _ names: [Text]) -> FaultRule? {
    guard !armed.isEmpty else { return nil }
    var acting: FaultRule?
    for place in armed.indices
    where armed[place].rule.kind.concern == concern && armed[place].rule.matches(names) {
      armed[place].seen += 1
      if acting == nil, armed[place].seen >= armed[place].rule.call {
        armed[place].acted += 1
        acting = armed[place].rule
      }
    }
    if acting != nil { armed.removeAll(where: \.isSpent) }
    return acting
  }

  /// The rules as the control interface shows them.
  var rows: [JSONValue] {
    armed.map { item in
      var row = JSONObject(strings: [("kind", item.rule.kind.rawValue)])
      if let on = item.rule.on { row["on"] = .string(on) }
      row["call"] = .int(item.rule.call)
      row["count"] = item.rule.count.map { .int($0) } ?? "all"
      row["seen"] = .int(item.seen)
      row["acted"] = .int(item.acted)
      return .object(row)
    }
  }
}
