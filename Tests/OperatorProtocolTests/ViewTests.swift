import Cryptography
import Decimals
import JSON
import Testing
import Time

@testable import OperatorProtocol

/// What consoles are told reads back as it was written, and nothing unknown is skipped.
struct ViewTests {
  static let time = Timestamp(milliseconds: 1_760_000_000_000)

  static let batch = BatchSummary(
    id: StatementTests.statement.batch, state: .partlySigned, digest: SHA256.hash([1]),
    revision: 2, agent: "bot", upstream: "bybit", tool: "wsBatchCreateOrders", legs: 2,
    symbols: ["BTCUSDT"],
    grossNotional: Amount(amount: "12000.50", currency: "USDT", estimated: true, asOf: time),
    netNotional: nil, byCurrency: [], receivedAt: time, expiresAt: time + .minutes(15),
    coolingUntil: time + .seconds(3),
    findings: [
      FindingView(rule: "B05", severity: .high, legs: [1], words: "old", needsAcceptance: true)
    ], severity: .high, isReducing: false, environment: "paper", signedBy: ["ada"], quorum: 2,
    isAgentWaiting: true, lastAskedAt: time, isAgentGone: false, supersedes: nil,
    identicalTo: StatementTests.statement.batch, outcome: "")

  static let leg = LegView(
    batch: StatementTests.statement.batch, leg: 1, agent: "bot", orderLinkID: "cs-1",
    orderID: "o1", symbol: "BTCUSDT", side: "Buy", orderType: "Limit", quantity: "0.10",
    price: "60000", status: .partFilled, filled: "0.05", averagePrice: "59999.5", fees: "-0.01",
    words: "", updatedAt: time)

  static let fill = FillView(
    execID: "e1", batch: nil, leg: 0, agent: "", orderLinkID: "", symbol: "BTCUSDT",
    side: "Sell", price: "60000", quantity: "1", fee: "0.1", isMaker: true, time: time)

  static func status(_ feed: FeedState) -> StatusView {
    StatusView(
      now: time, gateway: "g", environment: "paper", isEnvironmentVerified: true,
      account: "uid 1234", policyDigest: SHA256.hash([2]), feed: feed, isStoreWritable: false,
      frozen: StatusView.Freeze(by: "ada", reason: "stop", since: time), pending: 3,
      ledgerSize: 9, ledgerRoot: SHA256.hash([3]), cooling: .seconds(3), warnings: ["w"])
  }

  static let events: [OperatorEvent] = [
    .batch(batch), .order(leg), .fill(fill), .reset, .ledger(["index": 1]),
    .status(status(.live)), .status(status(.notConfigured)), .status(status(.connecting)),
    .status(status(.stale(since: time))),
  ]

  @Test(arguments: events) func everyEventReadsBack(event: OperatorEvent) throws {
    let bytes = JSONWriter.bytes(of: event.payload)
    let payload = try JSONParser.parse(bytes, limits: .file)
    #expect(try OperatorEvent(name: event.name, payload: JSONCursor(payload)) == event)
  }

  static let tools: [ToolView] = ToolView.State.allCases.map {
    ToolView(
      upstream: "bybit", tool: "t", state: $0,
      accepted: $0 == .unknown ? nil : SHA256.hash(Array(#"{"a":1}"#.utf8)),
      seen: $0 == .absent ? nil : SHA256.hash(Array(#"{"a":2}"#.utf8)),
      revision: $0 == .unknown ? 0 : 2, acceptedAt: $0 == .unknown ? nil : time,
      acceptedBy: $0 == .drifted ? "ada" : nil)
  }

  @Test(arguments: tools) func everyToolReadsBack(tool: ToolView) throws {
    #expect(try ToolView(json: JSONCursor(tool.json)) == tool)
    let whole = ToolDefinitions(
      tool: tool, old: tool.accepted == nil ? nil : ["a": 1],
      new: tool.seen == nil ? nil : ["a": 2])
    #expect(try ToolDefinitions(json: JSONCursor(whole.json)) == whole)
    #expect(whole.isConsistent)
    var other = whole
    other.new = ["a": 3]
    #expect(!other.isConsistent)
  }

  @Test func anUnknownEventIsAnError() {
    #expect(throws: JSONError.self) {
      try OperatorEvent(name: "surprise", payload: JSONCursor([:]))
    }
  }

  @Test func everyRefusalHasAStatusAndReadsBack() throws {
    for code in OperatorRefusal.Code.allCases {
      let refusal = OperatorRefusal(code, "why")
      #expect((400..<600).contains(code.status))
      #expect(try OperatorRefusal(json: JSONCursor(refusal.json)) == refusal)
    }
  }

  @Test func rolesAndStatesAreOrdered() {
    #expect(Role.viewer < .approver && Role.approver < .admin && !Role.viewer.canDecide)
    #expect(Severity.unchecked < .high && Severity.high < .block)
    for state in HoldState.allCases { #expect(!(state.isOpen && state.isSettled)) }
  }
}
