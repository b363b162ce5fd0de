import JSON
import Logging
import MCP
import Testing

@testable import Gateway

@Suite("Upstreams: keeping one running", .timeLimit(.minutes(1)))
struct UpstreamSupervisorTests {
  /// Runs a supervisor while `body` reads its statuses.
  private func withSupervisor(
    _ mode: String,
    _ body: (UpstreamSupervisor, Statuses) async throws -> Void
  ) async throws {
    let (statuses, sink) = AsyncStream<UpstreamSupervisor.Status>.makeStream()
    let (logger, _) = boxedLogger()
    let supervisor = UpstreamSupervisor(
      .child(TinyServer.configuration(mode)),
      backOff: UpstreamSupervisor.BackOff(first: .milliseconds(1), longest: .milliseconds(4)),
      logger: logger, onStatus: { sink.yield($0) })
    let running = Task { await supervisor.run() }
    do {
      try await body(supervisor, Statuses(stream: statuses))
    } catch {
      running.cancel()
      throw error
    }
    running.cancel()
    await running.value
    #expect(supervisor.connection == nil)
  }

  @Test func startsAgainAfterADeath() async throws {
    try await withSupervisor("good") { supervisor, statuses in
      #expect(await supervisor.call(ToolCall(name: "echo")).kind == "notSent")
      await statuses.ready()
      let first = supervisor.connection?.lane
      #expect(await supervisor.call(ToolCall(name: "echo")).kind == "result")
      #expect(await supervisor.call(ToolCall(name: "die")).kind == "lost")
      #expect(await statuses.down().message.contains("status 7"))
      await statuses.ready()
      #expect(await supervisor.call(ToolCall(name: "echo")).kind == "result")
      #expect(supervisor.connection?.lane != first)
    }
  }

  @Test func aChildThatNeverStartsIsTriedAgainAndAgain() async throws {
    try await withSupervisor("exit") { supervisor, statuses in
      for _ in 1...3 { #expect(await statuses.down().message.contains("status 3")) }
    }
  }

  @Test func theWaitDoublesUpToItsLimit() {
    let backOff = UpstreamSupervisor.BackOff()
    #expect([1, 2, 3, 6, 7, 99].map(backOff.wait) == [1, 2, 4, 32, 60, 60].map { .seconds($0) })
  }
}

/// The statuses of a supervisor, one after the other.
private struct Statuses: Sendable {
  let stream: AsyncStream<UpstreamSupervisor.Status>

  func ready() async {
    for await status in stream where status.isReady { return }
  }

  func down() async -> UpstreamError {
    for await status in stream {
      if case .down(let error) = status { return error }
    }
    return UpstreamError(.closed, "no more statuses", fix: "")
  }
}
