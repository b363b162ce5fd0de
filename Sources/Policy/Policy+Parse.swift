import Cryptography
package import JSON
import Time

extension Policy {
  /// Tools and globs of one document.
  package static let maxTools = 2_000
  /// Rules in one list, and conditions in one rule.
  package static let maxRules = 100
  /// Values of one `in` or `not_in`.
  package static let maxOperands = 1_000

  /// The policy of a document. Throws the first thing that is wrong, with its path; syntax errors
  /// carry line and column, others get them from `JSONError.located(in:)`.
  ///
  /// - Parameter catalogue: What the document names as its catalogue. Without it such a document is
  ///   refused.
  package static func parse(
    _ bytes: some Collection<UInt8>, catalogue: ToolCatalogue? = nil
  ) throws(JSONError) -> Policy {
    try PolicyDocument(bytes).policy(catalogue)
  }

  package static let schema = JSONSchema(
    title: "A policy of Countersign", shape: shape, definitions: [("condition", Condition.shape)])

  /// The keys of the document; a new one is one more field here, read in `init`.
  static let shape = JSONShape.Object([
    .init("$schema", .text(), "For editors."),
    .init("version", .one(["1"]), "The version of this language.", isRequired: true),
    .init("description", .text(), "For people."),
    .init(
      "default", .one(of: Posture.self), "What happens to tools that are not listed.",
      isRequired: true),
    .init(
      "catalogue", .text(),
      "A file that says what each tool does, relative to this one; needed for keys such as @Financial."
    ),
    .init(
      "hide", .list(.text(), upTo: maxTools),
      "Names, globs or categories: absent from tools/list, and denied."),
    .init(
      "tools", .map(.object(ToolPolicy.shape), limit: maxTools),
      "Rules by exact name, glob or category."),
    .init("all_tools", .object(everyTool), "Limits of every call, besides those of its tool."),
  ])

  private static let everyTool = JSONShape.Object([
    .init("limits", Limit.listShape, "How much may happen in a span of time, or at once.")
  ])

  init(_ json: JSONCursor, _ catalogue: ToolCatalogue?) throws(JSONError) {
    try json.allow(Self.shape)
    let version = try json.member("version")
    guard try version.text() == "1" else { throw version.bad("the only version is \"1\"") }
    _ = try json.optional("$schema")?.text()
    _ = try json.optional("description")?.text()
    let posture = try json.member("default").one(of: Posture.self)
    var hidden: [NamePattern] = []
    if let listed = try json.optional("hide") {
      let names = try listed.elements()
      guard names.count <= Self.maxTools else {
        throw listed.bad("\(names.count) names are hidden, the limit is \(Self.maxTools)")
      }
      for name in names { hidden.append(try name.namePattern(try name.text(), catalogue)) }
    }
    let everyTool = try json.optional("all_tools")
    try everyTool?.allow(Self.everyTool)
    let limits =
      try everyTool?.maybe("limits") { one throws(JSONError) in try Limit.list(one) } ?? []
    var tools: [ToolPolicy] = []
    if let listed = try json.optional("tools") {
      let members = try listed.members()
      guard members.count <= Self.maxTools else {
        throw listed.bad("\(members.count) tools are listed, the limit is \(Self.maxTools)")
      }
      for (name, rules) in members {
        let tool = try ToolPolicy(try rules.namePattern(name, catalogue), rules)
        try rules.refuseTwins(of: limits, in: tool)
        tools.append(tool)
      }
    }
    var bytes = JSONWriter.canonicalBytes(of: json.value)
    if let catalogue { bytes += Array("\n\(catalogue.digest.hex)".utf8) }
    self.init(
      posture: posture, hidden: hidden, tools: tools, limits: limits,
      catalogue: catalogue, digest: SHA256.hash(bytes))
  }
}

