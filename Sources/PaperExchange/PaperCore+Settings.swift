import Exchange
import JSON
import Time

/// Changes of the account itself.
extension PaperCore {
  mutating func set(_ event: ExchangeEvent, _ now: Timestamp) throws -> JSONValue {
    try submit(event, at: now)
    return [:]
  }

  /// The unified account trades with cross margin here.
  func setMarginMode(_ body: JSONCursor) throws -> JSONValue {
    guard try body.member("setMarginMode").text() == "REGULAR_MARGIN" else {
      throw Refusal(3_400_045, "Set margin mode failed: this exchange has REGULAR_MARGIN only")
    }
    return ["reasons": []]
  }

  /// Whether prices outside the band are moved to its edge or refused.
  mutating func setPriceLimit(_ body: JSONCursor, at now: Timestamp) throws -> JSONValue {
    let policy: BandPolicy = try body.member("modifyEnable").bool() ? .reprice : .refuse
    let request = PriceLimitRequest(category: try OrderBody.category(body), policy: policy)
    return try set(.priceLimit(request, by: configuration.account), now)
  }
}

extension Refusal {
  static let notUnified = Refusal(
    100_028, "The API cannot be accessed by unified account users.")
}
