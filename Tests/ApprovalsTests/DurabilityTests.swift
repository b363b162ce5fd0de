import Decimals
import JSON
import MCP
import OperatorProtocol
import Risk
import Simulation
import Testing
import Time

@testable import Approvals

/// Writes that fail, processes that die, and what is true afterwards.
struct DurabilityTests {
  // MARK: Order of things

  @Test func aRejectionThatIsNotDurableIsToldToNobody() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.decides("bob", .reject, note: "no")
    play.lines = []
    play.savedOne()
    play << ["accept 1", "show #1 approved"]
    play.call()
    play << []
    play.saved()
    play << ["accept 2", "show #1 rejected", "answer 1 rejected", "answer 2 rejected"]
  }

  @Test func anOutcomeOnItsWayToTheDiskIsNotReplayed() {
    var play = Playbook()
    play.held()
    play.decides("ada", .reject)
    play.lines = []
    play.call()
    play.awaits()
    play.after(.minutes(1))
    // Only that the agent asked again.
    play << ["persist "]
    play.saved()
    play << [
      "accept 1", "show #1 rejected", "answer 1 rejected", "answer 2 rejected", "answer 3 rejected",
    ]
  }

  @Test func aPolicyChangeKeepsTheLedgerWithoutHoles() {
    var play = Playbook()
    play.held()
    play >> .policy(Bench.policy(#""quorum":2"#, #""quorum":3"#))
    #expect(play.commits.flatMap(\.lines).map(\.kind) == ["policy", "pending"])
    play.saved()
  }

  // MARK: The store fails

  @Test func whileNothingCanBeWrittenOnlyCancelsPass() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.lines = []
    play >> .persistFailed([2], "no space left")
    play << ["answer 1 unavailable", "refuse 1 unavailable", "reopen"]
    play.call("getTickers", [:])
    play.call("wsBatchCreateOrders", Bench.batch("1"))
    play.awaits()
    play.call("wsCancelOrder", ["orderId": "o1"])
    play.decides("bob")
    play << [
      "answer 2 unavailable", "answer 3 unavailable", "answer 4 unavailable",
      "forward 5 wsCancelOrder", "refuse 2 unavailable",
    ]
    play >> .persisted([2])
    play << []
    #expect(play.gate.status.isStoreWritable == false)
  }

  @Test func afterwardsWhatIsStoredIsTrueAndCancelsAreRecorded() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play >> .persistFailed([2], "no space left")
    play.commits = []
    play.call("wsCancelOrder", ["orderId": "o1"])
    play.lines = []
    play >> .storeRestored(StoreSnapshot(records: play.records, ledgerSize: play.ledger.count))
    play << ["persist allowed_unrecorded,started"]
    #expect(play.state() == .pending)
    play.saved()
    #expect(play.kinds().suffix(2) == ["allowed_unrecorded", "started"])
  }

  @Test func aSecondFailureKeepsTheEntriesOfCancels() {
    var play = Playbook()
    play.call("wsCancelOrder", ["orderId": "o1"])
    play.after(.milliseconds(100))
    play.call("wsCancelOrder", ["orderId": "o2"])
    for _ in 0..<2 {
      play >> .persistFailed([9], "no space left")
      play.commits = []
      play >> .storeRestored(StoreSnapshot(records: play.records, ledgerSize: play.ledger.count))
    }
    play.saved()
    #expect(play.kinds().count { $0 == "allowed" } == 2)
  }

  @Test func anEntryThatReachedTheDiskAfterAllIsNotWrittenTwice() {
    var play = Playbook()
    play.call("wsCancelOrder", ["orderId": "o1"])
    play.after(.milliseconds(100))
    let commit = play.commits.removeFirst()
    play.ledger += commit.lines
    for record in commit.records {
      play.records[record.kind, default: [:]][record.key] = record.document
    }
    play >> .persistFailed([commit.id], "the disk does not answer")
    play >> .storeRestored(StoreSnapshot(records: play.records, ledgerSize: play.ledger.count))
    play.saved()
    #expect(play.kinds().count { $0 == "allowed" } == 1)
  }

  @Test func unreadableStateIsNotHalfBelieved() {
    var play = Playbook(starts: false)
    play >> .storeRestored(StoreSnapshot(records: [.held: ["x": ["state": "pending"]]]))
    #expect(play.lines.count == 1)
    #expect(play.lines.first?.hasPrefix("unreadable") == true)
    play.lines = []
    play >> .storeRestored(StoreSnapshot(ledgerSize: 3))
    #expect(play.lines.first?.hasPrefix("unreadable") == true)
  }

  // MARK: Restart in each state

  @Test func pendingAndPartlySignedGoOn() {
    var play = Playbook()
    play.held("wsCreateOrder", Bench.order("60000"))
    play.decides("ada")
    play.saved()
    play.restart()
    play.introduce()
    play.saved()
    #expect(play.state() == .partlySigned)
    // Its request ended with the process, and it never learnt the approval id.
    play.decides("bob")
    #expect(play.lines.contains("refuse 2 refused"))
    play.call("wsCreateOrder", Bench.order("60000"))
    play.decides("bob")
    play.saved()
    #expect(play.state() == .approved)
    #expect(play.lines.contains("open"))
  }

  @Test func aRecallTimeIsVoid() {
    var play = Playbook()
    play.held()
    play.decides("ada", cools: true)
    play.saved()
    play.restart()
    play << ["persist started", "persist pending"]
    play.introduce()
    play.saved()
    play.after(.seconds(10))
    #expect(play.state() == .pending)
    #expect(play.dispatched.isEmpty)
  }

  @Test func anApprovalGoesOnOnceItsUpstreamWasSeen() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play.restart()
    play.saved()
    #expect(play.state() == .approved)
    play.lines = []
    play >> .toolsListed(upstream: Bench.upstream, Bench.tools)
    play >> .identitySeen(upstream: Bench.upstream, Bench.account)
    #expect(play.state() == .approved)
    play >> .readKeySeen(Bench.account)
    play << ["open"]
  }

  @Test func anApprovalIsBlockedWhenTheUpstreamComesBackAsAnother() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play.restart()
    play >> .readKeySeen(Bench.account)
    play >> .toolsListed(upstream: Bench.upstream, Bench.tools)
    play >> .identitySeen(upstream: Bench.upstream, nil)
    play.saved()
    #expect(play.state() == .approved, "it may show itself yet")
    play >> .identitySeen(upstream: Bench.upstream, AccountIdentity(uid: "7", canTrade: true))
    play.saved()
    #expect(play.state() == .blocked)
  }

  @Test func whatWasBeingSentIsUnknownAndTheOldGroupIsKilledFirst() {
    var play = Playbook()
    play.sent()
    play.restart()
    play << ["kill g1", "persist started", "persist unknown"]
    play.introduce()
    play.saved()
    play.lines = []
    play.after(.minutes(1))
    #expect(!play.lines.contains("ask #1"))
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    play.after(.seconds(8))
    #expect(play.lines.contains("ask #1"))
    #expect(play.dispatched.count == 1)
  }

  @Test func anUnknownOutcomeIsAskedAboutAgain() {
    var play = Playbook()
    play.sent()
    play.answers(.lost("x"))
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    play.saved()
    play.after(.milliseconds(100))
    play.saved()
    play.restart()
    play << ["persist started", "kill"]
    play.introduce()
    play >> .laneKilled(upstream: Bench.upstream, group: nil)
    play.lines = []
    play.after(.seconds(8))
    #expect(play.lines.contains("ask #1"))
  }

  @Test func settledCallsReplayAfterARestart() {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play.saved()
    play.restart()
    play.introduce()
    play.saved()
    play.lines = []
    play.call()
    play << ["answer 2 acknowledged again"]
    #expect(play.results[2]?.texts == play.results[1]?.texts)
  }

  @Test func aFreezeOutlivesARestart() {
    var play = Playbook()
    play.held()
    play.halts(true)
    play.saved()
    play.restart()
    play.introduce()
    play.lines = []
    play.decides("ada")
    play << ["refuse 2 refused"]
    #expect(play.gate.status.frozen?.by == "ada")
  }

  @Test func stoppingAnswersWhoWaits() {
    var play = Playbook()
    play.held()
    play >> .stopping
    play << ["answer 1 unavailable", "persist stopped"]
  }

  // MARK: Memory

  @Test func whatSettledLastIsForgottenLast() {
    var settings = Bench.settings
    settings.settledKept = 1
    var play = Playbook(settings: settings)
    play.held()
    play.held("wsBatchCreateOrders", Bench.batch("1"))
    play.decides("ada", .reject, 2)
    play.saved()
    play.now = play.now + .seconds(1)
    play.decides("ada", .reject, 1)
    play.after(.seconds(1))
    play.lines = []
    play.saved()
    play << ["accept 2", "show #1 rejected", "answer 1 rejected"]
    #expect(play.gate.held.keys.sorted() == [play.id(1)])
  }

  @Test func whatIsForgottenCountsForItsDay() {
    var settings = Bench.settings
    settings.settledKept = 1
    var play = Playbook(settings: settings)
    for number in 1...3 {
      play.held("wsBatchCreateOrders", Bench.batch("\(number)"))
      play.decides("ada", .reject, number)
      play.saved()
      play.now = play.now + .minutes(20)
    }
    play >> .tick
    let orders = play.gate.held.values.map(\.legCount).reduce(0, +)
    #expect(play.gate.held.count == 1)
    func past() -> RecentHistory { play.gate.history(of: "bot", before: nil) }
    #expect(past().day.orders == 3 * orders)
    #expect(past().legs.count == orders)
    #expect(past().day.isWhole)
    play.restart()
    #expect(!past().day.isWhole, "the store may have more than it gave")
    play.now = play.now + .minutes(24 * 60)
    play >> .tick
    #expect(past().day.orders == 0)
    #expect(past().day.isWhole)
  }

  /// What an agent sent today counts for its day whether or not the gateway was started anew since.
  @Test func theDayIsWorthTheSameAfterARestart() {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play.saved()
    func day() -> RecentHistory.Day { play.gate.history(of: "bot", before: nil).day }
    let before = day()
    #expect(before.worth["USDT"]?.isPositive == true && before.isWhole && before.isValued)
    play.restart()
    play.saved()
    #expect(day() == before)
  }

  @Test func aDayWithAnOrderOfUnknownWorthIsNoSum() {
    var play = Playbook()
    play.held(
      "wsCreateOrder",
      Bench.object(
        #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.1"}"#))
    let day = play.gate.history(of: "bot", before: nil).day
    #expect(day.isWhole && !day.isValued)
  }

  // MARK: Backups

  @Test func whatMayHaveBeenSentSinceTheBackupIsNeverSentAgain() {
    var play = Playbook()
    play.sent()
    play.held("wsBatchCreateOrders", Bench.batch("1"))
    play.held("wsBatchCreateOrders", Bench.batch("2"))
    play.decides("ada", .approve, 3)
    play.saved()
    play.records[.meta]?["copy"] = ["made_at": "2026-11-26T20:00:00.000Z"]
    play.restart()
    play.saved()
    play.introduce()
    play.saved()
    #expect(play.state(1) == .unknown)
    #expect(play.state(2) == .withdrawn)
    #expect(play.state(3) == .withdrawn)
    #expect(play.gate.held[play.id(2)]?.outcome.contains("backup of 2026-11-26T20:00") == true)
    #expect(play.kinds().contains("restored"))
    #expect(play.dispatched.count == 1)
    // The mark is gone: the next start is one like any other.
    play.held("wsBatchCreateOrders", Bench.batch("3"))
    play.restart()
    play.saved()
    #expect(play.state(4) == .pending)
  }
}
