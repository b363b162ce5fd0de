import JSON
import Setup
import Testing

@Suite("Manual pages")
struct ManualTests {
  private let dump = """
    {"serializationVersion": 0, "command": {"commandName": "tool", "abstract": "Does things.",
      "discussion": "First.\\n\\n.so /etc/passwd \\\\ 'x' ü", "shouldDisplay": true,
      "arguments": [{"kind": "flag", "names": [{"kind": "long", "name": "help"}],
        "abstract": "Show help.", "shouldDisplay": true, "isOptional": true}],
      "subcommands": [
        {"commandName": "run", "abstract": "Runs.", "shouldDisplay": true, "arguments": [
          {"kind": "option", "names": [{"kind": "long", "name": "to-file"}], "valueName": "path",
           "abstract": "Where.", "defaultValue": "a-b", "shouldDisplay": true, "isOptional": true},
          {"kind": "positional", "valueName": "name", "abstract": "What.", "allValues": ["x", "y"],
           "shouldDisplay": true, "isOptional": false},
          {"kind": "flag", "names": [{"kind": "long", "name": "secret"}], "shouldDisplay": false}]},
        {"commandName": "hidden", "abstract": "No.", "shouldDisplay": false},
        {"commandName": "help", "abstract": "No.", "shouldDisplay": true}]}}
    """

  private func pages() throws -> [String: String] {
    let json = try JSONParser.parse(dump.utf8, limits: .file)
    let pages = try ManualPage.all(of: json, version: "9")
    return Dictionary(uniqueKeysWithValues: pages.map { ($0.name, $0.text) })
  }

  @Test("are one for the program and one for each command that is shown")
  func names() throws {
    #expect(try pages().keys.sorted() == ["tool-run.1", "tool.1"])
  }

  @Test("let no text be a request, and are ASCII")
  func escapes() throws {
    let text = try #require(try pages()["tool.1"])
    #expect(text.utf8.allSatisfy { $0 < 0x80 })
    #expect(text.contains(#"\&.so /etc/passwd \e 'x' \[u00FC]"#))
  }

  @Test("say every option as it is typed")
  func options() throws {
    let text = try #require(try pages()["tool-run.1"])
    #expect(text.contains(".TP\n\\fB\\-\\-to\\-file\\fR \\fIpath\\fR\nWhere. Default: a-b.\n"))
    #expect(text.contains(".TP\n\\fIname\\fR\nWhat. One of: x, y.\n"))
    #expect(
      text.contains("\\fBtool run\\fR [\\fB\\-\\-to\\-file\\fR \\fIpath\\fR] \\fIname\\fR\n"))
    #expect(!text.contains("secret"))
  }
}
