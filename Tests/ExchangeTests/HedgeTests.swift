import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Hedge mode and leverage")
struct HedgeTests {
  func hedged() -> Desk {
    var desk = Desk()
    desk.handle(
      .positionMode(PositionModeRequest(coin: "USDT", isHedged: true), by: Desk.ann))
    return desk
  }

  func order(_ side: Side, _ index: Int, _ quantity: ExactDecimal = "0.010") -> OrderRequest {
    OrderRequest(
      symbol: "BTCUSDT", side: side, type: .market, quantity: quantity, positionIndex: index)
  }

  func size(_ desk: Desk, _ index: Int) -> String {
    let position = desk.venue.position("BTCUSDT", index: index, of: Desk.ann)
    return "\(position?.side?.rawValue ?? "-") \(position?.size.description ?? "0")"
  }

  @Test("both sides stand next to each other; the other side only closes")
  func both() throws {
    var desk = hedged()
    _ = try desk.place(order(.buy, 1))
    _ = try desk.place(order(.sell, 2, "0.020"))
    #expect(size(desk, 1) == "Buy 0.010")
    #expect(size(desk, 2) == "Sell 0.020")
    let closing = try desk.place(order(.sell, 1, "0.050"))
    #expect(closing.filled == "0.010")
    #expect(closing.cancelType == .byReduceOnly)
    #expect(size(desk, 1) == "- 0.000")
    #expect(desk.refusal(order(.sell, 1)) == 110017)
    #expect(desk.refusal(order(.buy, 0)) == 10001)
    #expect(try allMoney(desk.venue)["USDT"] == 2 * Desk.deposit)
  }

  @Test("the mode changes only without positions and orders")
  func switching() throws {
    var desk = Desk()
    func code(_ hedged: Bool) -> Int? {
      desk.handle(
        .positionMode(PositionModeRequest(symbol: "BTCUSDT", isHedged: hedged), by: Desk.ann)
      ).first?.refusal?.code
    }
    #expect(code(false) == 110025)
    let open = try desk.place(limit(.buy, "0.01", at: 64000))
    #expect(code(true) == 110028)
    desk.handle(.cancel(OrderName(symbol: "BTCUSDT", orderID: open.id), by: Desk.ann))
    #expect(code(true) == nil)
    _ = try desk.place(order(.buy, 1))
    #expect(code(false) == 110024)
  }

  @Test("leverage sets the margin of a contract")
  func leverage() throws {
    var desk = Desk()
    func set(_ leverage: ExactDecimal) -> Int? {
      desk.handle(
        .leverage(
          LeverageRequest(MarketID(.linear, "BTCUSDT"), buy: leverage, sell: leverage),
          by: Desk.ann)
      ).first?.refusal?.code
    }
    #expect(set(10) == 110043)
    #expect(set(101) == 110013)
    #expect(set("2.005") == 110013)
    #expect(set(20) == nil)
    _ = try desk.place(market(.buy, 1))
    #expect(desk.venue.summary(desk).positionMargin == 3250)
    #expect(desk.venue.position("BTCUSDT", of: Desk.ann)?.leverage == 20)
    #expect(set(1) == nil)
    _ = try desk.place(market(.buy, "0.5"))
    #expect(set(50) == nil)
    _ = try desk.place(market(.buy, 10))
    #expect(set(1) == 110044)
  }
}
