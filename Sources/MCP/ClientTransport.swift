package import JSON

/// The client side of Streamable HTTP: which exchanges the messages of one session become, and what
/// their answers mean for it.
///
/// Events in, effects out. Every message is a POST of its own; what follows `initialize` carries the
/// session's id and revision. A request whose event stream breaks is resumed where the server gave
/// event ids, and else is `unanswered`; none is ever sent twice. A session that the server has ended
/// is `over`: whoever owns this begins another one, with another value.
package struct ClientTransport: Sendable {
  /// One HTTP request and its answer; the resumption of a broken stream keeps the name.
  package struct Exchange: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: Exchange, b: Exchange) -> Bool { a.rawValue < b.rawValue }
  }

  package struct Configuration: Hashable, Sendable {
    /// Bytes of the longest session id that is taken.
    package var sessionIDBytes = 1024
    /// Bytes of the longest event id that is sent back.
    package var eventIDBytes = 1024
    /// Attempts in a row to resume a stream that bring nothing new.
    package var resumptions = 5
    /// Milliseconds before a broken stream is opened again, where the server names none. They double
    /// from one failure to the next.
    package var firstWait = 1000
    package var longestWait = 60_000
    /// Messages that wait for the end of the handshake.
    package var heldBack = 512

    package init() {}
  }

  /// An answer that is no event stream.
  package struct Reply: Hashable, Sendable {
    package var status: Int
    /// Lower case, without parameters; nil when absent.
    package var mediaType: Text?
    package var sessionID: Text?
    package var body: [UInt8]

    package init(status: Int, mediaType: Text? = nil, sessionID: Text? = nil, body: [UInt8] = []) {
      self.status = status
      self.mediaType = mediaType
      self.sessionID = sessionID
      self.body = body
    }
  }

  package enum Event: Hashable, Sendable {
    /// A message for the server.
    case send(RPCMessage)
    /// The handshake is done: listen to what the server says by itself.
    case listen
    /// The whole answer, no event stream.
    case replied(Exchange, Reply)
    /// The answer is an event stream, and begins.
    case streaming(Exchange, sessionID: Text?)
    /// An event of it. `lastID` and `retry` are what the stream gave last.
    case event(Exchange, lastID: Text?, retry: Int?, data: [UInt8])
    /// The stream ended, whole or not.
    case ended(Exchange, lastID: Text?, retry: Int?)
    /// The exchange failed before or during its answer; `isUnsent` when no byte of it left.
    case failed(Exchange, isUnsent: Bool, reason: String)
    /// The time that `wait` named has passed.
    case due(Exchange)
    /// The owner ends the session.
    case close
  }

  package enum Effect: Hashable, Sendable {
    case post(Exchange, headers: [HTTPHead.Header], RPCMessage)
    /// Open an event stream.
    case get(Exchange, headers: [HTTPHead.Header])
    /// Report `due` after so many milliseconds.
    case wait(Exchange, milliseconds: Int)
    /// Nobody needs the exchange any more: close its connection, forget its time.
    case stop(Exchange)
    /// End the session at the server.
    case delete(headers: [HTTPHead.Header])
    /// A message of the server; `on` is the request of its event stream, nil on the session's own.
    case deliver(RPCMessage, on: RPCID?)
    case malformed(RPCRefusal)
    /// The answer to this request will not come.
    case unanswered(RPCID, ClientSession.Unanswered)
    /// The session cannot be used any more; exchanges under way were stopped. Told once.
    case over(MCPError)
  }

  private enum Purpose: Sendable {
    /// A request, and whether it is `initialize`.
    case request(RPCID, isGreeting: Bool)
    /// `notifications/initialized`: nothing else is sent before the server has taken it.
    case confirmation
    /// A notification, or an answer to the server; when the server has taken it, nobody needs the
    /// other exchange any more.
    case word(stops: Exchange?)
    /// The session's own stream.
    case listening
  }

  private struct Open: Sendable {
    let purpose: Purpose
    var lastID: Text?
    var retry: Int?
    /// Attempts since anything new came.
    var attempts = 0
    /// The POST was answered by an event stream, or this is a GET.
    var isStream = false
  }

  package let configuration: Configuration
  /// The id that the server gave, if it gave any.
  package private(set) var sessionID: Text?
  private var version: Text?
  private var open: [Exchange: Open] = [:]
  private var heldBack: [RPCMessage] = []
  private var isConfirming = false
  /// The stream is opened as soon as the server has taken the confirmation.
  private var wantsToListen = false
  private var isOver = false
  private var lastExchange: UInt64 = 0

  package init(configuration: Configuration = Configuration()) {
    self.configuration = configuration
  }

  /// Exchanges that are under way or wait to be resumed.
  package var exchangesUnderWay: Int { open.count }

  /// The request of a POST that has not begun to be answered.
  package func unansweredPost(_ exchange: Exchange) -> RPCID? {
    guard let one = open[exchange], !one.isStream, case .request(let id, _) = one.purpose else {
      return nil
    }
    return id
  }

  package mutating func handle(_ event: Event) -> [Effect] {
    guard !isOver else { return [] }
    switch event {
    case .send(let message): return send(message)
    case .listen:
      wantsToListen = isConfirming
      return isConfirming ? [] : listen()
    case .replied(let exchange, let reply): return take(reply, exchange)
    case .streaming(let exchange, let id): return streaming(exchange, id)
    case .event(let exchange, let lastID, let retry, let data):
      return take(data, lastID: lastID, retry, exchange)
    case .ended(let exchange, let lastID, let retry):
      note(lastID, retry, exchange)
      return broken(exchange, "its answer ended early")
    case .failed(let exchange, let isUnsent, let reason): return failed(exchange, isUnsent, reason)
    case .due(let exchange):
      guard let one = open[exchange] else { return [] }
      return [.get(exchange, headers: streamHeaders(one))]
    case .close: return close()
    }
  }

  private mutating func listen() -> [Effect] {
    let (exchange, one) = begin(.listening)
    return [.get(exchange, headers: streamHeaders(one))]
  }

  private mutating func begin(_ purpose: Purpose) -> (Exchange, Open) {
    lastExchange += 1
    let exchange = Exchange(rawValue: lastExchange)
    var one = Open(purpose: purpose)
    if case .listening = purpose { one.isStream = true }
    open[exchange] = one
    return (exchange, one)
  }

  // MARK: Headers

  private var sessionHeaders: [HTTPHead.Header] {
    (sessionID.map { [HTTPHead.Header("Mcp-Session-Id", $0.string)] } ?? [])
      + (version.map { [HTTPHead.Header("MCP-Protocol-Version", $0.string)] } ?? [])
  }

  private var messageHeaders: [HTTPHead.Header] {
    [
      HTTPHead.Header("Content-Type", "application/json"),
      HTTPHead.Header("Accept", "application/json, text/event-stream"),
    ] + sessionHeaders
  }

  private func streamHeaders(_ one: Open) -> [HTTPHead.Header] {
    [HTTPHead.Header("Accept", "text/event-stream")] + sessionHeaders
      + (one.lastID.map { [HTTPHead.Header("Last-Event-ID", $0.string)] } ?? [])
  }
}

