package import Cryptography
package import JSON

/// One policy document, read strictly.
package struct Policy: Hashable, Sendable {
  package enum Posture: String, CaseIterable, Hashable, Sendable { case allow, deny }

  /// What happens to tools that are not listed.
  package let posture: Posture
  package let hidden: [NamePattern]
  /// As written.
  package let tools: [ToolPolicy]
  /// Of every call that is not denied, whatever its tool.
  package let limits: [Limit]
  /// Nil where the document names none.
  package let catalogue: ToolCatalogue?
  /// SHA-256 of the canonical bytes of the document; with a catalogue, of these, a line feed and the
  /// catalogue's digest in hexadecimal.
  package let digest: Digest
  /// What was found for every name that document or catalogue list, so that a call looks up once.
  private let found: [Text: Found]
  private let limitRoots: Set<Text>
  /// The rules of the zones that `zoneNames` lists. A window in a zone that is missing here cannot be
  /// computed.
  package var zones: [Text: ZoneRules] = [:]

  /// Zones whose rules must come from a table.
  package var zoneNames: Set<Text> {
    let named = tools.flatMap(\.comparisons).compactMap { one -> Text? in
      guard case .within(let window) = one.test else { return nil }
      return ZoneRules.fixed(window.zone) == nil ? window.zone : nil
    }
    return Set(named)
  }

  /// The first parts of the paths in the rules of `tool`: what a caller must compute.
  package func roots(for tool: Text) -> Set<Text> {
    (rules(for: tool)?.roots ?? []).union(limitRoots)
  }

  /// The rules of `tool`: those under its own name, else those of the glob with the most literal
  /// bytes, the first written of equals, else those of its category. Nil when the document does not
  /// list it.
  package func rules(for tool: Text) -> ToolPolicy? {
    find(tool).rules.map { tools[$0] }
  }

  init(
    posture: Posture, hidden: [NamePattern], tools: [ToolPolicy], limits: [Limit],
    catalogue: ToolCatalogue?, digest: Digest
  ) {
    self.posture = posture
    self.hidden = hidden
    self.tools = tools
    self.limits = limits
    limitRoots = Set(limits.flatMap(\.roots))
    self.catalogue = catalogue
    self.digest = digest
    let finder = Finder(hidden, tools)
    var found: [Text: Found] = [:]
    for tool in tools where tool.name.isExact {
      found[tool.name.text] = finder.find(tool.name.text, catalogue?[tool.name.text]?.category)
    }
    for entry in catalogue?.tools ?? [] where found[entry.name] == nil {
      found[entry.name] = finder.find(entry.name, entry.category)
    }
    self.found = found
  }

  /// What the document says about one name.
  struct Found: Hashable, Sendable {
    /// A place in `hidden`.
    var hidden: Int?
    /// A place in `tools`.
    var rules: Int?
  }

  func find(_ tool: Text) -> Found {
    // What neither document nor catalogue list has no category.
    found[tool] ?? Finder(hidden, tools).find(tool, nil)
  }

  /// Whether `tools/list` shows the tool: it is not hidden, and some call of it is allowed or held.
  package func isVisible(_ tool: Text) -> Bool {
    let found = find(tool)
    guard found.hidden == nil else { return false }
    return found.rules.map { !tools[$0].deniesEverything } ?? (posture == .allow)
  }
}

/// Looks a name up in a document as it is written.
private struct Finder {
  private let hidden: [NamePattern]
  private let tools: [ToolPolicy]
  private let exact: [Text: Int]
  private let globs: [Int]
  private let categories: [ToolCategory: Int]

  init(_ hidden: [NamePattern], _ tools: [ToolPolicy]) {
    self.hidden = hidden
    self.tools = tools
    var exact: [Text: Int] = [:]
    var categories: [ToolCategory: Int] = [:]
    for (place, tool) in tools.enumerated() {
      if tool.name.isExact { exact[tool.name.text] = place }
      if let category = tool.name.category { categories[category] = place }
    }
    (self.exact, self.categories) = (exact, categories)
    globs = tools.indices.filter { tools[$0].name.isGlob }
  }

  func find(_ tool: Text, _ category: ToolCategory?) -> Policy.Found {
    Policy.Found(
      hidden: hidden.firstIndex { $0.matches(tool, of: category) },
      rules: exact[tool] ?? glob(tool) ?? category.flatMap { categories[$0] })
  }

