import HTTPTypes
import HummingbirdCore
import JSON
import MCP
import NIOCore

/// A whole answer that is ready to be written.
struct HTTPReply: Sendable {
  var status: Int
  var headers: [HTTPHead.Header] = []
  var body: [UInt8]?

  static func json(_ message: RPCMessage, headers: [HTTPHead.Header] = []) -> HTTPReply {
    HTTPReply(status: 200, headers: headers + [jsonType], body: message.bytes)
  }

  static func refused(_ refusal: HTTPRefusal, about id: RPCID? = nil) -> HTTPReply {
    HTTPReply(
      status: refusal.status, headers: refusal.headers + [jsonType],
      body: refusal.body(about: id).bytes)
  }

  static let accepted = HTTPReply(status: 202)
  static let ended = HTTPReply(status: 204)

  private static let jsonType = HTTPHead.Header("Content-Type", "application/json")

  static let eventStreamHeaders = [
    HTTPHead.Header("Content-Type", "text/event-stream"),
    HTTPHead.Header("Cache-Control", "no-store"),
    HTTPHead.Header("X-Accel-Buffering", "no"),
  ]

  @concurrent
  func write(_ writer: consuming ResponseWriter) async throws {
    // 204 has no body and so no length.
    let content = body.map { ResponseBody(byteBuffer: ByteBuffer(bytes: $0)) } ?? ResponseBody()
    var response = Response(
      status: .init(code: status), headers: HTTPFields(headers), body: content)
    if status == 204 { response.headers[.contentLength] = nil }
    try await writer.write(response: response.head, body: response.body)
  }
}

extension HTTPFields {
  init(_ headers: [HTTPHead.Header]) {
    self.init()
    for header in headers {
      guard let name = HTTPField.Name(header.name.string) else { continue }
      append(HTTPField(name: name, value: header.value.string))
    }
  }
}

extension HTTPHead {
  /// All header fields of a request; `Host` comes first, once per time that it was sent.
  init(_ request: HTTPRequest) {
    var headers: [Header] = []
    if let host = request.authority { headers.append(Header("Host", host)) }
    headers += request.headerFields.map { Header($0.name.rawName, $0.value) }
    self.init(method: Text(request.method.rawValue), headers: headers)
  }

  /// The token of `Authorization: Bearer …`; the scheme's case does not count.
  var bearerToken: [UInt8]? {
    let values = headers.filter { $0.name == "authorization" }.map(\.value)
    guard values.count == 1, let value = values.first else { return nil }
    let scheme = Array("bearer".utf8)
    let bytes = value.bytes
    guard bytes.count > scheme.count, bytes[scheme.count] == UInt8(ascii: " "),
      zip(bytes, scheme).allSatisfy({ $0 | 0x20 == $1 })
    else { return nil }
    let token = bytes[scheme.count...].drop { $0 == UInt8(ascii: " ") }
    guard !token.isEmpty, token.count <= 512, token.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    return Array(token)
  }
}

extension HTTPRefusal {
  /// For a token that is not known or was revoked.
  static let unknownToken = HTTPRefusal(
    401, .invalidRequest, "the agent's token is unknown or revoked; ask for a new one",
    headers: [HTTPHead.Header("WWW-Authenticate", "Bearer error=\"invalid_token\"")])

  static let noSuchPath = HTTPRefusal(
    404, .invalidRequest, "nothing is served here; the endpoints are /mcp and /mcp/UPSTREAM")
}
