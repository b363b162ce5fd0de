import Decimals
import JSON
package import Orders
package import Time

/// Everything that the checks of one batch read.
package struct RiskContext: Sendable {
  package let batch: OrderBatch
  package let market: MarketSnapshot
  package let account: AccountSnapshot
  package let history: RecentHistory
  package let surroundings: RiskSurroundings
  package let limits: RiskLimits
  package let now: Timestamp
  /// The legs with all that the checks ask about them, read once.
  let legs: [LegFacts]
  /// Of the batch, in the order of their first leg.
  let symbols: [Text]
  private let pastBySymbol: [Text: [RecentHistory.PastLeg]]
  /// Why it does not count, where it does not.
  private let readAccount: Result<Shared<Account>, Unchecked>
  private let openBySymbol: [Text: OpenFacts]
  private let tags: Set<RiskLimits.AgentTag>
  /// What the batch orders on each side.
  private let ordered: [SideKey: Result<ExactDecimal, DecimalError>]
  /// Of all symbols together.
  private let allReadings: Readings
  /// What several rules ask, computed once by the first.
  let memo = Memo()

  package init(
    batch: OrderBatch, market: MarketSnapshot, account: AccountSnapshot,
    history: RecentHistory = RecentHistory(), surroundings: RiskSurroundings = RiskSurroundings(),
    limits: RiskLimits = RiskLimits(), now: Timestamp
  ) {
    self.batch = batch
    self.market = market
    self.account = account
    self.history = history
    self.surroundings = surroundings
    self.limits = limits
    self.now = now
    symbols = batch.symbols
    let symbols = Set(symbols)
    var positions: [Account.Position] = []
    if case .known(let account) = account {
      positions = account.positions
      openBySymbol = Dictionary(
        grouping: account.openOrders.filter { symbols.contains($0.symbol) }, by: \.symbol
      ).mapValues { OpenFacts($0) }
    } else {
      openBySymbol = [:]
    }
    tags = limits.agents[surroundings.agent]?.tags ?? []
    readAccount = Self.read(account, limits, now)
    let legs = LegFacts.all(
      batch, market, positions, limits, agent: surroundings.agent, now: now)
    self.legs = legs
    allReadings = Readings(
      batch.symbols.compactMap { symbol in
        legs.first { $0.symbol == symbol }?.market?.readings
      })
    ordered = Dictionary(grouping: legs) { SideKey(symbol: $0.symbol, side: $0.side) }
      .mapValues { mine in
        Result { () throws(DecimalError) in
          var sum = ExactDecimal.zero
          for leg in mine { sum = try sum + leg.qty }
          return sum
        }
      }
    // The legs of a batch are all of one category.
    let alike = history.legs.filter { $0.leg.category == batch.category }
    if let only = symbols.first, symbols.count == 1 {
      pastBySymbol = [only: alike.filter { $0.leg.symbol == only }]
    } else {
      pastBySymbol = Dictionary(
        grouping: alike.filter { symbols.contains($0.leg.symbol) }, by: \.leg.symbol)
    }
  }

  /// Runs every check. What cannot be computed makes its check unchecked, never absent.
  package func assess() -> RiskReport {
    RiskReport(
      RuleDefinition.all.flatMap { run($0) }, at: now, isReducing: batch.isReducing)
  }

  /// The report with the checks run again that read something of `news`.
  package func assess(again report: RiskReport, _ news: RiskInputs) -> RiskReport {
    let touched = RuleDefinition.reading(news)
    let rules = Set(touched.map(\.rule))
    return RiskReport(
      report.findings.filter { !rules.contains($0.rule) } + touched.flatMap { run($0) }, at: now,
      isReducing: batch.isReducing)
  }

  func run(_ definition: RuleDefinition) -> [Finding] {
    do {
      let findings = try definition.check(self)
      guard findings.isEmpty else { return findings.map { aged($0, definition) } }
      return [
        Finding(definition.rule, .notApplicable, "Nothing of this batch is concerned.")
      ]
    } catch {
      return [unchecked(definition.rule, [], error)]
    }
  }

  func unchecked(_ rule: RiskRule, _ legs: [Int], _ error: any Error) -> Finding {
    switch error {
    case let missing as Unchecked:
      Finding(rule, missing.outcome, legs: legs, missing.words)
    case let error as DecimalError:
      Finding(rule, .unchecked("\(error)"), legs: legs, "A number of this check is too large.")
    default: Finding(rule, .unchecked("\(error)"), legs: legs, "The check failed: \(error).")
    }
  }

  /// The finding with the age of all that its rule reads.
  private func aged(_ finding: Finding, _ definition: RuleDefinition) -> Finding {
    guard finding.outcome != .notApplicable else { return finding }
    var finding = finding
    if let first = finding.legs.first, legs.indices.contains(first) {
      legs[first].market?.readings.add(to: &finding.inputs, of: definition.inputs, at: now)
    } else if finding.legs.isEmpty {
      allReadings.add(to: &finding.inputs, of: definition.inputs, at: now)
    }
    if definition.inputs.contains(.account), case .known(let account) = account {
      finding.inputs.append(Finding.Input("account", age: now - account.asOf))
    }
    return finding
  }
}

