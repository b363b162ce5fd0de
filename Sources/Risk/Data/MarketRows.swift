package import Decimals
package import JSON
package import Orders
package import Time

/// What the exchange's public answers say, read the same from the stream, from REST and from a file.
extension SymbolMarket {
  /// Takes what a row of `tickers` tells; a row of the stream may tell only what changed.
  package mutating func read(ticker row: JSONValue, at moment: Timestamp) {
    func take(_ path: WritableKeyPath<SymbolMarket, ExactDecimal?>, _ keys: Text...) {
      for key in keys {
        if let value = row.number(key) {
          self[keyPath: path] = value
          return
        }
      }
    }
    take(\.mark, "markPrice")
    take(\.index, "indexPrice", "usdIndexPrice")
    take(\.last, "lastPrice")
    take(\.bid, "bid1Price", "bidPrice")
    take(\.ask, "ask1Price", "askPrice")
    take(\.bidSize, "bid1Size", "bidSize")
    take(\.askSize, "ask1Size", "askSize")
    take(\.underlying, "underlyingPrice")
    take(\.volume24h, "volume24h")
    take(\.turnover24h, "turnover24h")
    take(\.fundingRate, "fundingRate")
    if let next = row["nextFundingTime"]?.stringValue.flatMap({ Int64($0) }), next > 0 {
      nextFunding = Timestamp(milliseconds: next)
    }
    if let delta = row.number("delta"), let gamma = row.number("gamma"),
      let vega = row.number("vega"), let theta = row.number("theta"),
      let implied = row.number("markIv") ?? row.number("markPriceIv")
    {
      greeks = Greeks(
        delta: delta, gamma: gamma, vega: vega, theta: theta, markVolatility: implied)
    }
    engineTime = moment
  }

  /// Takes an answer of `price-limit`.
  package mutating func read(priceLimit row: JSONValue, at moment: Timestamp) {
    guard let buy = row.number("buyLmt"), let sell = row.number("sellLmt") else { return }
    (buyLimit, sellLimit, limitsAsOf) = (buy, sell, moment)
  }

  /// Takes closing prices, oldest first, of one-minute and of daily candles.
  package mutating func read(minutes: [ExactDecimal], days: [ExactDecimal], at moment: Timestamp) {
    sd1m = Self.deviation(minutes) ?? sd1m
    sd1d = Self.deviation(days) ?? sd1d
    volatilityAsOf = moment
  }

  /// The standard deviation of logarithmic returns; nil for under ten of them.
  private static func deviation(_ prices: [ExactDecimal]) -> ExactDecimal? {
    let positive = prices.filter(\.isPositive).map { Statistics.logarithm(Double($0)) }
    guard positive.count > 10 else { return nil }
    let returns = zip(positive, positive.dropFirst()).map { $1 - $0 }
    return Statistics.standardDeviation(returns).flatMap {
      ExactDecimal(coefficient: Int128(($0 * 1e8).rounded()), scale: 8)
    }
  }
}

extension BookSnapshot {
  /// A whole book as `orderbook` answers it, or a snapshot of the stream. Nil when it is none.
  package init?(row: JSONValue, at moment: Timestamp) {
    guard let bids = row["b"]?.arrayValue, let asks = row["a"]?.arrayValue else { return nil }
    let time = row["cts"]?.intValue.map { Timestamp(milliseconds: Int64($0)) } ?? moment
    self.init(
      bids: bids.compactMap(Level.init), asks: asks.compactMap(Level.init), asOf: time)
  }

  /// Takes a change of the stream: levels with their new sizes, zero for those that are gone.
  package mutating func take(change row: JSONValue, at moment: Timestamp) {
    for level in row["b"]?.arrayValue ?? [] {
      Level(level).map { Self.put($0, in: &bids) { $0 > $1 } }
    }
    for level in row["a"]?.arrayValue ?? [] {
      Level(level).map { Self.put($0, in: &asks) { $0 < $1 } }
    }
    asOf = moment
  }

