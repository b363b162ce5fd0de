import Setup
import Testing

@Suite("Commands to paste")
struct CommandsTests {
  @Test(
    "are quoted as a shell needs it",
    arguments: [
      ("plain-1.0/x:y", "plain-1.0/x:y"), ("", "''"), ("a b", "'a b'"), ("it's", #"'it'\''s'"#),
      ("$HOME", "'$HOME'"), ("a;b", "'a;b'"), ("ü", "'ü'"), ("~x", "'~x'"),
    ])
  func quoting(word: String, text: String) {
    #expect(Commands.quoted(word) == text)
  }

  @Test("name the configuration where it is not the default")
  func configuration() {
    let usual = Commands(program: "countersign", configPath: "/h/config.json", isDefault: true)
    let other = Commands(program: "/o p/c", configPath: "/x y/config.json", isDefault: false)
    #expect(usual.line("gateway") == "countersign gateway")
    #expect(usual.naming("paper") == "countersign paper --config /h/config.json")
    #expect(other.line("gateway") == "'/o p/c' gateway --config '/x y/config.json'")
  }
}
