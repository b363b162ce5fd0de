import Bybit
import JSON
import MCP
import Networking
import Time

/// Carries out tool calls against one V5 base URL.
struct Exchange: Sendable {
  private static let agent = "countersign-bybit-tools"

  let credentials: V5Credentials?
  let stream: WebURL
  let rest: V5REST
  let now: @Sendable () -> Timestamp
  /// From the open trade socket to the answer.
  let tradeTimeout: Duration
  let security: any ConnectionSecurity
  let faults: Set<Fault>
  private let subscriptions = Subscriptions()

  init(
    credentials: V5Credentials?, rest base: WebURL, stream: WebURL, tradeTimeout: Duration,
    security: any ConnectionSecurity, faults: Set<Fault>,
    now: @escaping @Sendable () -> Timestamp
  ) {
    self.faults = faults
    self.credentials = credentials
    self.stream = stream
    self.tradeTimeout = tradeTimeout
    self.security = security
    self.now = now
    // Calls run side by side, so that a slow one delays no other.
    let limits = HTTPLimits(connections: 8)
    var configuration = V5REST.Configuration(
      base: base, credentials: credentials, agent: Self.agent, referer: Self.agent)
    // The official server asks once.
    configuration.retries = 0
    rest = V5REST(
      configuration, http: HTTPClient(limits: limits, security: security), now: now)
  }

  func call(_ name: Text, _ arguments: JSONObject) async -> ToolResult {
    if faults.contains(.upgradeRequired) {
      return Self.failure("upgrade required: this version of the server is no longer supported")
    }
    guard let tool = Tool.byName[name] else {
      return ToolResult(text: "Tool not found: \(name)", isError: true)
    }
    let (input, problems) = Field.strip(arguments, tool.fields)
    guard problems.isEmpty else {
      return ToolResult(
        text: "Validation error: \(problems.joined(separator: "; "))", isError: true)
    }
    switch tool.action {
    case .trade(let operation): return await trade(operation, input)
    case .watch(let topic): return await watch(topic, input)
    case .read(let path, let isSigned): return await read(path, isSigned: isSigned, input)
    case .send(let path): return await send(path, input)
    case .subscription(let step): return await subscribe(step, input)
    }
  }

  private static func failure(_ text: String) -> ToolResult {
    ToolResult(text: "Error: \(text)", isError: true)
  }

  private func socket(_ credentials: V5Credentials) -> V5Socket.Configuration {
    V5Socket.Configuration(
      base: stream, credentials: credentials,
      headers: ["User-Agent": Self.agent, "X-Referer": Self.agent], security: security)
  }

  // MARK: Orders

  /// A refusal is an error here, unlike over the trade stream.
  private func send(_ path: String, _ input: JSONObject) async -> ToolResult {
    await answer { try await rest.post(path, .object(input)) }
  }

  /// Every frame of the operation is a success, whatever its `retCode`: so does the official
  /// server.
  private func trade(_ operation: Text, _ input: JSONObject) async -> ToolResult {
    guard let credentials else {
      return Self.failure("BYBIT_API_KEY must be set for trade operations.")
    }
    if faults.contains(.hangingHandshake) {
      // The official server has no deadline before the socket is open.
      try? await Task.sleep(for: .seconds(86_400))
    }
    let socket = V5TradeSocket(socket(credentials), timeout: tradeTimeout)
    let id = Text("req-\(now().milliseconds)")
    do throws(V5TradeSocket.Failure) {
      let frame = try await socket.request(operation, .object(input), id: id, now: now)
      return ToolResult(text: PrettyJSON.text(of: frame))
    } catch {
      return Self.failure(text(of: error))
    }
  }

  private func text(of failure: V5TradeSocket.Failure) -> String {
    switch failure {
    case .notOpened(let error): return error.message
    case .authRefused(let frame):
      return "WebSocket auth failed: \(JSONWriter.text(of: frame))"
    case .timedOut:
      let wait = tradeTimeout.components
      let milliseconds = wait.seconds * 1000 + wait.attoseconds / 1_000_000_000_000_000
      return "Trade WS request timed out after \(milliseconds)ms"
    case .closed: return "Trade WS connection closed unexpectedly"
    }
  }

  // MARK: Watching

