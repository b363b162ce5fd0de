package import JSON
package import Time

/// The checks, by the numbers of the risk catalogue.
package enum RiskRule: String, CaseIterable, Hashable, Sendable {
  case tick = "A01"
  case lot = "A02"
  case minimumNotional = "A03"
  case priceLimit = "A04"
  case collar = "B01"
  case quoteAge = "B05"
  case noSlippageBound = "B08"
  case orderCap = "C01"
  case batchTotals = "C04"
  case duplicate = "D01"
  case selfCross = "D04"
  case positionEffect = "D06"

  /// Rises when the meaning of the rule changes, so that old findings are read as they were meant.
  package var version: Int { 1 }

  package var title: String {
    switch self {
    case .tick: "price step"
    case .lot: "quantity step and bounds"
    case .minimumNotional: "minimum notional"
    case .priceLimit: "exchange's price limit"
    case .collar: "price against the market"
    case .quoteAge: "age of the quote"
    case .noSlippageBound: "market order without a slippage bound"
    case .orderCap: "order cap"
    case .batchTotals: "batch totals"
    case .duplicate: "duplicate orders"
    case .selfCross: "own orders that cross"
    case .positionEffect: "effect on the position"
    }
  }
}

/// How bad, in rising order.
package enum RiskSeverity: String, CaseIterable, Hashable, Comparable, Sendable {
  case clear, note, warn, high, block

  package static func < (a: RiskSeverity, b: RiskSeverity) -> Bool { a.rank < b.rank }
  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What a check came to.
package enum RiskOutcome: Hashable, Sendable {
  case pass, note, warn, high, block, notApplicable
  /// The check could not be made. It never looks clean.
  case unchecked(String)

  /// The reason of every check that needs an account key where none was ever configured. Such
  /// checks are one group, accepted once.
  package static let noAccountKey = "no account key"

  package var isNeverConfigured: Bool { self == .unchecked(Self.noAccountKey) }

  /// Unchecked counts as high, but as a warning where the input was never configured.
  package var severity: RiskSeverity {
    switch self {
    case .pass, .notApplicable: .clear
    case .note: .note
    case .warn: .warn
    case .high: .high
    case .block: .block
    case .unchecked: isNeverConfigured ? .warn : .high
    }
  }

  package var name: String {
    switch self {
    case .pass: "pass"
    case .note: "note"
    case .warn: "warn"
    case .high: "high"
    case .block: "block"
    case .notApplicable: "not_applicable"
    case .unchecked: "unchecked"
    }
  }
}

/// Who set the limit that a finding is measured against.
package enum LimitSource: String, CaseIterable, Hashable, Sendable {
  /// The exchange's own rules.
  case exchange
  /// A default of this program; it never blocks.
  case proposal
  /// Set explicitly in the configuration.
  case administrator
}

/// What one check says about some legs of a batch.
package struct Finding: Hashable, Sendable {
  /// Something that the check read, and how old it was.
  package struct Input: Hashable, Sendable {
    package let name: String
    package let age: Milliseconds

    package init(_ name: String, age: Milliseconds) {
      self.name = name
      self.age = age
    }
  }

  package let rule: RiskRule
  package let version: Int
  package let outcome: RiskOutcome
  /// Indices of the legs concerned; empty for the whole batch.
  package let legs: [Int]
  /// One sentence with its numbers.
  package let words: String
  /// What was measured, with its unit.
  package let value: String?
  /// What it was measured against, with its unit.
  package let limit: String?
  package let setBy: LimitSource?
  package let inputs: [Input]

  package init(
    _ rule: RiskRule, _ outcome: RiskOutcome, legs: [Int] = [], _ words: String,
    value: String? = nil, limit: String? = nil, setBy: LimitSource? = nil, inputs: [Input] = []
  ) {
    self.rule = rule
    version = rule.version
    self.outcome = outcome
    self.legs = legs
    self.words = words
    self.value = value
    self.limit = limit
    self.setBy = setBy
    self.inputs = inputs
  }
}

extension Finding: JSONConvertible {
  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(
      only: [
        "rule", "version", "outcome", "reason", "legs", "words", "value", "limit", "set_by",
        "inputs",
      ])
    rule = try json.member("rule").one(of: RiskRule.self)
    version = try json.member("version").int()
    outcome = try RiskOutcome(json)
    var legs: [Int] = []
    for leg in try json.member("legs").elements() { legs.append(try leg.int(in: 0...99)) }
    self.legs = legs
    words = try json.member("words").string()
    value = try json.optional("value")?.string()
    limit = try json.optional("limit")?.string()
    setBy = try json.optional("set_by")?.one(of: LimitSource.self)
    var inputs: [Input] = []
    for input in try json.member("inputs").elements() {
      try input.allow(only: ["name", "age_ms"])
      let age = Milliseconds(Int64(try input.member("age_ms").int()))
      inputs.append(Input(try input.member("name").string(), age: age))
    }
    self.inputs = inputs
  }

  package var json: JSONValue {
    var object = JSONObject()
    object["rule"] = .string(rule.rawValue)
    object["version"] = .int(version)
    object["outcome"] = .string(outcome.name)
    if case .unchecked(let reason) = outcome { object["reason"] = .string(reason) }
    object["legs"] = .array(legs.map { .int($0) })
    object["words"] = .string(words)
    object["value"] = value.map { .string($0) }
    object["limit"] = limit.map { .string($0) }
    object["set_by"] = setBy.map { .string($0.rawValue) }
    object["inputs"] = .array(
      inputs.map { ["name": .string($0.name), "age_ms": .int($0.age.count)] })
    return .object(object)
  }
}

extension RiskOutcome {
  fileprivate init(_ json: JSONCursor) throws(JSONError) {
    let member = try json.member("outcome")
    let name = try member.text()
    if name == "unchecked" {
      self = .unchecked(try json.member("reason").string())
      return
    }
    let plain: [RiskOutcome] = [.pass, .note, .warn, .high, .block, .notApplicable]
    guard let found = plain.first(where: { Text($0.name) == name }) else {
      throw member.bad("\"\(name)\" is no outcome")
    }
    self = found
  }
}
