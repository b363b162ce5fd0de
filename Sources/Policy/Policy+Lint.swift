import Decimals
package import JSON

/// Something in a document that does nothing, or probably not what was meant.
package struct PolicyWarning: Hashable, Sendable {
  /// Where it stands.
  package let path: JSONPath
  package let words: String
}

extension Policy {
  /// What can never fire, and what this document probably does not mean, in words.
  package func warnings() -> [String] { findings().map(\.words) }

  /// The same with places, in the order of the document.
  package func findings() -> [PolicyWarning] {
    var all: [PolicyWarning] = []
    func add(_ path: JSONPath, _ words: [String]) {
      all += words.map { PolicyWarning(path: path, words: $0) }
    }
    let opens = tools.contains { !$0.deniesEverything && !$0.holdsEverything }
    if posture == .deny, !opens {
      add(
        .root.key("default"),
        [
          "this document denies every other tool; for the rest of the server to keep working use "
            + "default: allow, or config/policies/bybit.json"
        ])
    }
    let use = use()
    for (index, name) in hidden.enumerated() where use.matchesNothing(name) {
      add(JSONPath.root.key("hide").index(index), ["hide: the catalogue lists no tool \(name)"])
    }
    let shared = sharedCounts
    let everyTool = JSONPath.root.key("all_tools")
    add(everyTool, Limit.warnings(limits, of: "all_tools", shared: shared))
    for limit in limits {
      guard let amount = limit.increment else { continue }
      add(everyTool, ["all_tools: \(limit.place) denies every call that has no \(amount)"])
    }
    for (place, tool) in tools.enumerated() {
      let path = JSONPath.root.key("tools").key(tool.name.text)
      if tool.name.isExact, find(tool.name.text).hidden != nil {
        add(path, ["\(tool.name): its rules can never fire, hide denies every call first"])
      }
      add(path, use.words(tool, at: place, in: self))
      add(path, shadows(tool) + tool.deadRules + tool.doubtfulRules)
      add(path, Limit.warnings(tool.limits, of: tool.name.description, shared: shared))
      all += tool.unreachable(at: path)
    }
    return all
  }

  /// What more than one list counts.
  private var sharedCounts: Set<Limit.Identity> {
    var (seen, shared): (Set<Limit.Identity>, Set<Limit.Identity>) = ([], [])
    for limit in limits + tools.flatMap(\.limits)
    where !seen.insert(limit.identity).inserted { shared.insert(limit.identity) }
    return shared
  }

  /// What the catalogue's tools make of the keys of the document.
  private func use() -> KeyUse {
    KeyUse(catalogue: catalogue, places: (catalogue?.tools ?? []).map { find($0.name) })
  }
}

/// Which keys of a document the tools of its catalogue lead to.
private struct KeyUse {
  let catalogue: ToolCatalogue?
  /// Beside the catalogue's tools.
  let places: [Policy.Found]

  func matchesNothing(_ name: NamePattern) -> Bool {
    guard let catalogue else { return false }
    return !catalogue.tools.contains { name.matches($0.name, of: $0.category) }
  }

  func words(_ tool: ToolPolicy, at place: Int, in policy: Policy) -> [String] {
    guard let catalogue else { return [] }
    if matchesNothing(tool.name) {
      return ["\(tool.name): the catalogue lists no tool that this is about"]
    }
    guard !tool.name.isExact else { return [] }
    if !places.contains(where: { $0.rules == place && $0.hidden == nil }) {
      return ["\(tool.name): its rules can never fire, every tool of it is hidden or has others"]
    }
    guard tool.name.isGlob, !tool.deniesEverything, !tool.holdsEverything else { return [] }
    return policy.tools.compactMap { other in
      guard let category = other.name.category, other.deniesEverything || other.holdsEverything
      else { return nil }
      let taken = zip(catalogue.tools, places).filter { entry, found in
        found.rules == place && entry.category == category
      }.map(\.0.name.string)
      guard let first = taken.first else { return nil }
      let count = taken.count == 1 ? "" : " and \(taken.count - 1) more"
      return "\(tool.name): takes \(first)\(count) from \(other.name), which is stricter"
    }
  }
}

// MARK: One tool

