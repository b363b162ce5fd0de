import Approvals
import Cryptography
import Foundation
import JSON
import Ledger
import Storage
import Time

/// A state directory whose ledger looks like that of a gateway that has run for long: of five
/// entries four are allowed calls, the fifth is a held batch. Beside it `entries.bin`, the bytes of
/// all entries one after the other.
struct MadeLedger {
  private static let group = 1000

  let directory: String
  let name: String

  func fill(count: Int) throws {
    let store = try SQLiteStore(directory: directory, access: .gateway)
    var appender = try LedgerAppender(origin: Text(name), key: try key())
    let file = try makeFile("entries.bin")
    for start in stride(from: 0, to: count, by: Self.group) {
      let drafts = (start..<min(count, start + Self.group)).map(draft)
      let lines = try appender.append(drafts).map {
        LedgerLine(index: $0.index, bytes: $0.bytes, leafHash: $0.leafHash)
      }
      let head = [
        RecordChange(
          .checkpoint, "latest",
          ["size": .int(appender.size), "note": .string(appender.checkpoint().text)]),
        RecordChange(.meta, "ledger", appender.snapshot.json),
      ]
      _ = try store.apply([Commit(id: start + 1, records: head, lines: lines)])
      try file.write(contentsOf: Data(lines.flatMap(\.bytes)))
    }
    try file.close()
  }

  private func makeFile(_ name: String) throws -> FileHandle {
    let path = directory + "/" + name
    let isMade = FileManager.default.createFile(
      atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
    precondition(isMade, "\(path) cannot be made")
    return try FileHandle(forWritingTo: URL(filePath: path))
  }

  private func key() throws -> SigningKey {
    let seed = [UInt8](repeating: 7, count: SigningKey.seedByteCount)
    let file = try makeFile("ledger.key")
    try file.write(contentsOf: Data((Base64.encode(seed) + "\n").utf8))
    try file.close()
    return try SigningKey(seed: seed)
  }

  private func draft(_ number: Int) -> EntryDraft {
    let time = Timestamp(milliseconds: 1_700_000_000_000 + Int64(number) * 7)
    guard number % 5 == 4 else {
      return EntryDraft(
        time: time, kind: "allowed",
        body: [
          "agent": "alpha", "upstream": "bybit", "tool": "getTickers", "rule": "/tools/get*/action",
          "arguments_sha256": .string(digest(number)), "policy": .string(digest(1)),
        ])
    }
    let legs = (0..<3).map { leg -> JSONValue in
      [
        "orderLinkId": .string(Text("cs-\(ulid(number))-0\(leg + 1)")), "orderType": "Limit",
        "price": .string(Text("\(60_000 - leg).10")), "qty": "0.010", "side": "Buy",
        "symbol": "BTCUSDT", "timeInForce": "PostOnly",
      ]
    }
    let arguments: JSONValue = ["category": "linear", "request": .array(legs)]
    let statement: JSONValue = [
      "agent": "alpha", "arguments": arguments, "batch": .string(Text("cs_\(ulid(number))")),
      "environment": "paper", "policy": .string(digest(1)), "quorum": 1, "revision": 1,
      "tool": "wsBatchCreateOrders", "tool_fingerprint": .string(digest(2)), "upstream": "bybit",
    ]
    let signed = SHA256.hash(JSONWriter.canonicalBytes(of: statement))
    return EntryDraft(
      time: time, kind: "pending", subject: Text("cs_\(ulid(number))"),
      body: [
        "digest": .string(signed.hex), "rule": "/tools/wsBatchCreateOrders/deny_if/0",
        "received": arguments, "statement": statement,
      ])
  }

  private func digest(_ number: Int) -> Text { Text(SHA256.hash("\(number)".utf8).hex) }

  private func ulid(_ number: Int) -> String {
    let digits = String(number)
    return "01M8CP0VFY" + String(repeating: "0", count: 16 - digits.count) + digits
  }
}
