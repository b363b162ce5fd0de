import NIOCore
import Synchronization

/// An HTTP/1.1 client: no redirects, no proxy, no compression, a few kept connections per origin.
///
/// One client serves one purpose; two purposes that must not wait for each other use two clients.
/// Every error is a `NetworkError` that says whether any byte of the request can have left.
package final class HTTPClient: Sendable {
  private struct Origin: Hashable {
    let isSecure: Bool
    let host: String
    let port: Int

    init(_ url: WebURL) {
      isSecure = url.scheme.isSecure
      host = url.host
      port = url.port
    }
  }

  private struct Pool {
    let slots: Slots
    var idle: [HTTPConnection] = []
  }

  private let limits: HTTPLimits
  private let connector: Connector
  private let pools = Mutex<[Origin: Pool]>([:])

  package init(
    limits: HTTPLimits = HTTPLimits(), security: any ConnectionSecurity = NoConnectionSecurity()
  ) {
    self.limits = limits
    connector = Connector(security: security, timeout: limits.connect)
  }

  deinit { closeIdle() }

  /// Closes the kept connections; requests under way end by themselves.
  package func closeIdle() {
    let idle = pools.withLock { pools in
      let all = pools.values.flatMap(\.idle)
      for origin in pools.keys { pools[origin]?.idle = [] }
      return all
    }
    for connection in idle { connection.close() }
  }

  /// One request and its whole response.
  ///
  /// - Parameter deadline: Covers everything from waiting for a connection to the last body byte.
  /// - Throws: `NetworkError`. A safe request that meets a kept connection which the peer has
  ///   closed is repeated once on a new one; any other is never repeated.
  package func request(
    _ verb: HTTPVerb, _ url: WebURL, headers: HTTPFields = HTTPFields(), body: [UInt8]? = nil,
    deadline: ContinuousClock.Instant
  ) async throws -> HTTPResponse {
    let request = try HTTPRequest(verb, url, headers, body, limits: limits)
    let slots = slots(for: url)
    try await slots.acquire(deadline: deadline)
    defer { slots.release() }
    let connection = try await connection(to: url, deadline: deadline)
    do {
      return try await roundTrip(request, on: connection, deadline: deadline)
    } catch let error as NetworkError
      where connection.reused && error.code == .closed
      && (verb.isSafe || error.delivery == .notSent)
    {
      let fresh = try await HTTPConnection.open(url, connector, limits, deadline: deadline)
      return try await roundTrip(request, on: fresh, deadline: deadline)
    }
  }

  /// One request whose body is read as it arrives, on a connection of its own.
  ///
  /// - Parameters:
  ///   - deadline: Covers everything up to the response's head.
  ///   - silence: The longest pause between bytes of the body; nil is no limit.
  package func stream(
    _ verb: HTTPVerb, _ url: WebURL, headers: HTTPFields = HTTPFields(), body: [UInt8]? = nil,
    deadline: ContinuousClock.Instant, silence: Duration? = nil
  ) async throws -> HTTPStream {
    let request = try HTTPRequest(verb, url, headers, body, limits: limits)
    let connection = try await HTTPConnection.open(url, connector, limits, deadline: deadline)
    let exchange = connection.start(request, deadline: deadline, scope: .head, silence: silence)
    do {
      return HTTPStream(head: try await exchange.head(), exchange, connection, limits)
    } catch {
      connection.close()
      throw Self.named(error)
    }
  }

  // MARK: Connections

  private func slots(for url: WebURL) -> Slots {
    pools.withLock { pools in
      if let pool = pools[Origin(url)] { return pool.slots }
      let fresh = Slots(limits.connections, waiting: limits.waiting)
      pools[Origin(url)] = Pool(slots: fresh)
      return fresh
    }
  }

  private func connection(
    to url: WebURL, deadline: ContinuousClock.Instant
  ) async throws -> HTTPConnection {
    while let kept = pools.withLock({ $0[Origin(url)]?.idle.popLast() }) {
      if kept.isOpen, kept.usableUntil > .now { return kept }
      kept.close()
    }
    return try await HTTPConnection.open(url, connector, limits, deadline: deadline)
  }

  private func roundTrip(
    _ request: HTTPRequest, on connection: HTTPConnection, deadline: ContinuousClock.Instant
  ) async throws -> HTTPResponse {
    let exchange = connection.start(request, deadline: deadline, scope: .whole)
    do {
      let head = try await exchange.head()
      let body = try await exchange.collect(limit: limits.bodyBytes)
      let kept = connection.kept(until: .now + limits.idle)
      pools.withLock { $0[Origin(request.url)]?.idle.append(kept) }
      return HTTPResponse(head: head, body: body)
    } catch {
      connection.close()
      throw Self.named(error)
    }
  }

  /// Errors of an exchange: what carries no word on delivery of its own may have left.
  private static func named(_ error: any Error) -> NetworkError {
    (error as? NetworkError) ?? NetworkError.wrap(error, .closed, .ambiguous)
  }
}

/// A response whose body is read as it arrives. Close it, or read it to the end.
package final class HTTPStream: Sendable {
  package let head: HTTPHead
  private let exchange: HTTPExchange
  private let connection: HTTPConnection
  private let limits: HTTPLimits

  init(
    head: HTTPHead, _ exchange: HTTPExchange, _ connection: HTTPConnection, _ limits: HTTPLimits
  ) {
    self.head = head
    self.exchange = exchange
    self.connection = connection
    self.limits = limits
  }

  deinit { connection.close() }

  /// The next bytes of the body; nil at its end. Only one task reads at a time.
  package func next() async throws -> [UInt8]? {
    do {
      return try await exchange.chunk()
    } catch {
      throw NetworkError.wrap(error, .closed, .ambiguous)
    }
  }

  /// The whole body, refused past the client's body limit.
  package func collect() async throws -> HTTPResponse {
    defer { close() }
    do {
      return HTTPResponse(head: head, body: try await exchange.collect(limit: limits.bodyBytes))
    } catch {
      throw NetworkError.wrap(error, .closed, .ambiguous)
    }
  }

  package func close() {
    exchange.parts.abort(throwing: NetworkError(.ended, "the stream was closed here"))
    connection.close()
  }
}
