import JSON

/// Tools that send a POST; their inputs are the official server's, field by field.
extension Tool {
  static let positionPosts: [Tool] = [
    Tool(
      name: "setTradingStop",
      description: "Sets take profit, stop loss or trailing stop of a position. \(warning)",
      fields: setTradingStopFields,
      action: .send(path: "/v5/position/trading-stop")),
    Tool(
      name: "setLeverage", description: "Sets the leverage of a symbol. \(warning)",
      fields: setLeverageFields,
      action: .send(path: "/v5/position/set-leverage")),
    Tool(
      name: "switchPositionMode",
      description: "Switches between one-way and hedge mode. \(warning)",
      fields: switchPositionModeFields,
      action: .send(path: "/v5/position/switch-mode")),
    Tool(
      name: "addReduceMargin",
      description: "Adds or takes margin of an isolated position. \(warning)",
      fields: addReduceMarginFields,
      action: .send(path: "/v5/position/add-margin")),
    Tool(
      name: "movePosition", description: "Moves positions between accounts. \(warning)",
      fields: movePositionFields,
      action: .send(path: "/v5/position/move-positions")),
    Tool(
      name: "setPriceLimit",
      description: "Chooses what happens to prices outside the band. \(warning)",
      fields: setPriceLimitFields,
      action: .send(path: "/v5/account/set-limit-px-action")),
    Tool(
      name: "setDcp",
      description: "Cancels all orders when the connection is lost for a while. \(warning)",
      fields: setDcpFields,
      action: .send(path: "/v5/order/disconnected-cancel-all")),
  ]

  private static let setTradingStopFields: [Field] = [
    .choice("category", ["linear", "inverse"], required: true), .text("symbol", required: true),
    .text("takeProfit"), .text("stopLoss"), .text("trailingStop"),
    .choice("tpTriggerBy", ["MarkPrice", "IndexPrice", "LastPrice"]),
    .choice("slTriggerBy", ["MarkPrice", "IndexPrice", "LastPrice"]), .text("activePrice"),
    .choice("tpslMode", ["Full", "Partial"], required: true), .text("tpSize"), .text("slSize"),
    .text("tpLimitPrice"), .text("slLimitPrice"), .choice("tpOrderType", orderTypes),
    .choice("slOrderType", orderTypes), .choice("positionIdx", ["0", "1", "2"], required: true),
  ]

  private static let setLeverageFields: [Field] = [
    .choice("category", ["linear", "inverse"], required: true), .text("symbol", required: true),
    .text("buyLeverage", required: true), .text("sellLeverage", required: true),
  ]

  private static let switchPositionModeFields: [Field] = [
    .choice("category", ["linear"], required: true), .text("symbol"), .text("coin"),
    .choice("mode", ["0", "3"], required: true),
  ]

  private static let addReduceMarginFields: [Field] = [
    .choice("category", ["linear", "inverse"], required: true), .text("symbol", required: true),
    .text("margin", required: true), .choice("positionIdx", ["0", "1", "2"]),
  ]

  private static let movePositionFields: [Field] = [
    .text("fromUid", required: true), .text("toUid", required: true),
    .list(
      "list",
      of: [
        .choice("category", ["linear", "spot", "option", "inverse"], required: true),
        .text("symbol", required: true), .text("price", required: true),
        .choice("side", ["Buy", "Sell"], required: true), .text("qty", required: true),
      ]),
  ]

  private static let setPriceLimitFields: [Field] = [
    .choice("category", ["linear", "inverse", "spot"], required: true),
    .flag("modifyEnable", required: true),
  ]

  private static let setDcpFields: [Field] = [
    .choice("product", ["OPTIONS", "DERIVATIVES", "SPOT"], standard: "OPTIONS"),
    .whole("timeWindow", required: true, least: 3, most: 300),
  ]
}
