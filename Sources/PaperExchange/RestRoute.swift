import Exchange
import JSON
import Time

/// What stands behind a method and a path.
enum RestRoute: Sendable {
  typealias Open = @Sendable (PaperCore, Query, Timestamp) throws -> JSONValue
  typealias Signed = @Sendable (PaperCore, Query, PaperKey) throws -> JSONValue
  typealias Asked = @Sendable (PaperCore, JSONCursor, Timestamp) throws -> JSONValue
  typealias Setting = @Sendable (inout PaperCore, JSONCursor, Timestamp) throws -> JSONValue

  /// Public market data.
  case open(Open)
  /// What the account of the key that signed looks like.
  case signed(Signed)
  /// A question with a body, which changes nothing.
  case asked(Asked)
  case order(OrderOperation)
  /// A change of the account by a key that may trade.
  case setting(Setting)

  var operation: OrderOperation? { if case .order(let operation) = self { operation } else { nil } }
  var needsKey: Bool { if case .open = self { false } else { true } }
}

enum RestRoutes {
  /// By method and path.
  static let all: [String: RestRoute] = {
    var routes: [String: RestRoute] = [:]
    for operation in OrderOperation.allCases {
      routes["POST " + operation.path] = .order(operation)
    }
    for (path, body) in open { routes["GET " + path] = .open(body) }
    for (path, body) in signed { routes["GET " + path] = .signed(body) }
    for (path, body) in settings { routes["POST " + path] = .setting(body) }
    routes["POST /v5/order/pre-check"] = .asked { core, body, now in
      try core.preCheck(body, at: now)
    }
    return routes
  }()

  private static let open: [(String, RestRoute.Open)] = [
    ("/v5/market/time", { _, _, now in PaperCore.serverTime(now) }),
    ("/v5/market/tickers", { core, query, _ in try core.tickers(query) }),
    ("/v5/market/instruments-info", { core, query, _ in try core.instruments(query) }),
    ("/v5/market/orderbook", { core, query, now in try core.orderbook(query, at: now) }),
    ("/v5/market/price-limit", { core, query, now in try core.priceLimit(query, at: now) }),
    ("/v5/market/recent-trade", { core, query, _ in try core.recentTrades(query) }),
    ("/v5/market/kline", { core, query, _ in try core.candles(query) }),
    ("/v5/market/funding/history", { core, query, _ in try core.fundingHistory(query) }),
    ("/v5/market/risk-limit", { core, query, _ in try core.riskLimits(query) }),
  ]

  private static let signed: [(String, RestRoute.Signed)] = [
    ("/v5/order/realtime", { core, query, _ in try core.openOrders(query) }),
    ("/v5/order/history", { core, query, _ in try core.orderHistory(query) }),
    ("/v5/order/spot-borrow-check", { core, query, _ in try core.borrowQuota(query) }),
    ("/v5/execution/list", { core, query, _ in try core.executionList(query) }),
    ("/v5/position/list", { core, query, _ in try core.positionList(query) }),
    ("/v5/account/wallet-balance", { core, query, _ in try core.walletBalance(query) }),
    ("/v5/account/info", { core, _, _ in core.accountInfo() }),
    ("/v5/account/user-setting-config", { core, _, _ in core.settings() }),
    ("/v5/account/fee-rate", { core, query, _ in try core.feeRates(query) }),
    ("/v5/account/collateral-info", { core, query, _ in try core.collateral(query) }),
    ("/v5/account/instruments-info", { core, query, _ in try core.instruments(query) }),
    ("/v5/user/query-api", { core, _, key in core.keyInfo(key) }),
    // Clients ask for the coins at their start and take no answer for none.
    ("/v5/asset/coin/query-info", { _, _, _ in ["rows": []] }),
  ]

  private static let settings: [(String, RestRoute.Setting)] = [
    (
      "/v5/position/set-leverage",
      { core, body, now in
        try core.set(.leverage(OrderBody.leverage(body), by: core.configuration.account), now)
      }
    ),
    (
      "/v5/position/switch-mode",
      { core, body, now in
        let request = try OrderBody.positionMode(body)
        return try core.set(.positionMode(request, by: core.configuration.account), now)
      }
    ),
    (
      "/v5/position/trading-stop",
      { core, body, now in
        let request = try OrderBody.tradingStop(body)
        return try core.set(.tradingStop(request, by: core.configuration.account), now)
      }
    ),
    ("/v5/position/switch-isolated", { _, _, _ in throw Refusal.notUnified }),
    ("/v5/position/set-tpsl-mode", { _, _, _ in throw Refusal.notUnified }),
    ("/v5/account/set-margin-mode", { core, body, _ in try core.setMarginMode(body) }),
    (
      "/v5/account/set-limit-px-action",
      { core, body, now in try core.setPriceLimit(body, at: now) }
    ),
  ]
}
