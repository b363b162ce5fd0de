import JSON
import Testing

@testable import Policy

@Suite struct ConditionTests {
  static let legs =
    #"{"request":[{"qty":"0.5","s":"A"},{"qty":"2","s":"B"}],"n":5,"t":"abc","b":true,"z":null,"tags":["x","y"]}"#

  /// What one condition on the standard arguments does in `deny_if`, `require` and `hold_if`:
  /// y(es), n(o) or ? for a value that cannot be computed.
  @Test(arguments: [
    ("args.n", "eq", "5", "y"), ("args.n", "eq", "5.0", "y"), ("args.n", "eq", "6", "n"),
    ("args.n", "eq", #""5""#, "?"), ("args.t", "eq", #""abc""#, "y"), ("args.t", "eq", "1", "?"),
    ("args.b", "eq", "true", "y"), ("args.b", "eq", #""true""#, "?"),
    ("args.n", "neq", "5", "n"), ("args.t", "neq", #""x""#, "y"), ("args.gone", "neq", "1", "?"),
    ("args.n", "in", "[4,5]", "y"), ("args.t", "in", #"["x","y"]"#, "n"),
    ("args.t", "not_in", #"["abc"]"#, "n"), ("args.gone", "not_in", #"["x"]"#, "?"),
    ("args.n", "lt", "5", "n"), ("args.n", "lte", "5", "y"), ("args.n", "gt", "4.99", "y"),
    ("args.n", "gte", #""5""#, "y"), ("args.t", "gt", "1", "?"), ("args.gone", "gt", "1", "?"),
    ("args.z", "eq", "1", "?"), ("args.z", "exists", "true", "n"),
    ("args.z", "exists", "false", "y"),
    ("args.n", "exists", "true", "y"), ("args.gone", "exists", "false", "y"),
    ("args.t", "regex", #""^a.c$""#, "y"), ("args.t", "regex", #""z""#, "n"),
    ("args.n", "regex", #""5""#, "?"), ("args.t", "contains", #""bc""#, "y"),
    ("args.t", "contains", #""cb""#, "n"), ("args.tags", "contains", #""y""#, "y"),
    ("args.tags", "contains", #""z""#, "n"), ("args.tags[1]", "eq", #""y""#, "y"),
    ("args.tags[2]", "eq", #""y""#, "?"), ("args.request[0].qty", "lt", "1", "y"),
    ("args.n.deep", "eq", "1", "?"), ("agent.name", "eq", #""bot""#, "y"),
  ])
  func holds(_ path: String, _ op: String, _ value: String, _ answer: String) throws {
    let rule = #"[{"conditions":[{"path":"\#(path)","op":"\#(op)","value":\#(value)}]}]"#
    func decision(_ list: String) throws -> Verdict.Decision {
      try policy("\"\(list)\":\(rule)").judge(call(Self.legs)).decision
    }
    #expect(try decision("deny_if") == (answer == "n" ? .allow : .deny))
    #expect(try decision("require") == (answer == "y" ? .allow : .deny))
    #expect(try decision("hold_if") == (answer == "n" ? .allow : .hold))
  }

  @Test func aWildcardFiresForAnyAndIsMetByEvery() throws {
    let over = #"[{"conditions":[{"path":"args.request[*].qty","op":"gt","value":1}]}]"#
    let under = #"[{"conditions":[{"path":"args.request[*].qty","op":"lte","value":1}]}]"#
    #expect(try policy("\"deny_if\":\(over)").judge(call(Self.legs)).decision == .deny)
    #expect(try policy("\"require\":\(under)").judge(call(Self.legs)).decision == .deny)
    let small = #"{"request":[{"qty":"1"},{"qty":"0.1"}]}"#
    #expect(try policy("\"deny_if\":\(over)").judge(call(small)).decision == .allow)
    #expect(try policy("\"require\":\(under)").judge(call(small)).decision == .allow)
  }

  @Test(arguments: [
    #"{"request":[]}"#, #"{"request":{}}"#, #"{}"#, #"{"request":[{"qty":"1e9"}]}"#,
    #"{"request":[{"qty":"1"},{}]}"#, #"{"request":"x"}"#,
  ])
  func whatCannotBeComputedIsDenied(_ arguments: String) throws {
    let rule =
      #""deny_if":[{"conditions":[{"path":"args.request[*].qty","op":"gt","value":1}],"on_deny":"Too much."}]"#
    let verdict = try policy(rule).judge(call(arguments))
    #expect(verdict.decision == .deny)
    #expect(verdict.reason == "Too much. (A value could not be computed at: args.request[*].qty.)")
  }

  @Test func oneFalseConditionSettlesARule() throws {
    let rule =
      #""deny_if":[{"conditions":[{"path":"args.n","op":"eq","value":6},{"path":"args.gone","op":"gt","value":1}]}]"#
    #expect(try policy(rule).judge(call(Self.legs)).decision == .allow)
  }

  @Test func amountsAreComparedExactly() throws {
    let rule = #""deny_if":[{"conditions":[{"path":"args.q","op":"gt","value":0.1}]}]"#
    #expect(try policy(rule).judge(call(#"{"q":"0.1000"}"#)).decision == .allow)
    #expect(
      try policy(rule).judge(call(#"{"q":"0.100000000000000000000001"}"#)).decision == .deny)
    #expect(try policy(rule).judge(call(#"{"q":9007199254740993}"#)).decision == .deny)
  }

  @Test(
    arguments: [
      ("abc", "xabcx", true), ("^abc$", "xabc", false), ("a|bc", "c", false), ("a|bc", "bc", true),
      ("^(ab)+$", "abab", true), ("^(?:ab){2,3}$", "ababab", true), ("^(?:ab){2}$", "ab", false),
      ("^[A-Z0-9-]{1,5}$", "BTC-1", true), ("^[^a-c]+$", "abd", false),
      (#"^\d+\.\d*$"#, "12.", true),
      (#"\w\s\W"#, "a !", true), ("^a?b*?c$", "bbc", true), ("^.$", "\n", false), ("", "x", true),
      ("^(a*)*$", "aaab", false), ("[]x]", "]", true), ("(|a)b", "b", true), ("^$", "", true),
      ("k", "\u{212A}", false), ("e$", "e\u{301}", false),
    ] as [(Text, Text, Bool)])
  func patterns(_ pattern: Text, _ text: Text, _ occurs: Bool) throws {
    #expect(try TextPattern(pattern).occurs(in: text) == occurs)
  }

  @Test(
    arguments: [
      "(", ")", "[a", "a{", "a{3,2}", "a{999}", "*a", "a**", #"\"#, #"\b"#, "(?i)a", "[z-a]",
      "((((a{100}){100}){100}){100})",
    ] as [Text])
  func refusesPatterns(_ pattern: Text) {
    #expect(throws: PatternError.self) { try TextPattern(pattern) }
  }

  @Test func aHostileTextTakesLinearTime() throws {
    let pattern = try TextPattern("^(a+)+$")
    let text = Text(String(repeating: "a", count: 4_000) + "b")
    #expect(pattern.occurs(in: text) == false)
    #expect(pattern.occurs(in: Text(String(repeating: "a", count: 5_000))) == nil)
  }
}
