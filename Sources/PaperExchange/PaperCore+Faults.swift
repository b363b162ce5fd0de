import Exchange
import JSON
import Time

/// Where faults act on events and streams; requests ask for theirs in their own files.
extension PaperCore {
  /// Arms a rule. One about the clock acts at once.
  mutating func arm(_ rule: FaultRule) {
    guard rule.kind == .clockOffset else {
      try? faults.arm([rule])
      return
    }
    agenda.shift(by: .milliseconds(rule.offset.count - clock.offset.count))
    clock.set(offset: rule.offset)
  }

  /// Forgets every rule and sets the clock right.
  mutating func disarm() {
    faults.clear()
    arm(FaultRule(.clockOffset))
  }

  /// The rule of this concern that acts now, noted in the log.
  mutating func fault(
    _ concern: PaperFault.Concern, _ names: [Text], at now: Timestamp
  ) -> FaultRule? {
    guard let rule = faults.meet(concern, names) else { return nil }
    record(
      [
        "kind": "fault", "fault": .string(rule.kind.rawValue),
        "on": .array(names.map { .string($0) }),
      ], at: now)
    return rule
  }

  /// How a WebSocket at this path is opened: after a delay, or not at all.
  mutating func handshake(_ kind: SocketKind, at now: Timestamp) -> Handshake {
    guard let rule = fault(.handshake, [Text(kind.rawValue), kind.word], at: now) else {
      return .open(after: .zero)
    }
    return rule.kind == .refuseHandshake ? .refuse(rule.status) : .open(after: rule.delay)
  }

  /// The events of one change with what faults make of them, and by how much each is late.
  mutating func faulted(
    _ events: [PrivateEvent], at now: Timestamp
  ) -> [(PrivateEvent, Milliseconds)] {
    guard !faults.armed.isEmpty, !events.isEmpty else { return events.map { ($0, .zero) } }
    var result: [(PrivateEvent, Milliseconds)] = []
    for event in events {
      guard let rule = fault(.event, event.names, at: now) else {
        result.append((event, .zero))
        continue
      }
      switch rule.kind {
      case .dropEvent: record(event, rows: [.object(event.row)], receivers: [], at: now)
      case .duplicateEvent: result += [(event, .zero), (event, .zero)]
      case .delayEvent: result.append((event, rule.delay))
      case .filledTwice: result += [(event, .zero), (Self.lateCancel(of: event), .zero)]
      default: result.append((event, .zero))
      }
    }
    if events.count > 1, fault(.change, events.flatMap(\.names), at: now) != nil {
      result.reverse()
    }
    return result
  }

  /// The row that the exchange sends when a cancel came too late for an order that was filled.
  private static func lateCancel(of event: PrivateEvent) -> PrivateEvent {
    var second = event
    second.row["cancelType"] = "CancelByUser"
    second.row["rejectReason"] = "EC_OrigClOrdIDDoesNotExist"
    return second
  }

  /// Lets the private streams that are open fall silent or close, if that is armed.
  mutating func spoilStreams(before event: PrivateEvent, at now: Timestamp) {
    guard let rule = fault(.streams, event.names, at: now) else { return }
    for (id, socket) in sockets.sorted(by: { $0.key < $1.key })
    where socket.kind == .privateStream {
      sockets[id]?.isSilent = true
      if rule.kind == .closeStreams { outputs.append(.close(id)) }
    }
  }
}

/// What the shell does with a request for a WebSocket.
enum Handshake: Sendable {
  case open(after: Milliseconds)
  case refuse(Int)
}
