import Decimals
import Exchange
import JSON
import Time

/// One connection, HTTP or WebSocket.
struct ConnectionID: Hashable, Comparable, Sendable {
  let number: Int
  static func < (a: ConnectionID, b: ConnectionID) -> Bool { a.number < b.number }
}

/// What the shell has to do after it told the core something.
enum PaperOutput: Sendable {
  case send(ConnectionID, String)
  /// The answer that `RestAnswer.Delivery.later` spoke of.
  case answer(ConnectionID, RestAnswer)
  case close(ConnectionID)
  /// Ask for `flush` after this time; an earlier wish is void.
  case wake(after: Milliseconds)
  /// One line for the log, without its line feed.
  case log(String)
}

/// Everything that the paper exchange decides, with the kernel inside. Requests, frames, ticks and
/// moments go in; answers and outputs come out. It has no clock and no sockets.
struct PaperCore: Sendable {
  let configuration: PaperConfiguration
  let keys: [Text: PaperKey]
  var venue: Venue
  var budgets = RateBudgets()
  var sockets: [ConnectionID: Socket] = [:]
  var topics: [TopicName: PublicTopic] = [:]
  var tapes: [MarketID: Tape] = [:]
  var funding = FundingHistory()
  var faults = FaultPlan()
  var clock: PaperClock
  var agenda = Agenda()
  var outputs: [PaperOutput] = []
  var log: PaperLog
  /// Whether the events of the running request skip their delay.
  var isEager = false
  private var eventCount = 0
  /// Markets that changed since the last look, with what was traded there.
  private var changed: [MarketID: [TapedTrade]] = [:]
  /// Recorded prices that were played, and when the first one was.
  private var played = 0
  private var playedSince: Timestamp?

