import Approvals
import JSON
import MCP
import OperatorProtocol
import Risk
import Simulation
import Testing
import Time

/// From a call to the moment somebody decides.
struct HoldTests {
  @Test func anAllowedCallIsForwardedAtOnceAndRecordedSoon() {
    var play = Playbook()
    play.call("getTickers", ["category": "linear"])
    play << ["forward 1 getTickers"]
    play.after(.milliseconds(99))
    play << []
    play.after(.milliseconds(1))
    play << ["persist allowed"]
  }

  @Test func aDeniedCallIsToldWhyAndRecordedSoon() {
    var play = Playbook()
    play.call("withdraw", [:])
    play << ["answer 1 denied"]
    #expect(play.results[1]?.isError == true)
    #expect(play.results[1]?.structured?["rule"] == "/default")
    play.after(.milliseconds(100))
    play << ["persist denied"]
  }

  @Test func aCancelledForwardIsCancelledUpstream() {
    var play = Playbook()
    play.call("getTickers", [:])
    play << ["forward 1 getTickers"]
    play >> .cancelled(RequestID(1))
    play << ["cancel 1"]
  }

  @Test func aHeldCallIsOnDiskBeforeAnybodyHears() {
    var play = Playbook()
    play.call()
    play << ["persist pending"]
    play.after(.seconds(30))
    play << []
    #expect(play.gate.summaries.isEmpty)
    #expect(play.gate.detail(play.id()) == nil)
    play.saved()
    play << ["show #1 pending"]
    play.after(.zero)
    play << ["answer 1 pending", "show #1 pending"]
  }

  @Test func thePendingAnswerComesAfterTheWait() {
    var play = Playbook()
    play.held()
    play.after(.milliseconds(24_999))
    play << []
    play.after(.milliseconds(1))
    play << ["answer 1 pending", "show #1 pending"]
    #expect(play.results[1]?.isError == false)
    #expect(play.results[1]?.texts.first?.string.contains(play.id().description) == true)
  }

  @Test func aClientWithAKnownTimeOutGetsItsOwnWait() {
    var settings = Bench.settings
    settings.waitByClient = ["hasty": .seconds(5)]
    var play = Playbook(settings: settings)
    play.call(client: "hasty")
    play.saved()
    play << ["persist pending", "show #1 pending"]
    play.after(.seconds(5))
    play << ["answer 1 pending", "show #1 pending"]
  }

  @Test(arguments: [
    (#"{"category":"linear","request":[]}"#, "legs"),
    (
      #"{"category":"linear","request":[{"symbol":"B","side":"Buy","orderType":"Market","qty":"1","stopLos":"1"}]}"#,
      "stopLos"
    ),
    (
      #"{"category":"linear","request":[{"symbol":"B","side":"Buy","orderType":"Market","qty":"1","positionIdx":1.0}]}"#,
      "RFC 8785"
    ),
  ])
  func argumentsThatCannotBeShownTrulyAreDenied(arguments: String, words: String) {
    var play = Playbook()
    play.call("wsBatchCreateOrders", Bench.object(arguments))
    play << ["answer 1 denied"]
    #expect(play.results[1]?.texts.first?.string.contains(words) == true)
  }

  @Test func everyLegGetsALinkIDAndTheDigestCoversIt() throws {
    var play = Playbook()
    play.held()
    #expect(play.links() == ["cs-\(play.id().ulid)-01", "cs-\(play.id().ulid)-02"])
    let detail = try #require(play.gate.detail(play.id()))
    #expect(detail.statement.contains("cs-\(play.id().ulid)-02"))
  }

  // MARK: Repeats

  @Test func identicalCallsInFlightAreOneBatch() {
    var play = Playbook()
    play.call()
    play.call()
    play.saved()
    play.call()
    play << ["persist pending", "show #1 pending", "show #1 pending"]
    play.decides("ada", .reject, note: "too large")
    play.saved()
    play << [
      "persist rejected", "accept 1", "show #1 rejected", "answer 1 rejected", "answer 2 rejected",
      "answer 3 rejected",
    ]
    #expect(play.gate.held.count == 1)
  }

  @Test func aCallOfAnotherAgentIsAnotherBatch() {
    var play = Playbook()
    play.held()
    play.held(as: "hal")
    #expect(play.batches.count == 2)
  }

  @Test func afterTheOutcomeWasDeliveredTheSameCallIsANewBatch() {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play.saved()
    play << ["persist acknowledged", "show #1 acknowledged", "answer 1 acknowledged"]
    play >> .answered(RequestID(1), delivered: true)
    play.call()
    play.saved()
    play << ["persist pending", "show #2 pending"]
    #expect(play.gate.held[play.id(2)]?.identicalTo == play.id(1))
    #expect(play.links(1) != play.links(2))
  }

  @Test(arguments: [(Milliseconds.seconds(120), true), (Milliseconds.milliseconds(120_001), false)])
  func anOutcomeThatNobodyTookIsReplayedForTwoMinutes(wait: Milliseconds, replays: Bool) {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play.saved()
    play >> .answered(RequestID(1), delivered: false)
    play.lines = []
    play.after(wait)
    play.lines = []
    play.call()
    play << (replays ? ["answer 2 acknowledged again"] : ["persist pending"])
  }

  @Test func aRejectionIsReplayedUntilTheOriginalExpiry() {
    var play = Playbook()
    play.held()
    play.decides("ada", .reject, note: "no")
    play.saved()
    play >> .answered(RequestID(1), delivered: true)
    play.lines = []
    play.now = play.now + .milliseconds(15 * 60_000 - 1)
    play.call()
    play << ["answer 2 rejected again"]
    play.now = play.now + .milliseconds(1)
    play.call()
    play << ["persist pending"]
    #expect(play.gate.held[play.id(2)]?.supersedes == play.id(1))
  }

  @Test func aChangedProposalAfterARejectionSupersedesIt() {
    var play = Playbook()
    play.held()
    play.decides("ada", .reject, note: "too large")
    play.saved()
    play.held("wsBatchCreateOrders", Bench.batch("58000"))
    #expect(play.gate.held[play.id(2)]?.supersedes == play.id(1))
    #expect(play.gate.held[play.id(2)]?.identicalTo == nil)
  }

  // MARK: awaitApproval

  @Test func awaitApprovalReturnsTheUpstreamsOwnResult() {
    var play = Playbook()
    play.sent()
    play.awaits()
    play.answers(accepted)
    play.saved()
    play << [
      "show #1 dispatching", "persist acknowledged", "show #1 acknowledged",
      "answer 1 acknowledged", "answer 2 acknowledged",
    ]
    #expect(play.results[2]?.texts == play.results[1]?.texts)
    #expect(play.results[2]?.texts.first?.string.contains("retCode") == true)
  }

  @Test func awaitApprovalReturnsTheReasonOfARejection() {
    var play = Playbook()
    play.held()
    play.after(.seconds(25))
    play.awaits()
    play.decides("ada", .reject, note: "the stop is missing")
    play.saved()
    #expect(play.results[2]?.isError == true)
    #expect(
      play.results[2]?.texts.first?.string.contains("rejected by ada: the stop is missing") == true)
  }

