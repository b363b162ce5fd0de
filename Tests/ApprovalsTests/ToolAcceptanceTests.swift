import Approvals
import Cryptography
import JSON
import MCP
import OperatorProtocol
import Orders
import Policy
import Simulation
import Testing
import Time

/// Definitions of tools: pinned at first sight, denied when they drift, accepted by a signature.
struct ToolAcceptanceTests {
  private let tool: Text = "wsBatchCreateOrders"
  private let changed = Bench.tool("wsBatchCreateOrders", description: "now also sends money")

  /// A gateway whose upstream has changed the definition of `wsBatchCreateOrders`.
  private func drifted() -> Playbook {
    var play = Playbook()
    drift(&play)
    return play
  }

  private func drift(_ play: inout Playbook) {
    play >> .toolsListed(upstream: Bench.upstream, listed(with: changed))
    play.saved()
    play.lines = []
  }

  private func listed(with other: ToolDefinition) -> [ToolDefinition] {
    Bench.tools.filter { $0.name != other.name } + [other]
  }

  private func view(_ play: Playbook, of tool: Text? = nil) -> ToolView? {
    play.gate.toolDefinitions(Bench.upstream, tool ?? self.tool)?.tool
  }

  // MARK: Pinned

  @Test(arguments: [
    #""title":"Order""#, #""annotations":{"readOnlyHint":true}"#, #""outputSchema":{}"#,
    #""icons":[]"#, #""_meta":{"x":1}"#, #""execution":{"taskSupport":"required"}"#,
    #""anything":"a model may read""#, #""description":"a t\u006Fol ""#,
  ])
  func aChangeOfAnyFieldIsDrift(_ field: String) throws {
    var play = Playbook()
    var json = Bench.tool(tool).json
    for (key, value) in Bench.object("{\(field)}").members { json[key] = value }
    let other = try ToolDefinition(json: JSONCursor(.object(json)))
    play >> .toolsListed(upstream: Bench.upstream, listed(with: other))
    #expect(view(play)?.state == .drifted)
  }

