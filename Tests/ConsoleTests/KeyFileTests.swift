import Terminal
import Testing

@testable import Console

@Suite struct KeyFileTests {
  @Test func `a file changes what it names and nothing else`() throws {
    let keys = try Keymap(
      file: """
        # mine
        [keys]
        approve = "S"    # sign
        halt = ["!", "F12"]\r
        copy-id = []
        page-down = ["Space", "^F"]
        """)
    #expect(keys.action(for: "S", on: .batch) == .arm)
    #expect(keys.action(for: "a", on: .batch) == nil)
    #expect(keys.action(for: .function(12), on: .audit) == .halt)
    #expect(keys.action(for: "y", on: .batch) == nil)
    #expect(keys.action(for: .control("f"), on: .help) == .pageDown)
    #expect(keys.action(for: "x", on: .batch) == .reject)
    #expect(keys.label(of: .arm) == "S")
    #expect(keys.label(of: .copyID) == ":copy-id")
  }

  @Test(arguments: [
    ("approve = \"Enter\"", 1, "hit by accident"), ("approve = \"Space\"", 1, "hit by accident"),
    ("\napprove = [\"5\"]", 2, "digit"), ("reject = []", 1, "must keep a key"),
    ("halt = \"h\"", 1, "typed into the approval panel"), ("back = []", 1, "must keep a key"),
    ("suspend = []", 1, "must keep a key"), ("fly = \"f\"", 1, "is no action"),
    ("reject = \"a\"", 1, "would mean"), ("reject = \"x\"\nreject = \"X\"", 2, "twice"),
    ("reject = x", 1, "in quotes"), ("reject = \"x", 1, "not closed"),
    ("reject = \"xy\"", 1, "is no key"), ("reject \"x\"", 1, "= is expected"),
    ("[theme]", 1, "only the table [keys]"), ("reject = \"x\" y", 1, "nothing is expected"),
    ("reject = [\"x\" \"y\"]", 1, "a comma"), ("reject = \"\"", 1, "is no key"),
    ("recall = \"\u{1D165}\u{301}\"", 1, "is no key"),
  ])
  func `what is wrong is named with its line`(file: String, line: Int, words: String) {
    do {
      _ = try Keymap(file: file)
      Issue.record("it was read: \(file)")
    } catch {
      #expect(error.line == line)
      #expect(error.description.contains(words), "\(error)")
    }
  }

  @Test func `the standard table has no two actions on one key`() throws {
    #expect(try Keymap(file: "") == .standard)
  }

  @Test func `every key can be written as it is shown`() {
    for binding in Keymap.standard.bindings {
      for key in binding.keys { #expect(Key(name: key.label.string) == key) }
    }
  }

  @Test func `every action is in the table and on the command line`() {
    for action in Action.allCases {
      #expect(Keymap.standard.bindings.contains { $0.action == action })
      #expect(CommandLine.names.contains(action.rawValue))
    }
  }

  @Test func `a changed approve key opens the panel, and the panel alone`() throws {
    var desk = Desk([.calm], keymap: try Keymap(file: "approve = \"S\""))
    desk.look(at: .calm)
    desk.press("a")
    #expect(!desk.isArmed)
    desk.press("S", "S", "S")
    desk.wait(1_000)
    #expect(desk.isArmed)
    #expect(desk.approvals.isEmpty)
  }
}
