import Decimals
import JSON
import Orders
import Testing
import Time

@testable import Risk

@Suite struct RiskReportTests {
  @Test func aPlainOrderIsClear() throws {
    let report = assess(try legs([limit("Buy", "0.1", "59990")]), account: holding("1"))
    #expect(report.severity == .note)
    #expect(report.uncheckedCount == 0 && !report.isBlocked && !report.isReducing)
    #expect(Set(report.findings.map(\.rule)) == Set(RiskRule.allCases))
  }

  @Test func withoutAnAccountKeyThereIsOneGroupThatIsNotHigh() throws {
    let report = assess(try legs([limit("Buy", "0.1", "59990")]), account: .notConfigured)
    #expect(report.severity == .warn)
    #expect(report.groups.first?.title == "UNCHECKED 2: no account key")
    #expect(report.groups.count { $0.rule == nil } == 1)
  }

  @Test(arguments: [AccountSnapshot.missing("the key was refused"), holding(age: .seconds(31))])
  func whatIsConfiguredAndMissingIsHigh(_ account: AccountSnapshot) throws {
    let report = assess(try legs([limit("Buy", "0.1", "59990")]), account: account)
    #expect(report.severity == .high && report.uncheckedCount == 2)
    #expect(!report.groups.contains { $0.rule == nil })
  }

  @Test func theWorstGroupComesFirst() throws {
    let report = assess(
      try legs([limit("Buy", "0.1", "60000.15"), limit("Buy", "0.1", "62000")]),
      account: .notConfigured)
    #expect(report.groups.map(\.severity) == report.groups.map(\.severity).sorted(by: >))
    #expect(report.groups.first?.rule == .tick && report.isBlocked)
    #expect(report.counts[.block] == 1)
  }

  @Test func reducingMeansReduceOnlyOnEveryLeg() throws {
    #expect(try assess(legs([limit("Sell", "1", "60000", closing)])).isReducing)
    #expect(try !assess(legs([limit("Sell", "1", "60000", closing), limit()])).isReducing)
  }

  @Test func aReportSurvivesBeingWritten() throws {
    let report = assess(
      try legs([limit("Buy", "0.1", "60000.15"), market()]), account: .missing("gone"))
    let again = try RiskReport(json: JSONCursor(report.json))
    #expect(again == report)
    let bytes = JSONWriter.canonicalBytes(of: report.json)
    #expect(try RiskReport(json: JSONCursor(JSONParser.parse(bytes, limits: .peer))) == report)
  }

  @Test func aReportThatUnderstatesItsFindingsIsRefused() throws {
    let report = assess(try legs([limit("Buy", "0.1", "60000.15")]))
    var object = try #require(report.json.objectValue)
    object["severity"] = "clear"
    #expect(throws: JSONError.self) { try RiskReport(json: JSONCursor(.object(object))) }
  }

  @Test func anOverflowIsUncheckedAndNeverAbsent() throws {
    let nines = String(repeating: "9", count: 30)
    let report = assess(try legs([limit("Buy", nines, nines)]))
    #expect(report.worst(.orderCap) == "unchecked" && report.severity >= .high)
  }

  @Test(arguments: [
    #"{"collar":{}}"#, #"{"collar_bps":{"warn":0}}"#, #"{"collar_bps":{"warn":300}}"#,
    #"{"quote_age":{"note":"9s","warn":"1s"}}"#, #"{"order_notional":{"USDT":null}}"#,
    #"{"account_age":30}"#, #"{"position_increase_percent":"-1"}"#,
  ])
  func refusesLimits(_ text: String) {
    #expect(throws: JSONError.self) { try administrator(text) }
  }

  @Test func whatStandsInTheDocumentIsTheAdministrators() throws {
    let limits = try administrator(#"{"order_notional":{"EUR":"10"},"quote_age":{"stale":"20s"}}"#)
    #expect(limits.orderNotional["EUR"]?.setBy == .administrator)
    #expect(limits.orderNotional["USDT"]?.setBy == .proposal)
    #expect(limits.quoteStale == .seconds(20) && limits.quoteNote == .seconds(1))
  }

  @Test func readsTheExchangesInstruments() throws {
    let row = try JSONParser.parse(
      #"""
      {"symbol":"BTCUSDT","settleCoin":"USDT","priceFilter":{"tickSize":"0.10"},
       "lotSizeFilter":{"qtyStep":"0.001","minOrderQty":"0.001","maxOrderQty":"1190",
        "maxMktOrderQty":"500","minNotionalValue":"5"},
       "riskParameters":{"priceLimitRatioX":"0.01","priceLimitRatioY":"0.02"}}
      """#)
    let linear = try Instrument(row: JSONCursor(row), category: .linear, fetchedAt: noon)
    #expect(linear.tick == "0.1" && linear.maxMarketQty == "500" && linear.minNotional == "5")
    #expect(linear.currency == "USDT" && linear.priceRatioY == "0.02")
    #expect(throws: JSONError.self) {
      try Instrument(row: JSONCursor(row), category: .spot, fetchedAt: noon)
    }
  }
}