// MARK: What is sent

extension ClientTransport {
  private mutating func send(_ message: RPCMessage) -> [Effect] {
    guard !isConfirming else {
      guard heldBack.count < configuration.heldBack else {
        return end(MCPError(.limit, "the server does not finish its handshake"))
      }
      heldBack.append(message)
      return []
    }
    switch message {
    case .request(let request):
      return post(message, .request(request.id, isGreeting: request.method == "initialize"))
    case .notification(let notification) where notification.method == "notifications/initialized":
      isConfirming = true
      return post(message, .confirmation)
    case .notification(let notification) where notification.method == "notifications/cancelled":
      let id = notification.params?["requestId"].flatMap(RPCID.init(json:))
      // Its answer is not read any more, but its connection stays until the server has heard why:
      // to a server that loses a client first there is nothing left to cancel.
      let stopped = id.flatMap { exchange(of: $0) }
      if let stopped { open[stopped] = nil }
      return post(message, .word(stops: stopped))
    case .notification, .response: return post(message, .word(stops: nil))
    }
  }

  private mutating func post(_ message: RPCMessage, _ purpose: Purpose) -> [Effect] {
    let (exchange, _) = begin(purpose)
    return [.post(exchange, headers: messageHeaders, message)]
  }

  private func exchange(of id: RPCID) -> Exchange? {
    open.first { _, one in
      if case .request(id, _) = one.purpose { true } else { false }
    }?.key
  }

