/// An exact decimal number: coefficient × 10⁻ˢᶜᵃˡᵉ, coefficient in 128 bits.
///
/// Money, prices and quantities are held as this and nothing else. Sums and products are exact or
/// throw; a quotient names its scale and rounding. Equality is numeric (`1.0 == 1.00`) while the
/// scale that was written is kept for printing.
package struct ExactDecimal: Sendable {
  // The coefficient is kept in two words: values that are aligned to 16 bytes crash this toolchain's
  // runtime when they travel in existential boxes.
  private let high: Int64
  private let low: UInt64
  /// Digits after the point, 0 to `maxScale`.
  package let scale: Int

  /// The digits as a whole number.
  package var coefficient: Int128 { Int128(high) << 64 | Int128(low) }

  /// The most digits after the point that are kept.
  package static let maxScale = 36

  package static let zero = ExactDecimal(0)
  package static let one = ExactDecimal(1)

  package init(_ whole: some BinaryInteger) {
    self.init(coefficient: Int128(whole), scale: 0)
  }

  /// coefficient × 10⁻ˢᶜᵃˡᵉ. The scale must lie in 0...`maxScale`.
  package init(coefficient: Int128, scale: Int) {
    precondition((0...Self.maxScale).contains(scale), "scale \(scale) is out of range")
    high = Int64(truncatingIfNeeded: coefficient >> 64)
    low = UInt64(truncatingIfNeeded: coefficient)
    self.scale = scale
  }

  /// The number `word` × 10⁻ˢᶜᵃˡᵉ.
  private init(word: Int64, scale: Int) {
    high = word >> 63
    low = UInt64(bitPattern: word)
    self.scale = scale
  }

  package var isZero: Bool { high == 0 && low == 0 }
  package var isNegative: Bool { high < 0 }
  package var isPositive: Bool { high > 0 || high == 0 && low > 0 }
  package var magnitude: ExactDecimal { isNegative ? -self : self }

  /// The same number without trailing zeros after the point.
  package var normalized: ExactDecimal {
    var coefficient = coefficient
    var scale = scale
    while scale > 0, coefficient % 10 == 0 {
      coefficient /= 10
      scale -= 1
    }
    return ExactDecimal(coefficient: coefficient, scale: scale)
  }

  package static prefix func - (value: ExactDecimal) -> ExactDecimal {
    if let word = value.word, word != .min { return ExactDecimal(word: -word, scale: value.scale) }
    // Int128.min is never formed: every constructor and operation is bounded by 38 digits.
    return ExactDecimal(coefficient: -value.coefficient, scale: value.scale)
  }
}

/// An operation whose exact result cannot be held.
package struct DecimalError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: Hashable, Sendable { case overflow, divisionByZero }
  package let code: Code

  package static let overflow = DecimalError(code: .overflow)
  package static let divisionByZero = DecimalError(code: .divisionByZero)

  package var description: String {
    switch code {
    case .overflow: "the number has more than 38 digits; nothing was rounded"
    case .divisionByZero: "division by zero"
    }
  }
}

/// How a quotient is brought to its scale.
package enum Rounding: Sendable {
  /// Towards zero.
  case down
  /// Away from zero.
  case up
  /// To the nearest; halves to the even digit.
  case halfEven
}

extension ExactDecimal: Hashable, Comparable {
  package static func == (a: ExactDecimal, b: ExactDecimal) -> Bool {
    if a.scale == b.scale { return a.low == b.low && a.high == b.high }
    if let (x, y, _) = aligned(a, b) { return x == y }
    let (x, y) = (a.normalized, b.normalized)
    return x.coefficient == y.coefficient && x.scale == y.scale
  }

  package func hash(into hasher: inout Hasher) {
    let plain = normalized
    hasher.combine(plain.coefficient)
    hasher.combine(plain.scale)
  }