  @Test func theOrderOfKeysIsNoDrift() throws {
    var play = Playbook()
    let members = Bench.tool(tool).json.members.reversed()
    let other = try ToolDefinition(
      json: JSONCursor(.object(try #require(JSONObject(Array(members))))))
    play >> .toolsListed(upstream: Bench.upstream, listed(with: other))
    #expect(view(play)?.state == .pinned)
  }

  @Test func bothDefinitionsAreShownAlsoAfterARestart() {
    var play = drifted()
    play.restart()
    play >> .toolsListed(upstream: Bench.upstream, listed(with: changed))
    let shown = play.gate.toolDefinitions(Bench.upstream, tool)
    #expect(shown?.old == Bench.tool(tool).json)
    #expect(shown?.new == changed.json)
    #expect(shown?.isConsistent == true)
    #expect(shown?.tool.state == .drifted)
    #expect(play.gate.status.warnings.contains { $0.contains("1 tool definitions changed") })
  }

  // MARK: Accepted

  @Test func anAcceptanceIsRecordedAndInForceBeforeTheAnswer() throws {
    var play = drifted()
    play.shows = ["tools"]
    play.accepts("ada", try #require(view(play)))
    play << ["persist tool_accepted"]
    play.call()
    #expect(play.results.values.allSatisfy { $0.brief == "denied" }, "not before it is on disk")
    play.lines = []
    play.saved()
    #expect(play.lines.prefix(2) == ["tools", "accept 1"])
    #expect(view(play)?.state == .pinned)
    #expect(view(play)?.acceptedBy == "ada")
    #expect(view(play)?.revision == 2)
    let entry = try #require(play.ledger.last { $0.kind == "tool_accepted" })
    let body = try #require(try JSONParser.parse(entry.bytes, limits: .file)["body"])
    #expect(body["pinned"]?.stringValue == SHA256.hash(Bench.tool(tool).fingerprintInput).hex)
    #expect(body["accepted"]?.stringValue == SHA256.hash(changed.fingerprintInput).hex)
    #expect(body["by"] == "ada")
    play.lines = []
    play.call()
    play << ["persist denied,pending"]
  }

  @Test func anAcceptanceOutlivesARestart() throws {
    var play = drifted()
    play.accepts("ada", try #require(view(play)))
    play.saved()
    play.restart()
    play >> .toolsListed(upstream: Bench.upstream, listed(with: changed))
    #expect(view(play)?.state == .pinned)
    #expect(view(play)?.acceptedBy == "ada")
    play >> .toolsListed(upstream: Bench.upstream, Bench.tools)
    #expect(view(play)?.state == .drifted, "the first definition is the strange one now")
  }

  @Test func anAcceptanceThatIsNotOnDiskCountsForNothing() throws {
    var play = drifted()
    play.accepts("ada", try #require(view(play)))
    play.lines = []
    play >> .persistFailed([99], "no space left")
    #expect(play.lines.contains("refuse 1 unavailable"))
    play.reopens()
    play.saved()
    #expect(view(play)?.state == .drifted)
    play.accepts("ada", try #require(view(play)))
    play.saved()
    #expect(view(play)?.state == .pinned)
  }

  @Test func onlyWhatWasShownIsAccepted() throws {
    var play = drifted()
    let shown = try #require(view(play))
    let again = Bench.tool(tool, description: "and now something else")
    play >> .toolsListed(upstream: Bench.upstream, listed(with: again))
    play.saved()
    play.lines = []
    play.accepts("ada", shown)
    play << ["refuse 1 stale"]
    let other = SHA256.hash("another".utf8)
    play.accepts("ada", try #require(view(play))) { $0.new = other }
    play << ["refuse 2 stale"]
    play.accepts("ada", try #require(view(play))) { $0.old = other }
    play << ["refuse 3 stale"]
    play.accepts("ada", try #require(view(play))) { $0.revision = 7 }
    play << ["refuse 4 stale"]
    play.accepts("ada", try #require(view(play))) { $0.tool = "nothing" }
    play << ["refuse 5 not_found"]
    play.accepts("ada", try #require(view(play, of: "getTickers"))) {
      $0.new = SHA256.hash(Bench.tool("getTickers").fingerprintInput)
    }
    play << ["refuse 6 refused"]
    #expect(view(play)?.state == .drifted)
  }

  @Test func onlyAnOperatorsOwnSignatureCounts() throws {
    var play = drifted()
    let shown = try #require(view(play))
    play.accepts("eve", shown)
    play << ["refuse 1 forbidden"]
    play.accepts("zoe", shown)
    play << ["refuse 2 forbidden"]
    play.accepts("ada", shown, with: Bench.key(2))
    play << ["refuse 3 forbidden"]
    #expect(view(play)?.state == .drifted)
  }

  @Test func anAcceptanceCannotBePlayedAgain() throws {
    var play = drifted()
    let first = try #require(view(play))
    play.accepts("ada", first)
    play.saved()
    play >> .toolsListed(upstream: Bench.upstream, Bench.tools)
    play.accepts("ada", try #require(view(play)))
    play.saved()
    play >> .toolsListed(upstream: Bench.upstream, listed(with: changed))
    play.saved()
    play.lines = []
    play.accepts("ada", first)
    play << ["refuse 3 stale"]
    #expect(view(play)?.state == .drifted)
  }

  @Test func twoAcceptancesAtOnceAreOne() throws {
    var play = drifted()
    let shown = try #require(view(play))
    play.accepts("ada", shown)
    play.accepts("bob", shown)
    #expect(play.lines == ["persist tool_accepted", "refuse 2 refused"])
  }

  // MARK: What waits meanwhile

  @Test func whatIsPendingIsAskedAboutAnewAndNobodySignsMeanwhile() throws {
    var play = Playbook()
    play.held("wsCreateOrder", Bench.order("60000"))
    play.decides("ada")
    play.saved()
    #expect(play.state() == .partlySigned)
    let other = Bench.tool("wsCreateOrder", description: "other")
    play >> .toolsListed(upstream: Bench.upstream, listed(with: other))
    play.saved()
    play.lines = []
    play.decides("bob")
    play << ["refuse 2 refused"]
    #expect(play.state() == .partlySigned, "nothing is voided before the acceptance")
    play.accepts("ada", try #require(view(play, of: "wsCreateOrder")))
    play.saved()
    #expect(play.state() == .pending)
    let call = try #require(play.gate.held[play.id()])
    #expect(call.statement.revision == 2)
    #expect(call.statement.toolFingerprint == SHA256.hash(other.fingerprintInput))
    #expect(call.signatures.isEmpty)
    #expect(play.ledger.last?.kind == "pending")
  }

  @Test func aDefinitionThatComesBackVoidsNothing() {
    var play = Playbook()
    play.held()
    drift(&play)
    play >> .toolsListed(upstream: Bench.upstream, Bench.tools)
    play << ["persist tool_reverted"]
    play.decides("ada")
    play.saved()
    #expect(play.gate.held[play.id()]?.statement.revision == 1)
    #expect(play.state() == .approved)
  }

  @Test func whatWasApprovedUnderTheOldDefinitionIsBlocked() throws {
    var play = Playbook()
    play.held()
    play.decides("ada")
    play.saved()
    play >> .disconnected(RequestID(1))
    play >> .toolsListed(upstream: Bench.upstream, listed(with: changed))
    play.accepts("ada", try #require(view(play)))
    play >> .laneOpened(upstream: Bench.upstream, Bench.child("g1"))
    play.saved()
    #expect(play.state() == .blocked)
    #expect(play.dispatched.isEmpty)
  }

  @Test func anAcceptanceBeforeACrashStillAsksAboutWhatIsPending() throws {
    var play = Playbook()
    play.held()
    drift(&play)
    play.accepts("ada", try #require(view(play)))
    // The acceptance is on disk, what follows from it is not.
    play.savedOne()
    play.restart()
    play.saved()
    let call = try #require(play.gate.held[play.id()])
    #expect(call.statement.revision == 2)
    #expect(call.statement.toolFingerprint == SHA256.hash(changed.fingerprintInput))
  }

  // MARK: Lists that grow and shrink

  @Test func aToolThatComesLaterIsUnknownUntilItIsAccepted() throws {
    var play = Playbook(policy: Bench.policy(#""getTickers""#, #""get*""#))
    let late = Bench.tool("getPositions")
    play >> .toolsListed(upstream: Bench.upstream, Bench.tools + [late])
    play << ["persist tool_unknown"]
    #expect(view(play, of: late.name)?.state == .unknown)
    #expect(!play.gate.visibleTools(of: Bench.upstream).map(\.name).contains(late.name))
    play.call(late.name, [:])
    play << ["answer 1 denied"]
    play.restart()
    play >> .toolsListed(upstream: Bench.upstream, Bench.tools + [late])
    #expect(view(play, of: late.name)?.state == .unknown, "a restart accepts nothing")
    play.saved()
    play.lines = []
    play.accepts("ada", try #require(view(play, of: late.name)))
    play.saved()
    #expect(view(play, of: late.name)?.state == .pinned)
    #expect(play.gate.visibleTools(of: Bench.upstream).map(\.name).contains(late.name))
  }

  @Test func aToolThatDisappearsAndComesBackIsHeldToWhatWasAccepted() {
    var play = Playbook()
    play >> .toolsListed(upstream: Bench.upstream, Array(Bench.tools.dropFirst()))
    #expect(view(play)?.state == .absent)
    play.call()
    play << ["answer 1 denied"]
    play >> .toolsListed(upstream: Bench.upstream, Bench.tools)
    play << []
    #expect(view(play)?.state == .pinned)
    play >> .toolsListed(upstream: Bench.upstream, Array(Bench.tools.dropFirst()))
    play >> .toolsListed(upstream: Bench.upstream, listed(with: changed))
    play << ["persist denied,tool_drift"]
    #expect(view(play)?.state == .drifted)
  }

  @Test func oneNameAtTwoUpstreamsIsTwoTools() throws {
    var play = Playbook()
    play >> .toolsListed(upstream: "other", [changed])
    play << ["persist tool_pinned"]
    #expect(play.gate.toolDefinitions("other", tool)?.tool.state == .pinned)
    #expect(view(play)?.state == .pinned)
    drift(&play)
    #expect(play.gate.toolDefinitions("other", tool)?.tool.state == .pinned)
    play.accepts("ada", try #require(view(play))) { $0.upstream = "other" }
    play << ["refuse 1 stale"]
  }

  @Test func theLongestNameHasItsEntry() {
    var play = Playbook()
    let name = Text(String(repeating: "n", count: ToolDefinition.longestName))
    play >> .toolsListed(upstream: "other", [Bench.tool(name)])
    play << ["persist tool_pinned"]
    #expect(play.gate.toolDefinitions("other", name)?.tool.state == .pinned)
  }

  @Test func agentsHearWheneverTheListChanges() throws {
    var play = Playbook()
    play.shows = ["tools"]
    play >> .toolsListed(upstream: Bench.upstream, listed(with: changed))
    #expect(play.lines.contains("tools"))
    play.saved()
    play.lines = []
    play.accepts("ada", try #require(view(play)))
    #expect(!play.lines.contains("tools"))
    play.saved()
    #expect(play.lines.contains("tools"))
  }

  @Test func aFirstListThatCameWhileNothingCouldBeWrittenIsPinnedLater() {
    var play = Playbook()
    play >> .persistFailed([99], "no space left")
    play >> .toolsListed(upstream: "other", [changed])
    play.reopens()
    play.saved()
    #expect(play.kinds().last == "tool_pinned")
    play.restart()
    #expect(play.gate.toolDefinitions("other", tool)?.tool.accepted != nil)
  }
}

extension Playbook {
  /// An operator signs for what `shown` says the upstream lists.
  mutating func accepts(
    _ name: Text, _ shown: ToolView, with key: SigningKey? = nil,
    change: (inout ToolAcceptance) -> Void = { _ in }
  ) {
    var acceptance = ToolAcceptance(
      of: shown, new: shown.seen ?? SHA256.hash([]), reason: "read the release notes",
      operatorName: name, decidedAt: now)
    change(&acceptance)
    let signature = (key ?? Bench.keys[name] ?? Bench.ledgerKey).sign(acceptance.signedBytes)
    self >> .acceptTool(nextOperatorRequest(), acceptance, signature)
  }
}
