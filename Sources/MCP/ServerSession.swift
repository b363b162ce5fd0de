package import JSON

/// One agent's session with the gateway: the server side of MCP, without any transport.
///
/// Events in, effects out. A request that takes time is started under a `Ticket` and answered when
/// the owner says that it is finished; whatever the owner reports under a ticket that was cancelled
/// or answered already is dropped and counted. `initialize` is answered at once and so can never be
/// cancelled.
///
/// While a request is under way its client can be asked something for the upstream, if it declared
/// the capability; every question that is put ends in exactly one `told` effect.
package struct ServerSession: Sendable {
  package struct Configuration: Hashable, Sendable {
    package var name: Text
    package var version: Text
    package var instructions: Text?
    /// Capabilities besides `tools`; methods of a capability that is not here do not exist.
    package var capabilities: JSONObject
    /// Tools in one page of `tools/list`. Many clients never ask for a second page.
    package var pageSize: Int
    /// Requests that may be under way at once.
    package var requestLimit: Int
    /// Questions that may wait for the client at once.
    package var questionLimit: Int
    /// Bytes of one question.
    package var questionBytes: Int

    package init(
      name: Text, version: Text, instructions: Text? = nil, capabilities: JSONObject = JSONObject(),
      pageSize: Int = 1000, requestLimit: Int = 256, questionLimit: Int = 8,
      questionBytes: Int = 192 << 10
    ) {
      precondition(pageSize > 0 && requestLimit > 0, "a limit of a session is at least 1")
      self.name = name
      self.version = version
      self.instructions = instructions
      self.capabilities = capabilities
      self.pageSize = pageSize
      self.requestLimit = requestLimit
      self.questionLimit = questionLimit
      self.questionBytes = questionBytes
    }
  }

  /// The owner's own name for something that the client is asked, never used twice.
  package struct Question: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: Question, b: Question) -> Bool { a.rawValue < b.rawValue }
  }

  /// A request under way. The serial keeps a reused id apart from the request that had it before.
  package struct Ticket: Hashable, Sendable, CustomStringConvertible {
    package let id: RPCID
    package let serial: UInt64

    package var description: String { "\(id)#\(serial)" }
  }

  /// What the owner must do for a request.
  package enum Work: Hashable, Sendable {
    case callTool(ToolCall)
    /// Hand the request to the upstream as it is; `params` have no progress token.
    case forward(method: Text, params: JSONObject)
  }

  package enum Event: Hashable, Sendable {
    /// A message of the client.
    case received(RPCMessage)
    /// The result or error of a request under way.
    case finished(Ticket, RPCResponse.Outcome)
    /// The request under way got further.
    case progressed(Ticket, Progress)
    /// The tools that the client may see, in the order to show them.
    case toolsChanged([ToolDefinition])
    /// A notification of the upstream about resources, prompts or logging.
    case upstreamNotified(RPCNotification)
    /// The same about a request under way: for its stream only.
    case notifiedDuring(Ticket, RPCNotification)
    /// Ask the client, on the stream of a request under way.
    case ask(Question, during: Ticket, method: Text, params: JSONObject?)
    /// Nobody waits for the client's answer any more.
    case withdraw(Question, reason: Text)
    case closed
  }

  package enum Effect: Hashable, Sendable {
    /// The answer to the message that was just received: send it where that message came from.
    case answer(RPCMessage)
    /// The handshake began; the client's words about itself are for logs and wait budgets.
    case greeted(PeerIdentity)
    /// Begin the work. `reportsProgress` tells whether the client gave a token.
    case start(Ticket, Work, reportsProgress: Bool)
    /// The answer to a request under way: the last thing to send on its stream.
    case finish(Ticket, RPCMessage)
    /// A notification about a request under way, for its stream.
    case relay(Ticket, RPCMessage)
    /// The client cancelled: stop the work and end its stream without an answer.
    case stop(Ticket, reason: Text?)
    /// A notification for the session's own stream, if the client has it open.
    case announce(RPCMessage)
    /// How a question ended: the client's answer, or why there is none.
    case told(Question, RPCResponse.Outcome)
  }

  package enum State: Hashable, Sendable {
    case new
    /// `initialize` is answered; requests are taken from here on, because over HTTP the
    /// notification that ends the handshake may arrive after them.
    case greeted(ProtocolVersion)
    case ready(ProtocolVersion)
    case closed
  }

  struct Running: Sendable {
    let ticket: Ticket
    let token: ProgressToken?
    var lastProgress: JSONNumber?
  }

  struct Asked: Sendable {
    let question: Question
    let ticket: Ticket
  }

  package let configuration: Configuration
  package private(set) var state = State.new
  /// Messages that were dropped: answers to nothing, work finished too late, stray notifications.
  package internal(set) var dropped = 0

  private var tools: [ToolDefinition]
  /// Rises with the tools, so that a cursor into an old list is not continued in a new one.
  private var generation = 0
  var running: [RPCID: Running] = [:]
  private var nextSerial: UInt64 = 1
  /// What the client declared that it can be asked.
  var clientCapabilities = JSONObject()
  /// By the id of the request to the client.
  var asked: [Int: Asked] = [:]
  var nextQuestionID = 1

  package init(configuration: Configuration, tools: [ToolDefinition]) {
    self.configuration = configuration
    self.tools = tools
  }

  /// The revision that is spoken, nil before `initialize` and after the end.
  package var version: ProtocolVersion? {
    switch state {
    case .greeted(let version), .ready(let version): version
    case .new, .closed: nil
    }
  }

  /// The requests under way, in the order in which they came.
  package var tickets: [Ticket] {
    running.values.map(\.ticket).sorted { $0.serial < $1.serial }
  }

  package mutating func handle(_ event: Event) -> [Effect] {
    guard state != .closed else {
      dropped += 1
      return []
    }
    switch event {
    case .received(.request(let request)): return receive(request)
    case .received(.notification(let notification)): return receive(notification)
    case .received(.response(let response)): return receive(response)
    case .finished(let ticket, let outcome): return finish(ticket, outcome)
    case .progressed(let ticket, let progress): return relay(progress, of: ticket)
    case .toolsChanged(let tools): return replace(tools)
    case .upstreamNotified(let notification): return announce(notification)
    case .notifiedDuring(let ticket, let notification): return relay(notification, of: ticket)
    case .ask(let question, let ticket, let method, let params):
      return ask(question, ticket, method, params)
    case .withdraw(let question, let reason): return withdraw(question, reason)
    case .closed:
      state = .closed
      running = [:]
      defer { asked = [:] }
      return asked.sorted { $0.key < $1.key }.map { .told($0.value.question, Self.noAnswer) }
    }
  }
}

