import Decimals
import JSON
import Orders
import Testing
import Time

@testable import Risk

@Suite struct RiskReportTests {
  private let plain = limit("Buy", "0.1", "59990", linked("a"))

  @Test func aPlainOrderIsClear() throws {
    let report = Scene().assess(try orders([plain]))
    #expect(report.severity == .note, "\(report.findings.prefix(3))")
    #expect(report.uncheckedCount == 0 && !report.isBlocked && !report.isReducing)
    #expect(Set(report.findings.map(\.rule)) == Set(RiskRule.allCases))
  }

  @Test func withoutAnAccountKeyThereIsOneGroupThatIsNotHigh() throws {
    var scene = Scene()
    scene.hasKey = false
    scene.around.feed = .notConfigured
    let report = scene.assess(try orders([plain]))
    #expect(report.severity == .warn, "\(report.findings.prefix(3))")
    #expect(report.groups.first?.rule == nil && report.groups.count { $0.rule == nil } == 1)
    let count = report.uncheckedCount
    #expect(report.groups.first?.title == "UNCHECKED \(count): no account key" && count > 10)
  }

  @Test func whatIsConfiguredAndOldIsHigh() throws {
    var scene = Scene()
    scene.account.asOf = noon - .seconds(31)
    let report = scene.assess(try orders([plain]))
    #expect(report.severity == .high && report.uncheckedCount > 10)
    #expect(!report.groups.contains { $0.rule == nil })
  }

  @Test func theWorstGroupComesFirst() throws {
    var scene = Scene()
    scene.hasKey = false
    let report = scene.assess(
      try orders([limit("Buy", "0.1", "60000.15"), limit("Buy", "0.1", "62000")]))
    #expect(report.groups.map(\.severity) == report.groups.map(\.severity).sorted(by: >))
    #expect(report.groups.first?.rule == .tick && report.isBlocked)
    #expect(report.counts[.block] == 1)
  }

  @Test func reducingMeansReduceOnlyOnEveryLeg() throws {
    let out = limit("Sell", "1", "60000", closing)
    #expect(try Scene().assess(orders([out])).isReducing)
    #expect(try !Scene().assess(orders([out, limit()])).isReducing)
  }

