/// Writes JSON without white space.
///
/// The canonical form is RFC 8785 for key order (UTF-16 code units) and strings, with numbers byte
/// for byte as they were received.
package struct JSONWriter {
  private var out: [UInt8] = []
  private let sortsKeys: Bool

  /// Bytes with the members in their own order.
  package static func bytes(of value: JSONValue) -> [UInt8] {
    var writer = JSONWriter(sortsKeys: false)
    writer.write(value)
    return writer.out
  }

  package static func text(of value: JSONValue) -> String {
    String(decoding: bytes(of: value), as: UTF8.self)
  }

  /// Bytes with the members in canonical order: equal values give equal bytes.
  package static func canonicalBytes(of value: JSONValue) -> [UInt8] {
    var writer = JSONWriter(sortsKeys: true)
    writer.write(value)
    return writer.out
  }

  package static func canonicalText(of value: JSONValue) -> String {
    String(decoding: canonicalBytes(of: value), as: UTF8.self)
  }

  private init(sortsKeys: Bool) { self.sortsKeys = sortsKeys }

  private mutating func write(_ value: JSONValue) {
    switch value {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let bool): out.append(contentsOf: (bool ? "true" : "false").utf8)
    case .number(let number): out.append(contentsOf: number.text.utf8)
    case .string(let text): write(text)
    case .array(let elements): write(elements)
    case .object(let object): write(object)
    }
  }

  private mutating func write(_ elements: [JSONValue]) {
    out.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      write(element)
    }
    out.append(UInt8(ascii: "]"))
  }

  private mutating func write(_ object: JSONObject) {
    out.append(UInt8(ascii: "{"))
    let members = sortsKeys ? object.canonicalMembers : object.members
    for (index, member) in members.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      write(member.key)
      out.append(UInt8(ascii: ":"))
      write(member.value)
    }
    out.append(UInt8(ascii: "}"))
  }

  private mutating func write(_ text: Text) {
    out.append(UInt8(ascii: "\""))
    if text.utf8.contains(where: \.isEscaped) {
      writeEscaped(text)
    } else {
      out.append(contentsOf: text.utf8)
    }
    out.append(UInt8(ascii: "\""))
  }

  private mutating func writeEscaped(_ text: Text) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): out.append(contentsOf: "\\\"".utf8)
      case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
      case 0x08: out.append(contentsOf: "\\b".utf8)
      case 0x09: out.append(contentsOf: "\\t".utf8)
      case 0x0A: out.append(contentsOf: "\\n".utf8)
      case 0x0C: out.append(contentsOf: "\\f".utf8)
      case 0x0D: out.append(contentsOf: "\\r".utf8)
      case 0..<0x20:
        let hex = String(byte, radix: 16)
        out.append(contentsOf: "\\u00".utf8)
        out.append(contentsOf: (hex.utf8.count == 1 ? "0" + hex : hex).utf8)
      default: out.append(byte)
      }
    }
  }
}

extension JSONObject {
  /// The members in the order of RFC 8785.
  package var canonicalMembers: [Member] {
    members.sorted { $0.key.precedesInUTF16($1.key) }
  }
}

extension UInt8 {
  fileprivate var isEscaped: Bool {
    self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
  }
}

extension Text {
  /// RFC 8785 §3.2.3: keys are ordered by UTF-16 code units.
  func precedesInUTF16(_ other: Text) -> Bool {
    for (byte, otherByte) in zip(utf8, other.utf8) where byte != otherByte {
      // Where one of the two scalars is ASCII, all encodings agree on their order.
      if byte < 0x80 || otherByte < 0x80 { return byte < otherByte }
      break
    }
    return string.utf16.lexicographicallyPrecedes(other.string.utf16)
  }
}
