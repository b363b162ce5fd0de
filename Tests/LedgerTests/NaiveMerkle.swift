import Cryptography

/// RFC 6962 §2.1 as it is written, over the data of the leaves: the other implementation that
/// `MerkleTree` is compared with. Subtree hashes are remembered to keep the tests quick.
final class NaiveMerkle {
  private let data: [[UInt8]]
  private var known: [Range<Int>: [UInt8]] = [:]

  init(_ data: [[UInt8]]) { self.data = data }

  /// MTH(D[range]).
  func hash(_ range: Range<Int>) -> [UInt8] {
    if let hash = known[range] { return hash }
    let hash: [UInt8]
    switch range.count {
    case 0: hash = sha([])
    case 1: hash = sha([0x00] + data[range.lowerBound])
    default:
      let k = range.lowerBound + split(range.count)
      hash = sha([0x01] + self.hash(range.lowerBound..<k) + self.hash(k..<range.upperBound))
    }
    known[range] = hash
    return hash
  }

  /// PATH(m, D[range]) with m from 0 at the start of the range.
  func path(_ m: Int, _ range: Range<Int>) -> [[UInt8]] {
    if range.count == 1 { return [] }
    let k = split(range.count)
    let left = range.lowerBound..<(range.lowerBound + k)
    let right = (range.lowerBound + k)..<range.upperBound
    return m < k ? path(m, left) + [hash(right)] : path(m - k, right) + [hash(left)]
  }

  /// SUBPROOF(m, D[range], b).
  func subproof(_ m: Int, _ range: Range<Int>, _ b: Bool) -> [[UInt8]] {
    let n = range.count
    if m == n { return b ? [] : [hash(range)] }
    let k = split(n)
    let left = range.lowerBound..<(range.lowerBound + k)
    let right = (range.lowerBound + k)..<range.upperBound
    return m <= k
      ? subproof(m, left, b) + [hash(right)] : subproof(m - k, right, false) + [hash(left)]
  }

  private func split(_ n: Int) -> Int {
    var k = 1
    while k * 2 < n { k *= 2 }
    return k
  }

  private func sha(_ bytes: [UInt8]) -> [UInt8] { SHA256.hash(bytes).bytes }
}
