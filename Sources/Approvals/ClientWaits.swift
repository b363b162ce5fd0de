package import JSON
package import Time

/// How long a request of a known client may stay open: the time-outs of MCP clients by the name that
/// they give at `initialize`. This table is the only one; docs/clients.md shows it and a test
/// compares them. A name is a hint for waiting, never for rights.
package enum ClientWaits {
  package struct Row: Hashable, Sendable {
    /// The names that the client gives.
    package var names: [Text]
    package var client: String
    /// When the client itself gives up.
    package var timeOut: String
    package var wait: Milliseconds

    init(_ names: [Text], _ client: String, _ timeOut: String, _ wait: Milliseconds) {
      self.names = names
      self.client = client
      self.timeOut = timeOut
      self.wait = wait
    }
  }

  package static let rows = [
    Row(
      ["claude-code"], "Claude Code",
      "300 s of silence over HTTP, renewed by progress; after 120 s it lets the call go on unseen",
      .seconds(110)),
    Row(
      ["claude-ai"], "Claude Desktop, claude.ai", "240 s, some builds 60 s, whatever happens",
      .seconds(50)),
    Row(
      ["codex-mcp-client", "Codex"], "Codex CLI", "60, 120 or 300 s by version", .seconds(50)),
    Row(
      ["Visual Studio Code", "Visual-Studio-Code"], "VS Code",
      "none, but 300 s without a byte end the connection", .seconds(280)),
    Row(["cursor-vscode"], "Cursor", "not documented; 60 s is assumed", .seconds(50)),
    Row(["gemini-cli-mcp-client"], "Gemini CLI", "60 s", .seconds(50)),
    Row(["github-copilot-developer"], "GitHub Copilot CLI", "60 s", .seconds(50)),
    Row(
      ["JetBrains-IU-copilot-intellij", "JetBrains-JBC-copilot-intellij"],
      "GitHub Copilot for IntelliJ", "about 30 s", .seconds(20)),
    Row(["opencode"], "opencode", "60 s; since June 2026 renewed by progress", .seconds(50)),
  ]

  private static let byName: [Text: Milliseconds] = Dictionary(
    uniqueKeysWithValues: rows.flatMap { row in row.names.map { ($0, row.wait) } })

  /// The wait for a client; nil for one that is not known. A bridge adds ` (via …)` to the name of
  /// the client behind it, and Gemini CLI the name under which it knows the server.
  package static func wait(for client: Text) -> Milliseconds? {
    if let known = byName[client] { return known }
    if let bridge = client.string.firstRange(of: " (via "),
      let known = byName[Text(client.string[..<bridge.lowerBound])]
    {
      return known
    }
    return client.hasPrefix("gemini-cli-mcp-client-") ? byName["gemini-cli-mcp-client"] : nil
  }
}
