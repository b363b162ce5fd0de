package import JSON
package import Networking
package import Time

/// The two dialects in which V5's authenticated WebSockets answer.
package enum V5Dialect: Sendable {
  /// `/v5/private`: `success`, `ret_msg`, `req_id`.
  case stream
  /// `/v5/trade`: `retCode`, `retMsg`, `reqId`.
  case trade

  package var path: String { self == .stream ? "/v5/private" : "/v5/trade" }

  func isAccepted(_ frame: JSONValue) -> Bool {
    switch self {
    case .stream: frame["success"]?.boolValue == true
    case .trade: frame["retCode"]?.intValue == 0
    }
  }
}

/// One authenticated WebSocket of V5: JSON frames in and out.
package final class V5Socket: Sendable {
  package struct Configuration: Sendable {
    /// Scheme and host of the stream; the dialect's path is appended.
    package var base: WebURL
    package var credentials: V5Credentials
    /// How long a signature for `auth` stays valid.
    package var authWindow: Milliseconds
    package var headers: HTTPFields
    package var limits: WebSocketLimits
    package var security: any ConnectionSecurity

    package init(
      base: WebURL, credentials: V5Credentials, authWindow: Milliseconds = .seconds(5),
      headers: HTTPFields = HTTPFields(), limits: WebSocketLimits = WebSocketLimits(),
      security: any ConnectionSecurity = NoConnectionSecurity()
    ) {
      self.base = base
      self.credentials = credentials
      self.authWindow = authWindow
      self.headers = headers
      self.limits = limits
      self.security = security
    }
  }

  private let socket: WebSocket
  private let dialect: V5Dialect

  private init(_ socket: WebSocket, _ dialect: V5Dialect) {
    self.socket = socket
    self.dialect = dialect
  }

  /// Opens the connection; nothing is sent on it yet.
  package static func open(
    _ configuration: Configuration, _ dialect: V5Dialect, deadline: ContinuousClock.Instant
  ) async throws -> V5Socket {
    do {
      let url = try configuration.base.appending(dialect.path)
      let socket = try await WebSocket.connect(
        to: url, headers: configuration.headers, limits: configuration.limits,
        security: configuration.security, deadline: deadline)
      return V5Socket(socket, dialect)
    } catch {
      // Opening carries no order, so whatever happened, none can have been sent.
      var failure = V5Error.network(error)
      failure.delivery = .notSent
      throw failure
    }
  }

  /// Signs in and waits for the answer.
  ///
  /// - Throws: `authRefused` with the frame as its message.
  package func authenticate(_ configuration: Configuration, at moment: Timestamp) async throws {
    let signer = V5Signer(configuration.credentials)
    let arguments = signer.socketArguments(expiring: moment + configuration.authWindow)
    try await send(["op": "auth", "args": arguments])
    let frame = try await answer(to: "auth")
    guard dialect.isAccepted(frame) else {
      throw V5Error(.authRefused, JSONWriter.text(of: frame), delivery: .notSent)
    }
  }

  /// Subscribes to topics of a private stream and waits for the answer.
  package func subscribe(_ topics: [String]) async throws {
    try await send(["op": "subscribe", "args": .array(topics.map { .string($0) })])
    let frame = try await answer(to: "subscribe")
    guard dialect.isAccepted(frame) else {
      throw V5Error(.subscriptionRefused, JSONWriter.text(of: frame), delivery: .notSent)
    }
  }

  package func send(_ frame: JSONValue) async throws {
    do {
      try await socket.send(JSONWriter.text(of: frame))
    } catch {
      throw V5Error.network(error)
    }
  }

  /// The next frame; nil when the exchange closed the socket in good order.
  package func next() async throws -> JSONValue? {
    do {
      guard let message = try await socket.makeAsyncIterator().next() else { return nil }
      return try Self.json(message.bytes)
    } catch {
      throw V5Error.network(error)
    }
  }

  private static func json(_ bytes: [UInt8]) throws(V5Error) -> JSONValue {
    do throws(JSONError) {
      return try JSONParser.parse(bytes, limits: .peer)
    } catch {
      throw V5Error(.malformed, "a frame is no JSON: \(error)")
    }
  }

  /// Frames without topic or pongs that may come before an answer.
  private static let strayFrames = 64

  private func answer(to operation: Text) async throws -> JSONValue {
    for _ in 0..<Self.strayFrames {
      guard let frame = try await next() else {
        throw V5Error(
          .network, "the exchange closed the connection before \(operation) was answered")
      }
      let isRefusal = frame["success"]?.boolValue == false
      if frame["op"]?.textValue == operation || isRefusal { return frame }
    }
    throw V5Error(.malformed, "the exchange did not answer \(operation)")
  }

  package func close() async { await socket.close() }

  /// Closes at once.
  package func abort() { socket.abort() }
}
