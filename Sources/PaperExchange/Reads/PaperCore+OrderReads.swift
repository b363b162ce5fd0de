import Decimals
import Exchange
import JSON
import Time

/// Orders, fills and closed positions of the account.
extension PaperCore {
  /// Closed orders that `openOnly=1` still shows.
  private static let recentlyClosed = 500

  func openOrders(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    let filter = try ListFilter(query, category)
    guard category != .linear || filter.namesOrder || filter.namesMarket else {
      throw Refusal.parameter("params error: symbol, settleCoin or baseCoin is required")
    }
    let open = venue.openOrders(of: configuration.account)
    let closed = Array(
      venue.closedOrders(of: configuration.account).prefix(Self.recentlyClosed))
    let wantsClosed = try query.int("openOnly", in: 0...2, default: 0) > 0
    let all = filter.namesOrder ? open + closed : wantsClosed ? closed : open
    return try page(
      all.filter { filter.passes($0, of: venue, at: $0.createdAt) }, query, category, most: 50,
      usual: 20, Rows.listed)
  }

  func orderHistory(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    let filter = try ListFilter(query, category)
    let orders = venue.closedOrders(of: configuration.account)
      .filter { filter.passes($0, of: venue, at: $0.createdAt) }
    return try page(orders, query, category, most: 50, usual: 20, Rows.listed)
  }

  func executionList(_ query: Query) throws -> JSONValue {
    let category = try query.category()
    let filter = try ListFilter(query, category)
    let kind = query["execType"]
    let all = venue.executions.reversed().filter {
      $0.account == configuration.account && filter.passes($0.order, of: venue, at: $0.at)
        && (kind == nil || kind == Text($0.kind.rawValue))
    }
    return try page(all, query, category, most: 100, usual: 50, Rows.listed)
  }

  // MARK: Before an order

  /// The margin rates before and after an order, which is placed in a copy of the exchange.
  func preCheck(_ body: JSONCursor, at now: Timestamp) throws -> JSONValue {
    let category = try OrderBody.category(body)
    guard category == .linear || category == .option else {
      throw Refusal.parameter("params error: category takes linear or option")
    }
    let request = try OrderBody.order(body, category)
    guard let before = try venue.summary(of: configuration.account) else { throw Refusal.server }
    var trial = venue
    for effect in trial.handle(.place(request, by: configuration.account), at: now) {
      if case .refused(let refusal) = effect { throw refusal }
    }
    guard let after = try trial.summary(of: configuration.account) else { throw Refusal.server }
    var row = JSONObject(strings: [("orderId", ""), ("orderLinkId", request.linkID.string)])
    row["preImrE4"] = .int(Self.e4(before.initialRate))
    row["preMmrE4"] = .int(Self.e4(before.maintenanceRate))
    row["postImrE4"] = .int(Self.e4(after.initialRate))
    row["postMmrE4"] = .int(Self.e4(after.maintenanceRate))
    return .object(row)
  }

  private static func e4(_ rate: ExactDecimal) -> Int {
    let whole = try? (rate * 10_000).rescaled(to: 0, rounding: .halfEven)
    return whole.flatMap { Int(exactly: $0.coefficient) } ?? 0
  }

  /// How much can be bought or sold on spot, with and without a loan.
  func borrowQuota(_ query: Query) throws -> JSONValue {
    guard try query.category() == .spot else { throw Refusal.category }
    let symbol = try query.required("symbol")
    guard let instrument = venue.instrument(symbol, .spot),
      let summary = try venue.summary(of: configuration.account)
    else { throw Refusal.symbol }
    let given = try query.required("side")
    guard let side = Side.allCases.first(where: { Text($0.rawValue) == given }) else {
      throw Refusal.parameter("params error: side takes Buy or Sell")
    }
    let coin = side == .buy ? instrument.quoteCoin : instrument.baseCoin
    let held = summary.coins.first { $0.coin == coin }
    let own = max(.zero, try (held?.balance ?? .zero) - (held?.locked ?? .zero))
    let mark = venue.mark(symbol, .spot) ?? .one
    let loan =
      side == .buy
      ? try summary.available * Funds.spotLeverage
      : try (summary.available * Funds.spotLeverage).divided(by: mark, scale: 8, rounding: .down)
    let (whole, alone) = (max(own, loan), own)
    return .object(
      JSONObject(strings: [
        ("symbol", symbol.string), ("side", side.rawValue),
        ("maxTradeQty", try Self.quantity(whole, side, mark, instrument)),
        ("maxTradeAmount", try Self.amount(whole, side, mark)),
        ("spotMaxTradeQty", try Self.quantity(alone, side, mark, instrument)),
        ("spotMaxTradeAmount", try Self.amount(alone, side, mark)), ("borrowCoin", coin.string),
      ]))
  }

  private static func quantity(
    _ funds: ExactDecimal, _ side: Side, _ price: ExactDecimal, _ instrument: Instrument
  ) throws(DecimalError) -> String {
    let scale = instrument.basePrecision.scale
    guard side == .buy else {
      return try funds.rescaled(to: min(scale, funds.scale), rounding: .down).description
    }
    return try funds.divided(by: price, scale: scale, rounding: .down).description
  }

  private static func amount(
    _ funds: ExactDecimal, _ side: Side, _ price: ExactDecimal
  ) throws(DecimalError) -> String {
    Rows.plain(side == .buy ? funds : try funds * price)
  }
}
