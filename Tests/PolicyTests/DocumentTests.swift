import JSON
import Testing

@testable import Policy

@Suite struct DocumentTests {
  @Test(arguments: [
    (#"{"default":"deny"}"#, "$"),
    (#"{"version":"2","default":"deny"}"#, "$.version"),
    (#"{"version":1,"default":"deny"}"#, "$.version"),
    (#"{"version":"1"}"#, "$"),
    (#"{"version":"1","default":"Deny"}"#, "$.default"),
    (#"{"version":"1","default":"deny","defualt":"allow"}"#, "$.defualt"),
    (#"{"version":"1","default":"deny","Tools":{}}"#, "$.Tools"),
    (#"{"version":"1","default":"deny","hide":[""]}"#, "$.hide[0]"),
    (#"{"version":"1","default":"deny","tools":{"t":{"rules":[]}}}"#, "$.tools.t.rules"),
    (#"{"version":"1","default":"deny","tools":{"t":{"action":"ask"}}}"#, "$.tools.t.action"),
    (#"{"version":"1","default":"deny","tools":{"t":{"deny_if":[{}]}}}"#, "$.tools.t.deny_if[0]"),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"deny_if":[{"conditions":[],"on_hold":"x"}]}}}"#,
      "$.tools.t.deny_if[0].on_hold"
    ),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"require":[{"conditions":[{"path":"foo.a","op":"eq","value":1}]}]}}}"#,
      "$.tools.t.require[0].conditions[0].path"
    ),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"require":[{"conditions":[{"path":"args.a","op":"==","value":1}]}]}}}"#,
      "$.tools.t.require[0].conditions[0].op"
    ),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"require":[{"conditions":[{"path":"args.a","op":"lt","value":"x"}]}]}}}"#,
      "$.tools.t.require[0].conditions[0].value"
    ),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"require":[{"conditions":[{"path":"args.a","op":"in","value":[]}]}]}}}"#,
      "$.tools.t.require[0].conditions[0].value"
    ),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"require":[{"conditions":[{"path":"args.a","op":"regex","value":"("}]}]}}}"#,
      "$.tools.t.require[0].conditions[0].value"
    ),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"rate_limit":{"max":0,"window":1}}}}"#,
      "$.tools.t.rate_limit.max"
    ),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"approval":{"ttl":"0s"}}}}"#,
      "$.tools.t.approval.ttl"
    ),
    (
      #"{"version":"1","default":"deny","tools":{"t":{"approval":{"quorum":0}}}}"#,
      "$.tools.t.approval.quorum"
    ),
  ])
  func refusesWithAPath(_ document: String, _ path: String) {
    let error = #expect(throws: JSONError.self) { try Policy.parse(document.utf8) }
    #expect(error?.path.description == path)
    #expect(error?.located(in: document.utf8).position != nil)
  }

  @Test(
    arguments: ["args", "args.", "args..a", "args.a[", "args.a[x]", "args.[0]", "agent.id", ""]
      as [Text])
  func refusesPaths(_ path: Text) { #expect(PolicyPath(path) == nil) }

  @Test func theDigestIsOfTheCanonicalBytes() throws {
    let a = try Policy.parse(#"{"version":"1", "default":"deny"}"#.utf8)
    let b = try Policy.parse(#"{"default":"deny","version":"1"}"#.utf8)
    let c = try Policy.parse(#"{"default":"allow","version":"1"}"#.utf8)
    #expect(a.digest == b.digest && a.digest != c.digest)
  }

  @Test func thePagesDocumentHoldsAndSaysWhatItDoesNotSay() throws {
    let policy = try shipped("page.json")
    let held = policy.judge(call(tool: "wsBatchCreateOrders"))
    #expect(held.decision == .hold && held.reason == "Requires human approval.")
    #expect(policy.judge(call(tool: "getTickers")).decision == .deny)
    #expect(
      policy.explanations() == [
        "default: a tool that is not listed is denied",
        "wsBatchCreateOrders: every call is held for approval (deny_if with the published text)",
      ])
    #expect(
      policy.warnings() == [
        "this document denies every other tool; for the rest of the server to keep working "
          + "use default: allow, or config/policies/bybit.json"
      ])
  }

  @Test(
    arguments: [
      ("getTickers", Verdict.Decision.allow), ("queryAPIKey", .allow), ("cancelAllOrders", .allow),
      ("wsCancelOrder", .allow), ("stopStrategy", .allow), ("wsBatchCreateOrders", .hold),
      ("createOrder", .hold), ("wsAmendOrder", .hold), ("setLeverage", .hold),
      ("movePosition", .hold),
      ("createGridBot", .hold), ("setPriceLimit", .hold), ("startSubscription", .deny),
      ("subscribeDcp", .deny), ("upgradeToUta", .deny), ("setDcp", .deny), ("removeAd", .deny),
      ("withdraw", .deny),
    ] as [(Text, Verdict.Decision)])
  func theShippedPolicy(_ tool: Text, _ decision: Verdict.Decision) throws {
    #expect(try shipped("bybit.json").judge(call(tool: tool)).decision == decision)
  }

  @Test func theShippedPolicyHasNothingToWarnAbout() throws {
    let policy = try shipped("bybit.json")
    #expect(policy.warnings() == [])
    #expect(policy.tools.count == 2 + 2 + 14)
  }

  @Test(arguments: [
    (#""action":"deny","hold_if":[{"conditions":[]}]"#, "no other rule can fire"),
    (#""deny_if":[{"conditions":[]},{"conditions":[]}]"#, "nothing after deny_if/0 can fire"),
    (#""deny_if":[{"conditions":[],"on_deny":"Needs approval"}]"#, "denies for ever"),
    (#""require":[{"conditions":[]}]"#, "requires nothing"),
    (
      #""action":"hold","hold_if":[{"conditions":[{"path":"args.a","op":"eq","value":1}]}]"#,
      "hold_if changes nothing"
    ),
    (#""approval":{"quorum":2}"#, "approval never matters"),
    (
      #""deny_if":[{"conditions":[{"path":"args.a","op":"lt","value":1},{"path":"args.a","op":"gt","value":2}]}]"#,
      "deny_if/0 can never fire"
    ),
    (
      #""require":[{"conditions":[{"path":"args.a","op":"eq","value":1},{"path":"args.a","op":"eq","value":2}]}]"#,
      "require/0 can never be met"
    ),
    (#""deny_if":[{"conditions":[{"path":"args.a","op":"eq","value":"5"}]}]"#, "byte by byte"),
  ])
  func warns(_ rules: String, _ words: String) throws {
    let warnings = try policy(rules).warnings()
    #expect(warnings.contains { $0.contains(words) }, "\(warnings)")
  }

  @Test func explainsInWords() throws {
    let policy = try policy(
      #""deny_if":[{"conditions":[{"path":"args.request[*].qty","op":"gt","value":10}],"on_deny":"Too large"}],"#
        + #""rate_limit":{"max":10,"window":60},"approval":{"quorum":2,"ttl":"5m"},"#
        + #""hold_if":[{"conditions":[{"path":"args.category","op":"in","value":["option"]}]}]"#)
    #expect(
      policy.explanations() == [
        "default: a tool that is not listed is denied",
        "t: denied when any args.request[*].qty > 10 (\"Too large\")",
        "t: at most 10 calls per agent in any 1m",
        "t: held when args.category is one of \"option\"",
        "t: 2 distinct operators sign, expires after 5m, executes when approved while the agent "
          + "waits or next asks",
        "t: otherwise allowed",
      ])
  }
}
