import JSON

// How the rules of one tool are read. What throws inside a tool denies that tool.

extension PolicyImporter {
  // MARK: The hosted gateway

  mutating func readHosted(_ tool: JSONCursor, _ draft: inout ToolDraft) {
    do throws(JSONError) {
      for (key, value) in try tool.members() {
        switch key {
        case "require": try rules(value, "require", &draft)
        case "deny_if": try rules(value, "deny_if", &draft)
        case "limits": for one in try value.elements() { hostedLimit(one, &draft) }
        case "action":
          let action = try value.one(of: ToolPolicy.Action.self)
          draft.action = .string(action.rawValue)
          note(value.path, .kept, "\(draft.title)action \(action.rawValue)")
        case "reason": draft.reason = .string(try value.text())
        case "rate_limit":
          try value.allow(only: ["max", "window"])
          draft.rateLimit = [
            "max": .int(try value.member("max").int(in: 1...10_000)),
            "window": .int(try value.member("window").int(in: 1...2_678_400)),
          ]
          note(
            value.path, .stricter,
            "\(draft.title)rate_limit: in any span of that many seconds, not only whole minutes")
        default: refuse(value.path, "\"\(key)\" is no key of a tool", &draft)
        }
      }
      if try tool.object().isEmpty { note(tool.path, .kept, "\(draft.title)allowed") }
    } catch {
      refuse(error.path, error.message, &draft)
    }
  }

  private mutating func rules(
    _ list: JSONCursor, _ name: Text, _ draft: inout ToolDraft
  ) throws(JSONError) {
    for entry in try list.elements() {
      try entry.allow(only: ["conditions", "on_deny"])
      let conditions = try conditions(entry.member("conditions"))
      let words = try entry.optional("on_deny")?.text()
      let rule = JSONValue.compact([
        "conditions": .array(conditions), "on_deny": words.map(JSONValue.string),
      ])
      if name == "require" { draft.require.append(rule) } else { draft.denyIf.append(rule) }
      let isHold = name == "deny_if" && conditions.isEmpty && words == Rule.publishedHoldText
      let meaning =
        isHold
        ? ": every call is held for approval, which that text promises"
        : conditions.isEmpty
          ? (name == "require" ? ": requires nothing" : ": every call is denied") : ""
      note(entry.path, .kept, "\(draft.title)\(name)\(meaning)")
    }
  }

  mutating func hostedLimit(_ limit: JSONCursor, _ draft: inout ToolDraft) {
    do throws(JSONError) {
      try limit.allow(only: ["counter", "window", "max", "scope", "increment_from"])
      let window = try limit.member("window").one(of: ImportedWindow.self)
      let scope = try limit.optional("scope")?.text()
      guard scope == nil || scope == "grant" else {
        throw try limit.member("scope").bad("only the scope \"grant\" is known there")
      }
      draft.limits.append(
        .compact([
          "counter": try limit.member("counter").value, "window": .string(window.rawValue),
          "max": try limit.member("max").value, "scope": scope == nil ? "global" : "grant",
          "increment_from": try limit.optional("increment_from")?.value,
        ]))
      note(
        limit.path, .stricter,
        "\(draft.title)limit: in any \(window.rawValue), not only in those of the clock"
          + (scope == nil ? "; without a scope for all agents together" : ""))
    } catch {
      refuse(error.path, error.message, &draft)
    }
  }

  // MARK: Intercept

  mutating func readIntercept(_ tool: JSONCursor, _ draft: inout ToolDraft) {
    do throws(JSONError) {
      guard tool.value != .null else { return note(tool.path, .kept, "\(draft.title)no rules") }
      try tool.allow(only: ["rules"])
      let rules = try tool.optional("rules")?.elements() ?? []
      if rules.isEmpty { note(tool.path, .kept, "\(draft.title)no rules") }
      for rule in rules { try interceptRule(rule, &draft) }
    } catch {
      refuse(error.path, error.message, &draft)
    }
  }

  /// Calls in one span of time.
  private static let mostCalls = 10_000

  private enum InterceptAction: String, CaseIterable {
    case evaluate, deny
    case approve = "require_approval"
  }

  private mutating func interceptRule(
    _ rule: JSONCursor, _ draft: inout ToolDraft
  ) throws(JSONError) {
    try rule.allow(only: [
      "name", "action", "conditions", "on_deny", "rate_limit", "state", "approval_timeout",
    ])
    let name = try rule.optional("name")?.text() ?? "without a name"
    let words = try rule.optional("on_deny")?.text() ?? "Denied by the rule \"\(name)\"."
    let title = "\(draft.title)rule \(name)"
    let listed = try rule.optional("conditions")
    if let rate = try rule.optional("rate_limit") {
      guard listed == nil, rule.value["state"] == nil, rule.value["action"] == nil else {
        throw rate.bad("a rate limit stands alone in its rule")
      }
      return try interceptRate(rate, title, rule, &draft)
    }
    switch try rule.optional("action")?.one(of: InterceptAction.self) ?? .evaluate {
    case .deny:
      guard listed == nil || listed?.value == [] else {
        throw rule.bad("a rule that denies has no conditions there")
      }
      (draft.action, draft.reason) = ("deny", .string(words))
      note(rule.path, .kept, "\(title): every call is denied")
    case .approve:
      try interceptApproval(rule, listed, title, &draft)
    case .evaluate:
      let limit = try interceptState(rule, words, &draft)
      let plain = try (listed?.elements() ?? []).filter { !isState($0) }
      guard !plain.isEmpty || limit else { throw rule.bad("the rule has no conditions") }
      if !plain.isEmpty {
        var all: [JSONValue] = []
        for one in plain { all.append(try condition(one)) }
        draft.require.append(["conditions": .array(all), "on_deny": .string(words)])
      }
      note(
        rule.path, limit ? .stricter : .kept,
        title + (limit ? ": in any such span of time, not only in those of the clock" : ""))
    }
  }

