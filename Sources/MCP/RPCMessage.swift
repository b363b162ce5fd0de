package import JSON

/// A request: it has an id and is answered once.
package struct RPCRequest: Hashable, Sendable {
  package var id: RPCID
  package var method: Text
  /// Nil when the member is absent.
  package var params: JSONObject?

  package init(id: RPCID, method: Text, params: JSONObject? = nil) {
    self.id = id
    self.method = method
    self.params = params
  }
}

/// A notification: it has no id and is never answered.
package struct RPCNotification: Hashable, Sendable {
  package var method: Text
  /// Nil when the member is absent.
  package var params: JSONObject?

  package init(method: Text, params: JSONObject? = nil) {
    self.method = method
    self.params = params
  }
}

/// The answer to a request.
package struct RPCResponse: Hashable, Sendable {
  package enum Outcome: Hashable, Sendable {
    case result(JSONValue)
    case error(RPCError)
  }

  /// Nil only in an error about a message whose id could not be read.
  package var id: RPCID?
  package var outcome: Outcome

  package init(id: RPCID?, error: RPCError) {
    self.id = id
    outcome = .error(error)
  }

  package init(id: RPCID, result: JSONValue) {
    self.id = id
    outcome = .result(result)
  }

  package init(id: RPCID, outcome: Outcome) {
    self.id = id
    self.outcome = outcome
  }
}

/// One JSON-RPC 2.0 message as MCP uses it since 2025-06-18: no batches, named parameters only.
package enum RPCMessage: Hashable, Sendable {
  case request(RPCRequest)
  case notification(RPCNotification)
  case response(RPCResponse)

  package static func request(
    _ id: RPCID, _ method: Text, _ params: JSONObject? = nil
  ) -> RPCMessage {
    .request(RPCRequest(id: id, method: method, params: params))
  }

  package static func notification(_ method: Text, _ params: JSONObject? = nil) -> RPCMessage {
    .notification(RPCNotification(method: method, params: params))
  }

  package static func result(_ id: RPCID, _ result: JSONValue) -> RPCMessage {
    .response(RPCResponse(id: id, result: result))
  }

  package static func failure(_ id: RPCID?, _ error: RPCError) -> RPCMessage {
    .response(RPCResponse(id: id, error: error))
  }

  package var json: JSONValue {
    var object = JSONObject()
    object["jsonrpc"] = "2.0"
    switch self {
    case .request(let request):
      object["id"] = request.id.json
      object["method"] = .string(request.method)
      object["params"] = request.params.map(JSONValue.object)
    case .notification(let notification):
      object["method"] = .string(notification.method)
      object["params"] = notification.params.map(JSONValue.object)
    case .response(let response):
      object["id"] = response.id?.json ?? .null
      switch response.outcome {
      case .result(let result): object["result"] = result
      case .error(let error): object["error"] = error.json
      }
    }
    return .object(object)
  }

  /// The message without white space or line breaks, members in the order of JSON-RPC's own text.
  package var bytes: [UInt8] { JSONWriter.bytes(of: json) }

  /// The message as one line of a stdio transport, its line feed included.
  package var line: [UInt8] { bytes + [UInt8(ascii: "\n")] }
}
