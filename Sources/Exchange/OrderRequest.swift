package import Decimals
package import JSON

/// A new order as it was asked for. Amounts keep the text scale that was sent.
package struct OrderRequest: Sendable {
  package var category: Category
  package var symbol: Text
  package var side: Side
  package var type: OrderType
  /// Base coin; dollars for inverse contracts; see `marketUnit` for spot market orders.
  package var quantity: ExactDecimal
  /// Required for a limit order, ignored for a market order.
  package var price: ExactDecimal?
  /// Nil: GTC for limit orders, IOC for market orders.
  package var timeInForce: TimeInForce?
  package var reduceOnly: Bool
  /// With quantity 0: the whole position.
  package var closeOnTrigger: Bool
  /// Empty when the caller gave none.
  package var linkID: Text
  /// 0 in one-way mode; in hedge mode 1 is the long, 2 the short position.
  package var positionIndex: Int
  /// Spot: may borrow.
  package var isLeverage = false
  /// Spot market orders; nil: quote coin to buy, base coin to sell.
  package var marketUnit: MarketUnit?
  package var slippage: Slippage?
  package var filter = OrderFilter.order
  /// Present: the order waits for this price.
  package var triggerPrice: ExactDecimal?
  /// Required with `triggerPrice` for derivatives.
  package var triggerDirection: TriggerDirection?
  package var triggerBy = TriggerBy.last
  package var exits = Exits()
  package var selfMatch = SelfMatch.none
  /// Options: an implied volatility that sets the price.
  package var orderIv: ExactDecimal?

  package init(
    category: Category = .linear, symbol: Text, side: Side, type: OrderType,
    quantity: ExactDecimal, price: ExactDecimal? = nil, timeInForce: TimeInForce? = nil,
    reduceOnly: Bool = false, closeOnTrigger: Bool = false, linkID: Text = "",
    positionIndex: Int = 0
  ) {
    self.category = category
    self.symbol = symbol
    self.side = side
    self.type = type
    self.quantity = quantity
    self.price = price
    self.timeInForce = timeInForce
    self.reduceOnly = reduceOnly
    self.closeOnTrigger = closeOnTrigger
    self.linkID = linkID
    self.positionIndex = positionIndex
  }

  package var market: MarketID { MarketID(category, symbol) }
}

/// Names one order. The order id wins where both ids are given.
package struct OrderName: Hashable, Sendable {
  package var category: Category
  package var symbol: Text
  package var orderID: Text?
  package var linkID: Text?

  package init(
    category: Category = .linear, symbol: Text, orderID: Text? = nil, linkID: Text? = nil
  ) {
    self.category = category
    self.symbol = symbol
    self.orderID = orderID
    self.linkID = linkID
  }

  package var market: MarketID { MarketID(category, symbol) }
}

/// Names the order to cancel.
package typealias CancelRequest = OrderName

/// A change of an open order; what is nil stays.
package struct AmendRequest: Sendable {
  package var name: OrderName
  package var quantity: ExactDecimal?
  package var price: ExactDecimal?
  package var orderIv: ExactDecimal?
  package var triggerPrice: ExactDecimal?
  package var triggerBy: TriggerBy?
  package var takeProfit: ExitChange?
  package var stopLoss: ExitChange?
  package var exitMode: ExitMode?

  package init(_ name: OrderName, quantity: ExactDecimal? = nil, price: ExactDecimal? = nil) {
    self.name = name
    self.quantity = quantity
    self.price = price
  }
}

/// A change of one take profit or stop loss.
package struct ExitChange: Hashable, Sendable {
  /// Zero takes the exit away; nil keeps the price.
  package var trigger: ExactDecimal?
  package var by: TriggerBy?
  package var type: OrderType?
  package var limit: ExactDecimal?

  package init(
    trigger: ExactDecimal? = nil, by: TriggerBy? = nil, type: OrderType? = nil,
    limit: ExactDecimal? = nil
  ) {
    self.trigger = trigger
    self.by = by
    self.type = type
    self.limit = limit
  }
}

/// Which open orders of an account to cancel: those that fit every part that is given.
package struct CancelAllRequest: Sendable {
  package var category: Category
  package var symbol: Text?
  package var baseCoin: Text?
  package var settleCoin: Text?
  /// Nil: active orders, and for derivatives waiting ones too.
  package var filter: OrderFilter?

  package init(
    category: Category = .linear, symbol: Text? = nil, baseCoin: Text? = nil,
    settleCoin: Text? = nil, filter: OrderFilter? = nil
  ) {
    self.category = category
    self.symbol = symbol
    self.baseCoin = baseCoin
    self.settleCoin = settleCoin
    self.filter = filter
  }
}

/// Take profit and stop loss of a position. Full exits replace what is set; partial ones add a pair.
package struct TradingStop: Sendable {
  package var category: Category
  package var symbol: Text
  package var positionIndex: Int
  package var mode: ExitMode
  package var takeProfit: ExitChange?
  package var stopLoss: ExitChange?
  /// Partial exits: how much of the position, base coin or dollars.
  package var size: ExactDecimal?

  package init(
    category: Category = .linear, symbol: Text, positionIndex: Int = 0, mode: ExitMode = .full,
    takeProfit: ExitChange? = nil, stopLoss: ExitChange? = nil, size: ExactDecimal? = nil
  ) {
    self.category = category
    self.symbol = symbol
    self.positionIndex = positionIndex
    self.mode = mode
    self.takeProfit = takeProfit
    self.stopLoss = stopLoss
    self.size = size
  }
}
