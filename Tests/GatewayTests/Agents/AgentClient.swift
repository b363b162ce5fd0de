import JSON
import Logging
import MCP
import Testing

@testable import Gateway

/// An answer as it came over the wire.
struct WireAnswer {
  let status: Int
  let headers: [String: String]
  let body: String

  init(_ text: String) throws {
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    let lines = try #require(parts.first).split(separator: "\r\n")
    status = try #require(lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    headers = Dictionary(
      lines.dropFirst().map { line in
        let pair = line.split(separator: ":", maxSplits: 1)
        return (
          pair[0].lowercased(), pair.count > 1 ? String(pair[1].drop { $0 == " " }) : ""
        )
      }, uniquingKeysWith: { $1 })
    let rest = parts.count > 1 ? String(parts[1]) : ""
    body = headers["transfer-encoding"] == "chunked" ? Self.unchunked(rest) : rest
  }

  private static func unchunked(_ text: String) -> String {
    var bytes = Array(text.utf8)[...]
    var out: [UInt8] = []
    while let end = bytes.firstIndex(of: 13),
      let count = Int(String(decoding: bytes[..<end], as: UTF8.self), radix: 16), count > 0
    {
      let start = end + 2
      out += bytes[start..<min(start + count, bytes.endIndex)]
      bytes = bytes[min(start + count + 2, bytes.endIndex)...]
    }
    return String(decoding: out, as: UTF8.self)
  }

  var json: JSONValue? { try? JSONParser.parse(Array(body.utf8), limits: .peer) }
  var errorCode: Int? { json?["error"]?["code"]?.intValue }
  /// The messages of an event stream.
  var events: [JSONValue] {
    body.split(separator: "\n").filter { $0.hasPrefix("data: ") }.compactMap {
      try? JSONParser.parse(Array($0.dropFirst(6).utf8), limits: .peer)
    }
  }
}

/// Speaks HTTP to the listener, byte by byte where a test wants that.
struct AgentClient {
  let port: Int
  var token = "token-a"
  var path = "/mcp"
  var session: String?

  static let accept = "application/json, text/event-stream"
  static let initialize = #"""
    {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
    "capabilities":{},"clientInfo":{"name":"tester","version":"1"}}}
    """#

  static func call(_ tool: String, id: Int = 1, meta: String = "") -> String {
    #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"\#(tool)"\#(meta)}}"#
  }

  func head(
    _ method: String, length: Int? = nil, without: Set<String> = [], extra: [String] = []
  ) -> String {
    var lines = ["\(method) \(path) HTTP/1.1"]
    var fields = [
      ("Host", "127.0.0.1:\(port)"), ("Authorization", "Bearer \(token)"),
      ("Accept", method == "GET" ? "text/event-stream" : Self.accept),
    ]
    if method == "POST" { fields.append(("Content-Type", "application/json")) }
    if let session { fields.append(("Mcp-Session-Id", session)) }
    if let length { fields.append(("Content-Length", "\(length)")) }
    lines += fields.filter { !without.contains($0.0) }.map { "\($0.0): \($0.1)" } + extra
    return lines.joined(separator: "\r\n") + "\r\n\r\n"
  }

  func request(
    _ body: String, without: Set<String> = [], extra: [String] = []
  ) -> String {
    head("POST", length: body.utf8.count, without: without, extra: extra) + body
  }

  /// Sends exactly these bytes on a new socket and reads until the other side closes.
  func raw(_ text: String) async throws -> WireAnswer {
    let socket = try await RawSocket.connect(port: port)
    try await socket.send(text)
    return try WireAnswer(await socket.readToEnd())
  }

  func post(
    _ body: String, without: Set<String> = [], extra: [String] = []
  ) async throws -> WireAnswer {
    try await raw(request(body, without: without, extra: extra + ["Connection: close"]))
  }

  func send(_ method: String, extra: [String] = []) async throws -> WireAnswer {
    try await raw(head(method, extra: extra + ["Connection: close"]))
  }

  /// A socket on which the request was sent and that stays open.
  func open(_ body: String) async throws -> RawSocket {
    let socket = try await RawSocket.connect(port: port)
    try await socket.send(request(body))
    return socket
  }

  /// The same client inside a new session.
  func initialized() async throws -> AgentClient {
    let answer = try await post(Self.initialize)
    var copy = self
    let id: String = try #require(answer.headers["mcp-session-id"])
    copy.session = id
    let ready = try await copy.post(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
    #expect(ready.status == 202)
    return copy
  }
}

/// Runs a listener while `body` uses it; ends it by cancellation.
func withListener(
  _ desk: FakeDesk = FakeDesk(), limits: AgentLimits = AgentLimits(),
  _ body: (AgentClient, FakeDesk, AgentListener) async throws -> Void
) async throws {
  let (ports, sink) = AsyncStream<Int>.makeStream()
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  let listener = AgentListener(
    desk: desk, port: 0, version: "1", limits: limits, logger: logger,
    onReady: { sink.yield($0) })
  let running = Task { try await listener.run() }
  var iterator = ports.makeAsyncIterator()
  let port = try #require(await iterator.next())
  do {
    try await body(AgentClient(port: port), desk, listener)
  } catch {
    running.cancel()
    throw error
  }
  running.cancel()
  try await running.value
}
