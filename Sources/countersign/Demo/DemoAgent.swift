import Foundation
import JSON
import MCP
import Networking

/// An agent that speaks MCP over Streamable HTTP, as far as the demo needs it.
///
/// Concurrency model: one task uses it; calls go one after another.
actor DemoAgent {
  private static let deadline = Duration.seconds(60)
  private static let version = "2025-11-25"

  private let url: WebURL
  private let token: String
  private let http = HTTPClient(limits: HTTPLimits(connections: 4))
  private var session: String?
  private var nextID = 0

  init(url: String, token: String) throws {
    self.url = try WebURL(url)
    self.token = token
  }

  /// `initialize` and its notification.
  func connect() async throws {
    let answer = try await request(
      "initialize",
      [
        "protocolVersion": .string(Self.version), "capabilities": [:],
        "clientInfo": ["name": "countersign-demo-agent", "version": "1"],
      ])
    guard answer["serverInfo"] != nil else { throw broken("initialize was not answered") }
    _ = try await send(.notification("notifications/initialized"))
  }

  func tools() async throws -> [String] {
    let list = try await request("tools/list", [:])["tools"]?.arrayValue ?? []
    return list.compactMap { $0["name"]?.stringValue }
  }

  func call(_ tool: String, _ arguments: JSONObject) async throws -> ToolResult {
    let result = try await request(
      "tools/call", ["name": .string(tool), "arguments": .object(arguments)])
    guard let result = ToolResult(upstream: result) else { throw broken("no tool result") }
    return result
  }

  /// Calls, and while the answer is *pending* asks again; gives the final result.
  func callToTheEnd(_ tool: String, _ arguments: JSONObject) async throws -> ToolResult {
    var result = try await call(tool, arguments)
    while let id = result.pendingApproval {
      try Task.checkCancellation()
      result = try await call("awaitApproval", ["approvalId": .string(id)])
    }
    return result
  }

  // MARK: Protocol

  private func request(_ method: Text, _ params: JSONObject) async throws -> JSONValue {
    nextID += 1
    guard case .response(let answer)? = try await send(.request(.number(nextID), method, params))
    else { throw broken("\(method) was not answered") }
    switch answer.outcome {
    case .result(let value): return value
    case .error(let error): throw broken("\(method): \(error)")
    }
  }

  private func send(_ message: RPCMessage) async throws -> RPCMessage? {
    var headers: HTTPFields = [
      "Authorization": "Bearer \(token)", "Content-Type": "application/json",
      "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": Self.version,
    ]
    if let session { headers.add("Mcp-Session-Id", session) }
    let reply = try await http.events(
      .post, url, headers: headers, body: message.bytes, deadline: .now + Self.deadline)
    switch reply {
    case .response(let response):
      if let id = response.headers["Mcp-Session-Id"] { session = id }
      guard (200...299).contains(response.status) else {
        throw broken("HTTP \(response.status): \(String(decoding: response.body, as: UTF8.self))")
      }
      return response.body.isEmpty
        ? nil : try RPCMessage.decode(response.body, limits: .peer)
    case .events(let stream):
      for try await event in stream where !event.data.isEmpty {
        let message = try RPCMessage.decode(Array(event.data.utf8), limits: .peer)
        if case .response = message { return message }
      }
      throw broken("the event stream ended without an answer")
    }
  }

  private func broken(_ words: String) -> Failure {
    Failure(Failure.unreachable, "the demo's agent: \(words)")
  }
}

extension ToolResult {
  private var decision: JSONValue? { self[meta: Self.decisionKey] }

  /// The id to ask with, while the call is held.
  var pendingApproval: String? {
    let open: Set<Text> = [
      "pending", "partly_signed", "cooling", "approved", "dispatching", "unknown",
    ]
    guard let state = decision?["status"]?.textValue, open.contains(state) else { return nil }
    return decision?["approvalId"]?.stringValue
  }

  var heldState: String? { decision?["status"]?.stringValue }
}
