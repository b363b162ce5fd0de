import Approvals
import ArgumentParser
import Cryptography
import Foundation
import Gateway
import JSON
import Ledger
import OperatorProtocol
import Storage

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Read and verify the audit log.",
    subcommands: [
      List.self, Show.self, Verify.self, Prove.self, VerifyReceipt.self, Export.self,
    ])

  /// Entries that one page reads.
  static let page = 1000

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List entries, newest last.")
    @OptionGroup var config: ConfigOptions
    @OptionGroup var output: JSONOption
    @Option(help: "How many of the newest entries.") var limit = 50
    @Option(help: "Only entries about this approval id.") var batch: String?

    func run() throws {
      let store = try config.store()
      let size = try Head.read(store)?.size ?? 0
      let wanted = try batch.map { try BatchID(argument: $0).text }
      var kept: [Entry] = []
      let start = wanted == nil ? max(0, size - max(0, limit)) : 0
      try Head.eachLine(store, from: start) { line in
        let entry = try Entry.parse(line.bytes)
        if wanted == nil || entry.subject == wanted { kept.append(entry) }
      }
      for entry in kept.suffix(max(0, limit)) {
        output.json ? Standard.json(entry.json) : Standard.line(Self.text(entry))
      }
    }

    static func text(_ entry: Entry) -> String {
      let by = entry.body["by"].map { " by \(Plain.safe(JSONWriter.text(of: $0)))" } ?? ""
      let outcome = entry.body["outcome"]?.stringValue.map { "  \(Plain.safe($0))" } ?? ""
      return "\(entry.index)  \(entry.time)  \(Plain.safe(entry.kind))  "
        + "\(entry.subject.map { Plain.safe($0) } ?? "-")\(by)\(outcome)"
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one entry whole.")
    @OptionGroup var config: ConfigOptions
    @Argument(help: "The entry's number.") var index: Int

    func run() throws {
      guard index >= 0, let line = try config.store().lines(from: index, limit: 1).first,
        line.index == index
      else { throw Failure(Failure.refused, "the ledger has no entry \(index)") }
      Standard.line(String(decoding: line.bytes, as: UTF8.self))
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check every entry, the tree, the signed head and every operator's signature.")
    @OptionGroup var config: ConfigOptions
    @OptionGroup var output: JSONOption
    @Option(help: "The gateway's verifier key, if you kept it elsewhere (recommended).")
    var vkey: String?

    func run() throws {
      let store = try config.store()
      guard let head = try Head.read(store) else {
        throw Failure(Failure.refused, "there is no signed head: the ledger is empty or damaged")
      }
      let key = try vkey.map { try VerifierKey(text: $0) } ?? Head.ownKey(config.read())
      do {
        try report(Self.verify(store, key, head))
      } catch let error as LedgerError {
        throw Failure(Failure.refused, "NOT VERIFIED: \(error)")
      }
    }

    /// Also for a copy of the state: what held, and how many signatures of operators are valid.
    static func verify(
      _ store: SQLiteStore, _ key: VerifierKey, _ head: Checkpoint
    ) throws -> (ledger: LedgerVerifier.Summary, signatures: Int) {
      var verifier = try LedgerVerifier(key: key, checkpoints: [head])
      var audit = SignatureAudit()
      let isInteractive = isatty(2) == 1
      try Head.eachLine(store, from: 0) { line in
        try audit.consume(try verifier.consume(line.bytes, storedLeafHash: line.leafHash))
        if isInteractive, line.index % 50_000 == 49_999 {
          Standard.error("\(line.index + 1) of \(head.size) entries verified")
        }
      }
      return (try verifier.finish(), audit.signatures)
    }

    private func report(_ found: (ledger: LedgerVerifier.Summary, signatures: Int)) {
      let summary = found.ledger
      if output.json {
        return Standard.json([
          "verified": true, "entries": .int(summary.size), "covered": .int(summary.covered),
          "root": .string(summary.root.hex), "signatures": .int(found.signatures),
        ])
      }
      Standard.line(
        "verified: \(summary.size) entries, \(summary.covered) under the signed head, "
          + "root \(summary.root.hex), \(found.signatures) signatures of operators")
    }
  }
}

/// The ledger as it is stored.
enum Head {
  static func read(_ store: SQLiteStore) throws -> Checkpoint? { try Receipts.head(store) }

  static func ownKey(_ configuration: Configuration) throws -> VerifierKey {
    let path = configuration.state + "/ledger.key"
    guard let seed = Base64.decode(try Files.secret(path)) else {
      throw Failure(Failure.badInput, "\(path) is no ledger key; give --vkey")
    }
    return try VerifierKey(
      name: configuration.name, key: try SigningKey(seed: seed).publicKey)
  }

  static func eachLine(
    _ store: SQLiteStore, from start: Int, _ body: (LedgerLine) throws -> Void
  ) throws {
    var next = start
    while true {
      let lines = try store.lines(from: next, limit: AuditCommand.page)
      guard !lines.isEmpty else { return }
      for line in lines { try body(line) }
      next += lines.count
    }
  }
}
