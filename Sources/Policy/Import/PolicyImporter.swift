import JSON

/// Reads a document of another gateway; see `ImportedPolicy`.
struct PolicyImporter {
  let root: JSONCursor
  let isYAML: Bool
  let position: (JSONPath) -> JSONPosition?
  private(set) var remarks: [ImportedPolicy.Remark] = []

  init(_ value: JSONValue, isYAML: Bool, position: @escaping (JSONPath) -> JSONPosition?) {
    root = JSONCursor(value)
    self.isYAML = isYAML
    self.position = position
  }

  mutating func note(_ path: JSONPath, _ reading: ImportedPolicy.Reading, _ words: String) {
    remarks.append(
      ImportedPolicy.Remark(
        path: path, position: position(path), reading: reading, words: words))
  }

  mutating func run() throws(JSONError) -> ImportedPolicy {
    do throws(JSONError) {
      return try read()
    } catch {
      throw JSONError(
        error.code, error.message, at: error.path,
        position: error.position ?? position(error.path))
    }
  }

  private mutating func read() throws(JSONError) -> ImportedPolicy {
    let isFragment = try isFragment()
    let tools = isFragment ? root : try root.optional("tools") ?? JSONCursor(.object([:]))
    let dialect = try dialect(of: tools)
    if isFragment {
      note(.root, .stricter, "rules of tools alone: every tool that is not listed is denied")
    } else {
      try checkTop(dialect)
    }
    var document: JSONObject = ["version": "1"]
    document["description"] = .string("Imported from a policy of \(dialect.rawValue).")
    document["default"] = .string(try posture(dialect, isFragment))
    if let hidden = try hidden() { document["hide"] = hidden }
    var listed = try read(tools, dialect)
    if case .intercept = dialect { try spread(&listed, &document) }
    if let all = try allTools(dialect, &document) { document["all_tools"] = all }
    var rules = JSONObject()
    for tool in listed.tools { rules[tool.name] = tool.json }
    document["tools"] = .object(rules)
    do throws(JSONError) {
      _ = try Policy.parse(JSONWriter.bytes(of: .object(document)))
    } catch {
      throw JSONError(
        .badValue, "what was read cannot be expressed: \(error.path): \(error.message)")
    }
    return ImportedPolicy(dialect: dialect, document: .object(document), remarks: remarks)
  }

  /// Denies a tool whose rules are none of this language.
  private mutating func check(_ draft: inout ToolDraft) {
    guard draft.refusal == nil else { return }
    let document: JSONValue = [
      "version": "1", "default": "deny", "tools": .object([draft.name: draft.json]),
    ]
    do throws(JSONError) {
      _ = try Policy.parse(JSONWriter.bytes(of: document))
    } catch {
      refuse(draft.path, error.message, &draft)
    }
  }

  // MARK: The top

  private static let ruleKeys: Set<Text> = ["require", "deny_if", "limits", "rules"]

  /// Rules by tool without a document around them, as pages print them.
  private func isFragment() throws(JSONError) -> Bool {
    let object = try root.object()
    guard object["version"] == nil, object["tools"] == nil, object["default"] == nil,
      !object.isEmpty
    else { return false }
    return object.members.allSatisfy { member in
      guard let keys = member.value.objectValue?.keys else { return false }
      return !keys.isEmpty && keys.allSatisfy { Self.ruleKeys.contains($0) }
    }
  }

  private func dialect(of tools: JSONCursor) throws(JSONError) -> ImportedPolicy.Dialect {
    var keys: Set<Text> = []
    for (_, tool) in try tools.members() { keys.formUnion(tool.value.objectValue?.keys ?? []) }
    if keys.contains("rules") { return .intercept }
    let isHosted =
      !keys.isDisjoint(with: ["require", "deny_if", "limits"])
      || root.value["all_tools"] != nil
    return isYAML && !isHosted ? .intercept : .hosted
  }

  private mutating func checkTop(_ dialect: ImportedPolicy.Dialect) throws(JSONError) {
    try root.allow(
      only: dialect == .hosted
        ? ["$schema", "version", "description", "default", "hide", "all_tools", "tools"]
        : ["version", "description", "default", "hide", "tools", "approvals"])
    let version = try root.member("version")
    let isOne = version.value == "1" || isYAML && version.value == 1
    guard isOne else { throw version.bad("the only version that is known is \"1\"") }
    if let approvals = try root.optional("approvals") {
      note(
        approvals.path, .stricter,
        "approvals: who is told of a held call is no part of a policy here; operators see it in "
          + "their console, and it expires after the gateway's own time")
    }
  }

  private mutating func posture(
    _ dialect: ImportedPolicy.Dialect, _ isFragment: Bool
  ) throws(JSONError) -> String {
    guard !isFragment else { return "deny" }
    if let given = try root.optional("default") {
      return try given.one(of: Policy.Posture.self).rawValue
    }
    if dialect == .hosted {
      note(.root, .stricter, "no default: tools that are not listed are denied")
      return "deny"
    }
    note(.root, .kept, "no default: Intercept allows tools that are not listed")
    return "allow"
  }

