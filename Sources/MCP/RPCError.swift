package import JSON

/// The error object of a JSON-RPC answer.
package struct RPCError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A JSON-RPC or MCP error code; other numbers of a peer are kept as they are.
  package struct Code: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// The bytes are not the JSON that is accepted here.
    package static let parse = Code(rawValue: -32700)
    /// JSON, but no valid request; also a request at a time when it is not allowed.
    package static let invalidRequest = Code(rawValue: -32600)
    package static let methodNotFound = Code(rawValue: -32601)
    package static let invalidParams = Code(rawValue: -32602)
    package static let internalError = Code(rawValue: -32603)
    /// 2026-07-28: a header and the body contradict each other.
    package static let headerMismatch = Code(rawValue: -32020)
    /// 2026-07-28: the client did not declare a capability that the request needs.
    package static let missingClientCapability = Code(rawValue: -32021)
    /// 2026-07-28: the protocol version is not supported; `data.supported` lists those that are.
    package static let unsupportedVersion = Code(rawValue: -32022)
  }

  package var code: Code
  /// What is wrong and how to mend it, in words for the developer of the peer.
  package var message: String
  package var data: JSONValue?

  package init(_ code: Code, _ message: String, data: JSONValue? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }

  package var description: String { "\(code.rawValue): \(message)" }

  /// The error object. `code` must be a whole number and `message` a string; members that
  /// JSON-RPC does not define are not kept.
  package init(json: JSONCursor) throws(JSONError) {
    try json.refuseCaseVariants(of: ["code", "message", "data"])
    self.init(
      Code(rawValue: try json.member("code").int()), try json.member("message").string(),
      data: try json.object()["data"])
  }

  package var json: JSONValue {
    var object = JSONObject()
    object["code"] = .int(code.rawValue)
    object["message"] = .string(message)
    object["data"] = data
    return .object(object)
  }
}
