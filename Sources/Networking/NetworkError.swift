/// Why something outside the process could not be reached or understood, and what to do about it.
package struct NetworkError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case badURL, badRequest, noSecurity, connect, deadline, closed, malformed, limit
      case handshake, cancelled, busy, spawn, ended
    }
    private let kind: Kind

    /// A URL that the strict parser refuses.
    package static let badURL = Code(kind: .badURL)
    /// A request that must not be written as it is: a header with CR or LF, a reserved header.
    package static let badRequest = Code(kind: .badRequest)
    /// `https` or `wss` without a `ConnectionSecurity` that can do it.
    package static let noSecurity = Code(kind: .noSecurity)
    /// The name did not resolve or nobody accepted the connection.
    package static let connect = Code(kind: .connect)
    /// The caller's deadline passed.
    package static let deadline = Code(kind: .deadline)
    /// The peer closed the connection before the exchange was complete.
    package static let closed = Code(kind: .closed)
    /// The peer's bytes do not follow the protocol.
    package static let malformed = Code(kind: .malformed)
    /// One of the named limits was passed.
    package static let limit = Code(kind: .limit)
    /// A WebSocket upgrade or TLS handshake was refused.
    package static let handshake = Code(kind: .handshake)
    /// The task that asked was cancelled.
    package static let cancelled = Code(kind: .cancelled)
    /// Too many callers wait already.
    package static let busy = Code(kind: .busy)
    /// A child could not be started.
    package static let spawn = Code(kind: .spawn)
    /// The child or the connection has ended.
    package static let ended = Code(kind: .ended)
  }

  /// Whether the peer can have seen any byte of the request.
  package enum Delivery: Hashable, Sendable {
    /// Nothing left: the request may be repeated.
    case notSent
    /// Some or all of it may have arrived: repeat only what is safe to do twice.
    case ambiguous
  }

  package var code: Code
  package var message: String
  /// What the reader can do, or empty.
  package var fix: String
  package var delivery: Delivery

  package init(_ code: Code, _ message: String, fix: String = "", delivery: Delivery = .notSent) {
    self.code = code
    self.message = message
    self.fix = fix
    self.delivery = delivery
  }

  package var description: String { fix.isEmpty ? message : "\(message); \(fix)" }

  func delivered(_ delivery: Delivery) -> NetworkError {
    var copy = self
    copy.delivery = delivery
    return copy
  }

  /// Any error as one of this module's.
  static func wrap(_ error: any Error, _ code: Code, _ delivery: Delivery) -> NetworkError {
    if let own = error as? NetworkError { return own.delivered(delivery) }
    if error is CancellationError {
      return NetworkError(.cancelled, "the caller gave up", delivery: delivery)
    }
    return NetworkError(code, "\(error)", delivery: delivery)
  }
}
