/// Lower-case hexadecimal. One value has one spelling: upper-case digits do not decode.
package enum Hex {
  package static func encode(_ bytes: some Collection<UInt8>) -> String {
    let count = bytes.count * 2
    return unsafe String(unsafeUninitializedCapacity: count) { buffer in
      var at = 0
      for byte in bytes {
        unsafe buffer[at] = digit(byte >> 4)
        unsafe buffer[at + 1] = digit(byte & 15)
        at += 2
      }
      return at
    }
  }

  /// Nil for an odd count or any character but `0`–`9` and `a`–`f`.
  package static func decode(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for at in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[at]), let low = value(digits[at + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
