import Exchange

/// How every market moves, unless a recording moves it.
package enum PricePlan: String, CaseIterable, Sendable {
  case calm
  case trending
  case gap
  case thin
  case halt

  /// The model of a market by how far it moves in a step.
  func model(_ maker: MakerModel) -> PriceModel {
    switch self {
    case .calm: .calm
    case .trending: .trending(ticks: max(1, maker.volatility / 4))
    case .gap: .gap(ticks: max(2, maker.volatility * 50), every: 100)
    case .thin: .thin(levels: 3)
    case .halt: .halt(steps: 100)
    }
  }
}
