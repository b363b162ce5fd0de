package import JSON

/// What is known of a tool's calls before one is made.
package struct Outlook: Hashable, Sendable {
  /// What becomes of a call that no condition stops.
  package let decision: Verdict.Decision
  /// Whether conditions can make it stricter.
  package let isConditional: Bool
  /// The key of the document that counts: `/tools/@Financial`, `/hide/0`, `/default`.
  package let rule: String

  /// `allow`, or `hold, or stricter by its conditions`.
  package var words: String {
    decision.rawValue + (isConditional ? ", or stricter by its conditions" : "")
  }
}

extension Policy {
  /// Every tool that the catalogue or the document names, in their order.
  package var listedTools: [Text] {
    let known = (catalogue?.tools ?? []).map(\.name)
    return known
      + tools.filter { $0.name.isExact && catalogue?[$0.name.text] == nil }.map(\.name.text)
  }

  package func outlook(for tool: Text) -> Outlook {
    let found = find(tool)
    if let place = found.hidden {
      return Outlook(decision: .deny, isConditional: false, rule: "/hide/\(place)")
    }
    guard let rules = found.rules.map({ tools[$0] }) else {
      return Outlook(
        decision: posture == .allow ? .allow : .deny, isConditional: false, rule: "/default")
    }
    let rule = String(rules.pointer("").dropLast())
    if rules.deniesEverything {
      return Outlook(decision: .deny, isConditional: false, rule: rule)
    }
    let denies = (rules.denyIf + rules.require).contains { !$0.isUnconditional && !$0.isShadow }
    let holds = rules.holdIf.contains { !$0.isUnconditional && !$0.isShadow }
    return Outlook(
      decision: rules.holdsEverything ? .hold : .allow,
      isConditional: denies || holds && !rules.holdsEverything, rule: rule)
  }
}
