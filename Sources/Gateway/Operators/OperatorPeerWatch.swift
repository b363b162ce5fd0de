import JSON
import NIOCore
import NIOHTTP1
import OperatorProtocol
import Synchronization

/// Tells an event stream that its console has closed its side: Hummingbird does not. Beside it sits
/// what closes sockets that never finish a request's head.
///
/// The event loop owns the handler; the signal is shared with the task that streams.
final class OperatorPeerWatch: ChannelInboundHandler, RemovableChannelHandler {
  // Messages are passed on as they are.
  typealias InboundIn = Never

  let signal = PeerSignal()
  private let headTime: Duration

  /// - Parameter headTime: In which the head of a request must have come.
  init(headTime: Duration) { self.headTime = headTime }

  private static let broken = JSONWriter.bytes(
    of: OperatorRefusal(.badRequest, BrokenRequestHandler.words).json)

  func handlerAdded(context: ChannelHandlerContext) {
    do {
      let pipeline = context.pipeline.syncOperations
      try pipeline.addBrokenRequestHandler(body: Self.broken)
      let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      try pipeline.addHandler(HeadDeadlineHandler(time: headTime), position: .after(decoder))
    } catch {
      context.fireErrorCaught(error)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent { signal.fire() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    signal.fire()
    context.fireChannelInactive()
  }
}

/// Fires once; an action that comes later runs at once.
final class PeerSignal: Sendable {
  private struct State {
    var hasFired = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  func fire() {
    let action = state.withLock { state in
      state.hasFired = true
      return state.action.take()
    }
    action?()
  }

  func onFire(_ action: @escaping @Sendable () -> Void) {
    let runsNow = state.withLock { state in
      if !state.hasFired { state.action = action }
      return state.hasFired
    }
    if runsNow { action() }
  }
}