// MARK: Requests

extension ServerSession {
  /// The capability that each method of an upstream belongs to.
  private static let forwarded: [Text: Text] = [
    "completion/complete": "completions",
    "logging/setLevel": "logging",
    "prompts/get": "prompts",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/read": "resources",
    "resources/subscribe": "resources",
    "resources/templates/list": "resources",
    "resources/unsubscribe": "resources",
  ]

  private mutating func receive(_ request: RPCRequest) -> [Effect] {
    do throws(RPCError) {
      if running[request.id] != nil {
        throw RPCError(
          .invalidRequest, "the id \(request.id) belongs to a request under way; use a new one")
      }
      if let error = ProtocolVersion.refusal(of: request) { throw error }
      switch request.method {
      case "ping": return [.answer(.result(request.id, [:]))]
      case "initialize": return try initialize(request)
      default: return try serve(request)
      }
    } catch {
      return [.answer(.failure(request.id, error))]
    }
  }

  private mutating func serve(_ request: RPCRequest) throws(RPCError) -> [Effect] {
    guard version != nil else {
      throw RPCError(.invalidRequest, "the session is not initialised; send \"initialize\" first")
    }
    switch request.method {
    case "tools/list": return [.answer(.result(request.id, try page(request.params)))]
    case "tools/call":
      let call = try Self.reading { () throws(JSONError) in try ToolCall(params: request.params) }
      return try start(request, .callTool(call), token: call.progressToken)
    case let method:
      guard let capability = Self.forwarded[method],
        configuration.capabilities[capability] != nil
      else { throw RPCError(.methodNotFound, "the method \"\(method)\" does not exist here") }
      let meta = try Self.reading { () throws(JSONError) in
        try RequestMeta(params: request.params)
      }
      let params = (request.params ?? JSONObject()).withProgressToken(nil)
      return try start(
        request, .forward(method: method, params: params), token: meta.progressToken)
    }
  }

  private mutating func initialize(_ request: RPCRequest) throws(RPCError) -> [Effect] {
    guard state == .new else {
      throw RPCError(.invalidRequest, "the session is initialised already; open a new one")
    }
    let identity = try Self.reading { () throws(JSONError) in
      let cursor = JSONCursor(
        .object(request.params ?? JSONObject()), path: JSONPath([.key("params")]))
      try cursor.refuseCaseVariants(of: ["protocolVersion", "capabilities", "clientInfo"])
      let asked = try cursor.member("protocolVersion").text()
      return try PeerIdentity(cursor, infoKey: "clientInfo", speaking: .negotiated(for: asked))
    }
    state = .greeted(identity.protocolVersion)
    clientCapabilities = identity.capabilities
    let answer = RPCMessage.result(request.id, greeting(identity.protocolVersion))
    return [.greeted(identity), .answer(answer)]
  }

  private func greeting(_ version: ProtocolVersion) -> JSONValue {
    var capabilities = configuration.capabilities
    capabilities["tools"] = ["listChanged": true]
    var result = JSONObject()
    result["protocolVersion"] = .string(version.text)
    result["capabilities"] = .object(capabilities)
    result["serverInfo"] = [
      "name": .string(configuration.name), "version": .string(configuration.version),
    ]
    result["instructions"] = configuration.instructions.map(JSONValue.string)
    return .object(result)
  }

