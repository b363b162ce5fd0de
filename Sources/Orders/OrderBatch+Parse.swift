import Decimals
package import JSON

extension OrderBatch {
  /// UTF-8 bytes of one decimal text, leading zeros included.
  package static let maxDecimalBytes = 40
  package static let maxSymbolBytes = 32
  package static let maxLinkIDBytes = 36
  package static let maxOrderIDBytes = 64
  package static let maxCoinBytes = 20

  /// The batch that `arguments` of `tool` propose.
  ///
  /// Everything that the tool's schema does not name is refused: the server would drop an unknown
  /// key silently, and a person would approve a protection that is never sent.
  package static func parse(
    tool name: Text, arguments: JSONObject
  ) throws(OrderError) -> OrderBatch {
    guard let tool = OrderTool.named(name), tool.kind == .create else {
      throw OrderError(
        .notAnOrderTool, "the tool \"\(name)\" creates no orders",
        fix: "call one of wsCreateOrder, wsBatchCreateOrders, createOrder, batchCreateOrders")
    }
    let category = try OrderCheck.envelope(arguments, of: tool)
    let legs = try OrderCheck.legs(arguments, of: tool, category).map { one throws(OrderError) in
      try leg(one.object, index: one.index, tool: tool, category: category, at: one.path)
    }
    try requireUniqueLinkIDs(legs, tool: tool)
    return OrderBatch(tool: tool, category: category, legs: legs, arguments: arguments)
  }

  // MARK: Parts

  private static func leg(
    _ object: JSONObject, index: Int, tool: OrderTool, category: Category, at path: JSONPath
  ) throws(OrderError) -> Leg {
    try OrderCheck.check(object, tool.fields, at: path)
    guard let symbol = object["symbol"]?.textValue,
      let side = object["side"]?.textValue.flatMap(Side.init(exactly:)),
      let type = object["orderType"]?.textValue.flatMap(OrderType.init(exactly:)),
      let qtyText = object["qty"]?.textValue, let qty = ExactDecimal(qtyText.string)
    else { throw OrderCheck.missing("symbol, side, orderType or qty", at: path) }
    let leg = Leg(
      index: index, category: category, symbol: symbol, side: side, orderType: type, qty: qty,
      qtyText: qtyText, allFields: OrderCheck.fields(of: object))
    try requirePrice(of: leg, at: path)
    return leg
  }

  /// A limit order without a price is refused by the exchange, and shows nothing to approve.
  private static func requirePrice(of leg: Leg, at path: JSONPath) throws(OrderError) {
    guard leg.orderType == .limit, leg.price == nil else { return }
    let hasOther = leg.orderIv != nil && leg.category == .option || leg["bboSideType"] != nil
    guard hasOther else {
      throw OrderError(.missing, "a Limit order has no \"price\"", fix: "add it", at: path)
    }
  }

  private static func requireUniqueLinkIDs(
    _ legs: [Leg], tool: OrderTool
  ) throws(OrderError) {
    var seen: Set<Text> = []
    for leg in legs {
      guard let id = leg.orderLinkID, !seen.insert(id).inserted else { continue }
      let path = tool.isBatch ? JSONPath.root.key("request").index(leg.index) : .root
      throw OrderError(
        .linkID, "the orderLinkId \"\(id)\" stands twice in the batch",
        fix: "give every leg its own, or none", at: path.key("orderLinkId"))
    }
  }
}
