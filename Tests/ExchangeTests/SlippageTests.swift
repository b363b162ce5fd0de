import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("The worst price of a market order")
struct SlippageTests {
  @Test("ticks and percent from the best price, never past the band")
  func bounds() throws {
    func price(_ slippage: Slippage, _ side: Side = .buy) throws -> String {
      var desk = Desk()
      var request = market(side, "0.001")
      request.slippage = slippage
      return try desk.place(request).price.description
    }
    #expect(try price(Slippage(.ticks, 20)) == "65002.10")
    #expect(try price(Slippage(.percent, "0.5")) == "65325.10")
    #expect(try price(Slippage(.percent, 10)) == "65650.00")
    #expect(try price(Slippage(.ticks, 20), .sell) == "64997.90")
  }

  @Test("what is left past the bound is cancelled")
  func thin() throws {
    var desk = Desk()
    var request = market(.buy, 5000, "HIFIUSDT")
    request.slippage = Slippage(.ticks, 1)
    let order = try desk.place(request)
    #expect(order.status == .cancelled)
    #expect(order.filled > 0 && order.filled < 5000)
  }

  @Test("a tolerance out of range is refused")
  func range() {
    var desk = Desk()
    for slippage in [
      Slippage(.ticks, 0), Slippage(.ticks, 10_001), Slippage(.ticks, "1.5"),
      Slippage(.percent, "0.001"), Slippage(.percent, 11),
    ] {
      var request = market(.buy, "0.001")
      request.slippage = slippage
      #expect(desk.refusal(request) == 110108)
    }
    var request = limit(.buy, "0.01", at: 64000)
    request.slippage = Slippage(.ticks, 5)
    #expect(desk.refusal(request) == 10001)
  }
}
