package import Cryptography
package import JSON
import Time

/// The writing end of the log: gives entries their index, bytes and leaf hash, and signs heads.
///
/// It is a value. A caller that fails to store what `append` returned goes back to its copy.
package struct LedgerAppender: Sendable {
  package let verifierKey: VerifierKey
  private let key: SigningKey
  private var frontier: MerkleFrontier
  private var clock: LedgerClock

  /// An appender that goes on after `snapshot`. Throws `badName` for an origin that cannot name a
  /// log; a schema-less URL such as `example.org/countersign` is customary.
  package init(
    origin: Text, key: SigningKey, snapshot: LedgerSnapshot = .empty
  ) throws(LedgerError) {
    verifierKey = try VerifierKey(name: origin, key: key.publicKey)
    self.key = key
    frontier = snapshot.frontier
    clock = snapshot.clock
  }

  package var origin: Text { verifierKey.name }
  /// Entries so far: the index of the next one.
  package var size: Int { frontier.size }
  package var root: Digest { frontier.root }
  package var snapshot: LedgerSnapshot { LedgerSnapshot(frontier: frontier, clock: clock) }

  /// Appends all drafts or none. Store every element of the result, in order.
  ///
  /// Where time went back by more than `LedgerClock.tolerance`, a `clock-stepped` entry stands
  /// before the draft. Throws `badEntry` for a draft that a verifier would refuse.
  package mutating func append(_ drafts: [EntryDraft]) throws(LedgerError) -> [Appended] {
    var copy = self
    var appended: [Appended] = []
    for (position, draft) in drafts.enumerated() {
      if let latest = copy.clock.latest, copy.clock.isStep(to: draft.time) {
        var body = JSONObject()
        body["before"] = .string(latest.rfc3339)
        let step = EntryDraft(time: draft.time, kind: LedgerClock.stepKind, body: body)
        appended.append(try copy.appendOne(step, position: nil))
      }
      appended.append(try copy.appendOne(draft, position: position))
    }
    self = copy
    return appended
  }

  /// The signed head of everything appended so far.
  package func checkpoint() -> Checkpoint {
    Checkpoint(origin: origin, size: size, root: root, signer: verifierKey, key: key)
  }

  private mutating func appendOne(
    _ draft: EntryDraft, position: Int?
  ) throws(LedgerError) -> Appended {
    let entry = draft.entry(at: frontier.size)
    let bytes = entry.canonicalBytes
    // An entry that its reader would refuse makes the whole log unverifiable, so it is read here.
    guard try Entry.parse(bytes) == entry, clock.accept(entry) else {
      throw LedgerError(
        .badEntry, "the entry does not read back as it was written", index: entry.index,
        fix: "report this with the entry's kind")
    }
    let leafHash = MerkleTree.leafHash(bytes)
    frontier.append(leafHash)
    return Appended(entry: entry, bytes: bytes, leafHash: leafHash, draft: position)
  }
}
