/// A JSON number as it was written. Nothing is rounded; readers ask for the type that they need.
package struct JSONNumber: Hashable, Sendable, CustomStringConvertible {
  /// The literal, in the grammar of RFC 8259 §6.
  package let text: String

  /// The number of `literal`, or nil when it does not follow the grammar.
  package init?(literal: String) {
    guard Self.isLiteral(literal.utf8) else { return nil }
    text = literal
  }

  package init(_ value: Int64) { text = String(value) }

  /// For the parser, which has checked the grammar already.
  init(checked text: String) { self.text = text }

  /// The value as an integer, or nil when it is written with a fraction or exponent or is too large.
  package var int: Int? { Int(text) }

  package var description: String { text }

  /// Whether the text is what RFC 8785 would write for this number, so that any canonicaliser
  /// reproduces the bytes. Numbers that a binary64 cannot hold exactly in that form are not.
  package var isCanonical: Bool {
    guard let value = Double(text), value.isFinite else { return false }
    return ECMAScriptNumber.text(of: value) == text
  }

  static func isLiteral(_ bytes: some Collection<UInt8>) -> Bool {
    var rest = bytes[...]
    func digits() -> Int {
      var seen = 0
      while let next = rest.first, next.isDigit {
        rest.removeFirst()
        seen += 1
      }
      return seen
    }
    if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    let leadsWithZero = rest.first == UInt8(ascii: "0")
    let whole = digits()
    guard whole > 0, !(leadsWithZero && whole > 1) else { return false }
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      guard digits() > 0 else { return false }
    }
    if let mark = rest.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
      rest.removeFirst()
      if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
        rest.removeFirst()
      }
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }
}

extension UInt8 {
  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}

/// ECMAScript's `Number::toString`, which RFC 8785 §3.2.2.3 prescribes for numbers.
enum ECMAScriptNumber {
  static func text(of value: Double) -> String {
    if value == 0 { return "0" }
    let (digits, exponent) = shortestDigits(of: value.magnitude)
    let sign = value < 0 ? "-" : ""
    let count = digits.count
    switch exponent {
    case count...21 where exponent >= count:
      return sign + digits + String(repeating: "0", count: exponent - count)
    case 1..<max(count, 1) where exponent <= 21:
      return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
    case -5...0:
      return sign + "0." + String(repeating: "0", count: -exponent) + digits
    default:
      let power = exponent - 1
      let mantissa = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst(1)
      return sign + mantissa + "e" + (power < 0 ? "-" : "+") + String(power.magnitude)
    }
  }

  /// The shortest digits that read back as `value`, and n where value = 0.digits × 10ⁿ.
  private static func shortestDigits(of value: Double) -> (digits: String, exponent: Int) {
    let parts = value.description.split(separator: "e", maxSplits: 1)
    let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let whole = String(mantissa[0])
    let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
    let power = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let all = whole + fraction
    let leading = all.prefix { $0 == "0" }.count
    let trimmed = String(all.dropFirst(leading))
    let trailing = trimmed.reversed().prefix { $0 == "0" }.count
    return (String(trimmed.dropLast(trailing)), whole.count + power - leading)
  }
}