  private mutating func confirmed() -> [Effect] {
    isConfirming = false
    let waiting = heldBack
    heldBack = []
    defer { wantsToListen = false }
    return (wantsToListen ? listen() : []) + waiting.flatMap { send($0) }
  }
}

// MARK: Whole answers

extension ClientTransport {
  private mutating func take(_ reply: Reply, _ exchange: Exchange) -> [Effect] {
    guard let one = open[exchange] else { return [] }
    if reply.status == 404, sessionID != nil { return end(Self.ended) }
    // What resumes a stream must be a stream.
    if one.isStream { return refused(exchange, one, reply) }
    open[exchange] = nil
    switch one.purpose {
    case .request(let id, let isGreeting):
      if isGreeting, let effects = adopt(reply.sessionID) { return effects }
      return answer(reply, id)
    case .confirmation:
      guard (200..<300).contains(reply.status) else {
        return end(MCPError(.refused, "the server answered \(Self.words(reply)) to the handshake"))
      }
      return confirmed()
    case .word(let stops): return stops.map { [.stop($0)] } ?? []
    case .listening: return []
    }
  }

  /// The server's answer to a request, or why its reply is none.
  private mutating func answer(_ reply: Reply, _ id: RPCID) -> [Effect] {
    guard reply.mediaType == "application/json" else { return [lost(id, reply)] }
    let message: RPCMessage
    do throws(RPCRefusal) {
      message = try RPCMessage.decode(reply.body, limits: .peer)
    } catch {
      return [.malformed(error), lost(id, reply)]
    }
    guard case .response(let response) = message, response.id == id else {
      return [lost(id, reply)]
    }
    learnVersion(response)
    return [.deliver(message, on: id)]
  }

  private func lost(_ id: RPCID, _ reply: Reply) -> Effect {
    .unanswered(
      id,
      .lost(MCPError(.refused, "the server answered \(Self.words(reply)) instead of a result")))
  }

  private static func words(_ reply: Reply) -> String {
    switch reply.status {
    case 401: "HTTP 401 (it does not accept the credentials in the headers)"
    case 403: "HTTP 403 (it does not allow this)"
    case 404: "HTTP 404 (there is no MCP endpoint at this URL)"
    case 405: "HTTP 405 (there is no MCP endpoint at this URL)"
    default: "HTTP \(reply.status)"
    }
  }

  private static let ended = MCPError(.closed, "the server has ended the session (HTTP 404)")

  /// Takes the session's id from the answer to `initialize`; effects only when it is none.
  private mutating func adopt(_ id: Text?) -> [Effect]? {
    guard let id else { return nil }
    guard !id.isEmpty, id.count <= configuration.sessionIDBytes,
      id.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return end(MCPError(.malformed, "the server gave a session id that is none")) }
    sessionID = id
    return nil
  }

  private mutating func learnVersion(_ response: RPCResponse) {
    guard version == nil, case .result(let result) = response.outcome,
      let spoken = result["protocolVersion"]?.textValue
    else { return }
    version = ProtocolVersion(text: spoken)?.text
  }
}

// MARK: Event streams

extension ClientTransport {
  private mutating func streaming(_ exchange: Exchange, _ id: Text?) -> [Effect] {
    guard let one = open[exchange] else { return [] }
    open[exchange]?.isStream = true
    switch one.purpose {
    case .request(_, isGreeting: true): return adopt(id) ?? []
    case .request, .listening: return []
    case .confirmation:
      open[exchange] = nil
      return [.stop(exchange)] + confirmed()
    case .word(let stops):
      open[exchange] = nil
      return [.stop(exchange)] + (stops.map { [.stop($0)] } ?? [])
    }
  }

