import Cryptography
import JSON
import OperatorProtocol
import Terminal
import TestSupport
import Testing
import Time

@testable import Console

/// Definitions that changed: looked at whole, and accepted behind the same interlocks as a batch.
@Suite struct ToolDeskTests {
  static let name = ToolName(upstream: "bybit", tool: "wsBatchCreateOrders")

  static func definitions(
    _ old: String?, _ new: String, tool: Text = "wsBatchCreateOrders"
  ) -> ToolDefinitions {
    func object(_ words: String) -> JSONObject {
      [
        "name": .string(tool), "description": .string(Text(words)),
        "inputSchema": ["type": "object", "properties": ["category": ["type": "string"]]],
      ]
    }
    func digest(_ object: JSONObject) -> Digest {
      SHA256.hash(JSONWriter.canonicalBytes(of: .object(object)))
    }
    let (before, after) = (old.map(object), object(new))
    return ToolDefinitions(
      tool: ToolView(
        upstream: "bybit", tool: tool, state: old == nil ? .unknown : .drifted,
        accepted: before.map(digest), seen: digest(after), revision: old == nil ? 0 : 2,
        acceptedAt: old == nil ? nil : seconds(-3_600), acceptedBy: old == nil ? nil : "ops2"),
      old: before, new: after)
  }

  static let changed = definitions(
    "Places several orders. Asks a person first.", "Places several orders. Never asks.")

  /// A desk with the changed definition on the screen.
  static func desk(
    _ shown: ToolDefinitions = changed, width: Int = 120, height: Int = 40
  ) -> Desk {
    var desk = Desk([.calm], width: width, height: height)
    desk.press("8")
    desk.send(.tools([shown.tool]))
    desk.press(.enter)
    desk.send(.toolDefinitions(shown))
    return desk
  }

  /// Types the reason and opens the panel.
  static func open(_ desk: inout Desk) {
    desk.press("a")
    desk.type("read it with the vendor")
    desk.press(.enter)
  }

  static func ready(_ shown: ToolDefinitions = changed) -> Desk {
    var desk = desk(shown)
    desk.press(.pageDown, .pageDown)
    desk.wait(1_000)
    return desk
  }

  private func acceptances(_ desk: Desk) -> [ToolAcceptance] {
    desk.effects.compactMap { if case .acceptTool(let one) = $0 { one } else { nil } }
  }

  @Test func `a definition is read, shown line by line, and accepted`() throws {
    var desk = Self.ready()
    #expect(desk.effects.contains(.fetchTool(Self.name)))
    #expect(desk.text.contains("-"))
    #expect(desk.picture.contains { $0.contains("- ") && $0.contains("Asks a person first.") })
    #expect(desk.picture.contains { $0.contains("+ ") && $0.contains("Never asks.") })
    Self.open(&desk)
    #expect(desk.text.contains("ACCEPT THE DEFINITION OF"))
    #expect(desk.text.contains("reason read it with the vendor"))
    desk.wait(2_000)
    desk.type("wsBatchCreateOrders47")
    let one = try #require(acceptances(desk).first)
    #expect(acceptances(desk).count == 1)
    #expect(one.old == Self.changed.tool.accepted)
    #expect(one.new == Self.changed.tool.seen)
    #expect((one.revision, one.reason) == (2, "read it with the vendor"))
    #expect(desk.decisions.isEmpty)
    var over = Self.changed.tool
    (over.state, over.accepted, over.revision) = (.pinned, over.seen, 3)
    desk.send(.toolAnswered(Self.name, .done(over)))
    #expect(desk.text.contains("is accepted"))
    desk.press("a")
    #expect(desk.text.contains("it is accepted already"))
  }

  @Test(arguments: ["47", "wsBatchCreateOrdersX", "wsbatchCreateOrders47", "wsBatchCreateOrders48"])
  func `no short cut accepts`(keys: String) {
    var desk = Self.ready()
    Self.open(&desk)
    desk.wait(2_000)
    desk.type(keys)
    #expect(!desk.isArmed)
    #expect(acceptances(desk).isEmpty)
  }

  @Test(arguments: [0, 1, 10, 30, 100, 400] as [Int64])
  func `what is typed behind Enter, at any distance, counts for nothing`(gap: Int64) {
    var desk = Self.ready()
    Self.open(&desk)
    for scalar in "wsBatchCreateOrders47".unicodeScalars {
      desk.press(.character(scalar), every: gap)
    }
    desk.wait(100)
    #expect(acceptances(desk).isEmpty)
  }

  @Test func `what was not on the screen is not accepted`() {
    let long = (0..<200).map { "Sentence number \($0)." }.joined(separator: " ")
    var desk = Self.desk(Self.definitions("Short.", long), width: 80, height: 24)
    desk.wait(2_000)
    desk.press("a")
    #expect(desk.text.contains("not all of it was seen yet; scroll with Space"))
    for _ in 0..<30 { desk.press(.pageDown) }
    desk.press("a")
    #expect(desk.text.contains("reason for the ledger"))
  }

  @Test func `a reason is needed`() {
    var desk = Self.ready()
    desk.press("a", .enter)
    #expect(desk.text.contains("reason for the ledger, needed"))
    #expect(!desk.isArmed)
    desk.press(.escape)
    #expect(desk.model.prompt == .none)
  }

  @Test func `a definition that is not what its fingerprint says is not accepted`() {
    var lie = Self.changed
    lie.new?["description"] = "Asks twice."
    var desk = Self.ready(lie)
    #expect(desk.text.contains("DIGEST MISMATCH"))
    desk.press("a")
    #expect(desk.text.contains("do not accept it"))
    #expect(desk.model.prompt == .none)
  }

