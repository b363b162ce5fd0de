import Cryptography
import JSON
import Testing
import Time

@testable import OperatorProtocol

/// Decisions, halts and ids as they travel.
struct DecisionTests {
  static let decision = Decision(
    verb: .approve, batch: StatementTests.statement.batch, revision: 1,
    digest: StatementTests.statement.digest, environment: "paper", operatorName: "ada",
    accepted: ["B05", "KEY"], note: "ok", decidedAt: Timestamp(milliseconds: 1_760_000_000_001),
    nonce: "n1")

  private func key(_ seed: UInt8) throws -> SigningKey {
    try SigningKey(seed: [UInt8](repeating: seed, count: 32))
  }

  @Test func aSignedDecisionReadsBackAndVerifies() throws {
    let signed = SignedDecision(Self.decision, signedWith: try key(1))
    let json = try JSONParser.parse(JSONWriter.canonicalBytes(of: signed.json), limits: .file)
    let back = try SignedDecision(json: JSONCursor(json))
    #expect(back == signed)
    #expect(back.isSigned(by: try key(1).publicKey))
    #expect(!back.isSigned(by: try key(2).publicKey))
  }

  static let changes: [@Sendable (inout Decision) -> Void] = [
    { $0.verb = .reject }, { $0.revision = 2 }, { $0.digest = SHA256.hash([1]) },
    { $0.environment = "mainnet" }, { $0.operatorName = "bob" }, { $0.accepted = ["B05"] },
    { $0.note = "" }, { $0.decidedAt = $0.decidedAt + .milliseconds(1) }, { $0.nonce = "n2" },
  ]

  @Test(arguments: changes.indices) func theSignatureCoversEveryField(at: Int) throws {
    var signed = SignedDecision(Self.decision, signedWith: try key(1))
    Self.changes[at](&signed.decision)
    #expect(!signed.isSigned(by: try key(1).publicKey))
  }

  @Test func aLongNoteIsRefused() throws {
    var decision = Self.decision
    decision.note = String(repeating: "x", count: Decision.noteLimit)
    #expect(try Decision(json: JSONCursor(decision.json)) == decision)
    decision.note += "x"
    #expect(throws: JSONError.self) { try Decision(json: JSONCursor(decision.json)) }
  }

  @Test func aHaltIsNoDecision() throws {
    let order = HaltOrder(
      freezes: true, operatorName: "ada", reason: "stop",
      decidedAt: Timestamp(milliseconds: 1), nonce: "h")
    #expect(try HaltOrder(json: JSONCursor(order.json)) == order)
    #expect(throws: JSONError.self) { try Decision(json: JSONCursor(order.json)) }
    #expect(throws: JSONError.self) { try HaltOrder(json: JSONCursor(Self.decision.json)) }
    var thaw = order
    thaw.verb = .thaw
    #expect(thaw.signedBytes != order.signedBytes)
  }

  static let acceptance = ToolAcceptance(
    upstream: "bybit", tool: "wsCreateOrder", old: SHA256.hash([1]), new: SHA256.hash([2]),
    revision: 1, reason: "a new release", operatorName: "ada",
    decidedAt: Timestamp(milliseconds: 1))

  static let otherAcceptances: [@Sendable (inout ToolAcceptance) -> Void] = [
    { $0.upstream = "other" }, { $0.tool = "wsAmendOrder" }, { $0.old = nil },
    { $0.new = SHA256.hash([3]) }, { $0.revision = 2 }, { $0.reason = "x" },
    { $0.operatorName = "bob" }, { $0.decidedAt = $0.decidedAt + .milliseconds(1) },
  ]

  @Test(arguments: otherAcceptances.indices)
  func anAcceptanceIsSignedInEveryField(at: Int) throws {
    var other = Self.acceptance
    Self.otherAcceptances[at](&other)
    #expect(other.signedBytes != Self.acceptance.signedBytes)
    #expect(try ToolAcceptance(json: JSONCursor(other.json)) == other)
  }

  @Test(arguments: ["", String(repeating: "x", count: ToolAcceptance.reasonLimit + 1)])
  func anAcceptanceHasAReason(_ reason: String) {
    var other = Self.acceptance
    other.reason = reason
    #expect(throws: JSONError.self) { try ToolAcceptance(json: JSONCursor(other.json)) }
    #expect(throws: JSONError.self) { try HaltOrder(json: JSONCursor(Self.acceptance.json)) }
  }

  @Test(arguments: [
    ("bybit", "getTickers"), ("a", "b/c"), ("a", "b c%2F"), ("a", "\u{212A}AITO"), ("a", "?x=1"),
    ("a", "."), ("a", ".."),
  ])
  func aToolsPathReadsBack(upstream: Text, tool: Text) {
    let path = OperatorRoute.toolDrift(upstream, tool)
    #expect(path.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x3F })
    let back = OperatorRoute.toolDrift(path: Text(path))
    #expect(back?.upstream == upstream)
    #expect(back?.tool == tool)
  }

  @Test(arguments: [
    "/v1/tools/drift", "/v1/tools/drift/", "/v1/tools/drift/a", "/v1/tools/drift/a/",
    "/v1/tools/drift/a/b/c", "/v1/tools/drift/a/%", "/v1/tools/drift/a/%2", "/v1/tools/drift/a/%zz",
    "/v1/tools/drift/a/%FF", "/v1/tools/accept",
  ])
  func otherPathsNameNoTool(path: Text) {
    #expect(OperatorRoute.toolDrift(path: path) == nil)
  }

  @Test func idsSortByTimeAndReadBack() throws {
    let early = BatchID(
      at: Timestamp(milliseconds: 1_000), random: [UInt8](repeating: 255, count: 10))
    let late = BatchID(at: Timestamp(milliseconds: 1_001), random: [UInt8](repeating: 0, count: 10))
    #expect(early < late)
    #expect(BatchID(early.description) == early)
    #expect(early.ulid.utf8.count == 26)
  }

  @Test(arguments: [
    "", "cs_", "cs_01J9Z30000000000000000000", "cs_01J9Z3000000000000000000000",
    "CS_01J9Z300000000000000000000", "cs_01j9z300000000000000000000",
    "cs_01J9Z30000000000000000000U", "cs_01J9Z3000000000000000000\u{212A}",
  ])
  func otherTextsAreNoIDs(text: String) {
    #expect(BatchID(text) == nil)
  }
}
