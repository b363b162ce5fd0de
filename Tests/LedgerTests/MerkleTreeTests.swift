import Cryptography
import Testing

@testable import Ledger

@Suite struct MerkleTreeTests {
  static let data: [[UInt8]] = (0..<130).map { Array("leaf \($0)".utf8) }
  static let leaves = data.map { MerkleTree.leafHash($0) }

  @Test("The tree heads that Certificate Transparency implementations share")
  func knownRoots() throws {
    let inputs = [
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
      "606162636465666768696a6b6c6d6e6f",
    ]
    let leaves = try inputs.map { MerkleTree.leafHash(try #require(Hex.decode($0))) }
    #expect(
      MerkleTree.emptyRoot.hex
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      MerkleTree.root(of: leaves.prefix(1)).hex
        == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    #expect(
      MerkleTree.root(of: leaves).hex
        == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
  }

  @Test("Root and inclusion of every index agree with the RFC's recursion", arguments: 0...130)
  func inclusion(size: Int) throws {
    let naive = NaiveMerkle(Self.data)
    let root = MerkleTree.root(of: Self.leaves.prefix(size))
    #expect(root.bytes == naive.hash(0..<size))
    for index in 0..<size {
      let proof = try #require(
        MerkleTree.inclusionProof(of: index, size: size) { Self.leaves[$0] })
      #expect(proof.map(\.bytes) == naive.path(index, 0..<size))
      #expect(
        MerkleTree.verifyInclusion(
          of: Self.leaves[index], index: index, size: size, proof: proof, root: root))
    }
  }

  @Test("Consistency of every older size agrees with the RFC's recursion", arguments: 0...130)
  func consistency(size: Int) throws {
    let naive = NaiveMerkle(Self.data)
    let root = MerkleTree.root(of: Self.leaves.prefix(size))
    for oldSize in 0...size {
      let proof = try #require(
        MerkleTree.consistencyProof(from: oldSize, to: size) { Self.leaves[$0] })
      if oldSize > 0 { #expect(proof.map(\.bytes) == naive.subproof(oldSize, 0..<size, true)) }
      let oldRoot = MerkleTree.root(of: Self.leaves.prefix(oldSize))
      #expect(
        MerkleTree.verifyConsistency(
          oldSize: oldSize, oldRoot: oldRoot, size: size, root: root, proof: proof))
    }
  }

  @Test(arguments: [1, 2, 3, 5, 8, 13, 21, 64, 65, 100])
  func tamperedInclusionProofsFail(size: Int) throws {
    let root = MerkleTree.root(of: Self.leaves.prefix(size))
    for index in 0..<size {
      let proof = try #require(
        MerkleTree.inclusionProof(of: index, size: size) { Self.leaves[$0] })
      func holds(_ proof: [Digest], _ index: Int, _ leaf: Digest, _ root: Digest) -> Bool {
        MerkleTree.verifyInclusion(of: leaf, index: index, size: size, proof: proof, root: root)
      }
      let leaf = Self.leaves[index]
      for changed in tampered(proof) { #expect(!holds(changed, index, leaf, root)) }
      for other in -1...size where other != index {
        #expect(!holds(proof, other, leaf, root))
      }
      #expect(!holds(proof, index, flipped(leaf), root))
      #expect(!holds(proof, index, leaf, flipped(root)))
    }
  }

  @Test(arguments: [2, 3, 5, 8, 13, 21, 64, 65, 100])
  func tamperedConsistencyProofsFail(size: Int) throws {
    let root = MerkleTree.root(of: Self.leaves.prefix(size))
    for oldSize in 0...size {
      let proof = try #require(
        MerkleTree.consistencyProof(from: oldSize, to: size) { Self.leaves[$0] })
      let oldRoot = MerkleTree.root(of: Self.leaves.prefix(oldSize))
      func holds(_ proof: [Digest], _ oldRoot: Digest, _ root: Digest) -> Bool {
        MerkleTree.verifyConsistency(
          oldSize: oldSize, oldRoot: oldRoot, size: size, root: root, proof: proof)
      }
      for changed in tampered(proof) { #expect(!holds(changed, oldRoot, root)) }
      #expect(!holds(proof, flipped(oldRoot), root))
      // An empty old tree is a prefix of every tree.
      if oldSize > 0 { #expect(!holds(proof, oldRoot, flipped(root))) }
    }
  }

  @Test func sizesAndIndicesOutsideTheTreeHaveNoProof() {
    let leaf: (Int) -> Digest = { Self.leaves[$0] }
    #expect(MerkleTree.inclusionProof(of: 3, size: 3, leaf: leaf) == nil)
    #expect(MerkleTree.inclusionProof(of: -1, size: 3, leaf: leaf) == nil)
    #expect(MerkleTree.inclusionProof(of: 0, size: 0, leaf: leaf) == nil)
    #expect(MerkleTree.consistencyProof(from: 4, to: 3, leaf: leaf) == nil)
    #expect(MerkleTree.consistencyProof(from: -1, to: 3, leaf: leaf) == nil)
    let root = MerkleTree.root(of: Self.leaves.prefix(3))
    #expect(
      !MerkleTree.verifyConsistency(
        oldSize: 4, oldRoot: root, size: 3, root: root, proof: []))
    #expect(
      !MerkleTree.verifyConsistency(
        oldSize: -1, oldRoot: root, size: 3, root: root, proof: []))
  }

  @Test func aLeafCannotPassForANode() {
    let node = MerkleTree.nodeHash(Self.leaves[0], Self.leaves[1])
    #expect(MerkleTree.leafHash(Self.leaves[0].bytes + Self.leaves[1].bytes) != node)
  }

  @Test func anErrorOfTheLeafSourceComesThrough() {
    struct Missing: Error, Equatable { let index: Int }
    #expect(throws: Missing(index: 2)) {
      try MerkleTree.inclusionProof(of: 0, size: 4) { index throws(Missing) in
        guard index < 2 else { throw Missing(index: index) }
        return Self.leaves[index]
      }
    }
  }

  private func tampered(_ proof: [Digest]) -> [[Digest]] {
    var all = [proof + [MerkleTree.emptyRoot]]
    if !proof.isEmpty { all += [Array(proof.dropLast()), Array(proof.dropFirst())] }
    for at in proof.indices {
      var copy = proof
      copy[at] = flipped(copy[at])
      all.append(copy)
    }
    if proof.count > 1 { all.append(proof.reversed()) }
    return all
  }
}

@Suite struct MerkleFrontierTests {
  @Test func aRestoredFrontierGoesOnLikeTheOriginal() throws {
    for size in 0...70 {
      var original = MerkleFrontier()
      for leaf in MerkleTreeTests.leaves.prefix(size) { original.append(leaf) }
      var restored = try #require(MerkleFrontier(size: size, hashes: original.hashes))
      for leaf in MerkleTreeTests.leaves.dropFirst(size) {
        original.append(leaf)
        restored.append(leaf)
      }
      #expect(restored == original)
      #expect(restored.root == MerkleTree.root(of: MerkleTreeTests.leaves))
    }
  }

  @Test func hashesThatDoNotFitTheSizeAreRefused() {
    let hash = MerkleTree.emptyRoot
    #expect(MerkleFrontier(size: 3, hashes: [hash]) == nil)
    #expect(MerkleFrontier(size: 0, hashes: [hash]) == nil)
    #expect(MerkleFrontier(size: -1, hashes: []) == nil)
  }
}

func flipped(_ digest: Digest) -> Digest {
  var bytes = digest.bytes
  bytes[17] ^= 0x10
  return Digest(bytes) ?? digest
}
