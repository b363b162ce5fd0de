import Decimals
import JSON
import Testing
import Time

@testable import Orders

@Suite struct NotionalTests {
  let now = Timestamp(milliseconds: 1_760_000_000_000)
  var quotes: [Text: Quote] {
    ["BTCUSDT": Quote(bid: "60000", ask: "60010", mark: "60005", asOf: now)]
  }

  @Test func limitOrdersAreExact() throws {
    let worth = try Notional(batch(limit("BTCUSDT", "Buy", "0.123", "61234.5")))
    #expect(worth.legs[0].amount == "7531.8435")
    #expect(!worth.legs[0].estimated && worth.legs[0].currency == "USDT")
  }

  @Test func marketOrdersAreEstimatesFromTheSideTheyTake() throws {
    let worth = try Notional(
      batch(market("BTCUSDT", "Buy", "1") + "," + market("BTCUSDT", "Sell", "1")), quotes: quotes)
    #expect(worth.legs.map(\.amount) == ["60010", "60000"])
    #expect(worth.legs.allSatisfy { $0.estimated && $0.asOf == now })
    #expect(try worth.byCurrency[0].gross() == "120010")
    #expect(try worth.byCurrency[0].net() == "10")
    #expect(worth.byCurrency[0].estimated && worth.byCurrency[0].asOf == now)
  }

  @Test func aMarketOrderWithoutAPriceHasNoWorth() throws {
    let worth = try Notional(batch(market() + "," + limit()))
    #expect(worth.unvalued.map(\.leg) == [0])
    #expect(worth.legs[0].reason == "no price of BTCUSDT is known")
    #expect(try worth.byCurrency[0].gross() == "6000")
  }

  @Test func differentCurrenciesAreNeverAdded() throws {
    let worth = try Notional(
      batch(limit("BTCUSDT") + "," + limit("BTCPERP") + "," + limit("ETHUSDT")))
    #expect(worth.byCurrency.map(\.currency) == ["USDT", "USDC"])
    #expect(try worth.byCurrency.map { try $0.gross() } == ["12000", "6000"])
    #expect(worth.bySymbol.map(\.symbol) == ["BTCUSDT", "BTCPERP", "ETHUSDT"])
  }

  @Test func inverseQuantityIsDollars() throws {
    let worth = try Notional(batch(limit("BTCUSD", "Sell", "10000", "50000"), category: "inverse"))
    #expect(worth.legs[0].amount == "10000" && worth.legs[0].currency == "USD")
    #expect(worth.legs[0].base == "0.2" && !worth.legs[0].estimated)
  }

  @Test func aSpotMarketBuySpendsQuoteCoin() throws {
    let worth = try Notional(
      batch(
        market("BTCUSDT", "Buy", "200") + ","
          + market("BTCUSDT", "Buy", "2", #","marketUnit":"baseCoin""#), category: "spot"),
      quotes: quotes)
    #expect(worth.legs[0].amount == "200" && !worth.legs[0].estimated)
    #expect(worth.legs[1].amount == "120020" && worth.legs[1].estimated)
  }

  @Test func anOptionShowsPremiumAndWhatIsUnderIt() throws {
    let symbol = "BTC-26DEC25-90000-C"
    let worth = try Notional(
      batch(limit(symbol, "Sell", "0.5", "1200"), category: "option"),
      quotes: [Text(symbol): Quote(underlying: "88000", asOf: now)])
    #expect(worth.legs[0].amount == "600" && worth.legs[0].underlying == "44000")
    #expect(worth.legs[0].currency == "USDC")
  }

  @Test func closingEverythingHasNoKnownWorth() throws {
    let worth = try Notional(
      batch(market("BTCUSDT", "Sell", "0", #","reduceOnly":true,"closeOnTrigger":true"#)),
      quotes: quotes)
    #expect(worth.legs[0].amount == nil && worth.byCurrency[0].buy.isZero)
  }

  @Test func anOverflowIsAnErrorAndNeverRounded() throws {
    let nines = String(repeating: "9", count: 30)
    let huge = try batch(limit("BTCUSDT", "Buy", nines, nines))
    #expect(throws: DecimalError.overflow) { try Notional(huge) }
  }
}
