import NIOCore
import NIOWebSocket

/// One WebSocket after its upgrade.
final class SocketConnection: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private let shell: PaperShell
  private let id: ConnectionID
  private let kind: SocketKind
  private let patience: TimeAmount
  private var lastRead = NIODeadline.now()
  private var isClosing = false
  private var watcher: Scheduled<Void>?

  init(shell: PaperShell, id: ConnectionID, kind: SocketKind, patience: TimeAmount) {
    self.shell = shell
    self.id = id
    self.kind = kind
    self.patience = patience
  }

  func handlerAdded(context: ChannelHandlerContext) {
    shell.opened(id, kind)
    watch(context.channel)
  }

  func channelInactive(context: ChannelHandlerContext) {
    watcher?.cancel()
    shell.closed(id)
    isClosing = true
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    lastRead = .now()
    switch frame.opcode {
    case .text, .binary: shell.message(Array(frame.unmaskedData.readableBytesView), from: id)
    case .ping:
      let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
      context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
    case .connectionClose: close(.normalClosure, context)
    default: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Frame errors were answered by the protocol handler before this one; these are ours.
    if error is NIOWebSocketFrameAggregator.Error {
      close(.messageTooLarge, context)
    } else if !(error is NIOWebSocketError) {
      context.close(promise: nil)
    }
  }

  private func close(_ code: WebSocketErrorCode, _ context: ChannelHandlerContext) {
    guard !isClosing else { return }
    isClosing = true
    var data = context.channel.allocator.buffer(capacity: 2)
    data.write(webSocketErrorCode: code)
    let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
    let done = context.eventLoop.makePromise(of: Void.self)
    let channel = context.channel
    done.futureResult.whenComplete { _ in channel.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(frame), promise: done)
  }

  /// Closes the connection when nothing came for as long as it may be silent.
  private func watch(_ channel: any Channel) {
    let deadline = lastRead + patience
    watcher = channel.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
      guard let self, !isClosing else { return }
      if lastRead + patience <= .now() {
        channel.close(promise: nil)
      } else {
        watch(channel)
      }
    }
  }
}
