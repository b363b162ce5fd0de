import Decimals
import JSON
import Testing

@testable import Exchange

@Suite("Reduce-only orders")
struct ReduceOnlyTests {
  @Test("a larger order closes the position and the rest is cancelled")
  func larger() throws {
    var desk = Desk()
    _ = try desk.place(market(.buy, "0.010"))
    let order = try desk.place(market(.sell, "0.050", reduceOnly: true))
    #expect(order.filled == "0.010")
    #expect(order.status == .cancelled)
    #expect(order.cancelType == .byReduceOnly)
    #expect(desk.size() == "0.000")
  }

  @Test("an order that would add is refused")
  func wrongSide() throws {
    var desk = Desk()
    _ = try desk.place(market(.buy, "0.010"))
    #expect(desk.refusal(market(.buy, "0.010", reduceOnly: true)) == 110017)
  }

  @Test("a resting order is trimmed to what is left when its turn comes")
  func resting() throws {
    var desk = Desk()
    _ = try desk.place(market(.buy, "0.010"))
    let resting = try desk.place(limit(.sell, "0.010", at: 65100, reduceOnly: true))
    _ = try desk.place(market(.sell, "0.004"))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65200))
    let closed = try desk.now(resting)
    #expect(closed.filled == "0.006")
    #expect(closed.status == .cancelled)
    #expect(closed.cancelType == .byReduceOnly)
    #expect(desk.size() == "0.000")
  }

  @Test("when the position is gone, resting orders go with it")
  func swept() throws {
    var desk = Desk()
    _ = try desk.place(market(.buy, "0.010"))
    let resting = try desk.place(limit(.sell, "0.010", at: 65100, reduceOnly: true))
    _ = try desk.place(market(.sell, "0.030"))
    #expect(desk.size() == "Sell 0.020")
    #expect(try desk.now(resting).cancelType == .byReduceOnly)
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65200))
    #expect(desk.size() == "Sell 0.020")
  }

  @Test("quantity 0 with closeOnTrigger closes the whole position")
  func closeAll() throws {
    var desk = Desk()
    _ = try desk.place(market(.sell, "0.037"))
    var request = market(.buy, 0, reduceOnly: true)
    request.closeOnTrigger = true
    let order = try desk.place(request)
    #expect(order.quantity == "0.037")
    #expect(desk.size() == "0.000")
  }
}
