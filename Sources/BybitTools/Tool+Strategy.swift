import JSON

/// Tools that send a POST; their inputs are the official server's, field by field.
extension Tool {
  static let strategyPosts: [Tool] = [
    Tool(
      name: "createTwapStrategy", description: "Splits an order over time. \(warning)",
      fields: createTwapStrategyFields,
      action: .send(path: "/v5/strategy/create")),
    Tool(
      name: "createChaseOrderStrategy", description: "Keeps an order at the best price. \(warning)",
      fields: createChaseOrderStrategyFields,
      action: .send(path: "/v5/strategy/create")),
    Tool(
      name: "createIcebergStrategy", description: "Shows a large order piece by piece. \(warning)",
      fields: createIcebergStrategyFields,
      action: .send(path: "/v5/strategy/create")),
    Tool(
      name: "stopStrategy", description: "Stops a running strategy. \(warning)",
      fields: stopStrategyFields,
      action: .send(path: "/v5/strategy/stop")),
  ]

  /// How every strategy begins.
  private static let order: [Field] = [
    .choice(
      "category",
      [
        "UTA_USDT", "UTA_USDC", "UTA_USDC_FUTURE", "UTA_SPOT", "UTA_INVERSE", "UTA_INVERSE_FUTURE",
        "UTA_USDT_FUTURE",
      ], required: true), .text("symbol", required: true),
    .choice("side", ["Buy", "Sell"], required: true), .text("size", required: true),
  ]

  private static let createTwapStrategyFields: [Field] =
    order + [
      .choice("strategyType", ["twap"], standard: "twap"),
      .whole("duration", required: true, least: 300, most: 86400),
      .whole("interval", least: 5, standard: 30), .flag("isRandom", standard: false),
      .text("triggerPrice"), .text("maxChasePrice"), .text("chaseDistance"),
      .whole("chasePercentE4", least: 1, most: 9999), .flag("reduceOnly", standard: false),
      .choice("positionIdx", ["0", "1", "2"], standard: "0"),
      .choice("leverageType", ["0", "1"], standard: "0"),
    ]

  private static let createChaseOrderStrategyFields: [Field] =
    order + [
      .choice("strategyType", ["chaseOrder"], standard: "chaseOrder"), .text("chaseDistance"),
      .whole("chasePercentE4", least: 1, most: 1000), .text("maxChasePrice"), .text("triggerPrice"),
      .flag("reduceOnly", standard: false), .choice("positionIdx", ["0", "1", "2"], standard: "0"),
      .choice("leverageType", ["0", "1"], standard: "0"),
    ]

  private static let createIcebergStrategyFields: [Field] =
    order + [
      .choice("strategyType", ["iceberg"], standard: "iceberg"), .text("subSize"),
      .whole("orderCount", least: 2), .text("limitPrice"), .text("chaseDistance"),
      .whole("chasePercentE4", least: 0, most: 999), .text("maxChasePrice"),
      .choice("postOnly", ["0", "1"], standard: "0"), .flag("reduceOnly", standard: false),
      .choice("positionIdx", ["0", "1", "2"], standard: "0"),
      .choice("leverageType", ["0", "1"], standard: "0"),
    ]

  private static let stopStrategyFields: [Field] = [.text("strategyId", required: true)]
}
