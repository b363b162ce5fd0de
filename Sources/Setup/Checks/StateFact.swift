/// The state directory with its database, and the ledger in it.
package struct StateFact: Fact, Hashable {
  package enum Ledger: Hashable, Sendable {
    /// Nothing was recorded yet, or the database was not opened.
    case empty
    case verified(entries: Int)
    /// Too long to be read whole here; its signed head is right.
    case head(entries: Int)
    case wrong(String)
  }

  package var directory: FileFact
  package var database: FileFact
  package var ledgerKey: FileFact
  /// Why the database does not open.
  package var refusal: String?
  package var remedy: String?
  package var ledger: Ledger

  package init(
    directory: FileFact, database: FileFact, ledgerKey: FileFact, refusal: String? = nil,
    remedy: String? = nil, ledger: Ledger = .empty
  ) {
    self.directory = directory
    self.database = database
    self.ledgerKey = ledgerKey
    self.refusal = refusal
    self.remedy = remedy
    self.ledger = ledger
  }

  /// Whether this user can look into it at all.
  package var isReadable: Bool {
    directory.status.map { $0.isDirectory && directory.isMine } ?? false
  }

  package func findings(_ commands: Commands) -> [Finding] {
    guard let status = directory.status else {
      return [
        Finding(
          .state, .note, "there is no state at \(directory.path) yet",
          mend: "it is made with the first operator or agent that is registered")
      ]
    }
    guard directory.isMine else {
      return [
        Finding(
          .state, .unchecked, "\(directory.path) belongs to the user \(status.ownerName)",
          mend: "look as that user",
          command: "sudo -u \(Commands.quoted(status.ownerName)) " + commands.naming("doctor"))
      ]
    }
    return rights + contents(commands)
  }

  private var rights: [Finding] {
    var all: [Finding] = []
    if directory.isOpen { all.append(Self.open(directory, "700")) }
    if database.isOpen { all.append(Self.open(database, "600")) }
    if ledgerKey.isOpen { all.append(Self.open(ledgerKey, "600")) }
    return all
  }

  private static func open(_ file: FileFact, _ mode: String) -> Finding {
    Finding(
      .state, .problem, "others can open \(file.path) (mode \(file.modeText))",
      mend: "close it to others", command: "chmod \(mode) \(file.quoted)")
  }

  private func contents(_ commands: Commands) -> [Finding] {
    // What has open rights is not opened: the findings about them stand for it.
    guard !directory.isOpen, !database.isOpen, !ledgerKey.isOpen else { return [] }
    if let refusal { return [Finding(.state, .problem, refusal, mend: remedy)] }
    let there = Finding(.state, .ok, "\(directory.path) is yours alone and opens")
    return [there] + [judged(commands)]
  }

  private func judged(_ commands: Commands) -> Finding {
    switch ledger {
    case .empty: Finding(.ledger, .ok, "the ledger is empty; it begins with the first start")
    case .verified(let entries):
      Finding(.ledger, .ok, "the ledger verifies: \(Counted.text(entries, "entry", "entries"))")
    case .head(let entries):
      Finding(
        .ledger, .note,
        "the ledger's signed head is right; its \(entries) entries were not read for time",
        mend: "read all of them", command: commands.line("audit", "verify"))
    case .wrong(let words):
      Finding(
        .ledger, .problem, "the ledger does not verify: \(words)",
        mend: "keep a copy of the state directory as it is, and restore the state from a backup")
    }
  }
}

/// Numbers in sentences.
enum Counted {
  static func text(_ number: Int, _ one: String, _ many: String) -> String {
    "\(number) \(number == 1 ? one : many)"
  }
}
