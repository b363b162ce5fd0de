import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Take profit and stop loss")
struct ExitTests {
  static func entry(
    _ side: Side = .buy, _ quantity: ExactDecimal = "0.010", mode: ExitMode = .full,
    profit: ExactDecimal? = 66000, loss: ExactDecimal? = 64000, price: ExactDecimal? = nil
  ) -> OrderRequest {
    var request = OrderRequest(
      symbol: "BTCUSDT", side: side, type: price == nil ? .market : .limit, quantity: quantity,
      price: price)
    request.exits = Exits(
      takeProfit: profit.map { Exit(trigger: $0, by: .mark) },
      stopLoss: loss.map { Exit(trigger: $0, by: .mark) }, mode: mode)
    return request
  }

  func waiting(_ desk: Desk) -> [Order] {
    desk.venue.openOrders(of: Desk.ann).filter { $0.status == .untriggered }
  }

  @Test("full exits are made on the fill and take the whole position out")
  func full() throws {
    var desk = Desk()
    _ = try desk.place(Self.entry())
    #expect(Set(waiting(desk).map(\.stopKind)) == [.takeProfit, .stopLoss])
    #expect(desk.venue.position("BTCUSDT", of: Desk.ann)?.exits.takeProfit?.trigger == 66000)
    _ = try desk.place(market(.buy, "0.005"))
    #expect(waiting(desk).allSatisfy { $0.quantity == "0.015" })
    desk.handle(.quote(symbol: "BTCUSDT", middle: 66000))
    #expect(desk.size() == "0.000")
    #expect(waiting(desk).isEmpty)
    let closed = desk.venue.closedOrders(of: Desk.ann)
    #expect(closed.contains { $0.createType == .takeProfit && $0.status == .filled })
    #expect(closed.contains { $0.stopKind == .stopLoss && $0.cancelType == .byExitClear })
    #expect(desk.venue.position("BTCUSDT", of: Desk.ann)?.exits.isEmpty == true)
  }

  @Test("a new full exit takes the place of the old one")
  func replaced() throws {
    var desk = Desk()
    _ = try desk.place(Self.entry())
    _ = try desk.place(Self.entry(profit: 67000, loss: nil))
    let exits = waiting(desk)
    #expect(exits.count == 2)
    #expect(exits.first { $0.stopKind == .takeProfit }?.trigger?.price == 67000)
    #expect(exits.first { $0.stopKind == .stopLoss }?.trigger?.price == 64000)
  }

  @Test("partial exits cover what filled; one of a pair ends the other")
  func partial() throws {
    var desk = Desk()
    _ = try desk.place(market(.buy, "0.020"))
    _ = try desk.place(Self.entry(mode: .partial))
    #expect(waiting(desk).map(\.quantity) == ["0.010", "0.010"])
    desk.handle(.quote(symbol: "BTCUSDT", middle: 64000))
    #expect(desk.size() == "Buy 0.020")
    #expect(waiting(desk).isEmpty)
    let gone = desk.venue.closedOrders(of: Desk.ann).first { $0.stopKind == .partialTakeProfit }
    #expect(gone?.cancelType == .byExitClear)
  }

  @Test("partial exits grow with the fills of their order")
  func growing() throws {
    var desk = Desk()
    let order = try desk.place(
      Self.entry(.sell, 10, mode: .partial, profit: 64000, loss: 66000, price: "65000.5"))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65001))
    let filled = try desk.now(order).filled
    #expect(filled > 0 && filled < 10)
    #expect(waiting(desk).map(\.quantity) == [filled, filled])
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65100))
    let more = try desk.now(order).filled
    #expect(more > filled)
    #expect(waiting(desk).map(\.quantity) == [more, more])
  }

  @Test("exits go with the position, however it ends")
  func orphaned() throws {
    var desk = Desk()
    _ = try desk.place(Self.entry())
    _ = try desk.place(Self.entry(mode: .partial))
    _ = try desk.place(market(.sell, "0.030"))
    #expect(desk.size() == "Sell 0.010")
    #expect(waiting(desk).isEmpty)
  }

  @Test("an exit on the wrong side of the price is refused")
  func wrongSide() {
    var desk = Desk()
    #expect(desk.refusal(Self.entry(profit: 64000, loss: nil)) == 10001)
    #expect(desk.refusal(Self.entry(profit: nil, loss: 66000)) == 10001)
    #expect(desk.refusal(Self.entry(.sell)) == 10001)
    var reduce = Self.entry()
    reduce.reduceOnly = true
    #expect(desk.refusal(reduce) == 10001)
  }

  @Test("a position's exits are set, moved and taken away by request")
  func tradingStop() throws {
    var desk = Desk()
    var stop = TradingStop(symbol: "BTCUSDT", stopLoss: ExitChange(trigger: 64000, by: .mark))
    #expect(desk.handle(.tradingStop(stop, by: Desk.ann)).first?.refusal?.code == 10001)
    _ = try desk.place(market(.buy, "0.010"))
    #expect(desk.handle(.tradingStop(stop, by: Desk.ann)).first?.refusal == nil)
    stop.stopLoss?.trigger = 64500
    desk.handle(.tradingStop(stop, by: Desk.ann))
    #expect(waiting(desk).map { $0.trigger?.price } == [64500])
    stop.stopLoss?.trigger = 0
    desk.handle(.tradingStop(stop, by: Desk.ann))
    #expect(waiting(desk).isEmpty)
    var part = TradingStop(
      symbol: "BTCUSDT", mode: .partial, takeProfit: ExitChange(trigger: 66000, by: .mark),
      size: "0.004")
    desk.handle(.tradingStop(part, by: Desk.ann))
    #expect(waiting(desk).map(\.quantity) == ["0.004"])
    part.size = "0.011"
    #expect(desk.handle(.tradingStop(part, by: Desk.ann)).first?.refusal?.code == 10001)
  }

  @Test("an amendment of an open order moves its exits, zero takes them away")
  func amended() throws {
    var desk = Desk()
    let order = try desk.place(Self.entry(price: 64900))
    var change = AmendRequest(OrderName(symbol: "BTCUSDT", orderID: order.id))
    change.stopLoss = ExitChange(trigger: 0)
    change.takeProfit = ExitChange(trigger: 65500)
    desk.handle(.amend(change, by: Desk.ann))
    let now = try desk.now(order)
    #expect(now.exits.stopLoss == nil)
    #expect(now.exits.takeProfit?.trigger == 65500)
    #expect(now.exits.takeProfit?.by == .mark)
  }
}
