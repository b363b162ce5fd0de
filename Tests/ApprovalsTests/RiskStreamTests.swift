import Decimals
import JSON
import MCP
import OperatorProtocol
import Orders
import Risk
import Simulation
import TestSupport
import Testing
import Time

@testable import Approvals

/// A calm market, an account and an agent that trades sensibly: what its batches look like to an
/// operator, and what the classic accidents look like among them.
struct RiskStreamTests {
  /// At most 15 % of sensible batches may be HIGH, or nobody reads HIGH any more.
  @Test func fewSensibleBatchesAreHighAndEveryAccidentIs() throws {
    var desk = Desk(seed: 75)
    var high = 0
    var fired: [Text: Int] = [:]
    for turn in 0..<500 {
      desk.pass(.seconds(Int64(20 + desk.random.below(100))))
      if turn % 25 == 24 {
        let accident = Accident.allCases[turn / 25 % Accident.allCases.count]
        let seen = desk.propose(accident)
        #expect(seen.severity >= .high, "\(accident) is \(seen.severity)")
        let rules = seen.findings.filter { $0.severity >= .high }.map(\.rule)
        #expect(!accident.rules.isDisjoint(with: rules), "\(accident): \(rules)")
        desk.reject()
        continue
      }
      let seen = desk.proposeSensibly()
      if seen.severity >= .high { high += 1 }
      for rule in Set(seen.findings.filter { $0.severity >= .unchecked }.map(\.rule)) {
        fired[rule, default: 0] += 1
      }
      try desk.approve()
    }
    let most = fired.sorted { $0.value > $1.value }.prefix(8).map { "\($0.key) \($0.value)" }
    #expect(high * 100 <= 480 * 15, "\(high) of 480 are HIGH: \(most)")
  }

