import Decimals
import JSON
import Testing
import Time

@testable import Policy

/// A policy with its counters and its clock.
struct Meter {
  var policy: Policy
  var counters = Counters()
  private var next = 0

  init(_ rules: String, more: String = "") throws {
    policy = try Policy.parse(
      #"{"version":"1","default":"deny",\#(more)"tools":{"t":{\#(rules)},"u":{\#(rules)},"g*":{\#(rules)}}}"#
        .utf8)
    counters.advance(to: noon)
  }

  var last: Text { "c\(next)" }

  mutating func passes(_ seconds: Double) {
    counters.advance(to: counters.now + .milliseconds(Int64(seconds * 1000)))
  }

  /// Judges a call that is let go at once when it may.
  @discardableResult
  mutating func call(
    _ arguments: String = "{}", tool: Text = "t", agent: Text = "bot", session: Text? = nil,
    waits: Bool = false
  ) -> Verdict {
    next += 1
    var one = PolicyTests.call(arguments, tool: tool, agent: agent)
    if let session {
      one = Call(
        tool: one.tool, arguments: one.arguments, agent: agent,
        facts: ["session": ["id": .string(session)]])
    }
    let verdict = policy.judge(one, counters: &counters, ticket: last, at: counters.now)
    if verdict.decision != .deny, !waits { counters.letGo(last) }
    return verdict
  }
}

private func limit(_ rest: String, counter: String = "n") -> String {
  #""limits":[{"counter":"\#(counter)",\#(rest)}]"#
}

@Suite struct LimitLanguageTests {
  @Test(arguments: [
    #""window":"minute","max":1"#, #""window":"hour","max":0"#, #""window":"day","max":"10000""#,
    #""window":"15m","max":1,"scope":"tool""#, #""window":30,"max":1,"scope":"global""#,
    #""concurrent":2,"scope":["agent","tool"]"#, #""window":"31d","max":1,"scope":"grant""#,
    #""window":"day","max":"0.000000000000000001","increment_from":"args.request[*].qty""#,
    #""window":"day","max":1e15,"increment_from":"order.notional.USDT","on_deny":"enough""#,
    #""concurrent":1.5,"increment_from":"sum(args.list[*].qty)","scope":"category""#,
  ])
  func isRead(_ rest: String) throws {
    let document = try policy(limit(rest))
    #expect(document.rules(for: "t")?.limits.count == 1)
  }

