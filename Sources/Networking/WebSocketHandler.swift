import NIOCore
import NIOWebSocket

/// Joins fragments, answers pings and keeps the closing handshake; lives on the event loop.
final class WebSocketHandler: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private let messages: BoundedQueue<WebSocketMessage>
  private let limits: WebSocketLimits
  private var fragments: (opcode: WebSocketOpcode, bytes: [UInt8])?
  private var unsent = 0
  private var saidGoodbye = false
  private weak var context: ChannelHandlerContext?

  init(messages: BoundedQueue<WebSocketMessage>, limits: WebSocketLimits) {
    self.messages = messages
    self.limits = limits
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    messages.finish()
  }

  // MARK: Sending

  func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], promise: EventLoopPromise<Void>) {
    guard let context, context.channel.isActive, !saidGoodbye else {
      promise.fail(NetworkError(.ended, "the WebSocket is closed"))
      return
    }
    guard unsent + bytes.count <= limits.unsentBytes else {
      promise.fail(
        NetworkError(
          .busy, "\(limits.unsentBytes) bytes wait to be sent already", fix: "wait for the peer"
        ))
      return
    }
    unsent += bytes.count
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    promise.futureResult.whenComplete { _ in handler.value.unsent -= bytes.count }
    write(opcode, context.channel.allocator.buffer(bytes: bytes), promise: promise)
  }

  private func write(
    _ opcode: WebSocketOpcode, _ data: ByteBuffer, promise: EventLoopPromise<Void>? = nil
  ) {
    let frame = WebSocketFrame(
      fin: true, opcode: opcode, maskKey: WebSocketMaskingKey.random(), data: data)
    context?.writeAndFlush(wrapOutboundOut(frame), promise: promise)
  }

  func sayGoodbye(code: UInt16, grace: Duration) {
    guard let context, !saidGoodbye else { return }
    saidGoodbye = true
    var data = context.channel.allocator.buffer(capacity: 2)
    data.writeInteger(code)
    write(.connectionClose, data)
    let channel = context.channel
    context.eventLoop.scheduleTask(in: grace.timeAmount) { channel.close(promise: nil) }
  }

  // MARK: Receiving

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var frame = unwrapInboundIn(data)
    guard frame.maskKey == nil else { return refuse(1002, .malformed, "a server frame is masked") }
    guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
      return refuse(1002, .malformed, "a frame uses an extension that was not agreed")
    }
    let bytes = frame.data.readBytes(length: frame.data.readableBytes) ?? []
    switch frame.opcode {
    case .text, .binary:
      guard fragments == nil else { return refuse(1002, .malformed, "a message began inside one") }
      receive(frame.opcode, bytes, isLast: frame.fin)
    case .continuation:
      guard let begun = fragments else {
        return refuse(1002, .malformed, "a continuation without a beginning")
      }
      receive(begun.opcode, begun.bytes + bytes, isLast: frame.fin)
    case .ping where !saidGoodbye: write(.pong, context.channel.allocator.buffer(bytes: bytes))
    case .connectionClose: receiveGoodbye(bytes)
    default: break
    }
  }

  private func receive(_ opcode: WebSocketOpcode, _ bytes: [UInt8], isLast: Bool) {
    guard bytes.count <= limits.messageBytes else {
      return refuse(1009, .limit, "a message is longer than \(limits.messageBytes) bytes")
    }
    guard isLast else {
      fragments = (opcode, bytes)
      return
    }
    fragments = nil
    if opcode == .text, String(validating: bytes, as: UTF8.self) == nil {
      return refuse(1007, .malformed, "a text message is not UTF-8")
    }
    let message = opcode == .text ? WebSocketMessage.text(bytes) : .binary(bytes)
    if messages.push(message, cost: bytes.count + 64) == .pause {
      context?.channel.setOption(.autoRead, value: false).whenComplete { _ in }
    }
  }

  private func receiveGoodbye(_ bytes: [UInt8]) {
    messages.finish()
    guard let context else { return }
    let channel = context.channel
    if saidGoodbye {
      channel.close(promise: nil)
    } else {
      saidGoodbye = true
      let sent = context.eventLoop.makePromise(of: Void.self)
      sent.futureResult.whenComplete { _ in channel.close(promise: nil) }
      write(
        .connectionClose, context.channel.allocator.buffer(bytes: bytes.prefix(2)), promise: sent)
    }
  }

  private func refuse(_ code: UInt16, _ error: NetworkError.Code, _ message: String) {
    messages.finish(throwing: NetworkError(error, message, delivery: .ambiguous))
    sayGoodbye(code: code, grace: .zero)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let isLong = (error as? NIOWebSocketError) == .invalidFrameLength
    messages.finish(
      throwing: NetworkError.wrap(error, isLong ? .limit : .malformed, .ambiguous))
    if error is NIOWebSocketError, !saidGoodbye {
      sayGoodbye(code: isLong ? 1009 : 1002, grace: .zero)
    } else {
      context.close(promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if saidGoodbye {
      messages.finish()
    } else {
      messages.finish(
        throwing: NetworkError(.closed, "the peer broke the connection", delivery: .ambiguous))
    }
    context.fireChannelInactive()
  }
}
