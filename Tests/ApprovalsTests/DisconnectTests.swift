import Approvals
import JSON
import MCP
import OperatorProtocol
import Simulation
import Testing
import Time

/// What becomes of a held call when the client's connection breaks, at each state of the call. The
/// table in docs/clients.md says the same in words.
struct DisconnectTests {
  @Test func pendingAndNeverTold() {
    var play = Playbook()
    play.held()
    play >> .disconnected(RequestID(1))
    play << ["show #1 pending"]
    #expect(play.gate.summaries.first?.isAgentGone == true)
    play.decides("ada")
    play << ["refuse 1 refused"]
    // The agent asks again: the same call, and it can be approved.
    play.call()
    #expect(play.batches.count == 1)
    play.lines = []
    play.decides("ada")
    play << ["persist agent_gone,approved"]
  }

  @Test func pendingAndTold() {
    var play = Playbook()
    play.held()
    play.after(.seconds(25))
    play >> .answered(RequestID(1), delivered: true)
    play.awaits()
    play >> .disconnected(RequestID(2))
    play.saved()
    #expect(play.gate.summaries.first?.isAgentGone == false)
    play.lines = []
    play.decides("ada")
    play << ["persist approved"]
  }

  @Test func partlySigned() {
    var play = Playbook()
    play.held("wsCreateOrder", Bench.order("60000"))
    play.decides("ada")
    play.saved()
    play >> .disconnected(RequestID(1))
    play.lines = []
    #expect(play.state() == .partlySigned)
    play.decides("bob")
    play << ["refuse 2 refused"]
    play.call("wsCreateOrder", Bench.order("60000"))
    play.lines = []
    play.decides("bob")
    play << ["persist agent_gone,approved"]
    #expect(play.gate.held[play.id()]?.signatures.count == 2)
  }

  @Test func cooling() {
    var play = Playbook()
    play.held()
    play.decides("ada", cools: true)
    play.saved()
    play >> .disconnected(RequestID(1))
    play.lines = []
    play.after(.seconds(3))
    play.saved()
    // It was approved while the agent waited: it is executed, and the outcome is kept.
    play << ["persist agent_gone", "persist approved", "show #1 approved", "open"]
  }

  @Test func approved() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play >> .disconnected(RequestID(1))
    play.lines = []
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .dispatching)
    #expect(play.dispatched.count == 1)
  }

  @Test func dispatching() {
    var play = Playbook()
    play.sent()
    play >> .disconnected(RequestID(1))
    play.answers(accepted)
    play.saved()
    #expect(play.state() == .acknowledged)
    // Nobody has the outcome: the repeat gets it, and nothing is sent twice.
    play.lines = []
    play.call()
    play << ["answer 2 acknowledged again"]
    #expect(play.dispatched.count == 1)
  }

  @Test func settledAndNotYetOnDisk() {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play >> .disconnected(RequestID(1))
    play.lines = []
    play.saved()
    #expect(!play.lines.contains { $0.hasPrefix("answer") })
    play.lines = []
    play.call()
    play << ["answer 2 acknowledged again"]
  }

  @Test func answeredAndNotWritten() {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play.saved()
    play >> .answered(RequestID(1), delivered: false)
    play.lines = []
    play.call()
    play << ["answer 2 acknowledged again"]
  }

  @Test func answeredAndWritten() {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play.saved()
    play >> .answered(RequestID(1), delivered: true)
    play.lines = []
    play.call()
    // The agent had the outcome: the same call is a new one.
    play << ["persist pending"]
    #expect(play.batches.count == 2)
  }

  @Test func whileAwaiting() {
    var play = Playbook()
    play.held()
    play.after(.seconds(25))
    play >> .answered(RequestID(1), delivered: true)
    play.awaits()
    play.saved()
    play >> .disconnected(RequestID(2))
    play.after(.seconds(6))
    #expect(play.gate.summaries.first?.isAgentWaiting == false)
    play.decides("ada")
    play.saved()
    play.lines = []
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .dispatching)
  }

  @Test func approvedAfterTwoMinutesWithoutAQuestion() {
    var play = Playbook()
    play.held()
    play.after(.seconds(25))
    play >> .answered(RequestID(1), delivered: true)
    play.after(.seconds(121))
    play.lines = []
    play.decides("ada")
    play.saved()
    #expect(play.state() == .approved)
    #expect(!play.lines.contains("open"))
    play.awaits()
    #expect(play.lines.contains("open"))
  }

  // MARK: The end of the process

  @Test func whoWaitsIsToldWhatToAskForWhenTheGatewayStops() {
    var play = Playbook()
    play.held()
    play.call("wsBatchCreateOrders", Bench.batch("1"))
    play.lines = []
    play >> .closing
    play << ["answer 1 pending", "show #1 pending"]
    let text = play.results[1]?.texts.first?.string ?? ""
    #expect(text.contains("The gateway is stopping") && text.contains("awaitApproval"))
    #expect(text.contains(play.id().description))
    // The second one is told as soon as it is on disk.
    play.saved()
    play.after(.zero)
    play << ["show #2 pending", "answer 2 pending", "show #2 pending"]
    play >> .answered(RequestID(1), delivered: true)
    play >> .answered(RequestID(2), delivered: true)
    #expect(play.gate.isQuiet)
    play >> .stopping
    play.saved()
    play.restart()
    play.saved()
    #expect(play.gate.summaries.map(\.isAgentGone) == [false, false])
  }

  @Test func nothingNewIsBegunWhenTheGatewayStops() {
    var play = Playbook()
    play.held()
    play >> .closing
    play.lines = []
    play.call("wsBatchCreateOrders", Bench.batch("1"))
    play.call("getTickers", [:])
    play.call("wsCancelOrder", ["category": "linear", "symbol": "BTCUSDT", "orderId": "x"])
    play << ["answer 2 unavailable", "answer 3 unavailable", "forward 4 wsCancelOrder"]
    play.decides("ada")
    play.saved()
    #expect(play.state() == .approved)
    #expect(!play.lines.contains("open"))
  }

  @Test func aCallThatWasSentIsWaitedFor() {
    var play = Playbook()
    play.sent()
    play >> .closing
    play >> .answered(RequestID(1), delivered: true)
    #expect(!play.gate.isQuiet)
    play.answers(accepted)
    play.saved()
    #expect(play.gate.isQuiet)
    #expect(play.state() == .acknowledged)
  }

  // MARK: What is counted

  @Test func callsDecisionsAndOutcomesAreCounted() {
    var play = Playbook()
    play.sent()
    play.answers(accepted)
    play.saved()
    play.call("withdraw", [:])
    play.call("getTickers", [:])
    let by = Bench.upstream
    #expect(
      play.tallies == [
        .call(upstream: by, .create, .held), .decision(.approve, isTaken: true),
        .decidedAfter(.zero), .outcome(upstream: by, .acknowledged),
        .call(upstream: by, .other, .denied), .call(upstream: by, .other, .allowed),
      ])
  }
}
