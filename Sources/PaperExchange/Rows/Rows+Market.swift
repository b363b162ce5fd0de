import Decimals
import Exchange
import JSON
import Time

extension Rows {
  /// The row of a ticker on REST.
  static func ticker(_ ticker: Ticker) -> JSONObject {
    switch ticker.market.category {
    case .linear, .inverse: contractTicker(ticker)
    case .spot: JSONObject(joining: day(ticker), spotTicker(ticker), quote(ticker))
    case .option:
      JSONObject(
        joining: day(ticker), optionTicker(ticker), quote(ticker),
        [
          ("bid1Iv", text(ticker.option?.bidIv)), ("ask1Iv", text(ticker.option?.askIv)),
          ("markIv", text(ticker.option?.markIv)),
        ])
    }
  }

  /// The row of a ticker on its topic: spot has no quote there, and options other names.
  static func streamed(_ ticker: Ticker) -> JSONObject {
    switch ticker.market.category {
    case .linear, .inverse: contractTicker(ticker)
    case .spot: JSONObject(joining: day(ticker), spotTicker(ticker))
    case .option:
      JSONObject(
        joining: day(ticker), optionTicker(ticker),
        [
          ("bidPrice", text(ticker.bid?.price)), ("bidSize", text(ticker.bid?.quantity)),
          ("bidIv", text(ticker.option?.bidIv)), ("askPrice", text(ticker.ask?.price)),
          ("askSize", text(ticker.ask?.quantity)), ("askIv", text(ticker.option?.askIv)),
          ("markPriceIv", text(ticker.option?.markIv)),
        ])
    }
  }

  private static func quote(_ ticker: Ticker) -> [(Text, String)] {
    [
      ("bid1Price", text(ticker.bid?.price)), ("bid1Size", text(ticker.bid?.quantity)),
      ("ask1Price", text(ticker.ask?.price)), ("ask1Size", text(ticker.ask?.quantity)),
    ]
  }

  private static func change(_ ticker: Ticker) -> String {
    let change = try? (ticker.last - ticker.open)
      .divided(by: ticker.open, scale: 6, rounding: .halfEven)
    return change?.description ?? "0"
  }

  private static func day(_ ticker: Ticker) -> [(Text, String)] {
    [
      ("symbol", ticker.symbol.string), ("lastPrice", ticker.last.description),
      ("highPrice24h", ticker.high.description), ("lowPrice24h", ticker.low.description),
      ("turnover24h", plain(ticker.turnover)), ("volume24h", ticker.volume.description),
    ]
  }

  private static func contractTicker(_ ticker: Ticker) -> JSONObject {
    let open = ticker.openInterest
    let value =
      try? ticker.market.category == .inverse
      ? open.divided(by: ticker.mark, scale: Instrument.coinScale, rounding: .halfEven)
      : open * ticker.mark
    return JSONObject(
      joining: day(ticker), quote(ticker),
      [
        ("tickDirection", "PlusTick"), ("indexPrice", ticker.index.description),
        ("markPrice", ticker.mark.description), ("prevPrice24h", ticker.open.description),
        ("price24hPcnt", change(ticker)), ("prevPrice1h", ticker.open.description),
        ("openInterest", open.description), ("openInterestValue", plain(value ?? .zero)),
        ("fundingRate", text(ticker.fundingRate)),
        ("nextFundingTime", ticker.nextFunding?.text ?? ""), ("predictedDeliveryPrice", ""),
        ("basisRate", ""), ("deliveryFeeRate", ""), ("deliveryTime", "0"), ("basis", ""),
      ])
  }

  private static func spotTicker(_ ticker: Ticker) -> [(Text, String)] {
    [
      ("prevPrice24h", ticker.open.description), ("price24hPcnt", change(ticker)),
      ("usdIndexPrice", ticker.index.description),
    ]
  }

  private static func optionTicker(_ ticker: Ticker) -> [(Text, String)] {
    let option = ticker.option
    return [
      ("markPrice", ticker.mark.description), ("indexPrice", ticker.index.description),
      ("underlyingPrice", text(option?.underlying)),
      ("openInterest", ticker.openInterest.description),
      ("totalVolume", ticker.volume.description), ("totalTurnover", plain(ticker.turnover)),
      ("delta", text(option?.delta)), ("gamma", text(option?.gamma)),
      ("vega", text(option?.vega)), ("theta", text(option?.theta)),
      ("predictedDeliveryPrice", "0"), ("change24h", change(ticker)),
    ]
  }

  /// The members that every form of a book has: symbol, levels, update id and sequence.
  static func book(_ book: BookView) -> JSONObject {
    var row = JSONObject(strings: [("s", book.symbol.string)])
    row["b"] = .array(book.bids.map(level))
    row["a"] = .array(book.asks.map(level))
    row["u"] = .int(book.update)
    row["seq"] = .int(book.sequence)
    return row
  }

  private static func level(_ level: BookView.Level) -> JSONValue {
    let size = level.quantity.isZero ? "0" : level.quantity.description
    return .array([.string(level.price.description), .string(size)])
  }

  static func priceLimit(_ symbol: Text, _ band: PriceBand) -> JSONObject {
    JSONObject(strings: [
      ("symbol", symbol.string), ("buyLmt", band.highestBuy.description),
      ("sellLmt", band.lowestSell.description),
    ])
  }

  /// A trade on REST.
  static func trade(_ trade: PublicTrade) -> JSONObject {
    var row = JSONObject(strings: [
      ("execId", trade.id), ("symbol", trade.market.symbol.string),
      ("price", trade.price.description), ("size", trade.quantity.description),
      ("side", trade.side.rawValue), ("time", trade.at.text),
    ])
    row["isBlockTrade"] = false
    row["isRPITrade"] = false
    row["seq"] = .int(trade.sequence)
    return row
  }

  /// A trade on its topic.
  static func streamed(_ taped: TapedTrade) -> JSONObject {
    let trade = taped.trade
    var row = JSONObject(strings: [
      ("s", trade.market.symbol.string), ("S", trade.side.rawValue),
      ("v", trade.quantity.description), ("p", trade.price.description), ("i", trade.id),
    ])
    if trade.market.category.isFuture { row["L"] = .string(taped.direction) }
    row["T"] = .int(trade.at.milliseconds)
    row["BT"] = false
    row["RPI"] = false
    row["seq"] = .int(trade.sequence)
    return row
  }

  /// A candle on REST: start, open, high, low, close, volume, turnover.
  static func candle(_ candle: Candle) -> JSONValue {
    .array(
      [
        candle.start.text, candle.open.description, candle.high.description,
        candle.low.description, candle.close.description, plain(candle.volume),
        plain(candle.turnover),
      ].map { .string($0) })
  }

  /// A candle on its topic.
  static func streamed(
    _ candle: Candle, _ interval: CandleInterval, at now: Timestamp
  ) -> JSONObject {
    let end = interval.end(of: candle.start)
    var row = JSONObject(strings: [
      ("interval", interval.name.string), ("open", candle.open.description),
      ("close", candle.close.description), ("high", candle.high.description),
      ("low", candle.low.description), ("volume", plain(candle.volume)),
      ("turnover", plain(candle.turnover)),
    ])
    row["start"] = .int(candle.start.milliseconds)
    row["end"] = .int(end.milliseconds - 1)
    row["confirm"] = .bool(now >= end)
    row["timestamp"] = .int(now.milliseconds)
    return row
  }
}

extension PublicTrade {
  var id: String { "\(market.category.rawValue)-\(market.symbol)-\(sequence)" }
}
