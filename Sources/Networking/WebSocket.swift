import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A whole message of a WebSocket, fragments joined.
package enum WebSocketMessage: Hashable, Sendable {
  case text([UInt8])
  case binary([UInt8])

  package var bytes: [UInt8] {
    switch self {
    case .text(let bytes), .binary(let bytes): bytes
    }
  }
}

/// What one WebSocket may cost.
package struct WebSocketLimits: Hashable, Sendable {
  /// Bytes of one frame and of one message.
  package var messageBytes: Int
  /// Bytes of received messages that wait to be read; past them the socket is no longer read.
  package var queuedBytes: Int
  /// Bytes that wait to be sent; past them `send` is refused.
  package var unsentBytes: Int
  /// Bytes of the upgrade response's headers.
  package var headerBytes: Int
  /// Time to resolve and connect, inside the caller's deadline.
  package var connect: Duration

  package init(
    messageBytes: Int = 4 << 20, queuedBytes: Int = 8 << 20, unsentBytes: Int = 4 << 20,
    headerBytes: Int = 32 << 10, connect: Duration = .seconds(10)
  ) {
    self.messageBytes = messageBytes
    self.queuedBytes = queuedBytes
    self.unsentBytes = unsentBytes
    self.headerBytes = headerBytes
    self.connect = connect
  }
}

/// A connected WebSocket client (RFC 6455, no extensions).
///
/// Pings of the peer are answered; text must be UTF-8. Iterate from one task; send from any.
package final class WebSocket: AsyncSequence, Sendable {
  package typealias Element = WebSocketMessage

  private let channel: any Channel
  private let handler: NIOLoopBound<WebSocketHandler>
  private let messages: BoundedQueue<WebSocketMessage>

  private init(
    _ channel: any Channel, _ handler: NIOLoopBound<WebSocketHandler>,
    _ messages: BoundedQueue<WebSocketMessage>
  ) {
    self.channel = channel
    self.handler = handler
    self.messages = messages
  }

  deinit { channel.close(promise: nil) }

  /// - Parameter deadline: Covers resolving, connecting and the upgrade.
  /// - Throws: `NetworkError`; `handshake` with the status when the peer refuses the upgrade.
  package static func connect(
    to url: WebURL, headers: HTTPFields = HTTPFields(), limits: WebSocketLimits = WebSocketLimits(),
    security: any ConnectionSecurity = NoConnectionSecurity(), deadline: ContinuousClock.Instant
  ) async throws -> WebSocket {
    guard url.scheme == .ws || url.scheme == .wss else {
      throw NetworkError(.badURL, "\(url) is no WebSocket URL", fix: "write ws:// or wss://")
    }
    try headers.checked()
    let upgraded = Connector.group.any().makePromise(of: WebSocketParts.self)
    let connector = Connector(security: security, timeout: limits.connect)
    let channel: any Channel
    do {
      channel = try await connector.connect(to: url, deadline: deadline) { channel in
        try WebSocketUpgrade.install(on: channel, limits: limits, result: upgraded)
      }
    } catch {
      upgraded.fail(error)
      throw error
    }
    return try await upgrade(channel, url, headers, upgraded.futureResult, deadline)
  }

  private static func upgrade(
    _ channel: any Channel, _ url: WebURL, _ headers: HTTPFields,
    _ upgraded: EventLoopFuture<WebSocketParts>, _ deadline: ContinuousClock.Instant
  ) async throws -> WebSocket {
    let timer = channel.eventLoop.scheduleTask(deadline: deadline.deadline) {
      channel.close(promise: nil)
    }
    defer { timer.cancel() }
    let head = WebSocketUpgrade.head(url, headers)
    channel.eventLoop.execute {
      WebSocketUpgrade.send(head, on: channel)
    }
    do {
      let parts = try await withTaskCancellationHandler {
        try await upgraded.get()
      } onCancel: {
        channel.close(promise: nil)
      }
      return WebSocket(channel, parts.handler, parts.messages)
    } catch {
      channel.close(promise: nil)
      if deadline <= .now {
        throw NetworkError(
          .deadline, "\(url.authority) did not upgrade before the deadline", delivery: .ambiguous)
      }
      throw NetworkError.wrap(error, .handshake, .ambiguous)
    }
  }

  /// Sends one text message and waits until it is written to the socket.
  ///
  /// - Throws: `notSent` when the socket was closed already or too much waits to be sent,
  ///   `ambiguous` when writing failed.
  package func send(_ text: String) async throws {
    let bytes = Array(text.utf8)
    try await run { handler, promise in handler.send(.text, bytes, promise: promise) }
  }

  /// Sends a ping and waits until it is written; the answer resets nothing and is dropped.
  package func ping() async throws {
    try await run { handler, promise in handler.send(.ping, [], promise: promise) }
  }

  /// Says goodbye and closes; `grace` bounds the wait for the peer's own close frame.
  package func close(code: UInt16 = 1000, grace: Duration = .seconds(1)) async {
    let handler = handler
    channel.eventLoop.execute { handler.value.sayGoodbye(code: code, grace: grace) }
    try? await channel.closeFuture.get()
  }

  /// Closes the socket at once.
  package func abort() { channel.close(promise: nil) }

  /// Whether the connection is still up as far as this side knows.
  package var isOpen: Bool { channel.isActive }

  private func run(
    _ body: @escaping @Sendable (WebSocketHandler, EventLoopPromise<Void>) -> Void
  ) async throws {
    let promise = channel.eventLoop.makePromise(of: Void.self)
    let handler = handler
    channel.eventLoop.execute { body(handler.value, promise) }
    do {
      try await promise.futureResult.get()
    } catch {
      throw (error as? NetworkError) ?? NetworkError.wrap(error, .closed, .ambiguous)
    }
  }

  package func makeAsyncIterator() -> Iterator { Iterator(socket: self) }

  package struct Iterator: AsyncIteratorProtocol {
    let socket: WebSocket

    /// The next message; nil after an orderly close.
    ///
    /// - Throws: `NetworkError`: `closed` when the connection broke, `limit`, `malformed`,
    ///   `cancelled`.
    package func next() async throws -> WebSocketMessage? {
      do {
        return try await socket.messages.next()
      } catch {
        throw (error as? NetworkError) ?? NetworkError.wrap(error, .closed, .ambiguous)
      }
    }
  }
}

