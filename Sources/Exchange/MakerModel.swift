/// How the seeded market of one contract behaves: a middle price that wanders with quotes on a grid
/// around it, and small takers now and then. All prices in ticks, sizes in lots.
package struct MakerModel: Sendable {
  /// The middle price at the start; a market behind a leader starts where that one does.
  package let open: Int
  /// Distance of the best quote from the middle.
  package let halfSpread: Int
  /// Distance between the further levels; their prices are multiples of it.
  package let gap: Int
  package let levels: Int
  /// The mean size of a level.
  package let size: Int
  /// The furthest that the middle moves in one step.
  package let volatility: Int
  /// One step in this many brings a taker.
  package let takerEvery: Int

  package init(
    open: Int, halfSpread: Int, gap: Int, levels: Int, size: Int, volatility: Int, takerEvery: Int
  ) {
    self.open = open
    self.halfSpread = halfSpread
    self.gap = gap
    self.levels = levels
    self.size = size
    self.volatility = volatility
    self.takerEvery = takerEvery
  }

  /// The prices to quote on `side` around `middle`, best first.
  func quotes(_ side: Side, around middle: Int, _ model: PriceModel) -> [Int] {
    var further = levels - 1
    if case .thin(let kept) = model { further = max(0, min(kept, levels) - 1) }
    switch side {
    case .buy:
      let best = middle - halfSpread
      let next = ((best - 1) / gap) * gap
      return ([best] + (0..<further).map { next - $0 * gap }).filter { $0 > 0 }
    case .sell:
      let best = middle + halfSpread
      let next = (best / gap + 1) * gap
      return [best] + (0..<further).map { next + $0 * gap }
    }
  }

  /// The middle after one step; it stays between half and twice the opening price.
  func walk(from middle: Int, _ model: PriceModel, _ random: inout SplitMix64) -> Int {
    if case .still = model { return middle }
    var moved = middle + random.number(in: -volatility...volatility)
    switch model {
    case .trending(let ticks): moved += ticks
    case .gap(let ticks, let every) where random.oneIn(every):
      let jump = max(1, ticks)
      moved += random.number(in: -jump...jump)
    case .calm, .gap, .thin, .still, .halt: break
    }
    return min(max(moved, open / 2), open * 2)
  }

  func quoteSize(_ model: PriceModel, _ random: inout SplitMix64) -> Int {
    let whole = size / 2 + random.number(in: 0...size)
    if case .thin = model { return max(1, whole / 10) }
    return max(1, whole)
  }
}
