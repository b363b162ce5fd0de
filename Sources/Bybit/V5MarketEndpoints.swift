/// What the exchange tells of markets and of the account's terms, beyond prices.
extension V5REST {
  /// Candles, newest first: `[start, open, high, low, close, …]`. Of the mark price, or, on spot, of
  /// trades.
  package func candles(
    _ category: V5Category, symbol: String, interval: String, limit: Int
  ) async throws -> V5Reply {
    let path = category == .spot ? "/v5/market/kline" : "/v5/market/mark-price-kline"
    return try await get(
      path,
      [
        ("category", category.rawValue), ("symbol", symbol), ("interval", interval),
        ("limit", String(limit)),
      ], signed: false)
  }

  package func riskLimits(_ category: V5Category, symbol: String) async throws -> V5Reply {
    try await get(
      "/v5/market/risk-limit", [("category", category.rawValue), ("symbol", symbol)], signed: false)
  }

  /// Margin mode and disconnection protection.
  package func accountInfo() async throws -> V5Reply { try await get("/v5/account/info") }

  /// What becomes of prices outside the limit.
  package func userSettings() async throws -> V5Reply {
    try await get("/v5/account/user-setting-config")
  }

  package func feeRates(_ category: V5Category, symbol: String) async throws -> V5Reply {
    try await get(
      "/v5/account/fee-rate", [("category", category.rawValue), ("symbol", symbol)])
  }
}
