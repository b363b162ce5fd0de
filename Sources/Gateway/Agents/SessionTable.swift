import Cryptography
import JSON
import MCP
import Synchronization

/// The live sessions by their ids.
final class SessionTable: Sendable {
  private struct State {
    var sessions: [Text: AgentSession] = [:]
    var nextNumber: UInt64 = 1
    var isClosed = false
  }

  private let limits: AgentLimits
  private let state = Mutex(State())

  init(limits: AgentLimits) { self.limits = limits }

  var count: Int { state.withLock { $0.sessions.count } }

  /// Makes a session under a new unguessable id. When the agent has as many as it may, its longest
  /// idle one ends.
  func make(
    agent: Text, upstream: Text, configuration: ServerSession.Configuration
  ) throws(HTTPRefusal) -> AgentSession {
    let id = Self.unguessableID()
    let made = state.withLock { state -> (AgentSession, AgentSession?)? in
      guard !state.isClosed, let evicted = room(for: agent, in: &state) else { return nil }
      let session = AgentSession(
        id: id, number: state.nextNumber, agent: agent, upstream: upstream,
        configuration: configuration, limits: limits)
      state.nextNumber += 1
      state.sessions[id] = session
      return (session, evicted.first)
    }
    guard let (session, evicted) = made else {
      throw HTTPRefusal(
        503, .internalError,
        "\(limits.sessionsPerAgent) sessions of this agent are busy; end one with DELETE",
        headers: [HTTPHead.Header("Retry-After", "10")])
    }
    evicted?.close()
    return session
  }

  /// None, or the one that had to go; nil when every session is busy.
  private func room(for agent: Text, in state: inout State) -> [AgentSession]? {
    let own = state.sessions.values.filter { $0.agent == agent }
    guard own.count >= limits.sessionsPerAgent else { return [] }
    let idle = own.compactMap { session in session.idleTicks.map { (session, $0) } }
    let longest = idle.max { a, b in
      a.1 != b.1 ? a.1 < b.1 : a.0.number > b.0.number
    }
    guard let (session, _) = longest else { return nil }
    state.sessions[session.id] = nil
    return [session]
  }

  /// The session, if it is of this agent and this upstream.
  func session(_ id: Text, agent: Text, upstream: Text) -> AgentSession? {
    guard let found = state.withLock({ $0.sessions[id] }), found.agent == agent,
      found.upstream == upstream
    else { return nil }
    return found
  }

  func end(_ session: AgentSession) {
    state.withLock { $0.sessions[session.id] = nil }
    session.close()
  }

  func all(where included: (AgentSession) -> Bool = { _ in true }) -> [AgentSession] {
    state.withLock { $0.sessions.values.filter(included) }.sorted { $0.number < $1.number }
  }

  /// Lets time pass: heartbeats, and the end of idle sessions.
  func tick() {
    for session in all() {
      session.tick()
      if let ticks = session.idleTicks, ticks >= limits.ticksPerIdleSession { end(session) }
    }
  }

  /// Ends everything with an answer; no session is made any more.
  func shutDown() {
    let sessions = state.withLock { state in
      defer { state.sessions = [:] }
      state.isClosed = true
      return state.sessions.values.map { $0 }
    }
    for session in sessions { session.shutDown() }
  }

  /// 128 random bits as hexadecimal digits.
  static func unguessableID() -> Text {
    var source = SystemRandomNumberGenerator()
    let bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &source) }
    return Text(Hex.encode(bytes))
  }
}
