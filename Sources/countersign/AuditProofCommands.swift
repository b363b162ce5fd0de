import Approvals
import ArgumentParser
import Cryptography
import Foundation
import Gateway
import JSON
import Ledger
import OperatorProtocol
import Storage

extension AuditCommand {
  struct Prove: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write receipts that prove what the ledger says, for somebody without the ledger.",
      discussion: """
        ID is an approval id, for every entry about it and the registrations of those who signed, or \
        the number of one entry. One receipt a line: keep them in a file and check that with \
        `audit verify-receipt`.
        """)
    @OptionGroup var config: ConfigOptions
    @Argument(help: "An approval id, cs_…, or the number of an entry.") var id: String

    func run() throws {
      let store = try config.store()
      guard let receipts = try Receipts(store, operators: Registry(records: store.load()).operators)
      else { throw Failure(Failure.refused, "there is no signed head: the ledger is empty") }
      for index in try indices(store) {
        guard let receipt = try receipts.receipt(of: index) else {
          throw Failure(Failure.refused, "the signed head covers no entry \(index)")
        }
        Standard.json(receipt.json)
      }
    }

    private func indices(_ store: SQLiteStore) throws -> [Int] {
      if let number = Int(id) { return [number] }
      let batch = try BatchID(argument: id).text
      var registrations: [Text: Int] = [:]
      var found: Set<Int> = []
      try Head.eachLine(store, from: 0) { line in
        let entry = try Entry.parse(line.bytes)
        if entry.kind == "operator_added", let name = entry.subject {
          registrations[name] = entry.index
        }
        guard entry.subject == batch else { return }
        found.insert(entry.index)
        if SignatureAudit.document(in: entry) != nil, let name = entry.body["by"]?.textValue,
          let index = registrations[name]
        {
          found.insert(index)
        }
      }
      guard !found.isEmpty else {
        throw Failure(Failure.refused, "the ledger has no entry about \(batch)")
      }
      return found.sorted()
    }
  }

  struct VerifyReceipt: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify-receipt",
      abstract: "Check receipts of `audit prove` without the ledger and without a gateway.")
    @Argument(help: "The file: one receipt a line.", completion: .file()) var file: String
    @Option(help: "The gateway's verifier key, as you kept it.") var vkey: String
    @OptionGroup var output: JSONOption

    func run() throws {
      let lines = try Files.read(file).split(separator: UInt8(ascii: "\n"))
      guard !lines.isEmpty else { throw Failure(Failure.badInput, "\(file) has no receipt") }
      let key: VerifierKey
      do throws(LedgerError) {
        key = try VerifierKey(text: vkey)
      } catch {
        throw Failure(Failure.badInput, "--vkey: \(error)")
      }
      var checker = ReceiptChecker(key: key)
      for (number, line) in lines.enumerated() {
        do {
          report(try checker.check(Array(line)))
        } catch let error as JSONError {
          throw Failure(Failure.badInput, "\(file), receipt \(number + 1): \(error)")
        } catch {
          throw Failure(Failure.refused, "NOT VERIFIED: \(file), receipt \(number + 1): \(error)")
        }
      }
    }

    private func report(_ entry: Entry) {
      output.json ? Standard.json(entry.json) : Standard.line("verified  \(List.text(entry))")
    }
  }

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write every entry as one line of JSON, as it is hashed.")
    @OptionGroup var config: ConfigOptions
    @Option(help: "The number of the first entry.") var from = 0

    func run() throws {
      guard from >= 0 else { throw Failure(Failure.badInput, "--from is 0 or more") }
      let store = try config.store()
      var lines = try store.lines(from: from, limit: AuditCommand.page)
      var next = from
      while !lines.isEmpty {
        let text = lines.flatMap { $0.bytes + [UInt8(ascii: "\n")] }
        try FileHandle.standardOutput.write(contentsOf: Data(text))
        next += lines.count
        lines = try store.lines(from: next, limit: AuditCommand.page)
      }
    }
  }
}

/// Receipts one after the other: who signed must be registered by a receipt before.
private struct ReceiptChecker {
  let key: VerifierKey
  private var keys: [Text: PublicKey] = [:]

  init(key: VerifierKey) { self.key = key }

  mutating func check(_ line: [UInt8]) throws -> Entry {
    let receipt = try Receipt(
      json: JSONCursor(try JSONParser.parse(line, limits: Receipt.limits)))
    let keys = keys
    let entry = try receipt.verify(with: key) { entry, signature in
      keys[signature.name] == signature.key && entry.body["by"]?.textValue == signature.name
        && SignatureAudit.document(in: entry) == signature.statement
    }
    if SignatureAudit.document(in: entry) != nil, receipt.operatorSignatures.isEmpty {
      throw LedgerError(
        .badSignature, "the receipt leaves out the operator's signature", index: entry.index,
        fix: "ask for the receipt again")
    }
    if entry.kind == "operator_added", let name = entry.subject,
      let key = entry.body["key"]?.stringValue.flatMap({ PublicKey(base64: $0) })
    {
      self.keys[name] = key
    }
    return entry
  }
}
