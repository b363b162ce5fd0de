package import JSON
package import Logging
package import MCP
import TLS

/// The tools of an MCP server, asked once, without a gateway.
package struct ServerTools: Sendable {
  /// What the server calls itself.
  package let server: Text
  package let tools: [ToolDefinition]

  /// Starts or reaches the server, reads its list, and leaves it. Throws with what to do about it.
  ///
  /// - Parameter environment: Where variables of a command come from.
  package static func ask(
    _ upstream: Configuration.Upstream, environment: [String: String], logger: Logger
  ) async throws -> ServerTools {
    let security = TLSClient(try .client(trust: TLSTrust(authorities: [])))
    let source = try UpstreamSource(upstream, environment, security)
    let connection = try await source.start(asksClients: false, logger: logger)
    let found = ServerTools(server: connection.identity?.name ?? "", tools: connection.tools)
    await connection.terminate()
    return found
  }
}

extension Configuration.Upstream {
  /// A server that is started with some variables of the caller's.
  package init(command: [String], variables: [String]) {
    self.init(
      name: "server", command: command,
      environment: variables.map { ($0, .secret(.environment($0))) })
  }

  /// A server over HTTP. Throws what is wrong with the URL.
  ///
  /// - Parameter headers: Names of headers, and of the variables that hold them.
  package init(url: String, headers: [(name: String, variable: String)]) throws(JSONError) {
    var sent = JSONObject()
    for header in headers {
      sent[Text(header.name)] = ["env": .string(Text(header.variable))]
    }
    let json: JSONValue = ["url": .string(Text(url)), "headers": .object(sent)]
    try self.init(name: "server", json: JSONCursor(json), directory: "/")
  }
}
