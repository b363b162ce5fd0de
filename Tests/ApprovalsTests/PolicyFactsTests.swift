import Approvals
import JSON
import MCP
import OperatorProtocol
import Policy
import Simulation
import Testing
import Time

/// What the policy may ask about a call besides its arguments, and what its answers lead to.
struct PolicyFactsTests {
  /// A policy with these rules for batches; two legs of `Bench.batch("60000", "59000")` are worth
  /// 11 900 USDT.
  private func play(_ rules: String) -> Playbook {
    Playbook(
      policy: Bench.policy(
        #""wsBatchCreateOrders":{"action":"hold"}"#,
        "\"wsBatchCreateOrders\":{\(rules)}"))
  }

  private func when(_ path: String, _ op: String, _ value: String) -> String {
    #"[{"conditions":[{"path":"\#(path)","op":"\#(op)","value":\#(value)}]}]"#
  }

  @Test(
    arguments: [
      ("order.notional.USDT", "gt", "11899.99", true),
      ("order.notional.USDT", "gt", "11900", false),
      ("order.buy.USDT", "eq", "11900", true), ("order.sell.USDT", "gt", "0", false),
      ("order.net.USDT", "eq", "11900", true), ("order.largest_leg.USDT", "gte", "6000", true),
      ("order.largest_leg.USDT", "gt", "6000", false), ("order.legs", "gt", "1", true),
      ("order.market_legs", "gt", "0", false), ("order.symbols", "contains", #""BTCUSDT""#, true),
      ("order.sides", "contains", #""Sell""#, false), ("order.category", "eq", #""linear""#, true),
      ("order.reduce_only", "eq", "true", false), ("order.estimated", "eq", "true", false),
      ("max(order.by_symbol[*].notional)", "gt", "11000", true),
      ("order.by_symbol[*].buy_qty", "eq", "0.2", true), ("server.name", "eq", #""bybit""#, true),
      ("client.name", "eq", #""sim""#, true), ("agent.name", "in", #"["bot"]"#, true),
      // What no leg is worth in is not known to be little.
      ("order.notional.BTC", "gt", "0", true),
    ] as [(String, String, String, Bool)])
  func areWhatTheBatchIs(_ path: String, _ op: String, _ value: String, _ isDenied: Bool) {
    var play = play(#""deny_if":\#(when(path, op, value))"#)
    play.call()
    #expect((play.results[1]?.isError == true) == isDenied)
  }

  @Test func aSumWithoutAPriceForEachLegIsNotTold() {
    var play = play(#""deny_if":\#(when("order.notional.USDT", "gt", "1000000000"))"#)
    let market = Bench.object(
      #"{"category":"linear","request":[{"symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.1"}]}"#
    )
    play.call("wsBatchCreateOrders", market)
    #expect(play.results[1]?.isError == true)
  }

  @Test func aFindingCanDecide() {
    var play = play(
      #""action":"hold","deny_if":\#(when("risk.fired", "contains", #""D01""#))"#)
    play.held()
    #expect(play.state() == .pending)
    // The same legs once more, in another batch: a duplicate.
    play.call("wsBatchCreateOrders", Bench.batch("60000", "59000", "58000"))
    #expect(play.results[2]?.isError == true)
    #expect(play.results[2]?.structured?["rule"] == "/tools/wsBatchCreateOrders/deny_if/0")
  }

  @Test func moreSignaturesForMore() throws {
    let list =
      #"[{"conditions":[{"path":"order.notional.USDT","op":"gt","value":10000}],"quorum":2},{"quorum":1}]"#
    var play = play(#""action":"hold","approval":\#(list)"#)
    play.held()
    #expect(play.gate.held[play.id(1)]?.statement.quorum == 2)
    play.held("wsBatchCreateOrders", Bench.batch("50000"))
    #expect(play.gate.held[play.id(2)]?.statement.quorum == 1)
  }

  @Test func moreSignaturesForAFinding() throws {
    let list =
      #"[{"conditions":[{"path":"risk.fired","op":"contains","value":"D01"}],"quorum":2},{"quorum":1}]"#
    var play = play(#""action":"hold","approval":\#(list)"#)
    play.held()
    #expect(play.gate.held[play.id(1)]?.statement.quorum == 1)
    // One leg of it once more: a duplicate.
    play.held("wsBatchCreateOrders", Bench.batch("60000"))
    #expect(play.gate.held[play.id(2)]?.statement.quorum == 2)
  }

  // MARK: Roles

  @Test func aSignatureOfAnotherRoleDoesNotCount() {
    var play = play(#""action":"hold","approval":{"roles":["admin"]}"#)
    play.held()
    play.decides("ada")
    play << ["refuse 1 forbidden"]
    #expect(play.state() == .pending)
  }

  @Test func theRolesAreKeptOverARestart() {
    var play = play(#""action":"hold","approval":{"roles":["admin"]}"#)
    play.held()
    play.restart()
    play.introduce()
    play.saved()
    play.call()
    play.lines = []
    play.decides("ada")
    play << ["refuse 1 forbidden"]
  }

  @Test func aPolicyThatAsksForAnotherRoleVoidsTheSignature() {
    var play = play(#""action":"hold","approval":{"quorum":2}"#)
    play.held()
    play.decides("ada")
    play.saved()
    #expect(play.state() == .partlySigned)
    let stricter = Bench.policy(
      #""wsBatchCreateOrders":{"action":"hold"}"#,
      #""wsBatchCreateOrders":{"action":"hold","approval":{"quorum":2,"roles":["admin"]}}"#)
    play >> .policy(stricter)
    play.saved()
    #expect(play.state() == .pending)
    play.lines = []
    play.decides("bob")
    play << ["refuse 2 forbidden"]
  }

  // MARK: At dispatch

  @Test func aWindowThatHasClosedBlocks() {
    // The bench starts at 08:53:20 in UTC on a Thursday.
    let window = #"{"from":"08:00","to":"09:00","zone":"UTC"}"#
    var play = play(#""action":"hold","require":\#(when("time.now", "within", window))"#)
    play.held()
    play.decides("ada")
    play.saved()
    play.now = play.now + .minutes(8)
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .blocked)
    #expect(play.dispatched.isEmpty)
  }

  @Test func aWindowThatIsOpenDoesNot() {
    let window = #"{"from":"08:00","to":"09:00","zone":"UTC"}"#
    var play = play(#""action":"hold","require":\#(when("time.now", "within", window))"#)
    play.sent()
    #expect(play.dispatched.count == 1)
  }

  // MARK: Shadow rules

  @Test func aShadowRuleIsRecordedWithTheCall() {
    let rule = #"[{"conditions":[],"shadow":true,"on_deny":"Not yet."}]"#
    var play = play(#""action":"hold","deny_if":\#(rule)"#)
    play.held()
    #expect(play.state() == .pending)
    let lines = play.ledger.map { String(decoding: $0.bytes, as: UTF8.self) }
      .filter { $0.contains("shadowed") }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("/tools/wsBatchCreateOrders/deny_if/0") == true)
  }
}
