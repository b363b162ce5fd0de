package import JSON

/// One key that an order tool knows, and what its value must be.
package struct OrderField: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// `[A-Z0-9-]{1,32}`.
    case symbol
    /// `[A-Za-z0-9_-]{1,36}`.
    case linkID
    /// The exchange's own id of an order: `[A-Za-z0-9_-]{1,64}`.
    case orderID
    /// `[A-Z0-9]{1,20}`.
    case coin
    /// A string of plain digits with at most one point.
    case decimal
    /// One of these strings.
    case words([Text])
    /// One of these numbers, written as JSON numbers.
    case numbers([Int])
    case flag
    /// The array of legs.
    case legs
  }

  package let key: Text
  package let kind: Kind
  package let isRequired: Bool

  init(_ key: Text, _ kind: Kind, required: Bool = false) {
    self.key = key
    self.kind = kind
    self.isRequired = required
  }
}

/// The keys of the order tools, read from the published schemas.
enum OrderFields {
  static let category = OrderField("category", words(Category.self), required: true)

  /// What names the order that is changed or cancelled. One of the two ids must be there.
  private static let target = [
    OrderField("symbol", .symbol, required: true), OrderField("orderId", .orderID),
    OrderField("orderLinkId", .linkID),
  ]
  /// The keys of `target` and `category`: everything else is what an amendment changes.
  static let targetKeys: Set<Text> = [
    "category", "symbol", "orderId", "orderLinkId", "orderFilter",
  ]

  static let amendment =
    target + [
      OrderField("qty", .decimal), OrderField("price", .decimal), OrderField("orderIv", .decimal),
      OrderField("triggerPrice", .decimal), OrderField("tpslMode", .words(["Full", "Partial"])),
      OrderField("takeProfit", .decimal), OrderField("stopLoss", .decimal),
      OrderField("tpTriggerBy", triggers), OrderField("slTriggerBy", triggers),
      OrderField("triggerBy", triggers), OrderField("tpLimitPrice", .decimal),
      OrderField("slLimitPrice", .decimal),
    ]

  /// Only the HTTP batch has no filter.
  static let restBatchCancellation = target
  static let cancellation =
    target + [
      OrderField("orderFilter", .words(["Order", "tpslOrder", "StopOrder"]))
    ]

  static let cancelAll = [
    category, OrderField("symbol", .symbol), OrderField("baseCoin", .coin),
    OrderField("settleCoin", .coin),
    OrderField(
      "orderFilter",
      .words([
        "Order", "tpslOrder", "StopOrder", "OcoOrder", "BidirectionalTpslOrder", "OpenOrder",
      ])), OrderField("stopOrderType", .words(["Stop"])),
  ]

  private static let triggers = OrderField.Kind.words(["LastPrice", "IndexPrice", "MarkPrice"])

  static let webSocketBatchLeg = leg(
    numeric: true, timesInForce: ["GTC", "IOC", "FOK", "PostOnly"])
  static let webSocketSingle =
    [category] + webSocketBatchLeg + [OrderField("rpiTakerAccess", .flag)]
  static let restBatchLeg = leg(numeric: false, timesInForce: ["GTC", "IOC", "FOK", "PostOnly"])
  static let restSingle =
    [category]
    + leg(numeric: false, timesInForce: ["GTC", "IOC", "FOK", "PostOnly", "RPI"]) + [
      OrderField("slippageToleranceType", .words(["TickSize", "Percent"])),
      OrderField("slippageTolerance", .decimal),
      OrderField("bboSideType", .words(["Queue", "Counterparty"])),
      OrderField("bboLevel", .words(["1", "2", "3", "4", "5"])),
      OrderField("rpiTakerAccess", .flag),
    ]

  /// The 28 fields of a leg. The WebSocket tools write small enumerations as numbers, the REST
  /// tools as strings.
  private static func leg(numeric: Bool, timesInForce: [Text]) -> [OrderField] {
    let types = words(OrderType.self)
    func small(_ values: [Int]) -> OrderField.Kind {
      numeric ? .numbers(values) : .words(values.map { Text(String($0)) })
    }
    return [
      OrderField("symbol", .symbol, required: true),
      OrderField("side", words(Side.self), required: true),
      OrderField("orderType", types, required: true),
      OrderField("qty", .decimal, required: true),
      OrderField("price", .decimal),
      OrderField("isLeverage", small([0, 1])),
      OrderField("marketUnit", words(MarketUnit.self)),
      OrderField("triggerDirection", small([1, 2])),
      OrderField("orderFilter", .words(["Order", "tpslOrder", "StopOrder"])),
      OrderField("triggerPrice", .decimal),
      OrderField("triggerBy", triggers),
      OrderField("orderIv", .decimal),
      OrderField("timeInForce", .words(timesInForce)),
      OrderField("positionIdx", small([0, 1, 2])),
      OrderField("orderLinkId", .linkID),
      OrderField("takeProfit", .decimal),
      OrderField("stopLoss", .decimal),
      OrderField("tpTriggerBy", triggers),
      OrderField("slTriggerBy", triggers),
      OrderField("reduceOnly", .flag),
      OrderField("closeOnTrigger", .flag),
      OrderField("smpType", .words(["None", "CancelMaker", "CancelTaker", "CancelBoth"])),
      OrderField("mmp", .flag),
      OrderField("tpslMode", .words(["Full", "Partial"])),
      OrderField("tpLimitPrice", .decimal),
      OrderField("slLimitPrice", .decimal),
      OrderField("tpOrderType", types),
      OrderField("slOrderType", types),
    ]
  }

  private static func words<T: RawRepresentable & CaseIterable>(
    _ type: T.Type
  ) -> OrderField.Kind where T.RawValue == String {
    .words(T.allCases.map { Text($0.rawValue) })
  }
}
