import Exchange
import JSON
import Time

/// The private and the public streams.
extension PaperCore {
  mutating func stream(_ message: JSONCursor, from id: ConnectionID, at now: Timestamp) {
    guard let socket = sockets[id] else { return }
    let operation = message.value["op"]?.textValue ?? ""
    let request = message.value["req_id"]?.textValue
    let names = [operation, "\(socket.kind.word).\(operation)"]
    let fault = fault(.answer, names, at: now)
    var fresh: [Text] = []
    var answer: JSONValue
    do {
      switch fault?.kind {
      case .dropRequest: return
      case .closeBeforePlacing: return outputs.append(.close(id))
      case .errorBeforePlacing: throw Refusal.fault(fault?.code ?? 0)
      default: break
      }
      if operation == "subscribe" { fresh = try freshTopics(of: message, from: id) }
      answer = try self.answer(operation, message, request, from: id, at: now)
    } catch {
      answer = refusal(message, operation, request, Outcome(error), to: id)
      fresh = []
    }
    deliver(answer, to: id, fault, at: now)
    for topic in fresh { join(topic, id, at: now) }
  }

  private mutating func answer(
    _ operation: Text, _ message: JSONCursor, _ request: Text?, from id: ConnectionID,
    at now: Timestamp
  ) throws -> JSONValue {
    switch operation {
    case "ping": return pong(request, from: id, at: now)
    case "auth":
      guard sockets[id]?.kind == .privateStream else {
        throw Refusal.parameter("this stream takes no auth")
      }
      try signIn(message, id, at: now)
    case "subscribe":
      let topics = try topics(of: message, from: id)
      sockets[id]?.topics.formUnion(topics)
      if sockets[id]?.kind == .publicOption { return optionAnswer(topics, to: id) }
    case "unsubscribe":
      let topics = try topics(of: message, from: id)
      for topic in topics {
        sockets[id]?.topics.remove(topic)
        leave(topic, id)
      }
      if sockets[id]?.kind == .publicOption { return optionAnswer(topics, to: id) }
    default: throw Refusal.parameter("handler not found,op:\(operation)")
    }
    return reply(true, "", operation, request, to: id)
  }

  /// The topics of a subscription that the connection does not have yet; it may have them.
  private func freshTopics(of message: JSONCursor, from id: ConnectionID) throws -> [Text] {
    let held = sockets[id]?.topics ?? []
    let fresh = try topics(of: message, from: id).filter { !held.contains($0) }
    guard held.count + fresh.count <= configuration.limits.topicsPerSocket else {
      throw Refusal.parameter("more topics than one connection may have")
    }
    return fresh
  }

  private func pong(_ request: Text?, from id: ConnectionID, at now: Timestamp) -> JSONValue {
    let name = JSONValue.string(connectionName(id))
    switch sockets[id]?.kind {
    case .privateStream:
      return [
        "req_id": .string(request ?? ""), "op": "pong", "args": [.string(now.text)],
        "conn_id": name,
      ]
    case .publicOption: return ["args": [.string(now.text)], "op": "pong"]
    default:
      return [
        "success": true, "ret_msg": "pong", "conn_id": name, "req_id": .string(request ?? ""),
        "op": "ping",
      ]
    }
  }

  /// What the stream of options says instead of naming the operation.
  private func optionAnswer(_ topics: [Text], to id: ConnectionID) -> JSONValue {
    [
      "success": true, "conn_id": .string(connectionName(id)),
      "data": ["failTopics": [], "successTopics": .array(topics.map { .string($0) })],
      "type": "COMMAND_RESP",
    ]
  }

  /// A refusal shows what was asked for, but no credentials.
  private func refusal(
    _ message: JSONCursor, _ operation: Text, _ request: Text?, _ outcome: Outcome,
    to id: ConnectionID
  ) -> JSONValue {
    var answer =
      reply(false, "error:\(outcome.message)", operation, request, to: id).objectValue
      ?? JSONObject()
    if operation != "auth" { answer["request"] = message.value }
    return .object(answer)
  }

  private func reply(
    _ success: Bool, _ text: Text, _ operation: Text, _ request: Text?, to id: ConnectionID
  ) -> JSONValue {
    var message = JSONObject()
    message["success"] = .bool(success)
    message["ret_msg"] = .string(text)
    message["op"] = .string(operation)
    if let request { message["req_id"] = .string(request) }
    message["conn_id"] = .string(connectionName(id))
    return .object(message)
  }

  // MARK: Topics

  /// Private topics that come whole and by category.
  private static let categorised: [Text: [Category]] = [
    "order": Category.allCases, "execution": Category.allCases,
    "execution.fast": Category.allCases, "position": [.linear, .inverse, .option],
  ]

  /// The topic of which `topic` is the whole or a category, or nil.
  private static func base(_ topic: Text) -> Text? {
    if topic == "wallet" { return topic }
    return categorised.first { base, categories in
      topic == base || categories.contains { topic == "\(base).\($0.rawValue)" as Text }
    }?.key
  }

  /// The topics of a request, all of which exist and may be had together.
  private func topics(of message: JSONCursor, from id: ConnectionID) throws -> [Text] {
    guard let socket = sockets[id] else { return [] }
    let topics = try message.member("args").elements().map { cursor in try cursor.text() }
    guard (1...configuration.limits.topicsPerRequest).contains(topics.count) else {
      throw Refusal.parameter(
        "args takes 1 to \(configuration.limits.topicsPerRequest.description) topics")
    }
    if let category = socket.kind.category {
      for topic in topics { _ = try publicTopic(topic, category) }
    } else {
      guard socket.key != nil else { throw Refusal.parameter("Request not authorized") }
      try Self.checkPrivate(topics)
    }
    return topics
  }

  private static func checkPrivate(_ topics: [Text]) throws(Refusal) {
    for topic in topics {
      guard let base = base(topic) else { throw .parameter("handler not found,topic:\(topic)") }
      if topic != base, topics.contains(base) {
        throw .parameter("a topic and its categorised form cannot be had in one request")
      }
    }
  }
}
