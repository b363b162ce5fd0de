package import JSON

/// The result of a `tools/call`: built here, or an upstream's own with every field kept.
package struct ToolResult: Hashable, Sendable {
  /// The key in `_meta` under which the gateway tells an agent what it decided.
  package static let decisionKey: Text = "countersign/decision"

  package private(set) var json: JSONObject

  /// The result of an upstream, unchanged. Nil when it is no object.
  package init?(upstream: JSONValue) {
    guard case .object(let object) = upstream else { return nil }
    json = object
  }

  /// A result of one text block. `structured` is left out where the tool declares an output schema
  /// that it does not follow.
  package init(text: String, isError: Bool = false, structured: JSONObject? = nil) {
    json = JSONObject()
    let block: JSONValue = ["type": "text", "text": .string(text)]
    json["content"] = .array([block])
    json["structuredContent"] = structured.map(JSONValue.object)
    if isError { json["isError"] = true }
  }

  /// Whether the tool says that it failed.
  package var isError: Bool { json["isError"]?.boolValue ?? false }

  /// The text blocks, in order.
  package var texts: [Text] {
    (json["content"]?.arrayValue ?? []).compactMap {
      $0["type"]?.textValue == "text" ? $0["text"]?.textValue : nil
    }
  }

  package var structured: JSONValue? { json["structuredContent"] }

  package subscript(meta key: Text) -> JSONValue? {
    get { json["_meta"]?[key] }
    set {
      var meta = json["_meta"]?.objectValue ?? JSONObject()
      meta[key] = newValue
      json["_meta"] = meta.isEmpty ? nil : .object(meta)
    }
  }

  /// The same result with the gateway's decision in `_meta`. What an upstream wrote under that key
  /// is replaced: only the gateway speaks there.
  package func with(decision: JSONValue?) -> ToolResult {
    var copy = self
    copy[meta: Self.decisionKey] = decision
    return copy
  }
}
