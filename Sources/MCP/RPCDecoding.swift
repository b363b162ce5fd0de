package import JSON

/// A message that was not accepted, and what to tell its sender.
package struct RPCRefusal: Error, Hashable, Sendable {
  /// The id of the refused request, where one could be read.
  package var id: RPCID?
  package var error: RPCError
  /// False for a malformed notification or answer: those are never answered, only counted.
  package var isAnswered: Bool

  package init(id: RPCID? = nil, _ error: RPCError, isAnswered: Bool = true) {
    self.id = id
    self.error = error
    self.isAnswered = isAnswered
  }

  /// The answer for the sender, or nil when none is due.
  package var answer: RPCMessage? { isAnswered ? .failure(id, error) : nil }
}

extension RPCMessage {
  private static let requestKeys: Set<Text> = ["jsonrpc", "id", "method", "params"]
  private static let responseKeys: Set<Text> = ["jsonrpc", "id", "result", "error"]
  private static let envelopeKeys = requestKeys.union(responseKeys)

  /// UTF-8 bytes of the longest method name.
  package static let longestMethod = 128

  /// Reads one frame: a line of a stdio transport or the body of an HTTP request.
  ///
  /// A parse error has no id: nothing inside bytes that two parsers may read differently is used.
  package static func decode(
    _ bytes: some Collection<UInt8>, limits: JSONLimits
  ) throws(RPCRefusal) -> RPCMessage {
    let json: JSONValue
    do throws(JSONError) {
      json = try JSONParser.parse(Array(bytes), limits: limits)
    } catch {
      throw RPCRefusal(RPCError(.parse, "not accepted as JSON: \(error)"))
    }
    return try RPCMessage(json: json)
  }

  /// Reads a message from its JSON. Unknown members, members that differ from known ones only in
  /// case, batches and parameters that are no object are refused.
  package init(json: JSONValue) throws(RPCRefusal) {
    guard case .object(let object) = json else { throw Self.refusal(ofNoObject: json) }
    let id = object["id"].flatMap(RPCID.init(json:))
    let hasMethod = object["method"] != nil
    let isRequest = hasMethod ? object["id"] != nil : !Self.looksLikeResponse(object)
    do throws(JSONError) {
      let cursor = JSONCursor(json)
      try cursor.refuseCaseVariants(of: Self.envelopeKeys)
      try cursor.allow(only: hasMethod ? Self.requestKeys : Self.responseKeys)
      let version = try cursor.member("jsonrpc")
      guard try version.text() == "2.0" else { throw version.bad("it must be \"2.0\"") }
      self = hasMethod ? try Self.call(cursor, id: id) : try Self.response(cursor, id: id)
    } catch {
      throw RPCRefusal(
        id: isRequest ? id : nil, RPCError(.invalidRequest, "no valid message: \(error)"),
        isAnswered: isRequest)
    }
  }

  private static func looksLikeResponse(_ object: JSONObject) -> Bool {
    object["result"] != nil || object["error"] != nil
  }

  private static func refusal(ofNoObject json: JSONValue) -> RPCRefusal {
    if case .array = json {
      return RPCRefusal(
        RPCError(
          .invalidRequest, "batches are not part of the protocol; send one message at a time"))
    }
    return RPCRefusal(RPCError(.invalidRequest, "a message is an object, this is \(json.kind)"))
  }

  private static func call(_ cursor: JSONCursor, id: RPCID?) throws(JSONError) -> RPCMessage {
    let method = try cursor.member("method")
    let name = try method.text()
    guard !name.isEmpty, name.count <= longestMethod else {
      throw method.bad("a method has 1 to \(longestMethod) bytes")
    }
    let object = try cursor.object()
    let params: JSONObject? =
      object["params"] == nil ? nil : try cursor.member("params").object()
    guard object["id"] != nil else { return .notification(name, params) }
    guard let id else { throw try badID(cursor) }
    return .request(id, name, params)
  }

  private static func response(_ cursor: JSONCursor, id: RPCID?) throws(JSONError) -> RPCMessage {
    let object = try cursor.object()
    switch (object["result"], object["error"]) {
    case (let result?, nil):
      guard let id else { throw try badID(cursor) }
      return .result(id, result)
    case (nil, .some):
      // JSON-RPC has a null id in errors about messages whose id could not be read.
      guard id != nil || object["id"] == nil || object["id"] == .null else {
        throw try badID(cursor)
      }
      return .failure(id, try RPCError(json: cursor.member("error")))
    case (.some, .some): throw cursor.bad("\"result\" and \"error\" exclude each other")
    case (nil, nil): throw cursor.bad("\"method\", \"result\" or \"error\" is required")
    }
  }

  private static func badID(_ cursor: JSONCursor) throws(JSONError) -> JSONError {
    try cursor.member("id").bad(
      "an id is a string of at most \(RPCID.longest) bytes or a whole number in plain digits")
  }
}
