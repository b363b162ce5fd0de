import JSON
import OperatorProtocol

/// All findings of one rule.
struct FindingGroup: Hashable, Sendable {
  var rule: Text
  var severity: Severity
  var findings: [FindingView]
  var needsAcceptance: Bool

  /// The groups that a person must know of, worst first; passed checks are only counted.
  static func groups(of findings: [FindingView]) -> [FindingGroup] {
    var order: [Text] = []
    var byRule: [Text: [FindingView]] = [:]
    for finding in findings where finding.severity != .pass {
      if byRule[finding.rule] == nil { order.append(finding.rule) }
      byRule[finding.rule, default: []].append(finding)
    }
    let groups = order.map { rule in
      let all = (byRule[rule] ?? []).sorted { $0.severity > $1.severity }
      return FindingGroup(
        rule: rule, severity: all.first?.severity ?? .unchecked, findings: all,
        needsAcceptance: all.contains { $0.needsAcceptance })
    }
    return groups.sorted { a, b in
      a.severity == b.severity ? a.rule < b.rule : a.severity > b.severity
    }
  }
}

extension Severity {
  /// The word that stands for it everywhere.
  var word: String {
    switch self {
    case .pass: "ok"
    case .note: "NOTE"
    case .warn: "WARN"
    case .unchecked: "UNCHECKED"
    case .high: "HIGH"
    case .block: "BLOCK"
    }
  }

  /// For narrow columns.
  var shortWord: String { self == .unchecked ? "UNCHK" : word }
}