struct WebSocketParts: Sendable {
  let handler: NIOLoopBound<WebSocketHandler>
  let messages: BoundedQueue<WebSocketMessage>
}

/// The HTTP part of opening a WebSocket.
enum WebSocketUpgrade {
  static func install(
    on channel: any Channel, limits: WebSocketLimits, result: EventLoopPromise<WebSocketParts>
  ) throws {
    let refusal = UpgradeRefusalHandler(result: result)
    let bound = NIOLoopBound(refusal, eventLoop: channel.eventLoop)
    let upgrader = NIOWebSocketClientUpgrader(
      maxFrameSize: limits.messageBytes, automaticErrorHandling: false
    ) { channel, _ in
      channel.eventLoop.makeCompletedFuture {
        let messages = BoundedQueue<WebSocketMessage>(high: limits.queuedBytes) {
          channel.setOption(.autoRead, value: true).whenComplete { _ in }
        }
        let handler = WebSocketHandler(messages: messages, limits: limits)
        try channel.pipeline.syncOperations.addHandler(handler)
        result.succeed(
          WebSocketParts(
            handler: NIOLoopBound(handler, eventLoop: channel.eventLoop), messages: messages))
      }
    }
    var decoder = NIOHTTPDecoderLimitConfiguration()
    decoder.maxHeaderFieldSize = limits.headerBytes
    decoder.maxHeaderListSize = limits.headerBytes
    try channel.pipeline.syncOperations.addHTTPClientHandlers(
      leftOverBytesStrategy: .forwardBytes, decoderLimitConfiguration: decoder,
      withClientUpgrade: (
        upgraders: [upgrader],
        completionHandler: { context in
          context.pipeline.syncOperations.removeHandler(bound.value, promise: nil)
        }
      ))
    try channel.pipeline.syncOperations.addHandler(refusal)
  }

  static func head(_ url: WebURL, _ headers: HTTPFields) -> HTTPRequestHead {
    var fields = HTTPHeaders([("Host", url.authority)])
    for (name, value) in headers.all { fields.add(name: name, value: value) }
    return HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: fields)
  }

  static func send(_ head: HTTPRequestHead, on channel: any Channel) {
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
  }
}

/// Sees what comes instead of an upgrade.
final class UpgradeRefusalHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let result: EventLoopPromise<WebSocketParts>

  init(result: EventLoopPromise<WebSocketParts>) { self.result = result }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(let head) = unwrapInboundIn(data) else { return }
    result.fail(
      NetworkError(.handshake, "the peer answered \(head.status.code) and did not upgrade"))
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    result.fail(NetworkError.wrap(error, .handshake, .ambiguous))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    result.fail(NetworkError(.closed, "the peer closed the connection during the upgrade"))
    context.fireChannelInactive()
  }
}
