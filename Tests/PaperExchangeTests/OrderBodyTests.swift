import Decimals
import Exchange
import JSON
import Testing

@testable import PaperExchange

@Suite("Bodies of order requests")
struct OrderBodyTests {
  static func body(_ text: String) throws -> JSONCursor { JSONCursor(try JSONParser.parse(text)) }

  @Test("numbers are taken in both spellings", arguments: ["1", #""1""#])
  func spellings(_ one: String) throws {
    let request = try OrderBody.order(
      Self.body(
        #"""
        {"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.010","price":"65000","positionIdx":\#(one),
         "isLeverage":\#(one),"triggerPrice":"66000","triggerDirection":\#(one),"triggerBy":"MarkPrice"}
        """#), .linear)
    #expect(request.positionIndex == 1)
    #expect(request.isLeverage)
    #expect(request.triggerDirection == .rise)
    #expect(request.triggerBy == .mark)
    #expect(request.quantity.description == "0.010")
  }

  @Test("take profit, stop loss, self-match and slippage")
  func exits() throws {
    let request = try OrderBody.order(
      Self.body(
        #"""
        {"symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"1","takeProfit":"60000","stopLoss":"70000",
         "tpslMode":"Partial","tpOrderType":"Limit","tpLimitPrice":"60100","slTriggerBy":"IndexPrice",
         "smpType":"CancelBoth","slippageToleranceType":"Percent","slippageTolerance":"0.5"}
        """#), .linear)
    #expect(request.exits.mode == .partial)
    #expect(request.exits.takeProfit == Exit(trigger: 60000, type: .limit, limit: 60100))
    #expect(request.exits.stopLoss == Exit(trigger: 70000, by: .index))
    #expect(request.selfMatch == .cancelBoth)
    #expect(request.slippage == Slippage(.percent, "0.5"))
  }

  @Test("a market order's price is not read, zeros are nothing")
  func neutral() throws {
    let request = try OrderBody.order(
      Self.body(
        #"""
        {"symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"1","price":"x","triggerPrice":"0",
         "takeProfit":"0","stopLoss":"","triggerDirection":0,"orderFilter":"","smpType":"None","orderIv":null}
        """#), .spot)
    #expect(request.price == nil)
    #expect(request.triggerPrice == nil)
    #expect(request.triggerDirection == nil)
    #expect(request.exits.isEmpty)
    #expect(request.filter == .order)
  }

  @Test("an amendment keeps what it does not name; zero takes an exit away")
  func amend() throws {
    let change = try OrderBody.amend(
      Self.body(
        #"{"symbol":"BTCUSDT","orderLinkId":"a","qty":"2","price":"","stopLoss":"0","tpTriggerBy":"MarkPrice"}"#
      ), .linear)
    #expect(change.name.linkID == "a")
    #expect(change.quantity == 2)
    #expect(change.price == nil)
    #expect(change.stopLoss == ExitChange(trigger: 0))
    #expect(change.takeProfit == ExitChange(by: .mark))
  }

  @Test("settings of accounts and positions")
  func settings() throws {
    let all = try OrderBody.cancelAll(
      Self.body(#"{"category":"linear","settleCoin":"USDT","stopOrderType":"Stop"}"#))
    #expect(all.filter == .stopOrder)
    let mode = try OrderBody.positionMode(
      Self.body(#"{"category":"linear","coin":"USDT","mode":3}"#))
    #expect(mode.isHedged)
    let leverage = try OrderBody.leverage(
      Self.body(
        #"{"category":"linear","symbol":"BTCUSDT","buyLeverage":"5","sellLeverage":"5"}"#))
    #expect(leverage.buy == 5)
    let stop = try OrderBody.tradingStop(
      Self.body(
        #"{"category":"linear","symbol":"BTCUSDT","tpslMode":"Partial","takeProfit":"70000","tpSize":"0.1","slSize":"0.1","positionIdx":0}"#
      ))
    #expect(stop.size == "0.1")
    #expect(stop.mode == .partial)
  }

  @Test(
    "what is not carried out is refused",
    arguments: [
      #""mmp":true"#, #""bboLevel":"1""#, #""rpiTakerAccess":true"#, #""timeInForce":"RPI""#,
      #""slippageToleranceType":"Percent""#, #""triggerDirection":3"#, #""smpType":"Maybe""#,
      #""takeProfit":5"#, #""orderFilter":"OcoOrder""#, #""triggerBy":"Moon""#,
    ])
  func refused(_ member: String) throws {
    let text = #"{"symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"1",\#(member)}"#
    #expect(throws: (any Error).self) { try OrderBody.order(Self.body(text), .linear) }
  }

  @Test("a trailing stop is refused")
  func trailing() throws {
    #expect(throws: Refusal.self) {
      try OrderBody.tradingStop(
        Self.body(#"{"category":"linear","symbol":"BTCUSDT","trailingStop":"50"}"#))
    }
  }
}
