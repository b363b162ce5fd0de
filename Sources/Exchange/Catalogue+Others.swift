import Decimals
import JSON
import Time

/// Listings besides the linear contracts. Each follows the linear contract of its coin.
extension Listing {
  // MARK: Inverse

  package static let inverse: [Listing] = [
    Listing(
      instrument: inverse("BTC", 1, tick: "0.50", scale: 2, most: "25000000"),
      maker: MakerModel(
        open: 130_000, halfSpread: 1, gap: 1, levels: 30, size: 60_000, volatility: 3,
        takerEvery: 3), leader: MarketID(.linear, "BTCUSDT")),
    Listing(
      instrument: inverse("ETH", 2, tick: "0.05", scale: 2, most: "10000000"),
      maker: MakerModel(
        open: 64_000, halfSpread: 1, gap: 1, levels: 30, size: 40_000, volatility: 3,
        takerEvery: 3), leader: MarketID(.linear, "ETHUSDT")),
  ]

  private static func inverse(
    _ coin: Text, _ id: Int, tick: ExactDecimal, scale: Int, most: ExactDecimal
  ) -> Instrument {
    Instrument(
      category: .inverse, symbol: "\(coin)USD", symbolID: id, baseCoin: coin, quoteCoin: "USD",
      settleCoin: coin, priceScale: scale, tickSize: tick, minPrice: tick, maxPrice: "1999999.00",
      quantityStep: "1", minQuantity: "1", maxQuantity: most, maxMarketQuantity: most,
      maxLeverage: "100.00", bandRatio: "0.01", outerBandRatio: "0.02")
  }

  // MARK: Spot

  package static let spot: [Listing] = [
    Listing(
      instrument: spot("BTC", 1001, tick: "0.1", scale: 1, step: "0.000001", most: "83"),
      maker: MakerModel(
        open: 650_000, halfSpread: 1, gap: 5, levels: 40, size: 300_000, volatility: 12,
        takerEvery: 2), leader: MarketID(.linear, "BTCUSDT")),
    Listing(
      instrument: spot("ETH", 1002, tick: "0.01", scale: 2, step: "0.00001", most: "1240"),
      maker: MakerModel(
        open: 320_000, halfSpread: 1, gap: 5, levels: 40, size: 500_000, volatility: 8,
        takerEvery: 2), leader: MarketID(.linear, "ETHUSDT")),
    Listing(
      instrument: spot("DOGE", 1003, tick: "0.00001", scale: 5, step: "0.1", most: "3000000"),
      maker: MakerModel(
        open: 17_500, halfSpread: 1, gap: 1, levels: 40, size: 400_000, volatility: 2,
        takerEvery: 3), leader: MarketID(.linear, "DOGEUSDT")),
  ]

  private static func spot(
    _ coin: Text, _ id: Int, tick: ExactDecimal, scale: Int, step: ExactDecimal,
    most: ExactDecimal
  ) -> Instrument {
    Instrument(
      category: .spot, symbol: "\(coin)USDT", symbolID: id, baseCoin: coin, priceScale: scale,
      tickSize: tick, minPrice: tick, maxPrice: "1999999", quantityStep: step, minQuantity: step,
      maxQuantity: most, maxMarketQuantity: most, minNotional: "5",
      quotePrecision: "0.0000001", bandRatio: "0.02", outerBandRatio: "0.05",
      takerFee: "0.001", makerFee: "0.001")
  }

  // MARK: Options

  /// Calls and puts on Bitcoin at five strikes around the opening price for two expiries.
  static func options(from start: Timestamp) -> [Listing] {
    let strikes: [ExactDecimal] = [55_000, 60_000, 65_000, 70_000, 75_000]
    return expiries(from: start).enumerated().flatMap { place, expiry in
      strikes.enumerated().flatMap { rank, strike in
        [OptionTerms.Kind.call, .put].enumerated().map { side, kind in
          option(
            OptionTerms(kind: kind, strike: strike, expiry: expiry),
            id: 2000 + place * 100 + rank * 2 + side)
        }
      }
    }
  }

  private static func option(_ terms: OptionTerms, id: Int) -> Listing {
    let letter = terms.kind == .call ? "C" : "P"
    let strike = terms.strike.description
    return Listing(
      instrument: Instrument(
        category: .option, symbol: Text("BTC-\(terms.expiry.optionDate)-\(strike)-\(letter)-USDT"),
        symbolID: id, baseCoin: "BTC", priceScale: 0, tickSize: "5", minPrice: "5",
        maxPrice: "10000000", quantityStep: "0.01", minQuantity: "0.01", maxQuantity: "500",
        maxMarketQuantity: "500", bandRatio: "0.5", outerBandRatio: "1", takerFee: "0.0003",
        makerFee: "0.0003", option: terms),
      maker: MakerModel(
        open: 400, halfSpread: 2, gap: 4, levels: 4, size: 1_000, volatility: 1, takerEvery: 20),
      leader: MarketID(.linear, "BTCUSDT"))
  }

  /// The last Fridays, 08:00 UTC, of the first two months where they are at least a week away.
  private static func expiries(from start: Timestamp) -> [Timestamp] {
    let day: Int64 = 86_400_000
    // 1970-01-02 was a Friday.
    let week = 7 * day
    let firstFriday = (start.milliseconds / week) * week + day + 8 * 3_600_000
    let fridays = (0..<20).map { Timestamp(milliseconds: firstFriday + Int64($0) * week) }
    let lastOfMonth = fridays.filter { friday in
      friday.monthText != (friday + Milliseconds(week)).monthText
    }
    return Array(lastOfMonth.filter { ($0 - start).count >= week }.prefix(2))
  }
}

extension Timestamp {
  /// `2027-01`.
  fileprivate var monthText: Substring { rfc3339.prefix(7) }

  /// `29JAN27`: the day without a leading zero, as in option symbols.
  fileprivate var optionDate: String {
    let months = [
      "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ]
    let text = rfc3339
    let parts = text.prefix(10).split(separator: "-")
    guard parts.count == 3, let month = Int(parts[1]), let day = Int(parts[2]) else { return text }
    return "\(day)\(months[month - 1])\(parts[0].suffix(2))"
  }
}
