import Decimals
import JSON
import Orders
import Testing
import Time

@testable import Risk

@Suite struct SizeAndConductRuleTests {
  @Test(arguments: [
    ("25000", "pass"), ("25000.1", "note"), ("40000", "note"), ("40000.1", "warn"),
    ("50000", "warn"), ("50000.1", "high"),
  ])
  func orderCap(_ price: String, _ outcome: String) throws {
    #expect(try assess(legs([limit("Buy", "1", price)])).worst(.orderCap) == outcome)
  }

  @Test func anAdministratorsCapBlocksButNotAClosingOrder() throws {
    let limits = try administrator(#"{"order_notional":{"USDT":"1000"}}"#)
    #expect(
      assess(try legs([limit("Buy", "1", "1000")]), limits: limits).worst(.orderCap) == "warn")
    #expect(
      assess(try legs([limit("Buy", "1", "1000.1")]), limits: limits).worst(.orderCap) == "block")
    let out = try legs([limit("Sell", "1", "1500", closing)])
    #expect(assess(out, limits: limits).worst(.orderCap) == "note")
    let more = try legs([limit("Sell", "1", "2500", closing)])
    #expect(assess(more, limits: limits).worst(.orderCap) == "high")
  }

  @Test func anOrderOfUnknownWorthIsUnchecked() throws {
    #expect(assess(try legs([market()]), market: MarketSnapshot()).worst(.orderCap) == "unchecked")
    #expect(
      assess(try legs([market()]), market: MarketSnapshot()).worst(.batchTotals) == "unchecked")
  }

  @Test func aCurrencyWithoutACapIsAWarning() throws {
    let euro = try legs([limit("Buy", "1", "1", symbol: "BTCEUR")], category: "spot")
    #expect(assess(euro).worst(.orderCap) == "warn")
  }

  @Test(arguments: [
    ("25000", "pass"), ("25000.1", "note"), ("40000.1", "warn"), ("50000.1", "high"),
  ])
  func batchTotals(_ price: String, _ outcome: String) throws {
    let two = try legs([limit("Buy", "1", price), limit("Sell", "1", price, symbol: "ETHUSDT")])
    #expect(assess(two).worst(.batchTotals) == outcome)
  }

  @Test func totalsShowGrossOpeningAndNet() throws {
    let mixed = try legs([limit("Buy", "1", "100"), limit("Sell", "1", "40", closing)])
    #expect(assess(mixed).words(.batchTotals) == "Gross 140, opening 100, net 60 USDT, of 100000.")
    let limits = try administrator(#"{"batch_gross":{"USDT":"99"}}"#)
    #expect(assess(mixed, limits: limits).worst(.batchTotals) == "block")
    #expect(
      assess(try legs([limit("Sell", "1", "4000", closing)]), limits: limits).worst(.batchTotals)
        == "pass")
  }

  @Test func differentCurrenciesAreSummedApart() throws {
    let two = try legs([limit("Buy", "1", "60000"), limit("Buy", "1", "60000", symbol: "BTCPERP")])
    #expect(assess(two).outcomes(.batchTotals) == ["note", "note"])
  }

  @Test func duplicatesIgnoreTheLinkIDAndTheSpellingOfNumbers() throws {
    let twice = [
      limit("Buy", "0.10", "60000", #","orderLinkId":"a""#),
      limit("Buy", "0.1", "60000.0", #","orderLinkId":"b""#),
    ]
    let report = assess(try legs(twice))
    #expect(report.outcomes(.duplicate) == ["high"])
    #expect(report.findings.first { $0.rule == .duplicate }?.legs == [0, 1])
    #expect(try assess(legs([limit(), limit("Buy", "0.2")])).worst(.duplicate) == "pass")
  }

  @Test(arguments: [(Int64(300), "warn"), (301, "pass")])
  func anOrderOfTheLastMinutesIsRemembered(_ seconds: Int64, _ outcome: String) throws {
    let batch = try legs([limit()])
    let past = RecentHistory([
      .init(leg: batch.legs[0], batch: "cs_1", at: noon - .seconds(seconds))
    ])
    #expect(assess(batch, history: past).worst(.duplicate) == outcome)
  }

  @Test(arguments: [
    ("60000", "60000", "high"), ("60000.1", "60000", "high"), ("59999.9", "60000", "pass"),
  ])
  func selfCross(_ buy: String, _ sell: String, _ outcome: String) throws {
    let two = try legs([limit("Sell", "0.1", sell), limit("Buy", "0.1", buy)])
    #expect(assess(two).worst(.selfCross) == outcome)
  }

  @Test func theLaterOrderDecidesWhatACrossDoes() throws {
    let two = try legs([limit("Sell"), limit("Buy", "0.1", "60000", #","smpType":"CancelMaker""#)])
    #expect(assess(two).words(.selfCross).hasSuffix("the resting order will be cancelled."))
    let taken = try legs([limit("Sell"), market("Buy")])
    #expect(assess(taken).words(.selfCross).hasSuffix("they trade with each other."))
    #expect(try assess(legs([market("Sell"), market("Buy")])).worst(.selfCross) == "pass")
  }

  @Test func ownOpenOrdersCrossToo() throws {
    let resting = Account.OpenOrder(symbol: "BTCUSDT", side: .sell, price: "60000")
    #expect(
      assess(try legs([limit()]), account: holding(orders: [resting])).worst(.selfCross) == "high")
    #expect(
      assess(try legs([limit("Buy", "0.1", "59999")]), account: holding(orders: [resting]))
        .worst(.selfCross) == "pass")
  }

  @Test(arguments: [
    (ExactDecimal(0), "Buy", "1", "note"), ("1", "Buy", "1", "note"), ("1", "Buy", "1.1", "warn"),
    ("1", "Sell", "0.4", "pass"), ("1", "Sell", "1", "pass"), ("1", "Sell", "1.1", "high"),
    ("-1", "Buy", "1.1", "high"), ("-1", "Sell", "0.5", "note"),
  ])
  func positionEffect(_ held: ExactDecimal, _ side: String, _ qty: String, _ outcome: String) throws
  {
    let report = assess(try legs([limit(side, qty)]), account: holding(held))
    #expect(report.worst(.positionEffect) == outcome)
  }

  @Test func aReduceOnlyOrderNeverFlips() throws {
    let out = try legs([limit("Sell", "5", "60000", closing)])
    #expect(assess(out, account: holding("1")).words(.positionEffect) == "BTCUSDT: reduces 1 to 0.")
    #expect(assess(out, account: holding()).worst(.positionEffect) == "note")
    let all = try legs([market("Sell", "0", closingAll)])
    #expect(assess(all, account: holding("1")).words(.positionEffect) == "BTCUSDT: reduces 1 to 0.")
  }

  @Test func theWorstOrderOfFillCounts() throws {
    let quotes = try legs([limit("Buy", "2", "59000"), limit("Sell", "2", "61000")])
    #expect(assess(quotes, account: holding("1")).worst(.positionEffect) == "high")
  }

  @Test func hedgeSidesAreSeparate() throws {
    let short = try legs([limit("Sell", "2", "60000", #","positionIdx":2"#)])
    #expect(assess(short, account: holding("1", index: 1)).worst(.positionEffect) == "note")
  }
}
