import NIOCore
import NIOHTTP1

/// Runs one exchange at a time on a connection; lives on the channel's event loop.
final class HTTPExchangeHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private var current: HTTPExchange?
  private var timer: Scheduled<Void>?
  private var keepsAlive = false
  private var wroteAll = false
  /// Why the peer refused the connection before there was a request, as in TLS 1.3, where a client
  /// has shaken hands before its certificate is judged.
  private var refusal: NetworkError?
  private weak var context: ChannelHandlerContext?

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  // MARK: Commands

  func start(_ exchange: HTTPExchange, head: HTTPRequestHead, body: [UInt8]?) {
    guard let context, context.channel.isActive, current == nil else {
      let late = exchange.deadline <= .now
      exchange.parts.abort(
        throwing: late
          ? NetworkError(.deadline, "the deadline passed before the request was written")
          : refusal
            ?? NetworkError(.closed, "the connection was closed before the request was written"))
      return
    }
    current = exchange
    wroteAll = false
    arm(exchange.deadline.timeAmount, .deadline, "no complete response before the deadline")
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if let body {
      let buffer = context.channel.allocator.buffer(bytes: body)
      context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
    }
    let done = context.eventLoop.makePromise(of: Void.self)
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    done.futureResult.whenComplete { result in
      switch result {
      case .success: handler.value.wroteAll = true
      case .failure(let error): handler.value.fail(NetworkError.wrap(error, .closed, .ambiguous))
      }
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: done)
  }

  private func arm(_ wait: TimeAmount, _ code: NetworkError.Code, _ message: String) {
    timer?.cancel()
    guard let context else { return }
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: wait) {
      handler.value.fail(NetworkError(code, message, delivery: .ambiguous))
    }
  }

  private func fail(_ error: NetworkError) {
    timer?.cancel()
    if current == nil, error.code == .handshake { refusal = error.delivered(.notSent) }
    let failed = current
    current = nil
    failed?.parts.finish(throwing: error)
    context?.close(promise: nil)
  }

  // MARK: Events

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let exchange = current else {
      context.close(promise: nil)
      return
    }
    switch unwrapInboundIn(data) {
    case .head(let head): receive(head, exchange)
    case .body(let buffer):
      if let silence = exchange.silence { armSilence(silence) }
      push(.body(Array(buffer.readableBytesView)), cost: buffer.readableBytes, exchange)
    case .end: complete(exchange)
    }
  }

  private func receive(_ head: HTTPResponseHead, _ exchange: HTTPExchange) {
    let fields = HTTPFields(head.headers.map { (name: $0.name, value: $0.value) })
    keepsAlive = head.isKeepAlive
    if exchange.scope == .head { timer?.cancel() }
    if let silence = exchange.silence { armSilence(silence) }
    push(.head(HTTPHead(status: Int(head.status.code), headers: fields)), cost: 0, exchange)
  }

  private func armSilence(_ silence: Duration) {
    guard current?.scope == .head else { return }
    arm(silence.timeAmount, .deadline, "the peer has sent nothing for \(silence)")
  }

  private func push(_ part: HTTPPart, cost: Int, _ exchange: HTTPExchange) {
    switch exchange.parts.push(part, cost: cost) {
    case .more: break
    case .pause: context?.channel.setOption(.autoRead, value: false).whenComplete { _ in }
    case .closed: context?.close(promise: nil)
    }
  }

  private func complete(_ exchange: HTTPExchange) {
    timer?.cancel()
    current = nil
    // A response before the whole request was written leaves bytes that nobody will read.
    let reusable = keepsAlive && wroteAll
    if !reusable { context?.close(promise: nil) }
    exchange.parts.finish()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let isLong = (error as? HTTPParserError) == .headerOverflow
    fail(NetworkError.wrap(error, isLong ? .limit : .malformed, .ambiguous))
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(
      NetworkError(
        .closed, "the peer closed the connection before the response was complete",
        delivery: .ambiguous))
    context.fireChannelInactive()
  }
}
