package import Decimals
package import JSON
package import Time

/// The limits that checks measure against. What is not set explicitly is a proposal of this program
/// and comes at most to HIGH.
///
/// Explicit limits stand for everything, for a class of symbols, for a symbol or for an agent; the
/// strictest that applies counts. What is written for a measure replaces its proposal whole.
package struct RiskLimits: Hashable, Sendable {
  /// For what an explicit limit holds.
  package enum Scope: Hashable, Sendable {
    case all
    case symbols(SymbolClass)
    case symbol(Text)
    case agent(Text)

    package var words: String {
      switch self {
      case .all: "all"
      case .symbols(let one): "class \(one.name)"
      case .symbol(let symbol): "symbol \(symbol)"
      case .agent(let name): "agent \(name)"
      }
    }
  }

  /// What an administrator says of an agent besides its limits.
  package struct Agent: Hashable, Sendable {
    /// Nil: every symbol.
    package var symbols: Set<Text>?
    package var tags: Set<AgentTag> = []
    /// It trades there and nowhere else.
    package var environment: Text?

    package init() {}
  }

  /// What kind of trading is normal for an agent.
  package enum AgentTag: String, CaseIterable, Hashable, Sendable {
    /// Quotes both sides, so that some cancelled post-only orders are no news.
    case quote
    /// Takes liquidity.
    case take
    /// Lays ladders and deep bids.
    case ladder
    /// Slices one order into equal ones.
    case split
    /// The legs of a batch belong together.
    case legs
    /// Turns positions as a matter of course.
    case flip
    /// Borrows on spot.
    case margin
    /// Trades at regular times.
    case scheduled
  }

  /// Levels by the currency they are in; `""` for what has none.
  package typealias Entry = [Text: Levels]

  package private(set) var explicit: [Scope: [RiskMeasure: Entry]] = [:]
  package private(set) var agents: [Text: Agent] = [:]
  /// Age past which the account's state does not count.
  package private(set) var accountStale = Milliseconds(30_000)
  package private(set) var bookStale = Milliseconds(10_000)

  /// Instrument data older than this blocks nothing.
  package static let instrumentStale = Milliseconds(3_600_000)
  /// Age past which the exchange's own price limits do not count.
  package static let priceLimitStale = Milliseconds(10_000)
  package static let volatilityStale = Milliseconds(900_000)
  /// How long an identical order of the same agent is remembered.
  package static let duplicateWindow = Milliseconds(300_000)

  package init() {}
}

/// A limit with its author.
package struct Bound: Hashable, Sendable {
  package let value: ExactDecimal
  package let setBy: LimitAuthor
}

/// The limits of one measure as they hold for one symbol and agent.
package struct Bounds: Hashable, Sendable {
  package var note: Bound?
  package var warn: Bound?
  package var high: Bound?
  package var block: Bound?

  init(_ levels: Levels, _ author: LimitAuthor) {
    note = levels.note.map { Bound(value: $0, setBy: author) }
    warn = levels.warn.map { Bound(value: $0, setBy: author) }
    high = levels.high.map { Bound(value: $0, setBy: author) }
    block = levels.block.map { Bound(value: $0, setBy: author) }
  }

  /// Mildest first.
  package var rising: [(RiskSeverity, Bound?)] {
    [(.note, note), (.warn, warn), (.high, high), (.block, block)]
  }

  /// The worst limit that `value` is past, and how bad that is.
  func passed(by value: ExactDecimal, below: Bool) -> (severity: RiskSeverity, bound: Bound)? {
    func isPast(_ limit: ExactDecimal?) -> Bool {
      guard let limit else { return false }
      return below ? value < limit : value > limit
    }
    if isPast(block?.value), let block { return (.block, block) }
    if isPast(high?.value), let high { return (.high, high) }
    if isPast(warn?.value), let warn { return (.warn, warn) }
    if isPast(note?.value), let note { return (.note, note) }
    return nil
  }

  /// The mildest limit, which a value that passes stays within.
  var first: Bound? { note ?? warn ?? high ?? block }

  mutating func tighten(_ other: Bounds, firesBelow: Bool) {
    func stricter(_ a: Bound?, _ b: Bound?) -> Bound? {
      guard let a, let b else { return a ?? b }
      return (firesBelow ? b.value > a.value : b.value < a.value) ? b : a
    }
    note = stricter(note, other.note)
    warn = stricter(warn, other.warn)
    high = stricter(high, other.high)
    block = stricter(block, other.block)
  }
}

