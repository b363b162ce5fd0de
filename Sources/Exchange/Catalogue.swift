import Decimals
import JSON
package import Time

/// One instrument on offer and the market that is made in it.
package struct Listing: Sendable {
  package var instrument: Instrument
  package var maker: MakerModel
  /// The market whose price this one follows.
  package var leader: MarketID?
  package var model: PriceModel

  package init(
    instrument: Instrument, maker: MakerModel, leader: MarketID? = nil, model: PriceModel = .calm
  ) {
    self.instrument = instrument
    self.maker = maker
    self.leader = leader
    self.model = model
  }

  /// 2027-01-15T08:00:00Z, for exchanges that are told no other time.
  package static let usualStart = Timestamp(milliseconds: 1_800_000_000_000)

  /// Every category, in the order in which they are listed. Options end on the two month-ends that
  /// are at least a week after `start`.
  package static func all(from start: Timestamp) -> [Listing] {
    linear + inverse + spot + options(from: start)
  }

  /// Five liquid contracts and a thin one.
  package static let linear: [Listing] = [btc, eth, sol, xrp, doge, hifi]

  private static let btc = Listing(
    instrument: Instrument(
      symbol: "BTCUSDT", symbolID: 5, baseCoin: "BTC", priceScale: 2, tickSize: "0.10",
      minPrice: "0.10", maxPrice: "1999999.80", quantityStep: "0.001", minQuantity: "0.001",
      maxQuantity: "1190.000", maxMarketQuantity: "500.000", minNotional: "5",
      maxLeverage: "100.00", bandRatio: "0.01", outerBandRatio: "0.02"),
    maker: MakerModel(
      open: 650_000, halfSpread: 1, gap: 5, levels: 50, size: 400, volatility: 12, takerEvery: 2))

  private static let eth = Listing(
    instrument: Instrument(
      symbol: "ETHUSDT", symbolID: 6, baseCoin: "ETH", priceScale: 2, tickSize: "0.01",
      minPrice: "0.01", maxPrice: "199999.98", quantityStep: "0.01", minQuantity: "0.01",
      maxQuantity: "7240.00", maxMarketQuantity: "1450.00", minNotional: "5",
      maxLeverage: "100.00", bandRatio: "0.01", outerBandRatio: "0.02"),
    maker: MakerModel(
      open: 320_000, halfSpread: 1, gap: 5, levels: 50, size: 600, volatility: 8, takerEvery: 2))

  private static let sol = Listing(
    instrument: Instrument(
      symbol: "SOLUSDT", symbolID: 44, baseCoin: "SOL", priceScale: 3, tickSize: "0.010",
      minPrice: "0.010", maxPrice: "19999.980", quantityStep: "0.1", minQuantity: "0.1",
      maxQuantity: "79770.0", maxMarketQuantity: "16720.0", minNotional: "5",
      maxLeverage: "100.00", bandRatio: "0.015", outerBandRatio: "0.03"),
    maker: MakerModel(
      open: 15_000, halfSpread: 1, gap: 1, levels: 50, size: 800, volatility: 1, takerEvery: 2))

  private static let xrp = Listing(
    instrument: Instrument(
      symbol: "XRPUSDT", symbolID: 10, baseCoin: "XRP", priceScale: 4, tickSize: "0.0001",
      minPrice: "0.0001", maxPrice: "199.9998", quantityStep: "0.1", minQuantity: "0.1",
      maxQuantity: "4500000.0", maxMarketQuantity: "1000000.0", minNotional: "5",
      maxLeverage: "75.00", bandRatio: "0.02", outerBandRatio: "0.04"),
    maker: MakerModel(
      open: 21_500, halfSpread: 1, gap: 1, levels: 50, size: 60_000, volatility: 2, takerEvery: 2))

  private static let doge = Listing(
    instrument: Instrument(
      symbol: "DOGEUSDT", symbolID: 21, baseCoin: "DOGE", priceScale: 5, tickSize: "0.00001",
      minPrice: "0.00001", maxPrice: "19.99998", quantityStep: "1", minQuantity: "1",
      maxQuantity: "34900000", maxMarketQuantity: "5780000", minNotional: "5",
      maxLeverage: "75.00", bandRatio: "0.02", outerBandRatio: "0.04"),
    maker: MakerModel(
      open: 17_500, halfSpread: 1, gap: 1, levels: 50, size: 80_000, volatility: 2, takerEvery: 3))

  private static let hifi = Listing(
    instrument: Instrument(
      symbol: "HIFIUSDT", symbolID: 803, baseCoin: "HIFI", priceScale: 4, tickSize: "0.0001",
      minPrice: "0.0001", maxPrice: "199.9998", quantityStep: "1", minQuantity: "1",
      maxQuantity: "250000", maxMarketQuantity: "50000", minNotional: "5",
      maxLeverage: "12.50", bandRatio: "0.05", outerBandRatio: "0.10"),
    maker: MakerModel(
      open: 3_000, halfSpread: 9, gap: 12, levels: 6, size: 250, volatility: 1, takerEvery: 40))
}
