import NIOCore
import NIOHTTP1

/// Closes a socket whose next request's head has not come in time, however slowly its bytes drip in.
///
/// It sits where requests are parts, and belongs to the channel's event loop.
final class HeadDeadlineHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private let time: Duration
  /// Requests whose head has come and whose answer has not ended.
  private var unanswered = 0
  private var timer: Scheduled<Void>?

  init(time: Duration) { self.time = time }

  func handlerAdded(context: ChannelHandlerContext) { expectHead(context) }
  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

  private func expectHead(_ context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    guard unanswered <= 0 else { return }
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .head = unwrapInboundIn(data) {
      unanswered += 1
      expectHead(context)
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      unanswered -= 1
      expectHead(context)
    }
    context.write(data, promise: promise)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }
}
