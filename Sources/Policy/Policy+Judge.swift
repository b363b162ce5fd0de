package import JSON
package import Time

extension Policy {
  /// The verdict on `call`.
  ///
  /// Order: hide, default, `deny_if` and `require`, limits, `hold_if` and action. The first denial
  /// wins; hold beats allow. All that the limits count of a call that is not denied is reserved under
  /// `ticket`, which waits until the caller lets it go or gives it back; `counters` run on their own
  /// time.
  package func judge(
    _ call: Call, counters: inout Counters, ticket: Text, at now: Timestamp
  ) -> Verdict {
    let found = find(call.tool)
    if let index = found.hidden {
      return Verdict(
        .deny, rule: "/hide/\(index)", reason: "The tool \"\(call.tool)\" is hidden by policy.")
    }
    let tool = found.rules.map { tools[$0] }
    guard tool != nil || posture == .allow else {
      return Verdict(
        .deny, rule: "/default", reason: "The tool \"\(call.tool)\" is not permitted by policy.")
    }
    let scene = Scene(
      call: call, tool: tool?.asksForTool == true ? facts(of: call.tool) : JSONObject(), now: now,
      zones: zones)
    let shadowed = tool?.hasShadows == true ? tool?.shadowed(scene) ?? [] : []
    if var denial = tool?.denial(of: scene)
      ?? overLimit(scene, tool, counters: &counters, ticket: ticket)
    {
      denial.shadowed = shadowed
      return denial
    }
    var verdict = tool?.passing(scene) ?? Verdict(.allow, rule: "/default")
    verdict.shadowed = shadowed
    if let tool { verdict.approval = tool.terms(scene) }
    return verdict
  }

  /// The verdict on a call that is the first of all: no limit has counted anything yet.
  package func judge(_ call: Call, at now: Timestamp) -> Verdict {
    var counters = Counters()
    return judge(call, counters: &counters, ticket: "", at: now)
  }

  /// Reserves what the limits count of the call, all or nothing; the denial when that cannot be.
  private func overLimit(
    _ scene: Scene, _ tool: ToolPolicy?, counters: inout Counters, ticket: Text
  ) -> Verdict? {
    let all =
      limits.map { (limit: $0, pointer: "/all_tools/\($0.place)") }
      + (tool?.limits.map { (limit: $0, pointer: tool?.pointer($0.place) ?? "") } ?? [])
    guard !all.isEmpty else { return nil }
    let category =
      catalogue?[scene.call.tool].map { Text($0.category.rawValue) } ?? tool?.name.text ?? ""
    var requests: [Counters.Request] = []
    for (limit, pointer) in all {
      switch limit.claim(of: scene, category: category) {
      case .success(let claim): requests.append(Counters.Request(limit: limit, claim: claim))
      case .failure(let cause): return limit.uncountable(cause, at: pointer)
      }
    }
    do throws(Counters.Refusal) {
      try counters.reserve(requests, as: ticket, agent: scene.call.agent)
      return nil
    } catch {
      return all[error.index].limit.denial(error, at: all[error.index].pointer)
    }
  }

  /// What the catalogue says about a tool.
  private func facts(of tool: Text) -> JSONObject {
    guard let entry = catalogue?[tool] else { return ["name": .string(tool)] }
    return [
      "name": .string(tool), "group": .string(entry.group),
      "category": .string(entry.category.rawValue), "severity": .string(entry.severity.rawValue),
    ]
  }
}

extension ToolPolicy {
  fileprivate func denial(of scene: Scene) -> Verdict? {
    if action == .deny {
      return Verdict(
        .deny, rule: pointer("action"),
        reason: reason ?? "The tool \"\(scene.call.tool)\" is denied by policy.")
    }
    for (index, rule) in denyIf.enumerated() where !rule.isHoldInDenial && !rule.isShadow {
      let truth = rule.fires(scene)
      if truth != .no { return refusal(rule, truth, pointer("deny_if/\(index)")) }
    }
    for (index, rule) in require.enumerated() where !rule.isShadow {
      let truth = rule.isMet(scene)
      if truth != .yes { return refusal(rule, truth, pointer("require/\(index)")) }
    }
    return nil
  }

  private func refusal(_ rule: Rule, _ truth: Truth, _ pointer: String) -> Verdict {
    var words = rule.message ?? reason ?? "A rule of the policy denies this call."
    if truth == .unknown { words += Self.notComputable(rule) }
    return Verdict(.deny, rule: pointer, reason: words)
  }

  private static func notComputable(_ rule: Rule) -> String {
    let paths = rule.conditions.flatMap(\.comparisons).map(\.path.description).joined(
      separator: ", ")
    return " (A value could not be computed at: \(paths).)"
  }

  /// The verdict on a call that nothing denies.
  fileprivate func passing(_ scene: Scene) -> Verdict {
    let words = reason ?? "Waits for a person to decide."
    for (index, rule) in denyIf.enumerated() where rule.isHoldInDenial && !rule.isShadow {
      return Verdict(.hold, rule: pointer("deny_if/\(index)"), reason: rule.message ?? words)
    }
    for (index, rule) in holdIf.enumerated() where !rule.isShadow {
      let truth = rule.fires(scene)
      guard truth != .no else { continue }
      let told = (rule.message ?? words) + (truth == .unknown ? Self.notComputable(rule) : "")
      return Verdict(.hold, rule: pointer("hold_if/\(index)"), reason: told)
    }
    return action == .hold
      ? Verdict(.hold, rule: pointer("action"), reason: words)
      : Verdict(.allow, rule: pointer("action"))
  }

  /// What shadow rules would have done.
  fileprivate func shadowed(_ scene: Scene) -> [Shadowed] {
    var all: [Shadowed] = []
    func add(_ rules: [Rule], _ list: String, _ decides: (Rule) -> Verdict.Decision?) {
      for (index, rule) in rules.enumerated() where rule.isShadow {
        guard let decision = decides(rule) else { continue }
        all.append(Shadowed(decision: decision, rule: pointer("\(list)/\(index)")))
      }
    }
    add(denyIf, "deny_if") { rule in
      if rule.isHoldInDenial { return .hold }
      return rule.fires(scene) != .no ? .deny : nil
    }
    add(require, "require") { $0.isMet(scene) != .yes ? .deny : nil }
    add(holdIf, "hold_if") { $0.fires(scene) != .no ? .hold : nil }
    return all
  }

  /// The terms of the first threshold that holds, made stricter by those before it that cannot be
  /// computed.
  fileprivate func terms(_ scene: Scene) -> ApprovalTerms {
    var doubtful: [ApprovalTerms] = []
    var found = ApprovalTerms()
    for threshold in approvals {
      let truth = threshold.applies(scene)
      if truth == .unknown { doubtful.append(threshold.terms) }
      guard truth == .yes else { continue }
      found = threshold.terms
      break
    }
    return doubtful.reduce(found) { $0.stricter($1) }
  }
}