  @Test func aReportSurvivesBeingWritten() throws {
    var scene = Scene()
    scene.set(#"{"limits":{"C01.order":{"cap":10}}}"#)
    let report = scene.assess(try orders([limit("Buy", "0.1", "60000.15"), market()]))
    let again = try RiskReport(json: JSONCursor(report.json))
    #expect(again == report)
    let bytes = JSONWriter.canonicalBytes(of: report.json)
    #expect(try RiskReport(json: JSONCursor(JSONParser.parse(bytes, limits: .peer))) == report)
  }

  @Test func aReportThatUnderstatesItsFindingsIsRefused() throws {
    let report = Scene().assess(try orders([limit("Buy", "0.1", "60000.15")]))
    var object = try #require(report.json.objectValue)
    object["severity"] = "clear"
    #expect(throws: JSONError.self) { try RiskReport(json: JSONCursor(.object(object))) }
  }

  @Test func anOverflowIsUncheckedAndNeverAbsent() throws {
    let nines = String(repeating: "9", count: 30)
    let report = Scene().assess(try orders([limit("Buy", nines, nines)]))
    #expect(report.worst(.orderCap) == "unchecked" && report.severity >= .high)
  }

  /// What did not change is not looked at again, and the sum is the same as of a whole look.
  @Test(arguments: [
    RiskInputs.quote, .book, .instrument, .volatility, .priceLimit, .account, .history, .process,
  ])
  func aPartialLookIsAWholeLook(_ news: RiskInputs) throws {
    let batch = try orders([limit(), market("Sell", "2"), stop("61000", 1)])
    let before = Scene().assess(batch)
    var scene = Scene()
    switch news {
    case .quote: (scene.market.mark, scene.market.last) = ("60500", "60400")
    case .book: scene.market.book?.asks = []
    case .instrument: scene.market.instrument?.tick = "7"
    case .volatility: scene.market.volatilityAsOf = noon
    case .priceLimit: (scene.market.buyLimit, scene.market.sellLimit) = ("50000", "40000")
    case .account: scene.hold("5")
    case .history: scene.history = RecentHistory()
    default: scene.around.halt = .halted
    }
    let context = scene.context(batch)
    #expect(context.assess(again: before, news) == context.assess())
    #expect(context.assess() != before)
  }

  /// Everything is another and a second later, but only one kind of news is told: the rules that read
  /// it are run, which the ages of what they rest on show, and what the others said stands.
  @Test(arguments: [
    (RiskInputs.book, 10), (.priceLimit, 1), (.volatility, 8), (.quote, 43), (.account, 26),
  ])
  func aTickRunsOnlyTheRulesThatReadIt(_ news: RiskInputs, _ count: Int) throws {
    let batch = try orders([limit("Buy", "0.1", "60100"), market("Sell", "2"), stop("61000", 1)])
    let before = Scene().assess(batch)
    var scene = Scene()
    scene.hold("5")
    scene.history = RecentHistory()
    scene.around.halt = .halted
    let after = RiskContext(
      batch: batch, market: MarketSnapshot(["BTCUSDT": scene.market]),
      account: .known(scene.account), history: scene.history, surroundings: scene.around,
      limits: scene.limits, now: noon + .seconds(1)
    ).assess(again: before, news)
    func findings(_ rule: RiskRule, _ report: RiskReport) -> [Finding] {
      report.findings.filter { $0.rule == rule }
    }
    let run = Set(RuleDefinition.reading(news).map(\.rule))
    #expect(run.count == count)
    for rule in RiskRule.allCases {
      let (old, new) = (findings(rule, before), findings(rule, after))
      guard run.contains(rule) else {
        #expect(new == old, "\(rule.rawValue) was run again")
        continue
      }
      let isSilent = (old + new).allSatisfy { $0.inputs.isEmpty }
      #expect(new != old || isSilent, "\(rule.rawValue) was not run")
    }
  }

  @Test func anotherClassOfSymbolMakesEverythingNews() {
    let calm = Scene.bitcoin
    var market = calm
    market.last = "60001"
    #expect(market.news(since: calm, at: noon) == .quote)
    #expect(market.news(since: nil, at: noon) == .market)
    (market.volume24h, market.turnover24h) = ("100", "6000000")
    #expect(market.news(since: calm, at: noon) == .everything)
  }

  @Test(arguments: [
    #"{"collar":{}}"#, #"{"limits":{"B01":{"warn":1}}}"#,
    #"{"limits":{"B01.deviation":{"warn":-1}}}"#,
    #"{"limits":{"B01.deviation":{}}}"#, #"{"limits":{"B01.deviation":{"warn":300,"high":200}}}"#,
    #"{"limits":{"B05.age":{"note":"9s","warn":"1s"}}}"#,
    #"{"limits":{"B05.age":{"note":"soon"}}}"#,
    #"{"limits":{"E05.distance":{"warn":5,"high":15}}}"#, #"{"limits":{"E05.distance":{"cap":5}}}"#,
    #"{"limits":{"C01.order":{"cap":{"USDT":null}}}}"#, #"{"limits":{"C01.order":{"warn":5}}}"#,
    #"{"classes":{"D":{}}}"#, #"{"agents":{"bot":{"tags":["quick"]}}}"#,
    #"{"ages":{"account":30}}"#,
  ])
  func refusesLimits(_ text: String) {
    #expect(throws: JSONError.self) { try administrator(text) }
  }

  @Test func whatStandsInTheDocumentIsTheAdministrators() throws {
    let limits = try administrator(
      #"""
      {"limits":{"C01.order":{"cap":{"EUR":"10"}},"B01.deviation":{"warn":40,"block":500}},
       "classes":{"C":{"B01.deviation":{"warn":30}}},
       "symbols":{"BTCUSDT":{"B01.deviation":{"warn":35,"high":90}}},
       "agents":{"bot":{"limits":{"B05.age":{"high":"20s"}}}},"ages":{"account":"1m"}}
      """#)
    let bot = limits.effective(.c, symbol: "BTCUSDT", agent: "bot")
    #expect(bot[.deviation].warn == Bound(value: 30, setBy: .administrator("class C")))
    #expect(bot[.deviation].high == Bound(value: 90, setBy: .administrator("symbol BTCUSDT")))
    #expect(bot[.deviation].block == Bound(value: 500, setBy: .administrator("all")))
    #expect(bot[.age].high?.value == 20_000 && bot[.age].note == nil)
    #expect(bot.bounds(.orderCap, in: "EUR")?.block?.value == 10)
    #expect(bot.bounds(.orderCap, in: "USDT")?.high?.setBy == .proposal)
    #expect(limits.accountStale == .seconds(60))
    let other = limits.effective(.a, symbol: "ETHUSDT", agent: "hal")
    #expect(other[.deviation].warn?.value == 40 && other[.deviation].high == nil)
    #expect(other[.age].high?.setBy == .proposal)
  }

  @Test func theTableIsWhole() {
    #expect(RuleDefinition.all.map(\.rule) == RiskRule.allCases)
    #expect(MeasureDefinition.all.map(\.measure) == RiskMeasure.allCases)
    #expect(RiskMeasure.byName.count == RiskMeasure.allCases.count)
    for one in MeasureDefinition.all { #expect(one.proposal.allSatisfy { $0.block == nil }) }
    #expect(RiskRule.allCases.count == 75)
  }

  @Test func readsTheExchangesInstruments() throws {
    let row = try JSONParser.parse(
      #"""
      {"symbol":"BTCUSDT","settleCoin":"USDT","status":"Trading","launchTime":"1585526400000",
       "deliveryTime":"0","leverageFilter":{"maxLeverage":"100.00"},"priceFilter":{"tickSize":"0.10"},
       "lotSizeFilter":{"qtyStep":"0.001","minOrderQty":"0.001","maxOrderQty":"1190",
        "maxMktOrderQty":"500","minNotionalValue":"5"},
       "riskParameters":{"priceLimitRatioX":"0.01","priceLimitRatioY":"0.02"}}
      """#)
    let linear = try Instrument(row: JSONCursor(row), category: .linear, fetchedAt: noon)
    #expect(linear.tick == "0.1" && linear.maxMarketQty == "500" && linear.minNotional == "5")
    #expect(linear.currency == "USDT" && linear.priceRatioY == "0.02")
    #expect(linear.status == "Trading" && linear.deliversAt == nil && linear.maxLeverage == 100)
    #expect(throws: JSONError.self) {
      try Instrument(row: JSONCursor(row), category: .spot, fetchedAt: noon)
    }
  }

  @Test(
    arguments: [
      ("20000", "1200000000", "1200000000", "20000"),
      ("1200000000", "20000", "1200000000", "20000"),
    ] as [(ExactDecimal, ExactDecimal, ExactDecimal, ExactDecimal)])
  func theDaysFiguresAreToldByTheirQuotient(
    _ volume: ExactDecimal, _ turnover: ExactDecimal, _ dollars: ExactDecimal, _ base: ExactDecimal
  ) {
    var market = Scene.bitcoin
    (market.volume24h, market.turnover24h) = (volume, turnover)
    #expect(market.day?.dollars == dollars && market.day?.base == base)
    market.turnover24h = "7"
    #expect(market.day == nil && market.symbolClass(at: noon) == .a)
  }

  @Test func logarithmsAreRight() {
    for value in [1e-9, 0.5, 1, 2, 2.718281828459045, 10, 6e4, 1e12] {
      let back = Statistics.logarithm(value)
      #expect(abs(Statistics.logarithm(value * 2) - back - 0.6931471805599453) < 1e-10)
    }
    #expect(abs(Statistics.logarithm(2.718281828459045) - 1) < 1e-10)
  }
}
