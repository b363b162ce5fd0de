import Decimals
import JSON
import Orders
import Risk
import Time

/// What all checks of one batch cost: twenty orders against a book of two hundred levels on each side,
/// with an account, four hundred orders of the agent's past, and limits of an administrator.
enum RiskCost {
  private static let rounds = 31
  private static let blockTime = Duration.milliseconds(10)
  private static let now = Timestamp(milliseconds: 1_800_000_000_000)

  /// Prints `{"assess": [ns], "tick": [ns]}`: everything, and again after news of quote and book.
  static func report() throws {
    let batch = try batch(legs: 20)
    let context = RiskContext(
      batch: batch, market: MarketSnapshot(["BTCUSDT": market]), account: .known(account),
      history: try history(), limits: try limits(), now: now)
    let first = context.assess()
    precondition(first.findings.count >= RiskRule.allCases.count, "every rule says something")
    // As the gateway does it: what is read of the batch is part of the cost.
    func fresh() -> RiskContext {
      RiskContext(
        batch: batch, market: context.market, account: context.account,
        history: context.history, limits: context.limits, now: now)
    }
    var seen = 0
    var whole: [Double] = []
    var tick: [Double] = []
    for _ in 0..<rounds {
      whole.append(
        nanoseconds { seen &+= fresh().assess().findings.count })
      tick.append(
        nanoseconds {
          seen &+= fresh().assess(again: first, [.quote, .book]).findings.count
        })
    }
    print(
      JSONWriter.text(of: [
        "assess": numbers(whole), "tick": numbers(tick), "checksum": .int(seen & 0xFFFF),
      ]))
  }

  private static func nanoseconds(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var count = 0.0
    while clock.now - start < blockTime {
      body()
      count += 1
    }
    return (clock.now - start) / .nanoseconds(1) / count
  }

  private static func numbers(_ all: [Double]) -> JSONValue {
    .array(all.map { .int(Int($0.rounded())) })
  }

  // MARK: What is assessed

  /// Half of the orders take, half rest; one is a market order.
  private static func batch(legs count: Int) throws -> OrderBatch {
    let request = (0..<count).map { number -> JSONValue in
      let isMarket = number == 0
      return .compact([
        "symbol": "BTCUSDT", "side": number % 2 == 0 ? "Buy" : "Sell",
        "orderType": isMarket ? "Market" : "Limit", "qty": .string(Text("0.\(10 + number)")),
        "price": isMarket ? nil : .string(Text("\(60_000 + 7 * number).50")),
        "orderLinkId": .string(Text("alpha-2026-11-26-\(number)")),
        "stopLoss": number == 2 ? "59000.5" : nil,
      ])
    }
    return try OrderBatch.parse(
      tool: "wsBatchCreateOrders",
      arguments: ["category": "linear", "request": .array(request)])
  }

  private static let market: SymbolMarket = {
    var market = SymbolMarket()
    var instrument = Instrument(
      tick: "0.5", step: "0.01", minQty: "0.01", maxLimitQty: "1000", maxMarketQty: "500",
      minNotional: "5", currency: "USDT", fetchedAt: now)
    instrument.status = "Trading"
    instrument.maxLeverage = "100"
    instrument.tiers = [.init(limit: 2_000_000, maintenance: "0.005", maxLeverage: 100)]
    market.instrument = instrument
    (market.mark, market.index, market.last) = ("60000.25", "60001.1", "60000.5")
    (market.bid, market.ask) = ("60000.0", "60000.5")
    (market.volume24h, market.turnover24h) = ("20123.456", "1207407360")
    (market.buyLimit, market.sellLimit, market.limitsAsOf) = ("60600.5", "59400.0", now)
    (market.sd1m, market.sd1d, market.volatilityAsOf) = ("0.00032", "0.021", now)
    market.move10s = "0.0001"
    market.engineTime = now
    market.book = BookSnapshot(
      bids: (0..<200).map { level(60_000 - $0) }, asks: (0..<200).map { level(60_001 + $0) },
      asOf: now)
    return market
  }()

  private static func level(_ price: Int) -> BookSnapshot.Level {
    .init(price: ExactDecimal(coefficient: Int128(price) * 10, scale: 1), size: "1.234")
  }

  private static let account: Account = {
    var account = Account(equity: "1000000.12", asOf: now)
    (account.marginBalance, account.initialMargin) = ("1000000.12", "12345.67")
    (account.maintenanceMargin, account.available) = ("1234.56", "900000.5")
    (account.marginMode, account.dayResult) = (.cross, "-120.5")
    var position = Account.Position(symbol: "BTCUSDT", size: "1.25")
    (position.entry, position.leverage) = ("59000.5", "10")
    account.positions = [position]
    account.openOrders = (0..<20).map { number in
      var order = Account.OpenOrder(
        symbol: "BTCUSDT", side: .buy, price: ExactDecimal(50_000 + number))
      order.left = "0.1"
      return order
    }
    return account
  }()

  private static func history() throws -> RecentHistory {
    let legs = try (0..<20).flatMap { number in
      try batch(legs: 20).legs.map {
        RecentHistory.PastLeg(
          leg: $0, batch: "cs_\(number)", at: now - .minutes(Int64(20 - number) * 11), fate: .sent)
      }
    }
    return RecentHistory(legs)
  }

  private static func limits() throws -> RiskLimits {
    let text =
      #"{"limits":{"C01.order":{"cap":{"USDT":"20000"}},"B01.deviation":{"warn":40,"block":500}}}"#
    return try RiskLimits(json: JSONCursor(try JSONParser.parse(text)))
  }
}