  init(_ configuration: PaperConfiguration) {
    self.configuration = configuration
    keys = Dictionary(
      configuration.keys.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    clock = PaperClock(configuration.clock)
    venue = Venue(
      Venue.Configuration(
        seed: configuration.seed, deposits: [configuration.account: configuration.deposits],
        band: configuration.band, start: configuration.start))
    let played = configuration.recording?.markets ?? []
    for listing in venue.configuration.listings {
      let market = listing.instrument.id
      let model = played.contains(market) ? .still : configuration.prices.model(listing.maker)
      if model != .calm { _ = venue.handle(.model(market, model), at: configuration.start) }
    }
    log = PaperLog(
      lines: configuration.limits.logLines, bytes: configuration.limits.logBytes)
    for rule in configuration.faults { arm(rule) }
  }

  /// Hands over what has to be done, in order.
  mutating func takeOutputs() -> [PaperOutput] {
    defer { outputs = [] }
    return outputs
  }

  // MARK: The market

  mutating func tick(at now: Timestamp) {
    play(at: now)
    carry(venue.handle(.tick, at: now), at: now)
    funding.note(venue, at: now)
    settle(at: now)
  }

  /// Plays the recorded prices that are due.
  private mutating func play(at now: Timestamp) {
    guard let steps = configuration.recording?.steps, played < steps.count else { return }
    let start = playedSince ?? now
    playedSince = start
    while played < steps.count, start + steps[played].after <= now {
      carry(venue.handle(.price(steps[played].point), at: now), at: now)
      played += 1
    }
  }

  /// Moves a market to these prices.
  mutating func move(to point: PricePoint, at now: Timestamp) throws(Refusal) {
    try submit(.price(point), at: now)
    settle(at: now)
  }

  // MARK: Effects become events

  /// Runs one event. Throws the refusal, or returns the effect that answers it.
  @discardableResult
  mutating func submit(
    _ event: ExchangeEvent, at now: Timestamp
  ) throws(Refusal) -> ExchangeEffect {
    let effects = venue.handle(event, at: now)
    var answer = ExchangeEffect.done
    for effect in effects {
      switch effect {
      case .refused(let refusal): throw refusal
      case .accepted, .cancelled, .done: answer = effect
      default: break
      }
    }
    carry(effects, at: now)
    return answer
  }

  private mutating func carry(_ effects: [ExchangeEffect], at now: Timestamp) {
    var events: [PrivateEvent] = []
    for effect in effects {
      switch effect {
      case .accepted, .cancelled, .done, .refused: break
      case .order(let order): events.append(.init("order", order.category, Rows.order(order)))
      case .execution(let execution): events += executionEvents(execution)
      case .position(let position, _): events += positionEvents(position)
      case .wallet(let wallet): events.append(.init("wallet", nil, Rows.wallet(wallet)))
      case .market(let market): changed[market, default: []] += []
      case .trade(let trade):
        let taped = tapes[trade.market, default: Tape()].add(trade)
        changed[trade.market, default: []].append(taped)
      }
    }
    for (event, delay) in faulted(events, at: now) { wait(event, delay, at: now) }
  }

  private func executionEvents(_ execution: Execution) -> [PrivateEvent] {
    let category = execution.order.category
    var events = [PrivateEvent("execution", category, Rows.execution(execution))]
    let fast = "execution.fast" as Text
    if execution.kind == .trade, sockets.values.contains(where: { $0.hears(fast) }) {
      events.append(PrivateEvent(fast, category, Rows.fast(execution)))
    }
    return events
  }

  private func positionEvents(_ position: Position) -> [PrivateEvent] {
    guard let view = view(of: position.market, index: position.index, position) else { return [] }
    let row = Rows.position(view)
    return [PrivateEvent("position", position.category, row)]
  }

  private mutating func wait(
    _ event: PrivateEvent, _ delay: Milliseconds, at now: Timestamp
  ) {
    guard agenda.count < configuration.limits.waitingEvents else {
      record(["kind": "lost", "topic": .string(event.topic)], at: now)
      return
    }
    schedule(
      .event(event), due: now + (isEager ? .zero : configuration.eventDelay) + delay, at: now)
  }

  mutating func schedule(_ item: Agenda.Item, due: Timestamp, at now: Timestamp) {
    let isFirst = agenda.nextDue.map { due < $0 } ?? true
    agenda.add(item, due: due)
    if isFirst { wake(at: now) }
  }

  private mutating func wake(at now: Timestamp) {
    guard let next = agenda.nextDue, !clock.isStepped else { return }
    outputs.append(.wake(after: max(.milliseconds(1), next - now)))
  }

  /// Does what is due: private events, answers that were held back.
  mutating func flush(at now: Timestamp) {
    var events: [PrivateEvent] = []
    for item in agenda.take(at: now) {
      if case .event(let event) = item {
        events.append(event)
        continue
      }
      publish(&events, at: now)
      switch item {
      case .event: break
      case .send(let id, let text): outputs.append(.send(id, text))
      case .answer(let id, let answer): outputs.append(.answer(id, answer))
      case .close(let id): outputs.append(.close(id))
      }
    }
    publish(&events, at: now)
    wake(at: now)
  }

  /// Tells the public subscribers what changed.
  mutating func settle(at now: Timestamp) {
    for (market, trades) in changed.sorted(by: { $0.key < $1.key }) {
      publish(market, trades, at: now)
    }
    changed = [:]
  }

  /// Rows of one topic and category that follow each other share a message.
  private mutating func publish(_ events: inout [PrivateEvent], at now: Timestamp) {
    defer { events = [] }
    var rest = events[...]
    while let first = rest.first {
      let group = rest.prefix { $0.topic == first.topic && $0.category == first.category }
      rest = rest.dropFirst(group.count)
      spoilStreams(before: first, at: now)
      publish(first, rows: group.map { .object($0.row) }, at: now)
    }
  }

  private mutating func publish(
    _ event: PrivateEvent, rows: [JSONValue], at now: Timestamp
  ) {
    eventCount += 1
    var receivers: [JSONValue] = []
    let names = event.topics
    for (id, socket) in sockets.sorted(by: { $0.key < $1.key })
    where socket.kind == .privateStream && !socket.isSilent {
      for topic in names where socket.topics.contains(topic) {
        let message: JSONValue = [
          "id": .string("\(configuration.account.uid.description)_\(eventCount)"),
          "topic": .string(topic), "creationTime": .int(now.milliseconds), "data": .array(rows),
        ]
        outputs.append(.send(id, JSONWriter.text(of: message)))
        receivers.append(.int(id.number))
      }
    }
    record(event, rows: rows, receivers: receivers, at: now)
  }

  /// Notes what happened on a topic, whoever is told of it.
  mutating func record(
    _ event: PrivateEvent, rows: [JSONValue], receivers: [JSONValue], at now: Timestamp
  ) {
    record(
      [
        "kind": "event", "topic": .string(event.topic), "connections": .array(receivers),
        "data": .array(rows),
      ], at: now)
  }

  // MARK: The log

  /// Adds an entry; sequence number and time stand first.
  mutating func record(_ entry: JSONValue, at now: Timestamp) {
    outputs.append(.log(log.append(entry, at: now)))
  }
}