/// Every limit as it holds for one agent, symbol and class.
package struct EffectiveLimits: Hashable, Sendable {
  private let plain: [Bounds]
  /// Of measures that are amounts, by currency.
  private let amounts: [RiskMeasure: [Text: Bounds]]

  package subscript(_ measure: RiskMeasure) -> Bounds { plain[measure.rawValue] }

  /// The worst limit of `measure` that `value` is past.
  func passed(
    _ measure: RiskMeasure, by value: ExactDecimal, below: Bool
  ) -> (severity: RiskSeverity, bound: Bound)? {
    plain[measure.rawValue].passed(by: value, below: below)
  }

  package func bounds(_ measure: RiskMeasure, in currency: Text) -> Bounds? {
    amounts[measure]?[currency]
  }
  package func currencies(of measure: RiskMeasure) -> [Text] {
    (amounts[measure] ?? [:]).keys.sorted()
  }

  init(_ limits: RiskLimits, _ symbols: SymbolClass, _ symbol: Text, _ agent: Text) {
    let scopes: [RiskLimits.Scope] = [.all, .symbols(symbols), .symbol(symbol), .agent(agent)]
    let entries =
      limits.explicit.isEmpty
      ? []
      : scopes.compactMap { scope in limits.explicit[scope].map { (scope, $0) } }
    guard !entries.isEmpty else {
      self = Self.proposals[symbols.rawValue]
      return
    }
    var plain = Self.proposals[symbols.rawValue].plain
    var amounts = Self.proposals[symbols.rawValue].amounts
    for measure in Set(entries.flatMap { $0.1.keys }) {
      var found: [Text: Bounds] = [:]
      for (scope, all) in entries {
        for (currency, levels) in all[measure] ?? [:] {
          let bounds = Bounds(levels, .administrator(scope.words))
          found[currency]?.tighten(bounds, firesBelow: measure.definition.firesBelow)
          if found[currency] == nil { found[currency] = bounds }
        }
      }
      if let bounds = found[""] { plain[measure.rawValue] = bounds }
      for (currency, bounds) in found where currency != "" {
        amounts[measure, default: [:]][currency] = bounds
      }
    }
    self.init(plain: plain, amounts: amounts)
  }

  private init(plain: [Bounds], amounts: [RiskMeasure: [Text: Bounds]]) {
    self.plain = plain
    self.amounts = amounts
  }

  private static let proposals: [EffectiveLimits] = SymbolClass.allCases.map { symbols in
    let plain = MeasureDefinition.all.map { Bounds($0.proposal(symbols), .proposal) }
    var amounts: [RiskMeasure: [Text: Bounds]] = [:]
    for one in MeasureDefinition.all where one.unit == .amount {
      let bounds = Bounds(one.proposal(symbols), .proposal)
      amounts[one.measure] = Dictionary(
        uniqueKeysWithValues: MeasureDefinition.currencies.map { ($0, bounds) })
    }
    return EffectiveLimits(plain: plain, amounts: amounts)
  }
}

extension RiskLimits {
  package func effective(_ symbols: SymbolClass, symbol: Text, agent: Text) -> EffectiveLimits {
    EffectiveLimits(self, symbols, symbol, agent)
  }
}

// MARK: Reading

