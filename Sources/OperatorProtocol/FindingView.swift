package import JSON
package import Time

/// One risk finding as the console shows it.
package struct FindingView: Hashable, Sendable {
  /// `A01` … `F14`, or `KEY` for the one group of inputs that were never configured.
  package var rule: Text
  package var severity: Severity
  /// Leg numbers from 1; empty for the whole batch.
  package var legs: [Int]
  /// The sentence with the numbers that fired.
  package var words: String
  /// Whether the finding must be accepted by name before an approval.
  package var needsAcceptance: Bool
  /// What the sentence rests on; nil where no rule of the catalogue speaks.
  package var evidence: Evidence?

  /// The rule in full: what it asks, what it measured, against which limit, from what.
  package struct Evidence: Hashable, Sendable {
    package struct Input: Hashable, Sendable {
      package var name: Text
      package var age: Milliseconds

      package init(name: Text, age: Milliseconds) {
        self.name = name
        self.age = age
      }
    }

    package var title: String
    /// Rises when the meaning of the rule changes.
    package var version: Int
    /// `pass`, `note`, `warn`, `high`, `block`, `not_applicable` or `unchecked`.
    package var outcome: Text
    package var formula: String
    /// What was measured, and the limit, with their units; nil where nothing is.
    package var value: String?
    package var limit: String?
    /// `exchange`, `proposal` (this program's own), or `administrator (SCOPE)`.
    package var setBy: String?
    package var inputs: [Input]

    package init(
      title: String, version: Int, outcome: Text, formula: String, value: String? = nil,
      limit: String? = nil, setBy: String? = nil, inputs: [Input] = []
    ) {
      self.title = title
      self.version = version
      self.outcome = outcome
      self.formula = formula
      self.value = value
      self.limit = limit
      self.setBy = setBy
      self.inputs = inputs
    }
  }

  package init(
    rule: Text, severity: Severity, legs: [Int], words: String, needsAcceptance: Bool,
    evidence: Evidence? = nil
  ) {
    self.rule = rule
    self.severity = severity
    self.legs = legs
    self.words = words
    self.needsAcceptance = needsAcceptance
    self.evidence = evidence
  }

  /// The same but for how old its inputs are.
  package func says(theSameAs other: FindingView) -> Bool {
    var (a, b) = (self, other)
    a.evidence?.inputs = []
    b.evidence?.inputs = []
    return a == b
  }
}

extension FindingView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "rule": .string(rule), "severity": .string(severity.rawValue),
      "legs": .array(legs.map { .int($0) }), "words": .string(words),
      "needs_acceptance": .bool(needsAcceptance), "evidence": evidence?.json,
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      rule: try json.member("rule").text(),
      severity: try json.member("severity").one(of: Severity.self),
      legs: try json.list("legs") { leg throws(JSONError) in try leg.int() },
      words: try json.member("words").string(),
      needsAcceptance: try json.member("needs_acceptance").bool(),
      evidence: try json.maybe("evidence") { one throws(JSONError) in try Evidence(json: one) })
  }
}

extension FindingView.Evidence: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "title": .string(title), "version": .int(version), "outcome": .string(outcome),
      "formula": .string(formula), "value": value.map { .string($0) },
      "limit": limit.map { .string($0) }, "set_by": setBy.map { .string($0) },
      "inputs": .array(
        inputs.map { ["name": .string($0.name), "age_ms": .int($0.age.count)] }),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      title: try json.member("title").string(), version: try json.member("version").int(),
      outcome: try json.member("outcome").text(), formula: try json.member("formula").string(),
      value: try json.optional("value")?.string(), limit: try json.optional("limit")?.string(),
      setBy: try json.optional("set_by")?.string(),
      inputs: try json.list("inputs") { one throws(JSONError) in
        Input(
          name: try one.member("name").text(),
          age: Milliseconds(Int64(try one.member("age_ms").int())))
      })
  }
}
