import Cryptography
import JSON
import Time

@testable import Ledger

/// A small log with its key, as a gateway would have written it.
struct Fixture {
  static let origin: Text = "example.org/countersign"
  static let start = Timestamp(milliseconds: 1_795_376_442_117)

  var appender: LedgerAppender
  var entries: [Appended] = []
  var checkpoints: [Checkpoint] = []

  init(count: Int = 0, checkpointEvery stride: Int = 4) throws {
    appender = try LedgerAppender(origin: Self.origin, key: SigningKey(seed: Array(1...32)))
    for number in 0..<count {
      try append(Self.draft(number))
      if (number + 1) % stride == 0 || number == count - 1 {
        checkpoints.append(appender.checkpoint())
      }
    }
  }

  var key: VerifierKey { appender.verifierKey }
  var bytes: [[UInt8]] { entries.map(\.bytes) }

  mutating func append(_ drafts: EntryDraft...) throws {
    entries += try appender.append(drafts)
  }

  static func draft(_ number: Int) -> EntryDraft {
    let kinds: [Text] = ["held", "signed", "approved", "dispatching", "acknowledged"]
    var body = JSONObject()
    body["digest"] = .string(SHA256.hash([UInt8(number)]).hex)
    body["legs"] = [["symbol": "BTCUSDT", "qty": "0.001", "note": "a\u{7}\"é"]]
    return EntryDraft(
      time: start + .seconds(Int64(number)), kind: kinds[number % kinds.count],
      subject: number % 3 == 0 ? nil : "cs_01JDBWQ3", body: body)
  }

  /// Reads all of `log` and ends, as `audit verify` does.
  static func verify(
    _ log: [[UInt8]], key: VerifierKey, checkpoints: [Checkpoint], leafHashes: [Digest]? = nil
  ) throws(LedgerError) -> LedgerVerifier.Summary {
    var verifier = try LedgerVerifier(key: key, checkpoints: checkpoints)
    for (index, bytes) in log.enumerated() {
      try verifier.consume(bytes, storedLeafHash: leafHashes?[index])
    }
    return try verifier.finish()
  }
}
