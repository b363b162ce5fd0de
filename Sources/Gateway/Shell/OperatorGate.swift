import Approvals
import Cryptography
import JSON
import Ledger
import OperatorProtocol
import Time

/// The operators' desk: reads the kernel, and turns decisions into its events.
struct OperatorGate: OperatorDesk {
  let loop: GateLoop
  let decisions: DecisionTable
  let admission: Admission
  let store: any Store

  func operatorKey(_ name: Text) async -> (key: PublicKey, role: Role)? {
    admission.person(name).map { ($0.key, $0.role) }
  }

  func status() async -> StatusView { await loop.read(\.status) }
  func batches() async -> [BatchSummary] { await loop.read(\.summaries) }
  func detail(_ id: BatchID) async -> BatchDetail? { await loop.read { $0.detail(id) } }

  func orders() async -> (orders: [LegView], fills: [FillView]) {
    await loop.read { ($0.orders, $0.recentFills) }
  }

  func limits() async -> [LimitView] { await loop.read(\.limits) }

  func decide(
    _ signed: SignedDecision, session: UInt64, cools: Bool
  ) async throws(OperatorRefusal) -> JSONValue {
    try await decisions.ask {
      loop.submit(.decide($0, signed, session: session, cools: cools))
    }.get()
  }

  func halt(
    _ order: HaltOrder, signature: Signature
  ) async throws(OperatorRefusal) -> JSONValue {
    try await decisions.ask { loop.submit(.halt($0, order, signature)) }.get()
  }

  func tools() async -> [ToolView] { await loop.read(\.toolViews) }

  func toolDefinitions(_ upstream: Text, _ tool: Text) async -> ToolDefinitions? {
    await loop.read { $0.toolDefinitions(upstream, tool) }
  }

  func accept(
    _ acceptance: ToolAcceptance, signature: Signature
  ) async throws(OperatorRefusal) -> JSONValue {
    try await decisions.ask { loop.submit(.acceptTool($0, acceptance, signature)) }.get()
  }

  func sessionEnded(_ session: UInt64) async { loop.submit(.sessionEnded(session)) }

  // MARK: Ledger

  func ledgerEntries(from: Int, limit: Int) async throws -> (entries: [JSONValue], size: Int) {
    let lines = try store.lines(from: from, limit: limit)
    let entries = try lines.map { try JSONParser.parse($0.bytes, limits: Entry.limits) }
    return (entries, await storedSize())
  }

  /// How many entries are on disk: the signed head that is stored counts them.
  private func storedSize() async -> Int {
    (try? head())?.size ?? 0
  }

  private func head() throws -> Checkpoint? { try Receipts.head(store) }

  func checkpoint() async -> (text: String, verifierKey: String) {
    let key = await loop.read { $0.ledger.verifierKey.text }
    return ((try? head())?.text ?? "", key)
  }

  func consistencyProof(
    from: Int
  ) async throws -> (checkpoint: String, size: Int, proof: [Digest]) {
    let head = try head()
    let size = head?.size ?? 0
    let leaves = try LeafHashes(store, size: size)
    guard let proof = MerkleTree.consistencyProof(from: from, to: size, leaf: { leaves[$0] }) else {
      throw OperatorRefusal(.badRequest, "the ledger has \(size) entries; it never had \(from)")
    }
    return (head?.text ?? "", size, proof)
  }

  func receipt(index: Int) async throws -> JSONValue {
    let operators = admission.all.operators
    guard let receipt = try Receipts(store, operators: operators)?.receipt(of: index) else {
      throw OperatorRefusal(.notFound, "the ledger has no entry \(index)")
    }
    return receipt.json
  }

  // MARK: Registry

  func agents() async -> JSONValue {
    ["agents": .array(await loop.read(\.agentViews).map(\.json))]
  }

  func operators() async -> JSONValue {
    ["operators": .array(admission.all.operators.values.sorted { $0.name < $1.name }.map(\.json))]
  }
}

extension OperatorGate {
  // MARK: What an operator looks at

  func exposure() async -> ExposureView { await loop.read(\.exposure) }
  func policy() async -> PolicyView { await loop.read(\.policyView) }
}
