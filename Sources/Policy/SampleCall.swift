package import JSON
package import Time

/// A call of a file, to be judged without sending it: for `policy explain`, `test` and `diff`.
package struct SampleCall: Hashable, Sendable {
  /// What the file says should come of it.
  package struct Expectation: Hashable, Sendable {
    package var decision: Verdict.Decision
    /// A pointer into the policy; nil where any rule will do.
    package var rule: String?
  }

  /// What becomes of a call that is not denied; what each counts for is in the table of docs/policy.md.
  package enum Outcome: String, CaseIterable, Hashable, Sendable {
    /// It leaves: its moment.
    case sent
    /// It is over, with an answer.
    case answered
    /// It is over, and provably without effect.
    case refused
    /// It was sent, and nobody knows whether it had an effect.
    case unknown
    /// It is over, and did not leave: rejected, expired, withdrawn, or proven not to have left.
    case notSent = "not_sent"

    /// What may come after it.
    fileprivate var next: Set<Outcome> {
      switch self {
      case .sent: [.answered, .refused, .unknown, .notSent]
      case .unknown: [.answered, .refused]
      case .answered, .refused, .notSent: []
      }
    }
    fileprivate static let first: Set<Outcome> = [.sent, .notSent]
  }

  package struct Step: Hashable, Sendable {
    /// Since the call came; no less than of the step before.
    package let after: Milliseconds
    package let became: Outcome
  }

  /// For the report; `call 3` where the file gives none.
  package var name: String
  package var call: Call
  /// Nil: now.
  package var at: Timestamp?
  package var expected: Expectation?
  /// What becomes of it where calls count; nil: it is sent and answered at once.
  package var then: [Step]?

  /// Calls of one file.
  package static let limit = 10_000
  /// How long after a call something may become of it.
  private static let mostAfter = Milliseconds.minutes(366 * 24 * 60)

  /// One call: `{tool, arguments, agent?, facts?, at?, name?, expect?, then?}`.
  package init(json: JSONCursor, number: Int = 1) throws(JSONError) {
    try json.allow(only: ["tool", "arguments", "agent", "facts", "at", "name", "expect", "then"])
    call = Call(
      tool: try json.member("tool").text(), arguments: try json.member("arguments").object(),
      agent: try json.optional("agent")?.text() ?? "agent",
      facts: try json.maybe("facts") { one throws(JSONError) in try Self.facts(one) }
        ?? JSONObject())
    name = try json.optional("name")?.string() ?? "call \(number)"
    at = try json.maybe("at") { one throws(JSONError) in try Self.moment(one) }
    expected = try json.maybe("expect") { one throws(JSONError) in
      try one.allow(only: ["decision", "rule"])
      return Expectation(
        decision: try one.member("decision").one(of: Verdict.Decision.self),
        rule: try one.optional("rule")?.string())
    }
    then = try json.maybe("then") { one throws(JSONError) in try Self.steps(one) }
  }

  /// One call, or an array of them.
  ///
  /// - Parameter inOrder: Whether they come one after another: each then needs `at`, none before that of
  ///   the call ahead of it.
  package static func all(
    _ json: JSONCursor, inOrder: Bool = false
  ) throws(JSONError) -> [SampleCall] {
    var elements = [json]
    if case .array = json.value { elements = try json.elements() }
    guard (1...limit).contains(elements.count) else {
      throw json.bad("\(elements.count) calls, allowed are 1 to \(limit)")
    }
    var all: [SampleCall] = []
    for (index, one) in elements.enumerated() {
      let sample = try SampleCall(json: one, number: index + 1)
      if inOrder {
        guard let at = sample.at else { throw one.bad("calls that count need \"at\"") }
        if let before = all.last?.at, at < before {
          throw try one.member("at").bad("the call before it came later; list calls as they came")
        }
      }
      all.append(sample)
    }
    return all
  }

  /// `[{after?, became}]`, in the order in which they happen.
  private static func steps(_ json: JSONCursor) throws(JSONError) -> [Step] {
    var (all, may) = ([Step](), Outcome.first)
    for one in try json.elements() {
      try one.allow(only: ["after", "became"])
      let before = all.last?.after ?? .zero
      let after = try one.optional("after")?.duration() ?? before
      guard after >= before, after <= mostAfter else {
        throw one.bad("it comes no sooner than what is listed before it, and within \(mostAfter)")
      }
      let became = try one.member("became").one(of: Outcome.self)
      guard may.contains(became) else {
        let before = all.last?.became.rawValue ?? "new"
        throw one.bad("a call that is \(before) cannot become \(became.rawValue)")
      }
      all.append(Step(after: after, became: became))
      may = became.next
    }
    return all
  }

  /// Facts besides those that the gateway computes of an order: known names only.
  private static func facts(_ json: JSONCursor) throws(JSONError) -> JSONObject {
    for (root, members) in try json.members() {
      let known = CallFact.all.filter { $0.root == root }.map(\.name)
      guard !known.isEmpty, !(["agent", "time", "tool"] as [Text]).contains(root) else {
        throw members.bad("there are no facts \"\(root)\"")
      }
      try members.allow(only: Set(known))
    }
    return try json.object()
  }

  private static func moment(_ json: JSONCursor) throws(JSONError) -> Timestamp {
    guard let moment = Timestamp(rfc3339: try json.string()) else {
      throw json.bad("a moment such as \"2026-11-02T09:00:00Z\" is expected")
    }
    return moment
  }
}

extension SampleCall {
  /// The same call with facts that were computed of it, where the file gives none of that kind.
  package func adding(_ facts: JSONObject) -> SampleCall {
    var all = facts
    for one in call.facts.members { all[one.key] = one.value }
    var copy = self
    copy.call = Call(tool: call.tool, arguments: call.arguments, agent: call.agent, facts: all)
    return copy
  }

  /// The verdict, with nothing counted before.
  package func verdict(of policy: Policy, now: Timestamp) -> Verdict {
    policy.judge(call, at: at ?? now)
  }

  /// What is wrong with a verdict; nil when it is as the file expects.
  package func complaint(about verdict: Verdict) -> String? {
    guard let expected else { return "nothing is expected of it: give \"expect\"" }
    if verdict.decision != expected.decision {
      return
        "\(verdict.decision.rawValue) by \(verdict.rule), expected \(expected.decision.rawValue)"
    }
    if let rule = expected.rule, Text(rule) != Text(verdict.rule) {
      return "decided by \(verdict.rule), expected \(rule)"
    }
    return nil
  }
}