extension ToolPolicy {
  /// Rules that contradict themselves, or that an earlier rule has decided whenever they could.
  fileprivate func unreachable(at path: JSONPath) -> [PolicyWarning] {
    var all: [PolicyWarning] = []
    let lists: [(name: Text, rules: [Rule], quantifier: Quantifier)] = [
      ("deny_if", denyIf, .any), ("require", require, .every), ("hold_if", holdIf, .any),
    ]
    for (list, rules, quantifier) in lists {
      for (index, rule) in rules.enumerated() {
        let place = path.key(list).index(index)
        func add(_ words: String) {
          all.append(PolicyWarning(path: place, words: "\(name): \(list)/\(index) \(words)"))
        }
        if rule.conditions.areImpossible {
          add(
            list == "require"
              ? "can never be met: every call is denied, its conditions exclude each other"
              : "can never fire, its conditions exclude each other; it only acts where a value "
                + "cannot be computed")
        } else if quantifier == .any, let earlier = decider(of: rule, at: index, in: list) {
          add("can never fire, \(earlier) decides first whenever it could")
        }
        for (at, condition) in rule.conditions.enumerated() {
          guard let words = condition.comparisons.lazy.compactMap(\.neverTrue).first else {
            continue
          }
          all.append(
            PolicyWarning(
              path: place.key("conditions").index(at), words: "\(name): \(list)/\(index): \(words)")
          )
        }
      }
    }
    for (index, entry) in approvals.enumerated() where entry.conditions.areImpossible {
      all.append(
        PolicyWarning(
          path: path.key("approval").index(index),
          words: "\(name): approval/\(index) can never count, its conditions exclude each other"))
    }
    return all
  }

  /// The rule that decides before the one at `index` in each case in which that could. Nil for none.
  private func decider(of rule: Rule, at index: Int, in list: Text) -> String? {
    guard !rule.isUnconditional else { return nil }
    let earlier = (list == "deny_if" ? denyIf : holdIf).prefix(index)
    if let found = earlier.firstIndex(where: { $0.covers(rule) }) { return "\(list)/\(found)" }
    guard list == "hold_if" else { return nil }
    if let found = denyIf.firstIndex(where: { !$0.isHoldInDenial && $0.covers(rule) }) {
      return "deny_if/\(found)"
    }
    // What passes `require` satisfies all of it, for each value; where there is one value per path
    // that is the same as for any.
    let met = require.filter { !$0.isShadow }.flatMap(\.conditions).filter {
      !$0.comparisons.contains(where: \.path.hasWildcard)
    }
    return (rule.conditions + met).areImpossible ? "require" : nil
  }
}

extension Rule {
  /// Whether this rule decides each call that `other`, further down, would decide.
  fileprivate func covers(_ other: Rule) -> Bool {
    guard !isShadow, !isUnconditional else { return false }
    return conditions.allSatisfy { mine in other.conditions.contains { $0.implies(mine) } }
  }
}

// MARK: Conditions

extension [Condition] {
  /// Whether nothing satisfies all of them together.
  fileprivate var areImpossible: Bool {
    let plain = flatMap { $0.conjuncts(negated: false) }
    for (at, a) in plain.enumerated() where !a.path.hasWildcard {
      for b in plain[(at + 1)...] where b.path == a.path && a.excludes(b) { return true }
    }
    return contains { condition in
      guard case .any(let branches) = condition else { return false }
      return branches.allSatisfy { [$0].areImpossible }
    }
  }
}

extension Condition {
  /// Comparisons that must all hold when this does; not all that must.
  fileprivate func conjuncts(negated: Bool) -> [Comparison] {
    switch self {
    case .comparison(let one): negated ? [one.negation].compactMap(\.self) : [one]
    case .not(let one): one.conjuncts(negated: !negated)
    case .all(let all) where !negated: all.flatMap { $0.conjuncts(negated: false) }
    case .any(let all) where negated: all.flatMap { $0.conjuncts(negated: true) }
    case .all(let all), .any(let all):
      all.count == 1 ? all[0].conjuncts(negated: negated) : []
    }
  }

  /// Whether `other` holds wherever this does, as far as that can be seen.
  fileprivate func implies(_ other: Condition) -> Bool {
    if self == other { return true }
    guard case .comparison(let a) = self, case .comparison(let b) = other, a.path == b.path else {
      return false
    }
    return a.implies(b)
  }
}

extension Comparison {
  /// What holds where this does not, of a value that can be computed.
  fileprivate var negation: Comparison? {
    guard !path.hasWildcard else { return nil }
    switch test {
    case .equals(let operand, let negated):
      return Comparison(path: path, test: .equals(operand, negated: !negated))
    case .member(let operands, let negated):
      return Comparison(path: path, test: .member(operands, negated: !negated))
    case .compare(let order, let limit):
      return Comparison(path: path, test: .compare(order.opposite, limit))
    case .exists(let wanted): return Comparison(path: path, test: .exists(!wanted))
    case .regex, .contains, .inNetwork, .within: return nil
    }
  }

