import Decimals
package import JSON

extension Policy {
  /// How every rule was read, in words.
  package func explanations() -> [String] {
    let rest =
      posture == .allow
      ? "a tool that is not listed is allowed" : "a tool that is not listed is denied"
    return ["default: \(rest)"] + (catalogue.map { [$0.words] } ?? [])
      + hidden.map { "hide: \($0) is absent from the list of tools and denied" }
      + limits.map { "every tool: \($0.words)" }
      + tools.flatMap(explanation)
  }

  /// What was read for one tool, in words.
  package func explanations(of tool: Text) -> [String] {
    let found = find(tool)
    if found.hidden != nil { return ["it is absent from the list of tools and denied"] }
    guard let rules = found.rules.map({ tools[$0] }) else {
      return ["default: \(posture == .allow ? "allowed" : "denied")"]
    }
    return explanation(of: rules)
  }

  private func explanation(of tool: ToolPolicy) -> [String] {
    let name = tool.name.description
    if tool.action == .deny { return ["\(name): every call is denied"] }
    var lines = tool.denyIf.map { rule in
      rule.isHoldInDenial
        ? "\(name): \(rule.shadow)every call is held for approval (deny_if with the published text)"
        : "\(name): \(rule.shadow)denied \(rule.words(whole: "in every call", joined: "when"))"
    }
    lines += tool.require.map {
      "\(name): \($0.shadow)denied unless \($0.words(whole: "nothing", joined: "", every: true))"
    }
    lines += tool.limits.map { "\(name): \($0.words)" }
    lines += tool.holdIf.map {
      "\(name): \($0.shadow)held \($0.words(whole: "in every call", joined: "when"))"
    }
    if tool.action == .hold { lines.append("\(name): every call is held for approval") }
    lines += tool.approvals.map { "\(name): \($0.words)" }
    if !tool.deniesEverything, !tool.holdsEverything {
      lines.append("\(name): " + (lines.isEmpty ? "allowed" : "otherwise allowed"))
    }
    return lines
  }

  func shadows(_ tool: ToolPolicy) -> [String] {
    guard tool.name.isExact else { return [] }
    return tools.filter { $0.name.isGlob && $0.name.matches(tool.name.text, of: nil) }.map {
      "\(tool.name): only the rules under its own name apply, not those of \($0.name)"
    }
  }
}

extension ToolCatalogue {
  /// `catalogue: 382 tools of …: 270 Read, 20 Write`.
  fileprivate var words: String {
    let kinds = ToolCategory.allCases.map { ($0, count($0)) }.filter { $0.1 > 0 }
      .map { "\($0.1) \($0.0.rawValue)" }
    return "catalogue: \(tools.count) tools of \(server): " + kinds.joined(separator: ", ")
  }
}

extension ToolPolicy {
  var deadRules: [String] {
    var all: [String] = []
    let isDenied = deniesEverything
    if action == .deny, !(denyIf.isEmpty && require.isEmpty && holdIf.isEmpty) {
      all.append("\(name): no other rule can fire, action: deny denies every call first")
    } else if let first = denyIf.firstIndex(where: {
      $0.isUnconditional && !$0.isHoldInDenial && !$0.isShadow
    }),
      first + 1 < denyIf.count || !require.isEmpty || !holdIf.isEmpty
    {
      all.append("\(name): nothing after deny_if/\(first) can fire, it denies every call")
    }
    if isDenied, !limits.isEmpty || !approvals.isEmpty {
      all.append("\(name): limits and approval never matter, every call is denied")
    }
    if holdsEverything, holdIf.contains(where: { !$0.isUnconditional }) {
      all.append("\(name): hold_if changes nothing, every call is held anyway")
    }
    if !isDenied, !holdsEverything, holdIf.isEmpty, !approvals.isEmpty {
      all.append("\(name): approval never matters, no rule holds a call")
    }
    if let first = approvals.firstIndex(where: \.conditions.isEmpty), first + 1 < approvals.count {
      all.append("\(name): no entry after approval/\(first) can count, it is for every call")
    }
    return all
  }

  var doubtfulRules: [String] {
    var all: [String] = []
    for (index, rule) in denyIf.enumerated() where rule.isUnconditional && !rule.isHoldInDenial {
      let words = (rule.message ?? "").lowercased()
      guard words.contains("human") || words.contains("approv") else { continue }
      all.append(
        "\(name): deny_if/\(index) denies for ever; to hold for approval write action: hold, or "
          + "exactly \"\(Rule.publishedHoldText)\"")
    }
    for (index, rule) in require.enumerated() where rule.isUnconditional {
      all.append("\(name): require/\(index) has no conditions and requires nothing")
    }
    for rule in denyIf + require + holdIf {
      for condition in rule.conditions.flatMap(\.comparisons) where condition.comparesNumberAsText {
        all.append(
          "\(name): \(condition) compares text byte by byte; write the number without quotes to "
            + "compare amounts")
      }
    }
    return all
  }
}

extension Rule {
  fileprivate func words(whole: String, joined: String, every: Bool = false) -> String {
    let message = message.map { " (\"\($0)\")" } ?? ""
    guard !conditions.isEmpty else { return whole + message }
    let all = conditions.map { $0.words(every ? .every : .any) }
    return [joined, all.joined(separator: " and ")].filter { !$0.isEmpty }.joined(separator: " ")
      + message
  }

  /// Set before what a rule only would do.
  fileprivate var shadow: String { isShadow ? "(shadow, only recorded) " : "" }
}

extension Comparison {
  fileprivate var comparesNumberAsText: Bool {
    let operands: [Operand] =
      switch test {
      case .equals(let operand, _): [operand]
      case .member(let all, _): all
      case .compare, .regex, .contains, .exists, .inNetwork, .within: []
      }
    return operands.contains {
      guard case .text(let text) = $0 else { return false }
      return ExactDecimal(text.string) != nil
    }
  }
}

extension Threshold {
  fileprivate var words: String {
    guard !conditions.isEmpty else { return terms.words }
    return "when " + conditions.map { $0.words(.any) }.joined(separator: " and ") + ": "
      + terms.words
  }
}

extension ApprovalTerms {
  fileprivate var words: String {
    var parts = [quorum == 1 ? "one operator signs" : "\(quorum) distinct operators sign"]
    if roles.count < Role.allCases.count {
      parts[0] += ", of role " + roles.map(\.rawValue).sorted().joined(separator: " or ")
    }
    if forbidsOwner { parts[0] += ", none of them the agent's owner" }
    if let ttl { parts.append("expires after \(ttl)") }
    if let wait { parts.append("the agent waits up to \(wait)") }
    parts.append(
      execute == .onApproval
        ? "executes when approved" : "executes when approved while the agent waits or next asks")
    return parts.joined(separator: ", ")
  }
}
