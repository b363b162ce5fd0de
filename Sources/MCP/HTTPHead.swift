package import JSON

/// The parts of an HTTP request that the protocol's rules look at.
package struct HTTPHead: Hashable, Sendable {
  package struct Header: Hashable, Sendable {
    /// Lower case.
    package let name: Text
    package let value: Text

    package init(_ name: String, _ value: String) {
      self.name = Text(name).asciiLowercased
      self.value = Text(value)
    }
  }

  /// Upper case, as on the wire.
  package var method: Text
  package var headers: [Header]

  package init(method: Text, headers: [Header]) {
    self.method = method
    self.headers = headers
  }

  func values(_ name: Text) -> [Text] {
    headers.filter { $0.name == name }.map(\.value)
  }

  /// The value of a header that may stand once only, so that nobody reads another one.
  func single(_ name: Text) throws(HTTPRefusal) -> Text? {
    let all = values(name)
    guard all.count <= 1 else {
      throw HTTPRefusal(400, .invalidRequest, "the header \(name) stands more than once")
    }
    return all.first
  }

  /// The media types of a list header, lower case and without parameters.
  func mediaTypes(_ name: Text) -> [String] {
    values(name).flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }.map { item in
      let type = item.prefix { $0 != UInt8(ascii: ";") }
      let bare = type.filter { $0 != 0x20 && $0 != 0x09 }
      return String(decoding: bare.map(\.asciiLowercased), as: UTF8.self)
    }
  }
}

extension Text {
  /// Only A to Z are changed: `lowercased()` would turn the Kelvin sign into a `k`.
  var asciiLowercased: Text {
    Text(String(decoding: utf8.map(\.asciiLowercased), as: UTF8.self))
  }
}

extension UInt8 {
  fileprivate var asciiLowercased: UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
  }
}

/// An HTTP answer that refuses a request.
package struct HTTPRefusal: Error, Hashable, Sendable {
  package var status: Int
  package var error: RPCError
  /// Headers that the status demands, such as `Allow`.
  package var headers: [HTTPHead.Header]

  package init(
    _ status: Int, _ code: RPCError.Code, _ message: String, headers: [HTTPHead.Header] = []
  ) {
    self.init(status, RPCError(code, message), headers: headers)
  }

  package init(_ status: Int, _ error: RPCError, headers: [HTTPHead.Header] = []) {
    self.status = status
    self.error = error
    self.headers = headers
  }

  /// For a body that is no message.
  package init(_ refusal: RPCRefusal) { self.init(400, refusal.error) }

  /// The JSON-RPC error for the body, about request `id` where it is known.
  package func body(about id: RPCID? = nil) -> RPCMessage { .failure(id, error) }

  /// For a bearer token that is absent or not known.
  package static let unauthorized = HTTPRefusal(
    401, .invalidRequest, "send the agent's token as \"Authorization: Bearer …\"",
    headers: [HTTPHead.Header("WWW-Authenticate", "Bearer")])
}