/// A policy's document, before the catalogue that it names is there.
package struct PolicyDocument: Sendable {
  private let json: JSONCursor
  /// The path of the catalogue as written; nil where none is named.
  package let catalogue: Text?

  /// Looks at no more than `catalogue`; `policy` reads the rest.
  package init(_ bytes: some Collection<UInt8>) throws(JSONError) {
    json = JSONCursor(try JSONParser.parse(bytes, limits: .file))
    catalogue = try json.maybe("catalogue") { one throws(JSONError) in
      let path = try one.text()
      guard !path.isEmpty, !path.utf8.contains(0) else { throw one.bad("a path is expected") }
      return path
    }
  }

  /// The policy. The catalogue that the document names must be given.
  package func policy(_ catalogue: ToolCatalogue?) throws(JSONError) -> Policy {
    guard self.catalogue == nil || catalogue != nil else {
      throw try json.member("catalogue").bad("the catalogue is not at hand")
    }
    return try Policy(json, self.catalogue == nil ? nil : catalogue)
  }
}

extension ToolPolicy {
  /// The keys of one tool; a new one is one more field here, read in `init`.
  static let shape = JSONShape.Object([
    .init(
      "action", .one(of: Action.self),
      "What happens to calls that no rule decides; allow by default."
    ),
    .init("reason", .text(), "Told to the agent where a rule has no words of its own."),
    .init(
      "require", Rule.list("on_deny"),
      "A call is denied unless the conditions of every entry hold, each for every value."),
    .init(
      "deny_if", Rule.list("on_deny"),
      "A call is denied when the conditions of one entry hold, each for any value."),
    .init(
      "hold_if", Rule.list("on_hold"),
      "A call is held when the conditions of one entry hold, each for any value."),
    .init("rate_limit", .object(Limit.rateShape), "Calls per agent and tool in a sliding window."),
    .init("limits", Limit.listShape, "How much may happen in a span of time, or at once."),
    .init(
      "approval",
      .any([
        .object(ApprovalTerms.shape),
        .list(.object(Threshold.shape), count: 1...Policy.maxRules),
      ]), "How held calls are approved: always, or by the first entry whose conditions hold."),
  ])

  fileprivate init(_ name: NamePattern, _ json: JSONCursor) throws(JSONError) {
    try json.allow(Self.shape)
    self.init(
      name: name, action: try json.optional("action")?.one(of: Action.self) ?? .allow,
      reason: try json.optional("reason")?.string(),
      require: try json.rules("require", message: "on_deny"),
      denyIf: try json.rules("deny_if", message: "on_deny"),
      holdIf: try json.rules("hold_if", message: "on_hold"),
      limits: try json.limits(),
      approvals: try json.maybe("approval") { one throws(JSONError) in try Threshold.list(one) }
        ?? [])
  }
}

extension Rule {
  static func list(_ message: Text) -> JSONShape {
    .list(.object(shape(message)), upTo: Policy.maxRules)
  }

  fileprivate static func shape(_ message: Text) -> JSONShape.Object {
    message == "on_hold" ? holding : denying
  }

  private static let holding = shape(told: "on_hold")
  private static let denying = shape(told: "on_deny")

  private static func shape(told message: Text) -> JSONShape.Object {
    JSONShape.Object([
      .init("conditions", Condition.list, "All must hold together.", isRequired: true),
      .init(message, .text(), "Told to the agent."),
      .init("shadow", .bool, "Only recorded when it would decide."),
    ])
  }
}

extension Threshold {
  /// What an entry of a list has: conditions besides the terms.
  static let shape = JSONShape.Object(
    [.init("conditions", Condition.list, "When this entry counts; none: always.")]
      + ApprovalTerms.shape.fields)

  /// One object for every call, or a list of them with conditions.
  fileprivate static func list(_ json: JSONCursor) throws(JSONError) -> [Threshold] {
    guard case .array = json.value else { return [try Threshold(json, mayBranch: false)] }
    let elements = try json.elements()
    guard (1...Policy.maxRules).contains(elements.count) else {
      throw json.bad("\(elements.count) entries, allowed are 1 to \(Policy.maxRules)")
    }
    var all: [Threshold] = []
    for element in elements { all.append(try Threshold(element, mayBranch: true)) }
    return all
  }

  private init(_ json: JSONCursor, mayBranch: Bool) throws(JSONError) {
    try json.allow(mayBranch ? Self.shape : ApprovalTerms.shape)
    conditions = try json.optional("conditions")?.conditions() ?? []
    terms = try ApprovalTerms(json)
  }
}

