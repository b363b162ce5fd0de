import Decimals
import Exchange
import JSON
import Time

/// One place for a position, taken or not, with what the row shows of its market.
struct PositionView: Sendable {
  let instrument: Instrument
  /// Nil before the first trade.
  let position: Position?
  let index: Int
  let mark: ExactDecimal
  let leverage: ExactDecimal
  let initialMargin: ExactDecimal
  let maintenanceMargin: ExactDecimal
  /// Nil where no price liquidates it.
  let liquidation: ExactDecimal?
}

extension Rows {
  /// The row of a list, which has the mean price as `avgPrice` and names the category once.
  static func listed(_ view: PositionView) -> JSONObject {
    var row = position(view, entryKey: "avgPrice")
    row["category"] = nil
    return row
  }

  /// The row of a stream.
  static func position(_ view: PositionView) -> JSONObject {
    position(view, entryKey: "entryPrice")
  }

  private static func position(_ view: PositionView, entryKey: Text) -> JSONObject {
    let position = view.position
    let isFlat = position?.side == nil
    let isFuture = view.instrument.category.isFuture
    let unrealised = (try? position?.unrealised(at: view.mark, view.instrument)) ?? .zero
    let realised = position.flatMap { try? $0.realised - $0.fees - $0.funding } ?? .zero
    let exits = position?.exits ?? Exits()
    var row = JSONObject(strings: [
      ("category", view.instrument.category.rawValue), ("symbol", view.instrument.symbol.string),
      ("side", position?.side?.rawValue ?? ""), ("size", plain(position?.size ?? .zero)),
      (entryKey, position?.averagePrice?.description ?? "0"),
      ("positionValue", isFlat ? "" : plain(position?.entryValue ?? .zero)),
      ("riskLimitValue", isFuture ? RiskTier.limit(of: view.instrument) : ""),
      ("positionStatus", "Normal"), ("leverage", isFuture ? view.leverage.description : ""),
      ("breakEvenPrice", ""), ("markPrice", view.mark.description),
      ("liqPrice", text(view.liquidation)), ("bustPrice", ""),
      ("positionMM", plain(view.maintenanceMargin)),
      ("positionIM", plain(view.initialMargin)), ("positionBalance", "0"),
      ("takeProfit", text(exits.takeProfit?.trigger)),
      ("stopLoss", text(exits.stopLoss?.trigger)), ("trailingStop", "0"),
      ("sessionAvgPrice", ""), ("tpslMode", exits.mode.rawValue),
      ("unrealisedPnl", plain(unrealised)), ("curRealisedPnl", plain(realised)),
      ("cumRealisedPnl", plain(realised)), ("mmrSysUpdatedTime", ""),
      ("leverageSysUpdatedTime", ""), ("createdTime", position?.createdAt.text ?? ""),
      ("updatedTime", position?.updatedAt.text ?? ""),
    ])
    row["positionIdx"] = .int(view.index)
    row["riskId"] = isFuture ? 1 : 0
    row["tradeMode"] = 0
    row["autoAddMargin"] = 0
    row["adlRankIndicator"] = isFlat ? 0 : 2
    row["seq"] = .int(position?.sequence ?? -1)
    row["isReduceOnly"] = false
    return row
  }

  /// `only`: the coins that are shown; nil shows all.
  static func wallet(_ wallet: WalletSummary, only: Set<Text>? = nil) -> JSONObject {
    let initial = (try? wallet.positionMargin + wallet.orderMargin) ?? .zero
    var row = JSONObject(strings: [
      ("accountType", "UNIFIED"), ("totalEquity", plain(wallet.equity)),
      ("totalWalletBalance", plain(wallet.balance)),
      ("totalMarginBalance", plain(wallet.marginBalance)),
      ("totalAvailableBalance", plain(wallet.available)),
      ("totalPerpUPL", plain(wallet.unrealised)), ("totalInitialMargin", plain(initial)),
      ("totalMaintenanceMargin", plain(wallet.maintenanceMargin)),
      ("accountIMRate", plain(wallet.initialRate)),
      ("accountMMRate", plain(wallet.maintenanceRate)), ("accountLTV", "0"),
    ])
    row["coin"] = .array(
      wallet.coins.filter { only?.contains($0.coin) ?? true }.map { .object(coin($0)) })
    return row
  }

  private static func coin(_ coin: CoinSummary) -> JSONObject {
    var row = JSONObject(strings: [
      ("coin", coin.coin.string), ("equity", plain(coin.equity)),
      ("usdValue", plain(coin.usdValue)), ("walletBalance", plain(coin.balance)),
      ("locked", plain(coin.locked)), ("borrowAmount", plain(coin.borrowed)),
      ("accruedInterest", "0"), ("availableToWithdraw", ""), ("availableToBorrow", ""),
      ("totalOrderIM", plain(coin.orderMargin)), ("totalPositionIM", plain(coin.positionMargin)),
      ("totalPositionMM", plain(coin.maintenanceMargin)),
      ("unrealisedPnl", plain(coin.unrealised)), ("cumRealisedPnl", plain(coin.realised)),
      ("bonus", "0"), ("spotBorrow", plain(coin.borrowed)), ("spotHedgingQty", "0"),
    ])
    row["marginCollateral"] = true
    row["collateralSwitch"] = true
    return row
  }
}

extension WalletSummary {
  /// Initial margin of positions and orders as a fraction of what margin is measured against.
  var initialRate: ExactDecimal { rate((try? positionMargin + orderMargin) ?? .zero) }
  var maintenanceRate: ExactDecimal { rate(maintenanceMargin) }

  private func rate(_ part: ExactDecimal) -> ExactDecimal {
    guard marginBalance.isPositive else { return .zero }
    return (try? part.divided(by: marginBalance, scale: 6, rounding: .halfEven)) ?? .zero
  }
}
