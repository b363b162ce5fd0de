package import Networking

/// Why the exchange could not be asked, or what it refused.
package struct V5Error: Error, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case network, status, malformed, refused, authRefused, subscriptionRefused, noKey
    }
    private let kind: Kind

    /// The transport failed; `network` has the reason.
    package static let network = Code(kind: .network)
    /// An HTTP status other than 2xx; `httpStatus` has it.
    package static let status = Code(kind: .status)
    /// An answer that is no V5 envelope.
    package static let malformed = Code(kind: .malformed)
    /// A `retCode` other than 0; `retCode` has it.
    package static let refused = Code(kind: .refused)
    /// The WebSocket's `auth` was refused.
    package static let authRefused = Code(kind: .authRefused)
    /// The WebSocket's `subscribe` was refused.
    package static let subscriptionRefused = Code(kind: .subscriptionRefused)
    /// A signed request without a key.
    package static let noKey = Code(kind: .noKey)
  }

  package var code: Code
  package var message: String
  package var fix: String
  /// Whether the exchange can have seen and acted on the request.
  package var delivery: NetworkError.Delivery
  package var retCode: V5Code?
  package var httpStatus: Int?
  package var network: NetworkError?

  package init(
    _ code: Code, _ message: String, fix: String = "",
    delivery: NetworkError.Delivery = .ambiguous, retCode: V5Code? = nil, httpStatus: Int? = nil,
    network: NetworkError? = nil
  ) {
    self.code = code
    self.message = message
    self.fix = fix
    self.delivery = delivery
    self.retCode = retCode
    self.httpStatus = httpStatus
    self.network = network
  }

  package var description: String { fix.isEmpty ? message : "\(message); \(fix)" }

  static func network(_ error: any Error) -> V5Error {
    if let own = error as? V5Error { return own }
    let cause =
      (error as? NetworkError)
      ?? NetworkError(.cancelled, "\(error)", delivery: .ambiguous)
    return V5Error(
      .network, cause.message, fix: cause.fix, delivery: cause.delivery, network: cause)
  }
}
