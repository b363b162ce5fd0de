package import Decimals
package import JSON
package import Orders
package import Time

/// The account as the gateway's read key last saw it.
package enum AccountSnapshot: Hashable, Sendable {
  /// No key was ever configured.
  case notConfigured
  /// A key is configured, but nothing could be read: why.
  case missing(String)
  case known(Account)
}

/// Positions, orders and fees are those of the batch's category; sums are of the whole account.
package struct Account: Hashable, Sendable {
  package struct Position: Hashable, Sendable {
    package let symbol: Text
    /// 0 one-way, 1 the long side and 2 the short side of hedge mode.
    package let index: Int
    /// Long positive, short negative, in the unit of the symbol's orders.
    package let size: ExactDecimal
    package var entry: ExactDecimal?
    /// The exchange's own; nil where it tells none.
    package var liquidation: ExactDecimal?
    package var leverage: ExactDecimal?
    package var stopLoss: ExactDecimal?
    /// 1 (last to be cut) to 5.
    package var deleverageRank: Int?
    /// The exchange lets it only shrink.
    package var isReduceOnly = false
    /// At the mark, in the settle currency.
    package var value: ExactDecimal?

    package init(symbol: Text, index: Int = 0, size: ExactDecimal) {
      self.symbol = symbol
      self.index = index
      self.size = size
    }
  }

  package struct OpenOrder: Hashable, Sendable {
    package let symbol: Text
    package let side: Side
    /// Nil for a market order that waits for its trigger.
    package let price: ExactDecimal?
    /// Waits for its trigger, so it rests in no book.
    package let isConditional: Bool
    /// What is still to be filled; nil where it is not told.
    package var left: ExactDecimal?
    package var isClosing = false
    package var linkID: Text?

    package init(symbol: Text, side: Side, price: ExactDecimal?, isConditional: Bool = false) {
      self.symbol = symbol
      self.side = side
      self.price = price
      self.isConditional = isConditional
    }
  }

  /// One coin of the wallet, in its own units.
  package struct Coin: Hashable, Sendable {
    package var free: ExactDecimal
    package var borrowed: ExactDecimal
    package var isCollateral: Bool
    package var worth: ExactDecimal?

    package init(
      free: ExactDecimal, borrowed: ExactDecimal = 0, isCollateral: Bool = true,
      worth: ExactDecimal? = nil
    ) {
      self.free = free
      self.borrowed = borrowed
      self.isCollateral = isCollateral
      self.worth = worth
    }
  }

  package struct Fees: Hashable, Sendable {
    package var maker: ExactDecimal
    package var taker: ExactDecimal

    package init(maker: ExactDecimal, taker: ExactDecimal) {
      self.maker = maker
      self.taker = taker
    }
  }

  package enum MarginMode: String, Hashable, Sendable {
    case cross = "REGULAR_MARGIN"
    case isolated = "ISOLATED_MARGIN"
    case portfolio = "PORTFOLIO_MARGIN"
  }

  package var positions: [Position]
  package var openOrders: [OpenOrder]
  /// In US dollars, as all sums of the account.
  package var equity: ExactDecimal?
  package var marginBalance: ExactDecimal?
  package var initialMargin: ExactDecimal?
  package var maintenanceMargin: ExactDecimal?
  /// What new orders may use.
  package var available: ExactDecimal?
  package var coins: [Text: Coin] = [:]
  package var marginMode: MarginMode?
  /// Realised and unrealised since the day began.
  package var dayResult: ExactDecimal?
  package var fees: [Text: Fees] = [:]
  /// Whether orders outside the price limit are turned down instead of moved to it. Nil: not known.
  package var rejectsOutsideLimit: Bool?
  /// The same on spot.
  package var rejectsOutsideSpotLimit: Bool?
  package var disconnectionProtection: Bool?
  /// The exchange's clock less the gateway's.
  package var clockOffset: Milliseconds?
  package var asOf: Timestamp

  package init(
    positions: [Position] = [], openOrders: [OpenOrder] = [], equity: ExactDecimal? = nil,
    rejectsOutsideLimit: Bool? = nil, asOf: Timestamp
  ) {
    self.positions = positions
    self.openOrders = openOrders
    self.equity = equity
    self.rejectsOutsideLimit = rejectsOutsideLimit
    self.asOf = asOf
  }
}

// MARK: Rows of the exchange

extension Account.Position {
  /// A row of `position/list`. Nil for none.
  package init?(row: JSONValue) {
    guard let symbol = row["symbol"]?.textValue, let size = row.number("size") else { return nil }
    self.init(
      symbol: symbol, index: row["positionIdx"]?.intValue ?? 0,
      size: row["side"]?.textValue == "Sell" ? -size : size)
    entry = row.positive("avgPrice") ?? row.positive("entryPrice")
    liquidation = row.positive("liqPrice")
    leverage = row.positive("leverage")
    stopLoss = row.positive("stopLoss")
    deleverageRank = row["adlRankIndicator"]?.intValue
    isReduceOnly = row["isReduceOnly"]?.boolValue ?? false
    value = row.number("positionValue")?.magnitude
  }
}

extension Account.OpenOrder {
  /// A row of `order/realtime`.
  package init?(row: JSONValue) {
    guard let symbol = row["symbol"]?.textValue,
      let side = row["side"]?.textValue.flatMap(Side.init(exactly:))
    else { return nil }
    self.init(
      symbol: symbol, side: side,
      price: row["orderType"]?.textValue == "Limit" ? row.number("price") : nil,
      isConditional: row["orderStatus"]?.textValue == "Untriggered")
    left = row.number("leavesQty")
    isClosing = row["reduceOnly"]?.boolValue ?? false
    linkID = row["orderLinkId"]?.textValue.flatMap { $0.isEmpty ? nil : $0 }
  }
}

extension Account.Fees {
  /// A row of `fee-rate`.
  package init?(row: JSONValue) {
    guard let maker = row.number("makerFeeRate"), let taker = row.number("takerFeeRate") else {
      return nil
    }
    self.init(maker: maker, taker: taker)
  }
}

extension Account {
  /// Reads a row of `wallet-balance` into the sums and coins.
  package mutating func read(wallet row: JSONValue) {
    equity = row.number("totalEquity")
    marginBalance = row.number("totalMarginBalance")
    initialMargin = row.number("totalInitialMargin")
    maintenanceMargin = row.number("totalMaintenanceMargin")
    available = row.number("totalAvailableBalance")
    for one in row["coin"]?.arrayValue ?? [] {
      guard let coin = one["coin"]?.textValue, let held = one.number("walletBalance") else {
        continue
      }
      let locked = one.number("locked") ?? .zero
      coins[coin] = Coin(
        free: (try? held - locked) ?? held, borrowed: one.number("borrowAmount") ?? .zero,
        isCollateral: one["collateralSwitch"]?.boolValue ?? true, worth: one.number("usdValue"))
    }
  }
}

extension JSONValue {
  func number(_ key: Text) -> ExactDecimal? {
    self[key]?.stringValue.flatMap { ExactDecimal($0) }
  }

  func positive(_ key: Text) -> ExactDecimal? {
    number(key).flatMap { $0.isPositive ? $0 : nil }
  }
}
