import Decimals
import JSON
import Testing
import Time

@testable import Policy

/// Documents of other gateways: the same shapes as theirs, in words of our own.
@Suite struct ImportTests {
  private func read(_ text: String) throws -> ImportedPolicy { try ImportedPolicy.read(text.utf8) }

  private func policy(_ imported: ImportedPolicy) throws -> Policy {
    try Policy.parse(JSONWriter.bytes(of: imported.document))
  }

  private func decide(
    _ imported: ImportedPolicy, _ tool: Text, _ arguments: String = "{}"
  ) throws -> Verdict.Decision {
    try policy(imported).judge(call(arguments, tool: tool)).decision
  }

  // MARK: The hosted dialect

  @Test func thePagesDocumentHolds() throws {
    let page = String(decoding: try repository("config/policies/page.json"), as: UTF8.self)
    let imported = try read(page)
    #expect(imported.dialect == .hosted && imported.isWhole)
    #expect(try decide(imported, "wsBatchCreateOrders") == .hold)
    #expect(try decide(imported, "getTickers") == .deny)
    #expect(imported.remarks.map(\.reading) == [.kept])
  }

  @Test func anUpperBoundOfTheHostedGateway() throws {
    let imported = try read(
      #"""
      {"version":"1","default":"deny","tools":{"refund":{"deny_if":[
        {"conditions":[{"path":"args.amount","op":"gt","value":100}],"on_deny":"Too much."}]}}}
      """#)
    #expect(imported.isWhole)
    #expect(try decide(imported, "refund", #"{"amount":100}"#) == .allow)
    #expect(try decide(imported, "refund", #"{"amount":101}"#) == .deny)
    #expect(try decide(imported, "refund") == .deny, "what is missing cannot be computed")
    #expect(imported.remarks.first?.position == JSONPosition(line: 2, column: 3))
  }

  @Test func anEmptyToolIsAllowedAndAnEmptyDenialDenies() throws {
    let imported = try read(
      #"{"version":"1","default":"deny","tools":{"watch":{},"drop":{"deny_if":[{"conditions":[],"on_deny":"Never."}]},"free":{"require":[{"conditions":[]}]}}}"#
    )
    #expect(imported.isWhole)
    #expect(try decide(imported, "watch") == .allow)
    #expect(try decide(imported, "drop") == .deny)
    #expect(try decide(imported, "free") == .allow)
  }

  @Test func theWholeShapeOfTheHostedGateway() throws {
    let imported = try read(
      #"""
      {"version":"1","default":"deny","hide":["drop_all"],"all_tools":{"limits":[]},
       "tools":{"charge":{"require":[],"deny_if":[],"limits":[]}}}
      """#)
    #expect(imported.isWhole)
    #expect(try decide(imported, "charge") == .allow)
    #expect(try policy(imported).judge(call(tool: "drop_all")).rule == "/hide/0")
  }

  @Test func limitsOfTheHostedGatewayAreKept() throws {
    let imported = try read(
      #"""
      {"version":"1","default":"deny","tools":{"ask":{"limits":[
        {"counter":"ask_rate","window":"minute","max":2,"scope":"grant"}]}}}
      """#)
    #expect(imported.isWhole && imported.remarks.map(\.reading) == [.stricter])
    #expect(imported.document["tools"]?["ask"]?["limits"]?.arrayValue?.first?["max"] == 2)
    #expect(try decide(imported, "ask") == .allow)
  }

  @Test func rulesWithoutADocumentAroundThem() throws {
    let imported = try read(
      #"{"comment":{"limits":[{"counter":"per_hour","window":"hour","max":30,"scope":"grant"}]}}"#)
    #expect(try decide(imported, "comment") == .allow)
    #expect(try decide(imported, "other") == .deny)
    #expect(imported.remarks.contains { $0.words.contains("not listed is denied") })
  }

  @Test func whatThePagesAnswersTellPeopleToWrite() throws {
    let imported = try read(
      #"""
      {"version":"1","default":"allow","tools":{
        "a":{"action":"deny","reason":"No."},
        "b":{"rate_limit":{"max":10,"window":60}}}}
      """#)
    #expect(imported.isWhole)
    #expect(try decide(imported, "a") == .deny)
    #expect(try decide(imported, "b") == .allow)
  }

  @Test(
    "what cannot be expressed denies its tool, also where the default allows",
    arguments: [
      #"{"spend":{"daily":50}}"#, #"{"limits":[{"counter":"c","window":"fortnight","max":1}]}"#,
      #"{"limits":[{"counter":"c","window":"day","max":1,"scope":"planet"}]}"#,
      #"{"deny_if":[{"conditions":[{"path":"state.x.y","op":"gt","value":1}]}]}"#,
      #"{"deny_if":[{"conditions":[{"path":"args.a[0]","op":"eq","value":1}]}]}"#,
      #"{"deny_if":[{"conditions":[{"path":"args.","op":"eq","value":1}]}]}"#,
      #"{"deny_if":[{"conditions":[{"path":"args.a","op":"like","value":"x"}]}]}"#,
      #"{"deny_if":[{"conditions":[{"path":"args.a","op":"regex","value":"(?i)x"}]}]}"#,
      #"{"deny_if":[{"conditions":[{"path":"args.a","op":"eq","value":[1]}]}]}"#,
      #"{"deny_if":[{"conditions":[],"on_hold":"x"}]}"#, #"{"deny_if":{}}"#, #"{"requires":[]}"#,
      #"{"action":"require_approval"}"#, "[]", "null",
    ])
  func failsClosed(_ tool: String) throws {
    let imported = try read(
      "{\"version\":\"1\",\"default\":\"allow\",\"tools\":{\"ok\":{},\n \"t\":\(tool)}}")
    #expect(try decide(imported, "t", #"{"a":1}"#) == .deny)
    #expect(try decide(imported, "ok") == .allow)
    let refusal = try #require(imported.remarks.first { $0.reading == .refused })
    #expect(refusal.position?.line == 2 && refusal.words.hasPrefix("t: "))
  }

  @Test(arguments: [
    #"{"version":"2","default":"deny","tools":{}}"#, #"{"version":1,"default":"deny","tools":{}}"#,
    #"{"version":"1","defualt":"deny","tools":{}}"#, #"{"version":"1","default":"ask","tools":{}}"#,
    #"{"version":"1","default":"deny","tools":{"@Read":{}}}"#,
    #"{"version":"1","default":"deny","hide":[5],"tools":{}}"#,
    #"{"version":"1","default":"deny","tools":{"t":{},"t":{}}}"#, "[]", "", "5",
  ])
  func isRefusedWhole(_ text: String) {
    let error = #expect(throws: JSONError.self) { try read(text) }
    #expect(error?.position != nil, "\(error.debugDescription)")
  }

  @Test func aGlobIsNoNameThere() throws {
    let imported = try read(
      #"{"version":"1","default":"allow","hide":["*"],"tools":{"get*":{}}}"#)
    #expect(try decide(imported, "anything") == .deny)
    #expect(!imported.isWhole)
    #expect(
      try decide(read(#"{"version":"1","default":"allow","tools":{"get*":{}}}"#), "getX") == .deny)
  }

  // MARK: Intercept

  static let shop = """
    version: "1"          # a shop
    default: deny
    hide: [move_repository]
    tools:
      read_it: {rules: []}
      charge:
        rules:
          - name: largest charge
            conditions: [{path: args.amount, op: lte, value: 500}]
            on_deny: "At most 500."
          - name: a day's charges
            conditions: [{path: state.charge.per_day, op: lte, value: 1000}]
            on_deny: "The day's amount is used up."
            state: {counter: per_day, window: day, increment_from: args.amount}
          - name: known coins
            conditions: [{path: args.currency, op: in, value: [usd, eur]}]
      open_issue:
        rules: [{name: hourly, rate_limit: 5/hour}]
      drop_customer:
        rules: [{name: block, action: deny, on_deny: "Requires human approval."}]
      "*":
        rules: [{name: all, rate_limit: 60/minute}]

    """

  @Test func aDocumentOfIntercept() throws {
    let imported = try read(Self.shop)
    #expect(imported.dialect == .intercept && imported.isWhole, "\(imported.remarks)")
    #expect(try decide(imported, "read_it") == .allow)
    #expect(try decide(imported, "charge", #"{"amount":500,"currency":"usd"}"#) == .allow)
    #expect(try decide(imported, "charge", #"{"amount":501,"currency":"usd"}"#) == .deny)
    #expect(try decide(imported, "charge", #"{"amount":5,"currency":"gbp"}"#) == .deny)
    #expect(try decide(imported, "charge", #"{"currency":"usd"}"#) == .deny)
    #expect(try decide(imported, "open_issue") == .allow)
    #expect(try decide(imported, "move_repository") == .deny)
    #expect(try decide(imported, "other") == .deny, "rules for every tool list none")
    // Their denial stays one: the words mean holding only in deny_if of the hosted gateway.
    #expect(try decide(imported, "drop_customer") == .deny)
    let tools = try #require(imported.document["tools"]?.objectValue)
    #expect(
      tools["charge"]?["limits"]?.arrayValue == [
        [
          "counter": "per_day", "window": "day", "max": 1000, "scope": "tool",
          "increment_from": "args.amount", "on_deny": "The day's amount is used up.",
        ]
      ])
    #expect(
      imported.document["all_tools"]?["limits"]?.arrayValue == [
        ["counter": "rate_minute", "window": "minute", "max": 60, "scope": "global"]
      ])
    let first = try #require(imported.remarks.first { $0.words.contains("largest charge") })
    #expect(first.reading == .kept && first.position == JSONPosition(line: 8, column: 7))
  }

  /// Snippets of theirs leave the name out, which their own check refuses. What they mean is plain.
  @Test func aRuleWithoutANameIsRead() throws {
    let imported = try read(
      "version: \"1\"\ndefault: deny\ntools:\n  drop: {rules: [{action: deny}]}\n"
        + "  ask: {rules: [{rate_limit: 5/hour}]}\n")
    #expect(imported.isWhole, "\(imported.remarks)")
    #expect(try decide(imported, "drop") == .deny && decide(imported, "ask") == .allow)
    let limit = try #require(policy(imported).rules(for: "ask")?.limits.first)
    #expect(limit.max == 5 && limit.span == .window(.minutes(60)))
  }

  @Test func withoutADefaultInterceptAllows() throws {
    let imported = try read(
      """
      version: 1
      tools:
        "*":
          rules:
          - name: small
            conditions:
            - path: args.n
              op: lt
              value: 10
      """)
    #expect(try decide(imported, "anything", #"{"n":9}"#) == .allow)
    #expect(try decide(imported, "anything", #"{"n":10}"#) == .deny)
  }

  @Test func approvalsOfLaterVersions() throws {
    let imported = try read(
      """
      version: "1"
      default: deny
      approvals: {webhook: {url: "https://example.com"}}
      tools:
        pay:
          rules:
            - {name: big, action: require_approval, approval_timeout: "30m", conditions: [{path: args.amount, op: gt, value: 50}]}
        wire:
          rules: [{name: always, action: require_approval}]
      """)
    #expect(imported.isWhole, "\(imported.remarks)")
    #expect(try decide(imported, "pay", #"{"amount":50}"#) == .allow)
    #expect(try decide(imported, "pay", #"{"amount":51}"#) == .hold)
    #expect(try decide(imported, "wire") == .hold)
    #expect(try policy(imported).rules(for: "pay")?.approvals.first?.terms.ttl == .minutes(30))
  }

  @Test(
    "what Intercept ignores or cannot enforce is denied here",
    arguments: [
      // A page's rules in a file of Intercept: dropped there, which allows the tool.
      "{rules: [], deny_if: [{conditions: []}]}", "{ruels: []}",
      "{rules: [{name: r, actoin: deny}]}", "{rules: [{name: r, action: allow}]}",
      "{rules: [{name: r, conditions: []}]}", "{rules: [{name: r}]}",
      "{rules: [{name: r, action: deny, conditions: [{path: args.a, op: eq, value: 1}]}]}",
      "{rules: [{name: r, rate_limit: 0/hour}]}", "{rules: [{name: r, rate_limit: 5/week}]}",
      "{rules: [{name: r, rate_limit: 5/hour, action: deny}]}",
      // Counters that nothing bounds are never counted there.
      "{rules: [{name: r, conditions: [{path: args.a, op: eq, value: 1}], state: {counter: c, window: day}}]}",
      "{rules: [{name: r, conditions: [{path: state.t.c, op: neq, value: 1}], state: {counter: c, window: day}}]}",
      "{rules: [{name: r, conditions: [{path: state.other.c, op: lt, value: 1}]}]}",
      "{rules: [{name: r, spend: {daily: 5}}]}", "{rules: [{name: r, spend_limit: $500/day}]}",
      "5",
    ])
  func failsClosedOnIntercept(_ tool: String) throws {
    let imported = try read(
      "version: \"1\"\ndefault: allow\ntools:\n  t: \(tool)\n  ok: {rules: []}\n")
    #expect(imported.dialect == .intercept)
    #expect(try decide(imported, "t", #"{"a":1}"#) == .deny, "\(imported.document)")
    #expect(try decide(imported, "ok") == .allow)
    let refusal = try #require(imported.remarks.first { $0.reading == .refused })
    #expect(refusal.position?.line == 4)
  }

  @Test func rulesForEveryToolThatCannotBeReadDenyEverything() throws {
    let imported = try read(
      "version: \"1\"\ndefault: allow\ntools:\n  ok: {rules: []}\n  \"*\": {rules: [{name: r, foo: 1}]}\n"
    )
    #expect(try decide(imported, "ok") == .deny)
    #expect(try decide(imported, "other") == .deny)
  }
}

@Suite struct YAMLTests {
  private func value(_ text: String) throws -> JSONValue { try YAMLReader.read(text.utf8).value }

  @Test(arguments: [
    ("a: 1", #"{"a":1}"#), ("a: -1.5", #"{"a":-1.5}"#),
    ("a: true\nb: null\nc: ~\nd:", #"{"a":true,"b":null,"c":null,"d":null}"#),
    ("a: x y  # c\n", #"{"a":"x y"}"#), ("a: 'it''s'", #"{"a":"it's"}"#),
    (#"a: "x\ny # z""#, #"{"a":"x\ny # z"}"#), ("a: 5/hour", #"{"a":"5/hour"}"#),
    ("- 1\n- [2, 3]\n-\n  - 4\n", "[1,[2,3],[4]]"), ("a:\n- 1\n- 2\nb: 3", #"{"a":[1,2],"b":3}"#),
    ("a:\n  - b: 1\n    c: 2\n  - d: 3", #"{"a":[{"b":1,"c":2},{"d":3}]}"#),
    ("---\na: {b: [c, \"d\"], 'e': {}}", #"{"a":{"b":["c","d"],"e":{}}}"#),
    ("a: {\n  b: 1,\n  c: 2,\n}\n", #"{"a":{"b":1,"c":2}}"#),
    ("a: http://x/#y", #"{"a":"http://x/#y"}"#),
    ("{\"a\":1}", #"{"a":1}"#), ("a: 30m", #"{"a":"30m"}"#),
    ("\"a b\": 1\r\nc: 2\r\n", #"{"a b":1,"c":2}"#),
    ("# only\n\na:\n\n  # deep\n  b: 1\n", #"{"a":{"b":1}}"#),
  ])
  func reads(_ yaml: String, _ json: String) throws {
    #expect(try value(yaml) == JSONParser.parse(json))
  }

  @Test(arguments: [
    "", "a: 1\na: 2", "{a: 1, a: 2}", "a: &x 1\nb: *x", "a: !!str 5", "a: |\n  text",
    "a: >-\n  text",
    "<<: {a: 1}", "a: yes", "a: NO", "a: on", "a: 0x1F", "a: 1_000", "a: 007", "a: .5", "a: +5",
    "a: .inf", "a: 1:30", "a: 2026-01-01", "a:\n\t- 1", "\ta: 1", "a: 1\n  b: 2", "a: [1, 2",
    "a: 'x",
    "a: \"x\ny\"", "a: b: c", "a: - 1", "a: [1] 2", "? a", "%YAML 1.2\n---\na: 1",
    "a: 1\n---\nb: 2",
    "a: @x", "*: 1", "a: \"\\x41\"", "- 1\n 2", "a:\n    b: 1\n  c: 2",
  ])
  func refuses(_ yaml: String) {
    let error = #expect(throws: JSONError.self) { try value(yaml) }
    #expect(error?.position != nil, "\(yaml)")
  }

  @Test func nestingIsLimited() {
    let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    #expect(throws: JSONError.self) { try value("a: \(deep)") }
    let block = (0..<40).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
    #expect(throws: JSONError.self) { try value(block) }
  }

  /// Whatever bytes come: an answer or an error with a place, never a trap.
  @Test func survivesDamage() throws {
    let whole = Array(ImportTests.shop.utf8)
    for cut in stride(from: 0, to: whole.count, by: 13) {
      _ = try? ImportedPolicy.read(whole[..<cut])
      var bent = whole
      bent[cut] = Array("{}[]:-#\"'\n\t*&".utf8)[(cut / 13) % 13]
      _ = try? ImportedPolicy.read(bent)
    }
  }
}
