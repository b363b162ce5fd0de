package import Decimals
package import JSON
package import Orders
package import Time

/// The exchange's rules for one symbol.
package struct Instrument: Hashable, Sendable {
  package var tick: ExactDecimal
  /// The step of the quantity; of spot orders in base coin.
  package var step: ExactDecimal
  /// The step of a spot market order that counts quote coin.
  package var quoteStep: ExactDecimal?
  package var minQty: ExactDecimal?
  package var maxLimitQty: ExactDecimal?
  package var maxMarketQty: ExactDecimal?
  /// Nil where the exchange has no such rule.
  package var minNotional: ExactDecimal?
  /// Shares of the mark (spot: index) price that bound limit prices: X and Y of the exchange's
  /// formula.
  package var priceRatioX: ExactDecimal?
  package var priceRatioY: ExactDecimal?
  /// The coin of price × quantity.
  package var currency: Text?
  package var fetchedAt: Timestamp

  package init(
    tick: ExactDecimal, step: ExactDecimal, quoteStep: ExactDecimal? = nil,
    minQty: ExactDecimal? = nil, maxLimitQty: ExactDecimal? = nil,
    maxMarketQty: ExactDecimal? = nil, minNotional: ExactDecimal? = nil,
    priceRatioX: ExactDecimal? = nil, priceRatioY: ExactDecimal? = nil, currency: Text? = nil,
    fetchedAt: Timestamp
  ) {
    self.tick = tick
    self.step = step
    self.quoteStep = quoteStep
    self.minQty = minQty
    self.maxLimitQty = maxLimitQty
    self.maxMarketQty = maxMarketQty
    self.minNotional = minNotional
    self.priceRatioX = priceRatioX
    self.priceRatioY = priceRatioY
    self.currency = currency
    self.fetchedAt = fetchedAt
  }

  /// A row of the exchange's `instruments-info`.
  package init(
    row: JSONCursor, category: Category, fetchedAt: Timestamp
  ) throws(JSONError) {
    let lot = try row.member("lotSizeFilter")
    let risk = try row.optional("riskParameters")
    let isSpot = category == .spot
    tick = try row.member("priceFilter").member("tickSize").decimal()
    step = try lot.member(isSpot ? "basePrecision" : "qtyStep").decimal()
    quoteStep = isSpot ? try lot.amount("quotePrecision") : nil
    minQty = isSpot ? nil : try lot.amount("minOrderQty")
    maxLimitQty = try lot.amount(isSpot ? "maxLimitOrderQty" : "maxOrderQty")
    maxMarketQty = try lot.amount(isSpot ? "maxMarketOrderQty" : "maxMktOrderQty")
    minNotional = try lot.amount(isSpot ? "minOrderAmt" : "minNotionalValue")
    priceRatioX = try risk?.amount("priceLimitRatioX")
    priceRatioY = try risk?.amount("priceLimitRatioY")
    switch category {
    case .inverse: currency = "USD"
    case .spot: currency = try row.optional("quoteCoin")?.text()
    case .linear, .option: currency = try row.optional("settleCoin")?.text()
    }
    self.fetchedAt = fetchedAt
  }
}

extension JSONCursor {
  fileprivate func amount(_ key: Text) throws(JSONError) -> ExactDecimal? {
    guard let member = try optional(key), member.value != "" else { return nil }
    return try member.decimal()
  }
}

/// What is publicly known of one symbol.
package struct SymbolMarket: Hashable, Sendable {
  package var instrument: Instrument?
  package var mark: ExactDecimal?
  package var index: ExactDecimal?
  package var last: ExactDecimal?
  package var bid: ExactDecimal?
  package var ask: ExactDecimal?
  package var bidSize: ExactDecimal?
  package var askSize: ExactDecimal?
  /// The price of the coin under an option.
  package var underlying: ExactDecimal?
  /// The matching engine's time of these prices.
  package var engineTime: Timestamp?
  /// The exchange's own highest buy and lowest sell price, and when it said so.
  package var buyLimit: ExactDecimal?
  package var sellLimit: ExactDecimal?
  package var limitsAsOf: Timestamp?
  /// Standard deviation of one-minute returns of the mark, as a share (0.0005 is 5 bps).
  package var sd1m: ExactDecimal?

  package init() {}

  package var hasPrice: Bool { [bid, ask, mark, last].contains { $0?.isPositive ?? false } }

  package var quote: Quote? {
    guard hasPrice, let engineTime else { return nil }
    return Quote(
      bid: bid, ask: ask, mark: mark, last: last, underlying: underlying,
      currency: instrument?.currency, asOf: engineTime)
  }
}

/// The market as the gateway last saw it, by symbol. All symbols are of the batch's category.
package struct MarketSnapshot: Hashable, Sendable {
  package var symbols: [Text: SymbolMarket]

  package init(_ symbols: [Text: SymbolMarket] = [:]) { self.symbols = symbols }
}
