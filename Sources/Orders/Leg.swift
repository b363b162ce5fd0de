package import Decimals
package import JSON

/// One order of a batch, as it will be sent.
package struct Leg: Hashable, Sendable {
  /// One key of the leg with its value, in the order of the bytes that will be sent.
  package struct Field: Hashable, Sendable {
    package let key: Text
    package let value: JSONValue

    /// The value as shown: a string without its quotes, anything else as canonical JSON.
    package var text: String { value.stringValue ?? JSONWriter.canonicalText(of: value) }
  }

  /// From 0.
  package let index: Int
  package let category: Category
  package let symbol: Text
  package let side: Side
  package let orderType: OrderType
  package let qty: ExactDecimal
  /// The quantity exactly as it will be sent.
  package let qtyText: Text
  /// Every field of the leg, canonical order.
  package let allFields: [Field]

  /// From 1: the number that people see and that ends an injected link id.
  package var number: Int { index + 1 }

  package subscript(_ key: Text) -> JSONValue? {
    // By place: to go over the fields themselves copies each of them.
    for place in allFields.indices where allFields[place].key == key {
      return allFields[place].value
    }
    return nil
  }

  package var price: ExactDecimal? { decimal("price") }
  package var triggerPrice: ExactDecimal? { decimal("triggerPrice") }
  package var takeProfit: ExactDecimal? { decimal("takeProfit") }
  package var stopLoss: ExactDecimal? { decimal("stopLoss") }
  package var tpLimitPrice: ExactDecimal? { decimal("tpLimitPrice") }
  package var slLimitPrice: ExactDecimal? { decimal("slLimitPrice") }
  package var orderIv: ExactDecimal? { decimal("orderIv") }
  package var slippageTolerance: ExactDecimal? { decimal("slippageTolerance") }

  package var timeInForce: TimeInForce? {
    self["timeInForce"]?.textValue.flatMap(TimeInForce.init(exactly:))
  }
  package var marketUnit: MarketUnit? {
    self["marketUnit"]?.textValue.flatMap(MarketUnit.init(exactly:))
  }
  package var smpType: Text? { self["smpType"]?.textValue }
  package var orderLinkID: Text? { self["orderLinkId"]?.textValue }
  package var orderFilter: Text? { self["orderFilter"]?.textValue }
  package var triggerBy: Text? { self["triggerBy"]?.textValue }
  package var reduceOnly: Bool { self["reduceOnly"]?.boolValue ?? false }
  package var closeOnTrigger: Bool { self["closeOnTrigger"]?.boolValue ?? false }
  package var isLeverage: Bool { small("isLeverage") == 1 }
  package var positionIdx: Int? { small("positionIdx") }
  package var triggerDirection: Int? { small("triggerDirection") }

  /// Armed now and executed later, when the trigger price is reached.
  package var isConditional: Bool { triggerPrice.map { !$0.isZero } ?? false }

  /// A quantity of zero with `reduceOnly` and `closeOnTrigger` closes the whole position.
  package var closesWholePosition: Bool { qty.isZero && reduceOnly && closeOnTrigger }

  /// Whether `qty` counts quote coins: a spot market order, by its unit or the exchange's default.
  package var quantityIsQuote: Bool {
    guard category == .spot, orderType == .market else { return false }
    return (marketUnit ?? (side == .buy ? .quote : .base)) == .quote
  }

  private func decimal(_ key: Text) -> ExactDecimal? {
    self[key]?.stringValue.flatMap { ExactDecimal($0) }
  }

  /// A small enumeration: a number in the WebSocket tools, a string in the REST tools.
  private func small(_ key: Text) -> Int? {
    guard let value = self[key] else { return nil }
    return value.intValue ?? value.stringValue.flatMap { Int($0) }
  }
}
