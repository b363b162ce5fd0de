import Cryptography
import Decimals
import JSON
import MCP
import OperatorProtocol
import Policy
import Simulation
import Testing
import Time

@testable import Approvals

/// What limits count of a call, from its first sight to its end.
struct LimitTests {
  /// Calls, amounts and calls under way of batches; reads and cancels by the minute.
  static let policy: Policy = {
    let batch =
      #""limits":[{"counter":"calls","window":"hour","max":9,"scope":"global"},"#
      + #"{"counter":"qty","window":"hour","max":9,"scope":"global","increment_from":"args.request[*].qty"},"#
      + #"{"counter":"busy","concurrent":9,"scope":"global"}]"#
    let text = Bench.policyText
      .replacing(
        #""wsBatchCreateOrders":{"action":"hold"}"#,
        with: #""wsBatchCreateOrders":{"action":"hold",\#(batch)}"#
      )
      .replacing(
        #""getTickers":{"action":"allow"}"#,
        with:
          #""getTickers":{"rate_limit":{"max":2,"window":60},"limits":[{"counter":"reads","concurrent":2}]}"#
      )
      .replacing(
        #""setLeverage":{"action":"hold"}"#,
        with:
          #""setLeverage":{"action":"hold","limits":[{"counter":"calls","window":"hour","max":9,"scope":"global"}]}"#
      )
      .replacing(
        #""wsCancelOrder":{"action":"allow"}"#,
        with: #""wsCancelOrder":{"rate_limit":{"max":2,"window":60}}"#)
    guard let policy = try? Policy.parse(text.utf8) else { fatalError("the policy is wrong") }
    return policy
  }()

  private static func used(_ play: Playbook, _ counter: Text) -> String {
    play.gate.limits.first { $0.counter == counter }?.used.description ?? "0"
  }

  /// Calls, amounts and calls under way.
  static func used(_ play: Playbook) -> [String] {
    ["calls", "qty", "busy"].map { used(play, $0) }
  }

  // MARK: What is given back

  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// Whether the call is approved and sent before it ends.
    let isSent: Bool
    let used: [String]
    let end: @Sendable (inout Playbook) -> Void

    init(
      _ name: String, sent: Bool = false, _ used: [String],
      _ end: @escaping @Sendable (inout Playbook) -> Void
    ) {
      (testDescription, isSent, self.used, self.end) = (name, sent, used, end)
    }
  }

  private static let nothing = ["0", "0", "0"]
  private static let everything = ["1", "0.2", "0"]
  private static let callAlone = ["1", "0", "0"]
  private static let open = ["1", "0.2", "1"]

  static let cases: [Case] = [
    Case("waits", open) { _ in },
    Case("is approved and waits", open) { $0.decides("ada") },
    Case("rejected by an operator", nothing) { $0.decides("ada", .reject, note: "no") },
    Case("expired", nothing) { $0.after(.minutes(15)) },
    Case("withdrawn", nothing) { $0 >> .cancelled(RequestID(1)) },
    Case("its agent is revoked", nothing) { play in
      var registry = Bench.registry
      registry.agents["bot"]?.isRevoked = true
      play >> .registry(registry)
    },
    Case("blocked at dispatch", nothing) { play in
      play.decides("ada")
      play.saved()
      var registry = Bench.registry
      registry.operators["ada"]?.isRevoked = true
      play >> .registry(registry)
      play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    },
    Case("the upstream cannot be started", nothing) { play in
      play.decides("ada")
      play.saved()
      play >> .laneFailed(upstream: Bench.upstream, "no such program")
    },
    Case("frozen between intent and sending", nothing) { play in
      play.decides("ada")
      play.saved()
      play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
      play.savedOne()
      play.halts(true, by: "bob")
    },
    Case("is under way", sent: true, open) { _ in },
    Case("provably not sent", sent: true, nothing) { $0.answers(.notSent("a full pipe")) },
    Case("the upstream says it never ran", sent: true, callAlone) {
      $0.answers(.refused(RPCError(.invalidParams, "no")))
    },
    Case("the exchange refused every leg", sent: true, callAlone) {
      $0.answers(DispatchTests.legs(110_007, 110_007))
    },
    Case("the exchange took every leg", sent: true, everything) { $0.answers(accepted) },
    Case("the exchange took one leg", sent: true, everything) {
      $0.answers(DispatchTests.legs(0, 110_007))
    },
    Case("no answer: unknown", sent: true, open) { $0.answers(.lost("the child died")) },
    Case("unknown, then found", sent: true, everything) { play in
      play.answers(.lost("the child died"))
      play.saved()
      play >> .orderRows([play.row(0), play.row(1)])
    },
    Case("unknown, then not found", sent: true, callAlone) { play in
      play.answers(.lost("the child died"))
      play.saved()
      play >> .laneKilled(upstream: Bench.upstream, group: "g1")
      play.after(.seconds(8))
      play >> .exchangeRead(play.id(), .rows(orders: [], executions: []))
    },
    Case("unknown, then resolved by a person", sent: true, everything) { play in
      play.answers(.lost("the child died"))
      play.saved()
      play.decides("ada", .resolve, note: "looked")
    },
  ]

