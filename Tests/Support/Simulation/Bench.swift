package import Approvals
package import Cryptography
package import JSON
package import MCP
package import OperatorProtocol
package import Policy
package import Time

/// The small world that playbooks and simulation share: one upstream with six tools, two agents,
/// four operators with real keys, and a policy that allows, denies and holds.
package enum Bench {
  package static let upstream: Text = "bybit"
  package static let start = Timestamp(milliseconds: 1_760_000_000_000)
  package static let account = AccountIdentity(uid: "100200300", canTrade: false)

  // MARK: Rules

  /// One signature for batches, two for single orders, none for `createOrder`.
  package static let policyText = """
    {"version":"1","default":"deny","tools":{
      "wsBatchCreateOrders":{"action":"hold"},
      "wsCreateOrder":{"action":"hold","approval":{"quorum":2}},
      "createOrder":{"action":"allow"},
      "setLeverage":{"action":"hold"},
      "getTickers":{"action":"allow"},
      "amendOrder":{"action":"hold"},
      "batchCancelOrders":{"action":"hold"},
      "wsCancelOrder":{"action":"allow"}}}
    """

  /// The same document with one replacement.
  package static func policy(_ old: String = "", _ new: String = "") -> Policy {
    policy(policyText, old, new)
  }

  static func policy(_ document: String, _ old: String, _ new: String) -> Policy {
    precondition(document.contains(old), "the policy of the bench has no \(old)")
    let text = old.isEmpty ? document : document.replacing(old, with: new)
    guard let policy = try? Policy.parse(text.utf8) else {
      preconditionFailure("the policy of the bench is not well formed")
    }
    return policy
  }

  package static var settings: GateSettings {
    var settings = GateSettings()
    settings.gateway = "bench"
    settings.canConcludeAbsence = [upstream: true]
    // Open orders are not asked about unless a test says so.
    settings.followEvery = .minutes(24 * 60)
    return settings
  }

  // MARK: People

  package static let ledgerKey = key(9)
  /// `eve` may only look; `zoe` was revoked.
  package static let keys: [Text: SigningKey] = [
    "ada": key(1), "bob": key(2), "eve": key(3), "zoe": key(4),
  ]

  package static func key(_ seed: UInt8) -> SigningKey {
    guard let key = try? SigningKey(seed: [UInt8](repeating: seed, count: 32)) else {
      preconditionFailure("the system has no Ed25519")
    }
    return key
  }

  package static let registry: Registry = {
    var registry = Registry()
    for name in ["bot", "hal"] as [Text] {
      registry.agents[name] = Registry.Agent(name: name, tokenHash: SHA256.hash(name.bytes))
    }
    for (name, key) in keys {
      registry.operators[name] = Registry.Operator(
        name: name, key: key.publicKey, role: name == "eve" ? .viewer : .approver,
        isRevoked: name == "zoe")
    }
    return registry
  }()

  /// The records of a store in which everybody is registered and nothing happened yet.
  package static let records: [RecordKind: [Text: JSONValue]] = [
    .agent: registry.agents.mapValues(\.json), .approver: registry.operators.mapValues(\.json),
  ]

  package static func sign(
    _ verb: Decision.Verb, _ batch: BatchSummary, by name: Text, accepting: [Text]? = nil,
    note: String = "", at now: Timestamp, nonce: Int = 0, with key: SigningKey? = nil
  ) -> SignedDecision {
    let rules = batch.findings.filter(\.needsAcceptance).map(\.rule)
    let decision = Decision(
      verb: verb, batch: batch.id, revision: batch.revision, digest: batch.digest,
      environment: batch.environment, operatorName: name, accepted: accepting ?? rules,
      note: note, decidedAt: now, nonce: "n\(nonce)")
    return SignedDecision(decision, signedWith: key ?? keys[name] ?? ledgerKey)
  }

  package static func halt(
    freezes: Bool, by name: Text, at now: Timestamp, nonce: Int = 0
  ) -> (order: HaltOrder, signature: Signature) {
    halt(freezes ? .freeze : .thaw, by: name, at: now, nonce: nonce)
  }

  package static func halt(
    _ verb: HaltOrder.Verb, agent: Text? = nil, by name: Text, at now: Timestamp, nonce: Int = 0
  ) -> (order: HaltOrder, signature: Signature) {
    let order = HaltOrder(
      verb, agent: agent, operatorName: name, reason: verb == .thaw ? "go on" : "stop",
      decidedAt: now, nonce: "h\(nonce)")
    return (order, (keys[name] ?? ledgerKey).sign(order.signedBytes))
  }

  // MARK: Calls

  package static let tools: [ToolDefinition] = [
    "wsBatchCreateOrders", "wsCreateOrder", "createOrder", "setLeverage", "getTickers",
    "wsCancelOrder", "amendOrder", "batchCancelOrders",
  ].map { tool($0) }

  package static func tool(_ name: Text, description: String = "a tool") -> ToolDefinition {
    let json: JSONValue = [
      "name": .string(name), "description": .string(description),
      "inputSchema": ["type": "object"],
    ]
    guard let tool = try? ToolDefinition(json: JSONCursor(json)) else {
      preconditionFailure("the tools of the bench are not well formed")
    }
    return tool
  }

  /// What the child that sends looks like when nothing is wrong with it.
  package static func child(_ group: Text) -> LaneChild {
    LaneChild(
      group: group,
      fingerprints: Dictionary(
        uniqueKeysWithValues: tools.map { ($0.name, SHA256.hash($0.fingerprintInput)) }),
      account: account)
  }

  package static func object(_ text: String) -> JSONObject {
    guard let object = try? JSONParser.parse(text).objectValue else {
      preconditionFailure("no JSON object: \(text)")
    }
    return object
  }

  /// A batch of limit orders, one leg a price.
  package static func batch(_ prices: String..., more: String = "") -> JSONObject {
    let legs = prices.map { leg($0, more) }.joined(separator: ",")
    return object(#"{"category":"linear","request":[\#(legs)]}"#)
  }

  /// A single limit order.
  package static func order(_ price: String) -> JSONObject {
    var order = object(leg(price, ""))
    order["category"] = "linear"
    return order
  }

  private static func leg(_ price: String, _ more: String) -> String {
    #"{"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.1","price":"\#(price)"\#(more)}"#
  }
}
