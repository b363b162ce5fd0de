/// How the middle price of a market wanders. Everything is counted in ticks and steps.
package enum PriceModel: Hashable, Sendable {
  /// A random walk within the maker's volatility.
  case calm
  /// A random walk that leans `ticks` a step one way.
  case trending(ticks: Int)
  /// Calm, with a jump of up to `ticks` either way once in `every` steps on average.
  case gap(ticks: Int, every: Int)
  /// Calm, with at most `levels` levels a side at a tenth of their size.
  case thin(levels: Int)
  /// The middle moves by given prices only.
  case still
  /// No quotes and no orders for `steps` steps, then calm.
  case halt(steps: Int)

  var isThin: Bool { if case .thin = self { true } else { false } }
}