  @Test func awaitApprovalReturnsTheExpiry() {
    var play = Playbook()
    play.held()
    play.after(.seconds(25))
    play.now = play.now + .minutes(14) + .seconds(20)
    play.awaits()
    play.after(.milliseconds(100))
    play.saved()
    play.lines = []
    play.after(.seconds(15))
    play.saved()
    play << ["persist expired", "show #1 expired", "answer 2 expired"]
  }

  @Test func nobodyElsesApprovalCanBeAskedFor() {
    var play = Playbook()
    play.held()
    play.awaits(1, as: "hal")
    play << ["answer 2 denied"]
    play.call(awaitApprovalTool, ["approvalId": "cs_01J9Z300000000000000000000"])
    play << ["answer 3 denied"]
    play.call(awaitApprovalTool, [:])
    play << ["answer 4 denied"]
  }

  // MARK: Leaving

  @Test func cancellationWithdraws() {
    var play = Playbook()
    play.held()
    play >> .cancelled(RequestID(1))
    play << ["persist withdrawn"]
    play.saved()
    play << ["show #1 withdrawn"]
    play.call()
    play << ["persist pending"]
  }

  @Test func cancellingAwaitApprovalOnlyEndsTheWait() {
    var play = Playbook()
    play.held()
    play.after(.seconds(25))
    play.awaits()
    play.lines = []
    play >> .cancelled(RequestID(2))
    play << ["show #1 pending"]
    #expect(play.state() == .pending)
  }

  @Test func cancellingAfterDispatchIsTooLate() {
    var play = Playbook()
    play.sent()
    play >> .cancelled(RequestID(1))
    play << ["show #1 dispatching"]
    #expect(play.state() == .dispatching)
  }

  @Test func anAgentThatVanishedBeforeItWasToldIsGone() {
    var play = Playbook()
    play.held()
    play >> .disconnected(RequestID(1))
    play << ["show #1 pending"]
    play.decides("ada")
    play << ["refuse 1 refused"]
    play.call()
    play << ["show #1 pending"]
    play.decides("ada")
    play << ["persist agent_gone,approved"]
  }

  @Test func anAgentThatKnowsTheIDMayLeave() {
    var play = Playbook()
    play.held()
    play.after(.seconds(25))
    play >> .answered(RequestID(1), delivered: true)
    play.awaits()
    play >> .disconnected(RequestID(2))
    play.lines = []
    play.decides("ada")
    play << ["persist approved"]
  }

  // MARK: Floods

