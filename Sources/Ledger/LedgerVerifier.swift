package import Cryptography
package import Time

/// Checks a whole log against its signed checkpoints, one entry at a time, in constant memory.
///
/// Feed `consume` every entry from index 0 and end with `finish`. After an error every later call
/// throws the same error.
package struct LedgerVerifier: Sendable {
  /// What held for the entries that were read.
  package struct Summary: Hashable, Sendable {
    /// Entries read.
    package let size: Int
    package let root: Digest
    /// Checkpoints that the entries were compared with.
    package let checkpoints: Int
    /// Entries under a signed checkpoint; the rest is consistent but vouched for by nobody.
    package let covered: Int
    package let firstTime: Timestamp?
    package let lastTime: Timestamp?
  }

  private let checkpoints: [Checkpoint]
  private var compared = 0
  private var covered = 0
  private var frontier = MerkleFrontier()
  private var clock = LedgerClock()
  private var firstTime: Timestamp?
  private var lastTime: Timestamp?
  private var failure: LedgerError?

  /// Throws `badSignature` for a checkpoint that `key` did not sign and `equivocation` where two
  /// of one size differ. Their order does not matter.
  package init(key: VerifierKey, checkpoints: [Checkpoint]) throws(LedgerError) {
    for checkpoint in checkpoints { try checkpoint.verify(with: key) }
    var sorted: [Checkpoint] = []
    for checkpoint in checkpoints.sorted(by: { $0.size < $1.size }) {
      guard let last = sorted.last, last.size == checkpoint.size else {
        sorted.append(checkpoint)
        continue
      }
      guard last.root == checkpoint.root else {
        throw LedgerError(
          .equivocation, "two signed checkpoints of size \(last.size) have different roots",
          fix: "the log was forked: keep both checkpoints as evidence")
      }
    }
    self.checkpoints = sorted
    try compareCheckpoint()
  }

  /// Entries read so far.
  package var size: Int { frontier.size }
  package var root: Digest { frontier.root }

  /// Checks the next entry and gives it back. With the leaf hash that was stored beside it, a changed
  /// entry is named itself; without it, only the stretch since the last good checkpoint is.
  @discardableResult
  package mutating func consume(
    _ bytes: [UInt8], storedLeafHash: Digest? = nil
  ) throws(LedgerError) -> Entry {
    if let failure { throw failure }
    do throws(LedgerError) {
      let entry = try check(bytes, storedLeafHash)
      try compareCheckpoint()
      return entry
    } catch {
      failure = error
      throw error
    }
  }

  /// Throws `truncated` when a checkpoint covers more entries than were read.
  package func finish() throws(LedgerError) -> Summary {
    if let failure { throw failure }
    if compared < checkpoints.count {
      throw LedgerError(
        .truncated,
        "the log ends after \(size) entries, a signed checkpoint covers "
          + "\(checkpoints[checkpoints.count - 1].size)",
        index: size, fix: "restore the missing entries from an export")
    }
    return Summary(
      size: size, root: root, checkpoints: compared, covered: covered, firstTime: firstTime,
      lastTime: lastTime)
  }

  private mutating func check(
    _ bytes: [UInt8], _ storedLeafHash: Digest?
  ) throws(LedgerError) -> Entry {
    let leafHash = MerkleTree.leafHash(bytes)
    if let storedLeafHash, storedLeafHash != leafHash {
      throw bad(.leafMismatch, "the bytes do not hash to the leaf hash stored with them")
    }
    let entry: Entry
    do throws(LedgerError) {
      entry = try Entry.parse(bytes)
    } catch {
      throw bad(error.code, error.message)
    }
    guard entry.index == size else {
      throw bad(.wrongIndex, "this place holds the entry with the index \(entry.index)")
    }
    guard clock.accept(entry) else {
      throw bad(.timeReversed, "the time \(entry.time) goes back without a clock-stepped entry")
    }
    firstTime = firstTime ?? entry.time
    lastTime = entry.time
    frontier.append(leafHash)
    return entry
  }

  private mutating func compareCheckpoint() throws(LedgerError) {
    guard compared < checkpoints.count, checkpoints[compared].size == size else { return }
    guard checkpoints[compared].root == root else {
      throw LedgerError(
        .rootMismatch,
        "an entry from \(covered) to \(max(size - 1, 0)) is not what the checkpoint of size "
          + "\(size) signs", index: covered, fix: LedgerError.compareCopies)
    }
    compared += 1
    covered = size
  }

  private func bad(_ code: LedgerError.Code, _ message: String) -> LedgerError {
    LedgerError(code, message, index: size, fix: LedgerError.compareCopies)
  }
}
