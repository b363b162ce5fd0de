package import Cryptography

/// Hashes and proofs of the append-only Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1).
///
/// Proofs are generated from leaf hashes: `leaf` is asked for each index below the size at most
/// once, so one proof costs time proportional to the size. Verification is logarithmic.
package enum MerkleTree {
  /// No proof has more hashes: an index has at most 63 bits.
  package static let proofLimit = 64

  /// The root of a tree without leaves.
  package static var emptyRoot: Digest { SHA256.hash(EmptyCollection<UInt8>()) }

  /// H(0x00 ‖ data).
  package static func leafHash(_ data: some Collection<UInt8>) -> Digest {
    SHA256.hash(tag: 0x00, data)
  }

  /// H(0x01 ‖ left ‖ right).
  package static func nodeHash(_ left: Digest, _ right: Digest) -> Digest {
    SHA256.hash(tag: 0x01, left, right)
  }

  package static func root(of leaves: some Sequence<Digest>) -> Digest {
    var frontier = MerkleFrontier()
    for leaf in leaves { frontier.append(leaf) }
    return frontier.root
  }

  // MARK: Generation

  /// The proof that leaf `index` is in the tree of `size` leaves, lowest sibling first.
  /// Nil unless 0 ≤ index < size.
  package static func inclusionProof<E: Error>(
    of index: Int, size: Int, leaf: (Int) throws(E) -> Digest
  ) throws(E) -> [Digest]? {
    guard index >= 0, index < size else { return nil }
    return try path(to: index, in: 0..<size, leaf)
  }

  /// The proof that the tree of `oldSize` leaves is a prefix of the tree of `size` leaves.
  /// Nil unless 0 ≤ oldSize ≤ size; empty when one of them says it all.
  package static func consistencyProof<E: Error>(
    from oldSize: Int, to size: Int, leaf: (Int) throws(E) -> Digest
  ) throws(E) -> [Digest]? {
    guard oldSize >= 0, oldSize <= size else { return nil }
    guard oldSize > 0, oldSize < size else { return [] }
    return try subproof(of: oldSize, in: 0..<size, isWhole: true, leaf)
  }

  private static func path<E: Error>(
    to index: Int, in range: Range<Int>, _ leaf: (Int) throws(E) -> Digest
  ) throws(E) -> [Digest] {
    guard range.count > 1 else { return [] }
    let middle = range.lowerBound + split(range.count)
    if index < middle {
      return try path(to: index, in: range.lowerBound..<middle, leaf)
        + [hash(of: middle..<range.upperBound, leaf)]
    }
    return try path(to: index, in: middle..<range.upperBound, leaf)
      + [hash(of: range.lowerBound..<middle, leaf)]
  }

  private static func subproof<E: Error>(
    of oldEnd: Int, in range: Range<Int>, isWhole: Bool, _ leaf: (Int) throws(E) -> Digest
  ) throws(E) -> [Digest] {
    if oldEnd == range.upperBound { return isWhole ? [] : [try hash(of: range, leaf)] }
    let middle = range.lowerBound + split(range.count)
    if oldEnd <= middle {
      return try subproof(of: oldEnd, in: range.lowerBound..<middle, isWhole: isWhole, leaf)
        + [hash(of: middle..<range.upperBound, leaf)]
    }
    return try subproof(of: oldEnd, in: middle..<range.upperBound, isWhole: false, leaf)
      + [hash(of: range.lowerBound..<middle, leaf)]
  }

  private static func hash<E: Error>(
    of range: Range<Int>, _ leaf: (Int) throws(E) -> Digest
  ) throws(E) -> Digest {
    var frontier = MerkleFrontier()
    for index in range { frontier.append(try leaf(index)) }
    return frontier.root
  }

  /// The largest power of two below `count` (at least 2).
  private static func split(_ count: Int) -> Int {
    1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }

  // MARK: Verification

  /// RFC 9162 §2.1.3.2.
  package static func verifyInclusion(
    of leafHash: Digest, index: Int, size: Int, proof: [Digest], root: Digest
  ) -> Bool {
    guard index >= 0, index < size else { return false }
    var position = index
    var last = size - 1
    var hash = leafHash
    for sibling in proof {
      guard last != 0 else { return false }
      if position & 1 == 1 || position == last {
        hash = nodeHash(sibling, hash)
        skipLevels(&position, &last)
      } else {
        hash = nodeHash(hash, sibling)
      }
      position >>= 1
      last >>= 1
    }
    return last == 0 && hash == root
  }

  /// RFC 9162 §2.1.4.2. An empty old tree is a prefix of every tree.
  package static func verifyConsistency(
    oldSize: Int, oldRoot: Digest, size: Int, root: Digest, proof: [Digest]
  ) -> Bool {
    guard oldSize >= 0, oldSize <= size else { return false }
    if oldSize == size { return proof.isEmpty && oldRoot == root }
    if oldSize == 0 { return proof.isEmpty && oldRoot == emptyRoot }
    let isPowerOfTwo = oldSize & (oldSize - 1) == 0
    let path = isPowerOfTwo ? [oldRoot] + proof : proof
    guard let first = path.first else { return false }
    var position = oldSize - 1
    var last = size - 1
    while position & 1 == 1 {
      position >>= 1
      last >>= 1
    }
    var (oldHash, hash) = (first, first)
    for sibling in path.dropFirst() {
      guard last != 0 else { return false }
      if position & 1 == 1 || position == last {
        oldHash = nodeHash(sibling, oldHash)
        hash = nodeHash(sibling, hash)
        skipLevels(&position, &last)
      } else {
        hash = nodeHash(hash, sibling)
      }
      position >>= 1
      last >>= 1
    }
    return last == 0 && oldHash == oldRoot && hash == root
  }

  /// Levels on which a right edge has no sibling are not in a proof.
  private static func skipLevels(_ position: inout Int, _ last: inout Int) {
    while position & 1 == 0, position != 0 {
      position >>= 1
      last >>= 1
    }
  }
}
