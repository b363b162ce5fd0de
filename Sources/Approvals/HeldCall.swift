package import Cryptography
package import Decimals
package import JSON
package import MCP
package import OperatorProtocol
package import Orders
import Risk
package import Time

/// One held call: what was proposed, what would be sent, and all that happened to it.
package struct HeldCall: Sendable {
  package var statement: Statement
  /// SHA-256 of the statement; kept beside it and checked again before dispatch.
  package var digest: Digest
  /// The arguments as the agent sent them.
  package var received: JSONObject
  package var repeatKey: Digest
  /// What the agent's program called itself, for the policy's conditions.
  package var client: Text?
  /// The session that it came in, as it was then.
  package var session: SessionFacts?
  package var rule: Text
  package var terms: HoldTerms
  package var state: HoldState
  package var receivedAt: Timestamp
  package var signatures: [SignedDecision] = []
  /// Of every decision that was taken: one that was recalled or voided cannot be played again.
  package var nonces: [Text] = []
  /// The account that it was sent to, as it was verified then.
  package var sentAs: Text?
  package var coolingUntil: Timestamp?
  /// The operator's session that the recall time depends on.
  package var coolingSession: UInt64?
  package var lastAskedAt: Timestamp
  /// Whether the agent was told the approval id.
  package var isTold = false
  package var isAgentGone = false
  package var supersedes: BatchID?
  package var identicalTo: BatchID?
  package var dispatchedAt: Timestamp?
  package var settledAt: Timestamp?
  package var outcome = ""
  /// What each leg would about have paid when it was approved, by its index.
  package var arrivals: [Int: ExactDecimal] = [:]
  /// What the agent gets once settled.
  package var result: ToolResult?
  /// Whether the outcome was written to a live request of the agent.
  package var isDelivered = false

  // Derived or held in memory only.
  package var order: OrderBatch?
  /// Of a call that changes or cancels orders.
  package var change: ChangeBatch?
  package var assessment = Assessment.none
  /// When the assessment was last shown for news of the market or the account.
  var shownAt = Timestamp(milliseconds: 0)
  /// Its numbers are other ones than those that were shown.
  var isShownLate = false
  /// The mid of each symbol when it was first known.
  var baselines: [Text: RiskSurroundings.Baseline] = [:]
  package var tracker: LegTracker?
  /// Whether the creation is on disk: before that nobody hears of it.
  package var isDurable = false

  package var id: BatchID { statement.batch }
  package var agent: Text { statement.agent }
  package var upstream: Text { statement.upstream }
  package var tool: Text { statement.tool }

  /// Nil for a call that is about no order.
  package var category: Orders.Category? { order?.category ?? change?.category }
  package var symbols: [Text] { order?.symbols ?? change?.symbols ?? [] }
  package var legCount: Int { order?.legs.count ?? change?.changes.count ?? 0 }

  /// Nothing known of any leg yet; nil for a call that names no order.
  func newTracker(since: Timestamp) -> LegTracker? {
    if let order { return LegTracker(order, since: since) }
    guard let change, !change.changes.isEmpty else { return nil }
    return LegTracker(change, since: since)
  }
}

extension HeldCall {
  /// The record that is stored; everything else is derived from it.
  package var record: JSONValue {
    .compact([
      "statement": statement.json, "received": .object(received),
      "repeat_key": .string(repeatKey.hex), "client": client.map { .string($0) },
      "session": session?.json,
      "rule": .string(rule), "terms": terms.json,
      "state": .string(state.rawValue), "received_at": .timestamp(receivedAt),
      "signatures": .array(signatures.map(\.json)),
      "nonces": .array(nonces.map { .string($0) }), "sent_as": sentAs.map { .string($0) },
      "last_asked_at": .timestamp(lastAskedAt), "told": .bool(isTold),
      "gone": .bool(isAgentGone), "supersedes": supersedes.map { .string($0.text) },
      "identical_to": identicalTo.map { .string($0.text) },
      "dispatched_at": dispatchedAt.map { .timestamp($0) },
      "settled_at": settledAt.map { .timestamp($0) }, "outcome": .string(outcome),
      "result": result.map { .object($0.json) }, "delivered": .bool(isDelivered),
      "arrivals": arrivals.isEmpty ? nil : .object(Self.json(of: arrivals)),
    ])
  }

  private static func json(of arrivals: [Int: ExactDecimal]) -> JSONObject {
    var object = JSONObject()
    for (leg, price) in arrivals.sorted(by: { $0.key < $1.key }) {
      object["\(leg)"] = .decimal(price)
    }
    return object
  }

  package init(record json: JSONCursor) throws(JSONError) {
    let statement = try Statement(json: try json.member("statement"))
    self.init(
      statement: statement, digest: statement.digest,
      received: try json.member("received").object(),
      repeatKey: try json.member("repeat_key").digest(), rule: try json.member("rule").text(),
      terms: try HoldTerms(json: try json.member("terms")),
      state: try json.member("state").one(of: HoldState.self),
      receivedAt: try json.member("received_at").timestamp(),
      lastAskedAt: try json.member("last_asked_at").timestamp())
    signatures = try json.list("signatures") { one throws(JSONError) in
      try SignedDecision(json: one)
    }
    nonces = try json.list("nonces") { one throws(JSONError) in try one.text() }
    client = try json.maybe("client") { name throws(JSONError) in try name.text() }
    session = try json.maybe("session") { one throws(JSONError) in try SessionFacts(json: one) }
    sentAs = try json.maybe("sent_as") { uid throws(JSONError) in try uid.text() }
    isTold = try json.member("told").bool()
    isAgentGone = try json.member("gone").bool()
    supersedes = try json.maybe("supersedes") { id throws(JSONError) in try id.batchID() }
    identicalTo = try json.maybe("identical_to") { id throws(JSONError) in try id.batchID() }
    dispatchedAt = try json.maybe("dispatched_at") { time throws(JSONError) in
      try time.timestamp()
    }
    settledAt = try json.maybe("settled_at") { time throws(JSONError) in try time.timestamp() }
    outcome = try json.member("outcome").string()
    result = try json.optional("result").flatMap { ToolResult(upstream: $0.value) }
    isDelivered = try json.member("delivered").bool()
    for (leg, price) in try json.optional("arrivals")?.members() ?? [] {
      guard let index = Int(leg.string) else { throw price.bad("no leg has this number") }
      arrivals[index] = try price.decimal()
    }
    isDurable = true
    deriveOrder()
  }

  /// Reads the order batch back from the arguments as they will be sent.
  mutating func deriveOrder() {
    switch OrderTool.named(statement.tool)?.kind {
    case .create:
      order = try? OrderBatch.parse(tool: statement.tool, arguments: statement.arguments)
    case .amend, .cancel:
      change = try? ChangeBatch.parse(tool: statement.tool, arguments: statement.arguments)
    case nil: break
    }
  }
}
