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
  package let limits: RiskLimits
  package let now: Timestamp

  package init(
    batch: OrderBatch, market: MarketSnapshot, account: AccountSnapshot,
    history: RecentHistory = RecentHistory(), limits: RiskLimits = RiskLimits(), now: Timestamp
  ) {
    self.batch = batch
    self.market = market
    self.account = account
    self.history = history
    self.limits = limits
    self.now = now
  }

  /// Runs every check. A number that cannot be held exactly makes its check unchecked, never
  /// absent.
  package func assess() -> RiskReport {
    let findings = RiskRule.allCases.flatMap { rule in
      do throws(DecimalError) {
        return try check(rule)
      } catch {
        return [Finding(rule, .unchecked("\(error)"), "A number of this check is too large.")]
      }
    }
    return RiskReport(findings, at: now, isReducing: batch.isReducing)
  }

  func check(_ rule: RiskRule) throws(DecimalError) -> [Finding] {
    switch rule {
    case .tick: try ticks()
    case .lot: try lots()
    case .minimumNotional: try minimumNotionals()
    case .priceLimit: try priceLimits()
    case .collar: try collars()
    case .quoteAge: quoteAges()
    case .noSlippageBound: slippageBounds()
    case .orderCap: try orderCaps()
    case .batchTotals: try batchTotals()
    case .duplicate: duplicates()
    case .selfCross: selfCrosses()
    case .positionEffect: try positionEffects()
    }
  }

  // MARK: What the checks share

  /// The instrument's rules, or why they do not count.
  enum Rules {
    case fresh(Instrument, [Finding.Input])
    case unusable(String)
  }

  func rules(of symbol: Text) -> Rules {
    guard let instrument = market.symbols[symbol]?.instrument else {
      return .unusable("no instrument data of \(symbol)")
    }
    let age = now - instrument.fetchedAt
    guard age <= RiskLimits.instrumentStale else {
      return .unusable("instrument data of \(symbol) is \(Self.words(age)) old")
    }
    return .fresh(instrument, [Finding.Input("instrument", age: age)])
  }

  /// The market of `symbol` when its prices are young enough for price checks, or why they are not.
  enum Prices {
    case fresh(SymbolMarket, [Finding.Input])
    case unusable(String)
  }

  func prices(of symbol: Text) -> Prices {
    guard let market = market.symbols[symbol], market.hasPrice else {
      return .unusable("no price of \(symbol)")
    }
    guard let time = market.engineTime else {
      return .unusable("the quote of \(symbol) has no time")
    }
    let age = now - time
    guard age <= limits.quoteStale else {
      return .unusable("the quote of \(symbol) is \(Self.words(age)) old")
    }
    return .fresh(market, [Finding.Input("quote", age: age)])
  }

  /// The account's state, or the outcome of every check that needs it.
  enum AccountState {
    case known(Account, [Finding.Input])
    case unusable(RiskOutcome)
  }

  var accountState: AccountState {
    switch account {
    case .notConfigured: return .unusable(.unchecked(RiskOutcome.noAccountKey))
    case .missing(let reason): return .unusable(.unchecked(reason))
    case .known(let account):
      let age = now - account.asOf
      guard age <= limits.accountStale else {
        return .unusable(.unchecked("the account's state is \(Self.words(age)) old"))
      }
      return .known(account, [Finding.Input("account", age: age)])
    }
  }

  /// The quotes that estimates are made from: only those young enough.
  var quotes: [Text: Quote] {
    var quotes: [Text: Quote] = [:]
    for symbol in batch.symbols {
      if case .fresh(let market, _) = prices(of: symbol) { quotes[symbol] = market.quote }
    }
    return quotes
  }

  func notional() throws(DecimalError) -> Notional { try Notional(batch, quotes: quotes) }

  /// One pass for the legs that no finding concerns, or "not applicable" when no leg was checked.
  func withPass(
    _ rule: RiskRule, _ findings: [Finding], checked: [Int], _ words: String,
    inputs: [Finding.Input] = []
  ) -> [Finding] {
    let concerned = Set(findings.flatMap(\.legs))
    let clean = checked.filter { !concerned.contains($0) }
    if !clean.isEmpty {
      return findings + [Finding(rule, .pass, legs: clean, words, inputs: inputs)]
    }
    return findings.isEmpty
      ? [Finding(rule, .notApplicable, "No leg of this batch is concerned.")] : findings
  }

  static func words(_ age: Milliseconds) -> String {
    let tenths = max(0, age.count) / 100
    if tenths < 600 { return "\(tenths / 10).\(tenths % 10) s" }
    return tenths < 36_000 ? "\(tenths / 600) min" : "\(tenths / 36_000) h"
  }
}

extension Leg {
  /// Can only shrink a position.
  var isClosing: Bool { reduceOnly }
  /// How people name the leg.
  var label: String { "#\(number) \(side.rawValue) \(symbol)" }
}
