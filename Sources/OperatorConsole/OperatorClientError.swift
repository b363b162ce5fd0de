package import OperatorProtocol

/// Why a request to the gateway's operator API has no result, and what to do about it.
package struct OperatorClientError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case refused, stale, unreachable, unauthenticated, badAnswer, keyFile, passphrase
    }
    private let kind: Kind

    /// A rule or the state of the batch forbids it.
    package static let refused = Code(kind: .refused)
    /// The batch has another digest or revision than the one that was decided on.
    package static let stale = Code(kind: .stale)
    /// The gateway cannot be reached, or went away before it answered.
    package static let unreachable = Code(kind: .unreachable)
    /// The gateway does not know this operator or this key.
    package static let unauthenticated = Code(kind: .unauthenticated)
    /// What answered does not speak the operator API of this version.
    package static let badAnswer = Code(kind: .badAnswer)
    /// The operator's key file cannot be used.
    package static let keyFile = Code(kind: .keyFile)
    /// No passphrase, or the wrong one.
    package static let passphrase = Code(kind: .passphrase)

    /// What a command that fails with it exits with.
    package var exitCode: Int32 {
      switch kind {
      case .refused, .unauthenticated: 1
      case .keyFile, .passphrase: 2
      case .stale: 3
      case .unreachable, .badAnswer: 4
      }
    }
  }

  package var code: Code
  package var message: String
  package var fix: String
  /// The gateway's own words, where it answered.
  package var refusal: OperatorRefusal?

  package init(_ code: Code, _ message: String, fix: String = "") {
    self.code = code
    self.message = message
    self.fix = fix
  }

  package init(_ refusal: OperatorRefusal) {
    switch refusal.code {
    case .stale:
      self.init(.stale, refusal.message, fix: "look again and decide anew")
    case .unauthenticated:
      self.init(
        .unauthenticated, refusal.message,
        fix: "register the public key with `countersign operator add`")
    case .unavailable: self.init(.unreachable, refusal.message, fix: "try again")
    case .badRequest, .forbidden, .notFound, .refused: self.init(.refused, refusal.message)
    }
    self.refusal = refusal
  }

  package var exitCode: Int32 { code.exitCode }
  package var description: String { fix.isEmpty ? message : "\(message); \(fix)" }
}
