import Decimals
import JSON
import Testing
import Time

@testable import Policy

/// A slow account of what limits must say: everything that ever happened in one list, added up anew
/// for each question, in whole thousandths.
private struct LimitModel {
  struct Rule {
    let max: Int
    /// Nil: calls under way.
    let window: Int64?
    let isAmount: Bool
    let perAgent: Bool
    let everyTool: Bool
  }

  enum State { case waiting, gone, unknown, closed, refused, back }

  struct Event {
    let agent: Text
    let tool: Text
    let amount: Int
    var goneAt: Int64?
    var state = State.waiting
  }

  static let rules = [
    Rule(max: 3000, window: 10_000, isAmount: false, perAgent: true, everyTool: true),
    Rule(max: 7500, window: 60_000, isAmount: true, perAgent: false, everyTool: false),
    Rule(max: 4000, window: nil, isAmount: false, perAgent: false, everyTool: false),
    Rule(max: 5000, window: 25_000, isAmount: true, perAgent: true, everyTool: false),
  ]

  static let document = """
    {"version":"1","default":"deny",
     "all_tools":{"limits":[{"counter":"calls","window":"10s","max":3}]},
     "tools":{"t":{"limits":[
       {"counter":"all","window":"minute","max":"7.5","increment_from":"args.l[*]","scope":"global"},
       {"counter":"busy","concurrent":4,"scope":"global"},
       {"counter":"own","window":"25s","max":5,"increment_from":"sum(args.l[*])"}]},
      "u":{}}}
    """

  var events: [Event] = []

  func counts(_ event: Event, _ rule: Rule, at now: Int64) -> Bool {
    let isLive: Bool
    switch event.state {
    case .waiting, .unknown: isLive = true
    case .gone: isLive = rule.window.map { now < (event.goneAt ?? 0) + $0 } ?? true
    case .closed: isLive = rule.window.map { now < (event.goneAt ?? 0) + $0 } ?? false
    case .refused:
      isLive = !rule.isAmount && (rule.window.map { now < (event.goneAt ?? 0) + $0 } ?? false)
    case .back: isLive = false
    }
    return isLive && (rule.everyTool || event.tool == "t")
  }

  func sum(_ rule: Rule, of agent: Text, at now: Int64) -> Int {
    events.filter { counts($0, rule, at: now) && (!rule.perAgent || $0.agent == agent) }
      .reduce(0) { $0 + (rule.isAmount ? $1.amount : 1000) }
  }

  func passes(_ agent: Text, _ tool: Text, _ amount: Int, at now: Int64) -> Bool {
    Self.rules.filter { $0.everyTool || tool == "t" }.allSatisfy { rule in
      sum(rule, of: agent, at: now) + (rule.isAmount ? amount : 1000) <= rule.max
    }
  }

  /// When the call passes if nothing else happens; nil when that never comes.
  func wait(_ agent: Text, _ tool: Text, _ amount: Int, at now: Int64) -> Int64? {
    let ends = events.compactMap(\.goneAt).flatMap { at in
      Self.rules.compactMap { $0.window.map { at + $0 } }
    }
    return Set(ends).filter { $0 > now }.sorted()
      .first { passes(agent, tool, amount, at: $0) }.map { $0 - now }
  }
}

/// Numbers that one seed reproduces.
private struct Dice {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }
}