  @Test func tooManyPendingCallsAreBusyWithOneEntryAMinute() {
    var settings = Bench.settings
    settings.pendingPerAgent = 2
    var play = Playbook(settings: settings)
    for price in ["1", "2", "3", "4"] { play.call("wsBatchCreateOrders", Bench.batch(price)) }
    play.saved()
    play.after(.milliseconds(100))
    play.saved()
    play << [
      "persist pending", "persist pending", "answer 3 busy", "answer 4 busy", "show #1 pending",
      "show #2 pending", "persist busy",
    ]
    #expect(play.results[3]?.structured?["retryAfterMs"] == 60_000)
    play.held("wsBatchCreateOrders", Bench.batch("5"), as: "hal")
    #expect(play.batches.count == 3)
    play.now = play.now + .seconds(60)
    play.call("wsBatchCreateOrders", Bench.batch("6"))
    play.after(.milliseconds(100))
    #expect(play.lines.contains("persist busy"))
  }

  @Test func aHundredInAllIsTheLimitOfEverybody() {
    var settings = Bench.settings
    settings.pendingTotal = 1
    var play = Playbook(settings: settings)
    play.held()
    play.call("wsBatchCreateOrders", Bench.batch("5"), as: "hal")
    play << ["answer 2 busy"]
  }

  @Test func nothingMoreIsTakenWhileTooMuchIsOnItsWayToTheDisk() {
    var settings = Bench.settings
    settings.commitsUnderWay = 2
    var play = Playbook(settings: settings)
    play.call("wsBatchCreateOrders", Bench.batch("1"))
    play.call("wsBatchCreateOrders", Bench.batch("2"))
    play.call("wsBatchCreateOrders", Bench.batch("3"))
    play.call("getTickers", [:])
    // A cancel is never slow.
    play.call("wsCancelOrder", ["category": "linear", "symbol": "BTCUSDT", "orderId": "x"])
    play << [
      "persist pending", "persist pending", "answer 3 busy", "answer 4 busy",
      "forward 5 wsCancelOrder",
    ]
    #expect(play.results[3]?.structured?["retryAfterMs"] == 1_000)
    #expect(play.results[3]?.isError == true)
    play.saved()
    play.lines = []
    play.call("getTickers", [:])
    play << ["forward 6 getTickers"]
  }

  @Test func entriesThatWaitForTheDiskAreBounded() {
    var settings = Bench.settings
    settings.entriesUnderWay = 3
    var play = Playbook(settings: settings)
    for _ in 0..<4 { play.call("withdraw", [:]) }
    play << ["answer 1 denied", "answer 2 denied", "answer 3 denied", "answer 4 busy"]
    play.after(.milliseconds(100))
    play.call("withdraw", [:])
    play << ["persist denied,denied,denied", "answer 5 busy"]
    play.saved()
    play.call("withdraw", [:])
    play << ["answer 6 denied"]
  }

  @Test func aFloodOfRepeatsWritesOneRecord() {
    var play = Playbook()
    play.held()
    for _ in 0..<50 { play.call() }
    play.after(.milliseconds(100))
    #expect(play.commits.last?.records.count { $0.kind == .held } == 1)
  }

  @Test func newsOfTheMarketReachEveryPendingCallInTurn() {
    var settings = Bench.settings
    settings.assessedAtOnce = 2
    var play = Playbook(settings: settings)
    for price in ["1", "2", "3", "4", "5"] {
      play.held("wsBatchCreateOrders", Bench.batch(price))
    }
    var shown: Set<String> = []
    for _ in 0..<3 {
      play >> .account(.missing("no \(shown.count)"), nil)
      shown.formUnion(play.lines)
      #expect(play.lines.count <= 2)
      play.lines = []
    }
    #expect(shown.count == 5)
  }

  // MARK: Tools and accounts

  @Test func aToolWhoseDefinitionChangedIsDenied() {
    var play = Playbook()
    let changed = Bench.tool("wsBatchCreateOrders", description: "now also sends money")
    play >> .toolsListed(upstream: Bench.upstream, [changed])
    play << ["persist tool_drift"]
    play.call()
    play << ["answer 1 denied"]
    #expect(!play.gate.visibleTools(of: Bench.upstream).map(\.name).contains(changed.name))
  }

  @Test func anotherAccountIsDenied() {
    var play = Playbook()
    play >> .identitySeen(upstream: Bench.upstream, AccountIdentity(uid: "666", canTrade: true))
    play.call()
    play << ["answer 1 denied"]
    #expect(play.results[1]?.texts.first?.string.contains("another account") == true)
  }

  @Test func theToolListHidesWhatIsDenied() {
    let play = Playbook()
    #expect(
      play.gate.visibleTools(of: Bench.upstream).map(\.name) == [
        "amendOrder", "batchCancelOrders", "createOrder", "getTickers", "setLeverage",
        "wsBatchCreateOrders", "wsCancelOrder", "wsCreateOrder", "awaitApproval",
      ])
  }
}

let accepted = DispatchAnswer.result(
  ToolResult(
    text: """
      {"retCode":0,"retMsg":"OK","data":{"list":[{"orderId":"a"},{"orderId":"b"}]},\
      "retExtInfo":{"list":[{"code":0,"msg":"OK"},{"code":0,"msg":"OK"}]}}
      """))
