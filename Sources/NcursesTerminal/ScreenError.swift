/// Why the terminal cannot be taken, and what to do about it.
package struct ScreenError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case notATerminal, unknownTerminal, plainTerminal, alreadyOpen, system
    }
    private let kind: Kind

    /// Input or output is a file or a pipe.
    package static let notATerminal = Code(kind: .notATerminal)
    /// `TERM` names nothing that terminfo knows.
    package static let unknownTerminal = Code(kind: .unknownTerminal)
    /// The terminal cannot move its cursor, as with `TERM=dumb`.
    package static let plainTerminal = Code(kind: .plainTerminal)
    /// The process has a screen already.
    package static let alreadyOpen = Code(kind: .alreadyOpen)
    /// A system call failed.
    package static let system = Code(kind: .system)
  }

  package let code: Code
  /// What is wrong and how to mend it.
  package let message: String

  package var description: String { message }
}