@Suite struct LimitModelTests {
  /// Calls, outcomes and time at random: counters and model agree on every verdict and wait.
  @Test(arguments: 0..<16) func countersAgreeWithAModel(seed: UInt64) throws {
    let policy = try Policy.parse(LimitModel.document.utf8)
    var (counters, model) = (Counters(), LimitModel())
    var dice = Dice(state: seed)
    var now: Int64 = noon.milliseconds
    var names: [Text] = []
    for step in 0..<400 {
      now += Int64(dice.below(4) == 0 ? dice.below(30_000) : dice.below(400))
      counters.advance(to: Timestamp(milliseconds: now))
      switch dice.below(10) {
      case ..<6:
        let agent: Text = dice.below(2) == 0 ? "bot" : "hal"
        let tool: Text = dice.below(4) == 0 ? "u" : "t"
        let parts = (0..<1 + dice.below(3)).map { _ in dice.below(1500) }
        let amount = parts.reduce(0, +)
        let list = parts.map { ExactDecimal(coefficient: Int128($0), scale: 3).description }
        let verdict = policy.judge(
          call(#"{"l":["\#(list.joined(separator: #"",""#))"]}"#, tool: tool, agent: agent),
          counters: &counters, ticket: "c\(names.count)", at: noon)
        let passes = model.passes(agent, tool, amount, at: now)
        try #require((verdict.decision == .allow) == passes, "seed \(seed), step \(step)")
        if passes {
          names.append("c\(names.count)")
          model.events.append(LimitModel.Event(agent: agent, tool: tool, amount: amount))
        } else {
          let wait = model.wait(agent, tool, amount, at: now)
          try #require(
            verdict.retryAfter?.count == wait, "wait of seed \(seed), step \(step)")
        }
      case 6: _ = counters.prune()
      default:
        guard !names.isEmpty else { continue }
        let at = max(0, names.count - 1 - dice.below(8))
        change(names[at], &model.events[at], &counters, now, dice.below(6))
      }
    }
  }

  private func change(
    _ name: Text, _ event: inout LimitModel.Event, _ counters: inout Counters, _ now: Int64,
    _ kind: Int
  ) {
    switch (event.state, kind) {
    case (.waiting, 0...3):
      counters.letGo(name)
      event.goneAt = now
      event.state = .gone
    case (.waiting, _):
      counters.giveBack(name)
      event.state = .back
    // What no window counts any more may be forgotten.
    case (.gone, 0...1) where event.tool == "u" && now >= (event.goneAt ?? 0) + 10_000: break
    case (.gone, 0):
      counters.suspend(name)
      event.state = .unknown
    case (.gone, 1):
      counters.takeBack(name)
      event.goneAt = nil
      event.state = .waiting
    case (.gone, 2...4), (.unknown, 0...1):
      counters.close(name, hadEffect: true)
      event.state = .closed
    case (.gone, _), (.unknown, _):
      counters.close(name, hadEffect: false)
      event.state = .refused
    default: break
    }
  }
}

/// What a widely used proxy was measured to get wrong, and does not go wrong here.
@Suite struct MeasuredLimitDefectTests {
  private static func cap(_ max: String, _ path: String = "args.n") -> String {
    #""limits":[{"counter":"spend","window":"day","max":\#(max),"increment_from":"\#(path)"}]"#
  }