  package static func < (a: ExactDecimal, b: ExactDecimal) -> Bool {
    if a.scale == b.scale { return a.high == b.high ? a.low < b.low : a.high < b.high }
    if a.isNegative != b.isNegative { return a.isNegative }
    if let (x, y, _) = aligned(a, b) { return x < y }
    // Compare whole parts first, so that aligning the scales cannot overflow.
    let (aWhole, aRest) = a.split
    let (bWhole, bRest) = b.split
    if aWhole != bWhole { return aWhole < bWhole }
    let common = max(a.scale, b.scale)
    return aRest * powerOfTen(common - a.scale) < bRest * powerOfTen(common - b.scale)
  }

  /// Both coefficients at one scale in 64 bits, which is far faster than in 128; nil where they are
  /// too few.
  private static func aligned(
    _ a: ExactDecimal, _ b: ExactDecimal
  ) -> (x: Int64, y: Int64, scale: Int)? {
    guard let x = a.word, let y = b.word else { return nil }
    if a.scale == b.scale { return (x, y, a.scale) }
    let isFirst = a.scale < b.scale
    guard let grown = (isFirst ? x : y).shifted(by: abs(a.scale - b.scale)) else { return nil }
    return isFirst ? (grown, y, b.scale) : (x, grown, a.scale)
  }

  /// The coefficient where 64 bits hold it.
  var word: Int64? {
    let word = Int64(bitPattern: low)
    return high == word >> 63 ? word : nil
  }

  private var split: (whole: Int128, rest: Int128) {
    let (whole, rest) = coefficient.quotientAndRemainder(dividingBy: powerOfTen(scale))
    return (whole, rest)
  }
}

// MARK: Arithmetic

extension ExactDecimal {
  package static func + (a: ExactDecimal, b: ExactDecimal) throws(DecimalError) -> ExactDecimal {
    if let (x, y, scale) = aligned(a, b) {
      let (sum, over) = x.addingReportingOverflow(y)
      if !over { return ExactDecimal(word: sum, scale: scale) }
    }
    let scale = max(a.scale, b.scale)
    let (sum, overflow) = try a.coefficient(at: scale)
      .addingReportingOverflow(try b.coefficient(at: scale))
    return try ExactDecimal(bounded: sum, overflow, scale: scale)
  }

  package static func - (a: ExactDecimal, b: ExactDecimal) throws(DecimalError) -> ExactDecimal {
    try a + (-b)
  }

  /// The exact product. Trailing zeros are dropped where the scale would pass `maxScale`.
  package static func * (a: ExactDecimal, b: ExactDecimal) throws(DecimalError) -> ExactDecimal {
    if let x = a.word, let y = b.word, a.scale + b.scale <= maxScale {
      let (product, over) = x.multipliedReportingOverflow(by: y)
      if !over { return ExactDecimal(word: product, scale: a.scale + b.scale) }
    }
    let (product, overflow) = a.coefficient.multipliedReportingOverflow(by: b.coefficient)
    if !overflow, a.scale + b.scale <= maxScale {
      return try ExactDecimal(bounded: product, overflow, scale: a.scale + b.scale)
    }
    let (x, y) = (a.normalized, b.normalized)
    guard x.scale + y.scale <= maxScale else { throw .overflow }
    let (short, stillOver) = x.coefficient.multipliedReportingOverflow(by: y.coefficient)
    return try ExactDecimal(bounded: short, stillOver, scale: x.scale + y.scale)
  }

  /// self ÷ divisor with exactly `scale` digits after the point.
  package func divided(
    by divisor: ExactDecimal, scale: Int, rounding: Rounding
  ) throws(DecimalError) -> ExactDecimal {
    guard !divisor.isZero else { throw .divisionByZero }
    if (0...Self.maxScale).contains(scale), let x = word, let y = divisor.word {
      let shift = scale + divisor.scale - self.scale
      if let top = x.shifted(by: max(shift, 0)), let bottom = y.shifted(by: max(-shift, 0)),
        top > .min
      {
        return ExactDecimal(word: Self.rounded(top, by: bottom, rounding), scale: scale)
      }
    }
    let (x, y) = (normalized, divisor.normalized)
    let shift = scale + y.scale - x.scale
    let up = try powerOfTenChecked(max(shift, 0))
    let down = try powerOfTenChecked(max(-shift, 0))
    let (top, over) = x.coefficient.multipliedReportingOverflow(by: up)
    let (bottom, under) = y.coefficient.multipliedReportingOverflow(by: down)
    guard !over, !under else { throw .overflow }
    let quotient = Self.rounded(top, by: bottom, rounding)
    return try ExactDecimal(bounded: quotient, false, scale: scale)
  }

