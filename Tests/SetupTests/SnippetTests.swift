import JSON
import Setup
import Testing

@Suite("What connect prints")
struct SnippetTests {
  private let connection = Connection(
    url: "http://127.0.0.1:8787/mcp/bybit", gateway: "http://127.0.0.1:8787", upstream: "bybit",
    name: "countersign", program: "/o p/countersign", tokenFile: "/h me/agent.token")

  @Test("is well-formed for each client", arguments: Client.allCases)
  func form(client: Client) throws {
    let snippets = client.snippets(connection)
    for snippet in snippets where snippet.form == .json {
      let json = try JSONParser.parse(snippet.text.utf8, limits: .file)
      let servers = try #require(json["mcpServers"] ?? json["servers"])
      let server = try #require(servers["countersign"])
      #expect(server["url"] != nil || server["command"]?.stringValue == connection.program)
    }
    #expect(snippets.contains { $0.text.contains("agent.token") || $0.text.contains("${") })
    #expect(!client.patience.isEmpty)
  }

  @Test("refers to the token as each client reads it")
  func references() throws {
    func header(_ client: Client, _ root: Text) throws -> String? {
      try client.snippets(connection).filter { $0.form == .json }.compactMap {
        try JSONParser.parse($0.text.utf8, limits: .file)[root]?["countersign"]?["headers"]?[
          "Authorization"]?.stringValue
      }.first
    }
    #expect(try header(.claudeCode, "mcpServers") == "Bearer ${COUNTERSIGN_TOKEN}")
    #expect(try header(.cursor, "mcpServers") == "Bearer ${env:COUNTERSIGN_TOKEN}")
    #expect(try header(.vscode, "servers") == "Bearer ${input:countersign-token}")
    #expect(try header(.claudeDesktop, "mcpServers") == nil)
  }

  @Test("starts the bridge for clients that start programs")
  func bridge() throws {
    let text = try #require(Client.claudeDesktop.snippets(connection).first).text
    let server = try JSONParser.parse(text.utf8, limits: .file)["mcpServers"]?["countersign"]
    #expect(
      server?["args"] == [
        "wrap", "--gateway", "http://127.0.0.1:8787", "--token-file", "/h me/agent.token",
        "--upstream", "bybit",
      ])
  }

  @Test("is laid out for people")
  func pretty() {
    #expect(
      PrettyJSON.text(of: ["a": [:], "b": [1, 2], "c": ["d": "e"]])
        == "{\n  \"a\": {},\n  \"b\": [1, 2],\n  \"c\": {\"d\": \"e\"}\n}")
    let long = JSONValue.string(String(repeating: "x", count: 70))
    #expect(
      PrettyJSON.text(of: ["a": .array([long])])
        == "{\n  \"a\": [\n    \"\(String(repeating: "x", count: 70))\"\n  ]\n}")
  }
}
