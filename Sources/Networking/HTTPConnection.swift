import NIOCore
import NIOHTTP1
import Synchronization

/// A request as it goes on the wire.
struct HTTPRequest: Sendable {
  let verb: HTTPVerb
  let url: WebURL
  let headers: HTTPFields
  let body: [UInt8]?

  init(
    _ verb: HTTPVerb, _ url: WebURL, _ headers: HTTPFields, _ body: [UInt8]?, limits: HTTPLimits
  ) throws(NetworkError) {
    try headers.checked()
    guard body?.count ?? 0 <= limits.requestBytes else {
      throw NetworkError(.limit, "the request body is longer than \(limits.requestBytes) bytes")
    }
    self.verb = verb
    self.url = url
    self.headers = headers
    self.body = body
  }

  func head(keepsAlive: Bool) -> HTTPRequestHead {
    var fields = HTTPHeaders([("Host", url.authority)])
    for (name, value) in headers.all { fields.add(name: name, value: value) }
    if let body { fields.add(name: "Content-Length", value: String(body.count)) }
    if !keepsAlive { fields.add(name: "Connection", value: "close") }
    return HTTPRequestHead(
      version: .http1_1, method: HTTPMethod(rawValue: verb.rawValue), uri: url.target,
      headers: fields)
  }
}

/// An HTTP/1.1 connection on which one exchange runs at a time.
final class HTTPConnection: Sendable {
  private let channel: any Channel
  private let handler: NIOLoopBound<HTTPExchangeHandler>
  let reused: Bool
  let usableUntil: ContinuousClock.Instant

  private init(_ channel: any Channel, _ handler: NIOLoopBound<HTTPExchangeHandler>) {
    self.channel = channel
    self.handler = handler
    reused = false
    usableUntil = .now
  }

  private init(kept other: HTTPConnection, until: ContinuousClock.Instant) {
    channel = other.channel
    handler = other.handler
    reused = true
    usableUntil = until
  }

  static func open(
    _ url: WebURL, _ connector: Connector, _ limits: HTTPLimits, deadline: ContinuousClock.Instant
  ) async throws -> HTTPConnection {
    let box = Mutex<NIOLoopBound<HTTPExchangeHandler>?>(nil)
    let channel = try await connector.connect(to: url, deadline: deadline) { channel in
      let handler = HTTPExchangeHandler()
      box.withLock { $0 = NIOLoopBound(handler, eventLoop: channel.eventLoop) }
      try channel.pipeline.syncOperations.addHTTPClientHandlers(
        decoderLimitConfiguration: limits.decoder)
      try channel.pipeline.syncOperations.addHandler(handler)
    }
    guard let handler = box.withLock({ $0 }) else {
      throw NetworkError(.connect, "the connection to \(url.authority) was not set up")
    }
    return HTTPConnection(channel, handler)
  }

  /// The same connection, kept for the next request until `until`.
  func kept(until: ContinuousClock.Instant) -> HTTPConnection {
    HTTPConnection(kept: self, until: until)
  }

  var isOpen: Bool { channel.isActive }

  /// Buffered body bytes from which the socket is no longer read.
  private static let bufferedBytes = 1 << 20

  func start(
    _ request: HTTPRequest, deadline: ContinuousClock.Instant, scope: HTTPExchange.DeadlineScope,
    silence: Duration? = nil
  ) -> HTTPExchange {
    let channel = channel
    let parts = BoundedQueue<HTTPPart>(high: Self.bufferedBytes) {
      channel.setOption(.autoRead, value: true).whenComplete { _ in }
    }
    let exchange = HTTPExchange(parts: parts, deadline: deadline, scope: scope, silence: silence)
    let head = request.head(keepsAlive: scope == .whole)
    let handler = handler
    let body = request.body
    channel.eventLoop.execute { handler.value.start(exchange, head: head, body: body) }
    return exchange
  }

  func close() { channel.close(promise: nil) }
}

extension HTTPLimits {
  var decoder: NIOHTTPDecoderLimitConfiguration {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = headerBytes
    limits.maxHeaderListSize = headerBytes
    return limits
  }
}
