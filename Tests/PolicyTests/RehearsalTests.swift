import JSON
import Testing
import Time

@testable import Policy

/// Calls of a file that count under the limits, one after another.
@Suite struct RehearsalTests {
  private static let start = "2026-11-02T09:00:"

  /// A call `second` seconds after nine, with more members where wanted.
  private func one(_ second: Int, _ more: String = "", n: String = "1") -> String {
    let at = Self.start + (second < 10 ? "0" : "") + "\(second)Z"
    return #"{"tool":"t","arguments":{"n":\#(n)},"at":"\#(at)"\#(more)}"#
  }

  private func samples(_ calls: [String]) throws -> [SampleCall] {
    try SampleCall.all(
      JSONCursor(try JSONParser.parse("[\(calls.joined(separator: ","))]")), inOrder: true)
  }

  private func verdicts(_ limits: String, _ calls: String...) throws -> [Verdict] {
    var rehearsal = Rehearsal(try policy(#""limits":[\#(limits)]"#))
    return try samples(calls).map { rehearsal.verdict(on: $0) }
  }

  private func decisions(_ limits: String, _ calls: [String]) throws -> [Verdict.Decision] {
    var rehearsal = Rehearsal(try policy(#""limits":[\#(limits)]"#))
    return try samples(calls).map { rehearsal.verdict(on: $0).decision }
  }

  @Test func aCallCountsFromItsMoment() throws {
    let all = try verdicts(
      #"{"counter":"n","window":"10s","max":1}"#, one(0), one(9), one(10), one(11))
    #expect(all.map(\.decision) == [.allow, .deny, .allow, .deny])
    #expect(all.map(\.retryAfter) == [nil, .seconds(1), nil, .seconds(9)])
    #expect(all[1].counter == "n")
  }

  @Test func whatBecomesOfACallDecidesWhatItCounts() throws {
    let amounts = #"{"counter":"n","window":"30s","max":1,"increment_from":"args.n"}"#
    func second(_ steps: String, at moment: Int = 20) throws -> Verdict.Decision {
      try decisions(amounts, [one(0, #","then":[\#(steps)]"#), one(moment)])[1]
    }
    // It waits, and counts without end.
    #expect(try second("", at: 59) == .deny)
    #expect(try second(#"{"became":"sent"}"#) == .deny)
    #expect(try second(#"{"became":"sent"}"#, at: 30) == .allow)
    #expect(try second(#"{"after":"15s","became":"sent"}"#, at: 44) == .deny)
    #expect(try second(#"{"after":"15s","became":"sent"}"#, at: 45) == .allow)
    #expect(try second(#"{"became":"sent"},{"after":"20s","became":"refused"}"#) == .allow)
    #expect(try second(#"{"became":"sent"},{"after":"21s","became":"refused"}"#) == .deny)
    #expect(try second(#"{"after":"20s","became":"not_sent"}"#) == .allow)
    #expect(try second(#"{"became":"sent"},{"after":"5s","became":"unknown"}"#, at: 59) == .deny)
    let found = #"{"became":"sent"},{"became":"unknown"},{"after":"40s","became":"answered"}"#
    #expect(try second(found, at: 39) == .deny)
    #expect(try second(found, at: 40) == .allow)
  }

  @Test func aCallIsUnderWayUntilItIsOver() throws {
    let busy = #"{"counter":"busy","concurrent":1}"#
    let way = #","then":[{"became":"sent"},{"after":"5s","became":"answered"}]"#
    #expect(
      try decisions(busy, [one(0, way), one(4), one(5, way), one(9), one(10)])
        == [.allow, .deny, .allow, .deny, .allow])
    // Without a word of what becomes of it, a call is over at once.
    #expect(try decisions(busy, [one(0), one(0)]) == [.allow, .allow])
  }

  @Test func nothingBecomesOfADeniedCall() throws {
    let amounts = #"{"counter":"n","window":"30s","max":1,"increment_from":"args.n"}"#
    let all = try decisions(
      amounts, [one(0, n: "2"), one(1, #","then":[]"#), one(2, #","then":[]"#), one(3, n: "0")])
    #expect(all == [.deny, .allow, .deny, .allow])
  }

  @Test func thingsHappenInTheOrderOfTheirMoments() throws {
    let busy = #"{"counter":"busy","concurrent":2}"#
    let long = #","then":[{"became":"sent"},{"after":"20s","became":"answered"}]"#
    let short = #","then":[{"became":"sent"},{"after":"3s","became":"answered"}]"#
    #expect(
      try decisions(busy, [one(0, long), one(1, short), one(3), one(4), one(5, long), one(6)])
        == [.allow, .allow, .deny, .allow, .allow, .deny])
  }

  @Test(arguments: [
    ([#"{"tool":"t","arguments":{}}"#], "calls that count need \"at\""),
    (
      [
        #"{"tool":"t","arguments":{},"at":"2026-11-02T09:00:01Z"}"#,
        #"{"tool":"t","arguments":{},"at":"2026-11-02T09:00:00Z"}"#,
      ], "the call before it came later"
    ),
  ])
  func callsThatCountAreListedAsTheyCame(_ calls: [String], _ words: String) throws {
    let error = try #require(throws: JSONError.self) { try samples(calls) }
    #expect("\(error)".contains(words))
  }

  @Test(arguments: [
    #"{"became":"answered"}"#, #"{"became":"unknown"}"#, #"{"became":"lost"}"#, "{}", "5",
    #"{"became":"sent","before":"1s"}"#, #"{"became":"sent"},{"became":"sent"}"#,
    #"{"became":"not_sent"},{"became":"sent"}"#, #"{"after":"367d","became":"sent"}"#,
    #"{"after":"2s","became":"sent"},{"after":"1s","became":"answered"}"#,
    #"{"became":"sent"},{"became":"answered"},{"became":"unknown"}"#,
    #"{"became":"sent"},{"became":"unknown"},{"became":"not_sent"}"#,
  ])
  func whatBecomesOfACallIsReadStrictly(_ steps: String) {
    #expect(throws: JSONError.self) { try samples([one(0, #","then":[\#(steps)]"#)]) }
  }
}
