package import JSON

/// What a client's configuration needs so that it talks to the gateway.
package struct Connection: Hashable, Sendable {
  /// The agents' listener with the upstream's path, such as `http://127.0.0.1:8787/mcp`.
  package var url: String
  /// `http://host:port` of the agents' listener.
  package var gateway: String
  /// Nil takes the gateway's first upstream.
  package var upstream: String?
  /// What the client shows.
  package var name: String
  /// The program's full path: clients that start it do not search a shell's PATH.
  package var program: String
  package var tokenFile: String

  package static let variable = "COUNTERSIGN_TOKEN"

  package init(
    url: String, gateway: String, upstream: String?, name: String, program: String,
    tokenFile: String
  ) {
    self.url = url
    self.gateway = gateway
    self.upstream = upstream
    self.name = name
    self.program = program
    self.tokenFile = tokenFile
  }

  /// Puts the token where clients find it, without showing it.
  package var export: String {
    "export \(Self.variable)=\"$(cat \(Commands.quoted(tokenFile)))\""
  }

  /// What starts a bridge over standard input and output.
  package var bridge: [String] {
    ["wrap", "--gateway", gateway, "--token-file", tokenFile]
      + (upstream.map { ["--upstream", $0] } ?? [])
  }
}

/// One piece of configuration: where it goes, and its text. It never holds a token.
package struct Snippet: Hashable, Sendable {
  package enum Form: String, Hashable, Sendable {
    case json, toml, shell
  }

  package var words: String
  /// Places of the file by system; empty for a command.
  package var places: [(system: String, path: String)]
  package var form: Form
  package var text: String

  package static func == (a: Snippet, b: Snippet) -> Bool {
    a.words == b.words && a.form == b.form && a.text == b.text
      && a.places.map(\.path) == b.places.map(\.path)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(text) }

  package var lines: [String] {
    ["# " + words] + places.map { "#   \($0.system): \($0.path)" } + [""]
      + text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) + [""]
  }

  package var json: JSONValue {
    [
      "words": .string(words), "form": .string(form.rawValue), "text": .string(text),
      "places": .array(
        places.map { ["system": .string($0.system), "path": .string($0.path)] }),
    ]
  }
}

extension Client {
  package func snippets(_ to: Connection) -> [Snippet] {
    switch self {
    case .claudeCode: claudeCode(to)
    case .claudeDesktop: claudeDesktop(to)
    case .cursor: cursor(to)
    case .vscode: vscode(to)
    case .codex: codex(to)
    case .generic: generic(to)
    }
  }

  // MARK: One function a client

  private func claudeCode(_ to: Connection) -> [Snippet] {
    [
      token(to),
      Snippet(
        words: "This file, in the project's directory. Versions that send the variable's name "
          + "instead of its value need the bridge below it.",
        places: [("Linux, macOS", ".mcp.json")], form: .json,
        text: Self.http(
          ["mcpServers"], to, "${\(Connection.variable)}", type: "http")),
      shell(
        "The same over a bridge, for all projects; it reads the token's file itself.",
        ["claude", "mcp", "add", "--scope", "user", to.name, "--", to.program] + to.bridge),
    ]
  }

  private func claudeDesktop(_ to: Connection) -> [Snippet] {
    [
      Snippet(
        words: "It starts a bridge; the token stays in its file. Then start Claude Desktop anew.",
        places: [
          ("Linux", "~/.config/Claude/claude_desktop_config.json"),
          ("macOS", "~/Library/Application Support/Claude/claude_desktop_config.json"),
        ], form: .json, text: Self.stdio(["mcpServers"], to, type: nil))
    ]
  }

  private func cursor(_ to: Connection) -> [Snippet] {
    [
      token(to),
      Snippet(
        words: "For all projects; .cursor/mcp.json in a project is for that one.",
        places: [("Linux, macOS", "~/.cursor/mcp.json")], form: .json,
        text: Self.http(
          ["mcpServers"], to, "${env:\(Connection.variable)}", type: nil)),
    ]
  }

  private func vscode(_ to: Connection) -> [Snippet] {
    let input: JSONValue = [
      "type": "promptString", "id": "countersign-token", "password": true,
      "description": .string("The agent's token; it is in \(to.tokenFile)"),
    ]
    return [
      Snippet(
        words: "VS Code asks for the token once and keeps it. In a project: .vscode/mcp.json.",
        places: [
          ("Linux", "~/.config/Code/User/mcp.json"),
          ("macOS", "~/Library/Application Support/Code/User/mcp.json"),
        ], form: .json,
        text: Self.http(
          ["servers"], to, "${input:countersign-token}", type: "http",
          beside: ("inputs", .array([input]))))
    ]
  }

  private func codex(_ to: Connection) -> [Snippet] {
    let text = """
      [mcp_servers.\(Self.tomlKey(to.name))]
      url = \(Self.quoted(to.url))
      bearer_token_env_var = "\(Connection.variable)"
      tool_timeout_sec = 300
      """
    return [
      token(to),
      Snippet(
        words: "Codex reads the token from the variable.",
        places: [("Linux, macOS", "~/.codex/config.toml")], form: .toml, text: text),
    ]
  }

  private func generic(_ to: Connection) -> [Snippet] {
    [
      token(to),
      Snippet(
        words: "Streamable HTTP: the URL, and the token as a header. Most clients take this; "
          + "write the variable as yours does.",
        places: [], form: .json,
        text: Self.http(
          ["mcpServers"], to, "${\(Connection.variable)}", type: "http")),
      Snippet(
        words: "For a client that starts a program and speaks over its input and output.",
        places: [], form: .json, text: Self.stdio(["mcpServers"], to, type: nil)),
    ]
  }

  // MARK: Pieces

  private func token(_ to: Connection) -> Snippet {
    shell(
      "The token by reference: in the shell that starts \(self == .generic ? "it" : name).",
      text: to.export)
  }

  private func shell(_ words: String, _ command: [String]) -> Snippet {
    shell(words, text: Commands.shell(command))
  }

  private func shell(_ words: String, text: String) -> Snippet {
    Snippet(words: words, places: [], form: .shell, text: text)
  }

  private static func http(
    _ path: [Text], _ to: Connection, _ token: String, type: String?,
    beside: (Text, JSONValue)? = nil
  ) -> String {
    let server: JSONValue = .compact([
      "type": type.map { .string($0) }, "url": .string(to.url),
      "headers": ["Authorization": .string("Bearer " + token)],
    ])
    return document(path, to, server, beside)
  }

  private static func stdio(_ path: [Text], _ to: Connection, type: String?) -> String {
    document(
      path, to, ["command": .string(to.program), "args": .strings(to.bridge)], nil)
  }

  private static func document(
    _ path: [Text], _ to: Connection, _ server: JSONValue, _ beside: (Text, JSONValue)?
  ) -> String {
    var servers = JSONObject()
    servers[Text(to.name)] = server
    var root = JSONObject()
    if let beside { root[beside.0] = beside.1 }
    for key in path { root[key] = .object(servers) }
    return PrettyJSON.text(of: .object(root))
  }

  private static func quoted(_ text: String) -> String {
    JSONWriter.canonicalText(of: .string(text))
  }

  /// A bare key of TOML where it can be one.
  private static func tomlKey(_ name: String) -> String {
    let bare =
      !name.isEmpty
      && name.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45
          || $0 == 95
      }
    return bare ? name : quoted(name)
  }
}
