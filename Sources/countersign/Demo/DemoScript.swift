import Cryptography
import Foundation
import Gateway
import JSON
import MCP
import OperatorConsole
import OperatorProtocol
import Time

/// The demo without a terminal: a scripted operator decides, and each step is checked and printed.
struct DemoScript: Sendable {
  private let world: DemoWorld
  private let started = ContinuousClock.now

  private static let patience = Duration.seconds(20)

  init(_ world: DemoWorld) { self.world = world }

  func run() async throws {
    say("paper exchange at \(world.paperURL), gateway at \(world.agentsURL)")
    let agent = try DemoAgent(url: world.agentsURL, token: world.token)
    try await agent.connect()
    let tools = try await agent.tools()
    try check(tools.contains("wsBatchCreateOrders") && tools.contains("awaitApproval"), "tools")
    say("the agent sees \(tools.count) tools; those the policy denies are absent")
    let prices = try await DemoPrices.read("BTCUSDT", agent)
    say("an allowed read passes: BTCUSDT \(prices.bid) / \(prices.ask)")

    let pair = try await approve(.pair)
    try await untilFilled(pair)
    let ladder = try await propose(.ladder, last: nil)
    try await decide(ladder, .approve)
    try await untilLegs(ladder.id, "working", .working)
    let again = try await propose(.duplicate, last: ladder.arguments)
    try check(again.finding("D01"), "the duplicate is found")
    try await decide(again, .reject)
    let fat = try await propose(.fatFinger, last: nil)
    try check(fat.summary.severity >= .high, "the fat finger is HIGH")
    try await decide(fat, .reject)
    let cross = try await propose(.selfCross, last: nil)
    try check(cross.finding("D04"), "the self-cross is found")
    try await decide(cross, .reject)
    let hostile = try await propose(.hostile, last: nil)
    let shown = try Plain.lines(try await world.client.batch(hostile.id)).joined()
    try check(
      !shown.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x202E }, "safe text")
    try await decide(hostile, .reject)
    try await frozen()
    try await untilFilled(try await approve(.closing))
    try await finish()
  }

  // MARK: Steps

  private struct Held: Sendable {
    var summary: BatchSummary
    var arguments: JSONObject
    var outcome: Task<ToolResult, any Error>
    var id: BatchID { summary.id }

    func finding(_ rule: Text) -> Bool { summary.findings.contains { $0.rule == rule } }
  }

  private func approve(_ kind: DemoBatch.Kind) async throws -> Held {
    let held = try await propose(kind, last: nil)
    try await decide(held, .approve)
    return held
  }

  /// Lets an agent propose, and waits until the operator's side shows the batch with its checks.
  private func propose(_ kind: DemoBatch.Kind, last: JSONObject?) async throws -> Held {
    let known = Set(try await world.client.batches().map(\.id))
    let agent = try DemoAgent(url: world.agentsURL, token: world.token)
    try await agent.connect()
    let batch = try await DemoBatch.make(kind, agent, last: last)
    let outcome = Task { try await agent.callToTheEnd(batch.tool, batch.arguments) }
    let summary = try await until("\(kind.rawValue) is held") {
      try await world.client.batches().first { one in
        !known.contains(one.id) && one.state == .pending
          && (one.legs == 0 || !one.findings.contains { $0.severity == .unchecked })
      }
    }
    let gross = summary.grossNotional.map { Plain.text($0) } ?? "not an order batch"
    say("held: \(kind.rawValue), \(gross), \(summary.severity.rawValue.uppercased())")
    for finding in summary.findings where finding.severity > .note {
      say(
        "      \(finding.severity.rawValue.uppercased()) \(finding.rule) \(Plain.safe(finding.words))"
      )
    }
    return Held(summary: summary, arguments: batch.arguments, outcome: outcome)
  }

  private func decide(_ held: Held, _ verb: Decision.Verb) async throws {
    // Signed over what is shown now: the checks may have been refreshed since.
    let now = try await world.client.batch(held.id).summary
    let accepted = now.findings.filter(\.needsAcceptance).map(\.rule)
    let note = verb == .reject ? "not by me" : ""
    let decision = try Decision(
      verb, now, world.client.key.name, digest: now.digest.hex, note: note,
      accepted: verb == .approve ? accepted : [])
    _ = try await world.client.decide(decision, cooling: false)
    let result = try await held.outcome.value
    let state = result.heldState ?? "?"
    say("\(verb.rawValue): digest \(now.digest.hex.prefix(16)); the agent gets \"\(state)\"")
    try check(state == (verb == .approve ? "acknowledged" : "rejected"), "the agent's outcome")
  }

  private func frozen() async throws {
    try await halt(true)
    let held = try await propose(.pair, last: nil)
    do {
      _ = try await world.client.decide(
        try Decision(
          .approve, held.summary, world.client.key.name, digest: held.summary.digest.hex, note: "",
          accepted: held.summary.findings.filter(\.needsAcceptance).map(\.rule)), cooling: false)
      throw Failure(Failure.refused, "an approval passed while everything was frozen")
    } catch let error as OperatorClientError {
      say("frozen: the approval is refused: \(error.message)")
    }
    try await decide(held, .reject)
    try await halt(false)
  }

  private func halt(_ freezes: Bool) async throws {
    _ = try await world.client.halt(
      HaltOrder(
        freezes: freezes, operatorName: world.client.key.name, reason: "demo",
        decidedAt: SystemClock.now(), nonce: Text(Hex.encode(SystemRandom.bytes(16)))))
    say(freezes ? "freeze: nothing that moves money is sent" : "thaw")
  }

  private func untilFilled(_ held: Held) async throws {
    try await untilLegs(held.id, "filled", .filled)
    let fills = try await world.client.orders().fills.filter { $0.batch == held.id }
    for fill in fills { say("      \(Plain.line(fill))") }
  }

  private func untilLegs(_ id: BatchID, _ words: String, _ status: LegStatus) async throws {
    let legs = try await until("every leg is \(words)") {
      let legs = try await world.client.orders().orders.filter { $0.batch == id }
      return !legs.isEmpty && legs.allSatisfy { $0.status == status } ? legs : nil
    }
    say("the exchange's own stream says: \(legs.count) legs \(words)")
  }

  // MARK: The end

  /// What the exchange itself received must be exactly what was approved.
  private func finish() async throws {
    let batches = try await world.client.batches()
    let approved = Set(
      try await world.client.orders().orders.filter { $0.batch != nil }.map(\.orderLinkID))
    let received = try Set(receivedLinks())
    try check(approved == received, "orders at the exchange are exactly the approved ones")
    say("the exchange received \(received.count) orders, each approved, each once")
    try check(batches.allSatisfy(\.state.isSettled), "every batch is settled")
    let entries = try world.verifyLedger()
    say("the ledger verifies: \(entries) entries under the signed head")
    say("done in \((ContinuousClock.now - started).formatted(.units(allowed: [.seconds])))")
  }

  /// The link ids in the paper exchange's own log, in order, duplicates included.
  private func receivedLinks() throws -> [Text] {
    let log = try Files.read(world.place.path + "/paper.log", limit: 64 << 20)
    var links: [Text] = []
    for line in log.split(separator: UInt8(ascii: "\n")) {
      let entry = try JSONParser.parse(line, limits: .peer)
      guard entry["op"]?.textValue == "order.create-batch", let body = entry["body"]?.textValue,
        let request = try? JSONParser.parse(body.utf8, limits: .peer)
      else { continue }
      let legs = request["args"]?.arrayValue?.first?["request"]?.arrayValue ?? []
      links += legs.compactMap { $0["orderLinkId"]?.textValue }
    }
    try check(Set(links).count == links.count, "nothing was sent twice")
    return links
  }

  // MARK: Saying and checking

  private func say(_ words: String) {
    let seconds = (ContinuousClock.now - started).components.seconds
    Standard.line("[\(seconds < 10 ? " " : "")\(seconds) s] \(words)")
  }

  private func check(_ holds: Bool, _ what: String) throws {
    guard holds else { throw Failure(Failure.refused, "the demo failed: \(what)") }
  }

  private func until<T: Sendable>(
    _ what: String, _ look: () async throws -> T?
  ) async throws -> T {
    let deadline = ContinuousClock.now + Self.patience
    while ContinuousClock.now < deadline {
      if let found = try await look() { return found }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw Failure(Failure.refused, "the demo failed: not within \(Self.patience): \(what)")
  }
}
