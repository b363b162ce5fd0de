import Decimals
import JSON
import OperatorProtocol
import Terminal
import Time

/// What the prices of a few symbols were lately, for a small plot: nothing is decided by it.
struct PriceHistory: Hashable, Sendable {
  /// Moments that are kept of a symbol: half an hour at one look in two seconds is thinned to this.
  static let pointLimit = 240
  static let symbolLimit = 64

  struct Point: Hashable, Sendable {
    var at: Timestamp
    var price: ExactDecimal
  }

  private(set) var points: [Text: [Point]] = [:]

  mutating func take(_ view: ExposureView, at now: Timestamp) {
    for market in view.markets {
      guard let price = market.mark ?? market.last else { continue }
      let key = Self.key(market.symbol, market.category)
      if points[key] == nil, points.count >= Self.symbolLimit {
        guard
          let oldest = points.min(by: { ($0.value.last?.at ?? now) < ($1.value.last?.at ?? now) })
        else { continue }
        points[oldest.key] = nil
      }
      points[key, default: []].append(Point(at: now, price: price))
      thin(key)
    }
  }

  /// One symbol can stand in several categories.
  private static func key(_ symbol: Text, _ category: Text) -> Text { "\(category)/\(symbol)" }

  /// Every second of the older half goes when there are too many.
  private mutating func thin(_ key: Text) {
    guard let all = points[key], all.count > Self.pointLimit else { return }
    let half = all.count / 2
    let older = all[..<half].enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    points[key] = older + all[half...]
  }

  /// The prices since a moment, oldest first.
  func prices(of symbol: Text, _ category: Text, since moment: Timestamp) -> [ExactDecimal] {
    (points[Self.key(symbol, category)] ?? []).filter { $0.at >= moment }.map(\.price)
  }
}

/// Small pictures made of characters, for what a person would rather look at than read.
struct Plot {
  let glyphs: GlyphSet

  private var levels: [SafeText] {
    glyphs == .ascii
      ? ["_", ".", "-", "=", "+", "*", "%", "#"]
      : [
        "\u{2581}", "\u{2582}", "\u{2583}", "\u{2584}", "\u{2585}", "\u{2586}", "\u{2587}",
        "\u{2588}",
      ]
  }

  /// One cell a value, lowest to highest of them; the newest where not all fit. Empty for fewer
  /// than two values.
  func line(_ values: [ExactDecimal], width: Int) -> SafeText {
    let shown = values.suffix(max(0, width))
    guard shown.count > 1, let low = shown.min(), let high = shown.max() else { return .empty }
    guard let range = try? high - low, range.isPositive else {
      return Array(repeating: levels[3], count: shown.count).joined()
    }
    return shown.map { value in
      let share = (try? (value - low).divided(by: range, scale: 3, rounding: .down)) ?? .zero
      return levels[Self.cells(share, of: levels.count - 1)]
    }
    .joined()
  }

  /// `share` of `width` cells filled; never all of them under 1.
  func bar(_ share: ExactDecimal, width: Int) -> SafeText {
    let filled = Self.cells(share, of: width)
    let (full, empty): (SafeText, SafeText) =
      glyphs == .ascii ? ("#", ".") : ("\u{2588}", "\u{2591}")
    return (Array(repeating: full, count: filled) + Array(repeating: empty, count: width - filled))
      .joined()
  }

  /// `share` × `count`, rounded down, within 0 and `count`.
  static func cells(_ share: ExactDecimal, of count: Int) -> Int {
    guard let scaled = try? share * ExactDecimal(count),
      let whole = try? scaled.rescaled(to: 0, rounding: .down)
    else { return 0 }
    if whole.isNegative { return 0 }
    return Int(clamping: min(Int64(count), Int64(clamping: whole.coefficient)))
  }
}
