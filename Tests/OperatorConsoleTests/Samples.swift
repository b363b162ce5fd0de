import Cryptography
import JSON
import OperatorProtocol
import TestSupport
import Time

@testable import OperatorConsole

let noon = given(Timestamp(rfc3339: "2026-11-22T12:00:00Z"))
let operatorKey = OperatorKey(
  name: "ops1", key: given(try? SigningKey(seed: [UInt8](repeating: 7, count: 32))))

enum Samples {
  static let id = BatchID(at: noon, random: [UInt8](repeating: 9, count: 10))
  static let digest = SHA256.hash("statement".utf8)

  static let batch = BatchSummary(
    id: id, state: .pending, digest: digest, revision: 1, agent: "mm", upstream: "bybit",
    tool: "wsBatchCreateOrders", legs: 1, symbols: ["BTCUSDT"], grossNotional: nil,
    netNotional: nil, byCurrency: [], receivedAt: noon, expiresAt: noon + .minutes(15),
    coolingUntil: nil, findings: [], severity: .note, isReducing: false, environment: "paper",
    signedBy: [], quorum: 1, isAgentWaiting: true, lastAskedAt: noon, isAgentGone: false,
    supersedes: nil, identicalTo: nil, outcome: "")

  static let status = StatusView(
    now: noon, gateway: "gw-1", environment: "paper", isEnvironmentVerified: true,
    account: "..1", policyDigest: digest, feed: .live, isStoreWritable: true, frozen: nil,
    pending: 1, ledgerSize: 2, ledgerRoot: digest, cooling: .seconds(3), warnings: [])

  static let decision = Decision(
    verb: .approve, batch: id, revision: 1, digest: digest, environment: "paper",
    operatorName: "ops1", accepted: ["E02"], note: "", decidedAt: noon, nonce: "n-1")

  static let challenge = Challenge(
    operatorName: "ops1", gateway: "gw-1", nonce: "abc", expiresAt: noon + .minutes(1))

  static let grant = SessionGrant(token: "t-1", role: .approver, expiresAt: noon + .minutes(60))

  /// A gateway that signs in whoever has the key, and answers the rest by `answer`.
  static func gateway(
    _ answer: @escaping @Sendable (StubGateway.Request) -> StubGateway.Response
  ) -> StubGateway {
    StubGateway { request in
      switch request.target {
      case OperatorRoute.challenge: return .json(challenge.json)
      case OperatorRoute.session:
        let text = request.json["signature"]?.stringValue ?? ""
        guard let signature = Signature(base64: text),
          operatorKey.key.publicKey.verify(signature, of: challenge.signedBytes)
        else { return .refusal(.unauthenticated, "the signature is not ops1's") }
        return .json(grant.json)
      default: return answer(request)
      }
    }
  }
}
