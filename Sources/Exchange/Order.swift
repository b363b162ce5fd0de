package import Decimals
package import JSON
package import Time

/// Where an order stands.
package enum OrderStatus: String, Sendable {
  /// Waits for its trigger price.
  case untriggered = "Untriggered"
  /// The moment between waiting and working.
  case triggered = "Triggered"
  case new = "New"
  case partiallyFilled = "PartiallyFilled"
  case filled = "Filled"
  /// Derivatives have no status of their own for a cancel after fills.
  case cancelled = "Cancelled"
  /// Spot: cancelled after fills.
  case partiallyFilledCanceled = "PartiallyFilledCanceled"
  /// Spot: cancelled before its trigger.
  case deactivated = "Deactivated"
  /// Taken, then turned down: no funds when it triggered.
  case rejected = "Rejected"

  package var isOpen: Bool {
    switch self {
    case .untriggered, .triggered, .new, .partiallyFilled: true
    case .filled, .cancelled, .partiallyFilledCanceled, .deactivated, .rejected: false
    }
  }

  /// Open and past its trigger.
  package var isWorking: Bool { self == .new || self == .partiallyFilled }
}

package enum CancelType: String, Sendable {
  case none = "UNKNOWN"
  case byUser = "CancelByUser"
  case byReduceOnly = "CancelByReduceOnly"
  case bySelfMatch = "CancelBySmp"
  /// An exit whose position or partner is gone.
  case byExitClear = "CancelByTpSlTsClear"
  case byOCO = "CancelByOCO"
  case beforeLiquidation = "CancelAllBeforeLiq"
  case bySettlement = "CancelBySettle"
}

package enum RejectReason: String, Sendable {
  case none = "EC_NoError"
  case noImmediateQuantity = "EC_NoImmediateQtyToFill"
  case noFullFill = "EC_CancelForNoFullFill"
  case postOnlyWouldTake = "EC_PostOnlyWillTakeLiquidity"
  case byUser = "EC_PerCancelRequest"
  case selfMatch = "EC_BySelfMatch"
  case other = "EC_Others"
}

/// What made an order.
package enum CreateType: String, Sendable {
  case user = "CreateByUser"
  case closing = "CreateByClosing"
  case takeProfit = "CreateByTakeProfit"
  case stopLoss = "CreateByStopLoss"
  case partialTakeProfit = "CreateByPartialTakeProfit"
  case partialStopLoss = "CreateByPartialStopLoss"
  case liquidation = "CreateByLiq"
}

/// The kind of a waiting order.
package enum StopKind: String, Sendable {
  case none = ""
  case stop = "Stop"
  case takeProfit = "TakeProfit"
  case stopLoss = "StopLoss"
  case partialTakeProfit = "PartialTakeProfit"
  case partialStopLoss = "PartialStopLoss"
  /// Spot, funds locked.
  case tpslOrder

  /// Belongs to a position and goes with it.
  var isExit: Bool {
    switch self {
    case .takeProfit, .stopLoss, .partialTakeProfit, .partialStopLoss: true
    case .none, .stop, .tpslOrder: false
    }
  }
}

/// One order with everything that happened to it.
package struct Order: Sendable {
  package let id: Text
  /// As it was asked for, or as the exchange made it.
  var request: OrderRequest
  package let account: AccountID
  package let timeInForce: TimeInForce
  /// As sent; for a market order and outside the band the converted limit.
  package internal(set) var price: ExactDecimal
  /// As sent: base coin, dollars for inverse contracts, or what `marketUnit` says.
  package internal(set) var quantity: ExactDecimal
  package let createdAt: Timestamp
  package internal(set) var updatedAt: Timestamp
  package internal(set) var status = OrderStatus.new
  package internal(set) var cancelType = CancelType.none
  package internal(set) var rejectReason = RejectReason.none
  /// What made it; `user` unless the exchange did.
  package var createType = CreateType.user
  package var stopKind = StopKind.none
  /// The link id of the order whose exit this is.
  package var parentLinkID: Text = ""
  /// Nil unless the order waits, or waited, for a price.
  package internal(set) var trigger: Trigger?
  /// The last price when a waiting order was taken.
  package internal(set) var lastPriceOnCreated: ExactDecimal?
  package internal(set) var exits: Exits
  package internal(set) var orderIv: ExactDecimal?
  package internal(set) var selfMatchGroup = 0
  /// The order that would have been the other side.
  package internal(set) var selfMatchOrderID: Text = ""
  /// Sum of the values of the fills: quote coin, for inverse contracts settlement coin.
  package internal(set) var filledValue = ExactDecimal.zero
  package internal(set) var fee = ExactDecimal.zero
  /// What fees are paid in: the settlement coin; for spot the coin that is received.
  package internal(set) var feeCoin: Text
  /// Realised profit of the fills before fees, settlement coin.
  package internal(set) var closedPnl = ExactDecimal.zero
  /// Rises with every order of the exchange.
  var serial: Int
  let market: Int
  var limit: Int
  /// Zero for a spot market order in quote coin, which counts down `budget`.
  var lots: Int
  /// Quote coin that is still to be spent or earned; nil where lots count.
  var budget: ExactDecimal?
  /// The other order of a take-profit and stop-loss pair: when one fires the other goes.
  var partner: Text?
  /// The second of a spot pair, whose funds the first one holds.
  var isShadow = false
  /// The last exits that this order's fills made.
  var children: [Text] = []
  /// How much of the fills has exits.
  var coveredLots = 0
  let step: ExactDecimal
  let averageScale: Int
  var filledLots = 0

  package var linkID: Text { request.linkID }
  package var category: Category { request.category }
  package var symbol: Text { request.symbol }
  package var side: Side { request.side }
  package var type: OrderType { request.type }
  package var reduceOnly: Bool { request.reduceOnly }
  package var closeOnTrigger: Bool { request.closeOnTrigger }
  package var positionIndex: Int { request.positionIndex }
  package var isLeverage: Bool { request.isLeverage }
  package var marketUnit: MarketUnit? { request.marketUnit }
  package var slippage: Slippage? { request.slippage }
  package var filter: OrderFilter { request.filter }
  package var selfMatch: SelfMatch { request.selfMatch }

  /// What has been traded, base coin or dollars.
  package var filled: ExactDecimal { Instrument.amount(filledLots, of: step) }
  /// What may still trade, base coin or dollars; zero once the order is closed.
  package var leaves: ExactDecimal { Instrument.amount(leavesLots, of: step) }

  /// What may still trade at the limit price: quote coin, for inverse contracts settlement coin.
  package var leavesValue: ExactDecimal {
    guard status.isOpen else { return .zero }
    if let budget { return budget }
    guard category == .inverse else { return (try? leaves * price) ?? .zero }
    let value = try? leaves.divided(by: price, scale: Instrument.coinScale, rounding: .halfEven)
    return value ?? .zero
  }

  /// The mean price of the fills, or nil before the first.
  package var averagePrice: ExactDecimal? {
    guard filledLots > 0 else { return nil }
    let (top, bottom) = category == .inverse ? (filled, filledValue) : (filledValue, filled)
    return try? top.divided(by: bottom, scale: averageScale, rounding: .halfEven).normalized
  }

  var leavesLots: Int { status.isOpen && budget == nil ? lots - filledLots : 0 }
}
