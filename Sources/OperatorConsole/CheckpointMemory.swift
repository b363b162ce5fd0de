package import Cryptography
import Foundation
import JSON
import Ledger

/// The last checkpoint that a console saw, kept between its runs.
///
/// A ledger that becomes shorter, or another key under the same name, is said at once; that a longer
/// one really continues the old one a consistency proof has to show.
package struct CheckpointMemory: Sendable {
  package struct Seen: Hashable, Sendable {
    package var gateway: String
    package var checkpoint: String
    package var verifierKey: String

    /// Entries that the checkpoint speaks for: its second line.
    package var size: Int? {
      let lines = checkpoint.split(separator: "\n", omittingEmptySubsequences: false)
      return lines.count > 1 ? Int(lines[1]) : nil
    }
  }

  private let path: String

  /// `path` is a state file; its directory is made when needed.
  package init(path: String) { self.path = path }

  /// `$XDG_STATE_HOME/countersign/console.json`.
  package static func standard(environment: [String: String]) -> CheckpointMemory {
    let home = environment["HOME"] ?? "."
    let state = environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    return CheckpointMemory(path: (state ?? home + "/.local/state") + "/countersign/console.json")
  }

  /// What was remembered for `gateway`; nil when nothing was or the file cannot be used.
  package func lastSeen(of gateway: String) -> Seen? {
    all().first { $0.gateway.utf8.elementsEqual(gateway.utf8) }
  }

  /// Remembers a checkpoint. Returns a warning when it does not fit what was remembered; then the
  /// old one stays.
  package func remember(_ seen: Seen) -> String? {
    if let old = lastSeen(of: seen.gateway) {
      if old.verifierKey != seen.verifierKey {
        return "the gateway signs its ledger with another key than before: \(seen.verifierKey)"
      }
      guard let size = seen.size else { return "the checkpoint cannot be read" }
      if let before = old.size, size < before {
        return "the ledger was shortened: \(size) entries, \(before) were signed before"
      }
      if old.size == size,
        old.checkpoint.split(separator: "\n").dropFirst(2).first
          != seen.checkpoint.split(separator: "\n").dropFirst(2).first
      {
        return "the ledger was changed: two roots were signed for \(size) entries"
      }
    }
    return keep(seen)
  }

  /// Remembers the checkpoint that follows `old`, if the proof shows that its ledger begins with the
  /// old one and the same key signed it. Returns a warning otherwise; then the old one stays.
  package func advance(_ old: Seen, to checkpoint: String, proof: [Digest]) -> String? {
    do throws(LedgerError) {
      let (before, after) = (
        try Checkpoint(parsing: old.checkpoint), try Checkpoint(parsing: checkpoint)
      )
      try after.verify(with: try VerifierKey(text: old.verifierKey))
      let isLonger = MerkleTree.verifyConsistency(
        oldSize: before.size, oldRoot: before.root, size: after.size, root: after.root,
        proof: proof)
      guard isLonger else {
        return
          "the ledger was rewritten: its first \(before.size) entries are not those seen before"
      }
    } catch {
      return "\(error)"
    }
    return keep(Seen(gateway: old.gateway, checkpoint: checkpoint, verifierKey: old.verifierKey))
  }

  private func keep(_ seen: Seen) -> String? {
    var rest = all().filter { $0.gateway != seen.gateway }
    rest.append(seen)
    let json: JSONValue = [
      "gateways": .array(
        rest.suffix(32).map {
          [
            "gateway": .string($0.gateway), "checkpoint": .string($0.checkpoint),
            "vkey": .string($0.verifierKey),
          ]
        })
    ]
    do { try PrivateFile.replace(path, JSONWriter.bytes(of: json)) } catch {
      return "the checkpoint cannot be remembered: \(error)"
    }
    return nil
  }

  private func all() -> [Seen] {
    guard let bytes = try? PrivateFile.read(path),
      let json = try? JSONParser.parse(bytes, limits: JSONLimits(bytes: PrivateFile.limit)),
      let list = try? JSONCursor(json).list(
        "gateways",
        { one throws(JSONError) in
          Seen(
            gateway: try one.member("gateway").string(),
            checkpoint: try one.member("checkpoint").string(),
            verifierKey: try one.member("vkey").string())
        })
    else { return [] }
    return list
  }
}
