package import Cryptography
import Decimals
package import JSON
package import MCP
package import OperatorProtocol
package import Orders
package import Policy
package import Risk
package import Time

/// One open request of an agent, numbered by the shell.
package struct RequestID: Hashable, Comparable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (a: RequestID, b: RequestID) -> Bool { a.number < b.number }
}

/// One open request of an operator, numbered by the shell.
package struct OperatorRequestID: Hashable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
}

/// A `tools/call` of an authenticated agent.
package struct AgentCall: Hashable, Sendable {
  package var request: RequestID
  package var agent: Text
  /// The name the client gave at `initialize`; empty where it gave none. Never used for security.
  package var client: Text
  package var upstream: Text
  package var tool: Text
  package var arguments: JSONObject
  /// Ten random bytes, for the decision id.
  package var random: [UInt8]
  /// Nil where the agent's protocol has no sessions.
  package var session: SessionFacts?
  /// SHA-256 of the canonical arguments.
  package let argumentsDigest: Digest
  /// Bytes of the canonical arguments.
  package let argumentsSize: Int
  /// What makes a call the same as an earlier one: agent, upstream, tool and arguments.
  package let repeatKey: Digest

  /// Canonicalises and hashes the arguments, so that the task that decides need not.
  package init(
    request: RequestID, agent: Text, client: Text, upstream: Text, tool: Text,
    arguments: JSONObject, random: [UInt8]
  ) {
    let canonical = JSONWriter.canonicalBytes(of: .object(arguments))
    argumentsDigest = SHA256.hash(canonical)
    argumentsSize = canonical.count
    repeatKey = SHA256.hash(
      JSONWriter.canonicalBytes(of: [
        "agent": .string(agent), "upstream": .string(upstream), "tool": .string(tool),
        "arguments_sha256": .string(argumentsDigest.hex),
      ]))
    self.request = request
    self.agent = agent
    self.client = client
    self.upstream = upstream
    self.tool = tool
    self.arguments = arguments
    self.random = random
  }
}

/// The MCP session that a call came in, as it was then.
package struct SessionFacts: Hashable, Sendable {
  /// Never used twice, also not by a later run of the gateway.
  package var id: Text
  /// Calls that came in it before.
  package var calls: Int
  package var age: Milliseconds

  package init(id: Text, calls: Int, age: Milliseconds) {
    self.id = id
    self.calls = calls
    self.age = age
  }
}

extension SessionFacts: JSONConvertible {
  /// As the policy sees it: the age in seconds.
  package var json: JSONValue {
    [
      "id": .string(id), "calls": .int(calls),
      "age": .decimal(ExactDecimal(coefficient: Int128(age.count), scale: 3).normalized),
    ]
  }

  package init(json: JSONCursor) throws(JSONError) {
    try json.allow(only: ["id", "calls", "age"])
    let age = try json.member("age").decimal()
    guard let whole = try? age.rescaled(to: 3, rounding: .down),
      let count = Int64(exactly: whole.coefficient)
    else { throw json.bad("the age is too large") }
    self.init(
      id: try json.member("id").text(), calls: try json.member("calls").int(),
      age: .milliseconds(count))
  }
}

/// How an upstream answered a dispatched call.
package enum DispatchAnswer: Hashable, Sendable {
  case result(ToolResult)
  case refused(RPCError)
  /// Provably no byte of the call left the gateway.
  case notSent(String)
  /// The call may have been executed: a broken pipe, a lost connection.
  case lost(String)
}

/// What the exchange itself says about the orders of a batch whose outcome is not known.
package enum ExchangeReading: Hashable, Sendable {
  /// All rows of realtime, history and executions that were found by `orderLinkId`; complete.
  case rows(orders: [JSONObject], executions: [JSONObject])
  case failed(String)
}

/// The account's open orders, whoever made them.
package struct OpenOrders: Hashable, Sendable {
  package var rows: [JSONObject]
  /// Categories of which no open order is left out.
  package var complete: Set<Orders.Category>
  /// When the reading began.
  package var readAt: Timestamp

  package init(rows: [JSONObject], complete: Set<Orders.Category>, readAt: Timestamp) {
    self.rows = rows
    self.complete = complete
    self.readAt = readAt
  }
}

/// The child that runs to send held calls, as it was found right after its start.
package struct LaneChild: Hashable, Sendable {
  /// Identifies its process group for a later kill.
  package var group: Text
  /// SHA-256 of each tool's definition, by name.
  package var fingerprints: [Text: Digest]
  /// The account that it trades for; nil when it does not tell.
  package var account: AccountIdentity?

  package init(group: Text, fingerprints: [Text: Digest], account: AccountIdentity?) {
    self.group = group
    self.fingerprints = fingerprints
    self.account = account
  }
}

/// Which account something trades for.
package struct AccountIdentity: Hashable, Sendable {
  package var uid: Text
  package var canTrade: Bool

  package init(uid: Text, canTrade: Bool) {
    self.uid = uid
    self.canTrade = canTrade
  }
}

/// All that happens to the gateway. Every event is handled at a moment that the shell names.
package enum GateEvent: Sendable {
  // Agents
  case call(AgentCall)
  case cancelled(RequestID)
  case disconnected(RequestID)
  /// An answer was written to the agent's connection, or could not be.
  case answered(RequestID, delivered: Bool)
  /// The upstream is done with a forwarded call of which this was asked for.
  case forwardEnded(RequestID, ForwardEnd)

  // Operators
  /// `cools` asks for the recall time of a console; `session` is the one that signed.
  case decide(OperatorRequestID, SignedDecision, session: UInt64, cools: Bool)
  case halt(OperatorRequestID, HaltOrder, Signature)
  case acceptTool(OperatorRequestID, ToolAcceptance, Signature)
  /// The event stream of an operator's session ended.
  case sessionEnded(UInt64)

  // Store
  case persisted([Int])
  case persistFailed([Int], String)
  case storeRestored(StoreSnapshot)

  // Upstreams
  case toolsListed(upstream: Text, [ToolDefinition])
  case laneOpened(upstream: Text, LaneChild)
  case laneFailed(upstream: Text, String)
  /// No process of the group is left; nil where none was recorded.
  case laneKilled(upstream: Text, group: Text?)
  /// The group may still run: it is tried again, and nothing is concluded meanwhile.
  case laneSurvives(upstream: Text, group: Text?, String)
  case dispatchAnswered(BatchID, DispatchAnswer)

  case ordersCancelled(OperatorRequestID, CancelCall, DispatchAnswer)

  // Exchange
  case identitySeen(upstream: Text, AccountIdentity?)
  case readKeySeen(AccountIdentity?)
  case feed(FeedState)
  case orderRows([JSONObject])
  case executionRows([JSONObject])
  case exchangeRead(BatchID, ExchangeReading)
  /// From a backfill, or as it was asked for.
  case openOrders(OpenOrders)
  /// Orders made elsewhere, by the exchange's ids.
  case ordersRead([Text], ExchangeReading)
  /// Prices of symbols of one category; others keep theirs.
  case market(MarketSnapshot, Orders.Category)
  /// The account as far as one category concerns it; nil is about every category.
  case account(AccountSnapshot, Orders.Category?)

  // Administration
  case registry(Registry)
  case policy(Policy)
  /// A policy file that was refused: the old one stays in force and the header says so.
  case policyRefused(String)
  case tick
  /// The end is near: who waits is told what to ask for later, and nothing new is begun.
  case closing
  /// The end: what is known is written.
  case stopping
}
