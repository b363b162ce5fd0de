import Cryptography
import Decimals
import JSON
import Ledger
package import OperatorProtocol
import Orders
import Policy
import Time

extension Gatekeeper {
  /// The event that shows a call to every console as it is now; nil unless that is on disk.
  func publish(_ id: BatchID) -> GateEffect? {
    guard held[id]?.isDurable == true, !isMoving(id) else { return nil }
    return show(id)
  }

  /// The same, to be released by the commit that makes it true.
  func show(_ id: BatchID) -> GateEffect? {
    held[id].map { .publish(.batch(summary(of: $0))) }
  }

  package func summary(of call: HeldCall) -> BatchSummary {
    let view = call.assessment
    var summary = BatchSummary(
      id: call.id, state: call.state, digest: call.digest, revision: call.statement.revision,
      agent: call.agent, upstream: call.upstream, tool: call.tool,
      legs: call.legCount, symbols: call.symbols,
      grossNotional: view.gross, netNotional: view.net, byCurrency: view.byCurrency,
      receivedAt: call.receivedAt, expiresAt: call.statement.expiresAt,
      coolingUntil: call.coolingUntil, findings: view.findings, severity: view.severity,
      isReducing: view.isReducing, environment: call.statement.environment,
      signedBy: call.signers, quorum: call.statement.quorum, isAgentWaiting: isWaiting(call.id),
      lastAskedAt: call.lastAskedAt, isAgentGone: call.isAgentGone, supersedes: call.supersedes,
      identicalTo: call.identicalTo, outcome: outcomeWords(call),
      roles: call.terms.roles.map { Text($0.rawValue) }.sorted(), checks: view.counts)
    summary.inquiry = inquiry(call)
    return summary
  }

  private func outcomeWords(_ call: HeldCall) -> String {
    guard call.state == .unknown, let one = reconciliations[call.id], one.phase != .person else {
      return call.outcome
    }
    return "\(call.outcome); asking the exchange since \(one.since.clock)Z"
      + (one.attempts > 0 ? " (\(one.attempts) times: \(one.words))" : "")
  }

  /// Calls that are on disk, newest first. After a failed write those whose state is not certain are
  /// left out until the disk has been read again.
  package var summaries: [BatchSummary] {
    held.values.filter { $0.isDurable && !unsure.contains($0.id.text) }.sorted { $0.id > $1.id }.map
    { summary(of: $0) }
  }

  package func detail(_ id: BatchID) -> BatchDetail? {
    guard let call = held[id], call.isDurable, !unsure.contains(id.text) else { return nil }
    return BatchDetail(
      summary: summary(of: call),
      statement: String(decoding: call.statement.canonicalBytes, as: UTF8.self),
      legStates: legs(of: call), changes: changes(of: call), checks: call.assessment.checks)
  }

  package var recentFills: [FillView] { fills.suffix(settings.fillsKept) }

  /// Counts that are shown at once.
  static let limitsShown = 1_000

  package var limits: [LimitView] {
    counters.readings(of: policy, most: Self.limitsShown).map { one in
      LimitView(
        counter: one.counter, scope: one.scope.map { Text($0.rawValue) }, of: one.values,
        used: one.used, max: one.max, window: one.span.window,
        nextFree: one.nextFree.map { now + $0 })
    }
  }

  package var status: StatusView {
    StatusView(
      now: now, gateway: settings.gateway, environment: settings.environment,
      isEnvironmentVerified: !identities.isEmpty && identities.keys.allSatisfy { isVerified($0) },
      account: readKey.map { "uid \($0.uid.string.suffix(4))" } ?? "account not known",
      policyDigest: policy.digest, feed: feed, isStoreWritable: !isStoreDown, frozen: frozen,
      paused: paused.sorted { $0.key < $1.key }.map { .init(agent: $0.key, halt: $0.value) },
      pending: held.openOnDisk, ledgerSize: ledger.size,
      ledgerRoot: ledger.root, cooling: settings.cooling, warnings: warnings)
  }

  private var warnings: [String] {
    var all = settings.standingWarnings
    if isStoreDown { all.append("nothing can be recorded: everything but cancels is denied") }
    if !unrecordedPauses.isEmpty { all.append("a pause is in force and not recorded yet") }
    if unrecordedFreeze != nil { all.append("the freeze is in force and not recorded yet") }
    for (upstream, lane) in lanes.sorted(by: { $0.key < $1.key }) {
      if let words = lane.survives { all.append("\(upstream): \(words)") }
    }
    if !unrecorded.isEmpty { all.append("\(unrecorded.count) cancels are not recorded yet") }
    if let policyRefusal { all.append("the policy file is refused: \(policyRefusal)") }
    if readKey?.canTrade == true {
      all.append("the gateway's own key can trade: give it a key that can only read")
    }
    for upstream in identities.keys.sorted() {
      if let words = accountConflict(upstream) { all.append("\(upstream): \(words)") }
    }
    for (upstream, pins) in tools.sorted(by: { $0.key < $1.key }) {
      let (changed, new) = (
        pins.values.count { $0.state == .drifted }, pins.values.count { $0.state == .unknown }
      )
      if changed > 0 { all.append("\(upstream): \(changed) tool definitions changed") }
      if new > 0 { all.append("\(upstream): \(new) new tools are not accepted yet") }
    }
    return all
  }
}
