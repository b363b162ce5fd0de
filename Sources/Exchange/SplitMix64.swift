/// A small seeded generator (Steele, Lea and Flood's SplitMix64): equal seeds give equal worlds.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A whole number of `range`. The slight bias of the remainder does not matter to a market.
  package mutating func number(in range: ClosedRange<Int>) -> Int {
    let width = UInt64(range.upperBound - range.lowerBound) + 1
    return range.lowerBound + Int(next() % width)
  }

  /// True once in `count` times on average.
  package mutating func oneIn(_ count: Int) -> Bool { number(in: 1...max(count, 1)) == 1 }

  /// Text in the form of a random UUID, made of the next two numbers.
  package mutating func uuid() -> String {
    let high = (next() & ~0xF000) | 0x4000
    let low = (next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
    let digits = Self.hex(high) + Self.hex(low)
    let parts = [(0, 8), (8, 4), (12, 4), (16, 4), (20, 12)]
    return parts.map { String(digits.dropFirst($0.0).prefix($0.1)) }.joined(separator: "-")
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
