package import Cryptography

/// The right edge of a growing tree: all that appending and the root need.
package struct MerkleFrontier: Hashable, Sendable {
  /// Leaves appended so far.
  package private(set) var size = 0
  /// Roots of the perfect subtrees, largest first: one for each set bit of `size`.
  package private(set) var hashes: [Digest] = []

  package init() {}

  /// The frontier of stored hashes. Nil when their count does not fit `size`.
  package init?(size: Int, hashes: [Digest]) {
    guard size >= 0, size.nonzeroBitCount == hashes.count else { return nil }
    self.size = size
    self.hashes = hashes
  }

  package mutating func append(_ leafHash: Digest) {
    var hash = leafHash
    var rest = size
    while rest & 1 == 1, let left = hashes.popLast() {
      hash = MerkleTree.nodeHash(left, hash)
      rest >>= 1
    }
    hashes.append(hash)
    size += 1
  }

  /// The root of all leaves so far, in logarithmic time.
  package var root: Digest {
    guard var root = hashes.last else { return MerkleTree.emptyRoot }
    for left in hashes.dropLast().reversed() { root = MerkleTree.nodeHash(left, root) }
    return root
  }
}
