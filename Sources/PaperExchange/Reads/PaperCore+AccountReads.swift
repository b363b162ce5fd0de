import Decimals
import Exchange
import JSON
import Time

/// What the account looks like.
extension PaperCore {
  private var account: AccountID { configuration.account }

  func positionList(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    guard category != .spot else { throw Refusal.category }
    let views: [PositionView]
    if let symbol = query["symbol"] {
      guard venue.instrument(symbol, category) != nil else { throw Refusal.symbol }
      let indices = venue.isHedged(symbol, category, of: account) ? [1, 2] : [0]
      views = indices.compactMap {
        let position = venue.position(symbol, category, index: $0, of: account)
        return view(of: MarketID(category, symbol), index: $0, position)
      }
    } else {
      let (base, settle) = (query["baseCoin"], query["settleCoin"])
      guard category != .linear || settle != nil else {
        throw Refusal.parameter("params error: symbol or settleCoin is required")
      }
      views = venue.positions(of: account).filter { $0.side != nil && $0.category == category }
        .compactMap { view(of: $0.market, index: $0.index, $0) }
        .filter { base == nil || $0.instrument.baseCoin == base }
        .filter { settle == nil || $0.instrument.settleCoin == settle }
    }
    return try page(views, query, category, most: 200, usual: 20, Rows.listed)
  }

  /// What there is to show of one place for a position.
  func view(of market: MarketID, index: Int, _ position: Position?) -> PositionView? {
    guard let instrument = venue.instrument(market.symbol, market.category) else { return nil }
    let margins = position.flatMap { venue.margins(of: $0, account) }
    return PositionView(
      instrument: instrument, position: position, index: index,
      mark: venue.mark(market.symbol, market.category) ?? .zero,
      leverage: position?.leverage
        ?? venue.leverage(market.symbol, market.category, index: index, of: account),
      initialMargin: margins?.initial ?? .zero, maintenanceMargin: margins?.maintenance ?? .zero,
      liquidation: position.flatMap { venue.liquidationPrice($0, of: account) })
  }

  func walletBalance(_ query: Query) throws -> JSONValue {
    guard try query.required("accountType") == "UNIFIED" else {
      throw Refusal.parameter("accountType only support UNIFIED.")
    }
    guard let summary = try venue.summary(of: account) else { throw Refusal.server }
    let coins = query["coin"].map { coins in
      Set(coins.string.split(separator: ",").map { Text($0) })
    }
    return ["list": [.object(Rows.wallet(summary, only: coins))]]
  }

  func accountInfo() -> JSONValue {
    var info = JSONObject(strings: [
      ("marginMode", "REGULAR_MARGIN"), ("updatedTime", "1800000000000"), ("dcpStatus", "OFF"),
      ("spotHedgingStatus", "OFF"),
    ])
    info["unifiedMarginStatus"] = 5
    info["timeWindow"] = 10
    info["smpGroup"] = .int(venue.selfMatchGroup(of: account))
    info["isMasterTrader"] = false
    return .object(info)
  }

  /// Whether prices outside the band are refused (true) or moved to its edge.
  func settings() -> JSONValue {
    [
      "lpaSpot": .bool(venue.priceLimit(.spot, of: account) == .refuse),
      "lpaPerp": .bool(venue.priceLimit(.linear, of: account) == .refuse),
      "deltaHedgeMode": "0",
    ]
  }

  /// Options have one row a coin, everything else one a symbol.
  func feeRates(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    var seen: Set<Text> = []
    let rows = try listed(query, category).compactMap { instrument -> JSONValue? in
      let isOption = category == .option
      guard seen.insert(isOption ? instrument.baseCoin : instrument.symbol).inserted else {
        return nil
      }
      return .object(
        JSONObject(strings: [
          ("symbol", isOption ? "" : instrument.symbol.string),
          ("baseCoin", isOption ? instrument.baseCoin.string : ""),
          ("takerFeeRate", instrument.takerFee.description),
          ("makerFeeRate", instrument.makerFee.description),
        ]))
    }
    return ["category": .string(category.rawValue), "list": .array(rows)]
  }

  func collateral(_ query: Query) throws -> JSONValue {
    guard let summary = try venue.summary(of: account) else { throw Refusal.server }
    let bases = Set(venue.instruments.map(\.baseCoin)).sorted()
    let wanted = query["currency"]
    let rows = (["USDT"] + bases).filter { wanted == nil || $0 == wanted }.map { coin in
      let borrowed = summary.coins.first { $0.coin == coin }?.borrowed ?? .zero
      var row = JSONObject(strings: [
        ("currency", coin.string), ("hourlyBorrowRate", "0"), ("maxBorrowingAmount", "0"),
        ("freeBorrowingLimit", ""), ("freeBorrowAmount", ""),
        ("borrowAmount", Rows.plain(borrowed)), ("otherBorrowAmount", ""),
        ("availableToBorrow", "0"), ("borrowUsageRate", "0"), ("collateralRatio", "1"),
      ])
      row["borrowable"] = true
      row["marginCollateral"] = true
      row["collateralSwitch"] = true
      return JSONValue.object(row)
    }
    return ["list": .array(rows)]
  }

  func keyInfo(_ key: PaperKey) -> JSONValue {
    var info = JSONObject(strings: [
      ("id", "1"), ("note", "paper"), ("apiKey", key.key.string), ("secret", ""),
      ("deadlineDay", ""), ("expiredAt", "2099-12-31T00:00:00Z"),
      ("createdAt", "2026-01-01T00:00:00Z"), ("vipLevel", "No VIP"), ("mktMakerLevel", "0"),
      ("rsaPublicKey", ""), ("parentUid", "0"), ("kycLevel", "LEVEL_DEFAULT"), ("kycRegion", ""),
    ])
    info["readOnly"] = .int(key.canTrade ? 0 : 1)
    info["permissions"] = [
      "ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": [],
      "Options": ["OptionsTrade"], "Derivatives": ["DerivativesTrade"], "CopyTrading": [],
      "BlockTrade": [], "Exchange": [], "NFT": [], "Affiliate": [], "Earn": [],
    ]
    info["ips"] = ["*"]
    info["type"] = 1
    info["unified"] = 0
    info["uta"] = 1
    info["userID"] = .int(configuration.account.uid)
    info["inviterID"] = 0
    info["affiliateID"] = 0
    info["isMaster"] = true
    return .object(info)
  }
}
