import Foundation
import JSON
import Testing

@testable import Policy

/// Rules that can never fire, each in words with its place.
@Suite struct LintTests {
  static func condition(_ path: String, _ op: String, _ value: String) -> String {
    #"{"path":"\#(path)","op":"\#(op)","value":\#(value)}"#
  }

  private static func rule(_ conditions: String...) -> String {
    "{\"conditions\":[\(conditions.joined(separator: ","))]}"
  }

  private static let a = "args.a"

  @Test(arguments: [
    // The same path cannot be two things, nor in an empty range.
    (rule(condition(a, "eq", "\"x\""), condition(a, "eq", "\"y\"")), true),
    (rule(condition(a, "eq", "1"), condition(a, "eq", "2")), true),
    (rule(condition(a, "eq", "1"), condition(a, "eq", "1.0")), false),
    (rule(condition(a, "eq", "1"), condition(a, "eq", "\"1\"")), false),
    (rule(condition(a, "eq", "\"x\""), condition(a, "in", "[\"y\",\"z\"]")), true),
    (rule(condition(a, "in", "[1,2]"), condition(a, "in", "[3,4]")), true),
    (rule(condition(a, "in", "[1,2]"), condition(a, "in", "[2,3]")), false),
    (rule(condition(a, "in", "[1,2]"), condition(a, "gt", "2")), true),
    (rule(condition(a, "in", "[1,3]"), condition(a, "gt", "2")), false),
    (rule(condition(a, "eq", "\"x\""), condition(a, "not_in", "[\"x\"]")), true),
    (rule(condition(a, "lt", "5"), condition(a, "gte", "5")), true),
    (rule(condition(a, "lte", "5"), condition(a, "gte", "5")), false),
    (rule(condition(a, "lt", "5"), condition(a, "gt", "4.9")), false),
    (rule(condition(a, "exists", "true"), condition(a, "exists", "false")), true),
    (rule(condition("args.l[*].a", "eq", "1"), condition("args.l[*].a", "eq", "2")), false),
    // Joined and turned round.
    (rule("{\"all\":[\(condition(a, "gt", "5")),\(condition(a, "lt", "4"))]}"), true),
    (rule("{\"not\":\(condition(a, "gt", "5"))}", condition(a, "gt", "6")), true),
    (rule("{\"not\":{\"any\":[\(condition(a, "lt", "5")),\(condition(a, "gte", "5"))]}}"), true),
    (rule("{\"any\":[\(condition(a, "lt", "5")),\(condition(a, "gte", "5"))]}"), false),
    (
      rule(
        condition("time.now", "within", #"{"from":"09:00","to":"10:00","zone":"UTC"}"#),
        condition("time.now", "within", #"{"from":"10:00","to":"11:00","zone":"UTC"}"#)), true
    ),
  ])
  func contradictions(_ rule: String, _ isImpossible: Bool) throws {
    for list in ["deny_if", "hold_if"] {
      let found = try policy("\"\(list)\":[\(rule)]").findings()
      #expect(found.contains { $0.words.contains("can never fire") } == isImpossible, "\(found)")
    }
    let required = try policy("\"require\":[\(rule)]").findings()
    #expect(required.contains { $0.words.contains("can never be met") } == isImpossible)
  }

  @Test(arguments: [
    // Whatever the second could decide, the first has decided.
    ("deny_if", rule(condition(a, "gt", "5")), rule(condition(a, "gt", "10")), true),
    ("deny_if", rule(condition(a, "gt", "10")), rule(condition(a, "gt", "5")), false),
    ("deny_if", rule(condition(a, "gte", "5")), rule(condition(a, "gt", "5")), true),
    ("deny_if", rule(condition(a, "gt", "5")), rule(condition(a, "gte", "5")), false),
    ("deny_if", rule(condition(a, "lt", "5")), rule(condition(a, "lt", "4")), true),
    ("deny_if", rule(condition(a, "in", "[1,2]")), rule(condition(a, "eq", "1")), true),
    (
      "hold_if", rule(condition(a, "gt", "5")),
      rule(condition("args.b", "eq", "1"), condition(a, "gt", "5")), true
    ),
    (
      "hold_if", rule(condition("args.b", "eq", "1"), condition(a, "gt", "5")),
      rule(condition(a, "gt", "5")), false
    ),
    (
      "hold_if", rule(condition("args.l[*].q", "gt", "5")),
      rule(condition("args.l[*].q", "gt", "6")), true
    ),
  ])
  func earlierRules(_ list: String, _ first: String, _ second: String, _ isDead: Bool) throws {
    let found = try policy("\"\(list)\":[\(first),\(second)]").findings()
    let dead = found.filter { $0.words.contains("decides first") }
    #expect(dead.map(\.path.description) == (isDead ? ["$.tools.t.\(list)[1]"] : []), "\(found)")
  }

  @Test func aHoldThatADenialDecidesFirst() throws {
    let (gt5, gt9) = (
      Self.rule(Self.condition(Self.a, "gt", "5")), Self.rule(Self.condition(Self.a, "gt", "9"))
    )
    let denied = try policy("\"deny_if\":[\(gt5)],\"hold_if\":[\(gt9)]").warnings()
    #expect(denied.contains { $0.contains("hold_if/0 can never fire, deny_if/0") }, "\(denied)")
    let shadow = gt5.replacing("]}", with: "],\"shadow\":true}")
    #expect(try policy("\"deny_if\":[\(shadow)],\"hold_if\":[\(gt9)]").warnings() == [])
    let option = Self.rule(Self.condition("args.category", "eq", "\"option\""))
    let linear = Self.rule(Self.condition("args.category", "eq", "\"linear\""))
    let required = try policy("\"require\":[\(linear)],\"hold_if\":[\(option)]").warnings()
    #expect(required.contains { $0.contains("hold_if/0 can never fire, require") }, "\(required)")
  }

  @Test(arguments: [
    ("tool.category", "eq", "\"financial\""), ("tool.severity", "in", "[\"high\",\"severe\"]"),
    ("risk.max_severity", "eq", "\"high\""), ("order.sides", "contains", "\"buy\""),
  ])
  func valuesThatNothingHas(_ path: String, _ op: String, _ value: String) throws {
    let found = try policy("\"deny_if\":[\(Self.rule(Self.condition(path, op, value)))]").findings()
    #expect(found.map(\.path.description) == ["$.tools.t.deny_if[0].conditions[0]"], "\(found)")
    #expect(found.first?.words.contains("is never") == true)
  }

  @Test func keysThatLeadNowhere() throws {
    let document = #"""
      {"version":"1","default":"deny","catalogue":"c.json","hide":["nothing"],
       "tools":{
        "readIt":{},
        "@Read":{},
        "@Write":{},
        "misspelt":{},
        "look*":{},
        "pay*":{},
        "@Financial":{"action":"hold"}}}
      """#
    let policy = try Policy.parse(
      document.utf8, catalogue: ToolCatalogue.parse(CatalogueTests.small.utf8))
    let locator = JSONLocator(document.utf8)
    let found = policy.findings().map { "\(locator.position(of: $0.path)?.line ?? 0): \($0.words)" }
    #expect(
      found == [
        "1: hide: the catalogue lists no tool nothing",
        "4: @Read: its rules can never fire, every tool of it is hidden or has others",
        "5: @Write: the catalogue lists no tool that this is about",
        "6: misspelt: the catalogue lists no tool that this is about",
        "7: look*: the catalogue lists no tool that this is about",
        "8: pay*: takes payIt from @Financial, which is stricter",
        "9: @Financial: its rules can never fire, every tool of it is hidden or has others",
      ])
  }

  @Test(
    arguments: [
      ("readIt", Verdict.Decision.allow, false, "/tools/@Read"),
      ("payIt", .hold, true, "/tools/payIt"), ("dropIt", .deny, false, "/hide/0"),
      ("else", .deny, false, "/default"),
    ] as [(Text, Verdict.Decision, Bool, String)])
  func whatIsKnownBeforeACall(
    _ tool: Text, _ decision: Verdict.Decision, _ isConditional: Bool, _ rule: String
  ) throws {
    let policy = try Policy.parse(
      #"""
      {"version":"1","default":"deny","catalogue":"c.json","hide":["@Destructive"],"tools":{
        "@Read":{},"payIt":{"action":"hold","deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":1}]}]}}}
      """#.utf8, catalogue: ToolCatalogue.parse(CatalogueTests.small.utf8))
    let outlook = policy.outlook(for: tool)
    #expect(outlook == Outlook(decision: decision, isConditional: isConditional, rule: rule))
    #expect(policy.listedTools == ["readIt", "payIt", "dropIt"])
  }
}

/// Policies to begin with.
@Suite struct FirstPolicyTests {
  private static let tools = [
    FirstPolicy.Tool(name: "readIt", isHintedRead: true),
    FirstPolicy.Tool(name: "payIt", isHintedRead: true),
    FirstPolicy.Tool(name: "dropIt", isHintedRead: false),
    FirstPolicy.Tool(name: "look", isHintedRead: true),
    FirstPolicy.Tool(name: "odd*", isHintedRead: true),
  ]

  @Test(arguments: [(true, false), (true, true), (false, false), (false, true)])
  func nothingUnknownIsAllowedUnlessAsked(_ isKnown: Bool, _ allows: Bool) throws {
    let catalogue = try ToolCatalogue.parse(CatalogueTests.small.utf8)
    let first = FirstPolicy(
      server: "s", tools: Self.tools, catalogue: isKnown ? ("c.json", catalogue) : nil,
      allowsHintedReads: allows)
    let policy = try Policy.parse(JSONWriter.bytes(of: first.document), catalogue: catalogue)
    func decision(_ tool: Text) -> Verdict.Decision { policy.judge(call(tool: tool)).decision }
    #expect(decision("readIt") == (isKnown || allows ? .allow : .deny))
    #expect(decision("payIt") == (isKnown ? .hold : allows ? .allow : .deny))
    #expect(decision("dropIt") == .deny && decision("else") == .deny)
    #expect(decision("look") == (allows ? .allow : .deny))
    #expect(decision("odd*") == .deny && first.unnamed == ["odd*"])
    #expect(policy.tools.map(\.name.text) == ["dropIt", "look", "payIt", "readIt"])
  }
}
