import Decimals
import JSON
import Orders
import Time

@testable import Risk

let noon = Timestamp(milliseconds: 1_760_000_000_000)

func legs(_ legs: [String], category: String = "linear") throws -> OrderBatch {
  let text = #"{"category":"\#(category)","request":[\#(legs.joined(separator: ","))]}"#
  guard let arguments = try JSONParser.parse(text).objectValue else { fatalError(text) }
  // The REST tool knows the slippage bound, but in a single order only.
  return try OrderBatch.parse(tool: "wsBatchCreateOrders", arguments: arguments)
}

func limit(
  _ side: String = "Buy", _ qty: String = "0.1", _ price: String = "60000", _ more: String = "",
  symbol: String = "BTCUSDT"
) -> String {
  #"{"symbol":"\#(symbol)","side":"\#(side)","orderType":"Limit","qty":"\#(qty)","#
    + #""price":"\#(price)"\#(more)}"#
}

func market(_ side: String = "Buy", _ qty: String = "0.1", _ more: String = "") -> String {
  #"{"symbol":"BTCUSDT","side":"\#(side)","orderType":"Market","qty":"\#(qty)"\#(more)}"#
}

let closing = #","reduceOnly":true"#
let closingAll = #","reduceOnly":true,"closeOnTrigger":true"#

/// BTCUSDT at 60,000 with fresh data; tests change what they are about.
func bitcoin(_ change: (inout SymbolMarket) -> Void = { _ in }) -> MarketSnapshot {
  var market = SymbolMarket()
  market.instrument = Instrument(
    tick: "0.1", step: "0.001", quoteStep: "0.01", minQty: "0.001", maxLimitQty: "100",
    maxMarketQty: "50", minNotional: "5", priceRatioX: "0.01", priceRatioY: "0.02",
    currency: "USDT", fetchedAt: noon - .minutes(5))
  market.mark = "60000"
  market.index = "60000"
  market.last = "60000"
  market.bid = "59999.9"
  market.ask = "60000.1"
  market.engineTime = noon - .milliseconds(200)
  market.buyLimit = "60600"
  market.sellLimit = "59400"
  market.limitsAsOf = noon - .seconds(1)
  change(&market)
  return MarketSnapshot(["BTCUSDT": market])
}

func holding(
  _ size: ExactDecimal = 0, index: Int = 0, orders: [Account.OpenOrder] = [],
  rejects: Bool? = nil, age: Milliseconds = .seconds(1)
) -> AccountSnapshot {
  .known(
    Account(
      positions: size.isZero ? [] : [.init(symbol: "BTCUSDT", index: index, size: size)],
      openOrders: orders, rejectsOutsideLimit: rejects, asOf: noon - age))
}

func administrator(_ text: String) throws -> RiskLimits {
  try RiskLimits(json: JSONCursor(try JSONParser.parse(text)))
}

func assess(
  _ batch: OrderBatch, market: MarketSnapshot = bitcoin(), account: AccountSnapshot = holding(),
  history: RecentHistory = RecentHistory(), limits: RiskLimits = RiskLimits()
) -> RiskReport {
  RiskContext(
    batch: batch, market: market, account: account, history: history, limits: limits, now: noon
  ).assess()
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