  /// Values of one path: `other` holds for each for which this does.
  fileprivate func implies(_ other: Comparison) -> Bool {
    switch (test, other.test) {
    case (.compare(let a, let x), .compare(let b, let y)):
      guard a.isUpper == b.isUpper else { return false }
      if x == y { return a == b || b == .lte || b == .gte }
      return a.isUpper ? x < y : x > y
    case (.equals(.number(let x), false), .compare(let order, let y)): return order.holds(x, y)
    case (.equals(let x, false), .member(let all, false)): return all.contains(x)
    case (.member(let some, false), .member(let all, false)): return some.allSatisfy(all.contains)
    default: return false
    }
  }

  /// Whether no value satisfies both.
  fileprivate func excludes(_ other: Comparison) -> Bool {
    switch (test, other.test) {
    case (.compare(let a, let x), .compare(let b, let y)):
      return a.isUpper != b.isUpper
        && (a.isUpper
          ? Self.isEmpty(below: x, a, above: y, b) : Self.isEmpty(below: y, b, above: x, a))
    case (.exists(let x), .exists(let y)): return x != y
    case (.within(let a), .within(let b)): return a.isApart(from: b)
    default: break
    }
    // One side lists all values that it takes: none of them may pass the other.
    guard let values = accepted ?? other.accepted else { return false }
    let tested = accepted == nil ? self : other
    return values.allSatisfy { tested.refuses($0) }
  }

  /// The values that satisfy it, where it lists them.
  private var accepted: [Operand]? {
    switch test {
    case .equals(let operand, false): [operand]
    case .member(let operands, false): operands
    default: nil
    }
  }

  /// Whether the value does not satisfy it, as far as that can be seen.
  private func refuses(_ value: Operand) -> Bool {
    switch test {
    case .equals(let operand, false): !operand.mayBe(value)
    case .equals(let operand, true): operand == value
    case .member(let operands, false): !operands.contains { $0.mayBe(value) }
    case .member(let operands, true): operands.contains(value)
    case .compare(let order, let limit):
      if case .number(let number) = value { !order.holds(number, limit) } else { false }
    case .regex, .contains, .exists, .inNetwork, .within: false
    }
  }

  private static func isEmpty(
    below high: ExactDecimal, _ a: Order, above low: ExactDecimal, _ b: Order
  ) -> Bool {
    a == .lte && b == .gte ? high < low : high <= low
  }

  /// In words, when it asks for a value that its path never has.
  fileprivate var neverTrue: String? {
    guard let known = path.knownValues, let asked = asked else { return nil }
    let strangers = asked.filter { operand in !known.contains { operand == .text(Text($0)) } }
    guard let stranger = strangers.first else { return nil }
    return "\(path) is never \(stranger); it is one of \(known.joined(separator: ", "))"
  }

  private var asked: [Operand]? {
    switch test {
    case .equals(let operand, _), .contains(let operand): [operand]
    case .member(let operands, _): operands
    default: nil
    }
  }
}

extension Operand {
  /// Whether one value may equal both: a string of digits is a number too.
  fileprivate func mayBe(_ other: Operand) -> Bool {
    switch (self, other) {
    case (.number(let number), .text(let text)), (.text(let text), .number(let number)):
      ExactDecimal(text.string) == number
    default: self == other
    }
  }
}

extension PolicyPath {
  /// All values that a fact can have, where they are few.
  fileprivate var knownValues: [String]? {
    guard fold == nil else { return nil }
    switch description {
    case "tool.category": return ToolCategory.allCases.map(\.rawValue)
    case "tool.severity": return ToolSeverity.allCases.map(\.rawValue)
    case "risk.max_severity": return ["PASS", "NOTE", "WARN", "UNCHECKED", "HIGH", "BLOCK"]
    case "order.sides", "order.sides[*]": return ["Buy", "Sell"]
    default: return nil
    }
  }
}

extension Comparison.Order {
  fileprivate var isUpper: Bool { self == .lt || self == .lte }

  fileprivate var opposite: Self {
    switch self {
    case .lt: .gte
    case .lte: .gt
    case .gt: .lte
    case .gte: .lt
    }
  }
}

extension TimeWindow {
  /// Whether no moment is in both; only where that is plain to see.
  fileprivate func isApart(from other: TimeWindow) -> Bool {
    guard zone == other.zone, from < until, other.from < other.until else { return false }
    return days.isDisjoint(with: other.days) || until <= other.from || other.until <= from
  }
}
