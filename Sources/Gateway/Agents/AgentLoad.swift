import Approvals
import JSON
import MCP
import Synchronization

/// How many requests of each agent are under way.
final class AgentLoad: Sendable {
  private let counts = Mutex<[Text: Int]>([:])
  private let refused = Atomic<Int>(0)

  /// Requests that were refused so far.
  var refusals: Int { refused.load(ordering: .relaxed) }

  /// False when the agent has as many as it may.
  func enter(_ agent: Text, limit: Int) -> Bool {
    let isIn = counts.withLock { counts in
      guard counts[agent, default: 0] < limit else { return false }
      counts[agent, default: 0] += 1
      return true
    }
    if !isIn { refused.add(1, ordering: .relaxed) }
    return isIn
  }

  func leave(_ agent: Text) {
    counts.withLock { counts in
      let left = counts[agent, default: 1] - 1
      counts[agent] = left == 0 ? nil : left
    }
  }

  static func refusal(of work: ServerSession.Work) -> RPCResponse.Outcome {
    switch work {
    case .callTool: .result(.object(AgentAnswers.flooded.json))
    case .forward:
      .error(RPCError(.internalError, "too many requests are under way; try again in a second"))
    }
  }
}
