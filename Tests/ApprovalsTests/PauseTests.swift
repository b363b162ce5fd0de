import JSON
import MCP
import OperatorProtocol
import Simulation
import Testing
import Time

@testable import Approvals

/// One agent paused, and every open order cancelled.
struct PauseTests {
  @Test func aPauseCountsBeforeItIsOnDisk() {
    var play = Playbook()
    play.held()
    play.halts(true, agent: "bot")
    play << ["persist agent_paused"]
    play.decides("ada")
    play << ["refuse 2 refused"]
    play.saved()
    play << ["accept 1"]
    #expect(play.gate.status.paused.map(\.agent) == ["bot"])
  }

  @Test func aPausedAgentProposesNothingAndReadsAndCancelsOn() {
    var play = Playbook()
    play.halts(true, agent: "bot")
    play.saved()
    play.lines = []
    let held = play.call()
    let read = play.call("getTickers", ["category": "linear"])
    let cancel = play.call("wsCancelOrder", ["category": "linear", "symbol": "BTCUSDT"])
    play << [
      "answer \(held) denied", "forward \(read) getTickers", "forward \(cancel) wsCancelOrder",
    ]
    #expect(play.results[held]?.texts.first?.string.contains("stop") == true)
    #expect(play.gate.held.isEmpty)
  }

  @Test func othersGoOnWhileOneIsPaused() {
    var play = Playbook()
    play.halts(true, agent: "bot")
    play.saved()
    play.held(as: "hal")
    play.decides("ada")
    play << ["persist approved"]
  }

