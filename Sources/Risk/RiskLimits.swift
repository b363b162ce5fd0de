package import Decimals
package import JSON
package import Time

/// The limits that checks measure against. What is not set explicitly is a proposal of this program
/// and warns at most HIGH.
package struct RiskLimits: Hashable, Sendable {
  /// A number with its author.
  package struct Limit: Hashable, Sendable {
    package let value: ExactDecimal
    package let setBy: LimitSource
  }

  /// Adverse deviation from the market, in basis points. Never below six and fifteen standard
  /// deviations of one minute.
  package var collarWarn = Limit(value: 50, setBy: .proposal)
  package var collarHigh = Limit(value: 200, setBy: .proposal)
  /// Only an administrator blocks by price.
  package var collarBlock: Limit?
  /// Age of the quote past which there is a note, a warning, and no price check at all.
  package var quoteNote = Milliseconds(1_000)
  package var quoteWarn = Milliseconds(3_500)
  package var quoteStale = Milliseconds(10_000)
  package var quoteSetBy = LimitSource.proposal
  /// Age past which the account's state does not count.
  package var accountStale = Milliseconds(30_000)
  /// Largest order, by currency.
  package var orderNotional: [Text: Limit] = proposals("50000")
  /// Largest sum of the opening orders of a batch, by currency.
  package var batchGross: [Text: Limit] = proposals("100000")
  /// Growth of a position in percent past which there is a warning.
  package var increase = Limit(value: 100, setBy: .proposal)

  /// Instrument data older than this blocks nothing.
  package static let instrumentStale = Milliseconds(3_600_000)
  /// Age past which the exchange's own price limits do not count.
  package static let priceLimitStale = Milliseconds(10_000)
  /// Distance to the exchange's price limit that is worth a warning, in basis points.
  package static let nearPriceLimit: ExactDecimal = 20
  /// How long an identical order of the same agent is remembered.
  package static let duplicateWindow = Milliseconds(300_000)

  package init() {}

  private static func proposals(_ value: ExactDecimal) -> [Text: Limit] {
    let limit = Limit(value: value, setBy: .proposal)
    return ["USDT": limit, "USDC": limit, "USD": limit]
  }
}

extension RiskLimits {
  /// An administrator's document. Every member is optional; what stands there is the
  /// administrator's.
  ///
  ///     {"collar_bps": {"warn": 50, "high": 200, "block": 1000},
  ///      "quote_age": {"note": "1s", "warn": "3500ms", "stale": "10s"}, "account_age": "30s",
  ///      "order_notional": {"USDT": "50000"}, "batch_gross": {"USDT": "100000"},
  ///      "position_increase_percent": 100}
  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(
      only: [
        "collar_bps", "quote_age", "account_age", "order_notional", "batch_gross",
        "position_increase_percent",
      ])
    if let collar = try json.optional("collar_bps") {
      try collar.allow(only: ["warn", "high", "block"])
      if let limit = try collar.limit("warn") { collarWarn = limit }
      if let limit = try collar.limit("high") { collarHigh = limit }
      collarBlock = try collar.limit("block")
      let rises =
        collarWarn.value <= collarHigh.value
        && collarHigh.value <= collarBlock?.value ?? collarHigh.value
      guard rises else { throw collar.bad("warn, high and block must rise") }
    }
    if let age = try json.optional("quote_age") {
      try age.allow(only: ["note", "warn", "stale"])
      quoteNote = try age.length("note") ?? quoteNote
      quoteWarn = try age.length("warn") ?? quoteWarn
      quoteStale = try age.length("stale") ?? quoteStale
      quoteSetBy = .administrator
      guard quoteNote <= quoteWarn, quoteWarn <= quoteStale else {
        throw age.bad("note, warn and stale must rise")
      }
    }
    accountStale = try json.length("account_age") ?? accountStale
    try json.caps("order_notional", into: &orderNotional)
    try json.caps("batch_gross", into: &batchGross)
    if let limit = try json.limit("position_increase_percent") { increase = limit }
  }
}

extension JSONCursor {
  fileprivate func limit(_ key: Text) throws(JSONError) -> RiskLimits.Limit? {
    guard let member = try optional(key) else { return nil }
    let value = try member.decimal()
    guard value.isPositive else { throw member.bad("a limit is greater than zero") }
    return RiskLimits.Limit(value: value, setBy: .administrator)
  }

  fileprivate func length(_ key: Text) throws(JSONError) -> Milliseconds? {
    guard let member = try optional(key) else { return nil }
    guard let length = Milliseconds(parsing: try member.string()), length > .zero else {
      throw member.bad("this is no length of time such as \"10s\"")
    }
    return length
  }

  fileprivate func caps(
    _ key: Text, into caps: inout [Text: RiskLimits.Limit]
  ) throws(JSONError) {
    guard let member = try optional(key) else { return }
    for (currency, _) in try member.members() {
      guard let limit = try member.limit(currency) else {
        throw member.bad("the cap of \(currency) is null; remove it or give a number")
      }
      caps[currency] = limit
    }
  }
}
