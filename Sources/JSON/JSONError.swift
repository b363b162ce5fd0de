/// Why bytes are not the document that was asked for, where, and what to do about it.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case syntax, invalidUTF8, loneSurrogate, duplicateKey, limit
      case missing, wrongType, unknownKey, badValue
    }
    private let kind: Kind

    /// The bytes do not follow RFC 8259.
    package static let syntax = Code(kind: .syntax)
    /// A byte sequence that is not UTF-8.
    package static let invalidUTF8 = Code(kind: .invalidUTF8)
    /// A `\u` escape that is half of a surrogate pair.
    package static let loneSurrogate = Code(kind: .loneSurrogate)
    /// A key that stands twice in one object.
    package static let duplicateKey = Code(kind: .duplicateKey)
    /// One of `JSONLimits` was passed.
    package static let limit = Code(kind: .limit)
    /// A required member is absent.
    package static let missing = Code(kind: .missing)
    /// A value of another type than asked for.
    package static let wrongType = Code(kind: .wrongType)
    /// A member that the reader does not know.
    package static let unknownKey = Code(kind: .unknownKey)
    /// The right type with a value that is not allowed.
    package static let badValue = Code(kind: .badValue)
  }

  package var code: Code
  /// What is wrong and, where it is not obvious, how to mend it.
  package var message: String
  package var path: JSONPath
  /// Line and column from 1, columns in bytes. Nil where only the path is known.
  package var position: JSONPosition?

  package init(
    _ code: Code, _ message: String, at path: JSONPath = .root, position: JSONPosition? = nil
  ) {
    self.code = code
    self.message = message
    self.path = path
    self.position = position
  }

  package var description: String {
    let place = position.map { "line \($0.line), column \($0.column), " } ?? ""
    return "\(place)\(path): \(message)"
  }

  /// The same error with the line and column of its path in `document`.
  package func located(in document: some Collection<UInt8>) -> JSONError {
    guard position == nil else { return self }
    var copy = self
    copy.position = JSONLocator(document).position(of: path)
    return copy
  }
}

/// A place in a document: both from 1, columns counted in bytes.
package struct JSONPosition: Hashable, Sendable {
  package let line: Int
  package let column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  init(offset: Int, in bytes: [UInt8]) {
    let before = bytes.prefix(offset)
    line = 1 + before.count { $0 == UInt8(ascii: "\n") }
    let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    column = offset - lineStart + 1
  }
}
