import JSON
package import MCP
package import Networking
import Synchronization

/// Carries out the exchanges of one `ClientTransport` against one server.
///
/// Concurrency model: each exchange is a task, held here by its name and ended by `stop` or `end`;
/// what comes of it is reported from that task, one event after the other. Reports may ask for
/// further exchanges at once.
package final class ExchangeRunner: Sendable {
  /// What an exchange may cost.
  package struct Limits: Hashable, Sendable {
    /// Time for a whole answer, or for the head of an event stream.
    package var answerTime: Duration
    /// The longest silence of an event stream.
    package var silence: Duration
    /// Time for the end of the session at the server.
    package var endTime: Duration
    /// Bytes of one message.
    package var messageBytes: Int

    package init(
      answerTime: Duration = .seconds(600), silence: Duration = .seconds(300),
      endTime: Duration = .seconds(2), messageBytes: Int = 16 << 20
    ) {
      self.answerTime = answerTime
      self.silence = silence
      self.endTime = endTime
      self.messageBytes = messageBytes
    }
  }

  private struct Running {
    let serial: UInt64
    let task: Task<Void, Never>
  }

  private struct State {
    var running: [ClientTransport.Exchange: Running] = [:]
    var ending: Task<Void, Never>?
    var lastSerial: UInt64 = 0
  }

  private let url: WebURL
  private let headers: Networking.HTTPFields
  private let limits: Limits
  /// Messages, and the session's own stream: neither waits for the other.
  private let messages: HTTPClient
  private let listening: HTTPClient
  private let report: @Sendable (ClientTransport.Event) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - headers: Sent with every request, besides those of the protocol.
  ///   - report: Hears what becomes of the exchanges. It must not block.
  package init(
    _ url: WebURL, headers: Networking.HTTPFields = Networking.HTTPFields(),
    limits: Limits = Limits(), security: any ConnectionSecurity = NoConnectionSecurity(),
    report: @escaping @Sendable (ClientTransport.Event) -> Void
  ) {
    self.url = url
    self.headers = headers
    self.limits = limits
    self.report = report
    let http = HTTPLimits(bodyBytes: limits.messageBytes)
    messages = HTTPClient(limits: http, security: security)
    listening = HTTPClient(limits: http, security: security)
  }

  /// Begins what the effect asks for; effects that are no exchanges are the owner's.
  package func perform(_ effect: ClientTransport.Effect) {
    switch effect {
    case .post(let exchange, let headers, let message):
      let body = message.bytes
      start(exchange) { await self.exchange(exchange, .post, headers, body) }
    case .get(let exchange, let headers):
      start(exchange) { await self.exchange(exchange, .get, headers, nil) }
    case .wait(let exchange, let milliseconds):
      start(exchange) {
        guard (try? await Task.sleep(for: .milliseconds(milliseconds))) != nil else { return }
        self.report(.due(exchange))
      }
    case .stop(let exchange):
      state.withLock { $0.running.removeValue(forKey: exchange) }?.task.cancel()
    case .delete(let headers): delete(headers)
    case .deliver, .malformed, .unanswered, .over: break
    }
  }

  /// Ends every exchange, and waits for the end of the session that was asked for.
  package func end() async {
    let (running, ending) = state.withLock { state in
      defer { state.running = [:] }
      return (state.running.values.map(\.task), state.ending)
    }
    for task in running { task.cancel() }
    await ending?.value
    messages.closeIdle()
    listening.closeIdle()
  }

  private func start(
    _ exchange: ClientTransport.Exchange, _ work: @escaping @Sendable () async -> Void
  ) {
    state.withLock { state in
      state.lastSerial += 1
      let serial = state.lastSerial
      let task = Task {
        await work()
        self.forget(exchange, serial)
      }
      state.running[exchange] = Running(serial: serial, task: task)
    }
  }

  /// The exchange may have gone on as another task meanwhile.
  private func forget(_ exchange: ClientTransport.Exchange, _ serial: UInt64) {
    state.withLock { state in
      if state.running[exchange]?.serial == serial { state.running[exchange] = nil }
    }
  }

  // MARK: One exchange

  private func exchange(
    _ exchange: ClientTransport.Exchange, _ verb: HTTPVerb, _ own: [MCP.HTTPHead.Header],
    _ body: [UInt8]?
  ) async {
    let client = verb == .get ? listening : messages
    do {
      let reply = try await client.events(
        verb, url, headers: fields(own), body: body, deadline: .now + limits.answerTime,
        silence: limits.silence,
        limits: ServerSentEventParser.Limits(
          lineBytes: limits.messageBytes, eventBytes: limits.messageBytes))
      switch reply {
      case .response(let response):
        report(.replied(exchange, ClientTransport.Reply(response)))
      case .events(let stream):
        report(.streaming(exchange, sessionID: stream.head.mcpSessionID))
        try await read(stream, exchange)
      }
    } catch {
      let known = error as? NetworkError
      report(
        .failed(exchange, isUnsent: known?.delivery == .notSent, reason: "\(error)"))
    }
  }

  private func read(_ stream: EventStream, _ exchange: ClientTransport.Exchange) async throws {
    defer { stream.close() }
    var events = stream.makeAsyncIterator()
    while let event = try await events.next() {
      let lastID = events.lastEventID.map { Text($0) }
      let isMessage = event.event == nil || event.event == "message"
      report(
        .event(
          exchange, lastID: lastID, retry: events.retry,
          data: isMessage ? Array(event.data.utf8) : []))
    }
    report(
      .ended(exchange, lastID: events.lastEventID.map { Text($0) }, retry: events.retry))
  }

  private func delete(_ own: [MCP.HTTPHead.Header]) {
    let task = Task {
      // Whether or not the server has such an end, the session is over here.
      _ = try? await messages.request(
        .delete, url, headers: fields(own), deadline: .now + limits.endTime)
    }
    state.withLock { $0.ending = task }
  }

  private func fields(_ own: [MCP.HTTPHead.Header]) -> Networking.HTTPFields {
    var all = headers
    for header in own { all.add(header.name.string, header.value.string) }
    return all
  }
}

extension ClientTransport.Reply {
  fileprivate init(_ response: HTTPResponse) {
    self.init(
      status: response.status, mediaType: response.head.mediaType.map { Text($0) },
      sessionID: response.head.mcpSessionID, body: response.body)
  }
}

extension Networking.HTTPHead {
  /// The session id; empty, which is none, when there are several.
  fileprivate var mcpSessionID: Text? {
    let all = headers.values(of: "Mcp-Session-Id")
    return all.count > 1 ? "" : all.first.map { Text($0) }
  }
}