  private mutating func hidden() throws(JSONError) -> JSONValue? {
    guard let list = try root.optional("hide") else { return nil }
    var names: [JSONValue] = []
    for one in try list.elements() {
      let name = try one.text()
      guard !name.isEmpty, name.utf8.first != UInt8(ascii: "@") else {
        throw one.bad("\"\(name)\" cannot be hidden by its name here")
      }
      let isGlob = name.utf8.contains(UInt8(ascii: "*"))
      note(
        one.path, isGlob && name != "*" ? .stricter : .kept,
        isGlob ? "hide \(name): every * stands for any text" : "hide \(name)")
      names.append(.string(name))
    }
    return .array(names)
  }

  private mutating func allTools(
    _ dialect: ImportedPolicy.Dialect, _ document: inout JSONObject
  ) throws(JSONError) -> JSONValue? {
    if dialect == .intercept { return document["all_tools"] }
    guard let given = try root.optional("all_tools") else { return nil }
    try given.allow(only: ["limits"])
    var draft = ToolDraft(name: "", path: given.path)
    for limit in try given.optional("limits")?.elements() ?? [] { hostedLimit(limit, &draft) }
    guard draft.refusal == nil else {
      throw given.bad("these limits cannot be expressed: \(draft.refusal ?? "")")
    }
    return draft.limits.isEmpty ? nil : ["limits": .array(draft.limits)]
  }

  // MARK: Tools

  private struct Listed {
    var tools: [ToolDraft] = []
    /// Intercept's rules for every tool.
    var star: ToolDraft?
  }

  private mutating func read(
    _ tools: JSONCursor, _ dialect: ImportedPolicy.Dialect
  ) throws(JSONError) -> Listed {
    var listed = Listed()
    for (name, tool) in try tools.members() {
      let isStar = dialect == .intercept && name == "*"
      guard !name.isEmpty, name.utf8.first != UInt8(ascii: "@") else {
        throw tool.bad("\"\(name)\" cannot be named here")
      }
      var draft = ToolDraft(name: name, path: tool.path)
      if name.utf8.contains(UInt8(ascii: "*")), !isStar {
        refuse(tool.path, "the name is no exact one, which is all that is known there", &draft)
      } else if dialect == .hosted {
        readHosted(tool, &draft)
      } else {
        readIntercept(tool, &draft)
      }
      check(&draft)
      if isStar { listed.star = draft } else { listed.tools.append(draft) }
    }
    return listed
  }

  /// Gives Intercept's rules for every tool to each of them.
  private func spread(_ listed: inout Listed, _ document: inout JSONObject) throws(JSONError) {
    guard let star = listed.star else { return }
    if !star.limits.isEmpty { document["all_tools"] = ["limits": .array(star.limits)] }
    for index in listed.tools.indices { listed.tools[index].add(star) }
    if star.refusal != nil { document["default"] = "deny" }
    guard document["default"] == "allow" else { return }
    var rest = star
    rest.limits = []
    listed.tools.append(rest)
  }

  mutating func refuse(_ path: JSONPath, _ words: String, _ draft: inout ToolDraft) {
    note(path, .refused, "\(draft.title)\(words); every call of it is denied")
    if draft.refusal == nil { draft.refusal = words }
  }
}

/// The rules of one tool while they are put together.
struct ToolDraft {
  let name: Text
  let path: JSONPath
  var action: JSONValue?
  var reason: JSONValue?
  var require: [JSONValue] = []
  var denyIf: [JSONValue] = []
  var holdIf: [JSONValue] = []
  var limits: [JSONValue] = []
  var rateLimit: JSONValue?
  var approval: JSONValue?
  /// Why it is denied; nil while everything could be expressed.
  var refusal: String?

  init(name: Text, path: JSONPath) {
    self.name = name
    self.path = path
  }

  /// How remarks about it begin.
  var title: String { name.isEmpty ? "" : "\(name): " }

  /// Takes another's rules over, behind its own. Limits stay where they are.
  mutating func add(_ other: ToolDraft) {
    if other.action == "deny" || action != "deny" && other.action != nil {
      (action, reason) = (other.action, other.reason ?? reason)
    }
    require += other.require
    denyIf += other.denyIf
    holdIf += other.holdIf
    approval = approval ?? other.approval
    refusal = refusal ?? other.refusal
  }

  var json: JSONValue {
    if refusal != nil {
      return ["action": "deny", "reason": "A rule of this tool could not be imported."]
    }
    func list(_ all: [JSONValue]) -> JSONValue? { all.isEmpty ? nil : .array(all) }
    return .compact([
      "action": action, "reason": reason, "require": list(require), "deny_if": list(denyIf),
      "hold_if": list(holdIf), "limits": list(limits), "rate_limit": rateLimit,
      "approval": approval,
    ])
  }
}
