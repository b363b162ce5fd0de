import Decimals
import JSON
import Testing

@testable import Exchange

@Suite("The life of an order")
struct OrderLifeTests {
  @Test("a market order is an IOC limit at the band and fills at the best price")
  func marketFills() throws {
    var desk = Desk()
    let effects = desk.handle(.place(market(.buy, "0.010"), by: Desk.ann))
    #expect(
      effects.compactMap(\.word) == [
        "ack", "order New", "execution taker", "order Filled", "position", "wallet",
      ])
    let order = try #require(desk.venue.closedOrders(of: Desk.ann).first)
    #expect(order.price.description == "65650.00")
    #expect(order.timeInForce == .ioc)
    #expect(order.averagePrice?.description == "65000.1")
    // 65000.10 × 0.010 × 0.00055
    #expect(order.fee == "0.35750055")
    #expect(desk.balance() == "99999.64249945")
    #expect(desk.size() == "Buy 0.010")
  }

  @Test("amounts keep the scale that was sent")
  func keepsText() throws {
    var desk = Desk()
    let order = try desk.place(limit(.buy, "0.0100", at: "64000"))
    #expect(order.quantity.description == "0.0100")
    #expect(order.price.description == "64000")
    #expect(order.status == .new)
    #expect(order.averagePrice == nil)
  }

  @Test("a resting order fills as maker when the market comes to it")
  func restsThenFills() throws {
    var desk = Desk()
    let order = try desk.place(limit(.buy, "0.010", at: "64900"))
    let effects = desk.handle(.quote(symbol: "BTCUSDT", middle: "64890"))
    #expect(
      effects.compactMap(\.word) == ["execution maker", "order Filled", "position", "wallet"])
    let filled = try desk.now(order)
    #expect(filled.averagePrice == "64900")
    #expect(filled.fee == "0.1298")
  }

  @Test("a large resting order is filled in parts and its remainder can be cancelled")
  func partial() throws {
    var desk = Desk()
    let order = try desk.place(limit(.sell, "10", at: "65000.5"))
    desk.handle(.quote(symbol: "BTCUSDT", middle: "65001"))
    let partial = try desk.now(order)
    #expect(partial.status == .partiallyFilled)
    #expect(partial.filled > 0)
    #expect(try partial.filled + partial.leaves == 10)
    let effects = desk.handle(
      .cancel(CancelRequest(symbol: "BTCUSDT", orderID: order.id), by: Desk.ann))
    #expect(effects.compactMap(\.word) == ["ack", "order Cancelled", "position", "wallet"])
    let cancelled = try desk.now(order)
    #expect(cancelled.filled == partial.filled)
    #expect(cancelled.leaves == 0)
    #expect(cancelled.cancelType == .byUser)
  }

  @Test("orders at one price fill in the order of their arrival")
  func timePriority() throws {
    var desk = Desk()
    // Inside the spread of the thin contract, so that nobody else stands at this price.
    let first = try desk.place(limit(.buy, "100", at: "0.3001", "HIFIUSDT"))
    let second = try desk.place(limit(.buy, "100", at: "0.3001", "HIFIUSDT"), by: Desk.bob)
    let better = try desk.place(limit(.buy, "50", at: "0.3002", "HIFIUSDT"), by: Desk.bob)
    _ = try desk.place(limit(.sell, "180", at: "0.3001", "HIFIUSDT", .ioc), by: Desk.bob)
    #expect(try desk.now(better).status == .filled)
    #expect(try desk.now(first).status == .filled)
    #expect(try desk.now(second).filled == 30)
  }

  @Test("a quote that keeps its price keeps its place before a later order")
  func queueBehindTheHouse() throws {
    var desk = Desk()
    let best = try #require(desk.venue.book("HIFIUSDT", depth: 1)?.bids.first)
    let order = try desk.place(limit(.buy, "100", at: best.price, "HIFIUSDT"))
    let ahead = try #require(desk.venue.book("HIFIUSDT", depth: 1)?.bids.first?.quantity)
    let house = try ahead - 100
    desk.handle(.quote(symbol: "HIFIUSDT", middle: "0.3000"))
    let still = try #require(desk.venue.book("HIFIUSDT", depth: 1)?.bids.first?.quantity)
    _ = try desk.place(
      limit(.sell, min(house, try still - 100), at: best.price, "HIFIUSDT", .ioc), by: Desk.bob)
    #expect(try desk.now(order).filled == 0)
    _ = try desk.place(limit(.sell, 40, at: best.price, "HIFIUSDT", .ioc), by: Desk.bob)
    #expect(try desk.now(order).filled == 40)
  }

  @Test("what a thin book cannot fill of an immediate order is cancelled")
  func thinBook() throws {
    var desk = Desk()
    let order = try desk.place(market(.buy, "40000", "HIFIUSDT"))
    #expect(order.status == .cancelled)
    #expect(order.filled > 0 && order.filled < 40000)
    #expect(order.rejectReason == .noImmediateQuantity)
    #expect(desk.size("HIFIUSDT") == "Buy \(order.filled)")
  }

  @Test("FOK fills whole or not at all")
  func fillOrKill() throws {
    var desk = Desk()
    let killed = try desk.place(limit(.buy, "40000", at: "0.3100", "HIFIUSDT", .fok))
    #expect(killed.status == .cancelled)
    #expect(killed.rejectReason == .noFullFill)
    #expect(killed.filled == 0)
    let filled = try desk.place(limit(.buy, "20", at: "0.3100", "HIFIUSDT", .fok))
    #expect(filled.status == .filled)
  }

  @Test("a PostOnly order that would take is accepted and then cancelled")
  func postOnly() throws {
    var desk = Desk()
    let taking = try desk.place(limit(.buy, "0.01", at: "65100", "BTCUSDT", .postOnly))
    #expect(taking.status == .cancelled)
    #expect(taking.rejectReason == .postOnlyWouldTake)
    let resting = try desk.place(limit(.buy, "0.01", at: "65000", "BTCUSDT", .postOnly))
    #expect(resting.status == .new)
  }

  @Test("a price outside the band moves to its edge, or is refused where the account asks so")
  func band() throws {
    var desk = Desk()
    let moved = try desk.place(limit(.buy, "0.01", at: "90000"))
    #expect(moved.price == "65650")
    var strict = Desk(band: .refuse)
    #expect(strict.refusal(limit(.buy, "0.01", at: "90000")) == 110003)
    #expect(strict.refusal(limit(.sell, "0.01", at: "50000")) == 110003)
    #expect(strict.refusal(limit(.buy, "0.01", at: "64000")) == nil)
  }

  @Test("an average over prices that do not divide loses no money")
  func averaging() throws {
    var desk = Desk()
    _ = try desk.place(market(.buy, "0.001"))
    desk.handle(.quote(symbol: "BTCUSDT", middle: "65123.4"))
    _ = try desk.place(market(.buy, "0.002"))
    desk.handle(.quote(symbol: "BTCUSDT", middle: "64777.7"))
    _ = try desk.place(market(.sell, "0.001", reduceOnly: true))
    _ = try desk.place(market(.sell, "0.002", reduceOnly: true))
    #expect(desk.size() == "0.000")
    let position = try #require(desk.venue.position("BTCUSDT", of: Desk.ann))
    // Bought 65000.1 × 0.001 + 65123.5 × 0.002, sold 64777.6 × 0.003.
    #expect(position.realised == "-0.9143")
    #expect(desk.balance() == (try Desk.deposit - "0.9143" - position.fees))
  }
}
