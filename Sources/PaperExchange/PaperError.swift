/// Why a paper exchange could not start, and what to do about it.
package struct PaperError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable { case listen, log, keys, recording }
    private let kind: Kind

    /// The address could not be listened on.
    package static let listen = Code(kind: .listen)
    /// The log file could not be written.
    package static let log = Code(kind: .log)
    /// Recorded prices could not be read.
    package static let recording = Code(kind: .recording)
    /// Two keys have the same name, or one is empty.
    package static let keys = Code(kind: .keys)
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
