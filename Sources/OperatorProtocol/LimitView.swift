package import Decimals
package import JSON
package import Time

/// What a limit of the policy has counted so far.
package struct LimitView: Hashable, Sendable {
  package var counter: Text
  /// What is counted together, such as `agent`, and which one: `bot`. Empty: everything.
  package var scope: [Text]
  package var of: [Text]
  package var used: ExactDecimal
  package var max: ExactDecimal
  /// Nil: what is under way at once.
  package var window: Milliseconds?
  /// When something leaves the window next; nil where nothing has a moment yet.
  package var nextFree: Timestamp?

  package init(
    counter: Text, scope: [Text], of: [Text], used: ExactDecimal, max: ExactDecimal,
    window: Milliseconds?, nextFree: Timestamp?
  ) {
    self.counter = counter
    self.scope = scope
    self.of = of
    self.used = used
    self.max = max
    self.window = window
    self.nextFree = nextFree
  }
}

extension LimitView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "counter": .string(counter), "scope": .array(scope.map { .string($0) }),
      "of": .array(of.map { .string($0) }), "used": .decimal(used), "max": .decimal(max),
      "window": window.map { .string($0.description) },
      "next_free": nextFree.map { .timestamp($0) },
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      counter: try json.member("counter").text(),
      scope: try json.list("scope") { one throws(JSONError) in try one.text() },
      of: try json.list("of") { one throws(JSONError) in try one.text() },
      used: try json.member("used").decimal(), max: try json.member("max").decimal(),
      window: try json.maybe("window") { one throws(JSONError) in try one.duration() },
      nextFree: try json.maybe("next_free") { one throws(JSONError) in try one.timestamp() })
  }
}
