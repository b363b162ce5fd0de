import Cryptography
import Decimals
import JSON
import OperatorProtocol
import Orders
import Time

/// One batch as read from the bytes that would be sent: the only source of what the batch pane and
/// the approval panel say about it.
struct BatchContent: Hashable, Sendable {
  /// What the statement asks for.
  enum Body: Hashable, Sendable {
    case orders(OrderBatch, Notional?)
    /// A call that is no order batch, or one that cannot be read as such: shown argument by
    /// argument. `reason` is set for an order tool.
    case call(JSONObject, reason: String?)
    /// The statement itself is no statement.
    case unreadable
  }

  let id: BatchID
  let version: ContentVersion
  let statement: Statement?
  let body: Body
  /// Why this must not be approved whatever the rules say; nil when the bytes hold together.
  let problem: String?
  /// What the list does not say of the checks, as it was when this was read.
  let checks: [FindingView]

  init(_ detail: BatchDetail) {
    let summary = detail.summary
    let bytes = Array(detail.statement.utf8)
    let digest = SHA256.hash(bytes)
    id = summary.id
    version = ContentVersion(revision: summary.revision, digest: summary.digest)
    checks = detail.checks
    let read = Self.statement(of: bytes)
    statement = read
    guard let read else {
      body = .unreadable
      problem = "the statement cannot be read; nothing of it can be approved"
      return
    }
    body = Self.body(of: read)
    problem = Self.problem(read, bytes: bytes, digest: digest, summary: summary)
  }

  /// Legs, or 0.
  var legs: [Leg] { if case .orders(let batch, _) = body { batch.legs } else { [] } }

  /// Whether every leg can only shrink a position, by the bytes themselves.
  var isReducing: Bool { if case .orders(let batch, _) = body { batch.isReducing } else { false } }

  /// The severity that the form of the call has by itself.
  var ownSeverity: Severity {
    switch body {
    case .orders: statement?.environment == "unverified" ? .high : .pass
    case .call, .unreadable: .high
    }
  }

  /// What must be typed for a call of high severity, exactly: side, symbol and quantity of the
  /// largest legs, or the tool's name.
  var phrase: String {
    guard !largestLegs.isEmpty else { return statement?.tool.string ?? "" }
    return largestLegs.map { "\($0.side.rawValue) \($0.symbol) \($0.qtyText)" }
      .joined(separator: " ")
  }

  /// The leg that is worth most; and of those without a price of their own, whose worth is not known,
  /// the one with the largest quantity. Neither can hide the other.
  var largestLegs: [Leg] {
    guard case .orders(let batch, let worth) = body else { return [] }
    let amounts = batch.legs.map { leg in
      worth?.legs.first { $0.leg == leg.index }.flatMap { $0.estimated ? nil : $0.amount }
    }
    let all = Array(zip(batch.legs, amounts))
    let pools = [all.filter { $0.1 != nil }, all.filter { $0.1 == nil }]
    return pools.compactMap { pool in
      pool.max { a, b in
        let (x, y) = (a.1 ?? a.0.qty, b.1 ?? b.0.qty)
        return x == y ? a.0.index > b.0.index : x < y
      }?.0
    }
  }

  func seenItems(groups: [FindingGroup]) -> [SeenItem] {
    let content: [SeenItem] =
      legs.isEmpty ? [.arguments] : legs.map { .leg($0.number) }
    return content + groups.map { .group($0.rule, $0.severity) }
  }

  private static func statement(of bytes: [UInt8]) -> Statement? {
    guard let json = try? JSONParser.parse(bytes, limits: .peer) else { return nil }
    return try? Statement(json: JSONCursor(json))
  }

  private static func body(of statement: Statement) -> Body {
    do {
      let batch = try OrderBatch.parse(tool: statement.tool, arguments: statement.arguments)
      return .orders(batch, try? Notional(batch))
    } catch {
      let reason = error.code == .notAnOrderTool ? nil : error.description
      return .call(statement.arguments, reason: reason)
    }
  }

  private static func problem(
    _ statement: Statement, bytes: [UInt8], digest: Digest, summary: BatchSummary
  ) -> String? {
    if digest != summary.digest {
      return "DIGEST MISMATCH: what would be sent is not what the gateway lists; do not approve"
    }
    if statement.canonicalBytes != bytes {
      return "the statement is not in its canonical form; do not approve"
    }
    let agrees =
      statement.batch == summary.id && statement.revision == summary.revision
      && statement.environment == summary.environment && statement.agent == summary.agent
      && statement.tool == summary.tool && statement.upstream == summary.upstream
      && statement.quorum == summary.quorum && statement.expiresAt == summary.expiresAt
    if !agrees { return "the list and the statement disagree about this batch; do not approve" }
    if case .orders(let batch, _) = Self.body(of: statement), batch.legs.count != summary.legs {
      return "the list counts \(summary.legs) legs, the statement \(batch.legs.count)"
    }
    return nil
  }
}
