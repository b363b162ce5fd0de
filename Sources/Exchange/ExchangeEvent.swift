package import Decimals
package import JSON

/// What can happen to the exchange. Funding and expiries that are due happen on steps and prices.
package enum ExchangeEvent: Sendable {
  case place(OrderRequest, by: AccountID)
  case amend(AmendRequest, by: AccountID)
  case cancel(CancelRequest, by: AccountID)
  case cancelAll(CancelAllRequest, by: AccountID)
  case tradingStop(TradingStop, by: AccountID)
  case leverage(LeverageRequest, by: AccountID)
  case positionMode(PositionModeRequest, by: AccountID)
  case priceLimit(PriceLimitRequest, by: AccountID)
  /// Every market moves one step of its model.
  case tick
  /// One market moves to these prices without chance: recorded prices and tests.
  case price(PricePoint)
  /// From the next step on this market follows another model.
  case model(MarketID, PriceModel)

  /// A linear contract moves to this middle price; mark and index go with it.
  package static func quote(symbol: Text, middle: ExactDecimal) -> ExchangeEvent {
    .price(PricePoint(MarketID(.linear, symbol), middle: middle))
  }
}

/// Prices of one market at one moment, quote coin.
package struct PricePoint: Hashable, Sendable {
  package var market: MarketID
  /// Between the best bid and the best ask.
  package var middle: ExactDecimal
  /// Nil: the middle.
  package var mark: ExactDecimal?
  /// Nil: the middle.
  package var index: ExactDecimal?

  package init(
    _ market: MarketID, middle: ExactDecimal, mark: ExactDecimal? = nil,
    index: ExactDecimal? = nil
  ) {
    self.market = market
    self.middle = middle
    self.mark = mark
    self.index = index
  }
}

/// The leverage of both sides of one contract. One-way positions take one for both.
package struct LeverageRequest: Hashable, Sendable {
  package var market: MarketID
  package var buy: ExactDecimal
  package var sell: ExactDecimal

  package init(_ market: MarketID, buy: ExactDecimal, sell: ExactDecimal) {
    self.market = market
    self.buy = buy
    self.sell = sell
  }
}

/// One-way or hedge mode for one contract, or for every contract of a settlement coin.
package struct PositionModeRequest: Hashable, Sendable {
  package var category: Category
  package var symbol: Text?
  package var coin: Text?
  package var isHedged: Bool

  package init(
    category: Category = .linear, symbol: Text? = nil, coin: Text? = nil, isHedged: Bool
  ) {
    self.category = category
    self.symbol = symbol
    self.coin = coin
    self.isHedged = isHedged
  }
}

/// What happens to limit prices outside the band: for spot, or for everything else.
package struct PriceLimitRequest: Hashable, Sendable {
  package var category: Category
  package var policy: BandPolicy

  package init(category: Category, policy: BandPolicy) {
    self.category = category
    self.policy = policy
  }
}

/// What happens to a limit price outside the band.
package enum BandPolicy: Sendable {
  /// It is moved to the edge of the band: futures, unless the account asks otherwise.
  case reprice
  /// The order is refused: spot, unless the account asks otherwise.
  case refuse
}

/// What the exchange says in return, in the order in which it happened. The answer to a request is
/// the first effect and there is exactly one: `accepted`, `cancelled`, `done` or `refused`.
package enum ExchangeEffect: Sendable {
  /// An order or its change was taken; nothing is said about fills.
  case accepted(Order)
  /// These orders were cancelled together.
  case cancelled([Order])
  /// A setting was taken.
  case done
  /// Nothing changed.
  case refused(Refusal)
  /// The row of an order after a change.
  case order(Order)
  case execution(Execution)
  case position(Position, of: AccountID)
  case wallet(WalletSummary)
  case trade(PublicTrade)
  /// The book or the ticker of this market changed.
  case market(MarketID)
}
