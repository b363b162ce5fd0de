import Decimals
import JSON
import TestSupport
import Testing

@Suite("Exact decimals")
struct DecimalTests {
  @Test(
    "are read from plain digits and keep their scale",
    arguments: ["0", "0.10", "-0.5", "64120.00", "1", "123456789012345678901234567890.12345678"])
  func texts(text: String) throws {
    #expect(try #require(ExactDecimal(text)).description == text)
  }

  @Test(
    "are not read from anything else",
    arguments: [
      "", "-", ".5", "5.", "+1", "1e3", " 1", "1 ", "1,000", "0x10", "--1", "1.2.3", "١", "1_000",
      "999999999999999999999999999999999999999", "0.0000000000000000000000000000000000001",
    ])
  func refused(text: String) { #expect(ExactDecimal(text) == nil) }

  @Test("compare by value across scales and signs")
  func comparison() {
    #expect(ExactDecimal("1.0") == "1.000")
    #expect(ExactDecimal("1.0").hashValue == ExactDecimal("1").hashValue)
    #expect(ExactDecimal("-0.0") == 0)
    #expect(ExactDecimal("-2") < "-1.999")
    #expect(ExactDecimal("-0.5") < "0.5")
    #expect(
      ExactDecimal("99999999999999999999999999999999999999")
        > "0.000000000000000000000000000000000001")
    // Across the borders of one word, with one scale.
    let rising: [ExactDecimal] = [
      "-36893488147419103232", "-18446744073709551616", "-9223372036854775809",
      "-9223372036854775808", "-1", "0", "9223372036854775807", "9223372036854775808",
      "18446744073709551615", "18446744073709551616", "36893488147419103232",
    ]
    for (a, b) in zip(rising, rising.dropFirst()) { #expect(a < b && !(b < a)) }
    #expect(rising.prefix { $0.isNegative }.count == 5 && rising.count { $0.isNegative } == 5)
    #expect(rising.filter(\.isZero) == [0] && rising.count(where: \.isPositive) == 5)
  }

  @Test("add, subtract and multiply exactly")
  func arithmetic() throws {
    try same(ExactDecimal("0.1") + "0.2", "0.3")
    try same(ExactDecimal("95900.1") * "0.5", "47950.05")
    try same(ExactDecimal("47950.05") * "0.00055", "26.3725275")
    try same(ExactDecimal("1") - "1.000000000001", "-0.000000000001")
  }

  @Test(
    "divide to a named scale and rounding",
    arguments: [
      ("1", "3", 4, Rounding.down, "0.3333"), ("2", "3", 4, .up, "0.6667"),
      ("2", "3", 4, .halfEven, "0.6667"), ("1", "8", 2, .halfEven, "0.12"),
      ("3", "8", 2, .halfEven, "0.38"), ("-1", "8", 2, .halfEven, "-0.12"),
      ("-1", "3", 2, .up, "-0.34"), ("-1", "3", 2, .down, "-0.33"),
      ("300", "27464.5", 8, .down, "0.01092319"),
    ] as [(ExactDecimal, ExactDecimal, Int, Rounding, ExactDecimal)])
  func division(
    a: ExactDecimal, b: ExactDecimal, scale: Int, rounding: Rounding, want: ExactDecimal
  )
    throws
  {
    try same(a.divided(by: b, scale: scale, rounding: rounding), want)
  }

  @Test("throw instead of rounding or wrapping")
  func overflow() {
    let big = ExactDecimal("99999999999999999999999999999999999999")
    #expect(throws: DecimalError.overflow) { _ = try big + 1 }
    #expect(throws: DecimalError.overflow) { _ = try big * 2 }
    #expect(throws: DecimalError.overflow) { _ = try (-big) - 1 }
    #expect(throws: DecimalError.divisionByZero) {
      _ = try big.divided(by: 0, scale: 0, rounding: .down)
    }
  }

  @Test(
    "know multiples of a step",
    arguments: [
      ("0.250", "0.001", true), ("0.2505", "0.001", false), ("64120.05", "0.10", false),
      ("64120.0", "0.10", true), ("0", "0.1", true), ("5", "0", false), ("-0.3", "0.1", true),
    ] as [(ExactDecimal, ExactDecimal, Bool)])
  func multiples(value: ExactDecimal, step: ExactDecimal, want: Bool) throws {
    let isMultiple = try value.isMultiple(of: step)
    #expect(isMultiple == want)
  }

  @Test(
    "are read from JSON numbers with exponents",
    arguments: [
      ("1e3", "1000"), ("1.5E-3", "0.0015"), ("-2.50e1", "-25"), ("0e99", nil), ("1e40", nil),
      ("0e9", "0"),
    ])
  func numbers(literal: String, want: String?) throws {
    let number = try #require(JSONNumber(literal: literal))
    #expect(ExactDecimal(number)?.description == want)
  }
}

