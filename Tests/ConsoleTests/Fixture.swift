import Cryptography
import Decimals
import JSON
import OperatorProtocol
import Terminal
import TestSupport
import Time

@testable import Console

/// 12:00:00 of a fixed day.
let noon = given(Timestamp(rfc3339: "2026-11-22T12:00:00Z"))

func seconds(_ count: Int64) -> Timestamp { noon + .seconds(count) }

/// Held calls as a gateway would list them.
struct Sample {
  var number: UInt8
  var agent: Text = "mm-alpha"
  var tool: Text = "wsBatchCreateOrders"
  var arguments: String
  var findings: [FindingView] = []
  var severity = Severity.pass
  var received = seconds(-41)
  var expires = seconds(600)
  var revision = 1
  var environment: Text = "testnet"
  var gross: Amount?
  var net: Amount?
  /// What every rule said, where the gateway tells.
  var checks: [FindingView] = []

  var id: BatchID {
    BatchID(at: noon, random: [UInt8](repeating: 0x5A, count: 9) + [number])
  }

  var object: JSONObject {
    given((try? JSONParser.parse(arguments))?.objectValue)
  }

  var statement: Statement {
    Statement(
      batch: id, revision: revision, agent: agent, upstream: "bybit", tool: tool,
      toolFingerprint: SHA256.hash("definition".utf8), arguments: object,
      environment: environment, expiresAt: expires, quorum: 1,
      policyDigest: SHA256.hash("policy".utf8))
  }

  private var orders: [JSONObject] {
    object["request"]?.arrayValue?.compactMap(\.objectValue) ?? []
  }

  var summary: BatchSummary {
    let symbols = orders.compactMap { $0["symbol"]?.textValue }
      .reduce(into: [Text]()) { if !$0.contains($1) { $0.append($1) } }
    return BatchSummary(
      id: id, state: .pending, digest: statement.digest, revision: revision, agent: agent,
      upstream: "bybit", tool: tool, legs: orders.count, symbols: symbols, grossNotional: gross,
      netNotional: net, byCurrency: [], receivedAt: received, expiresAt: expires,
      coolingUntil: nil, findings: findings, severity: severity,
      isReducing: orders.allSatisfy { $0["reduceOnly"] == true } && !orders.isEmpty,
      environment: environment, signedBy: [], quorum: 1, isAgentWaiting: true,
      lastAskedAt: seconds(-3), isAgentGone: false, supersedes: nil, identicalTo: nil, outcome: "",
      checks: CheckCounts(
        passed: checks.count { $0.evidence?.outcome == "pass" },
        notApplicable: checks.count { $0.evidence?.outcome == "not_applicable" }))
  }

  var detail: BatchDetail {
    BatchDetail(
      summary: summary, statement: JSONWriter.canonicalText(of: statement.json), legStates: [],
      checks: checks)
  }
}

extension Sample {
  static let calm = Sample(
    number: 1, agent: "grid-b",
    arguments: """
      {"category":"linear","request":[
       {"symbol":"ETHUSDT","side":"Buy","orderType":"Limit","qty":"1.50","price":"3207.10",
        "timeInForce":"PostOnly","orderLinkId":"grid-1"},
       {"symbol":"ETHUSDT","side":"Sell","orderType":"Limit","qty":"1.50","price":"3251.90",
        "timeInForce":"PostOnly","orderLinkId":"grid-2"}]}
      """,
    findings: [finding("A01", .pass), finding("A02", .pass), finding("F09", .note, [], "testnet")],
    severity: .note, gross: dollars("9688.50"), net: dollars("-67.20"))

  static let high = Sample(
    number: 2,
    arguments: """
      {"category":"linear","request":[
       {"symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.250","price":"64120.0",
        "timeInForce":"GTC","stopLoss":"63400","orderLinkId":"mma-1042-1"},
       {"symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.250","timeInForce":"IOC",
        "orderLinkId":"mma-1042-2"},
       {"symbol":"ETHUSDT","side":"Sell","orderType":"Limit","qty":"5.00","price":"3209.50",
        "timeInForce":"PostOnly","reduceOnly":true,"orderLinkId":"mma-1042-3"}]}
      """,
    findings: [
      finding("E02", .high, [2], "no stop: 16 084 at risk, 10% move = -1 608 (1.6% eq)", true),
      finding("C06", .high, [2], "walks 61% of book-50, est +34 bps (vwap 64 336.0)", true),
      finding("B03", .warn, [1], "crosses ask by 15 ticks: will take, not rest"),
      finding("D05", .note, [3], "reduces ETH long 8.0 -> 3.0"), finding("A01", .pass),
    ],
    severity: .high, received: seconds(-90), expires: seconds(72),
    gross: Amount(
      amount: "48161.50", currency: "USDT", estimated: true, asOf: seconds(-1)),
    net: Amount(amount: "16066.50", currency: "USDT", estimated: true, asOf: seconds(-1)))

  static let unchecked = Sample(
    number: 3, agent: "arb-x",
    arguments: """
      {"category":"inverse","request":[{"symbol":"BTCUSD","side":"Sell","orderType":"Limit",
       "qty":"12000","price":"64500","timeInForce":"GTC"}]}
      """,
    findings: [
      finding("KEY", .unchecked, [], "no account key: position, margin not checked", true)
    ],
    severity: .unchecked, received: seconds(-52))