  @Test func fractionsAreNotCutOff() throws {
    var meter = try Meter(Self.cap("1000"))
    for _ in 0..<5 { #expect(meter.call(#"{"n":0.99}"#).decision == .allow) }
    #expect(meter.call(#"{"n":999.99}"#).decision == .deny)
    #expect(meter.call(#"{"n":995.05}"#).decision == .allow)
    #expect(meter.call(#"{"n":"0.000000000000000001"}"#).decision == .deny)
  }

  @Test func smallQuantitiesCount() throws {
    var meter = try Meter(Self.cap("0.003"))
    for _ in 0..<3 { #expect(meter.call(#"{"n":"0.001"}"#).decision == .allow) }
    #expect(meter.call(#"{"n":"0.001"}"#).decision == .deny)
  }

  @Test func aNegativeAmountDoesNotRefill() throws {
    var meter = try Meter(Self.cap("1000"))
    #expect(meter.call(#"{"n":900}"#).decision == .allow)
    for amount in ["-900", "\"-0.5\"", "-1e300"] {
      let denied = meter.call(#"{"n":\#(amount)}"#)
      #expect(denied.decision == .deny && denied.counter == "spend")
    }
    #expect(meter.call(#"{"n":-900}"#).reason.hasSuffix("which is negative"))
    #expect(meter.call(#"{"n":900}"#).decision == .deny)
    #expect(meter.call(#"{"n":100}"#).decision == .allow)
  }

  @Test(arguments: [
    "1e300", "1e38", "9223372036854775808", "1000000000000000.1", "\"1e300\"",
    "99999999999999999999999999999999999999", "0.0000000000000000001",
  ])
  func anAbsurdAmountBreaksNoCounter(_ amount: String) throws {
    var meter = try Meter(Self.cap("1000000000000000"))
    #expect(meter.call(#"{"n":1}"#).decision == .allow)
    #expect(meter.call(#"{"n":\#(amount)}"#).decision == .deny)
    #expect(meter.call(#"{"n":999999999999999}"#).decision == .allow)
    #expect(meter.call(#"{"n":1}"#).decision == .deny)
  }

  @Test func decimalStringsCount() throws {
    var meter = try Meter(Self.cap("1"))
    #expect(meter.call(#"{"n":"0.5"}"#).decision == .allow)
    #expect(meter.call(#"{"n":"0.50"}"#).decision == .allow)
    #expect(meter.call(#"{"n":"0.1"}"#).decision == .deny)
  }

  @Test(arguments: [
    ("{}", "missing"), (#"{"n":null}"#, "missing"), (#"{"n":"ten"}"#, "no number"),
    (#"{"n":true}"#, "no number"), (#"{"n":{}}"#, "no number"), (#"{"n":[1]}"#, "no number"),
  ])
  func anAmountThatIsNoneIsRefusedInClearWords(_ arguments: String, _ words: String) throws {
    var meter = try Meter(Self.cap("10"))
    let denied = meter.call(arguments)
    #expect(denied.decision == .deny && denied.rule == "/tools/t/limits/0")
    #expect(denied.reason.hasPrefix("The limit \"spend\" counts args.n, which is"))
    #expect(denied.reason.contains(words) && denied.retryAfter == nil)
    #expect(meter.counters.tickets.isEmpty)
  }

  @Test func theLegsOfABatchAreSummed() throws {
    var meter = try Meter(Self.cap("1", "args.request[*].qty"))
    let batch = #"{"request":[{"qty":"0.3"},{"qty":"0.3"}]}"#
    #expect(meter.call(batch).decision == .allow)
    #expect(meter.call(batch).decision == .deny)
    #expect(meter.call(#"{"request":[{"qty":"0.4"}]}"#).decision == .allow)
    #expect(meter.call(#"{"request":[{"qty":"0"},{}]}"#).decision == .deny)
    #expect(meter.call(#"{"request":[]}"#).decision == .deny)
    // One leg below zero does not make room for another.
    #expect(meter.call(#"{"request":[{"qty":"5"},{"qty":"-5"}]}"#).decision == .deny)
  }

  @Test func aPartBelowZeroMakesNoRoomInASumEither() throws {
    var meter = try Meter(Self.cap("10", "sum(args.l[*])"))
    let denied = meter.call(#"{"l":["5","-5"]}"#)
    #expect(denied.decision == .deny && denied.reason.hasSuffix("which is negative"))
    #expect(meter.call(#"{"l":[]}"#).decision == .allow)
    #expect(meter.call(#"{"l":["5",5]}"#).decision == .allow)
    #expect(meter.call(#"{"l":["0.1"]}"#).decision == .deny)
    #expect(meter.call(#"{"l":[1,null]}"#).reason.contains("missing"))
    #expect(meter.call(#"{"m":[]}"#).reason.contains("missing"))
  }

  @Test func givingBackAfterTheWindowFreesNothing() throws {
    var meter = try Meter(#""limits":[{"counter":"n","window":"minute","max":2}]"#)
    meter.call()
    let old = meter.last
    meter.passes(61)
    meter.call()
    meter.call()
    meter.counters.takeBack(old)
    meter.counters.giveBack(old)
    #expect(meter.call().decision == .deny)
  }

  @Test func twoLimitsAreCountedTogetherOrNotAtAll() throws {
    var meter = try Meter(
      #""limits":[{"counter":"a","window":"minute","max":5},{"counter":"b","window":"minute","max":1,"scope":"global"}]"#
    )
    meter.call(agent: "hal")
    for _ in 0..<9 { #expect(meter.call().counter == "b") }
    meter.counters.giveBack("c1")
    #expect(meter.call().decision == .allow)
    // Of "a" one call is counted, not ten.
    #expect(meter.counters.counts.values.map(\.sum).max() == 1)
  }

  @Test func twoWindowsOfOneCounterAreTwoCounts() throws {
    var meter = try Meter(
      #""limits":[{"counter":"n","window":"minute","max":1},{"counter":"n","window":"hour","max":2}]"#
    )
    #expect(meter.call().decision == .allow)
    meter.passes(60)
    #expect(meter.call().decision == .allow)
    meter.passes(60)
    #expect(meter.call().rule == "/tools/t/limits/1")
  }
}
