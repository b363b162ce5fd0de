import Approvals
import JSON
import OperatorProtocol
import Policy
import Time

/// A limit of the world's policy, and every call under it that may have had an effect: kept apart
/// from the gatekeeper, and added up anew with each.
struct LimitMeter {
  struct Use {
    let at: Timestamp
    let agent: Text
    /// In hundredths.
    let amount: Int
    /// Nil for a call that no person decided.
    let batch: BatchID?
  }

  let tool: Text
  /// As it stands in the policy, with `action` before it.
  let rule: String
  let window: Milliseconds
  let max: Int
  let isAmount: Bool
  let perAgent: Bool
  /// A cancel does not wait for the disk, so a crash may forget it.
  let outlivesCrashes: Bool
  var uses: [Use] = []

  static let all = [
    LimitMeter(
      tool: "wsBatchCreateOrders",
      rule: #""limits":[{"counter":"qty","window":"3m","max":"0.6","scope":"global","#
        + #""increment_from":"args.request[*].qty"}]"#,
      window: .minutes(3), max: 60, isAmount: true, perAgent: false, outlivesCrashes: true),
    LimitMeter(
      tool: "createOrder",
      rule: #""limits":[{"counter":"orders","window":"minute","max":2,"scope":"global"}]"#,
      window: .minutes(1), max: 200, isAmount: false, perAgent: false, outlivesCrashes: true),
    LimitMeter(
      tool: "getTickers", rule: #""rate_limit":{"max":1,"window":60}"#, window: .minutes(1),
      max: 100, isAmount: false, perAgent: true, outlivesCrashes: true),
    LimitMeter(
      tool: "wsCancelOrder", rule: #""rate_limit":{"max":1,"window":90}"#, window: .seconds(90),
      max: 100, isAmount: false, perAgent: true, outlivesCrashes: false),
  ]

  mutating func crash() { if !outlivesCrashes { uses = [] } }

  /// What lies in the window that ends with `use`, that one included.
  func sum(until use: Use, counts: (Use) -> Bool) -> Int {
    uses.filter { $0.at <= use.at && use.at < $0.at + window }
      .filter { (!perAgent || $0.agent == use.agent) && counts($0) }
      .reduce(0) { $0 + $1.amount }
  }
}

extension World {
  /// The policy of the bench with this world's limits, and one replacement.
  func limited(_ old: String, _ new: String) -> Policy {
    var text = Bench.policyText
    for meter in meters {
      for action in ["allow", "hold"] {
        let plain = "\"\(meter.tool)\":{\"action\":\"\(action)\"}"
        text = text.replacing(plain, with: plain.dropLast() + ",\(meter.rule)}")
      }
    }
    return Bench.policy(text, old, new)
  }

  /// A held call was sent.
  mutating func metered(_ id: BatchID, _ tool: Text) {
    guard let document = disk.held(id), let agent = document["statement"]?["agent"]?.textValue,
      let at = document["dispatched_at"].flatMap({ try? JSONCursor($0).timestamp() })
    else { return }
    let legs = document["received"]?["request"]?.arrayValue?.count ?? 1
    add(tool, LimitMeter.Use(at: at, agent: agent, amount: legs * 10, batch: id))
  }

  /// An allowed call was forwarded; it counts from when it came in.
  mutating func metered(_ request: RequestID, _ tool: Text) {
    guard let at = cameAt[request], let agent = open[request]?.agent else { return }
    add(tool, LimitMeter.Use(at: at, agent: agent, amount: 0, batch: nil))
  }

  private mutating func add(_ tool: Text, _ use: LimitMeter.Use) {
    for index in meters.indices where meters[index].tool == tool {
      let meter = meters[index]
      let own = LimitMeter.Use(
        at: use.at, agent: use.agent, amount: meter.isAmount ? use.amount : 100, batch: use.batch)
      meters[index].uses.append(own)
      let sum = meters[index].sum(until: own) { mayHaveHadEffect($0, meter) }
      if sum > meter.max {
        violations.append("\(sum) hundredths of \(meter.max) passed the limit of \(tool)")
      }
    }
  }

  /// Amounts of calls that provably had no effect were given back; calls that were sent were not.
  private func mayHaveHadEffect(_ use: LimitMeter.Use, _ meter: LimitMeter) -> Bool {
    guard meter.isAmount, let batch = use.batch else { return true }
    return disk.state(batch) != .failed
  }

  /// Nothing counts for ever: what has no moment belongs to a call whose outcome is not known.
  mutating func checkCounters() {
    guard let gate else { return }
    for (name, ticket) in gate.counters.tickets {
      if case .gone = ticket.phase { continue }
      let state = BatchID(name.string).flatMap { disk.state($0) }
      if state?.isSettled != false {
        violations.append("the ticket \(name) counts without end")
      }
    }
    let stored = Set(disk.records[.limit].map { Array($0.keys) } ?? [])
    let known = Set(gate.counters.tickets.keys)
    if !stored.subtracting(known).isEmpty || !known.subtracting(stored).isEmpty {
      violations.append("tickets on disk \(stored) are not those in memory \(known)")
    }
  }
}