extension RiskLimits {
  /// An administrator's document; every member is optional.
  ///
  ///     {"limits": {"C01.order": {"cap": {"USDT": "20000"}}, "B01.deviation": {"warn": 40, "block": 500}},
  ///      "classes": {"C": {"B03.through": {"block": 300}}}, "symbols": {"BTCUSDT": {…}},
  ///      "agents": {"bot": {"limits": {…}, "symbols": ["BTCUSDT"], "tags": ["quote"],
  ///                         "environment": "testnet"}},
  ///      "ages": {"account": "30s", "book": "10s"}}
  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(Self.shape)
    explicit[.all] = try json.optional("limits").map { one throws(JSONError) in
      try Self.measures(one)
    }
    for (name, one) in try json.optional("classes")?.members() ?? [] {
      guard let symbols = SymbolClass.allCases.first(where: { Text($0.name) == name }) else {
        throw one.bad("\"\(name)\" is no class of symbols; write \"A\", \"B\" or \"C\"")
      }
      explicit[.symbols(symbols)] = try Self.measures(one)
    }
    for (name, one) in try json.optional("symbols")?.members() ?? [] {
      explicit[.symbol(name)] = try Self.measures(one)
    }
    for (name, one) in try json.optional("agents")?.members() ?? [] {
      explicit[.agent(name)] = try one.optional("limits").map { own throws(JSONError) in
        try Self.measures(own)
      }
      agents[name] = try Agent(json: one)
    }
    guard let ages = try json.optional("ages") else { return }
    try ages.allow(Self.ages)
    accountStale = try ages.length("account") ?? accountStale
    bookStale = try ages.length("book") ?? bookStale
  }

  private static func measures(
    _ json: JSONCursor
  ) throws(JSONError) -> [RiskMeasure: Entry] {
    var all: [RiskMeasure: Entry] = [:]
    for (name, one) in try json.members() {
      guard let measure = RiskMeasure.byName[name] else {
        throw one.bad(
          "nothing measures \"\(name)\"; `countersign risk limits` lists the names")
      }
      all[measure] = try entry(one, measure.definition)
    }
    return all
  }

  private static func entry(
    _ json: JSONCursor, _ measure: MeasureDefinition
  ) throws(JSONError) -> Entry {
    if measure.unit == .amount {
      try json.allow(amounts)
      let cap = try json.member("cap")
      guard case .object = cap.value else {
        let levels = try Self.cap(cap)
        return Dictionary(uniqueKeysWithValues: MeasureDefinition.currencies.map { ($0, levels) })
      }
      var entry: Entry = [:]
      for (currency, one) in try cap.members() { entry[currency] = try Self.cap(one) }
      return entry
    }
    if let cap = try json.optional("cap") {
      try json.allow(plainCap)
      guard !measure.firesBelow else { throw json.bad("less is worse here: a cap says nothing") }
      return ["": try Self.cap(cap)]
    }
    try json.allow(Self.levels)
    var levels = Levels()
    var last: ExactDecimal?
    for (severity, path) in Levels.severities {
      guard let one = try json.optional(Text(severity.rawValue)) else { continue }
      let value = try one.limit(measure.unit)
      if let last, measure.firesBelow ? value > last : value < last {
        throw one.bad(
          measure.firesBelow
            ? "less is worse here: note, warn, high and block must fall"
            : "note, warn, high and block must rise")
      }
      last = value
      levels[keyPath: path] = value
    }
    guard last != nil else { throw json.bad("set one of note, warn, high, block or cap") }
    return ["": levels]
  }

  private static func cap(_ json: JSONCursor) throws(JSONError) -> Levels {
    guard let levels = Levels(cap: try json.limit(.amount), blocks: true) else {
      throw json.bad("this has more digits than can be held exactly")
    }
    return levels
  }
}

extension RiskLimits.Agent {
  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(Self.shape)
    if let list = try json.optional("symbols") {
      var symbols: Set<Text> = []
      for one in try list.elements() { symbols.insert(try one.text()) }
      self.symbols = symbols
    }
    for one in try json.optional("tags")?.elements() ?? [] {
      tags.insert(try one.one(of: RiskLimits.AgentTag.self))
    }
    environment = try json.optional("environment")?.text()
  }
}

extension JSONCursor {
  /// A limit; one of time also as a length such as `"10s"`.
  fileprivate func limit(_ unit: MeasureDefinition.Unit) throws(JSONError) -> ExactDecimal {
    if unit == .milliseconds, let text = value.stringValue {
      guard let length = Milliseconds(parsing: text) else {
        throw bad("this is no length of time such as \"10s\"")
      }
      return ExactDecimal(length.count)
    }
    let number = try decimal()
    guard !number.isNegative else { throw bad("a limit is not negative") }
    return number
  }

  fileprivate func length(_ key: Text) throws(JSONError) -> Milliseconds? {
    guard let member = try optional(key) else { return nil }
    guard let length = Milliseconds(parsing: try member.string()), length > .zero else {
      throw member.bad("this is no length of time such as \"10s\"")
    }
    return length
  }
}