/// Orders of one side.
struct SideKey: Hashable, Sendable {
  let symbol: Text
  let side: Side
}

/// Why a check cannot be made.
struct Unchecked: Error, Sendable {
  let outcome: RiskOutcome
  let words: String

  init(_ reason: String) {
    outcome = .unchecked(reason)
    words = "\(reason.first.map { $0.uppercased() } ?? "")\(reason.dropFirst())."
  }

  init(_ outcome: RiskOutcome, _ words: String) {
    self.outcome = outcome
    self.words = words
  }
}

// MARK: What the checks read

extension RiskContext {
  /// The exchange's rules, if they are young enough to count.
  func rules(of leg: LegFacts) throws -> Instrument {
    guard let instrument = leg.market?.instrument else {
      throw Unchecked("no instrument data of \(leg.symbol)")
    }
    let age = now - instrument.fetchedAt
    guard age <= RiskLimits.instrumentStale else {
      throw Unchecked("instrument data of \(leg.symbol) is \(age.words) old")
    }
    return instrument
  }

  /// The market, if its prices are young enough for price checks.
  func prices(of leg: LegFacts) throws -> MarketFacts {
    guard let market = leg.market, market.hasPrice else {
      throw Unchecked("no price of \(leg.symbol)")
    }
    guard let time = market.engineTime else {
      throw Unchecked("the quote of \(leg.symbol) has no time")
    }
    let age = now - time
    guard age.count <= leg.quoteStale else {
      throw Unchecked("the quote of \(leg.symbol) is \(age.words) old")
    }
    return market
  }

  func book(of leg: LegFacts) throws -> BookSnapshot {
    guard let book = leg.market?.book else { throw Unchecked("no book of \(leg.symbol)") }
    let age = now - book.asOf
    guard age <= limits.bookStale else {
      throw Unchecked("the book of \(leg.symbol) is \(age.words) old")
    }
    return book
  }

  func mark(of leg: LegFacts) throws -> ExactDecimal {
    guard let mark = try prices(of: leg).mark, mark.isPositive else {
      throw Unchecked("no mark price of \(leg.symbol)")
    }
    return mark
  }

  func mid(of leg: LegFacts) throws -> ExactDecimal {
    guard let mid = try prices(of: leg).mid else {
      throw Unchecked("the book of \(leg.symbol) has one side only")
    }
    return mid
  }

  /// The standard deviation of one-minute returns as a share; nil where it is not known.
  func deviation(of leg: LegFacts) -> ExactDecimal? {
    guard let market = leg.market, let sd = market.sd1m, let time = market.volatilityAsOf,
      now - time <= RiskLimits.volatilityStale
    else { return nil }
    return sd
  }

  /// The account's state, or the outcome of every check that needs it.
  func knownAccount() throws -> Shared<Account> { try readAccount.get() }

  private static func read(
    _ snapshot: AccountSnapshot, _ limits: RiskLimits, _ now: Timestamp
  ) -> Result<Shared<Account>, Unchecked> {
    switch snapshot {
    case .notConfigured:
      return .failure(
        Unchecked(
          .unchecked(RiskOutcome.noAccountKey), "The account is not read: no key is configured."))
    case .missing(let reason): return .failure(Unchecked(reason))
    case .known(let account):
      let age = now - account.asOf
      guard age <= limits.accountStale else {
        return .failure(Unchecked("the account's state is \(age.words) old"))
      }
      return .success(Shared(account))
    }
  }

