/// A name and value that tell metrics of one name apart.
struct Label: Hashable, Comparable, Sendable {
  var name: String
  var value: String

  static func < (a: Label, b: Label) -> Bool { (a.name, a.value) < (b.name, b.value) }
}

/// The text format that Prometheus reads, version 0.0.4.
enum PrometheusText {
  static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  static func sample(_ name: String, _ labels: [Label], _ value: String) -> String {
    guard !labels.isEmpty else { return "\(name) \(value)" }
    let inside = labels.map { "\($0.name)=\"\(escaped(value: $0.value))\"" }.joined(separator: ",")
    return "\(name){\(inside)} \(value)"
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  static func escaped(help: String) -> String { escaped(help, quotes: false) }
  static func escaped(value: String) -> String { escaped(value, quotes: true) }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): bytes += [byte, byte]
      case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
      case UInt8(ascii: "\"") where quotes: bytes += Array("\\\"".utf8)
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
