package import Decimals
package import JSON
package import Orders
package import Time

/// The exchange's rules for one symbol.
package struct Instrument: Hashable, Sendable {
  /// Positions up to `limit` (in settle coin) need these margins.
  package struct Tier: Hashable, Sendable {
    package let limit: ExactDecimal
    /// Shares: 0.005 is half a percent.
    package let maintenance: ExactDecimal
    package let maxLeverage: ExactDecimal

    package init(limit: ExactDecimal, maintenance: ExactDecimal, maxLeverage: ExactDecimal) {
      self.limit = limit
      self.maintenance = maintenance
      self.maxLeverage = maxLeverage
    }
  }

  package var tick: ExactDecimal
  /// The step of the quantity; of spot orders in base coin.
  package var step: ExactDecimal
  /// The step of a spot market order that counts quote coin.
  package var quoteStep: ExactDecimal?
  package var minQty: ExactDecimal?
  package var maxLimitQty: ExactDecimal?
  package var maxMarketQty: ExactDecimal?
  package var maxPostOnlyQty: ExactDecimal?
  /// Nil where the exchange has no such rule.
  package var minNotional: ExactDecimal?
  /// Shares of the mark (spot: index) price that bound limit prices: X and Y of the exchange's
  /// formula.
  package var priceRatioX: ExactDecimal?
  package var priceRatioY: ExactDecimal?
  /// The coin of price × quantity.
  package var currency: Text?
  package var baseCoin: Text?
  /// `Trading`, `PreLaunch`, `Delivering`, …; nil where it is not told.
  package var status: Text?
  package var isPreListing = false
  package var launchedAt: Timestamp?
  /// Nil for what does not expire.
  package var deliversAt: Timestamp?
  package var maxLeverage: ExactDecimal?
  /// Lowest first; empty where they were not read.
  package var tiers: [Tier] = []
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
    maxPostOnlyQty = try lot.amount(isSpot ? "postOnlyMaxLimitOrderSize" : "postOnlyMaxOrderQty")
    minNotional = try lot.amount(isSpot ? "minOrderAmt" : "minNotionalValue")
    priceRatioX = try risk?.amount("priceLimitRatioX")
    priceRatioY = try risk?.amount("priceLimitRatioY")
    switch category {
    case .inverse: currency = "USD"
    case .spot: currency = try row.optional("quoteCoin")?.text()
    case .linear, .option: currency = try row.optional("settleCoin")?.text()
    }
    baseCoin = try row.optional("baseCoin")?.text()
    status = try row.optional("status")?.text()
    isPreListing = try row.optional("isPreListing")?.bool() ?? false
    launchedAt = try row.moment("launchTime")
    deliversAt = try row.moment("deliveryTime")
    maxLeverage = try row.optional("leverageFilter")?.amount("maxLeverage")
    self.fetchedAt = fetchedAt
  }
}

extension Instrument.Tier {
  /// A row of the exchange's `risk-limit`.
  package init(row: JSONCursor) throws(JSONError) {
    self.init(
      limit: try row.member("riskLimitValue").decimal(),
      maintenance: try row.member("maintenanceMargin").decimal(),
      maxLeverage: try row.member("maxLeverage").decimal())
  }
}

extension JSONCursor {
  /// "" and absence are nothing.
  func amount(_ key: Text) throws(JSONError) -> ExactDecimal? {
    guard let member = try optional(key), member.value != "" else { return nil }
    return try member.decimal()
  }

  /// Milliseconds since 1970 as the exchange writes them; "", "0" and absence are none.
  func moment(_ key: Text) throws(JSONError) -> Timestamp? {
    guard let member = try optional(key) else { return nil }
    let count = member.value.intValue ?? member.value.stringValue.flatMap { Int($0) } ?? 0
    return count > 0 ? Timestamp(milliseconds: Int64(count)) : nil
  }
}
