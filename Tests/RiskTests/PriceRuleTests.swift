import Decimals
import Orders
import Testing
import Time

@testable import Risk

@Suite struct PriceRuleTests {
  @Test(arguments: [
    ("Buy", "60400", "pass"), ("Buy", "60480", "warn"), ("Buy", "60600", "warn"),
    ("Buy", "60600.1", "high"), ("Sell", "59600", "pass"), ("Sell", "59400", "warn"),
    ("Sell", "59399.9", "high"), ("Buy", "50000", "pass"), ("Sell", "70000", "pass"),
  ])
  func priceLimit(_ side: String, _ price: String, _ outcome: String) throws {
    #expect(try assess(legs([limit(side, "0.1", price)])).worst(.priceLimit) == outcome)
  }

  @Test func onlyACertainRejectionBlocks() throws {
    let over = try legs([limit("Buy", "0.1", "60601")])
    #expect(assess(over, account: holding(rejects: true)).worst(.priceLimit) == "block")
    let moved = assess(over, account: holding(rejects: false))
    #expect(moved.worst(.priceLimit) == "high")
    #expect(moved.words(.priceLimit).contains("will be sent as 60600"))
    #expect(assess(over, account: .notConfigured).worst(.priceLimit) == "high")
  }

  @Test func aStaleLimitIsReplacedByTheFormulaAndMarked() throws {
    let stale = bitcoin { $0.limitsAsOf = noon - .seconds(11) }
    let report = assess(
      try legs([limit("Buy", "0.1", "60700")]), market: stale, account: holding(rejects: true))
    #expect(report.worst(.priceLimit) == "high")
    #expect(report.words(.priceLimit).contains("~60600"))
    let nothing = bitcoin {
      $0.limitsAsOf = nil
      $0.index = nil
    }
    #expect(assess(try legs([limit()]), market: nothing).worst(.priceLimit) == "unchecked")
  }

  @Test(arguments: [
    ("Buy", "60300", "pass"), ("Buy", "60300.1", "warn"), ("Buy", "61200", "warn"),
    ("Buy", "61200.1", "high"), ("Buy", "90000", "high"), ("Sell", "59700", "pass"),
    ("Sell", "59699.9", "warn"), ("Sell", "58000", "high"), ("Buy", "10000", "pass"),
    ("Sell", "99999", "pass"),
  ])
  func collar(_ side: String, _ price: String, _ outcome: String) throws {
    #expect(try assess(legs([limit(side, "0.01", price)])).worst(.collar) == outcome)
  }

  @Test func onlyAnAdministratorBlocksByPriceAndNeverAClosingOrder() throws {
    let limits = try administrator(#"{"collar_bps":{"block":300}}"#)
    let far = assess(try legs([limit("Buy", "0.01", "61800.1")]), limits: limits)
    #expect(far.worst(.collar) == "block" && far.isBlocked)
    #expect(far.findings.first?.setBy == .administrator)
    #expect(
      assess(try legs([limit("Buy", "0.01", "61800")]), limits: limits).worst(.collar) == "high")
    let out = try legs([limit("Buy", "0.01", "61800.1", closing)])
    #expect(assess(out, limits: limits).worst(.collar) == "high")
  }

  @Test func aWildMarketWidensTheCollar() throws {
    let wild = bitcoin { $0.sd1m = "0.002" }
    #expect(
      try assess(legs([limit("Buy", "0.01", "60700")]), market: wild).worst(.collar) == "pass")
    #expect(
      try assess(legs([limit("Buy", "0.01", "60800")]), market: wild).worst(.collar) == "warn")
  }

  @Test func aDoubtfulReferenceChecksNothing() throws {
    let split = bitcoin { $0.mark = "59000" }
    #expect(try assess(legs([limit()]), market: split).worst(.collar) == "unchecked")
    let bare = bitcoin { $0.mark = nil }
    #expect(try assess(legs([limit()]), market: bare).worst(.collar) == "unchecked")
  }

  @Test(arguments: [
    (1_000, "pass"), (1_001, "note"), (3_500, "note"), (3_501, "warn"), (10_000, "warn"),
    (10_001, "unchecked"),
  ])
  func quoteAge(_ age: Int64, _ outcome: String) throws {
    let aged = bitcoin { $0.engineTime = noon - .milliseconds(age) }
    let report = assess(try legs([limit()]), market: aged)
    #expect(report.worst(.quoteAge) == outcome)
    #expect(report.worst(.collar) == (outcome == "unchecked" ? "unchecked" : "pass"))
    #expect(!report.isBlocked)
  }

  @Test func aMarketOrderIsBlockedOnlyWithoutAnyPrice() throws {
    let blind = MarketSnapshot()
    #expect(assess(try legs([market()]), market: blind).worst(.quoteAge) == "block")
    #expect(assess(try legs([limit()]), market: blind).worst(.quoteAge) == "unchecked")
    #expect(
      assess(try legs([market("Sell", "1", closing)]), market: blind).worst(.quoteAge)
        == "unchecked")
    let stale = bitcoin { $0.engineTime = noon - .seconds(60) }
    let report = assess(try legs([market()]), market: stale)
    #expect(!report.isBlocked && report.severity == .high)
  }

  @Test func marketOrdersWithoutABoundAreNoted() throws {
    #expect(try assess(legs([market(), limit()])).outcomes(.noSlippageBound) == ["note"])
    #expect(try assess(legs([limit()])).worst(.noSlippageBound) == "not_applicable")
    let trigger = #","triggerPrice":"61000","triggerDirection":1"#
    #expect(
      try assess(legs([market("Buy", "0.1", trigger)])).worst(.noSlippageBound) == "not_applicable")
  }
}
