package import JSON

/// The bridge from a client over stdio to the gateway over Streamable HTTP. It has no policy and no
/// state of calls: it hands messages on, keeps the session, and stays usable while there is no
/// gateway, so that the client need not be started again.
///
/// Events in, effects out. Every request of the client that is handed on is answered once: by the
/// gateway, or here with what went wrong and how to mend it. Nothing that the gateway can have
/// acted upon is sent twice.
package struct Bridge: Sendable {
  package struct Configuration: Hashable, Sendable {
    package var version: Text
    /// Milliseconds before the gateway is looked for again by itself; they double from one failure
    /// to the next.
    package var firstWait = 1000
    package var longestWait = 10_000
    /// Requests that may be under way, or wait for the gateway.
    package var requestLimit = 256
    package var transport: ClientTransport.Configuration

    package init(version: Text) {
      self.version = version
      transport = ClientTransport.Configuration()
      // A gateway that was started again is to be found soon.
      transport.longestWait = 5000
    }
  }

  /// Tells the exchanges of one connection from those of an earlier one.
  package struct Connection: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
  }

  package enum Event: Hashable, Sendable {
    /// A message of the client.
    case received(RPCMessage)
    /// A line of the client that was not accepted.
    case malformed(RPCRefusal)
    /// The gateway's place is known; exchanges of this connection go there.
    case located(Connection)
    /// It is not known, for this reason, which says how to mend it.
    case notLocated(Connection, reason: String)
    case exchange(Connection, ClientTransport.Event)
    /// The time that `wait` named has passed.
    case due
    /// The client has ended, or the bridge is to.
    case inputEnded
  }

  package enum Effect: Hashable, Sendable {
    /// Find out where the gateway is and how to sign in there.
    case locate(Connection)
    case exchange(Connection, ClientTransport.Effect)
    /// A message for the client.
    case write(RPCMessage)
    /// Report `due` after so many milliseconds; a later one takes its place.
    case wait(milliseconds: Int)
    /// Something that a person should know.
    case note(String)
  }

  private enum State: Hashable, Sendable {
    /// The client has not greeted.
    case new
    /// The gateway is being looked for, or greeted.
    case connecting
    case open
    /// There is no gateway.
    case down
    case ended
  }

  package let configuration: Configuration
  private var state = State.new
  private var connection = Connection(rawValue: 0)
  private var transport = ClientTransport()
  /// The client's greeting; it is said again in every session.
  private var hello: RPCRequest?
  private var isGreeted = false
  /// The client has ended its handshake.
  private var isConfirmed = false
  /// That was said on this connection.
  private var isConfirmationSaid = false
  private var failures = 0
  private var lastReason: String?
  /// The client's requests that were handed on.
  private var underWay: [RPCID: RPCRequest] = [:]
  /// Those that wait for a connection, in order.
  private var queue: [RPCRequest] = []
  /// Why the gateway refused a request whole.
  private var refusals: [RPCID: String] = [:]

  package init(configuration: Configuration) { self.configuration = configuration }

  package mutating func handle(_ event: Event) -> [Effect] {
    guard state != .ended else { return [] }
    switch event {
    case .received(.request(let request)): return take(request)
    case .received(.notification(let notification)): return take(notification)
    case .received(.response(let response)):
      return state == .open ? exchange(.send(.response(response))) : []
    case .malformed(let refusal): return refusal.answer.map { [.write($0)] } ?? []
    case .located(let which):
      guard which == connection, state == .connecting else { return [] }
      transport = ClientTransport(configuration: configuration.transport)
      return exchange(.send(.request(greeting)))
    case .notLocated(let which, let reason):
      return which == connection && state == .connecting ? fall(reason) : []
    case .exchange(let which, let event): return which == connection ? hear(event) : []
    case .due:
      return state == .down ? connect() : []
    case .inputEnded:
      let effects = exchange(.close)
      state = .ended
      return effects
    }
  }

  // MARK: Connecting

  private mutating func connect() -> [Effect] {
    state = .connecting
    connection = Connection(rawValue: connection.rawValue + 1)
    isConfirmationSaid = false
    return [.locate(connection)]
  }

  private static let ownID = RPCID.string("countersign-wrap")

  /// The client's own greeting the first time; later the same words under an id of our own.
  private var greeting: RPCRequest {
    var request = hello ?? RPCRequest(id: Self.ownID, method: "initialize")
    if isGreeted { request.id = Self.ownID }
    return request
  }

  /// There is no connection; what waits for one is answered with the reason.
  private mutating func fall(_ reason: String) -> [Effect] {
    var effects: [Effect] = reason == lastReason ? [] : [.note(reason)]
    lastReason = reason
    state = .down
    effects += greetAlone(reason)
    let waiting = queue
    queue = []
    effects += waiting.map { .write(Self.refusal(of: $0, reason)) }
    let wait = min(configuration.longestWait, configuration.firstWait << min(failures, 10))
    failures += 1
    return effects + [.wait(milliseconds: wait)]
  }

  /// The client's greeting is answered here when the gateway does not.
  private mutating func greetAlone(_ reason: String) -> [Effect] {
    guard !isGreeted, let hello else { return [] }
    isGreeted = true
    let asked = hello.params?["protocolVersion"]?.textValue ?? ProtocolVersion.latest.text
    var result = JSONObject()
    result["protocolVersion"] = .string(ProtocolVersion.negotiated(for: asked).text)
    result["capabilities"] = ["tools": ["listChanged": true]]
    result["serverInfo"] = ["name": "countersign", "version": .string(configuration.version)]
    result["instructions"] = .string("No tool can be used now: \(reason)")
    return [.write(.result(hello.id, .object(result)))]
  }

  /// The gateway has greeted in answer to our own greeting.
  private mutating func reconnected() -> [Effect] {
    state = .open
    failures = 0
    lastReason = nil
    var effects: [Effect] = [.note("connected to the gateway")]
    effects += confirm()
    if isConfirmed { effects.append(.write(.notification("notifications/tools/list_changed"))) }
    let waiting = queue
    queue = []
    return effects + waiting.flatMap { forward($0) }
  }

  private mutating func confirm() -> [Effect] {
    isConfirmationSaid = true
    return exchange(.send(.notification("notifications/initialized"))) + exchange(.listen)
  }
}

