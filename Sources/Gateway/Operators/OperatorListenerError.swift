/// Why the operators' listener cannot serve, and what to do about it.
package struct OperatorListenerError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable { case notLoopback, notBound, unavailable }
    private let kind: Kind

    /// An address that other machines reach, without TLS.
    package static let notLoopback = Code(kind: .notLoopback)
    /// The address is taken, or not this machine's.
    package static let notBound = Code(kind: .notBound)
    /// The system's libcrypto cannot do what sign-in needs.
    package static let unavailable = Code(kind: .unavailable)
  }

  package var code: Code
  package var message: String
  package var fix: String

  package init(_ code: Code, _ message: String, fix: String) {
    self.code = code
    self.message = message
    self.fix = fix
  }

  package var description: String { "\(message); \(fix)" }
}
