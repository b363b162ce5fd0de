package import JSON

extension ExactDecimal: CustomStringConvertible {
  /// Plain digits, never an exponent; the scale that was written is kept.
  package var description: String {
    if let word { return Self.text(word, scale: scale) }
    let digits = String(coefficient.magnitude)
    let sign = isNegative ? "-" : ""
    guard scale > 0 else { return sign + digits }
    let padded = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count)) + digits
    return sign + padded.dropLast(scale) + "." + padded.suffix(scale)
  }

  /// The text of what 64 bits hold, written from its end.
  private static func text(_ word: Int64, scale: Int) -> String {
    // A sign, the point, and the digits of the scale and one more, or of 64 bits.
    let room = 64
    return unsafe String(unsafeUninitializedCapacity: room) { buffer in
      var rest = word.magnitude
      var start = room
      var written = 0
      func put(_ byte: UInt8) {
        start -= 1
        unsafe buffer[start] = byte
      }
      repeat {
        if written == scale, scale > 0 { put(UInt8(ascii: ".")) }
        put(UInt8(ascii: "0") + UInt8(rest % 10))
        rest /= 10
        written += 1
      } while rest > 0 || written <= scale
      if word < 0 { put(UInt8(ascii: "-")) }
      for place in start..<room { unsafe buffer[place - start] = buffer[place] }
      return room - start
    }
  }

  /// The number of a plain decimal text: digits, at most one point with digits on both sides, and a
  /// leading minus. No plus, exponent, spaces or grouping. Nil otherwise, and past 38 digits.
  package init?(_ text: some StringProtocol) {
    let read = text.utf8.withContiguousStorageIfAvailable { Self.read($0) }
    guard let number = read ?? Array(text.utf8).withUnsafeBufferPointer({ Self.read($0) }) else {
      return nil
    }
    self = number
  }

  private static func read(_ text: UnsafeBufferPointer<UInt8>) -> ExactDecimal? {
    text.count <= 18 ? readShort(text) : readLong(text)
  }

  /// What fits into 64 bits whatever its digits are.
  private static func readShort(_ text: UnsafeBufferPointer<UInt8>) -> ExactDecimal? {
    var coefficient: Int64 = 0
    var digits = 0
    var point: Int?
    let isNegative = text.first == UInt8(ascii: "-")
    for byte in isNegative ? text.dropFirst() : text[...] {
      if byte == UInt8(ascii: "."), point == nil, digits > 0 {
        point = digits
        continue
      }
      guard (48...57).contains(byte) else { return nil }
      coefficient = coefficient &* 10 &+ Int64(byte &- 48)
      digits += 1
    }
    let scale = point.map { digits - $0 } ?? 0
    guard digits > 0, point == nil || scale > 0 else { return nil }
    return ExactDecimal(
      coefficient: Int128(isNegative ? -coefficient : coefficient), scale: scale)
  }

  private static func readLong(_ text: UnsafeBufferPointer<UInt8>) -> ExactDecimal? {
    var coefficient: Int128 = 0
    var scale = 0
    var digits = 0
    var seenPoint = false
    let isNegative = text.first == UInt8(ascii: "-")
    for byte in isNegative ? text.dropFirst() : text[...] {
      if byte == UInt8(ascii: "."), !seenPoint, digits > 0 {
        seenPoint = true
        continue
      }
      guard (48...57).contains(byte) else { return nil }
      digits += 1
      scale += seenPoint ? 1 : 0
      let (shifted, over) = coefficient.multipliedReportingOverflow(by: 10)
      coefficient = shifted &+ Int128(byte - 48)
      guard !over, coefficient.magnitude <= maxCoefficient, scale <= maxScale else { return nil }
    }
    guard digits > 0, !(seenPoint && scale == 0) else { return nil }
    return ExactDecimal(coefficient: isNegative ? -coefficient : coefficient, scale: scale)
  }

  /// The exact value of a JSON number, exponents included. Nil when it cannot be held.
  package init?(_ number: JSONNumber) {
    if let plain = ExactDecimal(number.text) {
      self = plain
      return
    }
    let parts = number.text.split(whereSeparator: { $0 == "e" || $0 == "E" })
    guard let mantissa = parts.first, let base = ExactDecimal(mantissa) else { return nil }
    guard parts.count > 1 else {
      self = base
      return
    }
    guard let exponent = Int(parts[1]), abs(exponent) <= 2 * Self.maxScale else { return nil }
    let scale = base.normalized.scale - exponent
    let coefficient = base.normalized.coefficient
    if base.isZero {
      self = .zero
    } else if scale > Self.maxScale {
      return nil
    } else if scale >= 0 {
      self.init(coefficient: coefficient, scale: scale)
    } else {
      guard -scale <= 38,
        let grown = try? ExactDecimal(coefficient: coefficient, scale: 0)
          * ExactDecimal(coefficient: ExactDecimal.tenTo(-scale), scale: 0)
      else { return nil }
      self = grown
    }
  }

  private static func tenTo(_ exponent: Int) -> Int128 {
    (0..<exponent).reduce(Int128(1)) { power, _ in power &* 10 }
  }
}

extension ExactDecimal: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  /// A literal in the program; text that is no decimal is a bug.
  package init(stringLiteral text: String) {
    guard let value = ExactDecimal(text) else { preconditionFailure("\(text) is no decimal") }
    self = value
  }

  package init(integerLiteral value: Int) { self.init(value) }
}

extension JSONCursor {
  /// A decimal written as a string of plain digits (the exchange's way) or as a number.
  package func decimal() throws(JSONError) -> ExactDecimal {
    switch value {
    case .string(let text):
      guard let decimal = ExactDecimal(text.string) else {
        throw bad("\"\(text)\" is no plain decimal such as \"0.25\"")
      }
      return decimal
    case .number(let number):
      guard let decimal = ExactDecimal(number) else {
        throw bad("\(number) has more digits than can be held exactly")
      }
      return decimal
    default:
      throw JSONError(.wrongType, "a decimal is expected, this is \(value.kind)", at: path)
    }
  }
}

extension JSONValue {
  /// A decimal as the exchange writes it: a string of plain digits.
  package static func decimal(_ value: ExactDecimal) -> JSONValue { .string(value.description) }
}
