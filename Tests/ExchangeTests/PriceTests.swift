import Decimals
import JSON
import Testing
import Time

@testable import Exchange

@Suite("Markets and their models")
struct PriceTests {
  static let btc = MarketID(.linear, "BTCUSDT")

  func middles(_ model: PriceModel, steps: Int = 60) -> [Int] {
    var desk = Desk(listings: [Listing.linear[0]])
    desk.handle(.model(Self.btc, model))
    return (0..<steps).map { _ in
      desk.handle(.tick)
      return desk.venue.markets[0].middle
    }
  }

  @Test("calm wanders, trending leads away, a gap jumps")
  func models() {
    func jumps(_ middles: [Int]) -> Int {
      zip(middles, middles.dropFirst()).map { abs($0 - $1) }.max() ?? 0
    }
    #expect(jumps(middles(.calm)) <= 12)
    let rising = middles(.trending(ticks: 30))
    #expect((rising.last ?? 0) - (rising.first ?? 0) > 59 * 18)
    #expect(jumps(middles(.gap(ticks: 20_000, every: 10))) > 100)
    #expect(middles(.calm) == middles(.calm))
  }

  @Test("a thin book has few levels")
  func thin() {
    var desk = Desk(listings: [Listing.linear[0]])
    desk.handle(.model(Self.btc, .thin(levels: 2)))
    desk.handle(.tick)
    let book = desk.venue.book("BTCUSDT", depth: 50)
    #expect(book?.bids.count == 2)
    #expect(book?.asks.count == 2)
    #expect(book?.asks.allSatisfy { $0.quantity <= "0.06" } == true)
  }

  @Test("a halt takes the quotes and new orders away; cancels still work; then it opens again")
  func halt() throws {
    var desk = Desk()
    let order = try desk.place(limit(.buy, "0.01", at: 64000))
    desk.handle(.model(Self.btc, .halt(steps: 3)))
    desk.handle(.tick)
    #expect(desk.venue.status("BTCUSDT") == .halted)
    #expect(desk.refusal(limit(.buy, "0.01", at: 64000)) == 110066)
    #expect(desk.venue.book("BTCUSDT", depth: 5)?.asks.isEmpty == true)
    let effects = desk.handle(
      .cancel(OrderName(symbol: "BTCUSDT", orderID: order.id), by: Desk.ann))
    #expect(effects.first?.refusal == nil)
    for _ in 0..<3 { desk.handle(.tick) }
    #expect(desk.venue.status("BTCUSDT") == .trading)
    #expect(desk.venue.book("BTCUSDT", depth: 5)?.asks.isEmpty == false)
  }

  @Test("spot, inverse and options follow the contract of their coin")
  func followers() throws {
    var desk = Desk(listings: Listing.all(from: Listing.usualStart))
    let call = OptionTests.call
    let before = try #require(desk.venue.mark(call, .option))
    desk.handle(.quote(symbol: "BTCUSDT", middle: "70000.3"))
    #expect(desk.venue.mark("BTCUSDT", .spot) == "70000.3")
    #expect(desk.venue.mark("BTCUSD", .inverse) == 70000)
    #expect(try #require(desk.venue.mark(call, .option)) > before)
    #expect(desk.venue.ticker(call, .option)?.option?.underlying == "70000.3")
    #expect(desk.venue.mark("ETHUSDT", .spot) == 3200)
  }

  @Test("the band follows mark, index and premium")
  func band() throws {
    var desk = Desk()
    func edges(_ middle: ExactDecimal, _ mark: ExactDecimal, _ index: ExactDecimal) -> [String] {
      desk.handle(.price(PricePoint(Self.btc, middle: middle, mark: mark, index: index)))
      let band = desk.venue.priceBand("BTCUSDT")
      return [band?.highestBuy.description ?? "", band?.lowestSell.description ?? ""]
    }
    #expect(edges(65000, 65000, 65000) == ["65650.00", "64350.00"])
    // A premium of 100 moves the upper edge only; the outer ratio bounds it.
    #expect(edges(65100, 65000, 65000) == ["65750.00", "64350.00"])
    #expect(edges(67000, 65000, 65000) == ["66300.00", "64350.00"])
    // An index past the inner edge takes its place.
    #expect(edges(65000, 65000, 66000) == ["66000.00", "64350.00"])
    #expect(edges(65000, 65000, 64000) == ["65650.00", "64000.00"])
  }
}