extension ApprovalTerms {
  private static let quorums = 1...10

  static let shape = JSONShape.Object([
    .init("quorum", .integer(quorums), "How many distinct operators sign."),
    .init(
      "roles", .list(.one(of: Role.self), count: 1...Int.max), "Whose signatures count."),
    .init("forbid_owner", .bool, "Nobody signs for an agent that they own."),
    .init("ttl", .duration, "How long the call may be decided, up to 24h."),
    .init("wait", .duration, "How long one request of the agent waits, up to 60m."),
    .init("execute", .one(of: Execute.self), "When an approved call is sent."),
  ])

  fileprivate init(_ json: JSONCursor) throws(JSONError) {
    self.init()
    if let member = try json.optional("roles") {
      var roles: Set<Role> = []
      for role in try member.elements() { roles.insert(try role.one(of: Role.self)) }
      guard !roles.isEmpty else { throw member.bad("no role is listed, so that nobody could sign") }
      self.roles = roles
    }
    if let member = try json.optional("quorum") { quorum = try member.int(in: Self.quorums) }
    forbidsOwner = try json.optional("forbid_owner")?.bool() ?? false
    ttl = try json.optional("ttl")?.duration(upTo: .minutes(24 * 60))
    wait = try json.optional("wait")?.duration(upTo: .minutes(60))
    if let member = try json.optional("execute") { execute = try member.one(of: Execute.self) }
  }
}

extension JSONCursor {
  fileprivate func limits() throws(JSONError) -> [Limit] {
    let rate = try maybe("rate_limit") { one throws(JSONError) in try Limit(rate: one) }
    let listed = try maybe("limits") { one throws(JSONError) in try Limit.list(one) } ?? []
    let all = [rate].compactMap(\.self) + listed
    guard let rate, let twin = listed.first(where: { $0.identity == rate.identity }) else {
      return all
    }
    throw bad("\(twin.place) counts the same as rate_limit: a call would count twice")
  }

  /// A call counts once under a limit of every tool and of its own.
  fileprivate func refuseTwins(of limits: [Limit], in tool: ToolPolicy) throws(JSONError) {
    for limit in tool.limits {
      guard let twin = limits.first(where: { $0.identity == limit.identity }) else { continue }
      throw bad(
        "\(limit.place) counts the same as \(twin.place) of all_tools: a call would count twice")
    }
  }

  /// The pattern of a key or element that stands here.
  fileprivate func namePattern(
    _ text: Text, _ catalogue: ToolCatalogue?
  ) throws(JSONError) -> NamePattern {
    guard !text.isEmpty else { throw bad("a tool's name is empty") }
    let pattern = NamePattern(text)
    guard text.utf8.first == UInt8(ascii: "@") else { return pattern }
    guard pattern.category != nil else {
      throw bad("\"\(text)\" is no category; there are \(ToolCategory.help)")
    }
    guard catalogue != nil else {
      throw bad("\"\(text)\" needs a catalogue: name its file in \"catalogue\"")
    }
    return pattern
  }

  fileprivate func duration(upTo limit: Milliseconds) throws(JSONError) -> Milliseconds {
    let text = try text()
    guard let length = Milliseconds(parsing: text.string), length > .zero, length <= limit else {
      throw bad("\"\(text)\" is no length of time up to \(limit), such as \"25s\" or \"15m\"")
    }
    return length
  }

  fileprivate func rules(_ key: Text, message: Text) throws(JSONError) -> [Rule] {
    guard let list = try optional(key) else { return [] }
    let elements = try list.elements()
    guard elements.count <= Policy.maxRules else {
      throw list.bad("\(elements.count) rules, the limit is \(Policy.maxRules)")
    }
    var rules: [Rule] = []
    for element in elements {
      try element.allow(Rule.shape(message))
      rules.append(
        Rule(
          conditions: try element.member("conditions").conditions(),
          message: try element.optional(message)?.string(),
          isShadow: try element.optional("shadow")?.bool() ?? false))
    }
    return rules
  }
}
