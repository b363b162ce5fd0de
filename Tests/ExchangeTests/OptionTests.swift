import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Options")
struct OptionTests {
  static let call: Text = "BTC-26FEB27-65000-C-USDT"

  static func desk() -> Desk {
    Desk(listings: Listing.linear + Listing.options(from: Listing.usualStart))
  }

  static func order(
    _ side: Side, _ quantity: ExactDecimal, at price: ExactDecimal? = nil, link: Text,
    _ symbol: Text = call
  ) -> OrderRequest {
    OrderRequest(
      category: .option, symbol: symbol, side: side, type: price == nil ? .market : .limit,
      quantity: quantity, price: price, linkID: link)
  }

  @Test("two expiries, calls and puts at five strikes, last Fridays at eight")
  func listed() throws {
    let options = Self.desk().venue.instruments.filter { $0.category == .option }
    #expect(options.count == 20)
    #expect(
      Set(options.compactMap { $0.option?.expiry.rfc3339 }) == [
        "2027-01-29T08:00:00.000Z", "2027-02-26T08:00:00.000Z",
      ])
    #expect(options.contains { $0.symbol == Self.call })
  }

  @Test("the model keeps put-call parity and finds the volatility of its own price")
  func model() throws {
    let expiry = Timestamp(milliseconds: 30 * 86_400_000)
    func model(_ kind: OptionTerms.Kind) -> OptionModel {
      OptionModel(
        OptionTerms(kind: kind, strike: 60_000, expiry: expiry), underlying: 65_000,
        milliseconds: expiry.milliseconds)
    }
    let (call, put) = (model(.call), model(.put))
    let gap = call.price(at: 0.6) - put.price(at: 0.6)
    #expect(abs(gap - 5000) < 1e-6)
    let found = try #require(call.iv(of: call.price(at: 0.6)))
    #expect(abs(found - 0.6) < 1e-6)
    #expect(call.price(at: 0.7) > call.price(at: 0.6))
    // A month at 55 %: the usual rule of thumb, 0.4 × underlying × iv × √years, within 2 %.
    let atTheMoney = OptionModel(
      OptionTerms(kind: .call, strike: 65_000, expiry: expiry), underlying: 65_000,
      milliseconds: expiry.milliseconds)
    let thumb = 0.4 * 65_000 * 0.55 * (30.0 / 365).squareRoot()
    #expect(abs(atTheMoney.price(at: 0.55) / thumb - 1) < 0.02)
  }

  @Test("the premium is paid and received at once")
  func premium() throws {
    var desk = Self.desk()
    let buy = try desk.place(Self.order(.buy, "0.10", link: "one"))
    #expect(buy.status == .filled)
    #expect(desk.balance() == (try Desk.deposit - buy.filledValue - buy.fee))
    let summary = desk.venue.summary(desk)
    #expect(summary.optionValue.isPositive)
    #expect(summary.equity > summary.marginBalance)
    #expect(summary.positionMargin == 0)
    // 0.03 % of the underlying on a tenth of a coin.
    #expect(buy.fee == "1.95")
    let sell = try desk.place(Self.order(.sell, "0.10", link: "two"))
    #expect(sell.closedPnl.isNegative)
    #expect(try allMoney(desk.venue)["USDT"] == 2 * Desk.deposit)
  }

  @Test("a short option needs margin; a link id is required")
  func short() throws {
    var desk = Self.desk()
    _ = try desk.place(Self.order(.sell, 1, link: "short"))
    let summary = desk.venue.summary(desk)
    #expect(summary.positionMargin > 6500)
    #expect(summary.maintenanceMargin < summary.positionMargin)
    #expect(desk.refusal(Self.order(.sell, 20, link: "more")) == 110007)
    #expect(desk.refusal(Self.order(.buy, "0.1", link: "")) == 10001)
  }

  @Test("orderIv sets the price")
  func volatility() throws {
    var desk = Self.desk()
    var request = Self.order(.buy, "0.1", at: 1, link: "iv")
    request.orderIv = "0.30"
    let cheap = try desk.place(request)
    #expect(cheap.status == .new)
    #expect(cheap.price > 1000 && cheap.price < desk.venue.mark(Self.call, .option) ?? 0)
    var change = AmendRequest(OrderName(category: .option, symbol: Self.call, linkID: "iv"))
    change.orderIv = "0.40"
    desk.handle(.amend(change, by: Desk.ann))
    #expect(try desk.now(cheap).price > cheap.price)
  }

  @Test("at expiry a call is worth what it is in the money")
  func expiry() throws {
    var desk = Self.desk()
    _ = try desk.place(Self.order(.buy, "0.10", link: "mine"))
    let resting = try desk.place(Self.order(.buy, "0.10", at: 10, link: "rest"))
    let before = desk.balance()
    desk.clock = try #require(Timestamp(rfc3339: "2027-02-26T08:00:00Z"))
    let effects = desk.handle(.quote(symbol: "BTCUSDT", middle: 67000))
    #expect(
      effects.contains { if case .execution(let e) = $0 { e.kind == .delivery } else { false } })
    let worth: ExactDecimal = 200
    let fee = try #require(desk.venue.executions.last { $0.kind == .delivery }).fee
    #expect(desk.balance() == (try before + worth - fee))
    #expect(try desk.now(resting).cancelType == .bySettlement)
    #expect(desk.venue.status(Self.call, .option) == .delivered)
    #expect(desk.refusal(Self.order(.buy, "0.1", link: "late")) == 110066)
    #expect(try allMoney(desk.venue)["USDT"] == 2 * Desk.deposit)
  }
}
