import Approvals
import JSON
import OperatorProtocol
import Policy
package import Time

/// A build of the gateway that is wrong on purpose, to see that the invariants notice.
package enum Fault: Sendable {
  case none
  /// The bytes leave before the intent to send them is durable.
  case sendsBeforeIntent
  /// The store reports durable what it has only taken.
  case reportsBeforeDurable
}

/// The whole surroundings of one gatekeeper under one seed: agents, operators, a store, lanes, an
/// exchange and a clock, with everything going wrong that may go wrong.
///
/// Each step picks one thing that may happen next; what happened is reproduced by the seed alone.
/// After the steps comes a quiet time in which nothing fails, and everything must come to an end.
package struct World {
  enum Channel: CaseIterable { case start, store, lane, answers, reads }

  let seed: UInt64
  let fault: Fault
  var chance: Chance
  let settings: GateSettings
  let isVerified: Bool

  package internal(set) var now = Bench.start
  var gate: Gatekeeper?
  var policy = Bench.policy()
  /// What is under limits in this world; empty in some.
  var meters: [LimitMeter] = []
  var disk = Disk()
  var exchange: ModelExchange
  var lane = LaneModel()
  /// What will be told to the gatekeeper; each channel in order.
  var channels: [Channel: [GateEvent]] = [:]
  var wakeAt: Timestamp?
  /// Nothing fails any more.
  var isQuiet = false

  // Agents
  var nextRequest: UInt64 = 1
  var open: [RequestID: AgentCall] = [:]
  /// Calls that no person decides, and when they came in.
  var cameAt: [RequestID: Timestamp] = [:]
  var told: [BatchID: HoldState] = [:]
  /// Forwarded calls of this run that must stand in the ledger, and where the run began.
  var forwards = 0
  var runStart = 0

  // Operators
  var console: [BatchID: BatchSummary] = [:]
  var asked: Set<UInt64> = []
  var nextAsk: UInt64 = 1

  // What was sent
  var sent: Set<BatchID> = []

  package internal(set) var violations: [String] = []
  /// What happened, oldest first; empty unless the world was made to tell.
  package internal(set) var story: [String] = []
  let tells: Bool

  package init(seed: UInt64, fault: Fault = .none, tells: Bool = false) {
    self.seed = seed
    self.fault = fault
    self.tells = tells
    var chance = Chance(seed: seed)
    var settings = Bench.settings
    settings.pendingPerAgent = 3
    settings.pendingTotal = 5
    settings.ttl = .minutes(4)
    if chance.percent(10) { settings.canConcludeAbsence = [:] }
    self.settings = settings
    isVerified = !chance.percent(10)
    let hasLimits = chance.percent(60)
    let error = settings.clockError.count
    exchange = ModelExchange(skew: Milliseconds(Int64(chance.below(Int(2 * error))) - error))
    self.chance = chance
    if hasLimits {
      meters = LimitMeter.all
      policy = limited("", "")
    }
    begin()
  }

  // MARK: Running

  /// Does `steps` things, then waits until nothing happens any more. Stops at the first violation.
  package mutating func run(steps: Int) {
    for _ in 0..<steps where violations.isEmpty {
      step()
      check()
    }
    if violations.isEmpty { settle() }
  }

  mutating func tell(_ words: @autoclosure () -> String) {
    if tells { story.append("\((now - Bench.start).count) ms: \(words())") }
  }

  mutating func handle(_ event: GateEvent) {
    guard var gate else { return }
    // The only reference, so that the value is changed in place.
    self.gate = nil
    tell(">> \(event.brief)")
    let effects = gate.handle(event, at: now)
    self.gate = gate
    for effect in effects { perform(effect) }
  }

  mutating func push(_ channel: Channel, _ event: GateEvent) {
    channels[channel, default: []].append(event)
  }

  var busyChannels: [Channel] { Channel.allCases.filter { channels[$0]?.isEmpty == false } }

  // MARK: Starting and crashing

  mutating func begin() {
    guard
      let fresh = try? Gatekeeper(settings: settings, policy: policy, ledgerKey: Bench.ledgerKey)
    else { return violations.append("the gatekeeper cannot be made") }
    gate = fresh
    runStart = disk.snapshot.ledgerSize
    handle(.storeRestored(disk.snapshot))
    channels[.start] = [
      .toolsListed(upstream: Bench.upstream, Bench.tools), .readKeySeen(Bench.account),
      .identitySeen(upstream: Bench.upstream, isVerified ? Bench.account : nil), .feed(.live),
    ].shuffled(using: &chance)
    // Most runs have met their upstream before anything else happens.
    guard chance.percent(80) else { return }
    for event in channels.removeValue(forKey: .start) ?? [] { handle(event) }
  }

  /// The process dies: any prefix of what the store had taken survives.
  mutating func crash() {
    tell("crash")
    if fault != .reportsBeforeDurable {
      _ = disk.sync(chance.below(disk.tail.count + 1), checksEntries: checksEntries)
    }
    _ = disk.loseTail()
    disk.isBroken = false
    disk.isReopening = false
    gate = nil
    channels = [:]
    wakeAt = nil
    lane.crash()
    open = [:]
    cameAt = [:]
    for at in meters.indices { meters[at].crash() }
    asked = []
    console = [:]
    forwards = 0
    checkNothingLost()
  }

  /// Reading entries is slow, so only some seeds do it.
  var checksEntries: Bool { seed.isMultiple(of: 8) }
}
