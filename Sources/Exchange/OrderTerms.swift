package import Decimals

/// The owner of orders, positions and a wallet.
package struct AccountID: Hashable, Comparable, Sendable {
  package let uid: Int
  package init(_ uid: Int) { self.uid = uid }
  package static func < (a: AccountID, b: AccountID) -> Bool { a.uid < b.uid }
}

package enum Side: String, CaseIterable, Sendable {
  case buy = "Buy"
  case sell = "Sell"

  package var opposite: Side { self == .buy ? .sell : .buy }
  /// +1 for what makes a position longer, −1 for what makes it shorter.
  var sign: Int { self == .buy ? 1 : -1 }

  /// Whether an order of this side with `limit` trades with a quote at `ticks`.
  func accepts(_ ticks: Int, limit: Int) -> Bool { self == .buy ? ticks <= limit : ticks >= limit }
}

package enum OrderType: String, CaseIterable, Sendable {
  case limit = "Limit"
  case market = "Market"
}

package enum TimeInForce: String, CaseIterable, Sendable {
  case gtc = "GTC"
  case ioc = "IOC"
  case fok = "FOK"
  case postOnly = "PostOnly"
}

/// What a spot market order counts its quantity in.
package enum MarketUnit: String, CaseIterable, Sendable {
  case baseCoin
  case quoteCoin
}

/// The kind of spot order: both others wait for a trigger price.
package enum OrderFilter: String, CaseIterable, Sendable {
  case order = "Order"
  /// Waits with its funds locked.
  case tpslOrder
  /// Waits without funds.
  case stopOrder = "StopOrder"
}

/// How far from the best price a market order may trade.
package struct Slippage: Hashable, Sendable {
  package enum Unit: String, CaseIterable, Sendable {
    case ticks = "TickSize"
    case percent = "Percent"
  }

  package var unit: Unit
  package var amount: ExactDecimal

  package init(_ unit: Unit, _ amount: ExactDecimal) {
    self.unit = unit
    self.amount = amount
  }
}

/// Which price a trigger watches.
package enum TriggerBy: String, CaseIterable, Sendable {
  case last = "LastPrice"
  case index = "IndexPrice"
  case mark = "MarkPrice"
}

/// The way in which the price has to pass the trigger.
package enum TriggerDirection: Int, CaseIterable, Sendable {
  case rise = 1
  case fall = 2
}

/// When a waiting order becomes active.
package struct Trigger: Hashable, Sendable {
  package var price: ExactDecimal
  package var direction: TriggerDirection
  package var by: TriggerBy

  package init(price: ExactDecimal, direction: TriggerDirection, by: TriggerBy = .last) {
    self.price = price
    self.direction = direction
    self.by = by
  }
}

/// One take profit or stop loss: what to do when the price gets there.
package struct Exit: Hashable, Sendable {
  package var trigger: ExactDecimal
  package var by: TriggerBy
  package var type: OrderType
  /// Of a limit exit.
  package var limit: ExactDecimal?

  package init(
    trigger: ExactDecimal, by: TriggerBy = .last, type: OrderType = .market,
    limit: ExactDecimal? = nil
  ) {
    self.trigger = trigger
    self.by = by
    self.type = type
    self.limit = limit
  }
}

/// Whether exits close the whole position or what their order filled.
package enum ExitMode: String, CaseIterable, Sendable {
  case full = "Full"
  case partial = "Partial"
}

/// The exits that hang on an order or a position.
package struct Exits: Hashable, Sendable {
  package var takeProfit: Exit?
  package var stopLoss: Exit?
  package var mode: ExitMode

  package init(takeProfit: Exit? = nil, stopLoss: Exit? = nil, mode: ExitMode = .full) {
    self.takeProfit = takeProfit
    self.stopLoss = stopLoss
    self.mode = mode
  }

  package var isEmpty: Bool { takeProfit == nil && stopLoss == nil }
}

/// What happens when an order would trade with another of its account or of its group.
package enum SelfMatch: String, CaseIterable, Sendable {
  /// They trade.
  case none = "None"
  case cancelMaker = "CancelMaker"
  case cancelTaker = "CancelTaker"
  case cancelBoth = "CancelBoth"
}
