import NIOCore
import NIOPosix
import Synchronization

@testable import Networking

/// A loopback TCP server that plays raw bytes: each request, told by its blank line, plays the next
/// script.
final class ScriptedServer: Sendable {
  enum Step: Sendable {
    case send(String)
    case bytes([UInt8])
    case halfClose
    case close
  }

  struct State {
    var scripts: [[Step]]
    var requests: [String] = []
    var connections = 0
  }

  private let channel: any Channel
  private let script: Script
  let port: Int

  init(_ scripts: [[Step]]) async throws {
    let script = Script(scripts)
    self.script = script
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ScriptHandler(script))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
  }

  func url(_ path: String = "/", scheme: String = "http") throws -> WebURL {
    try WebURL("\(scheme)://127.0.0.1:\(port)\(path)")
  }

  var requests: [String] { script.state.withLock { $0.requests } }
  var connections: Int { script.state.withLock { $0.connections } }

  func stop() async { try? await channel.close() }
}

final class Script: Sendable {
  let state: Mutex<ScriptedServer.State>

  init(_ scripts: [[ScriptedServer.Step]]) {
    state = Mutex(ScriptedServer.State(scripts: scripts))
  }
}

final class ScriptHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let script: Script
  private var request = ""

  init(_ script: Script) { self.script = script }

  func channelActive(context: ChannelHandlerContext) {
    script.state.withLock { $0.connections += 1 }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    request += String(buffer: unwrapInboundIn(data))
    guard request.utf8.firstRange(of: "\r\n\r\n".utf8) != nil else { return }
    let steps = script.state.withLock { state in
      state.requests.append(request)
      return state.scripts.isEmpty ? [] : state.scripts.removeFirst()
    }
    request = ""
    for step in steps { play(step, context) }
  }

  private func play(_ step: ScriptedServer.Step, _ context: ChannelHandlerContext) {
    switch step {
    case .send(let text): write(Array(text.utf8), context)
    case .bytes(let bytes): write(bytes, context)
    case .halfClose: context.close(mode: .output, promise: nil)
    case .close: context.close(promise: nil)
    }
  }

  private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
  }
}
