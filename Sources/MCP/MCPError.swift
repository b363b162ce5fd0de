import JSON

/// Why something of MCP failed, and what to do about it.
package struct MCPError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case malformed, version, limit, notReady, closed, refused
    }
    private let kind: Kind

    /// A document of a peer does not have the shape that the protocol asks for.
    package static let malformed = Code(kind: .malformed)
    /// The peer speaks no revision that is supported here.
    package static let version = Code(kind: .version)
    /// A named limit was passed.
    package static let limit = Code(kind: .limit)
    /// The handshake is not finished.
    package static let notReady = Code(kind: .notReady)
    /// The connection has ended.
    package static let closed = Code(kind: .closed)
    /// The peer answered with an error.
    package static let refused = Code(kind: .refused)
  }

  package var code: Code
  /// What happened and how to mend it.
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  init(_ error: JSONError, in what: String) {
    self.init(.malformed, "\(what): \(error)")
  }

  package var description: String { message }
}
