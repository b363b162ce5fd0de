import Synchronization
import Testing

@testable import Networking

@Suite struct BoundedQueueTests {
  @Test func asksForAPauseAndForMoreOnce() async throws {
    let demands = Mutex(0)
    let queue = BoundedQueue<Int>(high: 4) { demands.withLock { $0 += 1 } }
    #expect((0..<4).map { queue.push($0, cost: 1) } == [.more, .more, .more, .pause])
    #expect(queue.push(4, cost: 1) == .pause)
    for expected in 0..<5 { #expect(try await queue.next() == expected) }
    #expect(demands.withLock { $0 } == 1)
    #expect(queue.push(5, cost: 1) == .more)
  }

  @Test func drainsBeforeItsEndAndDropsAtAnAbort() async throws {
    let first = BoundedQueue<Int>(high: 4) {}
    _ = first.push(1, cost: 1)
    first.finish(throwing: NetworkError(.closed, "gone"))
    #expect(first.push(2, cost: 1) == .closed)
    #expect(try await first.next() == 1)
    await #expect(throws: NetworkError.self) { try await first.next() }
    let second = BoundedQueue<Int>(high: 4) {}
    _ = second.push(1, cost: 1)
    second.abort()
    #expect(try await second.next() == nil)
  }

  @Test func aCancelledReaderLeavesTheQueueUsable() async throws {
    let queue = BoundedQueue<Int>(high: 4) {}
    let reader = Task { try await queue.next() }
    reader.cancel()
    await #expect(throws: CancellationError.self) { try await reader.value }
    _ = queue.push(7, cost: 1)
    #expect(try await queue.next() == 7)
  }
}
