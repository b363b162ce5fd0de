import JSON

/// Tools that send a POST; their inputs are the official server's, field by field.
extension Tool {
  static let spreadPosts: [Tool] = [
    Tool(
      name: "createSpreadOrder", description: "Places one order on a spread. \(warning)",
      fields: createSpreadOrderFields,
      action: .send(path: "/v5/spread/order/create")),
    Tool(
      name: "amendSpreadOrder", description: "Changes one open spread order. \(warning)",
      fields: amendSpreadOrderFields,
      action: .send(path: "/v5/spread/order/amend")),
    Tool(
      name: "executeQuote", description: "Takes a quote of a request. \(warning)",
      fields: executeQuoteFields,
      action: .send(path: "/v5/rfq/execute-quote")),
    Tool(
      name: "createQuote", description: "Answers a request with a quote. \(warning)",
      fields: createQuoteFields,
      action: .send(path: "/v5/rfq/create-quote")),
  ]

  private static let createSpreadOrderFields: [Field] = [
    .text("symbol", required: true), .choice("side", ["Buy", "Sell"], required: true),
    .choice("orderType", ["Limit", "Market"], required: true), .text("qty", required: true),
    .text("price"), .text("orderLinkId"),
    .choice("timeInForce", ["GTC", "IOC", "FOK", "PostOnly"]),
  ]

  private static let amendSpreadOrderFields: [Field] = [
    .text("symbol", required: true), .text("orderId"), .text("orderLinkId"), .text("qty"),
    .text("price"),
  ]

  private static let executeQuoteFields: [Field] = [
    .text("rfqId", required: true), .text("quoteId", required: true),
    .choice("quoteSide", ["Buy", "Sell"], required: true),
  ]

  private static let createQuoteFields: [Field] = [
    .text("rfqId", required: true), .text("quoteLinkId"), .flag("anonymous", standard: false),
    .whole("expireIn", least: 10, most: 120, standard: 60),
    .list(
      "quoteBuyList",
      of: [
        .choice("category", ["spot", "linear", "option"], required: true),
        .text("symbol", required: true), .text("price", required: true),
      ], isRequired: false),
    .list(
      "quoteSellList",
      of: [
        .choice("category", ["spot", "linear", "option"], required: true),
        .text("symbol", required: true), .text("price", required: true),
      ], isRequired: false),
  ]
}
