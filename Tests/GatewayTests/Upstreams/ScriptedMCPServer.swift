import JSON
import MCP
import NIOCore
import NIOPosix
import Synchronization

/// An MCP server over HTTP that plays what a test tells it: for each request the bytes of an answer,
/// written as they are.
final class ScriptedMCPServer: Sendable {
  struct Request: Sendable {
    let head: String
    let body: JSONValue?

    var verb: Substring { head.prefix { $0 != " " } }
    /// A notification's or request's method; empty for anything else.
    var method: String { body?["method"]?.stringValue ?? "" }
    var id: Int { body?["id"]?.intValue ?? -1 }
    var tool: String { body?["params"]?["name"]?.stringValue ?? "" }

    func header(_ name: String) -> String? {
      head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }
        .map { String($0.dropFirst(name.utf8.count + 2)) }
    }
  }

  enum Answer: Sendable {
    case status(Int, [String] = [])
    case json(JSONValue, headers: [String] = [])
    /// An event stream that stays open unless it ends with a `close`.
    case stream([String], closes: Bool = true)
    /// Nothing, and the socket is closed.
    case cut
    /// Nothing for ever.
    case silence

    var bytes: String {
      switch self {
      case .status(let status, let headers):
        "HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n" + headers.map { $0 + "\r\n" }.joined()
          + "\r\n"
      case .json(let value, let headers):
        Self.whole(JSONWriter.text(of: value), headers)
      case .stream(let events, _):
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
          + events.joined()
      case .cut, .silence: ""
      }
    }

    private static func whole(_ body: String, _ headers: [String]) -> String {
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        + headers.map { $0 + "\r\n" }.joined() + "\r\n" + body
    }

    var closes: Bool {
      switch self {
      case .stream(_, let closes): closes
      case .cut: true
      case .status, .json, .silence: false
      }
    }
  }

  typealias Script = @Sendable (Request) -> Answer

  private struct State {
    var seen: [Request] = []
    var watchers: [(count: Int, word: String, CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())
  private let script: Script
  private let channel = Mutex<(any Channel)?>(nil)

  private init(_ script: @escaping Script) { self.script = script }

  static func start(_ script: @escaping Script) async throws -> ScriptedMCPServer {
    let server = ScriptedMCPServer(script)
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ScriptedMCPHandler(server))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    server.channel.withLock { $0 = channel }
    return server
  }

  var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }

  func stop() async { try? await channel.withLock { $0 }?.close() }

  // MARK: What arrived

  /// A word for each request: its verb where it has no message, else its method or `answer`, and the
  /// tool's name.
  var log: [String] { state.withLock { $0.seen.map(Self.word) } }

  func requests(_ word: String) -> [Request] {
    state.withLock { $0.seen.filter { Self.word($0) == word } }
  }

  /// Waits until `word` has arrived `count` times.
  func wait(for word: String, count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.seen.count(where: { Self.word($0) == word }) >= count { return true }
        state.watchers.append((count, word, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  private static func word(_ request: Request) -> String {
    guard request.body != nil else { return String(request.verb) }
    guard !request.method.isEmpty else { return "answer" }
    return request.tool.isEmpty ? request.method : request.tool
  }

  func answer(_ request: Request) -> Answer {
    let ready = state.withLock { state in
      state.seen.append(request)
      let seen = state.seen
      let isOver: ((count: Int, word: String, CheckedContinuation<Void, Never>)) -> Bool = { one in
        seen.count { Self.word($0) == one.word } >= one.count
      }
      let ready = state.watchers.filter(isOver)
      state.watchers.removeAll(where: isOver)
      return ready
    }
    for watcher in ready { watcher.2.resume() }
    return script(request)
  }
}

final class ScriptedMCPHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let server: ScriptedMCPServer
  private var bytes: [UInt8] = []

  init(_ server: ScriptedMCPServer) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes += unwrapInboundIn(data).readableBytesView
    while let request = next() { play(server.answer(request), context) }
  }

  private func next() -> ScriptedMCPServer.Request? {
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let head = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
    let bare = ScriptedMCPServer.Request(head: head, body: nil)
    let length = bare.header("Content-Length").flatMap { Int($0) } ?? 0
    guard bytes.count >= end.upperBound + length else { return nil }
    let body = Array(bytes[end.upperBound..<(end.upperBound + length)])
    bytes.removeFirst(end.upperBound + length)
    return ScriptedMCPServer.Request(
      head: head, body: try? JSONParser.parse(body, limits: .peer))
  }

  private func play(_ answer: ScriptedMCPServer.Answer, _ context: ChannelHandlerContext) {
    let text = answer.bytes
    if !text.isEmpty {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
    if answer.closes { context.close(promise: nil) }
  }
}
