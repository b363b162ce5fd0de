package import JSON
package import Time

/// A signed request to stop what moves money, to let it go on, or to cancel every open order.
package struct HaltOrder: Hashable, Sendable {
  package enum Verb: String, CaseIterable, Sendable {
    case freeze, thaw
    /// Cancels every order that is open at the exchange, whoever made it.
    case cancelAll = "cancel_all"
  }

  package var verb: Verb
  /// The one agent that is paused or may go on; nil: all of them. Never set with `cancelAll`.
  package var agent: Text?
  package var operatorName: Text
  package var reason: String
  package var decidedAt: Timestamp
  package var nonce: Text

  package init(
    _ verb: Verb, agent: Text? = nil, operatorName: Text, reason: String, decidedAt: Timestamp,
    nonce: Text
  ) {
    self.verb = verb
    self.agent = agent
    self.operatorName = operatorName
    self.reason = reason
    self.decidedAt = decidedAt
    self.nonce = nonce
  }

  package init(
    freezes: Bool, operatorName: Text, reason: String, decidedAt: Timestamp, nonce: Text
  ) {
    self.init(
      freezes ? .freeze : .thaw, operatorName: operatorName, reason: reason, decidedAt: decidedAt,
      nonce: nonce)
  }

  package var freezes: Bool { verb == .freeze }

  package var signedBytes: [UInt8] { JSONWriter.canonicalBytes(of: json) }
}

extension HaltOrder: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "agent": agent.map { .string($0) }, "decided_at": .timestamp(decidedAt),
      "nonce": .string(nonce), "operator": .string(operatorName), "reason": .string(reason),
      "type": "countersign/halt/v1", "verb": .string(verb.rawValue),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["agent", "decided_at", "nonce", "operator", "reason", "type", "verb"])
    guard try json.member("type").text() == "countersign/halt/v1" else {
      throw try json.member("type").bad("this gateway reads countersign/halt/v1")
    }
    let agent = try json.optional("agent")
    self.init(
      try json.member("verb").one(of: Verb.self),
      agent: try agent?.text(), operatorName: try json.member("operator").text(),
      reason: try json.member("reason").string(),
      decidedAt: try json.member("decided_at").timestamp(), nonce: try json.member("nonce").text())
    if verb == .cancelAll, let agent {
      throw agent.bad("cancel_all is about every order; leave \"agent\" out")
    }
  }
}

/// What became of a `HaltOrder.cancelAll`: one line for each call that was sent upstream.
package struct CancelReport: Hashable, Sendable {
  package struct Line: Hashable, Sendable {
    package var upstream: Text
    /// Which orders: a category, with the coin they settle in where there is one.
    package var scope: String
    /// Whether the exchange took the request. The order stream tells what became of each order.
    package var isTaken: Bool
    package var words: String

    package init(upstream: Text, scope: String, isTaken: Bool, words: String) {
      self.upstream = upstream
      self.scope = scope
      self.isTaken = isTaken
      self.words = words
    }
  }

  package var lines: [Line]

  package init(_ lines: [Line]) { self.lines = lines }

  package var isComplete: Bool { lines.allSatisfy(\.isTaken) }
}

extension CancelReport: JSONConvertible {
  package var json: JSONValue {
    [
      "cancelled": .array(
        lines.map {
          [
            "upstream": .string($0.upstream), "scope": .string(Text($0.scope)),
            "taken": .bool($0.isTaken), "words": .string($0.words),
          ]
        })
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      try json.list("cancelled") { line throws(JSONError) in
        Line(
          upstream: try line.member("upstream").text(), scope: try line.member("scope").string(),
          isTaken: try line.member("taken").bool(), words: try line.member("words").string())
      })
  }
}
