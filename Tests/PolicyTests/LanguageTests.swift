import Foundation
import JSON
import Testing
import Time

@testable import Policy

/// Joined conditions, folds, facts, networks and times of day.
@Suite struct LanguageTests {
  static let arguments =
    #"{"request":[{"qty":"0.5","s":"A","ip":"10.1.2.3"},{"qty":"2","s":"B","ip":"192.0.2.1"}],"n":5,"none":[]}"#
  static let facts =
    #"{"order":{"legs":2,"market_legs":1,"symbols":["BTCUSDT","ETHUSDT"],"notional":{"USDT":"2250.20"},"by_symbol":[{"symbol":"BTCUSDT","notional":"650.20"},{"symbol":"ETHUSDT","notional":"1600"}]},"risk":{"max_severity":"HIGH","fired":["B08"]},"server":{"name":"bybit"},"client":{"name":"bot 1"}}"#

  /// What one condition does in `deny_if`, `require` and `hold_if`: y(es), n(o), or ? for a value
  /// that cannot be computed; two letters where "any" and "every" differ.
  private func check(_ condition: String, _ answer: String, at now: Timestamp = noon) throws {
    let facts = try #require(try JSONParser.parse(Self.facts).objectValue)
    let proposal = Call(
      tool: "t", arguments: call(Self.arguments).arguments, agent: "bot", facts: facts)
    func decision(_ list: String) throws -> Verdict.Decision {
      var document = try policy("\"\(list)\":[{\"conditions\":[\(condition)]}]")
      document.zones = Self.zones
      return document.judge(proposal, at: now).decision
    }
    let (any, every) = (answer.first, answer.last)
    #expect(try decision("deny_if") == (any == "n" ? .allow : .deny), "deny_if \(condition)")
    #expect(try decision("require") == (every == "y" ? .allow : .deny), "require \(condition)")
    #expect(try decision("hold_if") == (any == "n" ? .allow : .hold), "hold_if \(condition)")
  }

  private static func comparison(_ path: String, _ op: String, _ value: String) -> String {
    #"{"path":"\#(path)","op":"\#(op)","value":\#(value)}"#
  }

  static let yes = comparison("args.n", "eq", "5")
  static let no = comparison("args.n", "eq", "6")
  static let unknown = comparison("args.gone", "eq", "6")

  @Test(arguments: [
    ("any", [yes, no], "y"), ("any", [no, no], "n"), ("any", [no, unknown], "?"),
    ("any", [unknown, yes], "y"), ("all", [yes, yes], "y"), ("all", [yes, no], "n"),
    ("all", [no, unknown], "n"), ("all", [yes, unknown], "?"),
  ])
  func joins(_ word: String, _ parts: [String], _ answer: String) throws {
    try check("{\"\(word)\":[\(parts.joined(separator: ","))]}", answer)
  }

  @Test(arguments: [(yes, "n"), (no, "y"), (unknown, "?"), ("{\"not\":\(yes)}", "y")])
  func turnsRound(_ part: String, _ answer: String) throws {
    try check("{\"not\":\(part)}", answer)
  }

  @Test func notTurnsAnyIntoEvery() throws {
    // One leg is above 1, the other is not.
    let small = Self.comparison("args.request[*].qty", "lte", "1")
    try check(small, "yn")
    try check("{\"not\":\(small)}", "yn")
    let positive = Self.comparison("args.request[*].qty", "gt", "0")
    try check("{\"not\":\(positive)}", "n")
  }