  private func watch(_ topic: String, _ input: JSONObject) async -> ToolResult {
    guard let credentials else {
      return Self.failure("BYBIT_API_KEY must be set for private subscriptions.")
    }
    let category = input["category"]?.stringValue.map { ".\($0)" } ?? ""
    let wanted = input["messageCount"]?.intValue ?? 1
    let wait = Duration.milliseconds(input["timeoutMs"]?.intValue ?? 5000)
    let configuration = socket(credentials)
    do {
      let socket = try await V5Socket.open(configuration, .stream, deadline: .now + .seconds(10))
      let frames = try await collect(
        topic + category, wanted, wait, on: socket, configuration)
      return ToolResult(text: PrettyJSON.text(of: .array(frames)))
    } catch let error as V5Error where error.code == .authRefused {
      return Self.failure("WebSocket auth failed: \(error.message)")
    } catch {
      return Self.failure("\(error)")
    }
  }

  /// The frames with a topic until there are enough or the time is over. A refused subscription or
  /// a closed socket looks like silence: so does the official server.
  private func collect(
    _ topic: String, _ wanted: Int, _ wait: Duration, on socket: V5Socket,
    _ configuration: V5Socket.Configuration
  ) async throws -> [JSONValue] {
    let timer = Task {
      try await Task.sleep(for: wait)
      socket.abort()
    }
    defer {
      timer.cancel()
      socket.abort()
    }
    var frames: [JSONValue] = []
    do {
      try await socket.authenticate(configuration, at: now())
      try await socket.send(["op": "subscribe", "args": .array([.string(topic)])])
    } catch let error as V5Error where error.code != .authRefused {
      return frames
    }
    while frames.count < wanted, let frame = try? await socket.next() {
      if frame["topic"] != nil { frames.append(frame) }
    }
    return frames
  }

  // MARK: Subscriptions

  private func subscribe(_ step: SubscriptionStep, _ input: JSONObject) async -> ToolResult {
    let id = input["subscriptionId"]?.textValue ?? ""
    switch step {
    case .start:
      guard let credentials, input["category"] == "private" else {
        return Self.failure("only private topics are offered here, and they need BYBIT_API_KEY")
      }
      let started = await subscriptions.start(
        input["topic"]?.textValue ?? "", keeping: input["maxMessages"]?.intValue ?? 500,
        socket(credentials), now: now)
      return ToolResult(text: PrettyJSON.text(of: started))
    case .read:
      guard
        let read = await subscriptions.read(
          id, limit: input["limit"]?.intValue,
          clears: input["clearAfterRead"]?.boolValue ?? true, now: now())
      else { return Self.failure("Subscription not found: \(id)") }
      return ToolResult(text: PrettyJSON.text(of: read))
    case .list: return ToolResult(text: PrettyJSON.text(of: await subscriptions.list()))
    case .stop:
      guard await subscriptions.stop(id) else {
        return Self.failure("Subscription not found: \(id)")
      }
      return ToolResult(
        text: PrettyJSON.text(of: ["subscriptionId": .string(id), "status": "closed"]))
    }
  }

  func close() async { await subscriptions.stopAll() }

  // MARK: Reading

  private func read(_ path: String, isSigned: Bool, _ input: JSONObject) async -> ToolResult {
    let query = input.members.map { (name: $0.key.string, value: Self.text(of: $0.value)) }
    return await answer { try await rest.get(path, query, signed: isSigned) }
  }

  private func answer(_ ask: () async throws -> V5Reply) async -> ToolResult {
    do {
      let reply = try await ask().accepted()
      return ToolResult(text: PrettyJSON.text(of: reply.envelope))
    } catch let error as V5Error {
      return Self.failure(Self.text(of: error))
    } catch {
      return Self.failure("\(error)")
    }
  }

  private static func text(of value: JSONValue) -> String {
    value.stringValue ?? JSONWriter.text(of: value)
  }

  private static func text(of error: V5Error) -> String {
    if let status = error.httpStatus {
      return "HTTP \(status) \(reason(status)): \(error.message)"
    }
    if error.code == .noKey { return "BYBIT_API_KEY must be set for signed requests." }
    if error.network?.code == .deadline { return "This operation was aborted" }
    return error.message
  }

  private static func reason(_ status: Int) -> String {
    switch status {
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 429: "Too Many Requests"
    case 500: "Internal Server Error"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    default: "Status"
    }
  }
}