  /// A tick of one symbol is computed for the batches that trade it, and there only for the rules that
  /// read what changed.
  @Test func aTickComputesOnlyWhatItTouches() throws {
    var desk = Desk(seed: 1)
    for symbol in ["BTCUSDT", "ETHUSDT"] as [Text] { desk.propose(smallOrderOf: symbol) }
    let ids = desk.play.batches
    func reports() -> [RiskReport?] { ids.map { desk.play.gate.held[$0]?.assessment.report } }
    let before = reports()
    desk.play.now = desk.play.now + .seconds(1)
    var snapshot = desk.snapshot()
    // The ages of what a check rests on show that it was made again.
    snapshot.symbols["ETHUSDT"]?.engineTime = desk.play.now - .milliseconds(500)
    snapshot.symbols = snapshot.symbols.filter { $0.key == "ETHUSDT" }
    snapshot.symbols["ETHUSDT"]?.instrument = desk.instrument(of: "ETHUSDT")
    desk.play >> .market(snapshot, .linear)
    let after = reports()
    #expect(after[0] == before[0], "the other symbol's batch was looked at")
    let (old, new) = (try #require(before[1]), try #require(after[1]))
    #expect(new.at > old.at)
    let reading = Set(
      RuleDefinition.reading(RiskInputs.market.subtracting(.instrument)).map(\.rule))
    let changed = Set(RiskRule.allCases).filter { rule in
      old.findings.filter { $0.rule == rule } != new.findings.filter { $0.rule == rule }
    }
    #expect(changed.isSubset(of: reading), "\(changed.subtracting(reading)) were computed")
    #expect(changed.count > 10 && reading.count < 60)
  }

  /// Prices that move four times a second are no four pictures a second; what turns bad is shown at once.
  @Test func numbersAloneAreShownOnceASecond() {
    var desk = Desk(seed: 4)
    desk.propose(smallOrderOf: "BTCUSDT")
    func shown(after wait: Milliseconds, _ change: (inout SymbolMarket) -> Void) -> Int {
      desk.play.now = desk.play.now + wait
      var snapshot = desk.snapshot()
      if var market = snapshot.symbols["BTCUSDT"] {
        change(&market)
        snapshot.symbols["BTCUSDT"] = market
      }
      return desk.play.gate.handle(.market(snapshot, .linear), at: desk.play.now).count {
        if case .publish(.batch) = $0 { true } else { false }
      }
    }
    func fallen(_ last: ExactDecimal) -> (inout SymbolMarket) -> Void { { $0.last = last } }
    _ = shown(after: .seconds(2), fallen("64000"))
    #expect(shown(after: .milliseconds(250), fallen("63999")) == 0)
    #expect(shown(after: .milliseconds(250), fallen("63998")) == 0)
    #expect(shown(after: .milliseconds(250)) { $0.instrument?.status = "Settling" } == 1)
    #expect(shown(after: .milliseconds(999), fallen("63997")) == 1, "another verdict")
    #expect(shown(after: .milliseconds(999), fallen("63996")) == 0)
    #expect(shown(after: .milliseconds(1), fallen("63996")) == 1, "what was held back")
  }

  /// What the exchange would reject by the time it is sent is not sent, and everybody is told.
  @Test func whatBlocksAtDispatchStopsTheBatch() throws {
    var desk = Desk(seed: 2)
    desk.proposeSensibly()
    let number = desk.play.batches.count
    desk.play.decides("ada", .approve, number)
    desk.play.saved()
    var snapshot = desk.snapshot()
    for symbol in snapshot.symbols.keys {
      snapshot.symbols[symbol]?.instrument?.status = "Settling"
    }
    desk.play >> .market(snapshot, .linear)
    desk.play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    desk.play.saved()
    let call = try #require(desk.play.gate.held[desk.play.id(number)])
    #expect(call.state == .blocked && call.outcome.contains("A05"))
    #expect(desk.play.dispatched.isEmpty)
    let answer = desk.play.results.values.compactMap(\.texts.first?.string).last ?? ""
    #expect(answer.contains("A05"), "\(answer)")
  }

  @Test func passedChecksAreCountedAndListed() throws {
    var desk = Desk(seed: 3)
    let seen = desk.proposeSensibly()
    let checks = desk.detail.checks
    #expect(Set((checks + seen.findings).map(\.rule)).count == 75)
    #expect(seen.checks.passed > 25 && seen.checks.notApplicable > 10)
    for finding in checks {
      let evidence = try #require(finding.evidence)
      #expect(!evidence.formula.isEmpty && !evidence.title.isEmpty)
    }
    let again = try BatchDetail(json: JSONCursor(desk.detail.json))
    #expect(again.checks == checks)
  }
}

/// Batches that went wrong somewhere.
enum Accident: String, CaseIterable {
  /// 650 dollars' worth, written as 650 coins.
  case wrongUnit
  /// A basket two digits too large.
  case largeBasket
  /// A digit of the price is missing.
  case priceSlip
  /// The same batch again and again.
  case loop
  case selfCross
  /// An order that the exchange would refuse.
  case tooSmall

  var rules: Set<Text> {
    switch self {
    case .wrongUnit: ["A02", "C01", "C02"]
    case .largeBasket: ["C01", "C04", "C02"]
    case .priceSlip: ["B02", "A04"]
    case .loop: ["D02", "D03"]
    case .selfCross: ["D04"]
    case .tooSmall: ["A03"]
    }
  }
}

/// A gatekeeper with a market around it.
private struct Desk {
  struct Coin {
    let symbol: Text
    let tick: ExactDecimal
    let step: ExactDecimal
    var ticks: Int
    /// Of one move, in ticks.
    let walk: Int
    var held = ExactDecimal.zero
    /// Size of a level of the book.
    let level: ExactDecimal

    func price(_ more: Int = 0) -> ExactDecimal { times(ticks + more, tick) }
  }

  var play: Playbook
  var random: SeededGenerator
  var coins = [
    Coin(symbol: "BTCUSDT", tick: "0.1", step: "0.001", ticks: 650_000, walk: 120, level: "0.4"),
    Coin(symbol: "ETHUSDT", tick: "0.01", step: "0.01", ticks: 320_000, walk: 80, level: "6"),
    Coin(symbol: "SOLUSDT", tick: "0.01", step: "0.1", ticks: 15_000, walk: 4, level: "80"),
    Coin(symbol: "XRPUSDT", tick: "0.0001", step: "0.1", ticks: 21_500, walk: 6, level: "6000"),
  ]
  private var isOpen = false
  private var orders: [Leg] = []

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    var settings = Bench.settings
    settings.settledKept = 100
    play = Playbook(settings: settings)
    tell()
  }

