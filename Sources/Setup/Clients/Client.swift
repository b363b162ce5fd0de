/// MCP clients that `connect` knows.
package enum Client: String, Hashable, Sendable, CaseIterable {
  case claudeCode = "claude-code"
  case claudeDesktop = "claude-desktop"
  case cursor, vscode, codex, generic

  package var name: String {
    switch self {
    case .claudeCode: "Claude Code"
    case .claudeDesktop: "Claude Desktop"
    case .cursor: "Cursor"
    case .vscode: "Visual Studio Code"
    case .codex: "Codex"
    case .generic: "any MCP client"
    }
  }

  /// What this client does while a call is held, as far as it is known.
  package var patience: String {
    switch self {
    case .claudeCode:
      "It waits for minutes; after about two it moves a call into the background."
    case .claudeDesktop:
      "It gives up a call after 240 s, some versions after 60 s."
    case .cursor: "How long it waits is not known; nothing here depends on it."
    case .vscode: "It waits as long as the call takes."
    case .codex: "It gives up after tool_timeout_sec, 60 s or more by default."
    case .generic: "Many clients give up after 60 s, some after 30 s."
    }
  }
}
