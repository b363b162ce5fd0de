import JSON

// MARK: What the upstream asks

extension ClientSession {
  /// What a client can be asked.
  private static let forClients: Set<Text> = [
    "elicitation/create", "roots/list", "sampling/createMessage",
  ]

  mutating func answer(_ request: RPCRequest, _ on: RPCID?) -> [Effect] {
    if isOver { return [] }
    if request.method == "ping" { return [.send(.result(request.id, [:]))] }
    do throws(RPCError) {
      return [try pass(request, on)]
    } catch {
      return [.send(.failure(request.id, error))]
    }
  }

  private mutating func pass(_ request: RPCRequest, _ on: RPCID?) throws(RPCError) -> Effect {
    guard configuration.asksClients, Self.forClients.contains(request.method) else {
      throw RPCError(.methodNotFound, "\"\(request.method)\" is not offered on this connection")
    }
    let call = try addressee(on)
    guard !questions.values.contains(where: { $0.id == request.id }) else {
      throw RPCError(
        .invalidRequest, "the id \(request.id) belongs to a request under way; use a new one")
    }
    guard questions.count < configuration.questionLimit else {
      throw RPCError(
        .internalError, "\(configuration.questionLimit) requests wait for clients; try again later")
    }
    lastQuestion += 1
    let question = Question(rawValue: lastQuestion)
    questions[question] = Asked(id: request.id, call: call)
    return .asked(question, call, method: request.method, params: request.params)
  }

  /// The call whose client is meant: that of the event stream, else the newest one of the only
  /// session that has calls under way.
  private func addressee(_ on: RPCID?) throws(RPCError) -> Handle {
    let calls = waiting.compactMap { id, purpose in
      if case .call(let call) = purpose { (id: id, call: call) } else { nil }
    }
    guard let newest = calls.max(by: { $0.id < $1.id }) else {
      throw RPCError(.invalidRequest, "no call is under way, so there is no client to ask")
    }
    if let on {
      guard let found = calls.first(where: { RPCID.number($0.id) == on }) else {
        throw RPCError(.invalidRequest, "the call of this event stream has ended")
      }
      guard found.call.owner != nil else { throw Self.nobody }
      return found.call.handle
    }
    guard calls.allSatisfy({ $0.call.owner == newest.call.owner }) else {
      throw RPCError(
        .invalidRequest,
        "calls of several sessions are under way, so it is not known whose client is meant; "
          + "try again when the others have ended")
    }
    guard newest.call.owner != nil else { throw Self.nobody }
    return newest.call.handle
  }

  private static let nobody = RPCError(
    .invalidRequest, "the call under way is the gateway's own, so there is no client to ask")

  /// The call has ended: what was asked on its behalf needs no answer any more, and gets one.
  mutating func endQuestions(of call: Handle) -> [Effect] {
    let ended = questions.filter { $0.value.call == call }.sorted { $0.key < $1.key }
    return ended.flatMap { question, asked -> [Effect] in
      questions[question] = nil
      let error = RPCError(.invalidRequest, "the call that this belonged to has ended")
      return [.withdrawn(question), .send(.failure(asked.id, error))]
    }
  }
}

// MARK: What the upstream tells

extension ClientSession {
  mutating func receive(_ notification: RPCNotification, _ on: RPCID?) -> [Effect] {
    guard case .ready = state else {
      drops.stray += 1
      return []
    }
    switch notification.method {
    case "notifications/progress": return progress(notification.params)
    case "notifications/tools/list_changed": return list()
    case "notifications/cancelled": return withdraw(notification.params)
    case "notifications/message": return log(notification, on)
    case "notifications/prompts/list_changed", "notifications/resources/list_changed",
      "notifications/resources/updated":
      return [.notified(notification)]
    default:
      drops.stray += 1
      return []
    }
  }

  /// What is logged during a call may tell of it, so only its client hears it.
  private mutating func log(_ notification: RPCNotification, _ on: RPCID?) -> [Effect] {
    if let call = try? addressee(on) { return [.notified(notification, during: call)] }
    guard ids.isEmpty else {
      drops.unaddressed += 1
      return []
    }
    return [.notified(notification)]
  }

  private mutating func withdraw(_ params: JSONObject?) -> [Effect] {
    let id = params?["requestId"].flatMap(RPCID.init(json:))
    guard let found = questions.first(where: { $0.value.id == id }) else {
      drops.stray += 1
      return []
    }
    questions[found.key] = nil
    return [.withdrawn(found.key)]
  }

  private mutating func progress(_ params: JSONObject?) -> [Effect] {
    guard let (token, progress) = Progress.read(params), case .number(let id) = token,
      case .call(var call)? = waiting[id], call.reportsProgress, progress.rises(above: call.last)
    else {
      drops.stray += 1
      return []
    }
    call.last = progress.progress
    waiting[id] = .call(call)
    return [.progressed(call.handle, progress)]
  }
}
