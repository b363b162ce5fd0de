package import JSON

/// A policy to begin with, for a server whose tools were just read.
///
/// Nothing that is not known is allowed: a server's own words about a tool, such as that it only
/// reads, are no reason by themselves.
package struct FirstPolicy: Sendable {
  package struct Tool: Hashable, Sendable {
    package let name: Text
    /// Whether the server says that it only reads.
    package let isHintedRead: Bool

    package init(name: Text, isHintedRead: Bool) {
      self.name = name
      self.isHintedRead = isHintedRead
    }
  }

  package let document: JSONValue
  /// Tools that no key can name; the default denies them.
  package let unnamed: [Text]

  /// - Parameters:
  ///   - server: What the server calls itself.
  ///   - catalogue: What is known of tools, and the path to name it by.
  ///   - allowsHintedReads: Whether tools are allowed that are not known and say that they only read.
  package init(
    server: Text, tools: [Tool], catalogue: (path: Text, content: ToolCatalogue)?,
    allowsHintedReads: Bool
  ) {
    var rules = JSONObject()
    var unnamed: [Text] = []
    for tool in tools.sorted(by: { $0.name < $1.name }) where rules[tool.name] == nil {
      guard NamePattern(tool.name).isExact, tool.name.utf8.first != UInt8(ascii: "@") else {
        unnamed.append(tool.name)
        continue
      }
      rules[tool.name] = Self.rules(
        tool, catalogue?.content[tool.name], allowsHintedReads: allowsHintedReads)
    }
    self.unnamed = unnamed
    document = .compact([
      "version": "1",
      "description": .string(
        "Begun from the \(rules.count) tools of \(server): reads that are known are allowed, what "
          + "moves money is held, the rest is denied until you say otherwise."),
      "default": "deny", "catalogue": catalogue.map { .string($0.path) }, "tools": .object(rules),
    ])
  }

  private static func rules(
    _ tool: Tool, _ entry: ToolCatalogue.Entry?, allowsHintedReads: Bool
  ) -> JSONValue {
    guard let entry else {
      let isAllowed = tool.isHintedRead && allowsHintedReads
      return [
        "action": isAllowed ? "allow" : "deny",
        "reason": .string(
          "Not in the catalogue"
            + (tool.isHintedRead ? "; the server says that it only reads." : ".")),
      ]
    }
    let action: JSONValue =
      switch entry.category {
      case .read: "allow"
      case .financial: "hold"
      case .write, .execute, .destructive: "deny"
      }
    return [
      "action": action,
      "reason": .string("\(entry.category.rawValue), \(entry.severity.rawValue): \(entry.reason)"),
    ]
  }
}
