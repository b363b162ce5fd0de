/// Why the state cannot be opened, read or written, and what to do about it.
package struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
  package struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case badPlace, inUse, foreign, newer, damaged, notDurable, unavailable
      case badCommit, badDocument, registered
    }
    private let kind: Kind

    /// A directory or file that others can read, or that is no directory or file.
    package static let badPlace = Code(kind: .badPlace)
    /// Another gateway uses the state.
    package static let inUse = Code(kind: .inUse)
    /// A database that this program did not make.
    package static let foreign = Code(kind: .foreign)
    /// A database of a later version of this program.
    package static let newer = Code(kind: .newer)
    /// The database is not whole, or holds what was never written.
    package static let damaged = Code(kind: .damaged)
    /// SQLite does not promise durability here.
    package static let notDurable = Code(kind: .notDurable)
    /// The system or SQLite refused; the disk may be full.
    package static let unavailable = Code(kind: .unavailable)
    /// A commit whose ledger lines do not go on where the ledger ends.
    package static let badCommit = Code(kind: .badCommit)
    /// A document that could not be read back.
    package static let badDocument = Code(kind: .badDocument)
    /// A name that is registered already, or is not registered.
    package static let registered = Code(kind: .registered)
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
