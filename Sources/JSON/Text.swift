/// A string that is compared, hashed and ordered as its UTF-8 bytes.
///
/// Swift's `String` compares by canonical equivalence: `"\u{212A}AITO" == "KAITO"` is true while the
/// bytes differ. Keys, tool names, symbols, ids and policy strings must never be equal unless their
/// bytes are, so they are `Text`.
package struct Text: Sendable {
  package let string: String

  package init(_ string: some StringProtocol) {
    var native = String(string)
    native.makeContiguousUTF8()
    self.string = native
  }

  /// The text of `bytes`, or nil when they are not valid UTF-8.
  package init?(utf8 bytes: some Collection<UInt8>) {
    // Most text is ASCII, where decoding can change nothing; validating is slower.
    guard !bytes.allSatisfy({ $0 < 0x80 }) else {
      self.init(ascii: bytes)
      return
    }
    guard let string = String(validating: bytes, as: UTF8.self) else { return nil }
    self.init(string)
  }

  /// The text of bytes below 0x80, which decode to a contiguous string.
  init(ascii bytes: some Collection<UInt8>) {
    string = String(decoding: bytes, as: UTF8.self)
  }

  package var utf8: String.UTF8View { string.utf8 }
  package var isEmpty: Bool { string.isEmpty }
  package var count: Int { string.utf8.count }
  package var bytes: [UInt8] { Array(string.utf8) }

  package func hasPrefix(_ prefix: Text) -> Bool { utf8.starts(with: prefix.utf8) }

  /// Whether both texts are the same after case folding of every scalar: two keys that any reader
  /// could take for each other.
  package func isCaseVariant(of other: Text) -> Bool {
    self != other && caseFolded == other.caseFolded
  }

  /// The text with every scalar folded: the Kelvin sign to `k`, the long s to `s`.
  package var caseFolded: Text {
    guard !utf8.allSatisfy({ $0 < 0x80 && !(65...90).contains($0) }) else { return self }
    var folded = String.UnicodeScalarView()
    for scalar in string.unicodeScalars {
      for upper in scalar.properties.uppercaseMapping.unicodeScalars {
        folded.append(contentsOf: upper.properties.lowercaseMapping.unicodeScalars)
      }
    }
    return Text(String(folded))
  }
}

extension Text: Hashable, Comparable {
  @inline(__always)
  package static func == (a: Text, b: Text) -> Bool {
    // Most keys that are not equal differ in length.
    a.string.utf8.count == b.string.utf8.count && hasBytes(a, of: b)
  }

  private static func hasBytes(_ a: Text, of b: Text) -> Bool {
    let (x, y) = (a.string.utf8, b.string.utf8)
    let isEqual = x.withContiguousStorageIfAvailable { x in
      y.withContiguousStorageIfAvailable { y in x.isEqual(to: y) }
    }
    return (isEqual ?? nil) ?? x.elementsEqual(y)
  }

  package func hash(into hasher: inout Hasher) {
    var copy = string
    copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }

  package static func < (a: Text, b: Text) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }
}

extension Text: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  package init(stringLiteral value: String) { self.init(value) }
}

extension Text: CustomStringConvertible {
  package var description: String { string }
}

extension UnsafeBufferPointer<UInt8> {
  /// Whether both, of one length, hold the same bytes; eight at a time.
  fileprivate func isEqual(to other: Self) -> Bool {
    let (a, b) = (UnsafeRawBufferPointer(self), UnsafeRawBufferPointer(other))
    var at = 0
    while at + 8 <= count {
      let word = a.loadUnaligned(fromByteOffset: at, as: UInt64.self)
      guard word == b.loadUnaligned(fromByteOffset: at, as: UInt64.self) else { return false }
      at += 8
    }
    while at < count {
      guard a[at] == b[at] else { return false }
      at += 1
    }
    return true
  }
}
