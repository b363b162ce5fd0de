import Decimals
import JSON
import Orders
import Time

@testable import Risk

let noon = Timestamp(milliseconds: 1_760_000_000_000)

func orders(_ legs: [String], category: String = "linear") throws -> OrderBatch {
  let text = #"{"category":"\#(category)","request":[\#(legs.joined(separator: ","))]}"#
  guard let arguments = try JSONParser.parse(text).objectValue else { fatalError(text) }
  return try OrderBatch.parse(tool: "wsBatchCreateOrders", arguments: arguments)
}

func limit(
  _ side: String = "Buy", _ qty: String = "0.1", _ price: String = "60000", _ more: String = "",
  symbol: String = "BTCUSDT"
) -> String {
  #"{"symbol":"\#(symbol)","side":"\#(side)","orderType":"Limit","qty":"\#(qty)","#
    + #""price":"\#(price)"\#(more)}"#
}

func market(
  _ side: String = "Buy", _ qty: String = "0.1", _ more: String = "", symbol: String = "BTCUSDT"
) -> String {
  #"{"symbol":"\#(symbol)","side":"\#(side)","orderType":"Market","qty":"\#(qty)"\#(more)}"#
}

let closing = #","reduceOnly":true"#
let closingAll = #","reduceOnly":true,"closeOnTrigger":true"#
func with(_ members: String) -> String { "," + members }
func linked(_ id: String) -> String { #","orderLinkId":"\#(id)""# }

/// A calm market, a rich account and an agent with a past; cases change what they are about.
struct Scene {
  /// BTCUSDT at 60,000 with fresh data.
  var market = Scene.bitcoin
  var symbol: Text = "BTCUSDT"
  var account = Scene.account
  var hasKey = true
  var history = Scene.history
  var around = Scene.around
  var limits = RiskLimits()

  static let bitcoin: SymbolMarket = {
    var market = SymbolMarket()
    market.instrument = Instrument(
      tick: "0.1", step: "0.001", quoteStep: "0.01", minQty: "0.001", maxLimitQty: "100",
      maxMarketQty: "50", minNotional: "5", priceRatioX: "0.01", priceRatioY: "0.02",
      currency: "USDT", fetchedAt: noon - .minutes(5))
    market.instrument?.status = "Trading"
    market.instrument?.maxLeverage = "100"
    market.instrument?.baseCoin = "BTC"
    market.instrument?.launchedAt = noon - .minutes(400 * 24 * 60)
    market.instrument?.tiers = [
      .init(limit: "2000000", maintenance: "0.005", maxLeverage: "100"),
      .init(limit: "4000000", maintenance: "0.01", maxLeverage: "50"),
    ]
    market.mark = "60000"
    market.index = "60000"
    market.last = "60000"
    market.bid = "59999.9"
    market.ask = "60000.1"
    market.engineTime = noon - .milliseconds(200)
    market.volume24h = "20000"
    market.turnover24h = "1200000000"
    market.fundingRate = "0.0001"
    market.nextFunding = noon + .minutes(240)
    market.buyLimit = "60600"
    market.sellLimit = "59400"
    market.limitsAsOf = noon - .seconds(1)
    market.sd1m = "0.0002"
    market.sd1d = "0.01"
    market.volatilityAsOf = noon - .seconds(30)
    market.move10s = "0.0001"
    // 200 levels a dollar apart, half a coin on each: a hundred coins within 33 bps.
    market.book = BookSnapshot(
      bids: (0..<200).map { level("59999.9", -$0) }, asks: (0..<200).map { level("60000.1", $0) },
      asOf: noon - .milliseconds(200))
    return market
  }()

  private static func level(_ best: ExactDecimal, _ dollars: Int) -> BookSnapshot.Level {
    BookSnapshot.Level(price: (try? best + ExactDecimal(dollars)) ?? best, size: "0.5")
  }

  /// A million dollars, nothing held, ten times leverage.
  static let account: Account = {
    var account = Account(equity: "1000000", asOf: noon - .seconds(1))
    account.marginBalance = "1000000"
    account.initialMargin = "10000"
    account.maintenanceMargin = "1000"
    account.available = "900000"
    account.marginMode = .cross
    account.dayResult = "100"
    account.rejectsOutsideLimit = false
    account.clockOffset = .milliseconds(20)
    account.positions = [position("0")]
    account.coins = [
      "USDT": .init(free: "500000", worth: "500000"), "BTC": .init(free: "5", worth: "300000"),
    ]
    return account
  }()

  static func position(
    _ size: ExactDecimal, index: Int = 0, _ change: (inout Account.Position) -> Void = { _ in }
  ) -> Account.Position {
    var position = Account.Position(symbol: "BTCUSDT", index: index, size: size)
    position.entry = "60000"
    position.leverage = "10"
    change(&position)
    return position
  }

  /// Thirty orders of a tenth of a coin, one an hour, all of them sent.
  static let history = RecentHistory(
    (1...30).reversed().map { number in
      past(
        limit("Buy", "0.1", "\(59_000 + number * 10)"), hours: number, batch: "cs_\(number)")
    } + [past(RiskTests.market(), hours: 31, batch: "cs_31")])

  static func past(
    _ leg: String, hours: Int = 0, seconds: Int = 0, batch: Text = "cs_0",
    fate: RecentHistory.Fate = .sent, category: String = "linear"
  ) -> RecentHistory.PastLeg {
    guard let leg = try? orders([leg], category: category).legs[0] else { fatalError(leg) }
    return RecentHistory.PastLeg(
      leg: leg, batch: batch, at: noon - .seconds(Int64(hours * 3600 + seconds)), fate: fate,
      worth: leg.orderType == .market ? "6000" : nil)
  }

  static let around: RiskSurroundings = {
    var around = RiskSurroundings()
    around.agent = "bot"
    around.otherAgents = ["bot", "hal"]
    around.environment = "testnet"
    around.expiresAt = noon + .minutes(10)
    around.clockOffset = .milliseconds(20)
    around.texts = ["python sdk"]
    return around
  }()

  /// Puts orders of the agent behind its past.
  mutating func remember(_ legs: RecentHistory.PastLeg...) {
    history = RecentHistory(history.legs + legs, others: history.others, fills: history.fills)
  }

  mutating func hold(_ size: ExactDecimal, _ change: (inout Account.Position) -> Void = { _ in }) {
    account.positions = [Self.position(size, change)]
  }

  mutating func set(_ document: String) {
    guard let limits = try? administrator(document) else { fatalError(document) }
    self.limits = limits
  }

  func assess(_ batch: OrderBatch) -> RiskReport { context(batch).assess() }

  func context(_ batch: OrderBatch) -> RiskContext {
    RiskContext(
      batch: batch, market: MarketSnapshot([symbol: market]),
      account: hasKey ? .known(account) : .notConfigured, history: history, surroundings: around,
      limits: limits, now: noon)
  }
}

func administrator(_ text: String) throws -> RiskLimits {
  try RiskLimits(json: JSONCursor(try JSONParser.parse(text)))
}

extension RiskReport {
  /// The names of the outcomes of one rule, worst first.
  func outcomes(_ rule: RiskRule) -> [String] {
    findings.filter { $0.rule == rule }.map(\.outcome.name)
  }

  /// The worst outcome of one rule.
  func worst(_ rule: RiskRule) -> String { outcomes(rule).first ?? "absent" }

  func words(_ rule: RiskRule) -> String {
    findings.first { $0.rule == rule }?.words ?? ""
  }
}

// MARK: Other categories

let option: Text = "BTC-26DEC25-60000-C"

extension Scene {
  mutating func spot() {
    market.instrument?.status = "Trading"
    market.instrument?.tiers = []
    account.positions = []
  }

  mutating func inverse() {
    symbol = "BTCUSD"
    market.instrument?.currency = "USD"
    market.instrument?.step = "1"
    market.instrument?.minQty = "1"
    market.instrument?.maxLimitQty = "1000000"
    market.volume24h = "1200000000"
    market.turnover24h = "20000"
    var held = Account.Position(symbol: "BTCUSD", size: 0)
    held.leverage = "10"
    account.positions = [held]
    history = RecentHistory(
      (1...10).reversed().map {
        Scene.past(
          limit("Buy", "6000", "\(59_000 + $0 * 10)", symbol: "BTCUSD"), hours: $0,
          batch: "cs_\($0)", category: "inverse"
        ).worth("6000")
      })
  }

  mutating func option() {
    symbol = RiskTests.option
    market = Self.call
    account.positions = []
  }

  private static let call: SymbolMarket = {
    var market = bitcoin
    market.instrument = Instrument(
      tick: "5", step: "0.01", minQty: "0.01", maxLimitQty: "500", currency: "USDT",
      fetchedAt: noon - .minutes(5))
    market.instrument?.status = "Trading"
    market.instrument?.deliversAt = noon + .minutes(30 * 24 * 60)
    market.mark = "2000"
    market.last = "2000"
    market.bid = "1995"
    market.ask = "2005"
    market.underlying = "60000"
    market.volume24h = "10"
    market.greeks = Greeks(
      delta: "0.5", gamma: "0.0001", vega: "50", theta: "-30", markVolatility: "0.6")
    return market
  }()
}

extension RecentHistory.PastLeg {
  func worth(_ worth: ExactDecimal) -> RecentHistory.PastLeg {
    RecentHistory.PastLeg(
      leg: leg, batch: batch, at: at, fate: fate, worth: worth, currency: currency)
  }
}
