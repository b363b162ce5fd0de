/// A file or directory as the system describes it, links not followed.
package struct FileFact: Hashable, Sendable {
  package struct Status: Hashable, Sendable {
    package var isDirectory: Bool
    package var isRegular: Bool
    /// The nine permission bits.
    package var mode: Int
    package var owner: Int
    package var ownerName: String
    package var size: Int

    package init(
      isDirectory: Bool, isRegular: Bool, mode: Int, owner: Int, ownerName: String, size: Int
    ) {
      self.isDirectory = isDirectory
      self.isRegular = isRegular
      self.mode = mode
      self.owner = owner
      self.ownerName = ownerName
      self.size = size
    }
  }

  package var path: String
  /// Nil where there is none, or it cannot be seen.
  package var status: Status?
  /// Whether the user who asks owns it.
  package var isMine: Bool

  package init(path: String, status: Status?, isMine: Bool) {
    self.path = path
    self.status = status
    self.isMine = isMine
  }

  package var isThere: Bool { status != nil }

  /// Whether anybody but the owner may open it.
  package var isOpen: Bool { status.map { $0.mode & 0o077 != 0 } ?? false }

  /// Whether anybody but the owner may change it.
  package var isWritable: Bool { status.map { $0.mode & 0o022 != 0 } ?? false }

  package var modeText: String {
    guard let status else { return "" }
    let octal = String(status.mode, radix: 8)
    return String(repeating: "0", count: max(0, 4 - octal.count)) + octal
  }

  var quoted: String { Commands.quoted(path) }

  /// A problem where others may change a file that decides what is done.
  func changeable(_ check: Finding.Check) -> Finding? {
    guard isWritable else { return nil }
    return Finding(
      check, .problem, "others can change \(path) (mode \(modeText))",
      mend: "let its owner alone change it", command: "chmod go-w \(quoted)")
  }
}
