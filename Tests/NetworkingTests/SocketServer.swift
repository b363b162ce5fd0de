import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

@testable import Networking

/// A loopback WebSocket server that does what the client's text message names.
final class SocketServer: Sendable {
  private let channel: any Channel
  let port: Int

  init() async throws {
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, head in
              let wanted = head.uri == "/v5/private" ? HTTPHeaders() : nil
              return channel.eventLoop.makeSucceededFuture(wanted)
            },
            upgradePipelineHandler: { channel, _ in
              channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(ActingHandler())
              }
            })
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  func url(_ path: String = "/v5/private") throws -> WebURL {
    try WebURL("ws://127.0.0.1:\(port)\(path)")
  }

  func stop() async { try? await channel.close() }
}

final class ActingHandler: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    switch frame.opcode {
    case .text: act(String(buffer: frame.unmaskedData), context)
    case .ping: send(.text, "pinged", context)
    case .connectionClose: send(.connectionClose, "", context)
    case .pong: send(.text, "ponged " + String(buffer: frame.unmaskedData), context)
    default: break
    }
  }

  private func act(_ word: String, _ context: ChannelHandlerContext) {
    switch word {
    case "fragments":
      send(.text, "a", context, fin: false)
      send(.ping, "p", context)
      send(.continuation, "b", context, fin: false)
      send(.continuation, "c", context)
    case "endless":
      for _ in 0..<20 {
        send(.continuation, String(repeating: "x", count: 100), context, fin: false)
      }
    case "begin": send(.text, "a", context, fin: false)
    case "begin twice":
      send(.text, "a", context, fin: false)
      send(.text, "b", context)
    case "stray": send(.continuation, "a", context)
    case "masked": send(.text, "a", context, mask: WebSocketMaskingKey.random())
    case "bad text": send(.text, bytes: [0xC3, 0x28], context)
    case "long": send(.text, String(repeating: "x", count: 3000), context)
    case "goodbye": send(.connectionClose, bytes: [0x03, 0xE8], context)
    case "drop": context.close(promise: nil)
    case "flood":
      let filling = String(repeating: "z", count: 500)
      for n in 0..<2000 { send(.text, "\(n) \(filling)", context) }
    default: send(.text, word, context)
    }
  }

  private func send(
    _ opcode: WebSocketOpcode, _ text: String, _ context: ChannelHandlerContext, fin: Bool = true,
    mask: WebSocketMaskingKey? = nil
  ) {
    send(opcode, bytes: Array(text.utf8), context, fin: fin, mask: mask)
  }

  private func send(
    _ opcode: WebSocketOpcode, bytes: [UInt8], _ context: ChannelHandlerContext, fin: Bool = true,
    mask: WebSocketMaskingKey? = nil
  ) {
    let frame = WebSocketFrame(
      fin: fin, opcode: opcode, maskKey: mask, data: ByteBuffer(bytes: bytes))
    context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
  }
}
