import Approvals
import Cryptography
import JSON
import Ledger
import OperatorProtocol
import Time

extension World {
  /// What must hold after each step.
  mutating func check() {
    violations += disk.violations
    guard let gate else { return }
    var byAgent: [Text: Int] = [:]
    for call in gate.held.values where call.state.isOpen {
      byAgent[call.agent, default: 0] += 1
    }
    let most = byAgent.values.max() ?? 0
    let all = byAgent.values.reduce(0, +)
    // A recalled call comes back although its place was taken meanwhile.
    let recalled = gate.held.values.count { $0.state.isOpen && wasCooling($0.id) }
    if most > settings.pendingPerAgent + recalled || all > settings.pendingTotal + recalled {
      violations.append("\(all) calls are pending, \(most) of one agent")
    }
  }

  private func wasCooling(_ id: BatchID) -> Bool {
    disk.history[id]?.contains(.cooling) == true
      || gate?.held[id].map { $0.signatures.isEmpty } == true
  }

  /// What must hold when a call is handed to the child.
  mutating func checkDispatch(_ id: BatchID, _ arguments: JSONObject) {
    if !sent.insert(id).inserted { violations.append("\(id) was sent twice") }
    if isFrozenOnDisk { violations.append("\(id) was sent while frozen") }
    guard disk.state(id) == .dispatching else {
      return violations.append("\(id) was sent although the disk says \(words(disk.state(id)))")
    }
    checkSignatures(id, arguments)
  }

  /// What must hold when a call reaches the exchange.
  mutating func checkArrival(_ message: Message) {
    let id = message.batch
    guard disk.history[id]?.contains(.dispatching) == true else {
      return violations.append("\(id) reached the exchange without a durable intent")
    }
    if exchange.received[id] != nil { violations.append("\(id) reached the exchange twice") }
    checkSignatures(id, message.arguments)
  }

  /// Enough distinct active operators signed exactly these bytes.
  private mutating func checkSignatures(_ id: BatchID, _ arguments: JSONObject) {
    guard let document = disk.held(id), let statement = document["statement"] else {
      return violations.append("\(id) is not on disk")
    }
    let digest = SHA256.hash(JSONWriter.canonicalBytes(of: statement))
    if statement["arguments"].map({ JSONWriter.canonicalBytes(of: $0) })
      != JSONWriter.canonicalBytes(of: .object(arguments))
    {
      violations.append("the bytes of \(id) are not those of its statement")
    }
    var signers: Set<Text> = []
    for json in document["signatures"]?.arrayValue ?? [] {
      guard let signed = try? SignedDecision(json: JSONCursor(json)),
        let person = Bench.registry.activeOperator(signed.decision.operatorName),
        person.role.canDecide, signed.decision.verb == .approve,
        signed.decision.digest == digest, signed.isSigned(by: person.key)
      else { continue }
      signers.insert(person.name)
    }
    let quorum = statement["quorum"]?.intValue ?? 99
    if signers.count < quorum {
      violations.append("\(id) was sent with \(signers.count) of \(quorum) signatures")
    }
    if quorum == 0, statement["tool"] != "createOrder" {
      violations.append("\(id) was sent without anybody's signature")
    }
  }

  private func words(_ state: HoldState?) -> String { state?.rawValue ?? "nothing" }

  /// After a crash: what anybody was told of is still there.
  mutating func checkNothingLost() {
    for id in told.keys where disk.held(id) == nil {
      violations.append("\(id), of which an agent knows, is lost")
    }
  }

  // MARK: At the end

  /// Heals everything and waits until nothing happens any more, then compares with the exchange.
  mutating func settle() {
    isQuiet = true
    if gate == nil { begin() }
    let end = now + .minutes(30)
    for _ in 0..<2_000 {
      drain()
      check()
      guard violations.isEmpty else { return }
      guard let next = wakeAt, next <= end else { break }
      pass(next > now ? next - now : .zero)
    }
    tell("quiet")
    checkNothingLost()
    checkEnds()
    if !open.isEmpty { violations.append("requests \(open.keys.map(\.number)) got no answer") }
    if !asked.isEmpty { violations.append("operator requests \(asked) got no answer") }
    checkForwards()
    checkLedger()
    checkCounters()
  }

  /// What an auditor finds: every decision, freeze and sending is vouched for by the people who signed.
  private mutating func checkLedger() {
    var audit = SignatureAudit()
    do {
      for line in disk.lines { try audit.consume(try Entry.parse(line.bytes)) }
    } catch {
      violations.append("the ledger does not stand an audit: \(error)")
    }
  }

  private mutating func drain() {
    for _ in 0..<5_000 {
      if let channel = chance.pick(busyChannels), let event = channels[channel]?.removeFirst() {
        handle(event)
      } else if disk.isReopening || !disk.tail.isEmpty {
        storeStep()
      } else if !lane.commands.isEmpty {
        commandStep()
      } else if !lane.busyChildren.isEmpty {
        childStep()
      } else if !lane.wire.isEmpty {
        wireStep()
      } else {
        return
      }
    }
    violations.append("the gateway never comes to rest")
  }

  private mutating func checkEnds() {
    for id in disk.history.keys.sorted() {
      guard let state = disk.state(id) else { continue }
      let orders = exchange.orders(of: id).count + (exchange.executed.contains(id) ? 1 : 0)
      switch state {
      case .acknowledged:
        if orders == 0 {
          violations.append("\(id) is acknowledged, and the exchange has none of it")
        }
      case .failed, .rejected, .expired, .withdrawn, .blocked:
        if orders > 0 { violations.append("\(id) is \(state), and the exchange has it") }
      case .resolved: break
      case .unknown: checkUnknown(id)
      default: violations.append("\(id) is still \(state) when all is over")
      }
    }
  }

  /// An outcome stays unknown only where nothing may be concluded.
  private mutating func checkUnknown(_ id: BatchID) {
    let isOrder = disk.held(id)?["statement"]?["tool"] != "setLeverage"
    if isOrder, isVerified, !settings.canConcludeAbsence.isEmpty {
      violations.append("the outcome of \(id) was never found out")
    }
  }

  /// Every call that was let through in this run has its entry.
  private mutating func checkForwards() {
    let entries = disk.lines.dropFirst(runStart).reduce(0) { count, line in
      switch line.kind {
      case "allowed", "allowed_unrecorded": count + 1
      // It was let through, and its agent left before it was.
      case "not_forwarded": count - 1
      default: count
      }
    }
    if entries != forwards {
      violations.append("\(forwards) calls were let through and \(entries) are in the ledger")
    }
  }
}