  @Test func whatWasApprovedIsNotSentAfterAPause() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play.lines = []
    play.halts(true, agent: "bot")
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .blocked)
    #expect(play.dispatched.isEmpty)
  }

  @Test func aPauseWhileTheIntentIsWrittenStillStopsTheBytes() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.savedOne()
    #expect(play.state() == .dispatching)
    play.halts(true, agent: "bot")
    play.saved()
    #expect(play.state() == .failed)
    #expect(play.dispatched.isEmpty)
  }

  @Test func theEndOfAPauseCountsWhenItIsOnDiskAndAPauseInBetweenWins() {
    var play = Playbook()
    play.halts(true, agent: "bot")
    play.saved()
    play.halts(false, agent: "bot")
    #expect(play.gate.paused["bot"] != nil)
    play.halts(true, agent: "bot")
    play.saved()
    #expect(play.gate.paused["bot"] != nil)
    play.halts(false, agent: "bot")
    play.saved()
    #expect(play.gate.paused.isEmpty)
    #expect(
      play.kinds().suffix(4) == ["agent_paused", "agent_resumed", "agent_paused", "agent_resumed"])
  }

  @Test func aPauseOutlivesTheProcessAndItsEndToo() {
    var play = Playbook()
    play.halts(true, agent: "bot")
    play.halts(true, agent: "hal")
    play.saved()
    play.restart()
    #expect(play.gate.paused.keys.sorted() == ["bot", "hal"])
    play.saved()
    play.halts(false, agent: "bot")
    play.saved()
    play.restart()
    #expect(play.gate.paused.keys.sorted() == ["hal"])
  }

  @Test func aPauseCountsWhileNothingCanBeWritten() {
    var play = Playbook()
    play.held()
    play >> .persistFailed([99], "no space left")
    play.lines = []
    play.halts(true, agent: "bot")
    #expect(play.lines.contains { $0.hasPrefix("accept") })
    play.reopens()
    #expect(play.gate.paused["bot"] != nil)
    play.saved()
    play.restart()
    #expect(play.gate.paused["bot"] != nil)
    #expect(play.kinds().contains("agent_paused"))
  }

  @Test func whoMayNotDecidePausesNobody() {
    var play = Playbook()
    play.halts(true, agent: "bot", by: "eve")
    play.halts(true, agent: "nobody")
    play.halts(false, agent: "bot")
    play << ["refuse 1 forbidden", "refuse 2 not_found", "refuse 3 refused"]
    #expect(play.gate.paused.isEmpty)
  }

  @Test func aPauseIsNoFreezeAndAFreezeNoPause() {
    var play = Playbook()
    play.halts(true, agent: "bot")
    play.halts(true)
    play.saved()
    play.halts(false)
    play.saved()
    #expect(play.gate.frozen == nil)
    #expect(play.gate.paused["bot"] != nil)
  }

  // MARK: Cancel all

  private static func tools(_ names: [Text]) -> [ToolDefinition] {
    Bench.tools + names.map { Bench.tool($0) }
  }

  @Test func everythingIsCancelledWhereTheUpstreamCan() {
    var play = Playbook(tools: Self.tools(["cancelAllOrders"]))
    play.lines = []
    play.halts(.cancelAll)
    // At once, while its entry is still on the way to the disk.
    #expect(play.lines.first == "persist cancel_all")
    #expect(
      play.lines.dropFirst().sorted()
        == [
          "cancel cancelAllOrders inverse BTC", "cancel cancelAllOrders inverse ETH",
          "cancel cancelAllOrders linear USDC", "cancel cancelAllOrders linear USDT",
          "cancel cancelAllOrders option", "cancel cancelAllOrders spot",
        ])
  }

  @Test func theOperatorHearsWhenAllAreAnsweredOrTooLate() throws {
    var play = Playbook(tools: Self.tools(["cancelAllOrders"]))
    let signed = Bench.halt(.cancelAll, by: "ada", at: play.now, nonce: 9)
    let request = OperatorRequestID(7)
    var calls: [CancelCall] = []
    for effect in play.gate.handle(.halt(request, signed.order, signed.signature), at: play.now) {
      if case .cancelOrders(_, let call) = effect { calls.append(call) }
    }
    #expect(calls.count == 6)
    for call in calls.dropLast() {
      play >> .ordersCancelled(request, call, .result(ToolResult(text: "ok", isError: false)))
    }
    #expect(!play.lines.contains("accept 7"))
    play.lines = []
    play.after(Bench.settings.answerDeadline)
    #expect(play.lines.contains("accept 7"))
    // A late answer changes nothing.
    play.lines = []
    play >> .ordersCancelled(request, calls[5], .lost("gone"))
    play << []
  }

  @Test func knownOrdersAreCancelledOneByOneWhereThereIsNoSuchTool() throws {
    var play = Playbook(tools: Self.tools(["wsBatchCancelOrders"]))
    play.sent()
    play.lines = []
    play.halts(.cancelAll)
    #expect(play.lines.contains("cancel wsBatchCancelOrders linear orders 1 to 2"))
  }

  @Test func aFreezeDoesNotStopThem() {
    var play = Playbook(tools: Self.tools(["cancelAllOrders"]))
    play.halts(true)
    play.saved()
    play >> .persistFailed([99], "no space left")
    play.lines = []
    play.halts(.cancelAll)
    #expect(play.lines.count { $0.hasPrefix("cancel ") } == 6)
    play.reopens()
    play.saved()
    #expect(play.kinds().contains("cancel_all"))
  }

  @Test func aSignedCancelCountsOnce() {
    var play = Playbook(tools: Self.tools(["cancelAllOrders"]))
    let signed = Bench.halt(.cancelAll, by: "ada", at: play.now, nonce: 9)
    play >> .halt(OperatorRequestID(7), signed.order, signed.signature)
    play.saved()
    play.lines = []
    play >> .halt(OperatorRequestID(8), signed.order, signed.signature)
    play << ["refuse 8 stale"]
  }

  @Test func theOrderIsReadStrictly() throws {
    let order = Bench.halt(.freeze, agent: "bot", by: "ada", at: Bench.start).order
    #expect(try HaltOrder(json: JSONCursor(order.json)) == order)
    var json = try #require(order.json.objectValue)
    json["verb"] = "cancel_all"
    #expect(throws: JSONError.self) { try HaltOrder(json: JSONCursor(.object(json))) }
    let everything = Bench.halt(.freeze, by: "ada", at: Bench.start).order
    #expect(everything.json["agent"] == nil)
  }
}
