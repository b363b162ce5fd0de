import Cryptography
import JSON
import OperatorProtocol
import Synchronization
import Time

/// One signed-in operator.
struct OperatorSession: Hashable, Sendable {
  let id: UInt64
  let name: Text
  /// The key that signed in: a session does not outlive the registration of its key.
  let key: PublicKey
  let expiresAt: Timestamp
}

/// The sessions of this process, by the hash of their tokens.
///
/// Concurrency model: everything is behind one mutex, held without an `await`.
final class OperatorSessions: Sendable {
  private struct State {
    var sessions: [Digest: OperatorSession] = [:]
    var lastUse: [UInt64: UInt64] = [:]
    /// Open event streams by session; an entry outlives its session until the streams are closed.
    var streams: [UInt64: Int] = [:]
    var latestID: UInt64 = 0
    var uses: UInt64 = 0

    mutating func touch(_ id: UInt64) {
      uses += 1
      lastUse[id] = uses
    }

    mutating func remove(_ token: Digest) {
      if let gone = sessions.removeValue(forKey: token) { lastUse[gone.id] = nil }
    }
  }

  private static let tokenBytes = 32

  private let limits: OperatorLimits
  private let state = Mutex(State())

  init(limits: OperatorLimits) { self.limits = limits }

  /// Starts a session and returns its token, which is kept nowhere.
  ///
  /// Throws `unavailable` when there are too many sessions and none of them rests.
  func open(
    _ name: Text, key: PublicKey, random: (Int) -> [UInt8], now: Timestamp
  ) throws(OperatorRefusal) -> (token: Text, session: OperatorSession) {
    let token = Text(Hex.encode(random(Self.tokenBytes)))
    let expiresAt = now + limits.sessionAge
    let session = state.withLock { state -> OperatorSession? in
      for (hash, session) in state.sessions where session.expiresAt <= now { state.remove(hash) }
      guard makeRoom(for: name, in: &state) else { return nil }
      state.latestID += 1
      let session = OperatorSession(
        id: state.latestID, name: name, key: key, expiresAt: expiresAt)
      state.sessions[SHA256.hash(token.bytes)] = session
      state.touch(session.id)
      return session
    }
    guard let session else {
      throw OperatorRefusal(
        .unavailable, "too many sessions are open; close a console or wait until one expires")
    }
    return (token, session)
  }

  /// The live session of a token.
  func session(of token: some Collection<UInt8>, now: Timestamp) -> OperatorSession? {
    let hash = SHA256.hash(token)
    return state.withLock { state in
      guard let session = state.sessions[hash] else { return nil }
      guard now < session.expiresAt else {
        state.remove(hash)
        return nil
      }
      state.touch(session.id)
      return session
    }
  }

  /// Whether a session that an event stream belongs to has neither expired nor been ended.
  func isLive(_ session: OperatorSession, now: Timestamp) -> Bool {
    now < session.expiresAt && state.withLock { $0.lastUse[session.id] != nil }
  }

  func end(_ id: UInt64) {
    state.withLock { state in
      for (hash, session) in state.sessions where session.id == id { state.remove(hash) }
    }
  }

  func streamOpened(_ id: UInt64) { state.withLock { $0.streams[id, default: 0] += 1 } }

  /// Whether that was the session's last stream.
  func streamClosed(_ id: UInt64) -> Bool {
    state.withLock { state in
      let left = state.streams[id, default: 1] - 1
      state.streams[id] = left > 0 ? left : nil
      return left <= 0
    }
  }

  func hasStream(_ id: UInt64) -> Bool { state.withLock { $0.streams[id] != nil } }

  /// Scripts sign in for each command, so the session that rested longest goes; a console that
  /// holds an event stream never does.
  private func makeRoom(for name: Text, in state: inout State) -> Bool {
    let own = state.sessions.filter { $0.value.name == name }
    if own.count >= limits.sessionsPerOperator {
      let resting = own.filter { state.streams[$0.value.id] == nil }
      let oldest = resting.min {
        state.lastUse[$0.value.id, default: 0] < state.lastUse[$1.value.id, default: 0]
      }
      guard let oldest else { return false }
      state.remove(oldest.key)
    }
    return state.sessions.count < limits.sessions
  }
}
