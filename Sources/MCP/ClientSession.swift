package import JSON

/// The gateway's session with one upstream: the client side of MCP, without any transport.
///
/// Events in, effects out; one value lives as long as the upstream's process, or as its session over
/// HTTP. Every call that is made ends in exactly one `completed` effect, and `notSent` is told apart
/// from `lost`: after the latter nobody knows whether the upstream acted.
///
/// What the upstream asks of a client (sampling, elicitation, roots) is passed on only when it is
/// certain whose call it belongs to; else it is answered with an error that says why.
package struct ClientSession: Sendable {
  /// The owner's own name for a call, never used twice.
  package struct Handle: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
  }

  /// Whose a call is. Two calls with one owner were made by one MCP session of one agent; a call
  /// without an owner is the gateway's own, and nobody can be asked about it.
  package struct Owner: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
  }

  /// A request of the upstream that was passed on, never used twice.
  package struct Question: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (a: Question, b: Question) -> Bool { a.rawValue < b.rawValue }
  }

  package struct Configuration: Hashable, Sendable {
    package var name: Text
    package var version: Text
    /// Calls that may wait for an answer at once.
    package var callLimit: Int
    /// Pages of one `tools/list`.
    package var pageLimit: Int
    /// Tools of one `tools/list`.
    package var toolLimit: Int
    /// Whether the upstream may ask clients: sampling, elicitation and roots are declared then.
    package var asksClients: Bool
    /// Requests of the upstream that may wait for an answer at once.
    package var questionLimit: Int

    package init(
      name: Text, version: Text, callLimit: Int = 256, pageLimit: Int = 64, toolLimit: Int = 4096,
      asksClients: Bool = false, questionLimit: Int = 16
    ) {
      self.name = name
      self.version = version
      self.callLimit = callLimit
      self.pageLimit = pageLimit
      self.toolLimit = toolLimit
      self.asksClients = asksClients
      self.questionLimit = questionLimit
    }
  }

  package enum Event: Hashable, Sendable {
    /// The process runs: begin the handshake.
    case started
    /// A message of the upstream; `on` is the request to whose answer it belongs, where the
    /// transport tells: over HTTP the request of an event stream.
    case received(RPCMessage, on: RPCID? = nil)
    /// A line of the upstream that was not accepted.
    case malformed(RPCRefusal)
    /// Ask the upstream. A progress token in `params` is replaced by the session's own or removed.
    case call(
      Handle, method: Text, params: JSONObject, reportsProgress: Bool, owner: Owner? = nil)
    /// Tell the upstream that nobody waits any more. Its answer, if it comes, is dropped.
    case cancel(Handle, reason: Text?)
    /// Tell the upstream something that has no answer.
    case notify(method: Text, params: JSONObject?)
    /// The answer to a question that was passed on.
    case answered(Question, RPCResponse.Outcome)
    /// The answer to a request can no longer come; others still can.
    case unanswered(RPCID, Unanswered)
    /// The process ended or its pipes did.
    case closed(reason: Text)
  }

  /// Why no answer to a request will come.
  package enum Unanswered: Hashable, Sendable {
    /// No byte of it left.
    case notSent(MCPError)
    /// It may have arrived.
    case lost(MCPError)

    var error: MCPError {
      switch self {
      case .notSent(let error), .lost(let error): error
      }
    }
  }

  package enum Effect: Hashable, Sendable {
    case send(RPCMessage)
    /// The handshake is done; calls are taken from here on.
    case ready(PeerIdentity)
    /// The whole list of tools, after the handshake and after each change.
    case listed([ToolDefinition])
    /// The list could not be read; the tools known so far must not be used.
    case notListed(MCPError)
    case completed(Handle, Completion)
    case progressed(Handle, Progress)
    /// A notification about resources, prompts or logging; `during` is the call it belongs to, and
    /// whose client alone may see it.
    case notified(RPCNotification, during: Handle? = nil)
    /// The upstream asks the client that made the call.
    case asked(Question, Handle, method: Text, params: JSONObject?)
    /// Nobody waits for the answer to a question any more.
    case withdrawn(Question)
    /// The upstream cannot be used: end its process.
    case failed(MCPError)
  }

  /// How a call ended.
  package enum Completion: Hashable, Sendable {
    /// The upstream's result, every field kept.
    case result(JSONObject)
    /// The upstream's own error.
    case error(RPCError)
    /// No byte of the call went to the upstream.
    case notSent(MCPError)
    /// The call was sent and no usable answer came: whether it had an effect is not known.
    case lost(MCPError)
    /// Cancelled by the owner after it was sent: as with `lost`, it may have had an effect.
    case cancelled
  }

  package enum State: Hashable, Sendable {
    case new, greeting
    case ready(PeerIdentity)
    case failed(MCPError)
  }

  /// What was dropped, for metrics.
  package struct Drops: Hashable, Sendable {
    /// Answers to calls that were answered or cancelled before.
    package var late = 0
    /// Answers with ids that were never used.
    package var unknown = 0
    /// Progress without a call, or that does not rise; notifications before the handshake.
    package var stray = 0
    /// Lines that were no valid messages.
    package var malformed = 0
    /// Log messages while calls of several sessions were under way: nobody knows who may see them.
    package var unaddressed = 0
  }

  struct Call: Sendable {
    let handle: Handle
    let reportsProgress: Bool
    let owner: Owner?
    var last: JSONNumber?
  }

  enum Purpose: Sendable {
    case greeting
    case listing
    case call(Call)
  }

  struct Asked: Sendable {
    let id: RPCID
    let call: Handle
  }

  package let configuration: Configuration
  package private(set) var state = State.new
  package internal(set) var drops = Drops()

  var waiting: [Int: Purpose] = [:]
  var ids: [Handle: Int] = [:]
  private var nextID = 0
  private var listing: ToolListing?
  var questions: [Question: Asked] = [:]
  var lastQuestion: UInt64 = 0

  package init(configuration: Configuration) { self.configuration = configuration }

  /// Calls that wait for an answer.
  package var callsUnderWay: Int { ids.count }

  package mutating func handle(_ event: Event) -> [Effect] {
    switch event {
    case .started: return greet()
    case .received(.response(let response), _): return receive(response)
    case .received(.request(let request), let on): return answer(request, on)
    case .received(.notification(let notification), let on): return receive(notification, on)
    case .malformed(let refusal):
      drops.malformed += 1
      // Without an id it is most likely a log line that went to the wrong place: no answer.
      guard !isOver, refusal.id != nil, let answer = refusal.answer else { return [] }
      return [.send(answer)]
    case .call(let handle, let method, let params, let reportsProgress, let owner):
      return call(handle, method, params, reportsProgress: reportsProgress, owner)
    case .cancel(let handle, let reason): return cancel(handle, reason: reason)
    case .notify(let method, let params):
      guard case .ready = state else { return [] }
      return [.send(.notification(method, params))]
    case .answered(let question, let outcome):
      guard let asked = questions.removeValue(forKey: question) else { return [] }
      return [.send(.response(RPCResponse(id: asked.id, outcome: outcome)))]
    case .unanswered(let id, let how): return lose(id, how)
    case .closed(let reason):
      return isOver ? [] : fail(MCPError(.closed, "the upstream ended: \(reason)"))
    }
  }

  var isOver: Bool { if case .failed = state { true } else { false } }

  private mutating func send(
    _ method: Text, _ params: JSONObject?, for purpose: Purpose
  ) -> Effect {
    let id = nextID
    nextID += 1
    waiting[id] = purpose
    return .send(.request(.number(id), method, params))
  }

  /// Ends the session: every call that waits is lost.
  private mutating func fail(_ error: MCPError) -> [Effect] {
    state = .failed(error)
    let lost = ids.keys.sorted { $0.rawValue < $1.rawValue }
    let wasListing = listing != nil
    let asked = questions.keys.sorted()
    waiting = [:]
    ids = [:]
    listing = nil
    questions = [:]
    return (wasListing ? [.notListed(error)] : []) + asked.map { .withdrawn($0) }
      + lost.map { .completed($0, .lost(error)) } + [.failed(error)]
  }
}

