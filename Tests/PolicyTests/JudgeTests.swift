import JSON
import Testing
import Time

@testable import Policy

@Suite struct JudgeTests {
  @Test(arguments: [
    (#""action":"allow""#, Verdict.Decision.allow, "/tools/t/action"),
    (#""action":"deny""#, .deny, "/tools/t/action"),
    (#""action":"hold""#, .hold, "/tools/t/action"),
    ("", .allow, "/tools/t/action"),
    (#""deny_if":[{"conditions":[],"on_deny":"no"}]"#, .deny, "/tools/t/deny_if/0"),
    (
      #""deny_if":[{"conditions":[],"on_deny":"Requires human approval."}]"#, .hold,
      "/tools/t/deny_if/0"
    ),
    (
      #""deny_if":[{"conditions":[],"on_deny":"Requires human approval"}]"#, .deny,
      "/tools/t/deny_if/0"
    ),
    (
      #""deny_if":[{"conditions":[],"on_deny":"requires human approval."}]"#, .deny,
      "/tools/t/deny_if/0"
    ),
    (#""hold_if":[{"conditions":[],"on_hold":"look"}]"#, .hold, "/tools/t/hold_if/0"),
    (#""require":[{"conditions":[]}]"#, .allow, "/tools/t/action"),
    (
      #""action":"hold","deny_if":[{"conditions":[{"path":"agent.name","op":"eq","value":"bot"}]}]"#,
      .deny, "/tools/t/deny_if/0"
    ),
    (
      #""action":"allow","hold_if":[{"conditions":[{"path":"agent.name","op":"eq","value":"bot"}]}]"#,
      .hold, "/tools/t/hold_if/0"
    ),
    (
      #""deny_if":[{"conditions":[],"on_deny":"Requires human approval."},{"conditions":[]}]"#,
      .deny, "/tools/t/deny_if/1"
    ),
  ])
  func decides(_ rules: String, _ decision: Verdict.Decision, _ rule: String) throws {
    let verdict = try policy(rules).judge(call())
    #expect(verdict.decision == decision)
    #expect(verdict.rule == rule)
  }

  @Test func thePublishedTextHoldsOnlyWithoutConditions() throws {
    let verdict = try policy(
      #""deny_if":[{"conditions":[{"path":"args.a","op":"eq","value":1}],"#
        + #""on_deny":"Requires human approval."}]"#
    ).judge(call(#"{"a":1}"#))
    #expect(verdict.decision == .deny && verdict.reason == "Requires human approval.")
  }

  @Test func hideComesFirstAndUnlistedToolsFollowTheDefault() throws {
    let document = #"{"version":"1","default":"allow","hide":["t","secret*"],"tools":{"t":{}}}"#
    let policy = try Policy.parse(document.utf8)
    #expect(policy.judge(call()).rule == "/hide/0")
    #expect(policy.judge(call(tool: "secretKey")).rule == "/hide/1")
    #expect(policy.judge(call(tool: "other")).decision == .allow)
    #expect(
      try Policy.parse(#"{"version":"1","default":"deny"}"#.utf8).judge(call()).rule == "/default")
  }

  @Test func namesAreComparedAsBytes() throws {
    let kelvin = try Policy.parse(#"{"version":"1","default":"deny","tools":{"K":{}}}"#.utf8)
    #expect(kelvin.judge(call(tool: "K")).decision == .allow)
    #expect(kelvin.judge(call(tool: "\u{212A}")).decision == .deny)
    #expect(kelvin.judge(call(tool: "k")).decision == .deny)
  }

  @Test func theMostSpecificNameDecides() throws {
    let policy = try Policy.parse(
      #"""
      {"version":"1","default":"deny","tools":{
        "*": {"action":"deny"}, "get*": {}, "get*Order*": {"action":"hold"}, "getOrders": {}}}
      """#.utf8)
    #expect(policy.judge(call(tool: "getTickers")).decision == .allow)
    #expect(policy.judge(call(tool: "getOpenOrders")).decision == .hold)
    #expect(policy.judge(call(tool: "getOrders")).decision == .allow)
    #expect(policy.judge(call(tool: "x")).rule == "/tools/*/action")
  }

  @Test(
    arguments: [
      ("a*c", "abc", true), ("a*c", "ac", true), ("a*a", "a", false), ("*", "", true),
      ("a*b*c", "a-b-c", true), ("a*b*c", "acb", false), ("*Order", "createOrder", true),
      ("ab", "abc", false), ("**x", "x", true), ("a*ab", "aab", true),
    ] as [(Text, Text, Bool)])
  func globs(_ pattern: Text, _ name: Text, _ matches: Bool) {
    #expect(NamePattern(pattern).matches(name, of: nil) == matches)
  }

  @Test func aPointerEscapesTheToolsName() throws {
    let document = #"{"version":"1","default":"deny","tools":{"a/b~c":{"action":"deny"}}}"#
    #expect(
      try Policy.parse(document.utf8).judge(call(tool: "a/b~c")).rule == "/tools/a~1b~0c/action")
  }

  @Test func aHeldCallCarriesItsTerms() throws {
    let verdict = try policy(
      #""action":"hold","approval":{"quorum":2,"ttl":"5m","wait":"20s","execute":"on_approval"}"#
    ).judge(call())
    #expect(verdict.approval.quorum == 2 && verdict.approval.ttl == .minutes(5))
    #expect(verdict.approval.wait == .seconds(20) && verdict.approval.execute == .onApproval)
    #expect(try policy(#""action":"hold""#).judge(call()).approval == ApprovalTerms())
  }

  @Test func listsWhatIsAllowedOrHeld() throws {
    let policy = try Policy.parse(
      #"""
      {"version":"1","default":"deny","hide":["h"],"tools":{"h":{},"a":{},"d":{"action":"deny"},
       "u":{"deny_if":[{"conditions":[]}]},"w":{"action":"hold"},
       "p":{"deny_if":[{"conditions":[],"on_deny":"Requires human approval."}]}}}
      """#.utf8)
    let visible = (["h", "a", "d", "u", "w", "p", "x"] as [Text]).filter(policy.isVisible)
    #expect(visible == ["a", "w", "p"])
  }
}
