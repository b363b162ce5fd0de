package import Cryptography
package import JSON

/// The policy that is in force, in words.
package struct PolicyView: Hashable, Sendable {
  /// How often a rule decided since the gateway started.
  package struct Hits: Hashable, Sendable {
    package var rule: String
    package var count: Int

    package init(rule: String, count: Int) {
      self.rule = rule
      self.count = count
    }
  }

  package var digest: Digest
  /// One sentence a rule, in the order of the document.
  package var rules: [String]
  /// What can never fire, and what the document probably does not mean.
  package var warnings: [String]
  /// Most often first.
  package var hits: [Hits]

  package init(digest: Digest, rules: [String], warnings: [String], hits: [Hits]) {
    self.digest = digest
    self.rules = rules
    self.warnings = warnings
    self.hits = hits
  }
}

extension PolicyView: JSONConvertible {
  package var json: JSONValue {
    [
      "digest": .string(digest.hex), "rules": .strings(rules), "warnings": .strings(warnings),
      "hits": .array(hits.map { ["rule": .string($0.rule), "count": .int($0.count)] }),
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      digest: try json.member("digest").digest(),
      rules: try json.list("rules") { one throws(JSONError) in try one.string() },
      warnings: try json.list("warnings") { one throws(JSONError) in try one.string() },
      hits: try json.list("hits") { one throws(JSONError) in
        Hits(rule: try one.member("rule").string(), count: try one.member("count").int())
      })
  }
}
