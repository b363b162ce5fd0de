/// Standard base64 with padding (RFC 4648 §4). One value has one spelling: white space, missing
/// padding and stray bits in the last character do not decode.
package enum Base64 {
  package static func encode(_ bytes: some Collection<UInt8>) -> String {
    var out: [UInt8] = []
    out.reserveCapacity((bytes.count + 2) / 3 * 4)
    var bits: UInt32 = 0
    var held = 0
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      held += 1
      guard held == 3 else { continue }
      out.append(contentsOf: [18, 12, 6, 0].map { letter(bits >> $0) })
      bits = 0
      held = 0
    }
    if held == 1 {
      out += [letter(bits >> 2), letter(bits << 4), pad, pad]
    } else if held == 2 {
      out += [letter(bits >> 10), letter(bits >> 4), letter(bits << 2), pad]
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Nil when the text is not exactly what `encode` writes.
  package static func decode(_ text: String) -> [UInt8]? {
    let letters = Array(text.utf8)
    guard letters.count.isMultiple(of: 4) else { return nil }
    let padding = letters.suffix(2).reversed().prefix { $0 == pad }.count
    var out: [UInt8] = []
    out.reserveCapacity(letters.count / 4 * 3)
    var bits: UInt32 = 0
    var held = 0
    for byte in letters.dropLast(padding) {
      guard let value = value(byte) else { return nil }
      bits = bits << 6 | UInt32(value)
      held += 6
      guard held >= 8 else { continue }
      held -= 8
      out.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
      bits &= (1 << UInt32(held)) - 1
    }
    // A count that does not fill its last byte, or bits that no byte keeps, is another spelling.
    guard held == 2 * padding, bits == 0 else { return nil }
    return out
  }

  private static let pad = UInt8(ascii: "=")

  private static func letter(_ bits: UInt32) -> UInt8 {
    let value = UInt8(bits & 63)
    return switch value {
    case 0..<26: UInt8(ascii: "A") + value
    case 26..<52: UInt8(ascii: "a") + value - 26
    case 52..<62: UInt8(ascii: "0") + value - 52
    case 62: UInt8(ascii: "+")
    default: UInt8(ascii: "/")
    }
  }

  private static func value(_ letter: UInt8) -> UInt8? {
    switch letter {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): letter - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): letter - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): letter - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