// MARK: Handshake

extension ClientSession {
  private mutating func greet() -> [Effect] {
    guard state == .new else { return [] }
    state = .greeting
    var params = JSONObject()
    params["protocolVersion"] = .string(ProtocolVersion.latest.text)
    params["capabilities"] =
      configuration.asksClients ? ["elicitation": [:], "roots": [:], "sampling": [:]] : [:]
    params["clientInfo"] = [
      "name": .string(configuration.name), "version": .string(configuration.version),
    ]
    return [send("initialize", params, for: .greeting)]
  }

  private mutating func greeted(_ outcome: RPCResponse.Outcome) -> [Effect] {
    switch outcome {
    case .error(let error):
      return fail(MCPError(.refused, "the upstream refused the handshake: \(error)"))
    case .result(let result):
      do throws(MCPError) {
        let identity = try Self.identity(result)
        state = .ready(identity)
        let hasTools = identity.capabilities["tools"] != nil
        return [.send(.notification("notifications/initialized")), .ready(identity)]
          + (hasTools ? list() : [.listed([])])
      } catch {
        return fail(error)
      }
    }
  }

  private static func identity(_ result: JSONValue) throws(MCPError) -> PeerIdentity {
    do throws(JSONError) {
      let cursor = JSONCursor(result, path: JSONPath([.key("result")]))
      let spoken = try cursor.member("protocolVersion").text()
      guard let version = ProtocolVersion(text: spoken) else {
        let known = ProtocolVersion.allCases.map(\.rawValue).joined(separator: " or ")
        throw cursor.bad("the upstream speaks \(spoken); \(known) is needed, update the upstream")
      }
      return try PeerIdentity(cursor, infoKey: "serverInfo", speaking: version)
    } catch {
      let isVersion = error.code == .badValue
      throw isVersion
        ? MCPError(.version, error.message) : MCPError(error, in: "the upstream's handshake")
    }
  }
}

