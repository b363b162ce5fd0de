import Decimals
import Exchange
import JSON
import Time

extension Rows {
  static func instrument(_ instrument: Instrument, _ status: MarketStatus) -> JSONObject {
    var row: JSONObject
    switch instrument.category {
    case .linear, .inverse: row = contract(instrument)
    case .spot: row = spot(instrument)
    case .option: row = option(instrument)
    }
    row["status"] = .string(status.rawValue)
    return row
  }

  private static let launch = "1585526400000"

  private static func contract(_ instrument: Instrument) -> JSONObject {
    let isLinear = instrument.category == .linear
    var row = JSONObject(strings: [
      ("symbol", instrument.symbol.string),
      ("contractType", isLinear ? "LinearPerpetual" : "InversePerpetual"), ("status", ""),
      ("baseCoin", instrument.baseCoin.string), ("quoteCoin", instrument.quoteCoin.string),
      ("launchTime", launch), ("deliveryTime", "0"), ("deliveryFeeRate", ""),
      ("priceScale", String(instrument.priceScale)),
      ("settleCoin", instrument.settleCoin.string), ("copyTrading", "none"),
      ("upperFundingRate", "0.005"), ("lowerFundingRate", "-0.005"), ("displayName", ""),
    ])
    row["symbolId"] = .int(instrument.symbolID)
    row["unifiedMarginTrade"] = true
    row["fundingInterval"] = .int(instrument.fundingInterval.count / 60_000)
    row["isPreListing"] = false
    row["leverageFilter"] = .object(
      JSONObject(strings: [
        ("minLeverage", instrument.minLeverage.description),
        ("maxLeverage", instrument.maxLeverage.description),
        ("leverageStep", instrument.leverageStep.description),
      ]))
    row["priceFilter"] = .object(
      JSONObject(strings: [
        ("minPrice", instrument.minPrice.description),
        ("maxPrice", instrument.maxPrice.description),
        ("tickSize", instrument.tickSize.description),
      ]))
    var lots: [(Text, String)] = [
      ("maxOrderQty", instrument.maxQuantity.description),
      ("minOrderQty", instrument.minQuantity.description),
      ("qtyStep", instrument.quantityStep.description),
      ("postOnlyMaxOrderQty", instrument.maxQuantity.description),
      ("maxMktOrderQty", instrument.maxMarketQuantity.description),
    ]
    if isLinear { lots.append(("minNotionalValue", instrument.minNotional.description)) }
    row["lotSizeFilter"] = .object(JSONObject(strings: lots))
    row["riskParameters"] = ratios(instrument)
    return row
  }

  private static func spot(_ instrument: Instrument) -> JSONObject {
    var row = JSONObject(strings: [
      ("symbol", instrument.symbol.string), ("baseCoin", instrument.baseCoin.string),
      ("quoteCoin", instrument.quoteCoin.string), ("innovation", "0"), ("status", ""),
      ("marginTrading", "utaOnly"), ("stTag", "0"), ("symbolType", ""), ("xstockMultiplier", ""),
    ])
    row["symbolId"] = .int(instrument.symbolID)
    row["lotSizeFilter"] = .object(
      JSONObject(strings: [
        ("basePrecision", instrument.basePrecision.description),
        ("quotePrecision", instrument.quotePrecision.description),
        ("minOrderQty", instrument.minQuantity.description),
        ("maxOrderQty", instrument.maxQuantity.description),
        ("minOrderAmt", instrument.minNotional.description), ("maxOrderAmt", "8000000"),
        ("maxLimitOrderQty", instrument.maxQuantity.description),
        ("maxMarketOrderQty", instrument.maxMarketQuantity.description),
        ("postOnlyMaxLimitOrderSize", instrument.maxQuantity.description),
      ]))
    row["priceFilter"] = .object(
      JSONObject(strings: [("tickSize", instrument.tickSize.description)]))
    row["riskParameters"] = ratios(instrument)
    return row
  }

  private static func option(_ instrument: Instrument) -> JSONObject {
    var row = JSONObject(strings: [
      ("symbol", instrument.symbol.string), ("status", ""),
      ("optionsType", instrument.option?.kind.rawValue ?? ""),
      ("baseCoin", instrument.baseCoin.string), ("quoteCoin", instrument.quoteCoin.string),
      ("settleCoin", instrument.settleCoin.string), ("launchTime", launch),
      ("deliveryTime", instrument.option?.expiry.text ?? "0"), ("deliveryFeeRate", "0.00015"),
      ("displayName", ""),
    ])
    row["symbolId"] = .int(instrument.symbolID)
    row["priceFilter"] = .object(
      JSONObject(strings: [
        ("minPrice", instrument.minPrice.description),
        ("maxPrice", instrument.maxPrice.description),
        ("tickSize", instrument.tickSize.description),
      ]))
    row["lotSizeFilter"] = .object(
      JSONObject(strings: [
        ("maxOrderQty", instrument.maxQuantity.description),
        ("minOrderQty", instrument.minQuantity.description),
        ("qtyStep", instrument.quantityStep.description),
      ]))
    return row
  }

  private static func ratios(_ instrument: Instrument) -> JSONValue {
    .object(
      JSONObject(strings: [
        ("priceLimitRatioX", instrument.bandRatio.description),
        ("priceLimitRatioY", instrument.outerBandRatio.description),
      ]))
  }

  /// The one tier of risk that a contract has.
  static func riskTier(_ instrument: Instrument) -> JSONObject {
    let initial = try? ExactDecimal.one.divided(
      by: instrument.maxLeverage, scale: 4, rounding: .up)
    var row = JSONObject(strings: [
      ("symbol", instrument.symbol.string), ("riskLimitValue", RiskTier.limit(of: instrument)),
      ("maintenanceMargin", plain(instrument.maintenanceRate)),
      ("initialMargin", plain(initial ?? .one)),
      ("maxLeverage", instrument.maxLeverage.description), ("mmDeduction", ""),
    ])
    row["id"] = 1
    row["isLowestRisk"] = 1
    return row
  }
}

enum RiskTier {
  /// The largest position of a contract's only tier: settlement coin.
  static func limit(of instrument: Instrument) -> String {
    instrument.category == .inverse ? "150" : "2000000"
  }
}
