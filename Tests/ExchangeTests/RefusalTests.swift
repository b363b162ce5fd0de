import Decimals
import JSON
import Testing

@testable import Exchange

struct Refused: Sendable, CustomTestStringConvertible {
  let why: String
  let code: Int
  let request: OrderRequest
  var testDescription: String { "\(code) \(why)" }

  init(_ why: String, _ code: Int, _ request: OrderRequest) {
    self.why = why
    self.code = code
    self.request = request
  }

  static let all: [Refused] = [
    Refused("unknown symbol", 10001, limit(.buy, 1, at: 1, "NOPEUSDT")),
    Refused("symbol with a look-alike letter", 10001, limit(.buy, 1, at: 1, "\u{212A}USDT")),
    Refused("no quantity", 10001, limit(.buy, 0, at: 65000)),
    Refused("negative quantity", 10001, limit(.buy, "-0.01", at: 65000)),
    Refused("below the least quantity", 10001, limit(.buy, "0.0005", at: 65000)),
    Refused("off the step", 10001, limit(.buy, "0.0015", at: 65000)),
    Refused("above the most", 10001, limit(.buy, "1190.001", at: 65000)),
    Refused("above the most of a market order", 10001, market(.buy, "500.001")),
    Refused("off the tick", 10001, limit(.buy, "0.01", at: "65000.05")),
    Refused("negative price", 10001, limit(.buy, "0.01", at: -5)),
    Refused(
      "no price", 10001,
      OrderRequest(symbol: "BTCUSDT", side: .buy, type: .limit, quantity: "0.01")),
    Refused("above every price", 110003, limit(.sell, "0.01", at: 2_000_000)),
    Refused("below the least notional", 110094, limit(.buy, 1, at: "0.15000", "DOGEUSDT")),
    Refused("market below the least notional", 110094, market(.buy, 10, "HIFIUSDT")),
    Refused("more than the wallet carries", 110007, limit(.buy, 100, at: 64000)),
    Refused("reduce-only without a position", 110017, market(.sell, "0.01", reduceOnly: true)),
    Refused("a link id with a space", 10001, limit(.buy, "0.01", at: 64000, link: "a b")),
    Refused(
      "a link id of 37 characters", 10001,
      limit(.buy, "0.01", at: 64000, link: Text(String(repeating: "x", count: 37)))),
    Refused(
      "hedge mode", 10001,
      OrderRequest(
        symbol: "BTCUSDT", side: .buy, type: .market, quantity: "0.01", positionIndex: 1)),
    Refused(
      "PostOnly market", 10001,
      OrderRequest(
        symbol: "BTCUSDT", side: .buy, type: .market, quantity: "0.01", timeInForce: .postOnly)),
    Refused(
      "38 digits", 10001,
      limit(.buy, "99999999999999999999999999999999999999", at: 65000)),
    Refused(
      "36 decimals", 10001,
      limit(.buy, "0.010000000000000000000000000000000001", at: 65000)),
  ]
}

@Suite("What is refused, and with which code")
struct RefusalTests {
  @Test("refused without a trace", arguments: Refused.all)
  func refused(_ example: Refused) {
    var desk = Desk()
    #expect(desk.refusal(example.request) == example.code)
    #expect(desk.venue.openOrders(of: Desk.ann).isEmpty)
    #expect(desk.venue.closedOrders(of: Desk.ann).isEmpty)
    #expect(desk.balance() == Desk.deposit)
  }

  @Test("a link id is taken once per account, also after its order closed")
  func duplicate() throws {
    var desk = Desk()
    let first = try desk.place(limit(.buy, "0.01", at: 64000, link: "twice"))
    #expect(desk.refusal(limit(.buy, "0.01", at: 64000, link: "twice")) == 110072)
    desk.handle(.cancel(CancelRequest(symbol: "BTCUSDT", linkID: "twice"), by: Desk.ann))
    #expect(try desk.now(first).status == .cancelled)
    #expect(desk.refusal(limit(.buy, "0.01", at: 64000, link: "twice")) == 110072)
    #expect(desk.refusal(limit(.buy, "0.01", at: 64000, link: "twice"), by: Desk.bob) == nil)
  }

  @Test("a refused order leaves its link id free")
  func refusedKeepsLinkFree() {
    var desk = Desk()
    #expect(desk.refusal(limit(.buy, "0.0015", at: 64000, link: "again")) == 10001)
    #expect(desk.refusal(limit(.buy, "0.015", at: 64000, link: "again")) == nil)
  }

  @Test("cancelling what is not there, not mine or done")
  func cancelling() throws {
    var desk = Desk()
    let done = try desk.place(market(.buy, "0.01"))
    let open = try desk.place(limit(.buy, "0.01", at: 64000))
    func code(_ request: CancelRequest, by account: AccountID = Desk.ann) -> Int? {
      desk.handle(.cancel(request, by: account)).first?.refusal?.code
    }
    #expect(code(CancelRequest(symbol: "BTCUSDT")) == 10001)
    #expect(code(CancelRequest(symbol: "BTCUSDT", orderID: "nope")) == 110001)
    #expect(code(CancelRequest(symbol: "BTCUSDT", orderID: done.id)) == 110001)
    #expect(code(CancelRequest(symbol: "ETHUSDT", orderID: open.id)) == 110001)
    #expect(code(CancelRequest(symbol: "BTCUSDT", orderID: open.id), by: Desk.bob) == 110001)
    #expect(code(CancelRequest(symbol: "BTCUSDT", orderID: open.id)) == nil)
  }

  @Test("five hundred open orders in one symbol and no more")
  func openOrders() {
    var desk = Desk()
    for _ in 0..<Venue.Limits.openOrders {
      #expect(desk.refusal(limit(.buy, "0.001", at: 60000)) == nil)
    }
    #expect(desk.refusal(limit(.buy, "0.001", at: 60000)) == 110020)
    #expect(desk.refusal(limit(.buy, "0.1", at: 3000, "ETHUSDT")) == nil)
  }

  @Test("open orders bind margin until they are cancelled")
  func margin() throws {
    var desk = Desk(deposit: 1000)
    let first = try desk.place(limit(.buy, "0.100", at: 64000))
    #expect(desk.refusal(limit(.buy, "0.100", at: 64000)) == 110007)
    desk.handle(.cancel(CancelRequest(symbol: "BTCUSDT", orderID: first.id), by: Desk.ann))
    #expect(desk.refusal(limit(.buy, "0.100", at: 64000)) == nil)
  }
}