// MARK: The client

extension Bridge {
  private mutating func take(_ request: RPCRequest) -> [Effect] {
    if let error = ProtocolVersion.refusal(of: request) {
      return [.write(.failure(request.id, error))]
    }
    if request.method == "initialize" { return greet(request) }
    guard hello != nil else {
      guard request.method != "ping" else { return [.write(.result(request.id, [:]))] }
      return [.write(.failure(request.id, RPCError(.invalidRequest, "send \"initialize\" first")))]
    }
    guard underWay[request.id] == nil, !queue.contains(where: { $0.id == request.id }) else {
      let words = "the id \(request.id) belongs to a request under way; use a new one"
      return [.write(.failure(request.id, RPCError(.invalidRequest, words)))]
    }
    guard underWay.count + queue.count < configuration.requestLimit else {
      let words = "\(configuration.requestLimit) requests are under way; wait for one of them"
      return [.write(Self.refusal(of: request, words))]
    }
    switch state {
    case .open: return forward(request)
    case .down where request.method == "ping": return [.write(.result(request.id, [:]))]
    case .down:
      queue.append(request)
      return connect()
    case .new, .connecting, .ended:
      queue.append(request)
      return []
    }
  }

  private mutating func greet(_ request: RPCRequest) -> [Effect] {
    guard hello == nil else {
      let error = RPCError(.invalidRequest, "the session is initialised already")
      return [.write(.failure(request.id, error))]
    }
    hello = request
    return connect()
  }

  private mutating func forward(_ request: RPCRequest) -> [Effect] {
    underWay[request.id] = request
    return exchange(.send(.request(request)))
  }

  private mutating func take(_ notification: RPCNotification) -> [Effect] {
    switch notification.method {
    case "notifications/initialized":
      isConfirmed = true
      return state == .open && !isConfirmationSaid ? confirm() : []
    case "notifications/cancelled":
      guard let id = notification.params?["requestId"].flatMap(RPCID.init(json:)) else { return [] }
      underWay[id] = nil
      queue.removeAll { $0.id == id }
    default: break
    }
    guard state == .open else { return [] }
    return exchange(.send(.notification(notification)))
  }

  /// What a client gets instead of an answer when nothing was executed.
  private static func refusal(of request: RPCRequest, _ reason: String) -> RPCMessage {
    switch request.method {
    case "tools/call":
      let text = "Not executed: \(reason). Then make the call again."
      return .result(request.id, .object(ToolResult(text: text, isError: true).json))
    case "tools/list": return .result(request.id, ["tools": []])
    case "ping": return .result(request.id, [:])
    default: return .failure(request.id, RPCError(.internalError, reason))
    }
  }

