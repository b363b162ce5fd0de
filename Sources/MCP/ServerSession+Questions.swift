import JSON

// MARK: Asking the client

extension ServerSession {
  static let noAnswer = RPCResponse.Outcome.error(
    RPCError(.internalError, "the client's session has ended"))

  mutating func ask(
    _ question: Question, _ ticket: Ticket, _ method: Text, _ params: JSONObject?
  ) -> [Effect] {
    if let error = refusal(of: method, params, ticket) {
      return [.told(question, .error(error))]
    }
    let id = nextQuestionID
    let message = RPCMessage.request(.number(id), method, params)
    guard message.bytes.count <= configuration.questionBytes else {
      let words = "the request has more than \(configuration.questionBytes) bytes"
      return [.told(question, .error(RPCError(.invalidRequest, words)))]
    }
    nextQuestionID += 1
    asked[id] = Asked(question: question, ticket: ticket)
    return [.relay(ticket, message)]
  }

  private func refusal(of method: Text, _ params: JSONObject?, _ ticket: Ticket) -> RPCError? {
    guard running[ticket.id]?.ticket == ticket else {
      return RPCError(.invalidRequest, "the call that this belonged to has ended")
    }
    guard asked.count < configuration.questionLimit else {
      return RPCError(
        .internalError,
        "\(configuration.questionLimit) requests wait for this client; try again later")
    }
    guard let missing = missingCapability(method, params) else { return nil }
    return RPCError(
      .methodNotFound, "the agent's client did not declare the capability \"\(missing)\"")
  }

  /// The capability that a question needs and the client did not declare.
  private func missingCapability(_ method: Text, _ params: JSONObject?) -> Text? {
    switch method {
    case "roots/list": return clientCapabilities["roots"] == nil ? "roots" : nil
    case "sampling/createMessage":
      guard let sampling = clientCapabilities["sampling"] else { return "sampling" }
      return params?["tools"] == nil || sampling["tools"] != nil ? nil : "sampling.tools"
    case "elicitation/create":
      guard let elicitation = clientCapabilities["elicitation"] else { return "elicitation" }
      if params?["mode"]?.textValue == "url" {
        return elicitation["url"] == nil ? "elicitation.url" : nil
      }
      // An empty object means forms, as before there were modes.
      let hasForms = elicitation["form"] != nil || elicitation["url"] == nil
      return hasForms ? nil : "elicitation.form"
    default: return method
    }
  }

  mutating func receive(_ response: RPCResponse) -> [Effect] {
    guard case .number(let id)? = response.id, let found = asked.removeValue(forKey: id) else {
      dropped += 1
      return []
    }
    return [.told(found.question, response.outcome)]
  }

  mutating func withdraw(_ question: Question, _ reason: Text) -> [Effect] {
    guard let (id, found) = asked.first(where: { $0.value.question == question }) else {
      return []
    }
    asked[id] = nil
    return [
      .relay(found.ticket, Self.cancellation(of: id, reason)),
      .told(question, .error(RPCError(.internalError, reason.string))),
    ]
  }

  mutating func endQuestions(
    of ticket: Ticket
  ) -> (cancellations: [Effect], told: [Effect]) {
    let ended = asked.filter { $0.value.ticket == ticket }.sorted { $0.key < $1.key }
    for (id, _) in ended { asked[id] = nil }
    let reason: Text = "the call that this belonged to has ended"
    let error = RPCResponse.Outcome.error(RPCError(.invalidRequest, reason.string))
    return (
      ended.map { .relay(ticket, Self.cancellation(of: $0.key, reason)) },
      ended.map { .told($0.value.question, error) }
    )
  }

  private static func cancellation(of id: Int, _ reason: Text) -> RPCMessage {
    var params = JSONObject()
    params["requestId"] = .int(id)
    params["reason"] = .string(reason)
    return .notification("notifications/cancelled", params)
  }

  mutating func relay(_ notification: RPCNotification, of ticket: Ticket) -> [Effect] {
    guard running[ticket.id]?.ticket == ticket, isAnnounced(notification) else {
      dropped += 1
      return []
    }
    return [.relay(ticket, .notification(notification))]
  }
}