@Suite("The laws of exact decimals")
struct DecimalLawTests {
  @Test("hold for 40,000 random triples", arguments: [1, 2, 3, 4] as [UInt64])
  func laws(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<10_000 {
      let (a, b, c) = (Self.decimal(&random), Self.decimal(&random), Self.decimal(&random))
      try same(a + b, b + a)
      try same((a + b) + c, a + (b + c))
      try same(a * b, b * a)
      try same(a * (b + c), a * b + a * c)
      try same((a + b) - b, a)
      let difference = try a - b
      #expect((a < b) == difference.isNegative)
      #expect(ExactDecimal(a.description) == a)
      #expect(a.normalized == a)
    }
  }

  /// value = quotient × divisor + remainder, with a remainder smaller than the last place.
  @Test(
    "are the same where 64 bits are enough and where they are not", arguments: [7, 8] as [UInt64])
  func narrowAndWide(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let edges: [Int64] = [.min, .min + 1, -10, -1, 0, 1, 9, 10, 999_999_999_999_999_999, .max]
    func coefficient() -> Int64 {
      switch random.below(4) {
      case 0: edges[random.below(edges.count)]
      case 1: Int64.random(in: .min ... .max, using: &random)
      default: Int64.random(in: -1_000_000...1_000_000, using: &random)
      }
    }
    func text(_ value: Int128, _ scale: Int) -> String {
      var digits = String(value.magnitude)
      while digits.count <= scale { digits = "0" + digits }
      if scale > 0 { digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale)) }
      return (value < 0 ? "-" : "") + digits
    }
    func power(_ exponent: Int) -> Int128 { (0..<exponent).reduce(1) { power, _ in power * 10 } }
    for _ in 0..<20_000 {
      let (x, y) = (Int128(coefficient()), Int128(coefficient()))
      let (m, n) = (random.below(13), random.below(13))
      let (a, b) = (
        ExactDecimal(coefficient: x, scale: m), ExactDecimal(coefficient: y, scale: n)
      )
      let scale = max(m, n)
      let (p, q) = (x * power(scale - m), y * power(scale - n))
      #expect(a.description == text(x, m))
      #expect(try (a + b).description == text(p + q, scale))
      #expect(try (a - b).description == text(p - q, scale))
      #expect(try (a * b).description == text(x * y, m + n))
      #expect((a < b) == (p < q))
      #expect((a == b) == (p == q))
      #expect((-a).description == text(-x, m))
      if q != 0 { #expect(try a.isMultiple(of: b) == (p % q == 0)) }
      let to = random.below(m + 1)
      let cut = power(m - to)
      #expect(try a.rescaled(to: to, rounding: .down).description == text(x / cut, to))
      guard q != 0 else { continue }
      let places = random.below(7)
      let (quotient, rest) = (p * power(places)).quotientAndRemainder(dividingBy: q)
      let away: Int128 = rest == 0 ? 0 : (p < 0) == (q < 0) ? 1 : -1
      #expect(
        try a.divided(by: b, scale: places, rounding: .down).description == text(quotient, places))
      #expect(
        try a.divided(by: b, scale: places, rounding: .up).description
          == text(quotient + away, places))
      let twice = rest.magnitude * 2
      let isAway = twice > q.magnitude || twice == q.magnitude && quotient % 2 != 0
      #expect(
        try a.divided(by: b, scale: places, rounding: .halfEven).description
          == text(isAway ? quotient + away : quotient, places))
    }
  }

  @Test("bound every quotient", arguments: [5, 6] as [UInt64])
  func quotients(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<5000 {
      let (a, b) = (Self.decimal(&random), Self.decimal(&random))
      guard !b.isZero else { continue }
      let quotient = try a.divided(by: b, scale: 8, rounding: .down)
      let rest = try (a - quotient * b).magnitude
      let bound = try b.magnitude * "0.00000001"
      #expect(rest < bound)
      #expect(quotient.isZero || quotient.isNegative == (a.isNegative != b.isNegative))
    }
  }

  private static func decimal(_ random: inout SeededGenerator) -> ExactDecimal {
    let whole = Int64.random(in: -10_000_000...10_000_000, using: &random)
    return ExactDecimal(coefficient: Int128(whole), scale: random.below(7))
  }
}

/// Evaluated outside the macro: its closures crash this toolchain when they throw typed errors and
/// return 128-bit values.
private func same(
  _ a: ExactDecimal, _ b: ExactDecimal, at location: SourceLocation = #_sourceLocation
) {
  #expect(a == b, sourceLocation: location)
}
