import NIOCore
import NIOHTTP1
import Synchronization

/// What the request at work on a socket must know about that socket.
///
/// Concurrency model: the channel's event loop reports, the task of the request asks; all state is
/// behind one mutex and no callback runs inside it.
final class AgentConnection: Sendable {
  private enum Flush {
    case none, pending
    case awaited(CheckedContinuation<Bool, Never>)
    case done(Bool)
  }

  private struct State {
    var isGone = false
    var onGone: (@Sendable () -> Void)?
    var flush = Flush.none
    /// The bytes written last reached the socket while the client was there.
    var bodyReached = false
  }

  private let state = Mutex(State())

  /// Runs `action` once when the client closes its side, at once when it has done so already.
  func onGone(_ action: (@Sendable () -> Void)?) {
    let now = state.withLock { state -> (@Sendable () -> Void)? in
      guard state.isGone else {
        state.onGone = action
        return nil
      }
      return action
    }
    now?()
  }

  /// The client closed its side or the socket is broken.
  func gone() {
    let action = state.withLock { state in
      state.isGone = true
      defer { state.onGone = nil }
      return state.onGone
    }
    action?()
  }

  // MARK: Whether an answer left

  /// The answer that ends next is watched.
  func watchEnd() {
    state.withLock { state in
      state.flush = .pending
      state.bodyReached = false
    }
  }

  /// Part of an answer was handed to the socket.
  func wroteBody() { state.withLock { $0.bodyReached = !$0.isGone } }

  /// Whether the watched answer was handed to the socket whole while the client was there.
  func flushed() async -> Bool {
    await withCheckedContinuation { continuation in
      let known = state.withLock { state -> Bool? in
        guard case .pending = state.flush else {
          guard case .done(let whole) = state.flush else { return false }
          return whole
        }
        state.flush = .awaited(continuation)
        return nil
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  func ended(whole: Bool) {
    let waiter = state.withLock { state -> (CheckedContinuation<Bool, Never>, Bool)? in
      // A client may leave as soon as it has the last event, before the end of the answer.
      let counts = whole && !state.isGone || state.bodyReached
      switch state.flush {
      case .none, .done: return nil
      case .pending:
        state.flush = .done(counts)
        return nil
      case .awaited(let waiter):
        state.flush = .done(counts)
        return (waiter, counts)
      }
    }
    if let (waiter, whole) = waiter { waiter.resume(returning: whole) }
  }
}

/// Watches one socket: tells its connection when the client leaves and when an answer has left, and
/// closes sockets that take too long or send too much.
///
/// It sits where requests are parts, and belongs to the channel's event loop.
final class AgentConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private let connection: AgentConnection
  private let limits: AgentLimits
  private var bodyBytes = 0
  private var bodyTimer: Scheduled<Void>?
  private var stallTimer: Scheduled<Void>?

  init(_ connection: AgentConnection, _ limits: AgentLimits) {
    self.connection = connection
    self.limits = limits
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      bodyBytes = 0
      bodyTimer = close(context, in: limits.bodyTime)
    case .body(let bytes):
      bodyBytes += bytes.readableBytes
      if bodyBytes > limits.drainedBytes {
        context.close(promise: nil)
        return
      }
    case .end:
      bodyTimer?.cancel()
      bodyTimer = nil
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let connection = connection
    switch unwrapOutboundIn(data) {
    case .head: return context.write(data, promise: promise)
    case .body:
      let written = promise ?? context.eventLoop.makePromise()
      written.futureResult.whenSuccess { connection.wroteBody() }
      return context.write(data, promise: written)
    case .end: break
    }
    let written = promise ?? context.eventLoop.makePromise()
    written.futureResult.whenComplete { result in
      if case .success = result {
        connection.ended(whole: true)
      } else {
        connection.ended(whole: false)
      }
    }
    context.write(data, promise: written)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stallTimer?.cancel()
    stallTimer = context.channel.isWritable ? nil : close(context, in: limits.stallTime)
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent { connection.gone() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    bodyTimer?.cancel()
    stallTimer?.cancel()
    connection.gone()
    connection.ended(whole: false)
    context.fireChannelInactive()
  }

  private func close(_ context: ChannelHandlerContext, in time: Duration) -> Scheduled<Void> {
    let channel = context.channel
    return context.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
  }
}
