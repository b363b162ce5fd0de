package import JSON
package import Time

/// How bad, in rising order.
package enum RiskSeverity: String, CaseIterable, Hashable, Comparable, Sendable {
  case clear, note, warn, high, block

  package static func < (a: RiskSeverity, b: RiskSeverity) -> Bool { a.rank < b.rank }
  var rank: Int {
    switch self {
    case .clear: 0
    case .note: 1
    case .warn: 2
    case .high: 3
    case .block: 4
    }
  }
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
package enum LimitAuthor: Hashable, Sendable {
  /// The exchange's own rules.
  case exchange
  /// A default of this program; it never blocks.
  case proposal
  /// Set explicitly in the configuration, and where: `all`, `class B`, `symbol BTCUSDT`, `agent bot`.
  case administrator(String)

  package var text: String {
    switch self {
    case .exchange: "exchange"
    case .proposal: "proposal"
    case .administrator(let scope): "administrator (\(scope))"
    }
  }

  package var isAdministrator: Bool {
    if case .administrator = self { true } else { false }
  }

  init?(text: String) {
    let start = "administrator ("
    switch text {
    case "exchange": self = .exchange
    case "proposal": self = .proposal
    case _ where text.hasPrefix(start) && text.hasSuffix(")"):
      self = .administrator(String(text.dropFirst(start.count).dropLast()))
    default: return nil
    }
  }
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
  package let setBy: LimitAuthor?
  package internal(set) var inputs: [Input]

  package init(
    _ rule: RiskRule, _ outcome: RiskOutcome, legs: [Int] = [], _ words: String,
    value: String? = nil, limit: String? = nil, setBy: LimitAuthor? = nil, inputs: [Input] = []
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
    setBy = try json.optional("set_by").map { author throws(JSONError) in
      guard let read = LimitAuthor(text: try author.string()) else {
        throw author.bad("\(author.value) sets no limits")
      }
      return read
    }
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
    object["set_by"] = setBy.map { .string($0.text) }
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
