package import JSON

/// The endpoints that the program asks. Optional parameters that are nil are not sent.
extension V5REST {
  // MARK: Market

  package func serverTime() async throws -> V5Reply {
    try await get("/v5/market/time", signed: false)
  }

  /// Options need a symbol or a base coin.
  package func tickers(
    _ category: V5Category, symbol: String? = nil, baseCoin: String? = nil
  ) async throws -> V5Reply {
    try await get(
      "/v5/market/tickers", items(category, ["symbol": symbol, "baseCoin": baseCoin]),
      signed: false)
  }

  package func instruments(
    _ category: V5Category, symbol: String? = nil, limit: Int? = nil, cursor: String? = nil
  ) async throws -> V5Reply {
    try await get(
      "/v5/market/instruments-info",
      items(category, ["symbol": symbol, "limit": limit.map(String.init), "cursor": cursor]),
      signed: false)
  }

  package func orderBook(
    _ category: V5Category, symbol: String, limit: Int? = nil
  ) async throws -> V5Reply {
    try await get(
      "/v5/market/orderbook",
      items(category, ["symbol": symbol, "limit": limit.map(String.init)]), signed: false)
  }

  package func priceLimit(_ category: V5Category, symbol: String) async throws -> V5Reply {
    try await get("/v5/market/price-limit", items(category, ["symbol": symbol]), signed: false)
  }

  // MARK: Account

  package func apiKey() async throws -> V5Reply { try await get("/v5/user/query-api") }

  package func walletBalance(coin: String? = nil) async throws -> V5Reply {
    try await get(
      "/v5/account/wallet-balance", items(nil, ["accountType": "UNIFIED", "coin": coin]))
  }

  /// Linear needs a symbol or a settle coin.
  package func positions(
    _ category: V5Category, symbol: String? = nil, settleCoin: String? = nil, cursor: String? = nil
  ) async throws -> V5Reply {
    try await get(
      "/v5/position/list",
      items(category, ["symbol": symbol, "settleCoin": settleCoin, "cursor": cursor]))
  }

  // MARK: Orders

  /// What selects orders or executions; linear needs a symbol, a settle coin or an id.
  package struct Selection: Hashable, Sendable {
    package var symbol: String?
    package var settleCoin: String?
    package var orderId: String?
    package var orderLinkId: String?
    /// Milliseconds since 1970; for history and executions.
    package var startTime: Int64?
    package var endTime: Int64?
    package var limit: Int?
    package var cursor: String?

    package init(
      symbol: String? = nil, settleCoin: String? = nil, orderId: String? = nil,
      orderLinkId: String? = nil, startTime: Int64? = nil, endTime: Int64? = nil,
      limit: Int? = nil, cursor: String? = nil
    ) {
      self.symbol = symbol
      self.settleCoin = settleCoin
      self.orderId = orderId
      self.orderLinkId = orderLinkId
      self.startTime = startTime
      self.endTime = endTime
      self.limit = limit
      self.cursor = cursor
    }

    fileprivate var values: [String: String?] {
      [
        "symbol": symbol, "settleCoin": settleCoin, "orderId": orderId, "orderLinkId": orderLinkId,
        "startTime": startTime.map { String($0) }, "endTime": endTime.map { String($0) },
        "limit": limit.map { String($0) }, "cursor": cursor,
      ]
    }
  }

  /// Open orders, or with `recentlyClosed` also up to 500 closed ones.
  package func openOrders(
    _ category: V5Category, _ selection: Selection, recentlyClosed: Bool = false
  ) async throws -> V5Reply {
    try await get(
      "/v5/order/realtime",
      items(category, selection.values) + [("openOnly", recentlyClosed ? "1" : "0")])
  }

  package func orderHistory(
    _ category: V5Category, _ selection: Selection
  ) async throws -> V5Reply {
    try await get("/v5/order/history", items(category, selection.values))
  }

  package func executions(_ category: V5Category, _ selection: Selection) async throws -> V5Reply {
    try await get("/v5/execution/list", items(category, selection.values))
  }

  /// The parameters are V5's own, category included.
  package func createOrder(_ order: JSONValue) async throws -> V5Reply {
    try await post("/v5/order/create", order)
  }

  /// `{category, request: [order…]}`; read `legCodes` of the reply.
  package func createOrders(_ batch: JSONValue) async throws -> V5Reply {
    try await post("/v5/order/create-batch", batch)
  }

  package func cancelOrder(_ order: JSONValue) async throws -> V5Reply {
    try await post("/v5/order/cancel", order)
  }

  private func items(
    _ category: V5Category?, _ values: [String: String?]
  ) -> [(name: String, value: String)] {
    let rest = values.compactMap { name, value in value.map { (name: name, value: $0) } }
    return (category.map { [(name: "category", value: $0.rawValue)] } ?? []) + rest
  }
}
