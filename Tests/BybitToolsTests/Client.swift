import JSON
import Networking
import Testing
import Time
import V5Stub

@testable import BybitTools

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The client's end of a running server: lines out, messages in.
final class Client: Sendable {
  private let pipes: LinePipes
  private let server: Task<Void, any Error>
  private let descriptors: [CInt]

  /// A server that talks to `stub`, already greeted.
  init(
    _ stub: V5Stub, hasKey: Bool = true, trade: Duration = .seconds(60), lineBytes: Int = 1 << 20,
    faults: String = ""
  ) async throws {
    var environment = [
      "BYBIT_REST_URL": stub.restURL, "BYBIT_STREAM_URL": stub.streamURL,
      "BYBIT_TOOLS_FAULTS": faults,
    ]
    if hasKey {
      environment["BYBIT_API_KEY"] = "K"
      environment["BYBIT_API_SECRET"] = "S"
    }
    let toServer = try Self.pipe()
    let fromServer = try Self.pipe()
    descriptors = toServer + fromServer
    let tools = try BybitToolsServer(
      environment: environment, limits: .init(lineBytes: lineBytes, trade: trade),
      now: { Timestamp(milliseconds: 1_700_000_000_000) })
    let serverPipes = LinePipes(
      input: toServer[0], output: fromServer[1], lineBytes: lineBytes)
    server = Task { try await tools.run(on: serverPipes) }
    pipes = LinePipes(input: fromServer[0], output: toServer[1], lineBytes: 16 << 20)
    let hello = try await ask(
      "initialize",
      [
        "protocolVersion": "2025-06-18", "capabilities": [:],
        "clientInfo": ["name": "t", "version": "1"],
      ])
    #expect(hello["result"]?["serverInfo"]?["name"] == "countersign-bybit-tools")
    try await send(["jsonrpc": "2.0", "method": "notifications/initialized"])
  }

  private static func pipe() throws -> [CInt] {
    var ends: [CInt] = [-1, -1]
    #if canImport(Darwin)
      try #require(Darwin.pipe(&ends) == 0)
    #else
      try #require(Glibc.pipe(&ends) == 0)
    #endif
    return ends
  }

  func send(_ message: JSONValue) async throws {
    try await pipes.write(JSONWriter.bytes(of: message))
  }

  func send(raw: String) async throws { try await pipes.write(Array(raw.utf8)) }

  func next() async throws -> JSONValue {
    guard case .whole(let bytes)? = try await pipes.next() else { return .null }
    return try JSONParser.parse(bytes, limits: .peer)
  }

  func ask(_ method: Text, _ params: JSONValue, id: Int = 1) async throws -> JSONValue {
    try await send(
      ["jsonrpc": "2.0", "id": .int(id), "method": .string(method), "params": params])
    return try await next()
  }

  func start(_ tool: Text, _ arguments: JSONValue, id: Int) async throws {
    try await send([
      "jsonrpc": "2.0", "id": .int(id), "method": "tools/call",
      "params": ["name": .string(tool), "arguments": arguments],
    ])
  }

  /// The text of a tool's result and whether it is an error.
  func call(_ tool: Text, _ arguments: JSONValue) async throws -> (text: String, isError: Bool) {
    try await start(tool, arguments, id: 1)
    return Self.outcome(try await next())
  }

  static func outcome(_ message: JSONValue) -> (text: String, isError: Bool) {
    let result = message["result"]
    let text = result?["content"]?.arrayValue?.first?["text"]?.stringValue ?? ""
    return (text, result?["isError"]?.boolValue ?? false)
  }

  /// Ends a server that has a call under way which never ends.
  func abandon() async {
    close(descriptors[1])
    server.cancel()
    _ = try? await server.value
    for descriptor in [descriptors[0], descriptors[2], descriptors[3]] { close(descriptor) }
  }

  /// Closes the server's input and waits for its end.
  func finish() async throws {
    close(descriptors[1])
    try await server.value
    for descriptor in [descriptors[0], descriptors[2], descriptors[3]] { close(descriptor) }
  }
}
