/// Why a cryptographic operation was refused and what to do about it.
package struct CryptographyError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case badLength, unavailable, notOpened, badKey
    }
    private let kind: Kind

    /// An argument has the wrong number of bytes, or passes a named limit.
    package static let badLength = Code(kind: .badLength)
    /// The system's libcrypto refused an algorithm or ran out of memory.
    package static let unavailable = Code(kind: .unavailable)
    /// A sealed box does not open: the passphrase is wrong or the box was changed.
    package static let notOpened = Code(kind: .notOpened)
    /// A text that is no key of the wanted kind.
    package static let badKey = Code(kind: .badKey)
  }

  package var code: Code
  /// What is wrong. Never contains a secret.
  package var message: String
  /// What to do about it.
  package var fix: String

  package init(_ code: Code, _ message: String, fix: String) {
    self.code = code
    self.message = message
    self.fix = fix
  }

  package var description: String { "\(message); \(fix)" }

  static func length(_ what: String, _ count: Int, wanted: String) -> CryptographyError {
    CryptographyError(
      .badLength, "\(what) has \(count) bytes", fix: "it must have \(wanted)")
  }
}
