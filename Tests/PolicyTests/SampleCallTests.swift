import JSON
import Testing
import Time

@testable import Policy

/// Calls of a file that are judged without being sent.
@Suite struct SampleCallTests {
  private func samples(_ text: String) throws -> [SampleCall] {
    try SampleCall.all(JSONCursor(try JSONParser.parse(text)))
  }

  static let large =
    #"{"tool":"t","arguments":{"n":5},"expect":{"decision":"deny","rule":"/tools/t/deny_if/0"}}"#
  static let rules = #""deny_if":[{"conditions":[{"path":"args.n","op":"gt","value":4}]}]"#

  @Test func areJudgedAndCompared() throws {
    let document = try policy(Self.rules)
    let all = try samples(
      "[\(Self.large),{\"tool\":\"t\",\"arguments\":{\"n\":4},\"expect\":{\"decision\":\"deny\"},"
        + "\"name\":\"small\"},{\"tool\":\"t\",\"arguments\":{}}]")
    let complaints = all.map { $0.complaint(about: $0.verdict(of: document, now: noon)) }
    #expect(complaints[0] == nil)
    #expect(complaints[1] == "allow by /tools/t/action, expected deny")
    #expect(complaints[2] == "nothing is expected of it: give \"expect\"")
    #expect(all.map(\.name) == ["call 1", "small", "call 3"])
  }

  @Test func anotherRuleIsNoMatch() throws {
    let text = Self.large.replacing("deny_if/0", with: "deny_if/1")
    let one = try #require(try samples(text).first)
    let verdict = one.verdict(of: try policy(Self.rules), now: noon)
    #expect(
      one.complaint(about: verdict) == "decided by /tools/t/deny_if/0, expected /tools/t/deny_if/1")
  }

  @Test func happenWhenTheFileSays() throws {
    let window = #"{"from":"09:00","to":"10:00","zone":"UTC"}"#
    let document = try policy(
      #""deny_if":[{"conditions":[{"path":"time.now","op":"within","value":\#(window)}]}]"#)
    for (moment, decision) in [("09:30", Verdict.Decision.deny), ("10:30", .allow)] {
      let one = try #require(
        try samples(#"{"tool":"t","arguments":{},"at":"2026-11-02T\#(moment):00Z"}"#).first)
      #expect(one.verdict(of: document, now: noon).decision == decision)
    }
  }

  @Test func factsOfTheFileGoBeforeComputedOnes() throws {
    let document = try policy(
      #""deny_if":[{"conditions":[{"path":"order.legs","op":"gt","value":2}]}]"#)
    let given = try #require(
      try samples(#"{"tool":"t","arguments":{},"facts":{"order":{"legs":3}}}"#).first)
    let computed: JSONObject = ["order": ["legs": 1]]
    #expect(given.adding(computed).verdict(of: document, now: noon).decision == .deny)
    let bare = try #require(try samples(#"{"tool":"t","arguments":{}}"#).first)
    #expect(bare.adding(computed).verdict(of: document, now: noon).decision == .allow)
    #expect(bare.verdict(of: document, now: noon).decision == .deny)
  }

  @Test(arguments: [
    "[]", "5", #"{"tool":"t"}"#, #"{"tool":"t","arguments":[]}"#,
    #"{"tool":"t","arguments":{},"argument":{}}"#, #"{"tool":"t","arguments":{},"at":"noon"}"#,
    #"{"tool":"t","arguments":{},"facts":{"orders":{}}}"#,
    #"{"tool":"t","arguments":{},"facts":{"order":{"leg":1}}}"#,
    #"{"tool":"t","arguments":{},"facts":{"agent":{"name":"x"}}}"#,
    #"{"tool":"t","arguments":{},"expect":{"decision":"maybe"}}"#,
  ])
  func areReadStrictly(_ text: String) {
    #expect(throws: JSONError.self) { try samples(text) }
  }
}