  private func glob(_ tool: Text) -> Int? {
    var best: (place: Int, bytes: Int)?
    for place in globs where tools[place].name.matches(tool, of: nil) {
      let bytes = tools[place].name.literalBytes
      if bytes > best?.bytes ?? -1 { best = (place, bytes) }
    }
    return best?.place
  }
}

/// What the document says about one tool or glob.
package struct ToolPolicy: Hashable, Sendable {
  package enum Action: String, CaseIterable, Hashable, Sendable { case allow, deny, hold }

  package let name: NamePattern
  package let action: Action
  package let reason: String?
  package let require: [Rule]
  package let denyIf: [Rule]
  package let holdIf: [Rule]
  /// `rate_limit` first.
  package let limits: [Limit]
  /// The first whose conditions hold counts; none: one operator, and the gateway's configuration for
  /// the rest.
  package let approvals: [Threshold]
  /// The first parts of all paths in its rules.
  let roots: Set<Text>
  let hasShadows: Bool
  /// Whether any of them asks about the tool itself.
  let asksForTool: Bool
  /// What every pointer into its rules begins with.
  private let base: String

  init(
    name: NamePattern, action: Action, reason: String?, require: [Rule], denyIf: [Rule],
    holdIf: [Rule], limits: [Limit], approvals: [Threshold]
  ) {
    self.name = name
    self.action = action
    self.reason = reason
    self.require = require
    self.denyIf = denyIf
    self.holdIf = holdIf
    self.limits = limits
    self.approvals = approvals
    let rules = denyIf + require + holdIf
    hasShadows = rules.contains(where: \.isShadow)
    let conditions = rules.flatMap(\.conditions) + approvals.flatMap(\.conditions)
    let comparisons = conditions.flatMap(\.comparisons)
    asksForTool = comparisons.contains { $0.path.rootName == "tool" }
    roots = Set(comparisons.map(\.path.rootName) + limits.flatMap(\.roots))
    let escaped = name.text.string.replacing("~", with: "~0").replacing("/", with: "~1")
    base = "/tools/\(escaped)/"
  }

  var comparisons: [Comparison] {
    ((denyIf + require + holdIf).flatMap(\.conditions) + approvals.flatMap(\.conditions))
      .flatMap(\.comparisons)
  }

  package var deniesEverything: Bool {
    action == .deny
      || denyIf.contains { $0.isUnconditional && !$0.isHoldInDenial && !$0.isShadow }
  }

  package var holdsEverything: Bool {
    !deniesEverything
      && (action == .hold || denyIf.contains { $0.isHoldInDenial && !$0.isShadow }
        || holdIf.contains { $0.isUnconditional && !$0.isShadow })
  }

  /// The place of one of its rules in the document, as a JSON pointer.
  func pointer(_ rest: String) -> String { base + rest }
}

/// Conditions that are true together, and what to tell the agent.
package struct Rule: Hashable, Sendable {
  let conditions: [Condition]
  package let message: String?
  /// Recorded when it would have decided, and not enforced.
  package var isShadow = false

  package var isUnconditional: Bool { conditions.isEmpty }

  /// The text that PolicyLayer's pages publish for "blocked until a human approves it".
  package static let publishedHoldText: Text = "Requires human approval."

  /// A `deny_if` without conditions and with exactly the published text means *hold*.
  package var isHoldInDenial: Bool {
    isUnconditional && message.map { Text($0) == Self.publishedHoldText } ?? false
  }

  /// Whether the conditions hold together, each for any value under its path.
  func fires(_ scene: Scene) -> Truth { Truth.every(conditions.lazy.map { $0.holds(scene, .any) }) }

  /// Whether the conditions hold together, each for every value under its path.
  func isMet(_ scene: Scene) -> Truth {
    Truth.every(conditions.lazy.map { $0.holds(scene, .every) })
  }
}

/// How calls are approved for which some conditions hold.
package struct Threshold: Hashable, Sendable {
  let conditions: [Condition]
  package let terms: ApprovalTerms

  func applies(_ scene: Scene) -> Truth {
    Truth.every(conditions.lazy.map { $0.holds(scene, .any) })
  }
}
