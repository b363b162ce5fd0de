import Exchange
import JSON
import Time

/// WebSockets: opening, closing and where a frame goes.
extension PaperCore {
  mutating func open(_ id: ConnectionID, _ kind: SocketKind, at now: Timestamp) {
    sockets[id] = Socket(kind)
    record(
      ["kind": "opened", "connection": .int(id.number), "path": .string(kind.rawValue)], at: now)
  }

  mutating func closed(_ id: ConnectionID, at now: Timestamp) {
    guard let socket = sockets.removeValue(forKey: id) else { return }
    if let category = socket.kind.category {
      for topic in socket.topics { leave(TopicName(category: category, text: topic), id) }
    }
    record(["kind": "closed", "connection": .int(id.number)], at: now)
  }

  /// Takes one text message. Whatever is in it, the connection gets an answer.
  mutating func message(_ bytes: [UInt8], from id: ConnectionID, at now: Timestamp) {
    defer { settle(at: now) }
    guard let socket = sockets[id] else { return }
    let message: JSONCursor
    do {
      message = JSONCursor(try JSONParser.parse(bytes, limits: configuration.limits.json))
      _ = try message.object()
    } catch {
      refuse(bytes, from: id, socket.kind, error, at: now)
      return
    }
    switch socket.kind {
    case .trade: trade(message, bytes, from: id, at: now)
    default: stream(message, from: id, at: now)
    }
  }

  private mutating func refuse(
    _ bytes: [UInt8], from id: ConnectionID, _ kind: SocketKind, _ error: JSONError,
    at now: Timestamp
  ) {
    let outcome = Outcome(error)
    switch kind {
    case .trade:
      let frame = TradeFrame(JSONCursor(.null), bytes)
      send(reply(frame, outcome, to: id, at: now), to: id)
      note(frame, from: id, outcome, at: now)
    default:
      send(
        [
          "success": false, "ret_msg": .string("error:\(outcome.message)"),
          "conn_id": .string(connectionName(id)), "req_id": "", "op": "",
        ], to: id)
    }
  }

  func connectionName(_ id: ConnectionID) -> String { "paper-\(id.number)" }

  mutating func send(_ message: JSONValue, to id: ConnectionID) {
    outputs.append(.send(id, JSONWriter.text(of: message)))
  }

  // MARK: Order entry

  private mutating func trade(
    _ message: JSONCursor, _ bytes: [UInt8], from id: ConnectionID, at now: Timestamp
  ) {
    let frame = TradeFrame(message, bytes)
    let names: [Text] = [frame.operation, "trade.\(frame.operation)"]
    let fault = fault(.answer, names, at: now)
    if let fault, isSpoiled(frame, from: id, by: fault, at: now) { return }
    if frame.operation == "ping" {
      deliver(pong(to: id, at: now), to: id, fault, at: now)
      return
    }
    let early = self.fault(.order, names, at: now)
    isEager = early != nil
    var outcome: Outcome
    do {
      if frame.operation == "auth" {
        outcome = try authenticateTrade(message, id, at: now)
      } else {
        outcome = try order(frame, id, at: now)
      }
    } catch {
      outcome = Outcome(error)
    }
    isEager = false
    if fault?.kind == .errorAfterPlacing, let fault { outcome.fail(.fault(fault.code)) }
    note(frame, from: id, outcome, at: now)
    if early != nil { flush(at: now) }
    deliver(reply(frame, outcome, to: id, at: now), to: id, fault ?? early, at: now)
    if self.fault(.copy, names, at: now) != nil {
      deliver(reply(frame, outcome, to: id, at: now), to: id, fault ?? early, at: now)
    }
  }

  /// Whether the fault keeps the message from being carried out.
  private mutating func isSpoiled(
    _ frame: TradeFrame, from id: ConnectionID, by fault: FaultRule, at now: Timestamp
  ) -> Bool {
    let outcome = Outcome(.fault(fault.code))
    switch fault.kind {
    case .errorBeforePlacing: send(reply(frame, outcome, to: id, at: now), to: id)
    case .closeBeforePlacing: outputs.append(.close(id))
    case .dropRequest: break
    default: return false
    }
    note(frame, from: id, outcome, at: now)
    return true
  }

  /// Sends an answer as a fault of it wants.
  mutating func deliver(
    _ message: JSONValue, to id: ConnectionID, _ fault: FaultRule?, at now: Timestamp
  ) {
    switch fault?.kind {
    case .dropAnswer: break
    case .closeConnection: outputs.append(.close(id))
    case .delayAnswer, .eventsFirst:
      let text = JSONWriter.text(of: message)
      schedule(.send(id, text), due: now + (fault?.delay ?? .zero), at: now)
    default: send(message, to: id)
    }
  }