  private mutating func start(
    _ request: RPCRequest, _ work: Work, token: ProgressToken?
  ) throws(RPCError) -> [Effect] {
    guard running.count < configuration.requestLimit else {
      return [.answer(Self.busy(request, limit: configuration.requestLimit))]
    }
    if let token, running.values.contains(where: { $0.token == token }) {
      throw RPCError(
        .invalidParams, "the progress token \(token) belongs to a request under way; use a new one")
    }
    let ticket = Ticket(id: request.id, serial: nextSerial)
    nextSerial += 1
    running[request.id] = Running(ticket: ticket, token: token)
    return [.start(ticket, work, reportsProgress: token != nil)]
  }

  /// A tool call gets a result: an error of the protocol ends some clients' whole session.
  private static func busy(_ request: RPCRequest, limit: Int) -> RPCMessage {
    let text =
      "Busy: \(limit) requests of this session are under way. "
      + "Nothing was done; wait for one of them and try again."
    guard request.method == "tools/call" else {
      return .failure(request.id, RPCError(.internalError, text))
    }
    return .result(request.id, .object(ToolResult(text: text, isError: true).json))
  }

  /// Runs a reader of parameters; its complaint becomes the error for the client.
  private static func reading<Value>(
    _ read: () throws(JSONError) -> Value
  ) throws(RPCError) -> Value {
    do throws(JSONError) {
      return try read()
    } catch {
      throw RPCError(.invalidParams, error.description)
    }
  }
}

// MARK: Paging

extension ServerSession {
  private func page(_ params: JSONObject?) throws(RPCError) -> JSONValue {
    let start = try offset(of: params?["cursor"])
    let end = min(start + configuration.pageSize, tools.count)
    var result = JSONObject()
    result["tools"] = .array(tools[start..<end].map { .object($0.json) })
    if end < tools.count { result["nextCursor"] = .string("\(generation).\(end)") }
    return .object(result)
  }

  private func offset(of cursor: JSONValue?) throws(RPCError) -> Int {
    guard let cursor else { return 0 }
    // Only cursors that were handed out: of this list, on a page's border.
    let borders = stride(from: configuration.pageSize, to: tools.count, by: configuration.pageSize)
    guard let text = cursor.textValue,
      let border = borders.first(where: { text == Text("\(generation).\($0)") })
    else {
      throw RPCError(
        .invalidParams, "the cursor is not of the current list; start again without one")
    }
    return border
  }
}

// MARK: Notifications and work

extension ServerSession {
  private static let announced: [Text: Text] = [
    "notifications/message": "logging",
    "notifications/prompts/list_changed": "prompts",
    "notifications/resources/list_changed": "resources",
    "notifications/resources/updated": "resources",
  ]

  private mutating func receive(_ notification: RPCNotification) -> [Effect] {
    switch (notification.method, state) {
    case ("notifications/initialized", .greeted(let version)):
      state = .ready(version)
      return []
    case ("notifications/cancelled", .greeted), ("notifications/cancelled", .ready):
      let id = notification.params?["requestId"].flatMap(RPCID.init(json:))
      guard let found = id.flatMap({ running.removeValue(forKey: $0) }) else { break }
      return endQuestions(of: found.ticket).told
        + [.stop(found.ticket, reason: notification.params?["reason"]?.textValue)]
    default: break
    }
    dropped += 1
    return []
  }

  private mutating func finish(_ ticket: Ticket, _ outcome: RPCResponse.Outcome) -> [Effect] {
    guard running[ticket.id]?.ticket == ticket else {
      dropped += 1
      return []
    }
    running[ticket.id] = nil
    let ended = endQuestions(of: ticket)
    return ended.cancellations + ended.told
      + [.finish(ticket, .response(RPCResponse(id: ticket.id, outcome: outcome)))]
  }

  private mutating func relay(_ progress: Progress, of ticket: Ticket) -> [Effect] {
    guard let found = running[ticket.id], found.ticket == ticket, let token = found.token,
      progress.rises(above: found.lastProgress)
    else {
      dropped += 1
      return []
    }
    running[ticket.id]?.lastProgress = progress.progress
    return [.relay(ticket, .notification("notifications/progress", progress.params(token: token)))]
  }

  private mutating func replace(_ tools: [ToolDefinition]) -> [Effect] {
    guard tools != self.tools else { return [] }
    self.tools = tools
    generation += 1
    guard version != nil else { return [] }
    return [.announce(.notification("notifications/tools/list_changed"))]
  }

  private mutating func announce(_ notification: RPCNotification) -> [Effect] {
    guard version != nil, isAnnounced(notification) else {
      dropped += 1
      return []
    }
    return [.announce(.notification(notification))]
  }

  func isAnnounced(_ notification: RPCNotification) -> Bool {
    Self.announced[notification.method].map { configuration.capabilities[$0] != nil } ?? false
  }
}
