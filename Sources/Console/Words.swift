import Decimals
import OperatorProtocol
import Terminal
import Time

extension Severity {
  var style: Style {
    switch self {
    case .pass: .ok
    case .note: .note
    case .warn: .warn
    case .unchecked: .unchecked
    case .high: .high
    case .block: .blocked
    }
  }
}

/// Numbers and times as the console writes them.
enum Words {
  /// `0:41`, `12:05`, `1:02:03`; a negative length is `0:00`.
  static func length(_ wait: Milliseconds) -> String {
    let seconds = max(0, wait.count / 1000)
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    let two = { (value: Int64) in value < 10 ? "0\(value)" : "\(value)" }
    return hours > 0
      ? "\(hours):\(two(minutes)):\(two(seconds % 60))" : "\(minutes):\(two(seconds % 60))"
  }

  /// `0.8 s`.
  static func tenths(_ wait: Milliseconds) -> String {
    let tenths = max(0, (wait.count + 99) / 100)
    return "\(tenths / 10).\(tenths % 10) s"
  }

  /// Digits in threes with a blank between: `48 192.50`. Only for sums, never for what is sent.
  static func grouped(_ value: ExactDecimal, signed: Bool = false) -> String {
    let text = value.magnitude.description
    let parts = text.split(separator: ".", maxSplits: 1)
    let whole = Array(parts.first.map(String.init) ?? "0")
    var out = ""
    for (index, digit) in whole.enumerated() {
      if index > 0, (whole.count - index) % 3 == 0 { out += " " }
      out.append(digit)
    }
    let fraction = parts.count > 1 ? "." + parts[1] : ""
    let sign = value.isNegative ? "-" : signed && value.isPositive ? "+" : ""
    return sign + out + fraction
  }

  /// A sum, exact, without zeros at its end.
  static func amount(_ value: ExactDecimal, signed: Bool = false) -> String {
    grouped(value.normalized, signed: signed)
  }

  /// `48.2k`, `1.5M`: for the list only.
  static func short(_ value: ExactDecimal, signed: Bool = false) -> String {
    let sign = value.isNegative ? "-" : signed && value.isPositive ? "+" : ""
    let units: [(ExactDecimal, String)] = [
      ("1000000000", "G"), ("1000000", "M"), ("1000", "k"),
    ]
    for (unit, letter) in units where value.magnitude >= unit {
      guard let part = try? value.magnitude.divided(by: unit, scale: 1, rounding: .halfEven)
      else { break }
      return sign + part.description + letter
    }
    let plain = (try? value.magnitude.rescaled(to: 1, rounding: .halfEven)) ?? value.magnitude
    return sign + plain.normalized.description
  }

  /// `9f3c 1a7e`.
  static func digest(_ hex: String) -> String { "\(hex.prefix(4)) \(hex.dropFirst(4).prefix(4))" }

  static func count(_ number: Int, _ one: String, _ many: String) -> String {
    "\(number) \(number == 1 ? one : many)"
  }
}