  @Test(arguments: [
    ("sum(args.request[*].qty)", "eq", "2.5", "y"), ("sum(args.request[*].qty)", "gt", "2.5", "n"),
    ("min(args.request[*].qty)", "eq", "0.50", "y"), ("max(args.request[*].qty)", "eq", "2", "y"),
    ("count(args.request[*])", "eq", "2", "y"), ("distinct(args.request[*].s)", "eq", "2", "y"),
    ("sum(args.request[*].s)", "gt", "0", "?"), ("sum(args.request[*].gone)", "gte", "0", "?"),
    ("sum(args.gone[*])", "gte", "0", "?"), ("sum(args.none[*])", "eq", "0", "y"),
    ("count(args.none[*])", "eq", "0", "y"), ("min(args.none[*])", "gte", "0", "?"),
    ("count(args.gone[*])", "eq", "0", "?"),
    ("max(order.by_symbol[*].notional)", "gt", "1599", "y"),
    ("order.legs", "eq", "2", "y"), ("order.notional.USDT", "gt", "2250.19", "y"),
    ("order.notional.BTC", "gt", "0", "?"), ("order.symbols", "contains", #""ETHUSDT""#, "y"),
    ("order.symbols[*]", "in", #"["BTCUSDT","ETHUSDT"]"#, "y"),
    ("order.sides", "contains", #""Buy""#, "?"), ("risk.max_severity", "in", #"["HIGH"]"#, "y"),
    ("risk.fired", "contains", #""B08""#, "y"), ("risk.fired", "contains", #""B09""#, "n"),
    ("server.name", "eq", #""bybit""#, "y"), ("client.name", "regex", #""^bot""#, "y"),
    ("args.request[*].ip", "cidr", #"["10.0.0.0/8","192.0.2.1"]"#, "y"),
    ("args.request[*].ip", "cidr", #""10.0.0.0/8""#, "yn"),
    ("args.request[*].s", "cidr", #""10.0.0.0/8""#, "?"),
  ])
  func looks(_ path: String, _ op: String, _ value: String, _ answer: String) throws {
    try check(Self.comparison(path, op, value), answer)
  }

  @Test(arguments: [
    "sum(args.n)", "sum(args.n", "sum()", "avg(args.request[*].qty)", "sum(sum(args.a[*]))",
    "order", "order.nothing", "order.notional", "order.notional.USDT.x", "order.legs.x",
    "order.by_symbol", "order.by_symbol.notional", "order.by_symbol[*].nothing", "risk.severity",
    "agent.names", "time.now", "time.hour", "session.name", "args", "args..a", "args.a[-1]",
    "Order.legs", "\u{212A}.name",
  ])
  func isNoPath(_ path: String) {
    let error = #expect(throws: JSONError.self) {
      try policy("\"deny_if\":[{\"conditions\":[\(Self.comparison(path, "eq", "1"))]}]")
    }
    #expect(error?.path.description == "$.tools.t.deny_if[0].conditions[0].path")
  }

  // MARK: Networks

  @Test(arguments: [
    ("10.255.0.1", "10.0.0.0/8", true), ("11.0.0.1", "10.0.0.0/8", false),
    ("10.0.0.1", "0.0.0.0/0", true), ("192.0.2.7", "192.0.2.7/32", true),
    ("2001:db8::1", "2001:db8::/32", true), ("2001:db9::1", "2001:db8::/32", false),
    ("::1", "::1", true), ("::ffff:10.1.1.1", "10.0.0.0/8", true), ("::1", "0.0.0.0/0", false),
    ("10.0.0.129", "10.0.0.128/25", true), ("10.0.0.127", "10.0.0.128/25", false),
  ])
  func containsAddresses(_ address: String, _ range: String, _ isIn: Bool) throws {
    let found = try #require(NetworkRange(Text(range)))
    #expect(found.contains(try #require(NetworkAddress(Text(address)))) == isIn)
  }

  @Test(arguments: [
    "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/", "10.0.0/8", "/8", "",
    "2001:db8::1::/32", "::/129", "010.0.0.0/8", "10.0.0.0/8/8", "1:2:3:4:5:6:7:8:9/128", "x/8",
  ])
  func isNoRange(_ text: String) { #expect(NetworkRange(Text(text)) == nil) }

  // MARK: Times of day

  /// London's clocks of 2026: one hour ahead from 29 March to 25 October.
  static let zones: [Text: ZoneRules] = [
    "Europe/London": ZoneRules(
      first: 0,
      changes: [
        .init(from: Timestamp(milliseconds: 1_774_746_000_000), offset: 3600),
        .init(from: Timestamp(milliseconds: 1_792_890_000_000), offset: 0),
      ])
  ]

  @Test(arguments: [
    // Monday 2 November 2026.
    ("2026-11-02T09:00:00Z", #""from":"09:00","to":"17:30","zone":"UTC""#, "y"),
    ("2026-11-02T08:59:59.999Z", #""from":"09:00","to":"17:30","zone":"UTC""#, "n"),
    ("2026-11-02T17:30:00Z", #""from":"09:00","to":"17:30","zone":"UTC""#, "n"),
    ("2026-11-02T23:59:59Z", #""from":"09:00","to":"24:00","zone":"UTC""#, "y"),
    ("2026-11-02T09:00:00Z", #""from":"09:00","to":"10:00","zone":"+05:30""#, "n"),
    ("2026-11-02T03:30:00Z", #""from":"09:00","to":"10:00","zone":"+05:30""#, "y"),
    ("2026-11-02T09:00:00Z", #""from":"09:00","to":"10:00","zone":"UTC","days":["mon"]"#, "y"),
    ("2026-11-01T09:00:00Z", #""from":"09:00","to":"10:00","zone":"UTC","days":["mon"]"#, "n"),
    // Sunday 23:00 in UTC is Monday in Tokyo.
    ("2026-11-01T23:00:00Z", #""from":"08:00","to":"09:00","zone":"+09:00","days":["mon"]"#, "y"),
    // Past midnight a window belongs to the day on which it began.
    ("2026-11-03T01:00:00Z", #""from":"22:00","to":"02:00","zone":"UTC","days":["mon"]"#, "y"),
    ("2026-11-02T01:00:00Z", #""from":"22:00","to":"02:00","zone":"UTC","days":["mon"]"#, "n"),
    ("2026-11-02T22:00:00Z", #""from":"22:00","to":"02:00","zone":"UTC","days":["mon"]"#, "y"),
    // 08:30 in UTC is 09:30 in London's summer and 08:30 in its winter.
    ("2026-07-01T08:30:00Z", #""from":"09:00","to":"10:00","zone":"Europe/London""#, "y"),
    ("2026-12-01T08:30:00Z", #""from":"09:00","to":"10:00","zone":"Europe/London""#, "n"),
    ("2026-12-01T08:30:00Z", #""from":"09:00","to":"10:00","zone":"Mars/Base""#, "?"),
    ("1969-12-31T23:30:00Z", #""from":"23:00","to":"24:00","zone":"UTC","days":["wed"]"#, "y"),
  ])
  func tellsTheTime(_ moment: String, _ window: String, _ answer: String) throws {
    let now = try #require(Timestamp(rfc3339: moment))
    try check(Self.comparison("time.now", "within", "{\(window)}"), answer, at: now)
  }

  @Test(arguments: [
    #""from":"9:00","to":"17:00","zone":"UTC""#, #""from":"09:00","to":"25:00","zone":"UTC""#,
    #""from":"09:00","to":"09:00","zone":"UTC""#, #""from":"24:00","to":"09:00","zone":"UTC""#,
    #""from":"09:00","to":"17:00""#, #""from":"09:00","to":"17:00","zone":"BST""#,
    #""from":"09:00","to":"17:00","zone":"+25:00""#,
    #""from":"09:00","to":"17:00","zone":"/etc/x""#,
    #""from":"09:00","to":"17:00","zone":"Europe/../x""#,
    #""from":"09:00","to":"17:00","zone":"UTC","days":[]"#,
    #""from":"09:00","to":"17:00","zone":"UTC","days":["monday"]"#,
  ])
  func isNoWindow(_ window: String) {
    #expect(throws: JSONError.self) {
      try policy(
        "\"deny_if\":[{\"conditions\":[\(Self.comparison("time.now", "within", "{\(window)}"))]}]")
    }
  }

  // MARK: Nesting

  @Test func nestingIsLimited() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: #"{"not":"#, count: depth) + Self.yes + String(repeating: "}", count: depth)
    }
    _ = try policy("\"deny_if\":[{\"conditions\":[\(nested(7))]}]")
    #expect(throws: JSONError.self) {
      try policy("\"deny_if\":[{\"conditions\":[\(nested(8))]}]")
    }
  }

  @Test(arguments: [
    #"{"any":[]}"#, #"{"all":[]}"#, #"{"any":{}}"#, #"{"not":[]}"#,
    #"{"any":[\#(yes)],"not":\#(no)}"#,
    #"{"any":[\#(yes)],"op":"eq"}"#, #"{"none":[\#(yes)]}"#,
  ])
  func isNoCondition(_ text: String) {
    #expect(throws: JSONError.self) { try policy("\"deny_if\":[{\"conditions\":[\(text)]}]") }
  }

  @Test func saysInWordsHowItWasRead() throws {
    let document = try policy(
      #""deny_if":[{"conditions":[{"any":[\#(Self.yes),{"not":\#(Self.comparison("args.request[*].qty", "lte", "1"))}]},\#(Self.comparison("time.now", "within", #"{"from":"22:00","to":"06:00","zone":"Europe/London","days":["sat","sun"]}"#))]}]"#
    )
    #expect(
      document.explanations().contains(
        "t: denied when (args.n is 5 or not (every args.request[*].qty ≤ 1)) and it is from 22:00 "
          + "to 06:00 on sat, sun in Europe/London"))
    #expect(document.zoneNames == ["Europe/London"])
    #expect(document.roots(for: "t") == ["args", "time"])
  }
}

/// How many must sign, by what the call is.
@Suite struct ThresholdTests {
  private func terms(_ approval: String, _ arguments: String = #"{"n":5}"#) throws -> ApprovalTerms
  {
    try policy(#""action":"hold","approval":\#(approval)"#).judge(call(arguments)).approval
  }

  static let large = #"{"path":"args.n","op":"gt","value":100}"#
  static let list =
    #"[{"conditions":[\#(large)],"quorum":2,"roles":["admin"],"ttl":"5m"},{"quorum":1,"ttl":"10m"}]"#

  @Test func theFirstThatHoldsCounts() throws {
    #expect(try terms(Self.list, #"{"n":101}"#).quorum == 2)
    #expect(try terms(Self.list, #"{"n":101}"#).roles == [.admin])
    #expect(try terms(Self.list, #"{"n":100}"#).quorum == 1)
    #expect(try terms(Self.list, #"{"n":100}"#).ttl == .minutes(10))
    #expect(try terms(#"[{"conditions":[\#(Self.large)],"quorum":2}]"#) == ApprovalTerms())
  }

  @Test func whatCannotBeComputedAsksForMore() throws {
    #expect(try terms(Self.list, "{}").quorum == 2)
    let less = #"[{"conditions":[\#(Self.large)],"quorum":1,"ttl":"5m"},{"quorum":3}]"#
    #expect(try terms(less, "{}").quorum == 3)
  }

  @Test func whatCannotBeComputedTakesRolesAndTimeAway() throws {
    let list =
      #"[{"conditions":[\#(Self.large)],"roles":["admin"],"ttl":"5m"},{"ttl":"10m","execute":"on_approval"}]"#
    let doubtful = try terms(list, "{}")
    #expect(doubtful.roles == [.admin])
    #expect(doubtful.ttl == .minutes(5))
    #expect(doubtful.execute == .onRequest)
    let calm = try terms(list, #"{"n":1}"#)
    #expect(calm.roles.count == 2 && calm.ttl == .minutes(10) && calm.execute == .onApproval)
    let apart =
      #"[{"conditions":[\#(Self.large)],"roles":["admin"]},{"roles":["operator"]}]"#
    #expect(try terms(apart, "{}").roles.isEmpty)
  }

  @Test(arguments: [
    "[]", #"[{"quorum":0}]"#, #"{"roles":[]}"#, #"{"roles":["viewer"]}"#,
    #"{"conditions":[],"quorum":1}"#, #"[{"conditions":{},"quorum":1}]"#,
  ])
  func isRefused(_ approval: String) {
    #expect(throws: JSONError.self) { try terms(approval) }
  }

  @Test func anEntryBehindOneForEveryCallIsReported() throws {
    let document = try policy(#""action":"hold","approval":[{"quorum":1},{"quorum":2}]"#)
    #expect(
      document.warnings().contains(
        "t: no entry after approval/0 can count, it is for every call"))
    #expect(document.explanations().contains { $0.hasPrefix("t: one operator signs") })
  }
}

/// Rules that are recorded and not enforced.
@Suite struct ShadowTests {
  static let rule =
    #"{"conditions":[{"path":"args.n","op":"gt","value":1}],"shadow":true}"#

  @Test(arguments: ["deny_if", "hold_if"])
  func isRecordedOnly(_ list: String) throws {
    let verdict = try policy("\"\(list)\":[\(Self.rule)]").judge(call(#"{"n":5}"#))
    #expect(verdict.decision == .allow)
    #expect(verdict.shadowed.map(\.rule) == ["/tools/t/\(list)/0"])
    #expect(verdict.shadowed.map(\.decision) == [list == "deny_if" ? .deny : .hold])
    let other = try policy("\"\(list)\":[\(Self.rule)]").judge(call(#"{"n":1}"#))
    #expect(other.shadowed.isEmpty)
  }

  @Test func requireAndThePublishedTextHaveShadowsToo() throws {
    let require = try policy("\"require\":[\(Self.rule)]").judge(call(#"{"n":1}"#))
    #expect(require.decision == .allow)
    #expect(require.shadowed.map(\.decision) == [.deny])
    let text = #""deny_if":[{"conditions":[],"on_deny":"Requires human approval.","shadow":true}]"#
    let published = try policy(text).judge(call())
    #expect(published.decision == .allow)
    #expect(published.shadowed.map(\.decision) == [.hold])
    #expect(try policy(text).explanations().contains { $0.contains("(shadow, only recorded)") })
  }

  @Test func aDenialTellsItsShadowsToo() throws {
    let verdict = try policy("\"action\":\"deny\",\"hold_if\":[\(Self.rule)]").judge(
      call(#"{"n":5}"#))
    #expect(verdict.decision == .deny)
    #expect(verdict.shadowed.count == 1)
  }
}

/// The page about the language and the language.
@Suite struct DocumentationTests {
  @Test func thePageListsEveryFact() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "docs/policy.md"), encoding: .utf8)
    let start = try #require(page.range(of: "<!-- facts -->\n"))
    let end = try #require(page.range(of: "<!-- /facts -->"))
    let rows = CallFact.all.map { "| `\($0.root).\($0.name)\($0.shape.suffix)` | \($0.words) |\n" }
    #expect(page[start.upperBound..<end.lowerBound] == rows.joined())
  }
}

extension CallFact.Shape {
  /// What stands behind the name on the page.
  fileprivate var suffix: String {
    switch self {
    case .value, .list: ""
    case .byName: ".CURRENCY"
    case .rows: "[*].…"
    }
  }
}