  /// The batch that was proposed last.
  var seen: BatchSummary {
    guard let call = play.gate.held[last] else { preconditionFailure("nothing was proposed") }
    return play.gate.summary(of: call)
  }
  var detail: BatchDetail {
    guard let detail = play.gate.detail(last) else { preconditionFailure("it is not on disk") }
    return detail
  }
  private var last: BatchID { play.batches[play.batches.count - 1] }

  mutating func pass(_ wait: Milliseconds) {
    play.after(wait)
    for at in coins.indices {
      coins[at].ticks += random.below(2 * coins[at].walk + 1) - coins[at].walk
    }
    tell()
  }

  private mutating func tell() {
    play >> .market(snapshot(), .linear)
    play >> .account(.known(account()), .linear)
    play.saved()
    play.lines = []
  }

  func snapshot() -> MarketSnapshot {
    MarketSnapshot(
      Dictionary(uniqueKeysWithValues: coins.map { ($0.symbol, $0.market(at: play.now)) }))
  }

  private func account() -> Account {
    var account = Account(equity: "100000", asOf: play.now)
    account.marginBalance = "100000"
    account.initialMargin = "2000"
    account.maintenanceMargin = "200"
    account.available = "98000"
    account.marginMode = .cross
    account.dayResult = "0"
    account.rejectsOutsideLimit = false
    account.clockOffset = .milliseconds(20)
    account.positions = coins.map {
      var position = Account.Position(symbol: $0.symbol, size: $0.held)
      position.leverage = "10"
      position.entry = $0.price()
      return position
    }
    return account
  }

  // MARK: Proposals