  /// The same number with exactly `scale` digits after the point.
  package func rescaled(to scale: Int, rounding: Rounding) throws(DecimalError) -> ExactDecimal {
    if scale >= self.scale {
      return ExactDecimal(coefficient: try coefficient(at: scale), scale: scale)
    }
    if let word, let bottom = Int64(1).shifted(by: self.scale - scale) {
      return ExactDecimal(word: Self.rounded(word, by: bottom, rounding), scale: scale)
    }
    let divisor = powerOfTen(self.scale - scale)
    return ExactDecimal(
      coefficient: Self.rounded(coefficient, by: divisor, rounding), scale: scale)
  }

  /// Whether this is a whole number of `step`s. A step of zero divides nothing but zero.
  package func isMultiple(of step: ExactDecimal) throws(DecimalError) -> Bool {
    guard !step.isZero else { return isZero }
    if let (x, y, _) = Self.aligned(self, step) { return y == -1 || x % y == 0 }
    let scale = max(normalized.scale, step.normalized.scale)
    return try normalized.coefficient(at: scale) % step.normalized.coefficient(at: scale) == 0
  }

  private static func rounded<Word: FixedWidthInteger & SignedInteger>(
    _ top: Word, by bottom: Word, _ rounding: Rounding
  ) -> Word {
    let (quotient, remainder) = top.quotientAndRemainder(dividingBy: bottom)
    guard remainder != 0 else { return quotient }
    let away: Word = (top < 0) == (bottom < 0) ? 1 : -1
    switch rounding {
    case .down: return quotient
    case .up: return quotient + away
    case .halfEven:
      let rest = remainder.magnitude
      let other = bottom.magnitude - rest
      let goesAway = rest == other ? quotient % 2 != 0 : rest > other
      return goesAway ? quotient + away : quotient
    }
  }

  private func coefficient(at scale: Int) throws(DecimalError) -> Int128 {
    let (aligned, overflow) = coefficient.multipliedReportingOverflow(
      by: try powerOfTenChecked(scale - self.scale))
    guard !overflow else { throw .overflow }
    return aligned
  }

  private init(bounded coefficient: Int128, _ overflow: Bool, scale: Int) throws(DecimalError) {
    guard !overflow, coefficient.magnitude <= Self.maxCoefficient,
      (0...Self.maxScale).contains(scale)
    else { throw .overflow }
    self.init(coefficient: coefficient, scale: scale)
  }

  /// 38 nines: the largest coefficient, so that negation and printing never overflow.
  static let maxCoefficient: UInt128 = (0..<38).reduce(0) { total, _ in total * 10 + 9 }
}

extension Int64 {
  /// This times a power of ten; nil where 64 bits are too few.
  fileprivate func shifted(by exponent: Int) -> Int64? {
    if exponent == 0 { return self }
    guard exponent <= 18 else { return self == 0 ? 0 : nil }
    let (product, over) = multipliedReportingOverflow(by: Self.powerOfTen(exponent))
    return over ? nil : product
  }

  /// By squaring: a table of its own would be looked for on each use.
  private static func powerOfTen(_ exponent: Int) -> Int64 {
    var (power, base, left): (Int64, Int64, Int) = (1, 10, exponent)
    while left > 0 {
      if left & 1 == 1 { power &*= base }
      base &*= base
      left >>= 1
    }
    return power
  }
}

private let powersOfTen: [Int128] = (0...38).reduce(into: []) { powers, _ in
  powers.append((powers.last.map { $0 * 10 }) ?? 1)
}

private func powerOfTen(_ exponent: Int) -> Int128 { powersOfTen[exponent] }

private func powerOfTenChecked(_ exponent: Int) throws(DecimalError) -> Int128 {
  guard (0...38).contains(exponent) else { throw .overflow }
  return powersOfTen[exponent]
}