  private func pong(to id: ConnectionID, at now: Timestamp) -> JSONValue {
    [
      "retCode": 0, "retMsg": "OK", "op": "pong", "data": [.string(now.text)],
      "connId": .string(connectionName(id)),
    ]
  }

  /// Binds the connection to the key of an auth message.
  mutating func signIn(_ message: JSONCursor, _ id: ConnectionID, at now: Timestamp) throws {
    let key = try authenticate(message, at: now)
    let others = sockets.filter { $0.key != id && $0.value.key?.key == key.key }
    guard others.count < configuration.limits.sessions else {
      throw Refusal(10003, "Too many sessions under the same UID.")
    }
    sockets[id]?.key = key
  }

  private mutating func authenticateTrade(
    _ message: JSONCursor, _ id: ConnectionID, at now: Timestamp
  ) throws -> Outcome {
    guard sockets[id]?.key == nil else { throw Refusal(20001, "Repeat auth") }
    try signIn(message, id, at: now)
    return Outcome(result: .null)
  }

  private mutating func order(
    _ frame: TradeFrame, _ id: ConnectionID, at now: Timestamp
  ) throws -> Outcome {
    if let request = frame.request {
      guard request.count <= PaperLimits.requestIDBytes else {
        throw Refusal.parameter("params error: reqId takes at most 36 characters")
      }
      let isFresh = sockets[id]?.isFresh(request, limit: configuration.limits.requestIDs) ?? false
      guard isFresh else { throw Refusal(20006, "Duplicate reqId") }
    }
    guard let key = sockets[id]?.key else {
      throw Refusal(10003, "the session is not authenticated, send auth first")
    }
    let header = try frame.message.member("header")
    let time = try Self.digits(try header.member("X-BAPI-TIMESTAMP"))
    let window = try header.optional("X-BAPI-RECV-WINDOW").map(Self.digits)
    try checkWindow(time: time, window: window, at: now)
    let args = try frame.message.member("args").elements()
    guard let body = args.first, args.count == 1 else {
      throw Refusal.parameter("params error: args takes one object")
    }
    guard let operation = OrderOperation(rawValue: frame.operation.string),
      operation.isOnTradeSocket
    else {
      throw Refusal(10404, "op \(frame.operation) is not known here")
    }
    return perform(operation, body, key, at: now)
  }

  private func reply(
    _ frame: TradeFrame, _ outcome: Outcome, to id: ConnectionID, at now: Timestamp
  ) -> JSONValue {
    var message = JSONObject()
    if let request = frame.request { message["reqId"] = .string(request) }
    message["retCode"] = .int(outcome.code)
    message["retMsg"] = .string(outcome.message)
    message["op"] = .string(frame.operation)
    if frame.operation != "auth" {
      message["data"] = outcome.result
      message["retExtInfo"] = outcome.extra
      var header = JSONObject(strings: outcome.budgetHeaders())
      header["Traceid"] = .string("\(connectionName(id))-\(now.text)")
      header["Timenow"] = .string(now.text)
      message["header"] = .object(header)
    }
    message["connId"] = .string(connectionName(id))
    return .object(message)
  }

  private mutating func note(
    _ frame: TradeFrame, from id: ConnectionID, _ outcome: Outcome, at now: Timestamp
  ) {
    record(
      [
        "kind": "request", "transport": "trade", "connection": .int(id.number),
        "key": .string(sockets[id]?.key?.key ?? ""), "op": .string(frame.operation),
        "body": .string(frame.shown), "code": .int(outcome.code),
        "message": .string(outcome.message), "legs": .array(outcome.legs.map { .int($0) }),
        "result": outcome.result,
      ], at: now)
  }
}

/// A message to the trade socket.
struct TradeFrame: Sendable {
  let message: JSONCursor
  let operation: Text
  let request: Text?
  private let bytes: [UInt8]

  init(_ message: JSONCursor, _ bytes: [UInt8]) {
    self.message = message
    self.bytes = bytes
    operation = message.value["op"]?.textValue ?? ""
    request = message.value["reqId"]?.textValue
  }

  /// What the log shows: an auth message holds a signature and is recorded without its text.
  var shown: String { operation == "auth" ? "" : String(decoding: bytes, as: UTF8.self) }
}
