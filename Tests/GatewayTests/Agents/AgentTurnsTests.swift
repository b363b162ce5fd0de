import JSON
import Testing

@testable import Gateway

@Suite("Agents: whose turn it is")
struct AgentTurnsTests {
  @Test func oneAgentWaitsForItselfAndForNobodyElse() async {
    let turns = AgentTurns(limit: 2)
    await turns.enter("a")
    await turns.enter("a")
    let third = Task { await turns.enter("a") }
    // Another agent has turns of its own.
    await turns.enter("b")
    turns.leave("b")
    turns.leave("a")
    await third.value
    turns.leave("a")
    turns.leave("a")
    // All places are free again.
    await turns.enter("a")
    await turns.enter("a")
  }

  @Test func requestsUnderWayAreCountedByAgent() {
    let load = AgentLoad()
    #expect(load.enter("a", limit: 1))
    #expect(!load.enter("a", limit: 1))
    #expect(load.enter("b", limit: 1))
    load.leave("a")
    #expect(load.enter("a", limit: 1))
    #expect(load.refusals == 1)
  }
}
