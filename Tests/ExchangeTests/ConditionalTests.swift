import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Conditional orders")
struct ConditionalTests {
  static func stop(
    _ side: Side, _ quantity: ExactDecimal, at trigger: ExactDecimal, _ way: TriggerDirection,
    by: TriggerBy = .last, limit price: ExactDecimal? = nil, reduceOnly: Bool = false
  ) -> OrderRequest {
    var request = OrderRequest(
      symbol: "BTCUSDT", side: side, type: price == nil ? .market : .limit, quantity: quantity,
      price: price, reduceOnly: reduceOnly)
    request.triggerPrice = trigger
    request.triggerDirection = way
    request.triggerBy = by
    return request
  }

  @Test("a rising stop waits, fires at its price and fills")
  func rises() throws {
    var desk = Desk()
    let waiting = try desk.place(Self.stop(.buy, "0.01", at: 65500, .rise, by: .mark))
    #expect(waiting.status == .untriggered)
    #expect(waiting.stopKind == .stop)
    #expect(desk.venue.summary(desk).orderMargin == 0)
    desk.handle(.quote(symbol: "BTCUSDT", middle: "65499.9"))
    #expect(try desk.now(waiting).status == .untriggered)
    let effects = desk.handle(.quote(symbol: "BTCUSDT", middle: 65500))
    #expect(
      effects.compactMap(\.word) == [
        "order Triggered", "order New", "execution taker", "order Filled", "position", "wallet",
      ])
    #expect(try desk.now(waiting).averagePrice == "65500.1")
  }

  @Test("last, mark and index are watched apart", arguments: TriggerBy.allCases)
  func watched(_ by: TriggerBy) throws {
    var desk = Desk()
    let waiting = try desk.place(Self.stop(.sell, "0.01", at: 64800, .fall, by: by))
    let id = MarketID(.linear, "BTCUSDT")
    var point = PricePoint(id, middle: 65000, mark: 65000, index: 65000)
    switch by {
    case .mark: point.mark = 64800
    case .index: point.index = 64800
    case .last:
      desk.handle(.price(PricePoint(id, middle: 64800, mark: 65000, index: 65000)))
      _ = try desk.place(market(.sell, "0.001"), by: Desk.bob)
    }
    if by != .last { desk.handle(.price(point)) }
    #expect(try desk.now(waiting).status == .filled)
  }

  @Test("a trigger on the wrong side is refused with the price it met")
  func wrongSide() {
    var desk = Desk()
    #expect(desk.refusal(Self.stop(.buy, "0.01", at: 64000, .rise)) == 110092)
    #expect(desk.refusal(Self.stop(.buy, "0.01", at: 66000, .fall)) == 110093)
    #expect(desk.refusal(Self.stop(.buy, "0.01", at: "66000.05", .rise)) == 10001)
    var aimless = Self.stop(.buy, "0.01", at: 66000, .rise)
    aimless.triggerDirection = nil
    #expect(desk.refusal(aimless) == 10001)
  }

  @Test("eleven conditional orders are one too many")
  func many() {
    var desk = Desk()
    for _ in 0..<10 { #expect(desk.refusal(Self.stop(.buy, "0.01", at: 66000, .rise)) == nil) }
    #expect(desk.refusal(Self.stop(.buy, "0.01", at: 66000, .rise)) == 110009)
    #expect(desk.refusal(limit(.buy, "0.01", at: 64000)) == nil)
  }

  @Test("without margin when it fires, the order is rejected")
  func poor() throws {
    var desk = Desk(deposit: 1000)
    let waiting = try desk.place(Self.stop(.buy, "0.1", at: 65500, .rise, by: .mark))
    _ = try desk.place(limit(.buy, "0.1", at: 64000))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65500))
    #expect(try desk.now(waiting).status == .rejected)
    #expect(desk.size() == "0")
  }

  @Test("a stop limit rests at its price after it fired")
  func stopLimit() throws {
    var desk = Desk()
    let waiting = try desk.place(
      Self.stop(.buy, "0.01", at: 65500, .rise, by: .mark, limit: 65400))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65500))
    #expect(try desk.now(waiting).status == .new)
    desk.handle(.quote(symbol: "BTCUSDT", middle: "65399.5"))
    #expect(try desk.now(waiting).averagePrice == 65400)
  }

  @Test("a reduce-only stop never turns the position")
  func reducing() throws {
    var desk = Desk()
    _ = try desk.place(market(.buy, "0.010"))
    let waiting = try desk.place(
      Self.stop(.sell, "0.050", at: 64500, .fall, by: .mark, reduceOnly: true))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 64500))
    #expect(try desk.now(waiting).filled == "0.010")
    #expect(desk.size() == "0.000")
    let alone = try desk.place(
      Self.stop(.sell, "0.050", at: 64000, .fall, by: .mark, reduceOnly: true))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 64000))
    #expect(try desk.now(alone).cancelType == .byReduceOnly)
  }

  @Test("cancelled and amended while it waits")
  func changes() throws {
    var desk = Desk()
    let first = try desk.place(Self.stop(.buy, "0.01", at: 65500, .rise, by: .mark))
    let second = try desk.place(Self.stop(.buy, "0.01", at: 65600, .rise, by: .mark))
    desk.handle(.cancel(OrderName(symbol: "BTCUSDT", orderID: first.id), by: Desk.ann))
    #expect(try desk.now(first).status == .cancelled)
    var change = AmendRequest(
      OrderName(symbol: "BTCUSDT", orderID: second.id), quantity: "0.02")
    change.triggerPrice = 65700
    #expect(desk.handle(.amend(change, by: Desk.ann)).first?.refusal == nil)
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65650))
    #expect(try desk.now(second).status == .untriggered)
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65700))
    #expect(try desk.now(second).filled == "0.02")
  }
}

extension Venue {
  /// Ann's wallet.
  func summary(_: Desk) -> WalletSummary {
    (try? summary(of: Desk.ann)) ?? WalletSummary(account: Desk.ann)
  }
}
