package import Decimals
package import JSON
package import Time

/// One order as the exchange reports it, on the private stream or in a REST list.
package struct OrderRow: Hashable, Sendable {
  /// What the order is doing, with the exchange's many words brought to five.
  package enum Status: String, Hashable, Sendable {
    case working, partFilled, filled, cancelled, rejected

    package var isFinal: Bool { self == .filled || self == .cancelled || self == .rejected }
  }

  package let symbol: Text
  package let orderID: Text
  /// Nil when the order was sent without one.
  package let orderLinkID: Text?
  package let side: Side
  package let orderType: OrderType
  package let qty: ExactDecimal
  /// Nil or the converted protective limit of a market order.
  package let price: ExactDecimal?
  package let status: Status
  /// The exchange's own word.
  package let statusWord: Text
  package let filled: ExactDecimal
  package let averagePrice: ExactDecimal?
  /// By coin.
  package let fees: [Text: ExactDecimal]
  /// Why it was turned down or cancelled; empty when there is nothing to say.
  package let reason: String
  package let createdAt: Timestamp?
  package let updatedAt: Timestamp?
  /// Rows of REST lists do not name it: the list does.
  package let category: Category?
  package let timeInForce: Text
  package let isReduceOnly: Bool
  /// The link id of the order that the exchange made this one from; nil for any other. Rows of REST
  /// lists may leave it out.
  package var parentLinkID: Text?
  /// As what the exchange made it (`TakeProfit`, `PartialStopLoss`, …); empty for an order of its own.
  package let stopOrderType: Text
  /// Values that an amendment can replace, by the key that would replace them, as the exchange writes
  /// them; "none" is nothing or zero there.
  package let amendable: [Text: Text]

  package static let amendableKeys: [Text] = [
    "qty", "price", "orderIv", "triggerPrice", "tpslMode", "takeProfit", "stopLoss", "tpTriggerBy",
    "slTriggerBy", "triggerBy", "tpLimitPrice", "slLimitPrice",
  ]

  /// An amount of `amendable`; nil where there is none.
  package func amount(_ key: Text) -> ExactDecimal? {
    amendable[key].flatMap { ExactDecimal($0.string) }.flatMap { $0.isZero ? nil : $0 }
  }

  /// The row, or an error naming the field that cannot be read.
  package init(json: JSONCursor) throws(JSONError) {
    symbol = try json.member("symbol").text()
    orderID = try json.member("orderId").text()
    orderLinkID = try json.filled("orderLinkId")
    side = try json.member("side").one(of: Side.self)
    orderType = try json.member("orderType").one(of: OrderType.self)
    qty = try json.member("qty").decimal()
    price = try json.amount("price")
    let word = try json.member("orderStatus").text()
    filled = try json.amount("cumExecQty") ?? .zero
    status = try Self.status(word, filled: filled, at: json)
    statusWord = word
    averagePrice = try json.amount("avgPrice").flatMap { $0.isZero ? nil : $0 }
    fees = try Self.fees(json)
    reason = try Self.reason(json)
    createdAt = try json.moment("createdTime")
    updatedAt = try json.moment("updatedTime")
    category = try json.filled("category").flatMap(Category.init(exactly:))
    timeInForce = try json.filled("timeInForce") ?? ""
    isReduceOnly = try json.optional("reduceOnly")?.bool() ?? false
    parentLinkID = try json.filled("parentOrderLinkId")
    stopOrderType = try json.filled("stopOrderType") ?? ""
    var values: [Text: Text] = [:]
    for key in Self.amendableKeys {
      guard let text = json.value[key]?.textValue, text != "UNKNOWN" else { continue }
      values[key] = text
    }
    amendable = values
  }

  private static func status(
    _ word: Text, filled: ExactDecimal, at json: JSONCursor
  ) throws(JSONError) -> Status {
    switch word.string {
    case "Created", "New", "Untriggered", "Triggered": filled.isPositive ? .partFilled : .working
    case "PartiallyFilled": .partFilled
    case "Filled": .filled
    case "Cancelled", "PartiallyFilledCanceled", "Deactivated": .cancelled
    // A rejection with fills is a cancellation of the rest.
    case "Rejected": filled.isPositive ? .cancelled : .rejected
    default: throw json.bad("the order status \"\(word)\" is not known")
    }
  }

  private static func fees(_ json: JSONCursor) throws(JSONError) -> [Text: ExactDecimal] {
    var fees: [Text: ExactDecimal] = [:]
    guard let detail = try json.optional("cumFeeDetail"), detail.value != "" else { return fees }
    for (coin, amount) in try detail.members() { fees[coin] = try amount.decimal() }
    return fees
  }

  private static func reason(_ json: JSONCursor) throws(JSONError) -> String {
    let quiet: Set<Text> = ["", "UNKNOWN", "EC_NoError"]
    var words: [String] = []
    for key in ["rejectReason", "cancelType"] as [Text] {
      guard let text = try json.filled(key), !quiet.contains(text) else { continue }
      words.append(text.string)
    }
    return words.joined(separator: ", ")
  }
}

/// One trade of an order, on the private stream or in a REST list.
package struct ExecutionRow: Hashable, Sendable {
  /// Rows of REST lists do not name it: the list does.
  package let category: Category?
  package let symbol: Text
  package let orderID: Text
  package let orderLinkID: Text?
  /// The key of the trade: a second row with it says nothing new.
  package let execID: Text
  package let side: Side
  package let price: ExactDecimal
  package let qty: ExactDecimal
  /// What was traded as against funding, delivery and other bookings.
  package let isTrade: Bool
  package let isMaker: Bool?
  /// Negative for a rebate. Nil in the fast topic.
  package let fee: ExactDecimal?
  package let feeCurrency: Text?
  package let at: Timestamp

  package init(json: JSONCursor) throws(JSONError) {
    category = try json.filled("category").flatMap(Category.init(exactly:))
    symbol = try json.member("symbol").text()
    orderID = try json.member("orderId").text()
    orderLinkID = try json.filled("orderLinkId")
    execID = try json.member("execId").text()
    side = try json.member("side").one(of: Side.self)
    price = try json.member("execPrice").decimal()
    qty = try json.member("execQty").decimal()
    isTrade = try json.filled("execType").map { $0 == "Trade" } ?? true
    isMaker = try json.optional("isMaker")?.bool()
    fee = try json.amount("execFee")
    feeCurrency = try json.filled("feeCurrency")
    guard let moment = try json.moment("execTime") else {
      throw JSONError(.missing, "the member \"execTime\" is required", at: json.path)
    }
    at = moment
  }
}

extension JSONCursor {
  /// The exchange writes "nothing" as an absent member, "" or "UNKNOWN".
  fileprivate func filled(_ key: Text) throws(JSONError) -> Text? {
    guard let text = try optional(key)?.text(), !text.isEmpty, text != "UNKNOWN" else { return nil }
    return text
  }

  fileprivate func amount(_ key: Text) throws(JSONError) -> ExactDecimal? {
    guard let member = try optional(key), member.value != "" else { return nil }
    return try member.decimal()
  }

  /// Milliseconds since the epoch, as a string or a number.
  fileprivate func moment(_ key: Text) throws(JSONError) -> Timestamp? {
    guard let member = try optional(key), member.value != "" else { return nil }
    let count = member.value.intValue ?? member.value.stringValue.flatMap { Int($0) }
    guard let count, count >= 0 else { throw member.bad("this is no time in milliseconds") }
    return count == 0 ? nil : Timestamp(milliseconds: Int64(count))
  }
}
