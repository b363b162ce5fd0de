import Decimals
import Exchange
import JSON
import Time

extension Rows {
  /// Members of streams that the lists of REST leave out; those name the category once.
  private static let streamed: [Text] = [
    "category", "brokerOrderPrice", "createType", "closedPnl", "feeCurrency", "ocoTriggerBy",
    "marketUnit",
  ]

  /// The row of a list.
  static func listed(_ order: Order) -> JSONObject {
    var row = self.order(order)
    for key in streamed { row[key] = nil }
    return row
  }

  /// The row of a list.
  static func listed(_ execution: Execution) -> JSONObject {
    var row = self.execution(execution)
    row["category"] = nil
    return row
  }

  /// The row of a stream.
  static func order(_ order: Order) -> JSONObject {
    var row = JSONObject(strings: [
      ("category", order.category.rawValue), ("orderId", order.id.string),
      ("orderLinkId", order.linkID.string), ("parentOrderLinkId", order.parentLinkID.string),
      ("blockTradeId", ""), ("symbol", order.symbol.string), ("price", order.price.description),
      ("brokerOrderPrice", ""), ("qty", order.quantity.description),
      ("side", order.side.rawValue), ("isLeverage", isLeverage(order)),
      ("orderStatus", order.status.rawValue), ("createType", createType(order)),
      ("cancelType", order.cancelType.rawValue), ("rejectReason", order.rejectReason.rawValue),
      ("avgPrice", text(order.averagePrice)), ("leavesQty", order.leaves.description),
      ("leavesValue", plain(order.leavesValue)), ("cumExecQty", order.filled.description),
      ("cumExecValue", plain(order.filledValue)), ("cumExecFee", plain(order.fee)),
      ("closedPnl", plain(order.closedPnl)), ("feeCurrency", ""),
      ("timeInForce", order.timeInForce.rawValue), ("orderType", order.type.rawValue),
      ("stopOrderType", order.stopKind.rawValue), ("ocoTriggerBy", ""),
      ("orderIv", text(order.orderIv)), ("marketUnit", order.marketUnit?.rawValue ?? ""),
      ("slippageToleranceType", order.slippage?.unit.rawValue ?? "UNKNOWN"),
      ("slippageTolerance", order.slippage?.amount.description ?? "0"),
      ("triggerPrice", text(order.trigger?.price)),
      ("triggerBy", order.trigger?.by.rawValue ?? ""),
      ("lastPriceOnCreated", text(order.lastPriceOnCreated)),
      ("placeType", placeType(order)),
      ("smpType", order.selfMatch.rawValue), ("smpOrderId", order.selfMatchOrderID.string),
      ("rpiMatchedQty", ""), ("extraFees", ""), ("createdTime", order.createdAt.text),
      ("updatedTime", order.updatedAt.text),
    ])
    for (key, value) in exits(order.exits) { row[key] = .string(value) }
    row["positionIdx"] = .int(order.positionIndex)
    row["triggerDirection"] = .int(order.trigger?.direction.rawValue ?? 0)
    row["smpGroup"] = .int(order.selfMatchGroup)
    row["reduceOnly"] = .bool(order.reduceOnly)
    row["closeOnTrigger"] = .bool(order.closeOnTrigger)
    row["rpiTakerAccess"] = false
    let fees = order.fee.isZero ? [] : [(order.feeCoin, plain(order.fee))]
    row["cumFeeDetail"] = .object(JSONObject(strings: fees))
    return row
  }

  private static func exits(_ exits: Exits) -> [(Text, String)] {
    let (profit, loss) = (exits.takeProfit, exits.stopLoss)
    return [
      ("takeProfit", text(profit?.trigger)), ("stopLoss", text(loss?.trigger)),
      ("tpslMode", exits.isEmpty ? "UNKNOWN" : exits.mode.rawValue),
      ("tpLimitPrice", text(profit?.limit)), ("slLimitPrice", text(loss?.limit)),
      ("tpTriggerBy", profit?.by.rawValue ?? ""), ("slTriggerBy", loss?.by.rawValue ?? ""),
    ]
  }

  /// Spot only.
  private static func isLeverage(_ order: Order) -> String {
    order.category == .spot ? (order.isLeverage ? "1" : "0") : ""
  }

  /// Options only: what their price was given as.
  private static func placeType(_ order: Order) -> String {
    guard order.category == .option else { return "" }
    return order.orderIv == nil ? "price" : "iv"
  }

  /// Contracts only.
  private static func createType(_ order: Order) -> String {
    order.category.isFuture ? order.createType.rawValue : ""
  }

  /// The row of a stream.
  static func execution(_ execution: Execution) -> JSONObject {
    let order = execution.order
    let stop = order.stopKind == .none ? "UNKNOWN" : order.stopKind.rawValue
    var row = JSONObject(strings: [
      ("category", order.category.rawValue), ("symbol", order.symbol.string),
      ("isLeverage", isLeverage(order)), ("orderId", order.id.string),
      ("orderLinkId", order.linkID.string), ("side", order.side.rawValue),
      ("orderPrice", order.price.description), ("orderQty", order.quantity.description),
      ("leavesQty", order.leaves.description), ("createType", createType(order)),
      ("orderType", order.type.rawValue), ("stopOrderType", stop),
      ("execFee", plain(execution.fee)), ("execId", execution.id.string),
      ("execPrice", execution.price.description), ("execQty", execution.quantity.description),
      ("execPnl", plain(execution.profit)), ("execType", execution.kind.rawValue),
      ("execValue", plain(execution.value)), ("execTime", execution.at.text),
      ("feeRate", execution.feeRate.description), ("tradeIv", text(order.orderIv)),
      ("markIv", text(execution.markIv)), ("markPrice", execution.markPrice.description),
      ("indexPrice", execution.indexPrice.description),
      ("underlyingPrice", text(execution.underlyingPrice)), ("blockTradeId", ""),
      ("closedSize", execution.closed.description), ("extraFees", ""),
      ("feeCurrency", order.feeCoin.string), ("marketUnit", order.marketUnit?.rawValue ?? ""),
    ])
    row["isMaker"] = .bool(execution.isMaker)
    row["seq"] = .int(execution.sequence)
    return row
  }

  /// The short row of the topic `execution.fast`. A maker's link id is left out.
  static func fast(_ execution: Execution) -> JSONObject {
    let order = execution.order
    var row = JSONObject(strings: [
      ("category", order.category.rawValue), ("symbol", order.symbol.string),
      ("execId", execution.id.string), ("execPrice", execution.price.description),
      ("execQty", execution.quantity.description), ("orderId", order.id.string),
      ("orderLinkId", execution.isMaker ? "" : order.linkID.string),
      ("side", order.side.rawValue), ("execTime", execution.at.text),
    ])
    row["isMaker"] = .bool(execution.isMaker)
    row["seq"] = .int(execution.sequence)
    return row
  }
}
