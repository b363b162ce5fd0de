package import JSON

extension OperatorRoute {
  package static let tools = "/v1/tools"
  package static let toolAcceptance = "/v1/tools/accept"
  private static let toolDrift = "/v1/tools/drift/"

  /// The path of a tool's definitions: `/v1/tools/drift/UPSTREAM/TOOL`, the bytes of both names
  /// percent-encoded where they are not unreserved.
  package static func toolDrift(_ upstream: Text, _ tool: Text) -> String {
    toolDrift + escaped(upstream) + "/" + escaped(tool)
  }

  /// Upstream and tool of such a path; nil for any other.
  package static func toolDrift(path: Text) -> (upstream: Text, tool: Text)? {
    guard path.hasPrefix(Text(toolDrift)) else { return nil }
    let parts = path.utf8.dropFirst(toolDrift.utf8.count).split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count == 2, let upstream = plain(parts[0]), let tool = plain(parts[1]) else {
      return nil
    }
    return (upstream, tool)
  }

  private static func escaped(_ name: Text) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var out: [UInt8] = []
    for byte in name.utf8 {
      if byte.isUnreserved {
        out.append(byte)
      } else {
        out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  private static func plain(_ part: Substring.UTF8View) -> Text? {
    var out: [UInt8] = []
    var rest = part
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        out.append(byte)
        continue
      }
      guard let high = rest.popFirst()?.hexDigit, let low = rest.popFirst()?.hexDigit else {
        return nil
      }
      out.append(high << 4 | low)
    }
    return out.isEmpty ? nil : Text(utf8: out)
  }
}

extension UInt8 {
  /// RFC 3986 §2.3.
  fileprivate var isUnreserved: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  fileprivate var hexDigit: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