  private mutating func note(_ lastID: Text?, _ retry: Int?, _ exchange: Exchange) {
    guard let one = open[exchange] else { return }
    open[exchange]?.retry = retry ?? one.retry
    guard let lastID, lastID != one.lastID, Self.fitsAHeader(lastID, configuration.eventIDBytes)
    else { return }
    // An empty id takes the last one back.
    open[exchange]?.lastID = lastID.isEmpty ? nil : lastID
    open[exchange]?.attempts = 0
  }

  private static func fitsAHeader(_ id: Text, _ limit: Int) -> Bool {
    id.count <= limit && id.utf8.allSatisfy { (0x20...0x7E).contains($0) }
  }

  private mutating func take(
    _ data: [UInt8], lastID: Text?, _ retry: Int?, _ exchange: Exchange
  ) -> [Effect] {
    note(lastID, retry, exchange)
    guard let one = open[exchange] else { return [] }
    open[exchange]?.attempts = 0
    // The first event of a stream that can be resumed may be empty.
    guard !data.isEmpty else { return [] }
    let message: RPCMessage
    do throws(RPCRefusal) {
      message = try RPCMessage.decode(data, limits: .peer)
    } catch {
      return [.malformed(error)]
    }
    var on: RPCID?
    if case .request(let id, _) = one.purpose { on = id }
    guard case .response(let response) = message else { return [.deliver(message, on: on)] }
    if case .request(_, isGreeting: true) = one.purpose { learnVersion(response) }
    // Its stream has nothing more to say.
    let answered = response.id.flatMap { self.exchange(of: $0) }
    if let answered { open[answered] = nil }
    return [.deliver(message, on: on)] + (answered.map { [.stop($0)] } ?? [])
  }

  private mutating func failed(
    _ exchange: Exchange, _ isUnsent: Bool, _ reason: String
  ) -> [Effect] {
    guard let one = open[exchange] else { return [] }
    if one.isStream { return broken(exchange, reason) }
    open[exchange] = nil
    switch one.purpose {
    case .request(let id, _):
      let error = MCPError(.closed, reason)
      return [.unanswered(id, isUnsent ? .notSent(error) : .lost(error))]
    case .confirmation: return end(MCPError(.closed, "the handshake broke off: \(reason)"))
    case .word(let stops): return stops.map { [.stop($0)] } ?? []
    case .listening: return []
    }
  }

  /// A stream that should go on is opened again, where that can bring what was missed.
  private mutating func broken(_ exchange: Exchange, _ reason: String) -> [Effect] {
    guard let one = open[exchange] else { return [] }
    if case .request(let id, _) = one.purpose,
      one.lastID == nil || one.attempts >= configuration.resumptions
    {
      open[exchange] = nil
      return [.unanswered(id, .lost(MCPError(.closed, "the server's answer broke off: \(reason)")))]
    }
    open[exchange]?.attempts += 1
    return [.wait(exchange, milliseconds: wait(one))]
  }

  private func wait(_ one: Open) -> Int {
    if let asked = one.retry, one.attempts == 0 {
      return min(max(asked, 0), configuration.longestWait)
    }
    return min(configuration.longestWait, configuration.firstWait << min(one.attempts, 10))
  }

  /// The server answered the opening of a stream with something else.
  private mutating func refused(_ exchange: Exchange, _ one: Open, _ reply: Reply) -> [Effect] {
    if reply.status >= 500 || reply.status == 408 || reply.status == 429 {
      return broken(exchange, Self.words(reply))
    }
    open[exchange] = nil
    guard case .request(let id, _) = one.purpose else { return [] }
    return [
      .unanswered(
        id, .lost(MCPError(.closed, "the broken answer cannot be resumed: \(Self.words(reply))")))
    ]
  }
}

// MARK: The end

extension ClientTransport {
  private mutating func end(_ error: MCPError) -> [Effect] { stopAll() + [.over(error)] }

  private mutating func close() -> [Effect] {
    stopAll() + (sessionID == nil ? [] : [.delete(headers: sessionHeaders)])
  }

  private mutating func stopAll() -> [Effect] {
    isOver = true
    defer {
      open = [:]
      heldBack = []
    }
    return open.keys.sorted().map { .stop($0) }
  }
}
