import Decimals

/// Binary floats, for statistics only: no amount is ever computed with them.
enum Statistics {
  /// The middle one, or the mean of the two.
  static func median(_ values: [Double]) -> Double? {
    guard let upper = middle(values) else { return nil }
    guard values.count % 2 == 0 else { return upper }
    // The one before it in order: equal to it, or the largest of the smaller ones.
    let smaller = values.filter { $0 < upper }
    let lower = smaller.count == values.count / 2 ? smaller.max() ?? upper : upper
    return (lower + upper) / 2
  }

  /// What would stand at `count / 2` if they were sorted; found without sorting all of them.
  static func middle<Value: Comparable>(_ values: [Value]) -> Value? {
    guard !values.isEmpty else { return nil }
    var all = values
    let place = all.count / 2
    var (low, high) = (0, all.count - 1)
    while low < high {
      let pivot = all[(low + high) / 2]
      var (left, right) = (low, high)
      while left <= right {
        while all[left] < pivot { left += 1 }
        while pivot < all[right] { right -= 1 }
        guard left <= right else { break }
        all.swapAt(left, right)
        left += 1
        right -= 1
      }
      if place <= right {
        high = right
      } else if place >= left {
        low = left
      } else {
        break
      }
    }
    return all[place]
  }

  /// The median distance from the median.
  static func spread(_ values: [Double], around middle: Double) -> Double {
    median(values.map { abs($0 - middle) }) ?? 0
  }

  static func standardDeviation(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(values.count - 1)).squareRoot()
  }

  /// The natural logarithm by the series of its inverse hyperbolic tangent, right to a part in 10¹².
  static func logarithm(_ value: Double) -> Double {
    guard value > 0, value.isFinite else { return -.infinity }
    let root = value.significand / 1.4142135623730951
    let x = (root - 1) / (root + 1)
    var term = x
    var sum = 0.0
    for power in stride(from: 1, through: 31, by: 2) {
      sum += term / Double(power)
      term *= x * x
    }
    return 2 * sum + (Double(value.exponent) + 0.5) * 0.6931471805599453
  }
}

extension Double {
  init(_ value: ExactDecimal) {
    // The way over 128 bits is long, and nearly no amount needs it.
    var result = Int64(exactly: value.coefficient).map { Double($0) } ?? Double(value.coefficient)
    for _ in 0..<value.scale { result /= 10 }
    self = result
  }
}

extension ExactDecimal {
  /// A statistic as a number with four digits after the point. Nil where it is none.
  package init?(statistic value: Double) {
    guard value.isFinite, abs(value) < 1e14 else { return nil }
    self.init(coefficient: Int128((value * 10_000).rounded()), scale: 4)
  }

  /// `(price - base) / base` in basis points, two digits, away from zero: what is past a limit by a
  /// hair is past it.
  func basisPoints(to price: ExactDecimal) throws(DecimalError) -> ExactDecimal {
    try ((price - self) * 10_000).divided(by: self, scale: 2, rounding: .up)
  }

  /// This in percent of `whole`, two digits, away from zero.
  func percent(of whole: ExactDecimal) throws(DecimalError) -> ExactDecimal {
    try (self * 100).divided(by: whole, scale: 2, rounding: .up)
  }

  /// This many times `unit`, two digits, away from zero; towards it where less is worse.
  func times(
    _ unit: ExactDecimal, rounding: Rounding = .up
  ) throws(DecimalError) -> ExactDecimal {
    try divided(by: unit, scale: 2, rounding: rounding)
  }
}
