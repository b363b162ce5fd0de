package import Decimals
package import JSON
package import Time

/// Prices and positions as the gateway last read them. For people: nothing is decided by it.
package struct ExposureView: Hashable, Sendable {
  /// What is known of the market of one symbol; nil where the exchange did not say.
  package struct Market: Hashable, Sendable {
    package var symbol: Text
    /// `linear`, `inverse`, `spot` or `option`: one symbol can stand in several.
    package var category: Text
    package var mark: ExactDecimal?
    package var last: ExactDecimal?
    package var bid: ExactDecimal?
    package var ask: ExactDecimal?
    package var bidSize: ExactDecimal?
    package var askSize: ExactDecimal?
    /// The exchange's own time of these prices.
    package var asOf: Timestamp?

    package init(symbol: Text, category: Text = "linear") {
      self.symbol = symbol
      self.category = category
    }
  }

  package struct Position: Hashable, Sendable {
    package var symbol: Text
    /// Long positive, short negative, in the unit of the symbol's orders.
    package var size: ExactDecimal

    package init(symbol: Text, size: ExactDecimal) {
      self.symbol = symbol
      self.size = size
    }
  }

  package enum Account: Hashable, Sendable {
    case notConfigured
    /// A key is configured, but nothing could be read: why.
    case missing(String)
    /// Equity is in US dollars; open orders are counted by symbol.
    case known(
      positions: [Position], openOrders: [Text: Int], equity: ExactDecimal?, asOf: Timestamp)
  }

  package var markets: [Market]
  package var account: Account

  package init(markets: [Market], account: Account) {
    self.markets = markets
    self.account = account
  }
}

extension ExposureView: JSONConvertible {
  package var json: JSONValue {
    ["markets": .array(markets.map(\.json)), "account": account.json]
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      markets: try json.list("markets") { one throws(JSONError) in try Market(json: one) },
      account: try Account(json: try json.member("account")))
  }
}

extension ExposureView.Market: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "symbol": .string(symbol), "category": .string(category), "mark": mark.map { .decimal($0) },
      "last": last.map { .decimal($0) }, "bid": bid.map { .decimal($0) },
      "ask": ask.map { .decimal($0) }, "bid_size": bidSize.map { .decimal($0) },
      "ask_size": askSize.map { .decimal($0) }, "as_of": asOf.map { .timestamp($0) },
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    func amount(_ key: Text) throws(JSONError) -> ExactDecimal? {
      try json.maybe(key) { one throws(JSONError) in try one.decimal() }
    }
    self.init(
      symbol: try json.member("symbol").text(), category: try json.member("category").text())
    mark = try amount("mark")
    last = try amount("last")
    bid = try amount("bid")
    ask = try amount("ask")
    bidSize = try amount("bid_size")
    askSize = try amount("ask_size")
    asOf = try json.maybe("as_of") { time throws(JSONError) in try time.timestamp() }
  }
}

extension ExposureView.Account: JSONConvertible {
  package var json: JSONValue {
    switch self {
    case .notConfigured: ["state": "not_configured"]
    case .missing(let why): ["state": "missing", "words": .string(why)]
    case .known(let positions, let openOrders, let equity, let asOf):
      .compact([
        "state": "known",
        "positions": .array(
          positions.map { ["symbol": .string($0.symbol), "size": .decimal($0.size)] }),
        "open_orders": .object(
          openOrders.sorted { $0.key < $1.key }.reduce(into: JSONObject()) {
            $0[$1.key] = .int($1.value)
          }), "equity": equity.map { .decimal($0) }, "as_of": .timestamp(asOf),
      ])
    }
  }

  package init(json: JSONCursor) throws(JSONError) {
    let state = try json.member("state")
    switch try state.string() {
    case "not_configured": self = .notConfigured
    case "missing": self = .missing(try json.member("words").string())
    case "known":
      var counts: [Text: Int] = [:]
      for (symbol, count) in try json.member("open_orders").members() {
        counts[symbol] = try count.int()
      }
      self = .known(
        positions: try json.list("positions") { one throws(JSONError) in
          ExposureView.Position(
            symbol: try one.member("symbol").text(), size: try one.member("size").decimal())
        }, openOrders: counts,
        equity: try json.maybe("equity") { one throws(JSONError) in try one.decimal() },
        asOf: try json.member("as_of").timestamp())
    default: throw state.bad("not_configured, missing or known is expected")
    }
  }
}
