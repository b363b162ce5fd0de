package import Decimals
package import JSON

/// What names one order at the exchange.
package struct OrderKey: Hashable, Sendable {
  package let category: Category
  package let symbol: Text
  package let orderID: Text?
  package let orderLinkID: Text?

  package init(category: Category, symbol: Text, orderID: Text?, orderLinkID: Text?) {
    self.category = category
    self.symbol = symbol
    self.orderID = orderID
    self.orderLinkID = orderLinkID
  }
}

/// One order that a call changes or cancels, as it will be sent.
package struct OrderChange: Hashable, Sendable {
  /// From 0.
  package let index: Int
  package let kind: OrderTool.Kind
  package let category: Category
  package let symbol: Text
  /// At least one of the two ids is there; the exchange heeds this one first.
  package let orderID: Text?
  package let orderLinkID: Text?
  /// Every field of the leg, canonical order.
  package let allFields: [Leg.Field]

  /// From 1.
  package var number: Int { index + 1 }
  package var key: OrderKey {
    OrderKey(category: category, symbol: symbol, orderID: orderID, orderLinkID: orderLinkID)
  }

  package subscript(_ key: Text) -> JSONValue? { allFields.first { $0.key == key }?.value }

  /// What an amendment replaces: every field but those that name the order.
  package var news: [Leg.Field] {
    kind == .amend ? allFields.filter { !OrderFields.targetKeys.contains($0.key) } : []
  }

  package var qty: ExactDecimal? { decimal("qty") }
  package var price: ExactDecimal? { decimal("price") }
  package var triggerPrice: ExactDecimal? { decimal("triggerPrice") }
  package var takeProfit: ExactDecimal? { decimal("takeProfit") }
  package var stopLoss: ExactDecimal? { decimal("stopLoss") }
  package var orderIv: ExactDecimal? { decimal("orderIv") }

  private func decimal(_ key: Text) -> ExactDecimal? {
    self[key]?.stringValue.flatMap { ExactDecimal($0) }
  }

  /// Whether `row` is the order that is meant.
  package func names(_ row: OrderRow) -> Bool {
    guard row.symbol == symbol else { return false }
    return orderID.map { $0 == row.orderID } ?? (orderLinkID == row.orderLinkID)
  }

  /// Whether the order bears all new values. Nil where the row tells none of them.
  package func isCarriedOut(in row: OrderRow) -> Bool? {
    var compared = false
    for field in news {
      guard let shown = row.amendable[field.key] else { continue }
      compared = true
      guard Self.equal(field.text, shown.string) else { return false }
    }
    return compared ? true : nil
  }

  /// Amounts are compared as numbers; the exchange writes "none" as nothing or zero.
  private static func equal(_ sent: String, _ shown: String) -> Bool {
    if sent == shown { return true }
    guard let wanted = ExactDecimal(sent) else { return false }
    return (ExactDecimal(shown) ?? .zero) == wanted
  }
}

