import NIOCore

/// TLS between a socket and the handlers above it, over memory: it never touches the socket itself.
///
/// The peer's proper end of TLS becomes `ChannelEvent.inputClosed`; a connection that is cut without
/// it becomes an error first. `close(mode: .output)` ends this side's half only.
///
/// Concurrency model: everything belongs to the channel's event loop.
final class TLSHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  struct Settings: Sendable {
    var handshakeLimit: Duration
    /// Whether the connection goes on after the peer has ended its half.
    var allowsHalfClosure: Bool
    /// What the handlers above are told for an error of TLS.
    var wrap: @Sendable (TLSError) -> any Error
  }

  private enum State {
    case idle, handshaking, open, over
  }

  private struct Waiting {
    let bytes: ByteBuffer
    let promise: EventLoopPromise<Void>?
  }

  private let connection: TLSConnection
  private let settings: Settings
  private let secured: EventLoopPromise<Void>
  private var state = State.idle
  /// Writes from before the end of the handshake.
  private var waiting: [Waiting] = []
  private var timer: Scheduled<Void>?
  private var hasEndedOutput = false
  /// What was written before the end of this side's half has reached the socket.
  private var hasSentAll = false
  private var hasInputEnded = false

  /// Bytes that are encrypted at once: libssl keeps as much memory for as long as the connection.
  private static let pieceBytes = 64 << 10

  /// - Parameter secured: Succeeds when the handshake is done and the peer is verified.
  init(_ connection: TLSConnection, _ settings: Settings, secured: EventLoopPromise<Void>) {
    self.connection = connection
    self.settings = settings
    self.secured = secured
  }

  // MARK: The beginning

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { begin(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard state == .idle else { return }
    state = .handshaking
    let (handler, place) = (
      NIOLoopBound(self, eventLoop: context.eventLoop),
      NIOLoopBound(context, eventLoop: context.eventLoop)
    )
    let limit = settings.handshakeLimit
    timer = context.eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) {
      guard handler.value.state == .handshaking else { return }
      handler.value.fail(.slow(limit), place.value)
    }
    advance(context)
  }

  // MARK: From the peer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Behind its own end the peer has nothing to say, and nobody would take it away.
    guard state != .over, !hasInputEnded else { return }
    if let error = connection.feed(unwrapInboundIn(data)) { return fail(error, context) }
    advance(context)
  }

  private func advance(_ context: ChannelHandlerContext) {
    if state == .handshaking { shakeHands(context) }
    if state == .open { deliver(context) }
  }

  private func shakeHands(_ context: ChannelHandlerContext) {
    let step = connection.handshake()
    if case .failed(let error) = step { return fail(error, context) }
    send(context, promise: nil)
    if case .done = step { open(context) }
    // Last: a socket that is broken ends the channel before this returns.
    context.flush()
  }

  private func open(_ context: ChannelHandlerContext) {
    timer?.cancel()
    state = .open
    secured.succeed()
    let early = waiting
    waiting = []
    for one in early { write(one.bytes, one.promise, context) }
  }

  private func deliver(_ context: ChannelHandlerContext) {
    while state == .open, !hasInputEnded {
      switch connection.read(context.channel.allocator) {
      case .bytes(let plain): context.fireChannelRead(wrapInboundOut(plain))
      case .needsInput: return answer(context)
      case .ended: return end(context)
      case .failed(let error): return fail(error, context)
      }
    }
  }

  /// Sends what TLS itself has to say, such as a new key.
  private func answer(_ context: ChannelHandlerContext) {
    guard send(context, promise: nil) else { return }
    context.flush()
  }

  private func end(_ context: ChannelHandlerContext) {
    hasInputEnded = true
    context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    if !settings.allowsHalfClosure { context.channel.close(promise: nil) }
    closeWhenBothHaveEnded(context)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case .inputClosed? = event as? ChannelEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    // The handlers above have heard of a proper end already.
    if !hasInputEnded { cut(context) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if !hasInputEnded { cut(context) }
    state = .over
    release()
    context.fireChannelInactive()
  }

  private func cut(_ context: ChannelHandlerContext) {
    switch state {
    case .idle, .handshaking: fail(.cutHandshake, context)
    case .open: fail(.truncated, context)
    case .over: break
    }
  }

  /// A broken socket, such as a reset; whoever waits for the handshake learns what it means.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch state {
    case .idle, .handshaking: fail(.cutHandshake, context)
    case .open, .over: context.fireErrorCaught(error)
    }
  }

  // MARK: To the peer

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    write(unwrapOutboundIn(data), promise, context)
  }

  private func write(
    _ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
  ) {
    switch state {
    case .idle, .handshaking: waiting.append(Waiting(bytes: bytes, promise: promise))
    case .open: encrypt(bytes, promise, context)
    case .over: promise?.fail(settings.wrap(.closed))
    }
  }

  private func encrypt(
    _ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
  ) {
    guard !hasEndedOutput else {
      promise?.fail(ChannelError.outputClosed)
      return
    }
    guard bytes.readableBytes > 0 else {
      // What is empty is written no sooner than what came before it.
      context.write(wrapOutboundOut(bytes), promise: promise)
      return
    }
    var rest = bytes
    while let piece = rest.readSlice(length: min(Self.pieceBytes, rest.readableBytes)),
      piece.readableBytes > 0
    {
      if let error = connection.write(piece) {
        promise?.fail(settings.wrap(error))
        return fail(error, context)
      }
      send(context, promise: rest.readableBytes == 0 ? promise : nil)
    }
  }

  /// Hands ciphertext that is ready to the socket. False when there is none.
  @discardableResult
  private func send(_ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) -> Bool {
    guard let bytes = connection.takeOutput(context.channel.allocator) else { return false }
    context.write(wrapOutboundOut(bytes), promise: promise)
    return true
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if mode != .input, state == .open, !hasEndedOutput {
      hasEndedOutput = true
      connection.endOutput()
      send(context, promise: nil)
    }
    if mode == .all {
      // What arrives from here on is read by nobody, so that its end says nothing.
      state = .over
      release()
    }
    context.flush()
    guard mode == .output else { return context.close(mode: mode, promise: promise) }
    let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
    sent.futureResult.assumeIsolated().whenSuccess {
      self.hasSentAll = true
      self.closeWhenBothHaveEnded(context)
    }
    context.close(mode: .output, promise: sent)
  }

  /// A peer that has ended TLS may leave its socket open for as long as it likes: nobody waits.
  private func closeWhenBothHaveEnded(_ context: ChannelHandlerContext) {
    guard hasSentAll, hasInputEnded, state == .open else { return }
    context.channel.close(promise: nil)
  }

  // MARK: The end

  private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
    guard state != .over else { return }
    state = .over
    // The alert that tells the peer why. It is flushed when everybody here has heard: a socket that
    // is broken ends the channel at once.
    send(context, promise: nil)
    release(error)
    context.fireErrorCaught(settings.wrap(error))
    context.flush()
    context.close(promise: nil)
  }

  private func release(_ error: TLSError = .closed) {
    timer?.cancel()
    secured.fail(settings.wrap(error))
    let unsent = waiting
    waiting = []
    for one in unsent { one.promise?.fail(settings.wrap(error)) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    state = .over
    release()
  }
}

extension Duration {
  fileprivate var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return min(seconds, 1 << 32) * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
