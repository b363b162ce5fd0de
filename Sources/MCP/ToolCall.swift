package import JSON

/// A `tools/call` as it was asked for.
package struct ToolCall: Hashable, Sendable {
  private static let knownKeys: Set<Text> = ["name", "arguments", "_meta"]
  /// Sent by 2025-11-25 clients that would like a task; ignored where tasks are not declared.
  private static let ignoredKeys: Set<Text> = ["task"]

  package var name: Text
  package var arguments: JSONObject
  package var progressToken: ProgressToken?
  /// `_meta` without the progress token; nil when the member was absent.
  package var meta: JSONObject?

  package init(
    name: Text, arguments: JSONObject = JSONObject(), progressToken: ProgressToken? = nil,
    meta: JSONObject? = nil
  ) {
    self.name = name
    self.arguments = arguments
    self.progressToken = progressToken
    self.meta = meta
  }

  /// Reads the parameters. Absent arguments are `{}`; any other type than an object, unknown
  /// members and members that differ from known ones only in case are refused.
  package init(params: JSONObject?) throws(JSONError) {
    let cursor = JSONCursor(.object(params ?? JSONObject()), path: JSONPath([.key("params")]))
    try cursor.refuseCaseVariants(of: Self.knownKeys)
    try cursor.allow(only: Self.knownKeys.union(Self.ignoredKeys))
    let name = try cursor.member("name")
    self.name = try name.text()
    guard !self.name.isEmpty, self.name.count <= ToolDefinition.longestName else {
      throw name.bad("a tool name has 1 to \(ToolDefinition.longestName) bytes")
    }
    arguments =
      params?["arguments"] == nil ? JSONObject() : try cursor.member("arguments").object()
    let request = try RequestMeta(params: params)
    progressToken = request.progressToken
    meta = request.rest
  }

  /// The parameters for an upstream: name, arguments and `_meta` without any progress token.
  package var params: JSONObject {
    var params = JSONObject()
    params["name"] = .string(name)
    params["arguments"] = .object(arguments)
    params["_meta"] = meta.flatMap { $0.isEmpty ? nil : .object($0) }
    return params
  }
}

/// What `_meta` of a request says to the protocol itself.
struct RequestMeta {
  let progressToken: ProgressToken?
  /// The other members; nil when `_meta` is absent.
  let rest: JSONObject?

  init(params: JSONObject?) throws(JSONError) {
    guard let params, params["_meta"] != nil else {
      progressToken = nil
      rest = nil
      return
    }
    let path = JSONPath([.key("params"), .key("_meta")])
    let cursor = JSONCursor(params["_meta"] ?? .null, path: path)
    var object = try cursor.object()
    try cursor.refuseCaseVariants(of: ["progressToken"])
    if let token = object["progressToken"] {
      guard let parsed = ProgressToken(json: token) else {
        throw try cursor.member("progressToken").bad("a string or a whole number is expected")
      }
      progressToken = parsed
    } else {
      progressToken = nil
    }
    object["progressToken"] = nil
    rest = object
  }
}

extension JSONObject {
  /// The parameters with `token` as their progress token, or with none.
  func withProgressToken(_ token: ProgressToken?) -> JSONObject {
    var copy = self
    var meta = self["_meta"]?.objectValue ?? JSONObject()
    meta["progressToken"] = token?.json
    copy["_meta"] = meta.isEmpty ? nil : .object(meta)
    return copy
  }
}
