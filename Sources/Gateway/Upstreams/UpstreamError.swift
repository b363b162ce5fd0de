import JSON

/// Why an upstream cannot be used, and what to do about it.
package struct UpstreamError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable { case start, handshake, deadline, tools, closed }
    private let kind: Kind

    /// Its process could not be started.
    package static let start = Code(kind: .start)
    /// It refused the handshake or speaks another protocol.
    package static let handshake = Code(kind: .handshake)
    /// It did not answer in time.
    package static let deadline = Code(kind: .deadline)
    /// Its list of tools cannot be used.
    package static let tools = Code(kind: .tools)
    /// Its process has ended.
    package static let closed = Code(kind: .closed)
  }

  package var code: Code
  package var message: String
  /// What the reader can do.
  package var fix: String

  package init(_ code: Code, _ message: String, fix: String) {
    self.code = code
    self.message = message
    self.fix = fix
  }

  package var description: String { "\(message); \(fix)" }
}
