package import JSON

/// Everything that `doctor` found, in the order in which a person reads it.
package struct Report: Hashable, Sendable {
  package var subject: String
  package var findings: [Finding]
  /// Whether nothing else could be looked at: the configuration itself cannot be read.
  package var isBadInput: Bool

  package init(subject: String, facts: [any Fact], commands: Commands) {
    self.subject = subject
    isBadInput = facts.contains { ($0 as? ConfigurationFact)?.outcome.isUsable == false }
    findings = facts.flatMap { $0.findings(commands) }
  }

  package var hasProblem: Bool { findings.contains { $0.verdict == .problem } }

  /// The documented exit code: 0, 1 with problems, 2 where the configuration cannot be used.
  package var exitCode: Int32 { isBadInput ? 2 : hasProblem ? 1 : 0 }

  package func count(_ verdict: Finding.Verdict) -> Int {
    findings.count { $0.verdict == verdict }
  }

  /// Stable: members are added, never renamed.
  package var json: JSONValue {
    var counts = JSONObject()
    for verdict in Finding.Verdict.allCases {
      counts[Text(verdict.rawValue)] = .int(count(verdict))
    }
    return [
      "version": 1, "configuration": .string(subject), "counts": .object(counts),
      "findings": .array(findings.map(\.json)),
    ]
  }

  // MARK: For people

  /// A line for each finding, what mends it under it, and the counts. `leavingOut` hides verdicts.
  /// Sentences go on in another line after `width` characters; commands stay whole.
  package func lines(
    leavingOut hidden: Set<Finding.Verdict> = [], width: Int? = nil
  ) -> [String] {
    findings.filter { !hidden.contains($0.verdict) }.flatMap { Self.lines($0, width) } + [summary]
  }

  package var summary: String {
    let parts: [(Finding.Verdict, String, String)] = [
      (.problem, "problem", "problems"), (.warning, "warning", "warnings"),
      (.note, "note", "notes"), (.ok, "ok", "ok"),
      (.unchecked, "not checked", "not checked"),
    ]
    return parts.compactMap { verdict, one, many in
      let number = count(verdict)
      guard number > 0 || verdict == .problem else { return nil }
      return "\(number == 0 ? "no" : String(number)) \(number == 1 ? one : many)"
    }.joined(separator: ", ")
  }

  private static let margin = 13

  private static func lines(_ finding: Finding, _ width: Int?) -> [String] {
    let empty = String(repeating: " ", count: margin)
    var all = wrapped(
      padded(label(finding.verdict), margin), "\(finding.check.rawValue): \(finding.words)", width)
    if let mend = finding.mend { all += wrapped(empty, "mend: " + mend, width) }
    if let command = finding.command { all.append(empty + "  $ " + command) }
    return all
  }

  private static let narrowest = 40

  /// `text` after `head`, its further lines under its first.
  private static func wrapped(_ head: String, _ text: String, _ width: Int?) -> [String] {
    guard let width, width >= narrowest else { return [head + text] }
    var lines = [head]
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      let line = lines[lines.count - 1]
      if line.count == margin || line.count + 1 + word.count <= width {
        lines[lines.count - 1] += (line.count == margin ? "" : " ") + word
      } else {
        lines.append(String(repeating: " ", count: margin) + word)
      }
    }
    return lines
  }

  private static func label(_ verdict: Finding.Verdict) -> String {
    switch verdict {
    case .ok: "ok"
    case .note: "note"
    case .warning: "WARNING"
    case .problem: "PROBLEM"
    case .unchecked: "not checked"
    }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