  /// What a check still needs when all else of it is clean. Where that is missing the finding says what
  /// is left to ask.
  func partly<Found>(_ question: String, _ read: () throws -> Found) throws -> Found {
    do {
      return try read()
    } catch let missing as Unchecked {
      throw Unchecked(missing.outcome, "\(question) \(missing.words)")
    }
  }

  func equity() throws -> ExactDecimal {
    guard let equity = try knownAccount().equity, equity.isPositive else {
      throw Unchecked("the account's equity is not known")
    }
    return equity
  }

  func position(of leg: LegFacts) throws -> Shared<Account.Position>? {
    _ = try knownAccount()
    return leg.position
  }

  func open(_ symbol: Text) throws -> OpenFacts {
    _ = try knownAccount()
    return openBySymbol[symbol] ?? .none
  }

  func openOrders(_ symbol: Text) throws -> [Account.OpenOrder] { try open(symbol).orders }

  func worth(of leg: LegFacts) throws -> ExactDecimal {
    guard let worth = try leg.worth.get().exposure(leg.category) else {
      throw Unchecked("the worth of \(leg.label) is not known")
    }
    return worth
  }

  /// In US dollars; coins that are pegged to it count one for one.
  func dollars(_ amount: ExactDecimal, _ currency: Text) throws -> ExactDecimal {
    if MeasureDefinition.currencies.contains(currency) { return amount }
    guard let coin = try knownAccount().coins[currency], let worth = coin.worth,
      coin.free.isPositive
    else { throw Unchecked("\(currency) has no known price in USD") }
    return try (amount * worth).divided(by: coin.free, scale: 8, rounding: .halfEven)
  }

  func dollars(of leg: LegFacts) throws -> ExactDecimal {
    try dollars(try worth(of: leg), try leg.worth.get().currency)
  }

  /// The price that an order would about get: its own, that of its trigger moved against it, or what
  /// the other side of the book asks.
  func effectivePrice(of leg: LegFacts) throws -> ExactDecimal {
    if let price = leg.price { return price }
    if let trigger = leg.trigger {
      let slack = max("0.001", try (deviation(of: leg) ?? .zero) * 3)
      return try trigger * (leg.isBuy ? .one + slack : .one - slack)
    }
    let market = try prices(of: leg)
    if let book = try? book(of: leg), let walk = try BookWalk(book.against(leg.side), leg, from: 0),
      let average = walk.average
    {
      return average
    }
    guard let price = market.quote?.taking(leg.side) else {
      throw Unchecked("no price of \(leg.symbol)")
    }
    return price
  }

  /// The part of an order that can grow a position when everything else of its side fills first.
  func openingQuantity(of leg: LegFacts) throws -> ExactDecimal {
    guard !leg.isClosing else { return .zero }
    guard let held = try position(of: leg)?.size, held.isNegative == leg.isBuy, !held.isZero else {
      return leg.qty
    }
    let own = try ordered[SideKey(symbol: leg.symbol, side: leg.side)]?.get() ?? leg.qty
    let left = try held.magnitude - open(leg.symbol).resting(leg.side) - (own - leg.qty)
    return left.isPositive ? max(.zero, try leg.qty - left) : leg.qty
  }

  /// What the agent ordered in the same contract, oldest first.
  func past(_ leg: LegFacts) -> [RecentHistory.PastLeg] { pastBySymbol[leg.symbol] ?? [] }

  /// The newest of them, no older than `age`.
  func past(_ leg: LegFacts, within age: Milliseconds) -> ArraySlice<RecentHistory.PastLeg> {
    let all = past(leg)
    return all[(all.lastIndex { now - $0.at > age }.map { $0 + 1 } ?? 0)...]
  }

  func hasTag(_ tag: RiskLimits.AgentTag) -> Bool { !tags.isEmpty && tags.contains(tag) }
}

/// Which orders a check is about.
struct Concern {
  let holds: (LegFacts) -> Bool