  private static func loss(of request: RPCRequest, _ reason: String) -> RPCMessage {
    guard request.method == "tools/call" else {
      return .failure(request.id, RPCError(.internalError, reason))
    }
    let text =
      "The connection to the gateway broke off (\(reason)), so it is not known here whether this "
      + "was executed. If the call was held, the identical call tells its outcome; it is not "
      + "executed twice."
    return .result(request.id, .object(ToolResult(text: text, isError: true).json))
  }
}

// MARK: The gateway

extension Bridge {
  private mutating func exchange(_ event: ClientTransport.Event) -> [Effect] {
    transport.handle(event).flatMap { perform($0) }
  }

  private mutating func hear(_ event: ClientTransport.Event) -> [Effect] {
    var again: RPCRequest?
    if case .replied(let exchange, let reply) = event, let id = transport.unansweredPost(exchange) {
      // The gateway knows no such session and has not looked at the request.
      if reply.status == 404, state == .open { again = underWay.removeValue(forKey: id) }
      if reply.status >= 400 { refusals[id] = Self.words(reply) }
    }
    if case .failed(let exchange, true, let why) = event,
      let id = transport.unansweredPost(exchange)
    {
      refusals[id] = Self.noGateway(why)
    }
    if let again { queue.insert(again, at: 0) }
    var effects = exchange(event)
    refusals = [:]
    if case .replied(_, let reply) = event, reply.status == 401, state == .open {
      // The token was revoked, and with it the session. There may be another one by now.
      effects += exchange(.close) + over("the agent's token was revoked")
    }
    return effects
  }

  private mutating func perform(_ effect: ClientTransport.Effect) -> [Effect] {
    switch effect {
    case .post, .get, .wait, .stop, .delete: return [.exchange(connection, effect)]
    case .deliver(.response(let response), _): return deliver(response)
    case .deliver(let message, _): return [.write(message)]
    case .malformed: return [.note("a message of the gateway was not understood")]
    case .unanswered(let id, let how): return unanswered(id, how)
    case .over(let error): return over("\(error)")
    }
  }

  private mutating func deliver(_ response: RPCResponse) -> [Effect] {
    guard state == .connecting else {
      guard let id = response.id, underWay.removeValue(forKey: id) != nil else { return [] }
      return [.write(.response(response))]
    }
    guard case .result = response.outcome else {
      return fall("the gateway refused the handshake; see its log")
    }
    guard !isGreeted else { return reconnected() }
    isGreeted = true
    state = .open
    failures = 0
    lastReason = nil
    // What was asked before the handshake's end, against its rules, is handed on.
    let waiting = queue
    queue = []
    return [.write(.response(response))] + waiting.flatMap { forward($0) }
  }

  private mutating func unanswered(
    _ id: RPCID, _ how: ClientSession.Unanswered
  ) -> [Effect] {
    let refusal = refusals[id]
    if state == .connecting, id == greeting.id { return fall(refusal ?? "\(how.error)") }
    guard let request = underWay.removeValue(forKey: id) else { return [] }
    if let refusal { return [.write(Self.refusal(of: request, refusal))] }
    return [.write(Self.loss(of: request, "\(how.error)"))]
  }

  /// The session is over: what was under way is lost, and another session begins.
  private mutating func over(_ reason: String) -> [Effect] {
    guard state == .open else { return fall(reason) }
    let lost = underWay.values.sorted { "\($0.id)" < "\($1.id)" }
    underWay = [:]
    return lost.map { .write(Self.loss(of: $0, reason)) } + [.note(reason)] + connect()
  }

  /// - Parameter why: In the words of what tried, such as a certificate that is not trusted.
  private static func noGateway(_ why: String) -> String {
    "no gateway answers at its address (\(why)); if it does not run, start it with "
      + "`countersign gateway`"
  }

  private static func words(_ reply: ClientTransport.Reply) -> String {
    switch reply.status {
    case 401:
      return "the gateway does not know this agent's token; run `countersign agent add NAME` and "
        + "put what it prints in COUNTERSIGN_TOKEN or in the file of --token-file"
    case 404:
      return "the gateway has no upstream of this name; run `countersign wrap` with --upstream and "
        + "a name of its configuration"
    default:
      let told = (try? JSONParser.parse(reply.body, limits: .peer))?["error"]?["message"]
      return "the gateway refused the request (HTTP \(reply.status)"
        + (told?.stringValue.map { ": \($0))" } ?? ")")
    }
  }
}
