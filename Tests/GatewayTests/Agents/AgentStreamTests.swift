import Testing

@testable import Gateway

@Suite("Agents: what waits for a socket")
struct AgentStreamTests {
  @Test func eventsAreJoinedAndTheEndComesLast() async {
    let stream = AgentStream(limit: 100)
    stream.push([1])
    stream.push([2])
    #expect(await stream.next() == .bytes([1, 2]))
    stream.push([3])
    stream.finish(.answered, [4])
    stream.finish(.closed, [5])
    #expect(!stream.push([6]))
    #expect(await stream.next() == .last([3, 4], .answered))
    #expect(await stream.next() == .last([], .answered))
  }

  @Test func aSlowReaderLosesProgressAndNeverTheAnswer() async {
    let stream = AgentStream(limit: 3)
    #expect(stream.push([1, 1]))
    #expect(!stream.push([2, 2]))
    stream.finish(.answered, [9, 9, 9, 9])
    #expect(await stream.next() == .last([1, 1, 9, 9, 9, 9], .answered))
  }

  @Test func theHeadIsDueOnceThenHeartbeatsBreakTheSilence() async {
    let stream = AgentStream(limit: 100)
    stream.tick(perHeartbeat: 2)
    #expect(await stream.next() == .bytes([]))
    stream.tick(perHeartbeat: 2)
    stream.push([1])
    #expect(await stream.next() == .bytes([1]))
    stream.tick(perHeartbeat: 2)
    stream.tick(perHeartbeat: 2)
    #expect(await stream.next() == .bytes(Array(": \n\n".utf8)))
  }

  @Test func aLostClientIsToldOnce() async {
    let stream = AgentStream(limit: 100)
    stream.lost()
    stream.finish(.answered, [1])
    #expect(await stream.next() == .gone)
    #expect(await stream.next() == .last([1], .answered))
  }
}
