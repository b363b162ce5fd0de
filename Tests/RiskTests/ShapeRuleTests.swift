import Decimals
import Orders
import Testing
import Time

@testable import Risk

@Suite struct ShapeRuleTests {
  let missing = bitcoin { $0.instrument = nil }
  let old = bitcoin { $0.instrument?.fetchedAt = noon - .minutes(61) }

  @Test(arguments: [
    ("60000.1", "pass"), ("60000.10", "pass"), ("60000.15", "block"), ("60000.01", "block"),
  ])
  func tick(_ price: String, _ outcome: String) throws {
    #expect(try assess(legs([limit("Buy", "0.1", price)])).worst(.tick) == outcome)
    #expect(try assess(legs([limit("Buy", "0.1", price, closing)])).worst(.tick) == outcome)
  }

  @Test func tickSaysTheNearestPassivePrice() throws {
    #expect(
      try assess(legs([limit("Buy", "0.1", "60000.15")])).words(.tick)
        == "#1 Buy BTCUSDT: price 60000.15 is no multiple of the tick 0.1; 60000.1 is.")
    #expect(
      try assess(legs([limit("Sell", "0.1", "60000.15")])).words(.tick).hasSuffix("60000.2 is."))
  }

  @Test func tickLooksAtEveryPriceThatIsSent() throws {
    let stop = #","stopLoss":"59000.05","takeProfit":"0""#
    #expect(try assess(legs([limit("Buy", "0.1", "60000", stop)])).outcomes(.tick) == ["block"])
    #expect(try assess(legs([market()])).worst(.tick) == "not_applicable")
  }

  @Test(arguments: [RiskRule.tick, .lot, .minimumNotional])
  func withoutFreshInstrumentDataNothingIsChecked(_ rule: RiskRule) throws {
    let bad = try legs([limit("Buy", "0.00001", "60000.15")])
    for market in [missing, old] {
      let report = assess(bad, market: market)
      #expect(report.worst(rule) == "unchecked")
      #expect(!report.isBlocked && report.severity == .high)
    }
  }

  @Test func instrumentDataOfAnHourStillCounts() throws {
    let hour = bitcoin { $0.instrument?.fetchedAt = noon - .minutes(60) }
    #expect(try assess(legs([limit("Buy", "0.1", "60000.15")]), market: hour).isBlocked)
  }

  @Test(arguments: [
    ("0.001", "pass"), ("0.0015", "block"), ("0.0009", "block"), ("0", "block"), ("100", "pass"),
    ("100.001", "block"), ("0.002", "pass"),
  ])
  func lot(_ qty: String, _ outcome: String) throws {
    #expect(try assess(legs([limit("Buy", qty)])).worst(.lot) == outcome)
  }

  @Test func marketOrdersHaveTheirOwnMaximum() throws {
    #expect(try assess(legs([market("Buy", "50")])).worst(.lot) == "pass")
    #expect(try assess(legs([market("Buy", "50.001")])).worst(.lot) == "block")
  }

  @Test func aClosingOrderOverTheMaximumIsSplit() throws {
    #expect(try assess(legs([limit("Sell", "100.001", "60000", closing)])).worst(.lot) == "note")
    #expect(try assess(legs([market("Sell", "0", closingAll)])).worst(.lot) == "not_applicable")
  }

  @Test func aSpotBuyInQuoteCoinHasItsOwnStep() throws {
    #expect(
      try assess(legs([market("Buy", "200.01")], category: "spot")).worst(.lot) == "pass")
    #expect(
      try assess(legs([market("Buy", "200.001")], category: "spot")).worst(.lot) == "block")
  }

  @Test(arguments: [("5000", "pass"), ("4999.9", "block"), ("6000", "pass")])
  func minimumNotional(_ price: String, _ outcome: String) throws {
    #expect(try assess(legs([limit("Buy", "0.001", price)])).worst(.minimumNotional) == outcome)
  }

  @Test func aClosingOrderUnderTheMinimumIsANote() throws {
    #expect(
      try assess(legs([limit("Sell", "0.001", "4999.9", closing)])).worst(.minimumNotional)
        == "note")
  }

  @Test func anEstimateUnderTheMinimumIsNoCertainRejection() throws {
    let cheap = bitcoin {
      $0.ask = "4000"
      $0.bid = "3999"
      $0.mark = "4000"
    }
    #expect(
      try assess(legs([market("Buy", "0.001")]), market: cheap).worst(.minimumNotional) == "high")
  }
}