  /// The table of docs/policy.md, row by row, and again after a restart.
  @Test(arguments: cases) func isGivenBackByWhatIsKnown(one: Case) {
    var play = Playbook(policy: Self.policy)
    if one.isSent { play.sent() } else { play.held() }
    one.end(&play)
    play.saved()
    #expect(Self.used(play) == one.used)
    guard !(one.isSent && one.used == Self.open) else { return }
    play.restart()
    play.saved()
    #expect(Self.used(play) == one.used, "after a restart")
  }

  @Test func anErrorOfAToolCounts() {
    var play = Playbook(policy: Self.policy)
    play.sent("setLeverage", Bench.object(#"{"symbol":"BTCUSDT","leverage":"5"}"#))
    play.answers(.result(ToolResult(text: "no", isError: true)))
    play.saved()
    #expect(play.state() == .acknowledged && Self.used(play, "calls") == "1")
  }

  @Test(arguments: [
    ("tool definition", "wsBatchCreateOrders"), ("arguments", "wsBatchCreateOrders"),
  ])
  func aLaterRefusalCountsForNothing(_ cause: String, _ tool: Text) {
    var play = Playbook(policy: Self.policy)
    if cause == "arguments" {
      play.call(tool, Bench.object(#"{"category":"linear","request":[{"qty":"0.1"}]}"#))
    } else {
      play >> .toolsListed(upstream: Bench.upstream, [Bench.tool(tool, description: "another")])
      play.call(tool)
    }
    play.saved()
    #expect(play.results[1]?.isError == true)
    #expect(Self.used(play) == Self.nothing && play.records[.limit]?.isEmpty != false)
  }

  @Test func aRepeatCountsOnce() {
    var play = Playbook(policy: Self.policy)
    play.held()
    play.call()
    play.awaits()
    #expect(Self.used(play) == Self.open)
  }

  @Test func whatIsHeldIsOnDiskWithItsCount() {
    var play = Playbook(policy: Self.policy)
    play.call()
    let commit = play.commits.first
    #expect(commit?.records.map(\.kind).contains(.held) == true)
    #expect(commit?.records.map(\.kind).contains(.limit) == true)
  }

  @Test func anUnknownOutcomeCountsPastItsWindow() {
    var play = Playbook(policy: Self.policy)
    play.sent()
    play.answers(.lost("x"))
    play.saved()
    play.after(.minutes(120))
    play.restart()
    play.saved()
    #expect(Self.used(play) == Self.open)
    play.decides("ada", .resolve, note: "looked")
    play.saved()
    #expect(Self.used(play) == Self.nothing)
  }

  /// The window is over before anybody knows that nobody knows.
  @Test func anOutcomeThatBecomesUnknownAfterItsWindowCounts() throws {
    let text = Bench.policyText.replacing(
      #""setLeverage":{"action":"hold"}"#,
      with: #""setLeverage":{"action":"hold","rate_limit":{"max":1,"window":1}}"#)
    var play = Playbook(policy: try Policy.parse(text.utf8))
    let leverage = Bench.object(#"{"symbol":"BTCUSDT","leverage":"5"}"#)
    play.after(.seconds(50))
    play.sent("setLeverage", leverage)
    play.after(.seconds(15))
    play.answers(.lost("x"))
    play.saved()
    #expect(play.state() == .unknown)
    play.after(.minutes(60))
    let request = play.call("setLeverage", Bench.object(#"{"symbol":"ETHUSDT","leverage":"5"}"#))
    play.saved()
    #expect(play.results[request]?.isError == true, "it counts until it is known")
    play.decides("ada", .resolve, note: "looked")
    play.saved()
    play.held("setLeverage", Bench.object(#"{"symbol":"ETHUSDT","leverage":"6"}"#))
    #expect(play.state(2) == .pending)
  }

  @Test func whatWasBeingSentAtACrashIsUnknown() {
    var play = Playbook(policy: Self.policy)
    play.sent()
    play.after(.minutes(61))
    play.restart()
    play.saved()
    #expect(play.state() == .unknown && Self.used(play) == Self.open)
  }

  @Test func aBackupGivesNothingBack() {
    var play = Playbook(policy: Self.policy)
    play.held()
    play.records[.meta]?["copy"] = ["made_at": "2026-01-01T00:00:00Z"]
    play.restart()
    play.saved()
    #expect(play.state() == .withdrawn && Self.used(play) == Self.everything)
  }

  // MARK: Calls that are let through

  static let tickers = Bench.object(#"{"category":"linear"}"#)

  @Test func aCountedCallLeavesWhenItsCountIsOnDisk() {
    var play = Playbook(policy: Self.policy)
    play.call("getTickers", Self.tickers)
    play << ["persist allowed"]
    play.saved()
    play << ["forward 1 getTickers"]
    #expect(play.records[.limit]?.count == 1)
    play >> .forwardEnded(RequestID(1), .answered)
    #expect(Self.used(play, "rate_limit") == "1" && Self.used(play, "reads") == "0")
  }

  @Test(arguments: [
    (ForwardEnd.answered, "1"), (.lost, "1"), (.refused, "1"), (.notSent, "0"),
  ])
  func isCountedByItsEnd(_ end: ForwardEnd, _ used: String) {
    var play = Playbook(policy: Self.policy)
    play.call("getTickers", Self.tickers)
    play.saved()
    #expect(Self.used(play, "reads") == "1")
    play >> .forwardEnded(RequestID(1), end)
    play.after(.milliseconds(100))
    play.saved()
    #expect(Self.used(play, "rate_limit") == used && Self.used(play, "reads") == "0")
    play.restart()
    #expect(Self.used(play, "rate_limit") == used)
  }

  @Test func aCancelNeverWaitsForTheDisk() {
    var play = Playbook(policy: Self.policy)
    play.call("wsCancelOrder", Self.tickers)
    play << ["forward 1 wsCancelOrder"]
    play.call("wsCancelOrder", Self.tickers)
    play.call("wsCancelOrder", Self.tickers)
    play << ["forward 2 wsCancelOrder", "answer 3 denied"]
  }

  @Test func theDenialSaysWhichLimitAndWhenToTryAgain() {
    var play = Playbook(policy: Self.policy)
    for _ in 0..<2 {
      play.call("getTickers", Self.tickers)
      play.saved()
    }
    play >> .forwardEnded(RequestID(1), .answered)
    play >> .forwardEnded(RequestID(2), .answered)
    play.now = play.now + .milliseconds(15_001)
    let denied = play.call("getTickers", Self.tickers)
    let decision = play.results[denied]?[meta: ToolResult.decisionKey]
    #expect(decision?["counter"] == "rate_limit" && decision?["retryAfterMs"] == 44_999)
    #expect(decision?["rule"] == "/tools/getTickers/rate_limit")
  }

  @Test(arguments: [true, false]) func whoLeavesBeforeTheDiskIsReadySendsNothing(cancels: Bool) {
    var play = Playbook(policy: Self.policy)
    play.call("getTickers", Self.tickers)
    play >> (cancels ? .cancelled(RequestID(1)) : .disconnected(RequestID(1)))
    play.saved()
    play.after(.milliseconds(100))
    play.saved()
    #expect(!play.lines.contains("forward 1 getTickers"))
    #expect(play.kinds().suffix(2) == ["allowed", "not_forwarded"])
    #expect(Self.used(play, "rate_limit") == "0" && play.records[.limit]?.isEmpty == true)
  }

  @Test(arguments: [true, false]) func aFailedWriteSendsAndCountsNothing(isOnDisk: Bool) {
    var play = Playbook(policy: Self.policy)
    play.call("getTickers", Self.tickers)
    if isOnDisk {
      // The write was reported as failed, and is there all the same.
      for commit in play.commits {
        play.ledger += commit.lines
        for record in commit.records {
          play.records[record.kind, default: [:]][record.key] = record.document
        }
      }
    }
    play.lines = []
    play >> .persistFailed([], "no space left")
    play << ["answer 1 unavailable", "reopen"]
    play.reopens()
    play.saved()
    #expect(Self.used(play, "rate_limit") == "0" && play.records[.limit]?.values.isEmpty != false)
    #expect(play.kinds().contains("not_forwarded") == isOnDisk)
  }

  /// Of two commits, the call's and that its agent left, so many reach the disk before it fails.
  @Test(arguments: [0, 1, 2], [false, true])
  func whoLeftCountsNothingWhateverReachedTheDisk(onDisk: Int, failsAgain: Bool) {
    var play = Playbook(policy: Self.policy)
    play.call("getTickers", Self.tickers)
    play >> .disconnected(RequestID(1))
    play.after(.milliseconds(100))
    #expect(play.commits.count == 2)
    for commit in play.commits.prefix(onDisk) {
      play.ledger += commit.lines
      for record in commit.records {
        play.records[record.kind, default: [:]][record.key] = record.document
      }
    }
    for _ in 0...(failsAgain ? 1 : 0) {
      play >> .persistFailed([], "no space left")
      play.reopens()
    }
    play.saved()
    #expect(play.kinds().count { $0 == "allowed" } == (onDisk > 0 ? 1 : 0))
    #expect(play.kinds().count { $0 == "not_forwarded" } == (onDisk > 0 ? 1 : 0))
    #expect(Self.used(play, "rate_limit") == "0" && play.records[.limit]?.values.isEmpty != false)
  }

  @Test func aCancelThatPassedWhileTheStoreWasDownIsNotForgotten() {
    var play = Playbook(policy: Self.policy)
    play >> .persistFailed([], "no space left")
    play.call("wsCancelOrder", Self.tickers)
    play.call("wsCancelOrder", Self.tickers)
    play.call("wsCancelOrder", Self.tickers)
    #expect(play.lines.filter { $0.hasPrefix("forward") }.count == 2)
    play.reopens()
    play.saved()
    #expect(Self.used(play, "rate_limit") == "2")
    play.restart()
    #expect(Self.used(play, "rate_limit") == "2")
  }

  @Test func nothingIsUnderWayAfterARestart() {
    var play = Playbook(policy: Self.policy)
    play.call("getTickers", Self.tickers)
    play.saved()
    play.restart()
    #expect(Self.used(play, "rate_limit") == "1" && Self.used(play, "reads") == "0")
  }

  @Test func whatLeftItsWindowLeavesTheDisk() {
    var play = Playbook(policy: Self.policy)
    play.call("getTickers", Self.tickers)
    play.saved()
    play >> .forwardEnded(RequestID(1), .answered)
    play.after(.seconds(61))
    play.after(.seconds(1))
    play.saved()
    #expect(play.records[.limit]?.isEmpty == true)
  }

  // MARK: Clocks

  private static func up(_ seconds: Int64, boot: Text = "b1") -> Uptime {
    Uptime(boot: boot, length: .seconds(seconds))
  }

  /// Two calls fill the window; then the wall clock is set, and only uptime counts.
  @Test(arguments: [-86_400, -3, 3, 86_400] as [Int64])
  func settingTheClockNeitherFreesNorKeeps(step: Int64) {
    var play = Playbook(policy: Self.policy)
    var up: Int64 = 1000
    func tick(_ play: inout Playbook) {
      _ = play.gate.handle(.tick, at: play.now, uptime: Self.up(up))
    }
    func used(_ play: inout Playbook) -> String {
      tick(&play)
      return Self.used(play, "rate_limit")
    }
    tick(&play)
    play.gateCall(1, up: Self.up(up))
    play.gateCall(2, up: Self.up(up))
    #expect(used(&play) == "2")
    play.now = play.now + .seconds(step)
    up += 59
    #expect(used(&play) == "2")
    up += 1
    #expect(used(&play) == "0")
  }

  @Test func aRestartGoesOnWithTheUptime() {
    var play = Playbook(policy: Self.policy)
    play.gateCall(1, up: Self.up(1000))
    for commit in play.commits {
      for record in commit.records {
        play.records[record.kind, default: [:]][record.key] = record.document
      }
      play.ledger += commit.lines
    }
    func used(_ wall: Int64, _ uptime: Uptime) -> String {
      var fresh = Playbook(policy: Self.policy, starts: false)
      let snapshot = StoreSnapshot(records: play.records, ledgerSize: play.ledger.count)
      _ = fresh.gate.handle(
        .storeRestored(snapshot), at: play.now + .seconds(wall), uptime: uptime)
      return Self.used(fresh, "rate_limit")
    }
    // The same start of the machine: the wall clock says nothing.
    #expect(used(86_400, Self.up(1059)) == "1")
    #expect(used(-86_400, Self.up(1060)) == "0")
    // Another start: the wall clock is believed where it is ahead.
    #expect(used(59, Self.up(5, boot: "b2")) == "1")
    #expect(used(60, Self.up(5, boot: "b2")) == "0")
    #expect(used(-86_400, Self.up(99_999, boot: "b2")) == "1")
  }

  // MARK: Sessions

  @Test func factsOfTheSessionAreThoseOfTheCall() throws {
    let text = Bench.policyText.replacing(
      #""setLeverage":{"action":"hold"}"#,
      with:
        #""setLeverage":{"action":"hold","require":[{"conditions":[{"path":"session.calls","op":"lt","value":3},{"path":"session.age","op":"lte","value":60},{"path":"session.id","op":"eq","value":"s"}]}]}"#
    )
    var play = Playbook(policy: try Policy.parse(text.utf8))
    func call(_ number: UInt64, _ session: SessionFacts?) {
      var call = AgentCall(
        request: RequestID(number), agent: "bot", client: "sim", upstream: Bench.upstream,
        tool: "setLeverage", arguments: ["leverage": .int(Int(number))],
        random: [UInt8](repeating: UInt8(number), count: 10))
      call.session = session
      play >> .call(call)
      play.saved()
    }
    call(101, nil)
    call(102, SessionFacts(id: "s", calls: 3, age: .zero))
    call(103, SessionFacts(id: "s", calls: 0, age: .seconds(61)))
    #expect(play.gate.held.isEmpty)
    call(104, SessionFacts(id: "s", calls: 2, age: .seconds(60)))
    #expect(play.gate.held.count == 1)
    // At dispatch it is judged by the session as it was, also after a restart.
    play.restart()
    play.introduce()
    play.awaits()
    play.decides("ada")
    play.saved()
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .dispatching)
  }
}

extension Playbook {
  /// A read at a moment of uptime.
  mutating func gateCall(_ number: UInt64, up: Uptime) {
    let call = AgentCall(
      request: RequestID(number), agent: "bot", client: "sim", upstream: Bench.upstream,
      tool: "getTickers", arguments: ["n": .int(Int(number))],
      random: [UInt8](repeating: UInt8(number), count: 10))
    for effect in gate.handle(.call(call), at: now, uptime: up) {
      if case .persist(let commit) = effect { commits.append(commit) }
    }
    for commit in commits { _ = gate.handle(.persisted([commit.id]), at: now, uptime: up) }
    _ = gate.handle(.forwardEnded(RequestID(number), .answered), at: now, uptime: up)
  }
}

/// Whose signature counts for whose agent.
struct OwnerTests {
  static let policy = Bench.policy(
    #""wsBatchCreateOrders":{"action":"hold"}"#,
    #""wsBatchCreateOrders":{"action":"hold","approval":{"forbid_owner":true}}"#)

  private static func owned(by name: Text?) -> Registry {
    var registry = Bench.registry
    registry.agents["bot"]?.owner = name
    return registry
  }

  @Test func nobodyApprovesForAnAgentOfTheirOwn() {
    var play = Playbook(policy: Self.policy)
    play >> .registry(Self.owned(by: "ada"))
    play.held()
    play.decides("ada")
    play << ["refuse 1 forbidden"]
    play.decides("bob")
    play.saved()
    #expect(play.state() == .approved)
    #expect(
      play.gate.policy.explanations().contains { $0.contains("none of them the agent's owner") })
  }

  @Test func anotherNameOfTheSameKeyIsTheSamePerson() {
    var play = Playbook(policy: Self.policy)
    var registry = Self.owned(by: "ada")
    registry.operators["alias"] = Registry.Operator(
      name: "alias", key: Bench.key(1).publicKey, role: .approver)
    play >> .registry(registry)
    play.held()
    play.decides("alias", with: Bench.key(1))
    play << ["refuse 1 forbidden"]
  }

  @Test func withoutTheRuleAnOwnerMaySign() {
    var play = Playbook()
    play >> .registry(Self.owned(by: "ada"))
    play.held()
    play.decides("ada")
    play.saved()
    #expect(play.state() == .approved)
  }

  @Test func anOwnerMayAlwaysReject() {
    var play = Playbook(policy: Self.policy)
    play >> .registry(Self.owned(by: "ada"))
    play.held()
    play.decides("ada", .reject, note: "no")
    play.saved()
    #expect(play.state() == .rejected)
  }

  @Test func aSignatureOfWhoBecameTheOwnerCountsNoMore() {
    var play = Playbook(policy: Self.policy)
    play.held()
    play.decides("ada")
    play.saved()
    play >> .registry(Self.owned(by: "ada"))
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .blocked && play.dispatched.isEmpty)
  }

  /// The role is what it is at dispatch, not what it was at the signature.
  @Test(arguments: [Role.viewer, .approver]) func aChangedRoleIsLookedAtAgain(role: Role) {
    let admins = Bench.policy(
      #""wsBatchCreateOrders":{"action":"hold"}"#,
      #""wsBatchCreateOrders":{"action":"hold","approval":{"roles":["admin"]}}"#)
    var registry = Bench.registry
    registry.operators["ada"]?.role = .admin
    var play = Playbook(policy: role == .viewer ? Bench.policy() : admins)
    play >> .registry(registry)
    play.held()
    play.decides("ada")
    play.saved()
    #expect(play.state() == .approved)
    registry.operators["ada"]?.role = role
    play >> .registry(registry)
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .blocked && play.dispatched.isEmpty)
  }

  @Test func anOwnerIsRecorded() throws {
    var play = Playbook()
    play >> .registry(Self.owned(by: "ada"))
    play.saved()
    #expect(play.kinds().last == "agent_added")
    let agent = try #require(Self.owned(by: "ada").agents["bot"])
    #expect(try Registry.Agent(json: JSONCursor(agent.json)) == agent)
    let plain = try #require(Bench.registry.agents["bot"])
    #expect(plain.json["owner"] == nil)
  }
}
