package import JSON
package import Time

/// All findings about one batch at one moment.
package struct RiskReport: Hashable, Sendable {
  /// The findings of one rule, or all that only lack an account key.
  package struct Group: Hashable, Sendable {
    /// Nil for the group of checks that need an account key where none was configured.
    package let rule: RiskRule?
    package let title: String
    package let severity: RiskSeverity
    /// Worst first.
    package let findings: [Finding]
  }

  /// Worst first, then by rule and leg.
  package let findings: [Finding]
  package let at: Timestamp
  /// Reduce-only on every leg: nothing can be opened.
  package let isReducing: Bool

  package init(_ findings: [Finding], at: Timestamp, isReducing: Bool) {
    // Findings are large: what is sorted are numbers that end in their places.
    let order = findings.indices.map { place in
      let finding = findings[place]
      var key = UInt64(4 - finding.outcome.severity.rank)
      for byte in finding.rule.rawValue.utf8 { key = key << 8 | UInt64(byte) }
      key = key << 12 | UInt64(((finding.legs.first ?? -1) + 1) & 0xFFF)
      return key << 20 | UInt64(place & 0xFFFFF)
    }.sorted()
    self.findings = order.map { findings[Int($0 & 0xFFFFF)] }
    self.at = at
    self.isReducing = isReducing
  }

  package var severity: RiskSeverity { findings.map(\.outcome.severity).max() ?? .clear }
  package var isBlocked: Bool { severity == .block }

  /// Findings of each severity; `clear` counts what passed or does not apply.
  package var counts: [RiskSeverity: Int] {
    findings.reduce(into: [:]) { $0[$1.outcome.severity, default: 0] += 1 }
  }

  /// Checks that could not be made, for whatever reason.
  package var uncheckedCount: Int {
    findings.count { if case .unchecked = $0.outcome { true } else { false } }
  }

  /// Worst group first. Each rule is one group; checks without an account key are one group of
  /// their own: "UNCHECKED n: no account key".
  package var groups: [Group] {
    let never = findings.filter(\.outcome.isNeverConfigured)
    var order: [RiskRule] = []
    var byRule: [RiskRule: [Finding]] = [:]
    for finding in findings where !finding.outcome.isNeverConfigured {
      if byRule[finding.rule] == nil { order.append(finding.rule) }
      byRule[finding.rule, default: []].append(finding)
    }
    var groups = order.map { rule in
      let mine = byRule[rule] ?? []
      return Group(
        rule: rule, title: "\(rule.rawValue) \(rule.title)",
        severity: mine.first?.outcome.severity ?? .clear, findings: mine)
    }
    if !never.isEmpty {
      let title = "UNCHECKED \(never.count): \(RiskOutcome.noAccountKey)"
      let at = groups.firstIndex { $0.severity <= .warn } ?? groups.endIndex
      groups.insert(Group(rule: nil, title: title, severity: .warn, findings: never), at: at)
    }
    return groups
  }
}

extension RiskReport: JSONConvertible {
  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["findings", "at", "reducing", "severity"])
    var findings: [Finding] = []
    for finding in try json.member("findings").elements() {
      findings.append(try Finding(json: finding))
    }
    let moment = try json.member("at")
    guard let at = Timestamp(rfc3339: try moment.string()) else {
      throw moment.bad("this is no RFC 3339 time")
    }
    self.init(findings, at: at, isReducing: try json.member("reducing").bool())
    let told = try json.member("severity")
    guard try told.one(of: RiskSeverity.self) == severity else {
      throw told.bad("the findings say \(severity.rawValue)")
    }
  }

  package var json: JSONValue {
    [
      "findings": .array(findings.map(\.json)), "at": .string(at.rfc3339),
      "reducing": .bool(isReducing), "severity": .string(severity.rawValue),
    ]
  }
}
