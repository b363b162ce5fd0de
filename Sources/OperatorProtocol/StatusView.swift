package import Cryptography
package import JSON
package import Time

/// Whether the gateway's private order stream can be believed.
package enum FeedState: Hashable, Sendable {
  /// No read key is configured.
  case notConfigured
  case connecting
  case live
  /// Disconnected, or connected and not yet backfilled.
  case stale(since: Timestamp)
  /// Read through the upstream's own subscription, in steps: what happened in the last `gap` may not
  /// have been seen, and what one reading lost is not known.
  case polled(gap: Milliseconds, asOf: Timestamp)
}

/// What every console shows in its header.
package struct StatusView: Hashable, Sendable {
  package var now: Timestamp
  package var gateway: Text
  package var environment: Text
  /// Whether the upstream's account was seen to be the read key's.
  package var isEnvironmentVerified: Bool
  /// The last digits of the account, or why it is not known.
  package var account: String
  package var policyDigest: Digest
  package var feed: FeedState
  package var isStoreWritable: Bool
  /// Set while frozen.
  package var frozen: Freeze?
  /// Agents of which nothing is signed, sent or taken in, by name.
  package var paused: [Pause]
  package var pending: Int
  package var ledgerSize: Int
  package var ledgerRoot: Digest
  /// How long an approval made in a console can be recalled.
  package var cooling: Milliseconds
  /// What the operator must know before trusting the screen; each a sentence.
  package var warnings: [String]

  package struct Freeze: Hashable, Sendable {
    package var by: Text
    package var reason: String
    package var since: Timestamp

    package init(by: Text, reason: String, since: Timestamp) {
      self.by = by
      self.reason = reason
      self.since = since
    }
  }

  package struct Pause: Hashable, Sendable {
    package var agent: Text
    package var halt: Freeze

    package init(agent: Text, halt: Freeze) {
      self.agent = agent
      self.halt = halt
    }
  }

  package init(
    now: Timestamp, gateway: Text, environment: Text, isEnvironmentVerified: Bool,
    account: String, policyDigest: Digest, feed: FeedState, isStoreWritable: Bool,
    frozen: Freeze?, paused: [Pause] = [], pending: Int, ledgerSize: Int, ledgerRoot: Digest,
    cooling: Milliseconds,
    warnings: [String]
  ) {
    self.now = now
    self.gateway = gateway
    self.environment = environment
    self.isEnvironmentVerified = isEnvironmentVerified
    self.account = account
    self.policyDigest = policyDigest
    self.feed = feed
    self.isStoreWritable = isStoreWritable
    self.frozen = frozen
    self.paused = paused
    self.pending = pending
    self.ledgerSize = ledgerSize
    self.ledgerRoot = ledgerRoot
    self.cooling = cooling
    self.warnings = warnings
  }
}

extension StatusView.Freeze: JSONConvertible {
  package var json: JSONValue {
    ["by": .string(by), "reason": .string(reason), "since": .timestamp(since)]
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      by: try json.member("by").text(), reason: try json.member("reason").string(),
      since: try json.member("since").timestamp())
  }
}

extension StatusView.Pause: JSONConvertible {
  package var json: JSONValue {
    var object = halt.json.objectValue ?? JSONObject()
    object["agent"] = .string(agent)
    return .object(object)
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(agent: try json.member("agent").text(), halt: try StatusView.Freeze(json: json))
  }
}

extension FeedState: JSONConvertible {
  package var json: JSONValue {
    switch self {
    case .notConfigured: ["state": "not_configured"]
    case .connecting: ["state": "connecting"]
    case .live: ["state": "live"]
    case .stale(let since): ["state": "stale", "since": .timestamp(since)]
    case .polled(let gap, let asOf):
      ["state": "polled", "gap_ms": .int(gap.count), "as_of": .timestamp(asOf)]
    }
  }

  package init(json: JSONCursor) throws(JSONError) {
    let state = try json.member("state")
    switch try state.string() {
    case "not_configured": self = .notConfigured
    case "connecting": self = .connecting
    case "live": self = .live
    case "stale": self = .stale(since: try json.member("since").timestamp())
    case "polled":
      self = .polled(
        gap: Milliseconds(Int64(try json.member("gap_ms").int(in: 0...86_400_000))),
        asOf: try json.member("as_of").timestamp())
    default: throw state.bad("not_configured, connecting, live, stale or polled is expected")
    }
  }
}

extension StatusView: JSONConvertible {
  package var json: JSONValue {
    .compact([
      "now": .timestamp(now), "gateway": .string(gateway), "environment": .string(environment),
      "is_environment_verified": .bool(isEnvironmentVerified), "account": .string(account),
      "policy_digest": .string(policyDigest.hex), "feed": feed.json,
      "is_store_writable": .bool(isStoreWritable), "frozen": frozen?.json,
      "paused": paused.isEmpty ? nil : .array(paused.map(\.json)),
      "pending": .int(pending), "ledger_size": .int(ledgerSize),
      "ledger_root": .string(ledgerRoot.hex), "cooling_ms": .int(cooling.count),
      "warnings": .strings(warnings),
    ])
  }

  package init(json: JSONCursor) throws(JSONError) {
    self.init(
      now: try json.member("now").timestamp(), gateway: try json.member("gateway").text(),
      environment: try json.member("environment").text(),
      isEnvironmentVerified: try json.member("is_environment_verified").bool(),
      account: try json.member("account").string(),
      policyDigest: try json.member("policy_digest").digest(),
      feed: try FeedState(json: try json.member("feed")),
      isStoreWritable: try json.member("is_store_writable").bool(),
      frozen: try json.maybe("frozen") { one throws(JSONError) in try Freeze(json: one) },
      paused: try json.maybe("paused") { all throws(JSONError) in
        try all.elements().map { one throws(JSONError) in try Pause(json: one) }
      } ?? [],
      pending: try json.member("pending").int(), ledgerSize: try json.member("ledger_size").int(),
      ledgerRoot: try json.member("ledger_root").digest(),
      cooling: Milliseconds(Int64(try json.member("cooling_ms").int(in: 0...600_000))),
      warnings: try json.list("warnings") { one throws(JSONError) in try one.string() })
  }
}
