package import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

/// A loopback stand-in for the exchange: REST answers and socket replies come from closures.
package final class V5Stub: Sendable {
  package struct Request: Sendable {
    package let method: String
    package let target: String
    package let headers: [String: String]
    package let body: String
  }

  package enum Answer: Sendable {
    case json(JSONValue)
    case status(Int, String)
    case silence
  }

  package enum Step: Sendable {
    case send(JSONValue)
    case text(String)
    case close
  }

  struct State {
    var requests: [Request] = []
    var frames: [(path: String, frame: JSONValue)] = []
    var sockets: [(path: String, channel: any Channel)] = []
    var opened: [String] = []
  }

  let state = Mutex(State())
  let rest: @Sendable (Request) -> Answer
  let socket: @Sendable (_ path: String, _ frame: JSONValue) -> [Step]
  private let channel = Mutex<(any Channel)?>(nil)
  package var port: Int { portNumber.load(ordering: .acquiring) }
  private let portNumber = Atomic<Int>(0)

  package init(
    rest: @escaping @Sendable (Request) -> Answer = { _ in .status(404, "no") },
    socket: @escaping @Sendable (_ path: String, _ frame: JSONValue) -> [Step] = V5Stub.polite
  ) async throws {
    self.rest = rest
    self.socket = socket
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture { try configure(channel) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    portNumber.store(server.localAddress?.port ?? 0, ordering: .releasing)
    channel.withLock { $0 = server }
  }

  package var restURL: String { "http://127.0.0.1:\(port)" }
  package var streamURL: String { "ws://127.0.0.1:\(port)" }
  package var requests: [Request] { state.withLock { $0.requests } }
  /// Frames that clients sent, with the path of their socket.
  package var frames: [(path: String, frame: JSONValue)] { state.withLock { $0.frames } }
  /// Paths of the sockets that were opened, in order.
  package var opened: [String] { state.withLock { $0.opened } }

  /// Sockets that are up.
  package var openSockets: Int { state.withLock { $0.sockets.count } }

  /// Sends a frame on every socket of `path` that is up.
  package func push(_ frame: JSONValue, to path: String = "/v5/private") {
    push(text: JSONWriter.text(of: frame), to: path)
  }

  /// As `push`, with a frame that is written already.
  package func push(text: String, to path: String = "/v5/private") {
    for socket in state.withLock({ $0.sockets }) where socket.path == path {
      StubSocketHandler.write(text, on: socket.channel)
    }
  }

  /// Breaks every socket.
  package func dropSockets() {
    let sockets = state.withLock { state in
      defer { state.sockets = [] }
      return state.sockets
    }
    for socket in sockets { socket.channel.close(promise: nil) }
  }

  package func stop() async {
    dropSockets()
    try? await channel.withLock { $0 }?.close()
  }

  /// Accepts every `auth` and `subscribe` and answers pings, in the dialect of the path.
  package static let polite: @Sendable (String, JSONValue) -> [Step] = { path, frame in
    let operation = frame["op"] ?? .null
    if path == "/v5/trade" {
      return [.send(["retCode": 0, "retMsg": "OK", "op": operation, "connId": "c"])]
    }
    if operation == "ping" { return [.send(["op": "pong", "args": ["1"], "conn_id": "c"])] }
    return [.send(["success": true, "ret_msg": "", "op": operation, "conn_id": "c"])]
  }

  private func configure(_ channel: any Channel) throws {
    let upgrader = NIOWebSocketServerUpgrader(
      shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
      upgradePipelineHandler: { channel, head in
        channel.eventLoop.makeCompletedFuture {
          self.state.withLock {
            $0.sockets.append((head.uri, channel))
            $0.opened.append(head.uri)
          }
          try channel.pipeline.syncOperations.addHandler(StubSocketHandler(self, head.uri))
        }
      })
    let handler = StubRequestHandler(self)
    let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
      withServerUpgrade: (
        upgraders: [upgrader],
        completionHandler: { $0.pipeline.syncOperations.removeHandler(bound.value, promise: nil) }
      ))
    try channel.pipeline.syncOperations.addHandler(handler)
  }
}

final class StubRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let stub: V5Stub
  private var head: HTTPRequestHead?
  private var body = ""

  init(_ stub: V5Stub) { self.stub = stub }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = ""
    case .body(let buffer): body += String(buffer: buffer)
    case .end: answer(context)
    }
  }

  private func answer(_ context: ChannelHandlerContext) {
    guard let head else { return }
    let headers = Dictionary(head.headers.map { ($0.name, $0.value) }) { first, _ in first }
    let request = V5Stub.Request(
      method: head.method.rawValue, target: head.uri, headers: headers, body: body)
    stub.state.withLock { $0.requests.append(request) }
    switch stub.rest(request) {
    case .json(let value): write(200, JSONWriter.text(of: value), context)
    case .status(let status, let text): write(status, text, context)
    case .silence: break
    }
  }

  private func write(_ status: Int, _ text: String, _ context: ChannelHandlerContext) {
    let headers = HTTPHeaders([("Content-Length", String(text.utf8.count))])
    let head = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }
}

final class StubSocketHandler: ChannelInboundHandler {
  typealias InboundIn = WebSocketFrame
  typealias OutboundOut = WebSocketFrame

  private let stub: V5Stub
  private let path: String

  init(_ stub: V5Stub, _ path: String) {
    self.stub = stub
    self.path = path
  }

  static func write(_ text: String, on channel: any Channel) {
    let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text))
    channel.writeAndFlush(frame, promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    guard frame.opcode == .text,
      let json = try? JSONParser.parse(String(buffer: frame.unmaskedData))
    else {
      if frame.opcode == .connectionClose { context.close(promise: nil) }
      return
    }
    stub.state.withLock { $0.frames.append((path, json)) }
    for step in stub.socket(path, json) {
      switch step {
      case .send(let value): Self.write(JSONWriter.text(of: value), on: context.channel)
      case .text(let text): Self.write(text, on: context.channel)
      case .close: context.close(promise: nil)
      }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let id = ObjectIdentifier(context.channel)
    stub.state.withLock { $0.sockets.removeAll { ObjectIdentifier($0.channel) == id } }
    context.fireChannelInactive()
  }
}
