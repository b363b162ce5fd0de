package import JSON
package import Time

/// What goes wrong on purpose, for tests of clients.
package enum PaperFault: String, CaseIterable, Sendable {
  // One request and its answer.

  /// Nothing is carried out and nothing is answered.
  case dropRequest
  /// Nothing is carried out, the connection closes.
  case closeBeforePlacing
  /// Nothing is carried out, the answer says 10016 or `code`.
  case errorBeforePlacing
  /// REST only: nothing is carried out, the answer is HTTP `status`.
  case httpError
  /// The request is carried out, the answer never comes.
  case dropAnswer
  /// The request is carried out, then the connection closes without an answer.
  case closeConnection
  /// The request is carried out, the answer says 10016 or `code`.
  case errorAfterPlacing
  /// REST only: the request is carried out, the answer is HTTP `status`.
  case httpErrorAfterPlacing
  /// The request is carried out at once, its answer comes `delay` later.
  case delayAnswer
  /// Trade socket only: the answer comes twice.
  case duplicateAnswer
  /// The events of the request come at once, its answer `delay` later.
  case eventsFirst

  // The legs of a batch.

  /// Legs from number `from` on fail with 10006 or `code`.
  case failTail
  /// Leg number `leg` fails with 10001 or `code`.
  case failLeg

  // Private events.

  case dropEvent
  case duplicateEvent
  /// The event comes `delay` later than it would, after younger ones.
  case delayEvent
  /// A second `Filled` row follows the first, as when a cancel raced the fill.
  case filledTwice
  /// The events of one change come in reverse order.
  case reorderEvents
  /// The private streams that are open stay open, answer pings, and carry no events any more.
  case silentStreams
  /// The private streams that are open are closed before the event.
  case closeStreams

  // Connections and time.

  /// A WebSocket is opened only after `delay`.
  case slowHandshake
  /// A WebSocket is refused with HTTP `status`.
  case refuseHandshake
  /// The exchange's clock is wrong by `offset`, from now on.
  case clockOffset
}

extension PaperFault {
  /// What a fault looks at. Of the rules with one concern one at most acts on one occasion.
  enum Concern: Sendable {
    case answer, copy, order, legs, event, change, streams, handshake, clock
  }

  var concern: Concern {
    switch self {
    case .dropRequest, .closeBeforePlacing, .errorBeforePlacing, .httpError, .dropAnswer,
      .closeConnection, .errorAfterPlacing, .httpErrorAfterPlacing, .delayAnswer:
      .answer
    case .duplicateAnswer: .copy
    case .eventsFirst: .order
    case .failTail, .failLeg: .legs
    case .dropEvent, .duplicateEvent, .delayEvent, .filledTwice: .event
    case .reorderEvents: .change
    case .silentStreams, .closeStreams: .streams
    case .slowHandshake, .refuseHandshake: .handshake
    case .clockOffset: .clock
    }
  }

  /// The parameters that it takes beside `on`, `call` and `count`.
  var parameters: Set<Text> {
    switch self {
    case .errorBeforePlacing, .errorAfterPlacing: ["code"]
    case .httpError, .httpErrorAfterPlacing, .refuseHandshake: ["status"]
    case .delayAnswer, .eventsFirst, .delayEvent, .slowHandshake: ["delay"]
    case .failTail: ["from", "code"]
    case .failLeg: ["leg", "code"]
    case .clockOffset: ["offset"]
    default: []
    }
  }
}

/// One fault and the occasions on which it acts. Occasions are counted from the moment at which the
/// rule is armed, so that a test can name the nth.
package struct FaultRule: Hashable, Sendable {
  package var kind: PaperFault
  /// What it acts on: an operation (`order.create`), a path (`/v5/order/realtime`), a word of a
  /// stream (`ping`, `private.subscribe`) or an event (`order`, `order.linear`, `order:Filled`). A
  /// `*` at the end takes any ending. Nil: every request that moves orders, every event, every
  /// WebSocket.
  package var on: Text?
  /// The first occasion on which it acts; 1 is the next.
  package var call = 1
  /// On how many occasions it acts; nil: on all from `call` on.
  package var count: Int? = 1
  package var delay = Milliseconds.milliseconds(200)
  package var offset = Milliseconds.zero
  package var code: Int
  package var status = 503
  /// The number of the leg that fails, or of the first one; 1 is the first.
  package var leg: Int

  package init(_ kind: PaperFault) {
    self.kind = kind
    switch kind {
    case .failTail: (code, leg) = (10006, 2)
    case .failLeg: (code, leg) = (10001, 1)
    default: (code, leg) = (10016, 1)
    }
  }

  /// Whether an occasion with one of these names is one of this rule's.
  func matches(_ names: [Text]) -> Bool {
    let isREST = names.contains { $0.hasPrefix("/") }
    if kind == .httpError || kind == .httpErrorAfterPlacing, !isREST { return false }
    guard let on else {
      switch kind.concern {
      case .answer, .copy, .order: return names.contains { $0.hasPrefix("order.") }
      default: return kind != .filledTwice || names.contains("order:Filled")
      }
    }
    guard on.utf8.last == UInt8(ascii: "*") else { return names.contains(on) }
    let prefix = Text(on.string.dropLast())
    return names.contains { $0.hasPrefix(prefix) }
  }
}
