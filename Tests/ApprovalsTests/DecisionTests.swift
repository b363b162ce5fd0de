import Cryptography
import JSON
import MCP
import OperatorProtocol
import Risk
import Simulation
import Testing
import Time

@testable import Approvals

/// What operators decide, and what is refused to them.
struct DecisionTests {
  @Test func nobodyHearsOfAnApprovalBeforeItIsDurable() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play << ["persist approved"]
    play.savedOne()
    play << ["accept 1", "show #1 approved", "open"]
  }

  @Test func aQuorumOfTwoNeedsTwoPeople() {
    var play = Playbook()
    play.held("wsCreateOrder", Bench.order("60000"))
    play.decides("ada")
    play.saved()
    play << ["persist partly_signed", "accept 1", "show #1 partly_signed"]
    play.decides("ada")
    play << ["refuse 2 refused"]
    play.decides("bob")
    play.saved()
    play << ["persist approved", "accept 3", "show #1 approved", "open"]
  }

  @Test func whoMayNotDecideIsRefused() {
    var play = Playbook()
    play.held()
    for name in ["eve", "zoe", "nobody"] as [Text] { play.decides(name) }
    play << ["refuse 1 forbidden", "refuse 2 forbidden", "refuse 3 forbidden"]
    #expect(play.state() == .pending)
  }

  @Test func aSignatureByAnotherKeyIsRefused() {
    var play = Playbook()
    play.held()
    play.decides("ada", with: Bench.keys["bob"])
    play << ["refuse 1 forbidden"]
  }

  @Test func aDecisionAboutSomethingElseIsStale() {
    var play = Playbook()
    play.held()
    play.decides("ada") { $0.digest = SHA256.hash([1]) }
    play.decides("ada") { $0.revision = 2 }
    play.decides("ada") { $0.environment = "mainnet" }
    play << ["refuse 1 stale", "refuse 2 stale", "refuse 3 stale"]
    play.decides("ada") {
      $0.batch = BatchID(at: $0.decidedAt, random: [UInt8](repeating: 7, count: 10))
    }
    play << ["refuse 4 not_found"]
  }

  @Test func findingsMustBeAcceptedByName() {
    var play = Playbook()
    play.held()
    play.decides("ada", accepting: [])
    play << ["refuse 1 refused"]
    play.decides("ada")
    play << ["persist approved"]
  }

  /// Whoever reads the ledger sees what the operator saw, whatever the market did before and after.
  @Test func whatTheChecksSaidIsInTheLedgerWithTheDecision() throws {
    var play = Playbook()
    play.held()
    let proposed = try #require(play.gate.held[play.id()]?.assessment)
    play >> .account(.missing("it went away"), nil)
    let decided = try #require(play.gate.held[play.id()]?.assessment)
    #expect(decided.recordedFindings != proposed.recordedFindings)
    play.decides("ada")
    play.saved()
    play >> .account(.notConfigured, nil)
    func recorded(_ kind: String) throws -> JSONValue? {
      let line = try #require(play.ledger.first { $0.kind == kind })
      return try JSONParser.parse(line.bytes, limits: .file)["body"]
    }
    #expect(try recorded("pending")?["findings"] == proposed.recordedFindings)
    #expect(try recorded("approved")?["findings"] == decided.recordedFindings)
    #expect(try recorded("approved")?["passed"] == decided.recordedPasses)
  }

  @Test func aBlockFindingCannotBeApproved() {
    var play = Playbook()
    let market =
      #"{"category":"linear","request":[{"symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.1"}]}"#
    play.held("wsBatchCreateOrders", Bench.object(market))
    #expect(play.gate.held[play.id()]?.assessment.severity == .block)
    play.decides("ada")
    play << ["refuse 1 refused"]
    play.decides("ada", .reject)
    play << ["persist rejected"]
  }

  @Test func aReducingBatchNeedsNoAcceptanceAndHasNoHold() {
    var play = Playbook()
    play.held("wsBatchCreateOrders", Bench.batch("60000", more: #","reduceOnly":true"#))
    play.decides("ada", cools: true, accepting: [])
    play << ["persist approved"]
  }

  // MARK: Cooling

  @Test func anApprovalFromAConsoleCanBeRecalled() {
    var play = Playbook()
    play.held()
    play.decides("ada", cools: true)
    play.saved()
    play << ["persist cooling", "accept 1", "show #1 cooling"]
    play.decides("ada", .recall)
    play.saved()
    play << ["persist pending", "accept 2", "show #1 pending"]
    #expect(play.gate.held[play.id()]?.signatures.isEmpty == true)
    play.after(.seconds(3))
    play << []
  }

  @Test func afterTheRecallTimeTheApprovalTakesEffect() {
    var play = Playbook()
    play.held()
    play.decides("ada", cools: true)
    play.saved()
    play.lines = []
    play.after(.milliseconds(2_999))
    play << []
    play.after(.milliseconds(1))
    play.saved()
    play << ["persist approved", "show #1 approved", "open"]
    play.decides("ada", .recall)
    play << ["refuse 2 refused"]
  }

  @Test func aConsoleThatVanishesWhileItCouldRecallSignsNothing() {
    var play = Playbook()
    play.held()
    play.decides("ada", cools: true, session: 7)
    play.saved()
    play.lines = []
    play >> .sessionEnded(6)
    play << []
    play >> .sessionEnded(7)
    play.saved()
    play << ["persist pending", "show #1 pending"]
  }

  // MARK: Grants

  @Test func anAgentThatHasNotAskedForTwoMinutesGetsAGrant() {
    var play = Playbook()
    play.held()
    play.after(.seconds(25))
    play >> .answered(RequestID(1), delivered: true)
    play.after(.milliseconds(120_001))
    play.saved()
    play.lines = []
    play.decides("ada")
    play.saved()
    play << ["persist approved", "accept 1", "show #1 approved"]
    play.awaits()
    play << ["show #1 approved", "open"]
  }

  @Test func onApprovalExecutesAtOnce() {
    let policy = Bench.policy(
      #""wsBatchCreateOrders":{"action":"hold"}"#,
      #""wsBatchCreateOrders":{"action":"hold","approval":{"execute":"on_approval"}}"#)
    var play = Playbook(policy: policy)
    play.held()
    play.after(.seconds(25))
    play >> .answered(RequestID(1), delivered: true)
    play.after(.minutes(5))
    play.saved()
    play.lines = []
    play.decides("ada")
    play.saved()
    play << ["persist approved", "accept 1", "show #1 approved", "open"]
  }

  @Test func anOrderThatThePolicyAllowsTakesTheSamePathUnsigned() {
    var play = Playbook()
    play.call("createOrder", Bench.order("60000"))
    play.saved()
    play << ["persist approved", "show #1 approved", "open"]
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    play << ["persist ", "persist dispatching", "show #1 dispatching", "dispatch #1 createOrder"]
  }

  // MARK: Freeze

  @Test func frozenNothingIsApprovedOrSent() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play.lines = []
    play.halts(true)
    play << ["persist frozen", "persist blocked"]
    play.saved()
    play << ["accept 2", "show #1 blocked", "answer 1 blocked"]
    play.held("wsBatchCreateOrders", Bench.batch("1"))
    play.decides("ada", .approve, 2)
    play << ["refuse 3 refused"]
    play.halts(true)
    play << ["refuse 4 refused"]
    play.halts(false)
    play.saved()
    play << ["persist thawed", "accept 5"]
    play.decides("ada", .approve, 2)
    play << ["persist approved"]
  }

  @Test func aFreezeBetweenIntentAndSendStopsTheBytes() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.savedOne()
    #expect(play.state() == .dispatching)
    play.lines = []
    play.halts(true)
    play.saved()
    play << [
      "persist frozen", "show #1 dispatching", "persist failed", "accept 2", "show #1 failed",
      "answer 1 failed",
    ]
    #expect(play.dispatched.isEmpty)
  }

  @Test func aViewerCannotFreeze() {
    var play = Playbook()
    play.halts(true, by: "eve")
    play << ["refuse 1 forbidden"]
  }

  // MARK: Policy, tools, account at dispatch

  @Test func aPolicyChangeVoidsSignaturesAndRaisesTheRevision() throws {
    var play = Playbook()
    play.held("wsCreateOrder", Bench.order("60000"))
    play.decides("ada")
    play.saved()
    play.lines = []
    let before = try #require(play.gate.held[play.id()]?.digest)
    play >> .policy(Bench.policy(#""quorum":2"#, #""quorum":3"#))
    play << ["persist policy", "persist pending"]
    play.saved()
    play << ["show #1 pending"]
    let call = try #require(play.gate.held[play.id()])
    #expect(call.statement.revision == 2)
    #expect(call.statement.quorum == 3)
    #expect(call.signatures.isEmpty)
    #expect(call.digest != before)
    play.decides("ada") {
      $0.digest = before
      $0.revision = 1
    }
    play << ["refuse 2 stale"]
  }

  @Test func aCallThatTheNewPolicyDeniesIsNotSent() {
    var play = Playbook()
    play.held()
    play
      >> .policy(
        Bench.policy(
          #""wsBatchCreateOrders":{"action":"hold"}"#, #""wsBatchCreateOrders":{"action":"deny"}"#))
    play.saved()
    play.lines = []
    play.decides("ada")
    play.saved()
    play << [
      "persist approved", "accept 1", "show #1 approved", "persist blocked", "show #1 blocked",
      "answer 1 blocked",
    ]
  }

  @Test func anUnsignedOrderThatMustNowBeSignedIsNotSent() {
    var play = Playbook()
    play.call("createOrder", Bench.order("60000"))
    play.saved()
    play
      >> .policy(
        Bench.policy(#""createOrder":{"action":"allow"}"#, #""createOrder":{"action":"hold"}"#))
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .blocked)
    #expect(play.dispatched.isEmpty)
  }

  @Test func aToolThatChangedAfterTheApprovalIsNotSent() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play
      >> .toolsListed(
        upstream: Bench.upstream, [Bench.tool("wsBatchCreateOrders", description: "other")])
    play.saved()
    #expect(play.state() == .blocked)
  }

  @Test func aRevokedOperatorsSignatureCountsNoLonger() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    var registry = Bench.registry
    registry.operators["ada"]?.isRevoked = true
    play >> .registry(registry)
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .blocked)
    #expect(play.dispatched.isEmpty)
  }
}
