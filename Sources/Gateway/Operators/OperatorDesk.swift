package import Cryptography
package import JSON
package import OperatorProtocol

/// What stands behind the operators' listener: the kernel's shell, and a fake in tests.
///
/// The listener has checked the session, its role, and that a signed order names the session's
/// operator; the desk verifies the signatures and decides.
package protocol OperatorDesk: Sendable {
  /// The registered key and role. Nil when the name is unknown or revoked.
  func operatorKey(_ name: Text) async -> (key: PublicKey, role: Role)?
  func status() async -> StatusView
  /// Every open call and the newest settled ones.
  func batches() async -> [BatchSummary]
  func detail(_ id: BatchID) async -> BatchDetail?
  func orders() async -> (orders: [LegView], fills: [FillView])
  /// What the policy's limits have counted.
  func limits() async -> [LimitView]
  /// The body of the answer: `{"batch": BatchSummary}`.
  ///
  /// - Parameter cools: Whether the approval can be recalled for a while before it takes effect.
  func decide(
    _ signed: SignedDecision, session: UInt64, cools: Bool
  ) async throws(OperatorRefusal) -> JSONValue
  /// The body of the answer: a `StatusView`.
  func halt(
    _ order: HaltOrder, signature: Signature
  ) async throws(OperatorRefusal) -> JSONValue
  /// Every tool that was accepted or is listed now.
  func tools() async -> [ToolView]
  func toolDefinitions(_ upstream: Text, _ tool: Text) async -> ToolDefinitions?
  /// The body of the answer: `{"tool": ToolView}`.
  func accept(
    _ acceptance: ToolAcceptance, signature: Signature
  ) async throws(OperatorRefusal) -> JSONValue
  /// The last event stream of a session has ended. Told once for each time that happens.
  func sessionEnded(_ session: UInt64) async
  /// At most `limit` entries from `from`, which is not negative, and the size of the log.
  func ledgerEntries(
    from: Int, limit: Int
  ) async throws -> (entries: [JSONValue], size: Int)
  func checkpoint() async -> (text: String, verifierKey: String)
  /// The proof that the log of size `from` is the beginning of the log of the returned size.
  func consistencyProof(from: Int) async throws -> (checkpoint: String, size: Int, proof: [Digest])
  /// A `Receipt` for the entry.
  func receipt(index: Int) async throws -> JSONValue
  func agents() async -> JSONValue
  func operators() async -> JSONValue
  func exposure() async -> ExposureView
  func policy() async -> PolicyView
}

extension OperatorRoute {
  /// `?index=N`: the receipt of one entry.
  package static let proof = "/v1/ledger/proof"
}
