import JSON
import OperatorProtocol
import Terminal
import Time

extension ConsoleModel {
  /// Pages whose contents are on the screen now.
  var wantedPages: [ConsolePage] {
    switch effectiveScreen {
    case .exposure: return [.exposure]
    case .agents: return [.agents, .limits]
    case .policy: return [.policy, .tools]
    case .tools, .definition: return [.tools]
    case .dashboard, .batch, .findings, .json, .difference:
      let isOver = queue.selectedRow?.state.isSettled ?? true
      return isOver ? [] : [.exposure]
    case .orders, .audit, .help: return []
    }
  }

  /// How often a page is read. A market that stands still is looked at less and less often, until a key
  /// is pressed or it moves.
  func every(_ page: ConsolePage) -> Milliseconds {
    guard page == .exposure else { return Self.pageEvery }
    let wait = Self.exposureEvery.count << min(equalExposures, 10)
    return min(Milliseconds(wait), Self.quietExposureEvery)
  }

  mutating func wantPages() -> [ConsoleEffect] {
    guard link == .up else { return [] }
    return wantedPages.compactMap { page in
      if let asked = pageAskedAt[page], now - asked < every(page) { return nil }
      pageAskedAt[page] = now
      return .fetchPage(page)
    }
  }

  mutating func take(page event: ConsoleEvent) -> [ConsoleEffect] {
    switch event {
    case .exposure(let view):
      let isSame = view == exposure && pageProblems[.exposure] == nil
      equalExposures = isSame ? equalExposures + 1 : 0
      exposure = view
      prices.take(view, at: now)
      pageProblems[.exposure] = nil
    case .agents(let all):
      agents = all
      pageProblems[.agents] = nil
      if agentCursor.map({ name in !all.contains { $0.name == name } }) ?? true {
        agentCursor = all.first?.name
      }
    case .limits(let all):
      limits = all
      pageProblems[.limits] = nil
    case .policy(let view):
      policy = view
      pageProblems[.policy] = nil
    case .tools(let all):
      pageProblems[.tools] = nil
      return take(tools: all)
    case .pageFailed(let page, let why):
      if page == .exposure { equalExposures = pageProblems[page] == why ? equalExposures + 1 : 0 }
      pageProblems[page] = why
    default: break
    }
    return []
  }

  /// The agent that `P` acts on: the one under the cursor of its page, else the selected batch's.
  var subjectAgent: Text? {
    effectiveScreen == .agents ? agentCursor : queue.selectedRow?.agent
  }

  func pause(of agent: Text) -> StatusView.Freeze? {
    status?.paused.first { $0.agent == agent }?.halt
  }

  mutating func moveAgent(by rows: Int) {
    guard let cursor = agentCursor, let at = agents.firstIndex(where: { $0.name == cursor }) else {
      agentCursor = agents.first?.name
      return
    }
    agentCursor = agents[min(max(0, at + rows), agents.count - 1)].name
  }
}