  @Test(arguments: [
    (#""window":"minute""#, "$.tools.t.limits[0]"),
    (#""max":1"#, "$.tools.t.limits[0]"),
    (#""window":"month","max":1"#, "$.tools.t.limits[0].window"),
    (#""window":"999ms","max":1"#, "$.tools.t.limits[0].window"),
    (#""window":"32d","max":1"#, "$.tools.t.limits[0].window"),
    (#""window":0,"max":1"#, "$.tools.t.limits[0].window"),
    (#""window":"minute","max":-1"#, "$.tools.t.limits[0].max"),
    (#""window":"minute","max":1.5"#, "$.tools.t.limits[0].max"),
    (#""window":"minute","max":10001"#, "$.tools.t.limits[0].max"),
    (#""window":"minute","max":"ten""#, "$.tools.t.limits[0].max"),
    (
      #""window":"minute","max":1e16,"increment_from":"args.a""#, "$.tools.t.limits[0].max"
    ),
    (
      #""window":"minute","max":1e-19,"increment_from":"args.a""#, "$.tools.t.limits[0].max"
    ),
    (#""concurrent":1,"max":1"#, "$.tools.t.limits[0].concurrent"),
    (#""window":"minute","max":1,"scope":"user""#, "$.tools.t.limits[0].scope"),
    (#""window":"minute","max":1,"scope":[]"#, "$.tools.t.limits[0].scope"),
    (#""window":"minute","max":1,"scope":["global"]"#, "$.tools.t.limits[0].scope[0]"),
    (
      #""window":"minute","max":1,"increment_from":"agent.name""#,
      "$.tools.t.limits[0].increment_from"
    ),
    (
      #""window":"minute","max":1,"increment_from":"risk.unchecked""#,
      "$.tools.t.limits[0].increment_from"
    ),
    (#""window":"minute","max":1,"increment_from":"qty""#, "$.tools.t.limits[0].increment_from"),
    (#""window":"minute","max":1,"increment":2"#, "$.tools.t.limits[0].increment"),
  ])
  func isRefused(_ rest: String, _ path: String) {
    let error = #expect(throws: JSONError.self) { try policy(limit(rest)) }
    #expect(error?.path.description == path)
  }

  @Test func aCounterNeedsAPlainName() {
    for name in ["", "a b", "\u{212A}", String(repeating: "a", count: 65)] {
      #expect(throws: JSONError.self) {
        try policy(limit(#""window":1,"max":1"#, counter: name))
      }
    }
  }

  @Test func aCallNeverCountsTwice() throws {
    let one = #"{"counter":"n","window":"minute","max":1}"#
    let other = #"{"counter":"n","window":"hour","max":1}"#
    _ = try policy(#""limits":[\#(one),\#(other)]"#)
    #expect(throws: JSONError.self) { try policy(#""limits":[\#(one),\#(one)]"#) }
    #expect(throws: JSONError.self) {
      try Meter(#""limits":[\#(one)]"#, more: #""all_tools":{"limits":[\#(one)]},"#)
    }
    #expect(throws: JSONError.self) {
      try policy(
        #""rate_limit":{"max":1,"window":60},"limits":[{"counter":"rate_limit","window":60,"max":2,"scope":["tool","agent"]}]"#
      )
    }
  }

  @Test func isSaidInWords() throws {
    let meter = try Meter(
      #""rate_limit":{"max":2,"window":60,"scope":"session"},"limits":["#
        + #"{"counter":"daily","window":"day","max":1000,"increment_from":"order.notional.USDT","scope":"global","on_deny":"Enough."},"#
        + #"{"counter":"busy","concurrent":1,"scope":["agent","tool"]}]"#,
      more: #""all_tools":{"limits":[{"counter":"all","window":"minute","max":9}]},"#)
    let words = meter.policy.explanations()
    #expect(words.contains("every tool: at most 9 calls per agent in any 1m (counter all)"))
    #expect(words.contains("t: at most 2 calls per session in any 1m"))
    #expect(
      words.contains(
        "t: at most 1000 of order.notional.USDT in any 1d (counter daily) (\"Enough.\")"))
    #expect(words.contains("t: at most 1 call per tool and agent under way at once (counter busy)"))
  }

  @Test(arguments: [
    (#"{"counter":"a","window":"minute","max":0}"#, "t: limits/0 allows nothing, every call"),
    (
      #"{"counter":"a","window":"minute","max":10},{"counter":"b","window":"hour","max":600}"#,
      "t: limits/1 can never deny, limits/0 is reached first"
    ),
    (
      #"{"counter":"a","window":"hour","max":10},{"counter":"b","window":"minute","max":10}"#,
      "t: limits/1 can never deny, limits/0 is reached first"
    ),
  ])
  func warns(_ limits: String, _ words: String) throws {
    let document = try policy(#""limits":[\#(limits)]"#)
    #expect(document.warnings().contains { $0.hasPrefix(words) }, "\(document.warnings())")
  }

  @Test func doesNotWarnOfWhatCanFire() throws {
    let limits =
      #"{"counter":"a","window":"minute","max":10},{"counter":"b","window":"hour","max":599},"#
      + #"{"counter":"c","window":"hour","max":900,"scope":"global"}"#
    #expect(try !policy(#""limits":[\#(limits)]"#).warnings().contains { $0.contains("limits/") })
    // The second counter is shared by t, u and g*, so it may be reached through another tool.
    let shared = try Meter(
      #""limits":[{"counter":"a","window":"minute","max":10},{"counter":"b","window":"hour","max":600}]"#
    )
    #expect(!shared.policy.warnings().contains { $0.contains("limits/1") })
  }

  @Test func aLimitOfEveryToolThatReadsAnArgumentIsDoubtful() throws {
    let meter = try Meter(
      "",
      more:
        #""all_tools":{"limits":[{"counter":"a","window":1,"max":1,"increment_from":"args.a"}]},"#)
    #expect(
      meter.policy.warnings().contains("all_tools: limits/0 denies every call that has no args.a"))
    #expect(meter.policy.roots(for: "t") == ["args"])
  }
}

@Suite struct LimitTests {
  static let two = #""rate_limit":{"max":2,"window":60}"#

  @Test func aWindowSlides() throws {
    var meter = try Meter(Self.two)
    #expect(meter.call().decision == .allow)
    meter.passes(30)
    #expect(meter.call().decision == .allow)
    meter.passes(10)
    let denied = meter.call()
    #expect(denied.decision == .deny && denied.rule == "/tools/t/rate_limit")
    #expect(denied.retryAfter == .seconds(20) && denied.counter == "rate_limit")
    #expect(meter.call(agent: "other").decision == .allow)
    #expect(meter.call(tool: "u").decision == .allow)
    meter.passes(19.999)
    #expect(meter.call().retryAfter == .milliseconds(1))
    meter.passes(0.001)
    #expect(meter.call().decision == .allow)
    #expect(meter.call().retryAfter == .seconds(30))
  }

  /// Fixed windows let twice the maximum through around their border.
  @Test func noBorderLetsTwiceTheMaximumThrough() throws {
    var meter = try Meter(limit(#""window":"minute","max":10"#))
    meter.passes(59)
    for _ in 0..<10 { #expect(meter.call().decision == .allow) }
    for _ in 0..<59 {
      meter.passes(1)
      #expect(meter.call().decision == .deny)
    }
    meter.passes(1)
    #expect(meter.call().decision == .allow)
  }

  @Test func scopesCountTogetherWhatTheyName() throws {
    func second(
      _ scope: String, _ tool: Text = "t", _ agent: Text = "bot", _ session: Text? = nil
    ) throws -> Verdict.Decision {
      var meter = try Meter(limit(#""window":"minute","max":1,"scope":\#(scope)"#))
      #expect(meter.call(session: "s1").decision == .allow)
      return meter.call(tool: tool, agent: agent, session: session).decision
    }
    #expect(try second(#""global""#, "u", "hal") == .deny)
    #expect(try second(#""agent""#, "u") == .deny)
    #expect(try second(#""agent""#, "t", "hal") == .allow)
    #expect(try second(#""grant""#, "u") == .deny)
    #expect(try second(#""grant""#, "t", "hal") == .allow)
    #expect(try second(#""tool""#, "t", "hal") == .deny)
    #expect(try second(#""tool""#, "u") == .allow)
    #expect(try second(#""session""#, "t", "bot", "s1") == .deny)
    #expect(try second(#""session""#, "t", "bot", "s2") == .allow)
    #expect(try second(#""session""#, "t", "hal", "s1") == .allow)
    #expect(try second(#"["tool","agent"]"#, "u") == .allow)
    #expect(try second(#"["tool","agent"]"#) == .deny)
  }

  @Test func aCategoryIsTheKeyThatTheToolMatched() throws {
    var meter = try Meter(limit(#""window":"minute","max":1,"scope":"category""#))
    #expect(meter.call(tool: "getA").decision == .allow)
    #expect(meter.call(tool: "getB").decision == .deny)
    #expect(meter.call(tool: "t").decision == .allow)
  }

  @Test func anAgentWithoutASessionHasOne() throws {
    var meter = try Meter(#""rate_limit":{"max":1,"window":60,"scope":"session"}"#)
    #expect(meter.call().decision == .allow)
    #expect(meter.call().decision == .deny)
    #expect(meter.call(session: "s1").decision == .allow)
    #expect(meter.policy.roots(for: "t") == ["session"])
  }

  @Test func limitsOfEveryToolCountEveryTool() throws {
    var meter = try Meter(
      "", more: #""all_tools":{"limits":[{"counter":"n","window":"minute","max":2}]},"#)
    meter.policy = try Policy.parse(
      #"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"n","window":"minute","max":2}]}}"#
        .utf8)
    #expect(meter.call(tool: "a").decision == .allow)
    #expect(meter.call(tool: "b").decision == .allow)
    let denied = meter.call(tool: "c")
    #expect(denied.decision == .deny && denied.rule == "/all_tools/limits/0")
  }

  @Test func allOfACallIsCountedOrNothing() throws {
    var meter = try Meter(
      #""limits":[{"counter":"calls","window":"minute","max":3},"#
        + #"{"counter":"sum","window":"hour","max":10,"increment_from":"args.n"}]"#)
    #expect(meter.call(#"{"n":9}"#).decision == .allow)
    for _ in 0..<5 {
      let denied = meter.call(#"{"n":2}"#)
      #expect(denied.rule == "/tools/t/limits/1" && denied.counter == "sum")
      #expect(denied.retryAfter == .minutes(60))
    }
    #expect(meter.call(#"{"n":1}"#).decision == .allow)
    #expect(meter.call(#"{"n":0}"#).decision == .allow)
    // Both are over now; the first is named, and the wait is until both let the call pass.
    let denied = meter.call(#"{"n":1}"#)
    #expect(denied.rule == "/tools/t/limits/0" && denied.retryAfter == .minutes(60))
  }

  @Test func whatWaitsCountsWithoutEndAndGoesBackWhole() throws {
    var meter = try Meter(limit(#""window":"minute","max":1"#) + #","action":"hold""#)
    #expect(meter.call(waits: true).decision == .hold)
    let held = meter.last
    meter.passes(3600)
    let denied = meter.call()
    #expect(denied.decision == .deny && denied.retryAfter == nil)
    meter.counters.giveBack(held)
    #expect(meter.call(waits: true).decision == .hold)
    // From the moment it is let go it counts for its window.
    meter.counters.letGo(meter.last)
    meter.passes(59.999)
    #expect(meter.call().retryAfter == .milliseconds(1))
    meter.passes(0.001)
    #expect(meter.call().decision == .hold)
  }

  @Test func anUnknownOutcomeCountsUntilItIsKnown() throws {
    var meter = try Meter(limit(#""window":"minute","max":1"#))
    meter.call()
    let first = meter.last
    meter.counters.suspend(first)
    meter.passes(3600)
    #expect(meter.call().decision == .deny)
    meter.counters.close(first, hadEffect: true)
    #expect(meter.call().decision == .allow)
  }

  @Test func amountsWithoutEffectGoBackAndCallsDoNot() throws {
    var meter = try Meter(
      #""limits":[{"counter":"calls","window":"minute","max":2},"#
        + #"{"counter":"sum","window":"hour","max":10,"increment_from":"args.n"}]"#)
    meter.call(#"{"n":10}"#)
    meter.counters.close(meter.last, hadEffect: false)
    #expect(meter.call(#"{"n":10}"#).decision == .allow)
    meter.counters.close(meter.last, hadEffect: false)
    #expect(meter.call(#"{"n":1}"#).rule == "/tools/t/limits/0")
  }

  @Test func callsUnderWayAreBounded() throws {
    var meter = try Meter(limit(#""concurrent":2,"scope":"tool""#))
    meter.call()
    let first = meter.last
    meter.call(agent: "hal")
    let denied = meter.call()
    #expect(denied.decision == .deny && denied.retryAfter == nil)
    meter.passes(86_400)
    #expect(meter.call().decision == .deny)
    meter.counters.close(first, hadEffect: true)
    #expect(meter.call().decision == .allow)
    #expect(meter.call().decision == .deny)
  }

  @Test func aDeniedCallCountsForNothing() throws {
    var meter = try Meter(
      Self.two + #","deny_if":[{"conditions":[{"path":"args.bad","op":"exists","value":true}]}]"#)
    for _ in 0..<5 { meter.call(#"{"bad":1}"#) }
    #expect(meter.counters.tickets.isEmpty)
    #expect(meter.call().decision == .allow)
  }

  @Test func theAgentIsToldWhichLimit() throws {
    var meter = try Meter(limit(#""window":"minute","max":1"#, counter: "orders"))
    meter.call()
    let denied = meter.call()
    #expect(
      denied.reason
        == "The limit \"orders\" is reached: at most 1 call per agent in any 1m")
    var own = try Meter(limit(#""window":"minute","max":1,"on_deny":"Slowly.""#))
    own.call()
    #expect(own.call().reason == "Slowly.")
  }

  @Test func aTicketSurvivesBeingWritten() throws {
    var meter = try Meter(
      #""limits":[{"counter":"calls","window":"minute","max":3,"scope":["agent","session"]},"#
        + #"{"counter":"sum","concurrent":10,"increment_from":"args.n","scope":"global"}]"#)
    meter.call(#"{"n":"0.25"}"#, session: "s", waits: true)
    meter.call(#"{"n":"0.5"}"#, session: "s")
    meter.call(#"{"n":"1"}"#, session: "s")
    meter.counters.suspend(meter.last)
    var again = Counters()
    again.advance(to: meter.counters.now)
    for (name, ticket) in meter.counters.tickets {
      let read = try Counters.Ticket(json: JSONCursor(ticket.json))
      #expect(read == ticket)
      again.adopt(name, read)
    }
    #expect(again == meter.counters)
  }

  @Test func nothingIsKeptThatNoWindowCounts() throws {
    var meter = try Meter(
      #""limits":[{"counter":"a","window":"minute","max":3},{"counter":"b","window":"hour","max":3}]"#
    )
    meter.call()
    meter.passes(60)
    #expect(meter.counters.prune().isEmpty)
    meter.passes(3540)
    #expect(meter.counters.prune() == ["c1"])
    #expect(meter.counters.tickets.isEmpty && meter.counters.counts.isEmpty)
  }

  @Test func oneAgentCannotTakeAllTheRoom() throws {
    var meter = try Meter(limit(#""window":"day","max":10000,"scope":"session""#))
    let claim = Limit.Claim(
      key: Limit.Key(counter: "x", span: .concurrent, scope: [], values: []), amount: .one,
      isCall: true)
    let many = [Limit.Claim](repeating: claim, count: Counters.mostClaimsOfAgent)
    meter.counters.adopt("many", Counters.Ticket(agent: "bot", claims: many))
    let denied = meter.call(session: "new")
    #expect(denied.decision == .deny && denied.reason.contains("can keep no more calls"))
    #expect(meter.call(agent: "hal", session: "new").decision == .allow)
  }
}