// MARK: Tools

extension ClientSession {
  mutating func list() -> [Effect] {
    if listing != nil {
      listing?.isStale = true
      return []
    }
    listing = ToolListing()
    return [send("tools/list", nil, for: .listing)]
  }

  private mutating func listed(_ outcome: RPCResponse.Outcome) -> [Effect] {
    guard var current = listing else { return [] }
    do throws(MCPError) {
      let cursor = try current.add(
        outcome, pageLimit: configuration.pageLimit, toolLimit: configuration.toolLimit)
      if current.isStale {
        listing = nil
        return list()
      }
      guard let cursor else {
        listing = nil
        return [.listed(current.tools)]
      }
      listing = current
      var params = JSONObject()
      params["cursor"] = .string(cursor)
      return [send("tools/list", params, for: .listing)]
    } catch {
      listing = nil
      return [.notListed(error)]
    }
  }
}

// MARK: Calls

extension ClientSession {
  private mutating func call(
    _ handle: Handle, _ method: Text, _ params: JSONObject, reportsProgress: Bool, _ owner: Owner?
  ) -> [Effect] {
    precondition(ids[handle] == nil, "the handle of a call is used twice")
    guard case .ready = state else { return [.completed(handle, .notSent(notReady))] }
    guard ids.count < configuration.callLimit else {
      let limit = MCPError(
        .limit, "\(configuration.callLimit) calls wait for the upstream; try again later")
      return [.completed(handle, .notSent(limit))]
    }
    let token: ProgressToken? = reportsProgress ? .number(nextID) : nil
    ids[handle] = nextID
    return [
      send(
        method, params.withProgressToken(token),
        for: .call(Call(handle: handle, reportsProgress: reportsProgress, owner: owner)))
    ]
  }

  private var notReady: MCPError {
    if case .failed(let error) = state { return error }
    return MCPError(.notReady, "the upstream is still starting; try again in a moment")
  }

  private mutating func cancel(_ handle: Handle, reason: Text?) -> [Effect] {
    guard let id = ids.removeValue(forKey: handle) else { return [] }
    waiting[id] = nil
    var params = JSONObject()
    params["requestId"] = .int(id)
    params["reason"] = reason.map(JSONValue.string)
    return endQuestions(of: handle) + [
      .send(.notification("notifications/cancelled", params)), .completed(handle, .cancelled),
    ]
  }

  private mutating func lose(_ id: RPCID, _ how: Unanswered) -> [Effect] {
    guard case .number(let number) = id, let purpose = waiting.removeValue(forKey: number) else {
      return []
    }
    guard case .call(let call) = purpose else { return isOver ? [] : fail(how.error) }
    ids[call.handle] = nil
    let completion: Completion =
      switch how {
      case .notSent(let error): .notSent(error)
      case .lost(let error): .lost(error)
      }
    return endQuestions(of: call.handle) + [.completed(call.handle, completion)]
  }

  private mutating func receive(_ response: RPCResponse) -> [Effect] {
    guard case .number(let id)? = response.id, let purpose = waiting.removeValue(forKey: id) else {
      count(strangeAnswer: response.id)
      return []
    }
    switch purpose {
    case .greeting: return greeted(response.outcome)
    case .listing: return listed(response.outcome)
    case .call(let call):
      ids[call.handle] = nil
      return endQuestions(of: call.handle)
        + [.completed(call.handle, Self.completion(response.outcome))]
    }
  }

  private static func completion(_ outcome: RPCResponse.Outcome) -> Completion {
    switch outcome {
    case .error(let error): .error(error)
    case .result(.object(let object)): .result(object)
    case .result(let other):
      .lost(MCPError(.malformed, "the upstream's result is \(other.kind), an object is expected"))
    }
  }

  private mutating func count(strangeAnswer id: RPCID?) {
    if case .number(let number)? = id, (0..<nextID).contains(number) {
      drops.late += 1
    } else {
      drops.unknown += 1
    }
  }
}
