package import JSON

/// Why a proposed order call is refused before anything is held, where, and how to mend it.
package struct OrderError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case notAnOrderTool, shape, unknownKey, missing, badValue, badNumber, tooManyLegs, linkID
    }
    private let kind: Kind

    /// The tool creates no orders.
    package static let notAnOrderTool = Code(kind: .notAnOrderTool)
    /// A value of the wrong JSON type.
    package static let shape = Code(kind: .shape)
    /// A key that the tool does not know, or that differs from a known one only in case.
    package static let unknownKey = Code(kind: .unknownKey)
    /// A required key is absent.
    package static let missing = Code(kind: .missing)
    /// The right type with a value that is not allowed.
    package static let badValue = Code(kind: .badValue)
    /// A number whose text another JSON library would write differently.
    package static let badNumber = Code(kind: .badNumber)
    /// No leg, or more legs than one batch may have.
    package static let tooManyLegs = Code(kind: .tooManyLegs)
    /// An `orderLinkId` that is malformed or stands twice.
    package static let linkID = Code(kind: .linkID)
  }

  package let code: Code
  package let message: String
  /// What to write instead.
  package let fix: String
  /// Where in the arguments, as far as their keys are plain names: the rest are the agent's words.
  package let path: JSONPath

  package init(_ code: Code, _ message: String, fix: String, at path: JSONPath = .root) {
    self.code = code
    self.message = message
    self.fix = fix
    self.path = path.plain
  }

  package var description: String { "\(path): \(message); \(fix)" }
}
