import Decimals
import Exchange
import JSON
import Time

/// Public market data.
extension PaperCore {
  static func serverTime(_ now: Timestamp) -> JSONValue {
    .object(
      JSONObject(strings: [
        ("timeSecond", String(now.milliseconds / 1000)), ("timeNano", now.text + "000000"),
      ]))
  }

  func tickers(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    guard category != .option || query["symbol"] != nil || query["baseCoin"] != nil else {
      throw Refusal.parameter("params error: symbol or baseCoin is required")
    }
    let rows = try listed(query, category).compactMap { venue.ticker($0.symbol, category) }
      .map { JSONValue.object(Rows.ticker($0)) }
    return ["category": .string(category.rawValue), "list": .array(rows)]
  }

  /// Markets that trade, unless a status or a symbol is asked for. Spot comes in one page.
  func instruments(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    let status = query["status"] ?? (query["symbol"] == nil ? "Trading" : nil)
    let all = try listed(query, category).map {
      ($0, venue.status($0.symbol, category) ?? .trading)
    }
    .filter { status == nil || Text($0.1.rawValue) == status }
    guard category != .spot else {
      let rows = all.map { JSONValue.object(Rows.instrument($0.0, $0.1)) }
      return ["category": "spot", "list": .array(rows), "nextPageCursor": ""]
    }
    return try page(all, query, category, most: 1000, usual: 500) { Rows.instrument($0.0, $0.1) }
  }

  func orderbook(_ query: Query, at now: Timestamp) throws -> JSONValue {
    let category = try query.category()
    let (most, usual) = Self.bookDepth(category)
    let depth = try query.int("limit", in: 1...most, default: usual)
    guard let book = venue.book(try query.required("symbol"), category, depth: depth) else {
      throw Refusal.symbol
    }
    var row = Rows.book(book)
    row["ts"] = .int(now.milliseconds)
    row["cts"] = .int(book.at.milliseconds)
    return .object(row)
  }

  /// The deepest book that may be asked for, and the usual one.
  private static func bookDepth(_ category: Category) -> (Int, Int) {
    switch category {
    case .linear, .inverse: (1000, 25)
    case .spot: (1000, 1)
    case .option: (25, 1)
    }
  }

  func priceLimit(_ query: Query, at now: Timestamp) throws -> JSONValue {
    let category = query["category"] == nil ? .linear : try query.category()
    let symbol = try query.required("symbol")
    guard let band = venue.priceBand(symbol, category) else { throw Refusal.symbol }
    var row = Rows.priceLimit(symbol, band)
    row["ts"] = .string(now.text)
    return .object(row)
  }

  func recentTrades(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    let limit = try query.int("limit", in: 1...1000, default: category == .spot ? 60 : 500)
    guard query["symbol"] != nil || (category == .option && query["baseCoin"] != nil) else {
      throw Refusal.parameter("params error: symbol is required")
    }
    let trades = try listed(query, category).flatMap { tapes[$0.id]?.trades ?? [] }
      .sorted { ($0.trade.at, $0.trade.sequence) > ($1.trade.at, $1.trade.sequence) }
    let rows = trades.prefix(limit).map { JSONValue.object(Rows.trade($0.trade)) }
    return ["category": .string(category.rawValue), "list": .array(rows)]
  }

  /// Candles of what was traded here, the newest first.
  func candles(_ query: Query) throws -> JSONValue {
    let category = query["category"] == nil ? .linear : try query.category()
    let symbol = try query.required("symbol")
    guard category != .option else { throw Refusal.category }
    guard venue.instrument(symbol, category) != nil else { throw Refusal.symbol }
    guard let interval = CandleInterval(try query.required("interval")) else {
      throw Refusal.parameter("params error: interval invalid")
    }
    let limit = try query.int("limit", in: 1...1000, default: 200)
    let (start, end) = (try query.time("start"), try query.time("end"))
    let all = (tapes[MarketID(category, symbol)]?.candles(interval) ?? []).reversed().filter {
      candle in
      start.map { $0 <= candle.start } ?? true && end.map { $0 >= candle.start } ?? true
    }
    return [
      "category": .string(category.rawValue), "symbol": .string(symbol),
      "list": .array(all.prefix(limit).map(Rows.candle)),
    ]
  }

  /// What was paid since the exchange opened, the newest first.
  func fundingHistory(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    let symbol = try query.required("symbol")
    guard category.isFuture, venue.instrument(symbol, category) != nil else {
      throw Refusal.symbol
    }
    let limit = try query.int("limit", in: 1...200, default: 200)
    let rows = (funding.paid[MarketID(category, symbol)] ?? []).reversed().prefix(limit).map {
      JSONValue.object(
        JSONObject(strings: [
          ("symbol", symbol.string), ("fundingRate", Rows.plain($0.rate)),
          ("fundingRateTimestamp", $0.at.text),
        ]))
    }
    return ["category": .string(category.rawValue), "list": .array(Array(rows))]
  }

  func riskLimits(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    guard category.isFuture else { throw Refusal.category }
    return try page(listed(query, category), query, category, most: 1000, usual: 500, Rows.riskTier)
  }

  /// The markets of a category that a question means.
  func listed(_ query: Query, _ category: Category) throws -> [Instrument] {
    let coin = query["baseCoin"]
    guard let symbol = query["symbol"] else {
      return venue.instruments.filter {
        $0.category == category && (coin == nil || $0.baseCoin == coin)
      }
    }
    guard let instrument = venue.instrument(symbol, category) else { throw Refusal.symbol }
    return [instrument]
  }
}
