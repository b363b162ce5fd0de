import Approvals
import Cryptography
import JSON
import MCP
import OperatorProtocol
import Orders
import Policy
import Simulation
import TestSupport
import Testing
import Time

/// What must not be possible although every part does what it is told.
struct GuardTests {
  // MARK: Played again

  @Test func aRecalledApprovalCannotBePlayedAgain() {
    var play = Playbook()
    play.held()
    let nonce: (inout Decision) -> Void = { $0.nonce = "once" }
    play.decides("ada", cools: true, change: nonce)
    play.saved()
    play.decides("ada", .recall)
    play.saved()
    #expect(play.state() == .pending)
    play.lines = []
    play.decides("ada", change: nonce)
    play << ["refuse 3 stale"]
    play.decides("ada", change: { $0.nonce = "" })
    play << ["refuse 4 stale"]
    play.restart()
    play.introduce()
    play.saved()
    play.call()
    play.lines = []
    play.decides("ada", change: nonce)
    play << ["refuse 5 stale"]
  }

  @Test func aThawCannotBePlayedAgain() {
    var play = Playbook()
    play.halts(true)
    let thaw = Bench.halt(freezes: false, by: "ada", at: play.now, nonce: 77)
    play >> .halt(OperatorRequestID(50), thaw.order, thaw.signature)
    play.saved()
    play.halts(true)
    play.saved()
    play.lines = []
    play >> .halt(OperatorRequestID(51), thaw.order, thaw.signature)
    play << ["refuse 51 stale"]
    #expect(play.gate.frozen != nil)
  }

  @Test func aThawCountsWhenItIsOnDiskAndAFreezeInBetweenWins() {
    var play = Playbook()
    play.halts(true)
    play.saved()
    play.halts(false)
    #expect(play.gate.frozen != nil)
    play.halts(true)
    play.saved()
    #expect(play.gate.frozen != nil)
  }