  private static func put(
    _ level: Level, in side: inout [Level], isBetter: (ExactDecimal, ExactDecimal) -> Bool
  ) {
    let at = side.firstIndex { !isBetter($0.price, level.price) } ?? side.endIndex
    let exists = at < side.endIndex && side[at].price == level.price
    switch (exists, level.size.isZero) {
    case (true, true): side.remove(at: at)
    case (true, false): side[at] = level
    case (false, false): side.insert(level, at: at)
    case (false, true): break
    }
  }
}

extension BookSnapshot.Level {
  /// `["price", "size"]`.
  init?(_ row: JSONValue) {
    guard let pair = row.arrayValue, pair.count == 2,
      let price = pair[0].stringValue.flatMap({ ExactDecimal($0) }),
      let size = pair[1].stringValue.flatMap({ ExactDecimal($0) })
    else { return nil }
    self.init(price: price, size: size)
  }
}

// MARK: Files

extension MarketSnapshot {
  /// A market that somebody wrote down: by symbol the exchange's own answers.
  ///
  ///     {"BTCUSDT": {"instrument": {…}, "ticker": {…}, "book": {…}, "price_limit": {…},
  ///                  "tiers": [{…}], "sd1m": "0.0002", "sd1d": "0.02"}}
  package init(
    json: JSONCursor, category: Category, at moment: Timestamp
  ) throws(JSONError) {
    self.init()
    for (symbol, one) in try json.members() {
      try one.allow(
        only: ["instrument", "ticker", "book", "price_limit", "tiers", "sd1m", "sd1d"])
      var market = SymbolMarket()
      market.instrument = try one.optional("instrument").map { row throws(JSONError) in
        try Instrument(row: row, category: category, fetchedAt: moment)
      }
      for tier in try one.optional("tiers")?.elements() ?? [] {
        market.instrument?.tiers.append(try Instrument.Tier(row: tier))
      }
      if let row = try one.optional("ticker") { market.read(ticker: row.value, at: moment) }
      if let row = try one.optional("book") {
        guard let book = BookSnapshot(row: row.value, at: moment) else {
          throw row.bad("this is no answer of orderbook")
        }
        market.book = book
        // What was written down counts as of now.
        market.book?.asOf = moment
      }
      if let row = try one.optional("price_limit") {
        market.read(priceLimit: row.value, at: moment)
      }
      market.sd1m = try one.amount("sd1m")
      market.sd1d = try one.amount("sd1d")
      if market.sd1m ?? market.sd1d != nil { market.volatilityAsOf = moment }
      symbols[symbol] = market
    }
  }
}

extension Account {
  /// An account that somebody wrote down, as the exchange's own answers.
  ///
  ///     {"wallet": {…}, "positions": [{…}], "orders": [{…}], "margin_mode": "REGULAR_MARGIN",
  ///      "day_result": "-120.5"}
  package init(json: JSONCursor, at moment: Timestamp) throws(JSONError) {
    try json.allow(only: ["wallet", "positions", "orders", "margin_mode", "day_result", "settings"])
    self.init(asOf: moment)
    if let wallet = try json.optional("wallet") { read(wallet: wallet.value) }
    for row in try json.optional("positions")?.elements() ?? [] {
      guard let position = Position(row: row.value) else { throw row.bad("this is no position") }
      positions.append(position)
    }
    for row in try json.optional("orders")?.elements() ?? [] {
      guard let order = OpenOrder(row: row.value) else { throw row.bad("this is no order") }
      openOrders.append(order)
    }
    if let mode = try json.optional("margin_mode") {
      guard let known = MarginMode(rawValue: try mode.string()) else {
        throw mode.bad("write REGULAR_MARGIN, ISOLATED_MARGIN or PORTFOLIO_MARGIN")
      }
      marginMode = known
    }
    dayResult = try json.optional("day_result")?.decimal()
    if let settings = try json.optional("settings") { read(settings: settings.value) }
  }

  /// Takes an answer of `user-setting-config`: true refuses prices outside the limit on contracts, and
  /// moves them on spot.
  package mutating func read(settings row: JSONValue) {
    rejectsOutsideLimit = row["lpaPerp"]?.boolValue
    rejectsOutsideSpotLimit = row["lpaSpot"]?.boolValue.map { !$0 }
  }
}