  @discardableResult
  mutating func proposeSensibly() -> BatchSummary {
    let large = coins.first { ((try? $0.held.magnitude * $0.price()) ?? 0) > 15_000 }
    if let large { return propose([close(large)]) }
    switch random.below(4) {
    case 0, 1:
      return propose([
        leg("BTCUSDT", "Buy", times(5 + random.below(25), "0.001"), coins[0].price(200)),
        leg("ETHUSDT", "Sell", times(20 + random.below(60), "0.01"), nil),
      ])
    case 2:
      let size = times(30 + random.below(50), "0.1")
      return propose(
        (1...3).map { step in
          leg(
            "SOLUSDT", "Buy", size, coins[2].price(-50 * step), more: #","timeInForce":"PostOnly""#)
        })
    default:
      let held = coins.filter { !$0.held.isZero }
      return propose([
        held.isEmpty
          ? leg("BTCUSDT", "Buy", "0.010", coins[0].price(200)) : close(random.pick(held))
      ])
    }
  }

  private func close(_ coin: Coin) -> String {
    leg(
      coin.symbol, coin.held.isPositive ? "Sell" : "Buy", coin.held.magnitude, nil,
      more: #","reduceOnly":true"#)
  }

  mutating func propose(_ accident: Accident) -> BatchSummary {
    switch accident {
    case .wrongUnit: return propose([leg("BTCUSDT", "Buy", "650", nil)])
    case .largeBasket:
      return propose([
        leg("BTCUSDT", "Buy", "1.500", coins[0].price(200)), leg("ETHUSDT", "Sell", "50", nil),
      ])
    case .priceSlip:
      return propose([leg("BTCUSDT", "Sell", "0.010", times(coins[0].ticks / 10, "0.1"))])
    case .selfCross:
      return propose([
        leg("XRPUSDT", "Buy", "100", coins[3].price(5)),
        leg("XRPUSDT", "Sell", "100", coins[3].price(-5)),
      ])
    case .tooSmall: return propose([leg("XRPUSDT", "Buy", "0.1", coins[3].price())])
    case .loop:
      for number in 0..<3 {
        propose([leg("BTCUSDT", "Buy", "0.010", coins[0].price(300 - number))])
        reject()
        play.after(.seconds(5))
        tell()
      }
      return propose([leg("BTCUSDT", "Buy", "0.010", coins[0].price(300))])
    }
  }

  @discardableResult
  mutating func propose(smallOrderOf symbol: Text) -> BatchSummary {
    let price = coins.first { $0.symbol == symbol }?.price(-10)
    return propose([leg(symbol, "Buy", "0.1", price)])
  }

  /// As the gatekeeper knows it.
  func instrument(of symbol: Text) -> Risk.Instrument? {
    play.gate.market.market(of: .linear).symbols[symbol]?.instrument
  }

  @discardableResult
  private mutating func propose(_ legs: [String]) -> BatchSummary {
    let text = #"{"category":"linear","request":[\#(legs.joined(separator: ","))]}"#
    play.call("wsBatchCreateOrders", Bench.object(text))
    play.saved()
    play.lines = []
    orders = play.gate.held[play.batches[play.batches.count - 1]]?.order?.legs ?? []
    return seen
  }

  private func leg(
    _ symbol: Text, _ side: String, _ qty: ExactDecimal, _ price: ExactDecimal?, more: String = ""
  ) -> String {
    let type = price.map { #""Limit","price":"\#($0)""# } ?? #""Market""#
    return
      #"{"symbol":"\#(symbol)","side":"\#(side)","qty":"\#(qty)","orderType":\#(type)\#(more)}"#
  }

  // MARK: Decisions

  mutating func reject() {
    play.decides("ada", .reject, play.batches.count, note: "no")
    play.saved()
    play.lines = []
  }

  /// Approves; everything but what only rests is filled.
  mutating func approve() throws {
    let number = play.batches.count
    play.decides("ada", .approve, number)
    play.saved()
    if !isOpen { play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1")) }
    isOpen = true
    play.saved()
    try #require(play.state(number) == .dispatching, "\(seen.outcome)")
    let list = orders.indices.map { #"{"orderId":"\#(number)-\#($0)"}"# }.joined(separator: ",")
    let codes = orders.map { _ in #"{"code":0,"msg":"OK"}"# }.joined(separator: ",")
    play.answers(
      .result(
        ToolResult(
          text:
            #"{"retCode":0,"retMsg":"OK","data":{"list":[\#(list)]},"retExtInfo":{"list":[\#(codes)]}}"#
        )),
      number)
    play.saved()
    play.lines = []
    for leg in orders where leg.timeInForce != .postOnly { fill(leg) }
  }

  private mutating func fill(_ leg: Leg) {
    guard let at = coins.firstIndex(where: { $0.symbol == leg.symbol }) else { return }
    let signed = leg.side == .buy ? leg.qty : -leg.qty
    coins[at].held = (try? coins[at].held + signed) ?? coins[at].held
    play
      >> .executionRows([
        Bench.object(
          #"""
          {"symbol":"\#(leg.symbol)","orderId":"\#(play.batches.count)-\#(leg.index)",
           "orderLinkId":"\#(leg.orderLinkID ?? "")","execId":"e\#(play.batches.count)-\#(leg.index)",
           "side":"\#(leg.side.rawValue)","execPrice":"\#(coins[at].price())","execQty":"\#(leg.qty)",
           "execType":"Trade","isMaker":false,"execFee":"0.1","feeCurrency":"USDT",
           "execTime":"\#(play.now.milliseconds)"}
          """#)
      ])
    play.saved()
    play.lines = []
  }
}

extension Desk.Coin {
  func market(at now: Timestamp) -> SymbolMarket {
    var market = SymbolMarket()
    var instrument = Instrument(
      tick: tick, step: step, minQty: step, maxLimitQty: "100000", maxMarketQty: "500",
      minNotional: "5", currency: "USDT", fetchedAt: now)
    instrument.status = "Trading"
    instrument.maxLeverage = "100"
    instrument.tiers = [.init(limit: 2_000_000, maintenance: "0.005", maxLeverage: 100)]
    market.instrument = instrument
    (market.mark, market.index, market.last) = (price(), price(), price())
    (market.bid, market.ask) = (price(-1), price(1))
    market.engineTime = now
    market.volume24h = "100000"
    market.turnover24h = try? price() * 100_000
    market.book = BookSnapshot(
      bids: (0..<50).map { .init(price: price(-1 - 5 * $0), size: level) },
      asks: (0..<50).map { .init(price: price(1 + 5 * $0), size: level) }, asOf: now)
    market.buyLimit = try? price() * "1.02"
    market.sellLimit = try? price() * "0.98"
    market.limitsAsOf = now
    (market.sd1m, market.sd1d, market.volatilityAsOf) = ("0.0003", "0.02", now)
    return market
  }
}

private func times(_ count: Int, _ step: ExactDecimal) -> ExactDecimal {
  ExactDecimal(coefficient: Int128(count) * step.coefficient, scale: step.scale)
}
