package import Cryptography
package import JSON
package import Time

/// All that an appender has to remember between two runs, besides its key.
package struct LedgerSnapshot: Hashable, Sendable {
  package let frontier: MerkleFrontier
  package let clock: LedgerClock

  package init(frontier: MerkleFrontier = MerkleFrontier(), clock: LedgerClock = LedgerClock()) {
    self.frontier = frontier
    self.clock = clock
  }

  /// The state of a log without entries.
  package static let empty = LedgerSnapshot()

  /// Throws `badSnapshot` when the hashes do not fit the size.
  package init(size: Int, hashes: [Digest], latest: Timestamp?) throws(LedgerError) {
    guard let frontier = MerkleFrontier(size: size, hashes: hashes) else {
      throw LedgerError(
        .badSnapshot, "\(hashes.count) hashes do not make a tree of \(size) entries",
        fix: "rebuild the snapshot from the stored entries")
    }
    self.init(frontier: frontier, clock: LedgerClock(latest: latest))
  }
}

extension LedgerSnapshot: JSONConvertible {
  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["size", "hashes", "latest"])
    var hashes: [Digest] = []
    for element in try json.member("hashes").elements() {
      hashes.append(try element.digest())
    }
    var latest: Timestamp?
    if let moment = try json.optional("latest") {
      guard let time = Timestamp(rfc3339: try moment.string()) else {
        throw moment.bad("not an RFC 3339 time")
      }
      latest = time
    }
    let size = try json.member("size").int(in: 0...Int.max)
    do throws(LedgerError) {
      try self.init(size: size, hashes: hashes, latest: latest)
    } catch {
      throw json.bad(error.description)
    }
  }

  package var json: JSONValue {
    [
      "size": .int(frontier.size),
      "hashes": .array(frontier.hashes.map { .string($0.base64) }),
      "latest": clock.latest.map { .string($0.rfc3339) } ?? .null,
    ]
  }
}

extension JSONCursor {
  func digest() throws(JSONError) -> Digest {
    guard let digest = Digest(base64: try string()) else {
      throw bad("not the base64 of 32 bytes")
    }
    return digest
  }
}
