import JSON
import MCP
import Synchronization

/// The tools that agents see, by upstream, until they change.
final class ToolCache: Sendable {
  private struct State {
    var generation = 0
    var tools: [Text: [ToolDefinition]] = [:]
  }

  private let state = Mutex(State())

  func clear() {
    state.withLock { state in
      state.generation += 1
      state.tools = [:]
    }
  }

  /// What is kept, else what `read` gives; that is not kept when the tools changed meanwhile.
  func tools(
    of upstream: Text, _ read: () async -> [ToolDefinition]
  ) async -> [ToolDefinition] {
    let (known, generation) = state.withLock { ($0.tools[upstream], $0.generation) }
    if let known { return known }
    let tools = await read()
    state.withLock { state in
      if state.generation == generation { state.tools[upstream] = tools }
    }
    return tools
  }
}
