import Decimals
import JSON
import Time

/// The state of one market. Prices are in ticks.
struct Market: Sendable {
  let instrument: Instrument
  let maker: MakerModel
  /// The market whose middle this one follows.
  let leader: Int?
  var model: PriceModel
  var status = MarketStatus.trading
  /// Steps until a halt ends.
  var haltLeft = 0
  var book = Book()
  var triggers = TriggerBook()
  var middle: Int
  var mark: Int
  var index: Int
  let open: Int
  var last: Int
  var high: Int
  var low: Int
  var volume = 0
  var turnover = ExactDecimal.zero
  var update = 1
  var sequence = 1
  /// What the seeded market holds, so that the positions of all sides balance.
  var houseLots = 0
  var nextFunding: Timestamp?

  init(_ listing: Listing, leader: Int?, open: Int) {
    instrument = listing.instrument
    maker = listing.maker
    model = listing.model
    self.leader = leader
    self.open = open
    middle = open
    mark = open
    index = open
    last = open
    high = open
    low = open
    // A day of trading lies behind it: ten of its largest orders.
    let price = instrument.price(open)
    let traded = (try? instrument.maxQuantity * 10) ?? .zero
    let value =
      instrument.category == .inverse
      ? try? traded.divided(by: price, scale: 8, rounding: .halfEven) : try? traded * price
    volume = instrument.lots(of: traded) ?? 0
    turnover = value ?? .zero
  }

  var markPrice: ExactDecimal { instrument.price(mark) }
  var indexPrice: ExactDecimal { instrument.price(index) }

  /// The band in ticks: the highest buy and the lowest sell.
  ///
  /// Futures: from the mark by ratio X, moved by the premium of the middle over the mark, never
  /// inside the index and never past ratio Y. Spot: the same around the index. Options: half the mark
  /// and twenty ticks either way.
  func band() throws(DecimalError) -> (buy: Int, sell: Int) {
    let ratio = instrument.bandRatio
    guard instrument.category != .option else {
      let room = try instrument.ticksBelow(markPrice * ratio) + 20
      return (mark + room, max(1, mark - room))
    }
    let base = instrument.category == .spot ? index : mark
    let premium = middle - base
    let highest = try instrument.ticksBelow(edge(base, .one + instrument.outerBandRatio))
    let lowest = try instrument.ticksBelow(edge(base, .one - instrument.outerBandRatio))
    let above = try instrument.ticksBelow(edge(base, .one + ratio)) + max(0, premium)
    let below = try instrument.ticksBelow(edge(base, .one - ratio)) + min(0, premium)
    return (min(highest, max(index, above)), max(1, lowest, min(index, below)))
  }

  private func edge(_ base: Int, _ factor: ExactDecimal) throws(DecimalError) -> ExactDecimal {
    try instrument.price(base) * factor
  }

  /// Records a trade in the day's figures.
  mutating func record(_ lots: Int, at ticks: Int, value: ExactDecimal) throws(DecimalError) {
    last = ticks
    high = max(high, ticks)
    low = min(low, ticks)
    volume += lots
    turnover = try turnover + value
    sequence += 1
  }

  /// What longs pay to shorts, as a fraction of the position's value: the premium of the mark over
  /// the index, moved towards 0.01 % by at most 0.05 %, within ±0.5 %.
  func fundingRate() throws(DecimalError) -> ExactDecimal {
    let premium = try (markPrice - indexPrice)
      .divided(by: indexPrice, scale: 8, rounding: .halfEven)
    let pull = try min(max(Self.interest - premium, "-0.0005"), "0.0005")
    return try min(max(premium + pull, "-0.005"), "0.005").normalized
  }

  private static let interest: ExactDecimal = "0.0001"
}