  static var any: Concern { Concern { _ in true } }
  static func leg(_ holds: @escaping (LegFacts) -> Bool) -> Concern { Concern(holds: holds) }
}

// MARK: Findings

extension RiskContext {
  /// One finding for each leg about which `check` has something to say, one pass for the others.
  func each(
    _ rule: RiskRule, _ clean: String, where concerns: Concern = .any,
    _ check: (LegFacts) throws -> Finding?
  ) -> [Finding] {
    var findings: [Finding] = []
    var passed: [Int] = []
    for leg in legs where concerns.holds(leg) {
      do {
        if let finding = try check(leg) {
          findings.append(finding)
        } else {
          passed.append(leg.index)
        }
      } catch {
        findings.append(unchecked(rule, [leg.index], error))
      }
    }
    if !passed.isEmpty { findings.append(Finding(rule, .pass, legs: passed, clean)) }
    return findings
  }

  /// One finding for each symbol, of all of its legs.
  func eachSymbol(
    _ rule: RiskRule, _ clean: String, where concerns: Concern = .any,
    _ check: ([LegFacts]) throws -> Finding?
  ) -> [Finding] {
    var findings: [Finding] = []
    var passed: [Int] = []
    for symbol in symbols {
      let mine = legs.filter { $0.symbol == symbol && concerns.holds($0) }
      guard !mine.isEmpty else { continue }
      do {
        if let finding = try check(mine) {
          findings.append(finding)
        } else {
          passed += mine.map(\.index)
        }
      } catch {
        findings.append(unchecked(rule, mine.map(\.index), error))
      }
    }
    if !passed.isEmpty { findings.append(Finding(rule, .pass, legs: passed, clean)) }
    return findings
  }

  /// What the limits of a measure say of `value`; nil when it stays within all of them.
  func grade(
    _ value: ExactDecimal, _ bounds: Bounds, below: Bool = false, softens: Bool = false
  ) -> (outcome: RiskOutcome, bound: Bound)? {
    guard let (severity, bound) = bounds.passed(by: value, below: below) else { return nil }
    // A closing order must stay possible.
    return (softens && severity == .block ? .high : RiskOutcome(severity), bound)
  }

  /// A finding when `value` is past a limit of `measure`.
  func measured(
    _ measure: RiskMeasure, _ value: ExactDecimal, _ leg: LegFacts, legs: [Int]? = nil,
    atMost: RiskOutcome? = nil, _ words: @autoclosure () -> String
  ) -> Finding? {
    guard
      let (severity, bound) = leg.limits.passed(measure, by: value, below: measure.firesBelow)
    else { return nil }
    // A closing order must stay possible.
    let graded = leg.isClosing && severity == .block ? .high : RiskOutcome(severity)
    let outcome = atMost.map { $0.severity < graded.severity ? $0 : graded } ?? graded
    let definition = measure.definition
    let unit = definition.unit.suffix
    return Finding(
      definition.rule, outcome, legs: legs ?? [leg.index], words(),
      value: "\(value.normalized)\(unit)", limit: "\(bound.value)\(unit)", setBy: bound.setBy)
  }
}

extension Finding {
  /// Of one leg, its name in front.
  init(
    _ rule: RiskRule, _ outcome: RiskOutcome, _ leg: LegFacts, _ words: String,
    value: String? = nil, limit: String? = nil, setBy: LimitAuthor? = nil
  ) {
    self.init(
      rule, outcome, legs: [leg.index], "\(leg.label): \(words)", value: value, limit: limit,
      setBy: setBy)
  }
}

extension MeasureDefinition.Unit {
  var suffix: String { self == .count ? "" : " " + (self == .amount ? "" : rawValue) }
}

extension RiskOutcome {
  init(_ severity: RiskSeverity) {
    self =
      switch severity {
      case .clear: .pass
      case .note: .note
      case .warn: .warn
      case .high: .high
      case .block: .block
      }
  }
}

extension Milliseconds {
  /// For people: `0.2 s`, `5 min`, `3 h`.
  var words: String {
    let tenths = max(0, count) / 100
    if tenths < 600 { return "\(tenths / 10).\(tenths % 10) s" }
    return tenths < 36_000 ? "\(tenths / 600) min" : "\(tenths / 36_000) h"
  }
}