  static let blocked = Sample(
    number: 4, agent: "grid-b",
    arguments: """
      {"category":"spot","request":[{"symbol":"SOLUSDT","side":"Buy","orderType":"Limit",
       "qty":"0.001","price":"150.00","timeInForce":"GTC"}]}
      """,
    findings: [finding("A04", .block, [1], "worth 0.15 USDT, least is 5 USDT")],
    severity: .block, received: seconds(-70))

  static let reducing = Sample(
    number: 5,
    arguments: """
      {"category":"linear","request":[{"symbol":"BTCUSDT","side":"Sell","orderType":"Market",
       "qty":"0.100","reduceOnly":true}]}
      """,
    findings: [finding("C06", .high, [1], "walks the book", true)], severity: .high,
    received: seconds(-20))

  static let call = Sample(
    number: 6, agent: "ops-bot", tool: "setLeverage",
    arguments: #"{"category":"linear","symbol":"BTCUSDT","buyLeverage":"50","sellLeverage":"50"}"#,
    severity: .note, received: seconds(-5))

  /// Text that tries to leave its cells.
  static let hostile = Sample(
    number: 7, agent: "a\u{1B}[2Jgent\u{202E}", tool: "note",
    arguments: #"{"text":"AAAA\rB\u001b]0;owned\u0007 \u202etxet\u200b","z":"pay\u00adload"}"#,
    findings: [
      finding("F07", .high, [], "approve now\u{1B}[31m\r\n LIVE \u{2066}ok\u{2069} \u{E0041}", true)
    ],
    severity: .high, received: seconds(-8))

  static let five: [Sample] = [.calm, .high, .unchecked, .blocked, .reducing]

  static func dollars(_ text: String) -> Amount {
    Amount(amount: given(ExactDecimal(text)), currency: "USDT", estimated: false, asOf: nil)
  }

  static func finding(
    _ rule: Text, _ severity: Severity, _ legs: [Int] = [], _ words: String = "checked",
    _ needsAcceptance: Bool = false
  ) -> FindingView {
    FindingView(
      rule: rule, severity: severity, legs: legs, words: words, needsAcceptance: needsAcceptance)
  }
}

extension StatusView {
  static func sample(
    feed: FeedState = .live, frozen: Freeze? = nil, verified: Bool = true,
    environment: Text = "testnet", warnings: [String] = []
  ) -> StatusView {
    StatusView(
      now: noon, gateway: "gw-1", environment: environment, isEnvironmentVerified: verified,
      account: "..4417", policyDigest: SHA256.hash("policy".utf8), feed: feed,
      isStoreWritable: true, frozen: frozen, pending: 0, ledgerSize: 3,
      ledgerRoot: SHA256.hash("root".utf8), cooling: .seconds(3), warnings: warnings)
  }
}

/// A console on a terminal that paints at once, with a clock of its own.
struct Desk {
  var model: ConsoleModel
  var now: Timestamp
  var size: Size
  /// What the shell draws for the next panel.
  var number = 47
  var effects: [ConsoleEffect] = []

  init(
    _ samples: [Sample] = [], width: Int = 120, height: Int = 40, at start: Timestamp = noon,
    keymap: Keymap = .standard
  ) {
    now = start
    model = ConsoleModel(at: start, keymap: keymap)
    size = Size(width: width, height: height)
    send(.signedIn(operatorName: "ops1", role: .approver))
    send(.linkUp)
    send(.feed(.status(.sample())))
    for sample in samples { add(sample) }
    effects = []
  }

  /// The row and, when it is asked for, the statement.
  mutating func add(_ sample: Sample) {
    send(.feed(.batch(sample.summary)))
    if model.queue.selected == sample.id { send(.detail(sample.detail)) }
  }

  mutating func send(_ event: ConsoleEvent) {
    deliver(event)
    paint()
  }

  private mutating func deliver(_ event: ConsoleEvent) {
    let done = model.handle(event, at: now)
    effects += done
    for case .drawDigits(let serial) in done { deliver(.digits(serial: serial, number: number)) }
  }

  mutating func paint() { deliver(.painted(model.picture(size: size).painted)) }

  mutating func wait(_ milliseconds: Int64) {
    now = now + Milliseconds(milliseconds)
    send(.tick)
  }

  mutating func press(_ keys: Key..., every gap: Int64 = 120) {
    for key in keys {
      now = now + Milliseconds(gap)
      send(.input(.key(key)))
    }
  }

  mutating func type(_ text: String, every gap: Int64 = 120) {
    for scalar in text.unicodeScalars { press(.character(scalar), every: gap) }
    // What follows the last key: a code counts when nothing does.
    wait(Arming.silenceAfterCode.count)
  }

  /// Moves the cursor to a batch and has its statement read and looked at.
  mutating func look(at sample: Sample) {
    while model.queue.selected != sample.id {
      let target = given(model.queue.order.firstIndex(of: sample.id))
      press(.character(target > given(model.queue.selectedIndex) ? "j" : "k"))
    }
    send(.detail(sample.detail))
    press(.pageDown, .pageDown, .pageDown, .pageDown)
    wait(2_000)
  }

  var picture: [String] { model.render(size: size).picture }
  var text: String { picture.joined(separator: "\n") }
  var isArmed: Bool { if case .arm = model.prompt { true } else { false } }

  var decisions: [Decision] {
    effects.compactMap { if case .submit(let decision, _) = $0 { decision } else { nil } }
  }

  var approvals: [Decision] { decisions.filter { $0.verb == .approve } }
}
