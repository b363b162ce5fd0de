package import JSON
package import Time

/// One registered agent and what it did since the gateway started.
package struct AgentView: Hashable, Sendable {
  package var name: Text
  package var isRevoked: Bool
  /// The operator whom the agent belongs to, who may be forbidden to approve for it.
  package var owner: Text?
  /// Calls by verdict.
  package var allowed: Int
  package var denied: Int
  package var held: Int
  /// Calls in the running minute and the one before it.
  package var recent: Int
  /// Held calls that wait for a decision now.
  package var waiting: Int
  package var lastCallAt: Timestamp?

  package init(
    name: Text, isRevoked: Bool, owner: Text? = nil, allowed: Int = 0, denied: Int = 0,
    held: Int = 0,
    recent: Int = 0, waiting: Int = 0, lastCallAt: Timestamp? = nil
  ) {
    self.name = name
    self.isRevoked = isRevoked
    self.owner = owner
    self.allowed = allowed
    self.denied = denied
    self.held = held
    self.recent = recent
    self.waiting = waiting
    self.lastCallAt = lastCallAt
  }
}

extension AgentView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "name": .string(name), "revoked": .bool(isRevoked),
      "owner": owner.map { .string($0) }, "allowed": .int(allowed),
      "denied": .int(denied), "held": .int(held), "recent": .int(recent),
      "waiting": .int(waiting), "last_call_at": lastCallAt.map { .timestamp($0) },
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      name: try json.member("name").text(), isRevoked: try json.member("revoked").bool(),
      owner: try json.maybe("owner") { one throws(JSONError) in try one.text() },
      allowed: try json.member("allowed").int(), denied: try json.member("denied").int(),
      held: try json.member("held").int(), recent: try json.member("recent").int(),
      waiting: try json.member("waiting").int(),
      lastCallAt: try json.maybe("last_call_at") { time throws(JSONError) in
        try time.timestamp()
      })
  }
}
