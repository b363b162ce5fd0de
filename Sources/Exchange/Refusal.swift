package import Decimals
package import JSON

/// Why the exchange did not accept a request: the V5 code and a text that says what to change.
package struct Refusal: Error, Hashable, Sendable {
  package let code: Int
  package let message: Text

  package init(_ code: Int, _ message: Text) {
    self.code = code
    self.message = message
  }

  package static func parameter(_ message: Text) -> Refusal { Refusal(10001, message) }
  package static let symbol = parameter("params error: The requested symbol is invalid.")
  package static let positionIndex = parameter("position idx not match position mode")
  package static let linkID = parameter(
    "params error: OrderLinkedID takes at most 36 letters, digits, - and _")
  package static let price = parameter("params error: price invalid, use a multiple of tickSize")
  package static let triggerPrice = parameter(
    "params error: trigger price invalid, use a multiple of tickSize")
  package static let quantity = parameter("Qty invalid, use a multiple of qtyStep")
  package static let belowMinimum = parameter(
    "The number of contracts exceeds minimum limit allowed")
  package static let unchanged = parameter(
    "The order remains unchanged as the parameters entered match the existing ones.")
  package static let server = Refusal(10016, "Server error")
  package static let missingOrder = Refusal(
    110001, "order not exists or too late to cancel")
  package static let priceRange = Refusal(110003, "Order price exceeds the allowable range")
  package static let balance = Refusal(110007, "ab not enough for new order")
  package static let tooManyStops = Refusal(
    110009, "The number of stop orders exceeds maximum limit allowed")
  package static let leverageRange = Refusal(
    110013, "Cannot set leverage due to risk limit level")
  package static let reduceOnly = Refusal(110017, "orderQty will be truncated to zero")
  package static let tooManyOrders = Refusal(
    110020, "Not allowed to have more than 500 active orders")
  package static let positionExists = Refusal(
    110024, "You have an existing position, so position mode cannot be switched")
  package static let modeUnchanged = Refusal(110025, "Position mode is not modified")
  package static let ordersExist = Refusal(
    110028, "Open orders exist, so you cannot change position mode")
  package static let leverageUnchanged = Refusal(110043, "leverage not modified")
  package static let availableMargin = Refusal(110044, "Insufficient available margin")
  package static let exitsNotAllowed = parameter(
    "params error: a reduce-only order takes no takeProfit and no stopLoss")
  package static let tooManyExits = Refusal(
    110061, "Cannot have more than 20 TP/SLs under Partial tpSlMode")
  package static let belowFilled = Refusal(
    110064, "The number of contracts modified cannot be less than or equal to the filled quantity")
  package static let halted = Refusal(110066, "trading is halted, orders are not taken now")
  package static let duplicate = Refusal(110072, "OrderLinkedID is duplicate")
  package static let slippage = Refusal(
    110108, "slippageTolerance takes 1 to 10000 ticks or 0.01 to 10 percent")
  package static let noMarketPrice = Refusal(
    110118, "no market price: the book is empty, use a limit order")
  /// Spot.
  package static let spotBalance = Refusal(170131, "Insufficient balance.")

  package static func tooLarge(_ quantity: String, _ most: String) -> Refusal {
    parameter(
      """
      The number of contracts exceeds maximum limit allowed: too large, \
      order_qty:\(quantity) > max_qty:\(most)
      """)
  }

  /// 110094 of a derivative, 170140 of a spot order.
  package static func belowNotional(_ category: Category, _ least: ExactDecimal, _ coin: Text)
    -> Refusal
  {
    category == .spot
      ? Refusal(170140, "Order value exceeded lower limit.")
      : Refusal(
        110094, "Order does not meet minimum order value \(least.description)\(coin)")
  }

  /// The conditional order would trigger at once.
  package static func triggered(
    _ direction: TriggerDirection, _ trigger: ExactDecimal, _ current: ExactDecimal
  ) -> Refusal {
    direction == .rise
      ? Refusal(
        110092,
        "expect Rising, but trigger_price[\(trigger.description)] <= current[\(current.description)]"
      )
      : Refusal(
        110093,
        "expect Falling, but trigger_price[\(trigger.description)] >= current[\(current.description)]"
      )
  }

  /// The spot interface has codes of its own for what derivatives say in 10001 and 1100xx.
  func spoken(by category: Category) -> Refusal {
    guard category == .spot else { return self }
    return Self.spot[self] ?? self
  }

  private static let spot: [Refusal: Refusal] = [
    symbol: Refusal(170121, "Invalid symbol."),
    price: Refusal(170134, "Order price has too many decimals."),
    triggerPrice: Refusal(170134, "Trigger price has too many decimals."),
    quantity: Refusal(170137, "Order quantity has too many decimals."),
    belowMinimum: Refusal(170136, "Order quantity exceeded lower limit."),
    missingOrder: Refusal(170213, "Order does not exist."),
    balance: spotBalance,
    tooManyStops: Refusal(170810, "Cannot exceed the maximum of 30 conditional or TP/SL orders."),
    tooManyOrders: Refusal(
      170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders."),
    duplicate: Refusal(170141, "Duplicate clientOrderId"),
    halted: Refusal(170151, "This trading pair is not available now."),
    belowFilled: Refusal(170136, "Order quantity exceeded lower limit."),
  ]
}
