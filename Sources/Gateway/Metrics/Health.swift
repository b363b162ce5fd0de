import Approvals
package import Cryptography
package import JSON
import Policy

/// Whether the gateway can do its work, in a few words of its own: strangers may read it.
package struct HealthReport: Hashable, Sendable {
  package var version: Text
  /// The policy that is in force.
  package var policy: Digest?
  /// Whether the decisions answer at all.
  package var isAlive: Bool
  /// Why it is not ready; none when it is.
  package var reasons: [Text]

  package init(version: Text, policy: Digest?, isAlive: Bool = true, reasons: [Text] = []) {
    self.version = version
    self.policy = policy
    self.isAlive = isAlive
    self.reasons = reasons
  }

  package var isReady: Bool { isAlive && reasons.isEmpty }

  /// The answers to `/healthz` and `/readyz`.
  var health: OperatorReply { reply(isAlive, "ok", "late", reasons: []) }
  var readiness: OperatorReply { reply(isReady, "ready", "not_ready", reasons: reasons) }

  private func reply(_ isGood: Bool, _ good: Text, _ bad: Text, reasons: [Text]) -> OperatorReply {
    var reply = OperatorReply(
      .compact([
        "status": .string(isGood ? good : bad), "version": .string(version),
        "policy": policy.map { .string($0.hex) },
        "reasons": reasons.isEmpty ? nil : .array(reasons.map { .string($0) }),
      ]))
    if !isGood { reply.status = 503 }
    return reply
  }
}

/// Looks at everything that the gateway's work needs.
struct Health: Sendable {
  /// Time for the decisions to answer.
  static let patience = Duration.seconds(2)

  let loop: GateLoop
  let directory: UpstreamDirectory
  let phase: GatewayPhase

  func report() async -> HealthReport {
    let seen = await loop.read(within: Self.patience) { ($0.policy.digest, $0.isStoreDown) }
    guard let (policy, isStoreDown) = seen else {
      return HealthReport(
        version: GatewayService.version, policy: nil, isAlive: false, reasons: ["decisions_late"])
    }
    var reasons: [Text] = []
    if phase.isStopping { reasons.append("stopping") }
    if isStoreDown { reasons.append("store_down") }
    for (name, isUp) in directory.states where !isUp { reasons.append("upstream_down:\(name)") }
    return HealthReport(version: GatewayService.version, policy: policy, reasons: reasons)
  }
}
