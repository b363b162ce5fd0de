import Foundation
import JSON
import Testing

@testable import Policy

@Suite struct CatalogueTests {
  static let small = #"""
    {"version": "1", "server": "s", "tools": {
      "readIt": {"group": "g", "category": "Read", "severity": "low", "reason": "Reads."},
      "payIt": {"group": "g", "category": "Financial", "severity": "critical", "reason": "Pays."},
      "dropIt": {"group": "g", "category": "Destructive", "severity": "high", "reason": "Drops."}}}
    """#

  private func policy(_ tools: String, more: String = "") throws -> Policy {
    try Policy.parse(
      #"{"version":"1","default":"deny","catalogue":"c.json"\#(more),"tools":{\#(tools)}}"#.utf8,
      catalogue: ToolCatalogue.parse(Self.small.utf8))
  }

  // MARK: The reader

  @Test(
    "is read strictly",
    arguments: [
      (#""server": "s""#, #""server": """#, "$.server"),
      (#""version": "1""#, #""version": 1"#, "$.version"),
      (#""server": "s","#, "", "$"),
      (#""server""#, #""sever""#, "$.sever"),
      (#""Read""#, #""read""#, "$.tools.readIt.category"),
      (#""low""#, #""Low""#, "$.tools.readIt.severity"),
      (#", "reason": "Reads.""#, "", "$.tools.readIt"),
      (#""Reads.""#, #""""#, "$.tools.readIt.reason"),
      (#""readIt""#, #""@Read""#, #"$.tools["@Read"]"#),
      (#""readIt""#, #""re*It""#, #"$.tools["re*It"]"#),
      (#""readIt""#, #""""#, #"$.tools[""]"#),
      (
        #""group": "g", "category": "Read""#, #""Group": "g", "category": "Read""#,
        "$.tools.readIt.Group"
      ),
      (#""dropIt""#, #""payIt""#, "$.tools.payIt"),
    ])
  func strict(_ old: String, _ new: String, _ path: String) {
    let text = Self.small.replacingOccurrences(of: old, with: new)
    #expect(text != Self.small)
    let error = #expect(throws: JSONError.self) { try ToolCatalogue.parse(text.utf8) }
    #expect(error?.path.description == path)
    #expect(error?.located(in: text.utf8).position != nil)
  }

  @Test func hasLimits() {
    func document(_ count: Int, reason: String = "r") -> String {
      let tools = (0..<count).map {
        #""t\#($0)": {"group":"g","category":"Read","severity":"low","reason":"\#(reason)"}"#
      }
      return #"{"version":"1","server":"s","tools":{\#(tools.joined(separator: ","))}}"#
    }
    #expect(throws: JSONError.self) { try ToolCatalogue.parse(document(0).utf8) }
    #expect(throws: JSONError.self) {
      try ToolCatalogue.parse(document(ToolCatalogue.maxTools + 1).utf8)
    }
    let long = String(repeating: "r", count: ToolCatalogue.maxReasonBytes + 1)
    #expect(throws: JSONError.self) { try ToolCatalogue.parse(document(1, reason: long).utf8) }
    #expect(throws: Never.self) { try ToolCatalogue.parse(document(1).utf8) }
  }

  // MARK: Categories in a policy

  @Test("an exact name goes before a glob, a glob before a category, a category before default")
  func precedence() throws {
    let document = try policy(
      #""@Financial":{"action":"hold"},"@Destructive":{},"drop*":{"action":"hold"},"@Read":{},"readIt":{"action":"deny"}"#
    )
    func rule(_ tool: Text) -> String { document.judge(call(tool: tool)).rule }
    #expect(rule("payIt") == "/tools/@Financial/action")
    #expect(rule("dropIt") == "/tools/drop*/action")
    #expect(rule("readIt") == "/tools/readIt/action")
    #expect(rule("other") == "/default")
    #expect(rule("@Read") == "/default")
    #expect(document.isVisible("payIt") && !document.isVisible("readIt"))
    #expect(!document.isVisible("other"))
  }

  @Test func hidesCategories() throws {
    let document = try policy(#""*":{}"#, more: #","hide":["@Destructive"]"#)
    #expect(document.judge(call(tool: "dropIt")).rule == "/hide/0")
    #expect(!document.isVisible("dropIt") && document.isVisible("payIt"))
  }

  @Test(arguments: [
    (#""@Money":{}"#, "$.tools[\"@Money\"]"), (#""@read":{}"#, "$.tools[\"@read\"]"),
    (#""@":{}"#, "$.tools[\"@\"]"), (#""@Read*":{}"#, "$.tools[\"@Read*\"]"),
  ])
  func refusesWhatIsNoCategory(_ tools: String, _ path: String) {
    let error = #expect(throws: JSONError.self) { try policy(tools) }
    #expect(error?.path.description == path)
    #expect(error?.message.contains("@Financial") == true)
  }

  @Test func aCategoryNeedsACatalogue() {
    let bare = #"{"version":"1","default":"allow","tools":{"@Financial":{"action":"deny"}}}"#
    #expect(throws: JSONError.self) { try Policy.parse(bare.utf8) }
    #expect(throws: JSONError.self) {
      try Policy.parse(bare.utf8, catalogue: shippedCatalogue())
    }
    let named = #"{"version":"1","default":"allow","catalogue":"c.json"}"#
    let error = #expect(throws: JSONError.self) { try Policy.parse(named.utf8) }
    #expect(error?.path.description == "$.catalogue")
  }

  @Test func theDigestCoversTheCatalogue() throws {
    let text = #"{"version":"1","default":"deny","catalogue":"c.json"}"#.utf8
    let first = try ToolCatalogue.parse(Self.small.utf8)
    let spaced = try ToolCatalogue.parse(Self.small.replacing(": ", with: " :  ").utf8)
    let other = try ToolCatalogue.parse(Self.small.replacing("Pays.", with: "Buys.").utf8)
    let digest = try Policy.parse(text, catalogue: first).digest
    #expect(try Policy.parse(text, catalogue: spaced).digest == digest)
    #expect(try Policy.parse(text, catalogue: other).digest != digest)
    let plain = #"{"version":"1","default":"deny"}"#.utf8
    #expect(
      try Policy.parse(plain, catalogue: first).digest == Policy.parse(plain).digest,
      "a catalogue that is not named does not count")
  }

  @Test(
    arguments: [
      ("payIt", "tool.category", "eq", #""Financial""#, Verdict.Decision.deny),
      ("readIt", "tool.category", "eq", #""Financial""#, .allow),
      ("payIt", "tool.severity", "in", #"["high","critical"]"#, .deny),
      ("readIt", "tool.severity", "in", #"["high","critical"]"#, .allow),
      ("readIt", "tool.group", "eq", #""g""#, .deny),
      ("readIt", "tool.name", "regex", #""^read""#, .deny),
      // What the catalogue does not list has no category, which is no way through.
      ("other", "tool.category", "eq", #""Financial""#, .deny),
      ("other", "tool.name", "eq", #""payIt""#, .allow),
    ] as [(Text, String, String, String, Verdict.Decision)])
  func categoriesAreFacts(
    _ tool: Text, _ path: String, _ op: String, _ value: String, _ decision: Verdict.Decision
  ) throws {
    let document = try policy(
      #""*":{"deny_if":[{"conditions":[{"path":"\#(path)","op":"\#(op)","value":\#(value)}]}]}"#)
    #expect(document.judge(call(tool: tool)).decision == decision)
  }

  // MARK: Bybit's

  /// `Documents/bybit-verdicts.txt` is what a person has reviewed: it changes only together with
  /// policy or catalogue, and is read again then.
  @Test func theShippedPolicyOnEveryTool() throws {
    let (policy, catalogue) = (try shipped("bybit.json"), try shippedCatalogue())
    #expect(catalogue.tools.count == 382)
    let reviewed = String(
      decoding: try repository("Tests/PolicyTests/Documents/bybit-verdicts.txt"), as: UTF8.self)
    let rows = reviewed.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      line.split(separator: " ").map(String.init)
    }
    let found = catalogue.tools.map { tool in
      [
        tool.name.string, tool.category.rawValue,
        policy.judge(call(tool: tool.name)).decision.rawValue,
      ]
    }
    #expect(rows == found)
    for tool in catalogue.tools where tool.category == .financial {
      #expect(policy.judge(call(tool: tool.name)).decision != .allow, "\(tool.name)")
      #expect(tool.severity != .low, "\(tool.name)")
    }
    #expect(policy.warnings() == [])
  }

  @Test func everyReasonSaysSomething() throws {
    for tool in try shippedCatalogue().tools {
      #expect(tool.reason.count > 20 && tool.reason.hasSuffix("."), "\(tool.name)")
    }
  }
}
