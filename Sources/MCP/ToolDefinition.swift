package import JSON

/// A tool as its server lists it, every field kept.
package struct ToolDefinition: Hashable, Sendable {
  /// UTF-8 bytes of the longest tool name.
  package static let longestName = 256

  private static let knownKeys: Set<Text> = [
    "name", "title", "description", "inputSchema", "outputSchema", "annotations", "execution",
    "icons", "_meta",
  ]

  package let name: Text
  /// The whole definition as it was received.
  package let json: JSONObject

  /// Reads one element of a `tools/list` answer. A name, an object as `inputSchema` and, where
  /// present, a string as `description` are required.
  package init(json: JSONCursor) throws(JSONError) {
    let object = try json.object()
    try json.refuseCaseVariants(of: Self.knownKeys)
    let name = try json.member("name")
    self.name = try name.text()
    guard !self.name.isEmpty, self.name.count <= Self.longestName else {
      throw name.bad("a tool name has 1 to \(Self.longestName) bytes")
    }
    _ = try json.member("inputSchema").object()
    _ = try json.optional("description")?.text()
    _ = try json.optional("outputSchema")?.object()
    _ = try json.optional("annotations")?.object()
    self.json = object
  }

  package var description: Text? { json["description"]?.textValue }
  package var title: Text? { json["title"]?.textValue }
  /// The JSON Schema of the arguments.
  package var inputSchema: JSONObject { json["inputSchema"]?.objectValue ?? JSONObject() }
  /// What the server says about the tool's effects: a hint from an untrusted party.
  package var annotations: JSONObject? { json["annotations"]?.objectValue }

  /// The bytes whose digest pins the definition: the canonical form of every field, so that no
  /// change of what a model or a person is shown goes unseen.
  package var fingerprintInput: [UInt8] { JSONWriter.canonicalBytes(of: .object(json)) }
}
