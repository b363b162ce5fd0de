import JSON

/// Tools that send a POST; their inputs are the official server's, field by field.
extension Tool {
  static let orderPosts: [Tool] = [
    Tool(
      name: "createOrder", description: "Places one order. \(warning)", fields: createOrderFields,
      action: .send(path: "/v5/order/create")),
    Tool(
      name: "batchCreateOrders", description: "Places several orders of one category. \(warning)",
      fields: batchCreateOrdersFields,
      action: .send(path: "/v5/order/create-batch")),
    Tool(
      name: "amendOrder", description: "Changes one open order. \(warning)",
      fields: amendOrderFields,
      action: .send(path: "/v5/order/amend")),
    Tool(
      name: "batchAmendOrders",
      description: "Changes several open orders of one category. \(warning)",
      fields: batchAmendOrdersFields,
      action: .send(path: "/v5/order/amend-batch")),
    Tool(
      name: "cancelOrder", description: "Cancels one open order. \(warning)",
      fields: cancelOrderFields,
      action: .send(path: "/v5/order/cancel")),
    Tool(
      name: "batchCancelOrders",
      description: "Cancels several open orders of one category. \(warning)",
      fields: batchCancelOrdersFields,
      action: .send(path: "/v5/order/cancel-batch")),
    Tool(
      name: "cancelAllOrders", description: "Cancels every open order of a scope. \(warning)",
      fields: cancelAllOrdersFields,
      action: .send(path: "/v5/order/cancel-all")),
    Tool(
      name: "preCheckOrder", description: "Margin before and after an order, without placing it.",
      fields: preCheckOrderFields,
      action: .send(path: "/v5/order/pre-check")),
  ]

  private static let createOrderFields: [Field] = [
    category, .text("symbol", required: true), .choice("isLeverage", ["0", "1"], standard: "0"),
    .choice("side", ["Buy", "Sell"], required: true),
    .choice("orderType", orderTypes, required: true), .text("qty", required: true),
    .choice("marketUnit", ["baseCoin", "quoteCoin"]),
    .choice("slippageToleranceType", ["TickSize", "Percent"]), .text("slippageTolerance"),
    .text("price"), .choice("triggerDirection", ["1", "2"]),
    .choice("orderFilter", filters, standard: "Order"), .text("triggerPrice"),
    .choice("triggerBy", prices), .text("orderIv"),
    .choice("timeInForce", ["GTC", "IOC", "FOK", "PostOnly", "RPI"], standard: "GTC"),
    .choice("positionIdx", ["0", "1", "2"]), .text("orderLinkId"), .text("takeProfit"),
    .text("stopLoss"), .choice("tpTriggerBy", prices), .choice("slTriggerBy", prices),
    .flag("reduceOnly"), .flag("closeOnTrigger"), .text("smpType"), .flag("mmp"),
    .choice("tpslMode", ["Full", "Partial"]), .text("tpLimitPrice"), .text("slLimitPrice"),
    .choice("tpOrderType", orderTypes), .choice("slOrderType", orderTypes),
    .choice("bboSideType", ["Queue", "Counterparty"]),
    .choice("bboLevel", ["1", "2", "3", "4", "5"]), .flag("rpiTakerAccess", standard: false),
  ]

  private static let batchCreateOrdersLeg: [Field] = [
    .text("symbol", required: true), .choice("side", ["Buy", "Sell"], required: true),
    .choice("orderType", orderTypes, required: true), .text("qty", required: true), .text("price"),
    .choice("isLeverage", ["0", "1"], standard: "0"),
    .choice("marketUnit", ["baseCoin", "quoteCoin"]),
    .choice("timeInForce", ["GTC", "IOC", "FOK", "PostOnly"], standard: "GTC"),
    .choice("triggerDirection", ["1", "2"]), .choice("orderFilter", filters, standard: "Order"),
    .text("triggerPrice"), .choice("triggerBy", prices), .text("orderIv"),
    .choice("positionIdx", ["0", "1", "2"]), .text("orderLinkId"), .text("takeProfit"),
    .text("stopLoss"), .choice("tpTriggerBy", prices), .choice("slTriggerBy", prices),
    .choice("tpslMode", ["Full", "Partial"]), .choice("tpOrderType", orderTypes),
    .choice("slOrderType", orderTypes), .text("tpLimitPrice"), .text("slLimitPrice"),
    .flag("reduceOnly"), .flag("closeOnTrigger"), .text("smpType"), .flag("mmp"),
  ]
  private static let batchCreateOrdersFields: [Field] = [
    category, .list("request", of: batchCreateOrdersLeg),
  ]

  private static let amendOrderFields: [Field] = [
    category, .text("symbol", required: true), .text("orderId"), .text("orderLinkId"),
    .text("orderIv"), .text("triggerPrice"), .text("qty"), .text("price"),
    .choice("tpslMode", ["Full", "Partial"]), .text("takeProfit"), .text("stopLoss"),
    .choice("tpTriggerBy", prices), .choice("slTriggerBy", prices), .choice("triggerBy", prices),
    .text("tpLimitPrice"), .text("slLimitPrice"),
  ]

  private static let batchAmendOrdersLeg: [Field] = [
    .text("symbol", required: true), .text("orderId"), .text("orderLinkId"), .text("qty"),
    .text("price"), .text("orderIv"), .text("triggerPrice"),
    .choice("tpslMode", ["Full", "Partial"]), .text("takeProfit"), .text("stopLoss"),
    .choice("tpTriggerBy", prices), .choice("slTriggerBy", prices), .choice("triggerBy", prices),
    .text("tpLimitPrice"), .text("slLimitPrice"),
  ]
  private static let batchAmendOrdersFields: [Field] = [
    category, .list("request", of: batchAmendOrdersLeg),
  ]

  private static let cancelOrderFields: [Field] = [
    category, .text("symbol", required: true), .text("orderId"), .text("orderLinkId"),
    .choice("orderFilter", filters, standard: "Order"),
  ]

  private static let batchCancelOrdersLeg: [Field] = [
    .text("symbol", required: true), .text("orderId"), .text("orderLinkId"),
  ]
  private static let batchCancelOrdersFields: [Field] = [
    category, .list("request", of: batchCancelOrdersLeg),
  ]

  private static let cancelAllOrdersFields: [Field] = [
    category, .text("symbol"), .text("baseCoin"), .text("settleCoin"),
    .choice(
      "orderFilter",
      ["Order", "tpslOrder", "StopOrder", "OcoOrder", "BidirectionalTpslOrder", "OpenOrder"]),
    .choice("stopOrderType", ["Stop"]),
  ]

  private static let preCheckOrderFields: [Field] = [
    .choice("category", ["linear", "option"], required: true), .text("symbol", required: true),
    .choice("side", ["Buy", "Sell"], required: true),
    .choice("orderType", orderTypes, required: true), .text("qty", required: true), .text("price"),
    .choice("isLeverage", ["0", "1"]), .choice("timeInForce", ["GTC", "IOC", "FOK", "PostOnly"]),
    .choice("positionIdx", ["0", "1", "2"]), .text("orderLinkId"), .text("takeProfit"),
    .text("stopLoss"), .choice("tpTriggerBy", prices), .choice("slTriggerBy", prices),
    .flag("reduceOnly"), .choice("tpslMode", ["Full", "Partial"]), .text("tpLimitPrice"),
    .text("slLimitPrice"), .choice("tpOrderType", orderTypes), .choice("slOrderType", orderTypes),
    .text("orderIv"),
  ]
}