  @Test func aFreezeCountsWhileNothingCanBeWritten() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play >> .persistFailed([99], "no space left")
    play.lines = []
    play.halts(true)
    #expect(play.lines.contains { $0.hasPrefix("accept") })
    play.reopens()
    #expect(play.gate.frozen != nil)
    #expect(play.lines.contains("persist frozen"))
    play.saved()
    play.restart()
    #expect(play.gate.frozen != nil)
  }

  // MARK: Who

  @Test func twoNamesForOneKeyAreOnePerson() {
    var play = Playbook()
    var registry = Bench.registry
    registry.operators["alias"] = Registry.Operator(
      name: "alias", key: Bench.key(1).publicKey, role: .approver)
    play >> .registry(registry)
    play.saved()
    play.held("wsCreateOrder", Bench.order("60000"))
    play.decides("ada")
    play.saved()
    play.lines = []
    play.decides("alias", with: Bench.key(1))
    play << ["refuse 2 refused"]
    #expect(play.state() == .partlySigned)
  }

  @Test func whatARevokedAgentProposedIsOver() {
    var play = Playbook()
    play.held()
    var registry = Bench.registry
    registry.agents["bot"]?.isRevoked = true
    play >> .registry(registry)
    play.saved()
    #expect(play.state() == .withdrawn)
  }

  @Test func keysThatWereRegisteredBeforeTheStartAreInTheLedger() {
    var play = Playbook()
    play.saved()
    // Somebody who was revoked before it, too: the entry of that names a key that is known.
    #expect(play.kinds().count { $0 == "operator_added" } == 4)
    #expect(play.kinds().count { $0 == "operator_revoked" } == 1)
    play.restart()
    play.saved()
    #expect(play.kinds().count { $0 == "operator_added" } == 4)
    #expect(play.kinds().count { $0 == "operator_revoked" } == 1)
  }

  // MARK: What

  @Test(arguments: ["spot", "linear", "inverse", "option"])
  func ordersOfEveryCategoryAreHeld(_ category: String) {
    var play = Playbook()
    var batch = Bench.batch("60000")
    batch["category"] = .string(category)
    play.shows = ["watch"]
    play.call("wsBatchCreateOrders", batch)
    play << ["persist pending", "watch BTCUSDT"]
    #expect(play.gate.held.listings.map(\.category.rawValue) == [category])
  }

  /// The schema of `getTickers` for what follows.
  private static let schema = #"""
    {"name":"getTickers","inputSchema":{"type":"object","properties":{
      "symbol":{"type":"string"},
      "legs":{"type":"array","items":{"type":"object","properties":{"qty":{}}}}},
      "anyOf":[{"properties":{"kind":{}}}]}}
    """#

  @Test(arguments: [
    (#"{"symbol":"A","legs":[{"qty":"1"}],"kind":1,"other":{"a":1}}"#, true),
    (#"{"Symbol":"A"}"#, false), (#"{"symbol":"A","Symbol":"B"}"#, false),
    ("{\"\u{17F}ymbol\":\"A\"}", false), ("{\"\u{212A}ind\":\"A\"}", false),
    (#"{"legs":[{"qty":"1"},{"Qty":"1"}]}"#, false), (#"{"legs":{"Qty":"1"}}"#, true),
    (#"{"other":{"a":1,"A":2}}"#, false), (#"{"other":[[{"a":1,"A":2}]]}"#, false),
    (#"{"a":1,"other":{"A":2}}"#, true), (#"{"é":1,"É":2}"#, false), (#"{"x":{"qty":1}}"#, true),
  ])
  func keysThatDifferOnlyInCaseAreRefused(_ arguments: String, _ passes: Bool) throws {
    var play = Playbook()
    let json = try JSONParser.parse(Self.schema)
    let tickers = try ToolDefinition(json: JSONCursor(json))
    play >> .toolsListed(upstream: "other", [tickers])
    play.saved()
    play.lines = []
    play
      >> .call(
        AgentCall(
          request: RequestID(1), agent: "bot", client: "sim", upstream: "other",
          tool: "getTickers", arguments: Bench.object(arguments),
          random: [UInt8](repeating: 0, count: 10)))
    play << [passes ? "forward 1 getTickers" : "answer 1 denied"]
  }

  /// The reason is read by people: keys of the agent stand in it only where they are plain names.
  @Test(arguments: [
    ("{\"Symbol\":\"A\"}", "the argument \"Symbol\" differs from \"symbol\" only in case"),
    (
      "{\"\u{202E}approved\":1,\"\u{202E}Approved\":1}",
      "the argument (11 bytes) differs from (11 bytes) only in case"
    ),
  ])
  func aRefusedKeyIsRepeatedOnlyAsAPlainName(_ arguments: String, _ words: String) throws {
    var play = Playbook()
    let tickers = try ToolDefinition(json: JSONCursor(try JSONParser.parse(Self.schema)))
    play >> .toolsListed(upstream: "other", [tickers])
    play.saved()
    play
      >> .call(
        AgentCall(
          request: RequestID(1), agent: "bot", client: "sim", upstream: "other",
          tool: "getTickers", arguments: Bench.object(arguments),
          random: [UInt8](repeating: 0, count: 10)))
    #expect(
      play.results[1]?[meta: ToolResult.decisionKey]?["reason"]?.stringValue?
        .hasPrefix(words) == true)
  }

  /// The same of a number whose place lies under such a key.
  @Test func aNumberUnderAKeyThatIsNoPlainNameIsPlacedAboveIt() throws {
    var play = Playbook()
    let request = play.call("setLeverage", Bench.object("{\"a\":{\"\u{202E}b\":[1e0]}}"))
    let reason = play.results[request]?[meta: ToolResult.decisionKey]?["reason"]?.stringValue
    #expect(reason?.contains("$.a: 1e0 is not") == true && reason?.contains("\u{202E}") == false)
  }

  @Test func argumentsThatNobodyCanReadAreNotHeld() {
    var play = Playbook()
    let long = String(repeating: "x", count: Bench.settings.heldArgumentBytes)
    play.call("setLeverage", ["symbol": .string(long)])
    play << ["answer 1 denied"]
  }

  @Test func aCancelThatOvertookItsCallTakesItBack() {
    var play = Playbook()
    play >> .cancelled(RequestID(1))
    play.call()
    play << []
    #expect(play.gate.held.isEmpty)
    play.call()
    play << ["persist pending"]
  }

  // MARK: Whom it is sent through

  @Test func aChildWithAnotherDefinitionSendsNothing() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    var child = Bench.child("g1")
    child.fingerprints["wsBatchCreateOrders"] = SHA256.hash("another".utf8)
    play >> .laneOpened(upstream: Bench.upstream, child)
    play.saved()
    #expect(play.state() == .blocked)
    #expect(play.dispatched.isEmpty)
    #expect(play.lines.contains("kill g1"), "the next call gets another child")
  }

  @Test func aChildOfAnotherAccountSendsNothing() {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    var child = Bench.child("g1")
    child.account?.uid = "7"
    play >> .laneOpened(upstream: Bench.upstream, child)
    play.saved()
    #expect(play.state() == .blocked)
    #expect(play.dispatched.isEmpty)
  }

  @Test func nothingIsConcludedWhileTheOldGroupMayLive() {
    var play = Playbook()
    play.sent()
    play.answers(.lost("x"))
    play.saved()
    play >> .laneSurvives(upstream: Bench.upstream, group: "g1", "it survives")
    play.after(.minutes(2))
    #expect(!play.lines.contains("ask #1"))
    #expect(play.gate.status.warnings.contains { $0.contains("it survives") })
    play >> .laneKilled(upstream: Bench.upstream, group: "another")
    play.after(.minutes(2))
    #expect(!play.lines.contains("ask #1"))
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    play.after(.seconds(8))
    #expect(play.lines.contains("ask #1"))
  }

  @Test func nothingIsConcludedFromAnotherAccount() {
    var play = Playbook()
    play.sent()
    play.answers(.lost("x"))
    play >> .laneKilled(upstream: Bench.upstream, group: "g1")
    play.saved()
    let other = AccountIdentity(uid: "7", canTrade: false)
    play >> .identitySeen(upstream: Bench.upstream, other)
    play >> .readKeySeen(other)
    play.after(.seconds(8))
    play >> .exchangeRead(play.id(), .rows(orders: [], executions: []))
    play.saved()
    #expect(play.state() == .unknown)
  }

  @Test func anotherPolicyAfterARestartVoidsSignatures() {
    var play = Playbook()
    play.held("wsCreateOrder", Bench.order("60000"))
    play.decides("ada")
    play.saved()
    play.restart(with: Bench.policy(#""quorum":2"#, #""quorum":3"#))
    play.introduce()
    play.saved()
    #expect(play.state() == .pending)
    #expect(play.gate.held[play.id()]?.statement.revision == 2)
    #expect(play.gate.held[play.id()]?.signatures.isEmpty == true)
  }
}