  private mutating func interceptApproval(
    _ rule: JSONCursor, _ listed: JSONCursor?, _ title: String, _ draft: inout ToolDraft
  ) throws(JSONError) {
    let conditions = try listed.map { one throws(JSONError) in try self.conditions(one) } ?? []
    let words = try rule.optional("on_deny")?.text()
    draft.holdIf.append(
      .compact([
        "conditions": .array(conditions), "on_hold": words.map(JSONValue.string),
      ]))
    if let timeout = try rule.optional("approval_timeout") {
      draft.approval = ["ttl": .string(try timeout.text())]
    }
    note(
      rule.path, .kept,
      "\(title): held for approval" + (conditions.isEmpty ? "" : " when its conditions hold"))
  }

  private mutating func interceptRate(
    _ rate: JSONCursor, _ title: String, _ rule: JSONCursor, _ draft: inout ToolDraft
  ) throws(JSONError) {
    let parts = try rate.text().string.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let max = Int(parts[0]), (1...Self.mostCalls).contains(max),
      let window = ImportedWindow(rawValue: String(parts[1]))
    else { throw rate.bad("a rate such as 5/hour is expected") }
    draft.limits.append([
      "counter": .string("rate_\(window.rawValue)"), "window": .string(window.rawValue),
      "max": .int(max), "scope": .string(scope(draft)),
    ])
    note(
      rule.path, .stricter, "\(title): in any \(window.rawValue), not only in those of the clock")
  }

  /// Intercept counts by the tool, or over everything for rules of every tool.
  private func scope(_ draft: ToolDraft) -> String { draft.name == "*" ? "global" : "tool" }

  private func isState(_ condition: JSONCursor) -> Bool {
    condition.value["path"]?.textValue?.hasPrefix("state.") ?? false
  }

  /// Reads the counter of a rule and the condition that bounds it. False without a counter.
  private mutating func interceptState(
    _ rule: JSONCursor, _ words: Text, _ draft: inout ToolDraft
  ) throws(JSONError) -> Bool {
    let bounds = try (rule.optional("conditions")?.elements() ?? []).filter(isState)
    guard let state = try rule.optional("state") else {
      if let stranger = bounds.first {
        throw stranger.bad("the condition asks for a counter that its rule does not count")
      }
      return false
    }
    try state.allow(only: ["counter", "window", "increment", "increment_from"])
    let counter = try state.member("counter").text()
    let window = try state.member("window").one(of: ImportedWindow.self)
    let owner: Text = draft.name == "*" ? "_global" : draft.name
    guard bounds.count == 1, let bound = bounds.first,
      bound.value["path"] == .string("state.\(owner).\(counter)")
    else {
      throw state.bad("one condition of the rule must bound this counter; there it counts nothing")
    }
    let amount = try state.optional("increment_from")
    let step = try state.optional("increment")?.int(in: 1...1_000_000) ?? 1
    let most = try Self.most(bound)
    draft.limits.append(
      .compact([
        "counter": .string(counter), "window": .string(window.rawValue),
        "max": .int(amount == nil ? most / step : most), "scope": .string(scope(draft)),
        "increment_from": amount?.value, "on_deny": .string(words),
      ]))
    return true
  }

  /// The largest count that the condition lets pass.
  private static func most(_ bound: JSONCursor) throws(JSONError) -> Int {
    try bound.allow(only: ["path", "op", "value"])
    let value = try bound.member("value").int()
    let op = try bound.member("op")
    switch try op.text() {
    case "lte" where value >= 0: return value
    case "lt" where value >= 1: return value - 1
    default: throw op.bad("a counter is bounded by lt or lte there, and by nothing else")
    }
  }

  // MARK: Conditions

  private func conditions(_ list: JSONCursor) throws(JSONError) -> [JSONValue] {
    var all: [JSONValue] = []
    for one in try list.elements() { all.append(try condition(one)) }
    return all
  }

  private static let operators: Set<Text> = [
    "eq", "neq", "in", "not_in", "lt", "lte", "gt", "gte", "regex", "contains", "exists",
  ]

  /// A condition that means the same here. Its path has names only, since brackets are text there.
  private func condition(_ json: JSONCursor) throws(JSONError) -> JSONValue {
    try json.allow(only: ["path", "op", "value"])
    let path = try json.member("path")
    let text = try path.text()
    guard text.hasPrefix("args."), !text.utf8.contains(where: { "[]()".utf8.contains($0) }) else {
      throw path.bad("\"\(text)\" is no path such as args.name")
    }
    let op = try json.member("op")
    guard Self.operators.contains(try op.text()) else {
      throw op.bad("\"\(try op.text())\" is no operator there")
    }
    _ = try Condition(json)
    return json.value
  }
}

/// The spans of time that both dialects know.
enum ImportedWindow: String, CaseIterable {
  case minute, hour, day
}