/// The orders that one call would change or cancel: checked, in the form in which they will be sent.
package struct ChangeBatch: Hashable, Sendable {
  package let tool: OrderTool
  package let category: Category
  /// Empty when every order of `scope` is cancelled.
  package let changes: [OrderChange]
  /// Of `cancelAllOrders`: what limits it, category first. Empty for other tools.
  package let scope: [Leg.Field]
  package let arguments: JSONObject

  /// The bytes of `arguments` that are digested and sent.
  package var canonicalArguments: [UInt8] { JSONWriter.canonicalBytes(of: .object(arguments)) }

  /// The symbols in the order of their first leg.
  package var symbols: [Text] {
    let named = scope.first { $0.key == "symbol" }.map { [Text($0.text)] } ?? []
    return changes.reduce(into: named) { seen, change in
      if !seen.contains(change.symbol) { seen.append(change.symbol) }
    }
  }

  /// The changes that `arguments` of `tool` propose. Refuses whatever the tool's schema does not
  /// name, an order that stands twice, and an amendment that changes nothing.
  package static func parse(
    tool name: Text, arguments: JSONObject
  ) throws(OrderError) -> ChangeBatch {
    guard let tool = OrderTool.named(name), tool.kind != .create else {
      throw OrderError(
        .notAnOrderTool, "the tool \"\(name)\" changes no orders",
        fix: "call one of those whose name has Amend or Cancel in it")
    }
    let category = try OrderCheck.envelope(arguments, of: tool)
    if tool.cancelsAll {
      try OrderCheck.check(arguments, tool.fields, at: .root)
      return ChangeBatch(
        tool: tool, category: category, changes: [], scope: OrderCheck.fields(of: arguments),
        arguments: arguments)
    }
    let changes = try OrderCheck.legs(arguments, of: tool, category).map { one throws(OrderError) in
      try change(one, tool, category)
    }
    try requireDistinct(changes, tool)
    return ChangeBatch(
      tool: tool, category: category, changes: changes, scope: [], arguments: arguments)
  }

  private static func change(
    _ one: OrderCheck.LegObject, _ tool: OrderTool, _ category: Category
  ) throws(OrderError) -> OrderChange {
    try OrderCheck.check(one.object, tool.fields, at: one.path)
    guard let symbol = one.object["symbol"]?.textValue else {
      throw OrderCheck.missing("symbol", at: one.path)
    }
    let change = OrderChange(
      index: one.index, kind: tool.kind, category: category, symbol: symbol,
      orderID: one.object["orderId"]?.textValue, orderLinkID: one.object["orderLinkId"]?.textValue,
      allFields: OrderCheck.fields(of: one.object))
    guard change.orderID != nil || change.orderLinkID != nil else {
      throw OrderError(
        .missing, "no order is named", fix: "add \"orderId\" or \"orderLinkId\"", at: one.path)
    }
    guard tool.kind == .cancel || !change.news.isEmpty else {
      throw OrderError(
        .missing, "nothing of the order is changed", fix: "add a new value, such as \"price\"",
        at: one.path)
    }
    return change
  }

  private static func requireDistinct(
    _ changes: [OrderChange], _ tool: OrderTool
  ) throws(OrderError) {
    for (at, change) in changes.enumerated() {
      let isTwice = changes[..<at].contains { other in
        change.orderID.map { $0 == other.orderID } ?? false
          || change.orderLinkID.map { $0 == other.orderLinkID } ?? false
      }
      guard isTwice else { continue }
      throw OrderError(
        .badValue, "the order stands twice in the batch", fix: "write all its new values once",
        at: tool.isBatch ? JSONPath.root.key("request").index(at) : .root)
    }
  }

  /// The orders as they would stand after the amendment, for valuing and checking them like new ones.
  ///
  /// - Parameter rows: The orders as the exchange showed them last.
  /// - Returns: Nil unless all are known, or when the new values make no order.
  package func result(of rows: [OrderRow]) -> OrderBatch? {
    guard tool.kind == .amend, let create = OrderTool.named("batchCreateOrders") else { return nil }
    var legs: [JSONValue] = []
    for change in changes {
      guard let row = rows.first(where: { change.names($0) }) else { return nil }
      legs.append(.object(row.legObject(with: change.news)))
    }
    var arguments = JSONObject()
    arguments["category"] = .string(Text(category.rawValue))
    arguments["request"] = .array(legs)
    return try? OrderBatch.parse(tool: create.name, arguments: arguments)
  }
}

extension OrderRow {
  /// The order as a leg that would create it, `news` put in.
  fileprivate func legObject(with news: [Leg.Field]) -> JSONObject {
    var leg: JSONObject = [
      "symbol": .string(symbol), "side": .string(Text(side.rawValue)),
      "orderType": .string(Text(orderType.rawValue)), "qty": .string(Text(qty.description)),
      "reduceOnly": .bool(isReduceOnly),
    ]
    if orderType == .limit { leg["price"] = price.map { .string(Text($0.description)) } }
    for (key, value) in amendable {
      guard let amount = ExactDecimal(value.string), amount.isPositive, leg[key] == nil else {
        continue
      }
      leg[key] = .string(value)
    }
    // Taking a price or a stop away is no value of an order.
    for field in news {
      let isNone = field.value.stringValue.flatMap { ExactDecimal($0) }?.isZero ?? false
      leg[field.key] = isNone && field.key != "qty" ? JSONValue?.none : field.value
    }
    return leg
  }
}
