import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Amending and cancelling")
struct AmendTests {
  /// Two orders at one price inside the thin contract's spread; returns who is filled first after
  /// `change` of the first one.
  func firstServed(_ quantity: ExactDecimal?, _ price: ExactDecimal?) throws -> Bool {
    var desk = Desk()
    let first = try desk.place(limit(.buy, 100, at: "0.3001", "HIFIUSDT"))
    _ = try desk.place(limit(.buy, 100, at: "0.3001", "HIFIUSDT"), by: Desk.bob)
    let change = AmendRequest(
      OrderName(symbol: "HIFIUSDT", orderID: first.id), quantity: quantity, price: price)
    #expect(desk.handle(.amend(change, by: Desk.ann)).first?.refusal == nil)
    _ = try desk.place(limit(.sell, 40, at: "0.3001", "HIFIUSDT", .ioc), by: Desk.bob)
    return try desk.now(first).filled == 40
  }

  @Test("less keeps the place in the queue, more or another price loses it")
  func priority() throws {
    #expect(try firstServed(60, nil))
    #expect(try !firstServed(120, nil))
    #expect(try !firstServed(nil, "0.3000"))
  }

  @Test("a new price may trade at once; PostOnly does not")
  func crossing() throws {
    var desk = Desk()
    let order = try desk.place(limit(.buy, "0.01", at: 64900))
    let post = try desk.place(limit(.buy, "0.01", at: 64900, "BTCUSDT", .postOnly))
    for id in [order.id, post.id] {
      desk.handle(
        .amend(
          AmendRequest(OrderName(symbol: "BTCUSDT", orderID: id), price: 65100), by: Desk.ann))
    }
    #expect(try desk.now(order).averagePrice == "65000.1")
    #expect(try desk.now(post).rejectReason == .postOnlyWouldTake)
  }

  @Test("what an amendment may not do")
  func refusals() throws {
    var desk = Desk(deposit: 2000)
    let order = try desk.place(limit(.sell, "0.100", at: "65000.1"))
    func code(
      _ quantity: ExactDecimal?, _ price: ExactDecimal?, _ link: Text? = nil
    ) -> Int? {
      var copy = desk
      let name = OrderName(
        symbol: "BTCUSDT", orderID: link == nil ? order.id : nil, linkID: link)
      return copy.handle(.amend(AmendRequest(name, quantity: quantity, price: price), by: Desk.ann))
        .first?.refusal?.code
    }
    #expect(code(nil, nil) == 10001)
    #expect(code("0.1", "65000.10") == 10001)
    #expect(code("0.1005", nil) == 10001)
    #expect(code("1", nil) == 110007)
    #expect(code(nil, "65000.05") == 10001)
    #expect(code(nil, 66000, "nobody") == 110001)
    #expect(code("0.2", 66000) == nil)
    desk.handle(.quote(symbol: "BTCUSDT", middle: "65000.2"))
  }

  @Test("not below what is filled")
  func filled() throws {
    var desk = Desk()
    let order = try desk.place(limit(.sell, 10, at: "65000.5"))
    desk.handle(.quote(symbol: "BTCUSDT", middle: 65001))
    let filled = try desk.now(order).filled
    let change = AmendRequest(OrderName(symbol: "BTCUSDT", orderID: order.id), quantity: filled)
    #expect(desk.handle(.amend(change, by: Desk.ann)).first?.refusal?.code == 110064)
  }

  @Test("cancel-all takes what fits the request and nothing else")
  func cancelAll() throws {
    var desk = Desk()
    _ = try desk.place(limit(.buy, "0.01", at: 64000))
    _ = try desk.place(limit(.buy, "0.1", at: 3000, "ETHUSDT"))
    _ = try desk.place(ConditionalTests.stop(.buy, "0.01", at: 66000, .rise))
    _ = try desk.place(limit(.buy, "0.01", at: 64000), by: Desk.bob)
    func cancelled(_ request: CancelAllRequest) -> Int? {
      var copy = desk
      for case .cancelled(let orders) in copy.handle(.cancelAll(request, by: Desk.ann)) {
        return orders.count
      }
      return nil
    }
    #expect(cancelled(CancelAllRequest()) == nil)
    #expect(cancelled(CancelAllRequest(settleCoin: "USDT")) == 3)
    #expect(cancelled(CancelAllRequest(symbol: "BTCUSDT")) == 2)
    #expect(cancelled(CancelAllRequest(symbol: "BTCUSDT", filter: .stopOrder)) == 1)
    #expect(cancelled(CancelAllRequest(baseCoin: "ETH", filter: .order)) == 1)
    #expect(cancelled(CancelAllRequest(category: .inverse)) == 0)
  }
}