  static let changes: [(words: String, make: @Sendable (inout Desk) -> Void)] = [
    (
      "the definition changed",
      { $0.send(.tools([definitions("Places several orders. Asks a person first.", "New.").tool])) }
    ),
    ("the tool is gone", { $0.send(.tools([])) }),
    (
      "it is accepted already",
      {
        var tool = changed.tool
        tool.state = .pinned
        $0.send(.tools([tool]))
      }
    ),
    ("the connection to the gateway is lost", { $0.send(.linkDown("reset")) }),
    ("something was pasted", { $0.send(.input(.pasteBegan)) }),
    ("the terminal lost the focus", { $0.send(.input(.focusLost)) }),
    ("was resized", { $0.send(.input(.resized(Size(width: 90, height: 30)))) }),
    ("was suspended", { $0.press(.control("z")) }),
    (
      "your role is viewer",
      {
        $0.send(.signedIn(operatorName: "ops1", role: .viewer))
      }
    ),
  ]

  @Test(arguments: changes.indices) func `a change closes the panel and says why`(index: Int) {
    var desk = Self.ready()
    Self.open(&desk)
    desk.wait(2_000)
    #expect(desk.isArmed)
    Self.changes[index].make(&desk)
    #expect(!desk.isArmed)
    #expect(desk.text.contains("DISARMED"))
    #expect(desk.text.contains(Self.changes[index].words))
    desk.type("wsBatchCreateOrders47")
    #expect(acceptances(desk).isEmpty)
  }

  @Test func `a change while the reason is typed opens no panel`() {
    var desk = Self.ready()
    desk.press("a")
    desk.type("read")
    desk.send(.tools([Self.definitions("Old.", "New.").tool]))
    desk.press(.enter)
    #expect(!desk.isArmed)
    #expect(desk.text.contains("not possible"))
  }

  @Test func `a name that cannot be typed is replaced by digits of the fingerprint`() throws {
    let odd = Self.definitions(nil, "Hello.", tool: "wr\u{202E}ite")
    let acceptance = ToolAcceptance(
      of: odd.tool, new: try #require(odd.tool.seen), reason: "x", operatorName: "ops1",
      decidedAt: noon)
    let arming = Arming(serial: 1, acceptance: acceptance)
    let phrase = String(String.UnicodeScalarView(arming.phrase))
    #expect(phrase == String(acceptance.new.hex.prefix(8)))
  }

  @Test func `frozen or not, a definition can be accepted, and no batch key reaches it`() {
    var desk = Self.ready()
    desk.send(.feed(.status(.sample(frozen: .init(by: "ops2", reason: "x", since: noon)))))
    Self.open(&desk)
    #expect(desk.isArmed)
    desk.press(.escape, "x", "m", "P")
    #expect(desk.model.prompt == .none)
    #expect(desk.decisions.isEmpty)
  }

  @Test func `the list has what waits first, and the cursor stays on its tool`() {
    var desk = Desk([], width: 120, height: 40)
    desk.press("8")
    desk.send(.tools(Live.tools))
    #expect(desk.model.tools.map(\.state) == [.drifted, .unknown, .absent, .pinned])
    desk.press("j")
    #expect(desk.model.toolCursor == ToolName(upstream: "notes", tool: "write"))
    var news = Live.tools
    news[0].state = .drifted
    desk.send(.tools(news))
    #expect(desk.model.toolCursor == ToolName(upstream: "notes", tool: "write"))
    desk.press("7")
    desk.send(.policy(Live.policy))
    #expect(desk.text.contains("3 definitions wait to be accepted"))
  }

  @Test func `keys on a screen and lines end in the same acceptance`() throws {
    var desk = Self.ready()
    Self.open(&desk)
    desk.wait(2_000)
    desk.type("wsBatchCreateOrders47")
    var line = PlainTests.Line([.calm])
    line.send(.tools([Self.changed.tool]))
    line.type("accept bybit wsBatchCreateOrders too early")
    #expect(line.text.contains("Not yet: drift bybit wsBatchCreateOrders"))
    line.type("drift bybit wsBatchCreateOrders")
    line.send(.toolDefinitions(Self.changed))
    #expect(line.text.contains("Never asks."))
    line.wait(1_000)
    line.type("accept bybit wsBatchCreateOrders read it with the vendor")
    line.wait(2_000)
    line.type("wsBatchCreateOrders")
    line.wait(3_000)
    line.type("47")
    line.wait(500)
    let lines = line.effects.compactMap { if case .acceptTool(let one) = $0 { one } else { nil } }
    var (a, b) = (try #require(acceptances(desk).first), try #require(lines.first))
    (a.decidedAt, b.decidedAt) = (noon, noon)
    #expect(a == b)
  }

  // MARK: Limits

  @Test func `limits are the agent's and everybody's, digit for digit`() {
    var desk = Desk([.calm], width: 120, height: 40)
    desk.press("6")
    #expect(desk.effects.contains(.fetchPage(.limits)))
    desk.send(.agents(Live.agents))
    desk.send(.limits(Live.limits))
    desk.press("j")
    let rows = desk.picture.map { $0.split(separator: " ").map(String.init) }
    #expect(rows.contains { $0.prefix(5) == ["orders", "41", "200", "##........", "21%"] })
    #expect(
      rows.contains {
        $0.prefix(9) == [
          "notional,", "symbol", "ETHUSDT", "118", "250.75", "125", "000", "#########.", "95%",
        ]
      })
    #expect(desk.text.contains("in_flight, all agents"))
    #expect(!desk.text.contains("calls, tool"))
  }
}
