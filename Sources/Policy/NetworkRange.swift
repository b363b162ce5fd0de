import JSON

/// A numeric IPv4 or IPv6 address; an IPv4 address in IPv6 notation is the IPv4 address.
struct NetworkAddress: Hashable, Sendable {
  /// 4 or 16 bytes.
  let bytes: [UInt8]

  /// Nil for anything but an address: no port, no zone, no leading zeros.
  init?(_ text: Text) {
    let bytes = text.bytes
    guard bytes.count <= 45, let parsed = Self.v4(bytes[...]) ?? Self.v6(bytes) else { return nil }
    let isMapped =
      parsed.count == 16 && parsed.prefix(10).allSatisfy { $0 == 0 }
      && parsed[10] == 0xFF && parsed[11] == 0xFF
    self.bytes = isMapped ? Array(parsed.suffix(4)) : parsed
  }

  private static func v4(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      guard (1...3).contains(part.count), part.allSatisfy({ (48...57).contains($0) }),
        part.count == 1 || part.first != 48, let byte = UInt8(String(decoding: part, as: UTF8.self))
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  private static func v6(_ text: [UInt8]) -> [UInt8]? {
    let colon = UInt8(ascii: ":")
    guard
      let gap = text.indices.dropLast().first(where: { text[$0] == colon && text[$0 + 1] == colon })
    else {
      let all = groups(text[...])
      return all?.count == 16 ? all : nil
    }
    let (head, tail) = (text[..<gap], text[(gap + 2)...])
    guard let before = head.isEmpty ? [] : groups(head),
      let after = tail.isEmpty ? [] : groups(tail), before.count + after.count <= 14
    else { return nil }
    return before + [UInt8](repeating: 0, count: 16 - before.count - after.count) + after
  }

  /// Groups of hexadecimal digits; the last one may be an IPv4 address.
  private static func groups(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    var bytes: [UInt8] = []
    for (index, part) in parts.enumerated() {
      if index == parts.count - 1, let last = v4(part) {
        bytes += last
        continue
      }
      let isGroup =
        (1...4).contains(part.count)
        && part.allSatisfy {
          (48...57).contains($0) || (97...102).contains($0 | 0x20)
        }
      guard isGroup, let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16) else {
        return nil
      }
      bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
    }
    return bytes.count <= 16 ? bytes : nil
  }
}

/// All addresses that begin with the same bits: `10.0.0.0/8`, or one address.
struct NetworkRange: Hashable, Sendable, CustomStringConvertible {
  let description: String
  private let base: [UInt8]
  private let bits: Int

  /// Nil when the text is no range, or has bits set behind its prefix.
  init?(_ text: Text) {
    description = text.string
    let parts = text.bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let first = Text(utf8: parts[0]),
      let address = NetworkAddress(first)
    else { return nil }
    base = address.bytes
    guard parts.count == 2 else {
      bits = base.count * 8
      return
    }
    let digits = parts[1]
    guard (1...3).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
      digits.count == 1 || digits.first != 48,
      let count = Int(String(decoding: digits, as: UTF8.self)), count <= base.count * 8
    else { return nil }
    bits = count
    guard Self.masked(base, count) == base else { return nil }
  }

  func contains(_ address: NetworkAddress) -> Bool {
    address.bytes.count == base.count && Self.masked(address.bytes, bits) == base
  }

  private static func masked(_ bytes: [UInt8], _ bits: Int) -> [UInt8] {
    bytes.enumerated().map { index, byte in
      let kept = min(max(bits - index * 8, 0), 8)
      return kept == 0 ? 0 : byte & ~UInt8(0) << UInt8(8 - kept)
    }
  }
}
