package import Cryptography
package import JSON

/// What kind of thing a tool does.
package enum ToolCategory: String, CaseIterable, Hashable, Sendable {
  case read = "Read"
  case write = "Write"
  case execute = "Execute"
  case destructive = "Destructive"
  case financial = "Financial"

  /// The category of a key such as `@Financial`; nil for other text.
  init?(selector: Text) {
    guard let found = Self.allCases.first(where: { $0.selector == selector }) else { return nil }
    self = found
  }

  var selector: Text { Text("@" + rawValue) }

  static let help = allCases.map(\.selector.string).joined(separator: ", ")
}

/// How much harm one call can do.
package enum ToolSeverity: String, CaseIterable, Hashable, Sendable {
  case low, medium, high, critical
}

/// What a server's tools do: a document beside the policy, so that rules can speak of categories.
package struct ToolCatalogue: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package let name: Text
    /// The part of the server that the tool belongs to.
    package let group: Text
    package let category: ToolCategory
    package let severity: ToolSeverity
    /// What a person should know before an agent may call it.
    package let reason: String
  }

  /// The server that it describes.
  package let server: Text
  /// As written.
  package let tools: [Entry]
  /// SHA-256 of the canonical bytes of the document.
  package let digest: Digest
  private let places: [Text: Int]

  /// Tools of one catalogue.
  package static let maxTools = 5_000
  /// Bytes of a tool's or group's name.
  package static let maxNameBytes = 256
  /// Bytes of one reason.
  package static let maxReasonBytes = 1_000

  package subscript(_ tool: Text) -> Entry? { places[tool].map { tools[$0] } }

  package func count(_ category: ToolCategory) -> Int { tools.count { $0.category == category } }
}

// MARK: Reading

extension ToolCatalogue {
  package static let schema = JSONSchema(title: "A catalogue of tools", shape: shape)

  static let shape = JSONShape.Object([
    .init("$schema", .text(), "For editors."),
    .init("version", .one(["1"]), "The version of this format.", isRequired: true),
    .init("description", .text(), "For people."),
    .init("server", .text(), "The MCP server that is described.", isRequired: true),
    .init(
      "tools", .map(.object(entryShape), limit: maxTools), "Its tools by name.", isRequired: true),
  ])

  static let entryShape = JSONShape.Object([
    .init("group", .text(), "The part of the server that the tool belongs to.", isRequired: true),
    .init(
      "category", .one(of: ToolCategory.self), "What kind of thing it does.", isRequired: true),
    .init(
      "severity", .one(of: ToolSeverity.self), "How much harm one call can do.", isRequired: true),
    .init("reason", .text(), "What a person should know about it.", isRequired: true),
  ])

  /// Throws the first thing that is wrong, with its path; syntax errors carry line and column, others
  /// get them from `JSONError.located(in:)`.
  package static func parse(
    _ bytes: some Collection<UInt8>
  ) throws(JSONError) -> ToolCatalogue {
    try ToolCatalogue(JSONCursor(try JSONParser.parse(bytes, limits: .file)))
  }

  private init(_ json: JSONCursor) throws(JSONError) {
    try json.allow(Self.shape)
    let version = try json.member("version")
    guard try version.text() == "1" else { throw version.bad("the only version is \"1\"") }
    _ = try json.optional("$schema")?.text()
    _ = try json.optional("description")?.text()
    server = try json.member("server").name()
    let listed = try json.member("tools")
    let members = try listed.members()
    guard (1...Self.maxTools).contains(members.count) else {
      throw listed.bad("\(members.count) tools, allowed are 1 to \(Self.maxTools)")
    }
    var tools: [Entry] = []
    var places: [Text: Int] = [:]
    for (name, one) in members {
      places[name] = tools.count
      tools.append(try Entry(name, one))
    }
    (self.tools, self.places) = (tools, places)
    digest = SHA256.hash(JSONWriter.canonicalBytes(of: json.value))
  }
}

extension ToolCatalogue.Entry {
  fileprivate init(_ name: Text, _ json: JSONCursor) throws(JSONError) {
    guard (1...ToolCatalogue.maxNameBytes).contains(name.count),
      !name.utf8.contains(UInt8(ascii: "*")), name.utf8.first != UInt8(ascii: "@")
    else {
      throw json.bad(
        "\"\(name)\" is no tool's name: 1 to \(ToolCatalogue.maxNameBytes) bytes without *, and no @ "
          + "in front")
    }
    try json.allow(ToolCatalogue.entryShape)
    self.name = name
    group = try json.member("group").name()
    category = try json.member("category").one(of: ToolCategory.self)
    severity = try json.member("severity").one(of: ToolSeverity.self)
    let words = try json.member("reason")
    reason = try words.string()
    guard (1...ToolCatalogue.maxReasonBytes).contains(reason.utf8.count) else {
      throw words.bad("a reason has 1 to \(ToolCatalogue.maxReasonBytes) bytes")
    }
  }
}

extension JSONCursor {
  fileprivate func name() throws(JSONError) -> Text {
    let text = try text()
    guard (1...ToolCatalogue.maxNameBytes).contains(text.count) else {
      throw bad("a name has 1 to \(ToolCatalogue.maxNameBytes) bytes")
    }
    return text
  }
}
