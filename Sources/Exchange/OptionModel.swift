import Decimals

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The price of a European option by Black and Scholes without interest, at a volatility that smiles:
/// `base + smile × (ln(strike ÷ underlying))²`. Binary floating point serves the model only; what
/// leaves it is rounded to a tick or to eight digits.
struct OptionModel: Sendable {
  let kind: OptionTerms.Kind
  let strike: Double
  let underlying: Double
  /// Until expiry.
  let years: Double

  private static let baseIv = 0.55
  private static let smile = 0.4

  init(_ terms: OptionTerms, underlying: ExactDecimal, milliseconds: Int64) {
    kind = terms.kind
    strike = terms.strike.double
    self.underlying = underlying.double
    years = max(0, Double(milliseconds)) / (365 * 86_400_000)
  }

  /// The volatility a year that the mark price is made of.
  var markIv: Double {
    let distance = log(strike / underlying)
    return Self.baseIv + Self.smile * distance * distance
  }

  var intrinsic: Double {
    kind == .call ? max(0, underlying - strike) : max(0, strike - underlying)
  }

  func price(at iv: Double) -> Double {
    guard years > 0, iv > 0 else { return intrinsic }
    let (d1, d2) = distances(iv)
    let call = underlying * Self.normal(d1) - strike * Self.normal(d2)
    return max(0, kind == .call ? call : call - underlying + strike)
  }

  /// The volatility at which the model gives `price`, by halving; nil where there is none under 1000 %.
  func iv(of price: Double) -> Double? {
    guard years > 0, price > intrinsic, price < self.price(at: Self.maxIv) else { return nil }
    var (low, high) = (0.0, Self.maxIv)
    for _ in 0..<50 {
      let middle = (low + high) / 2
      if self.price(at: middle) < price { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  private static let maxIv = 10.0

  func quote(bid: ExactDecimal?, ask: ExactDecimal?, underlying price: ExactDecimal) -> OptionQuote
  {
    let iv = markIv
    let (d1, _) = years > 0 ? distances(iv) : (intrinsic > 0 ? 1e9 : -1e9, 0)
    let density = exp(-d1 * d1 / 2) / (2 * Double.pi).squareRoot()
    let root = max(years, 1e-9).squareRoot()
    return OptionQuote(
      underlying: price, markIv: .init(rounding: iv),
      bidIv: bid.flatMap { self.iv(of: $0.double) }.map { .init(rounding: $0) },
      askIv: ask.flatMap { self.iv(of: $0.double) }.map { .init(rounding: $0) },
      delta: .init(rounding: kind == .call ? Self.normal(d1) : Self.normal(d1) - 1),
      gamma: .init(rounding: density / (underlying * iv * root)),
      vega: .init(rounding: underlying * density * root / 100),
      theta: .init(rounding: -underlying * density * iv / (2 * root) / 365))
  }

  private func distances(_ iv: Double) -> (Double, Double) {
    let spread = iv * years.squareRoot()
    let d1 = (log(underlying / strike) + spread * spread / 2) / spread
    return (d1, d1 - spread)
  }

  private static func normal(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
}

extension ExactDecimal {
  /// The nearest binary number, for models only.
  var double: Double { Double(coefficient) / pow(10, Double(scale)) }

  /// Eight digits after the point.
  init(rounding value: Double) {
    self.init(coefficient: Int128((value * 1e8).rounded()), scale: 8)
  }
}
