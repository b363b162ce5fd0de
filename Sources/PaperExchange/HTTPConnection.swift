import JSON
import NIOCore
import NIOHTTP1

/// One HTTP/1.1 connection: collects a request within its limits, asks the shell, answers.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let shell: PaperShell
  private(set) var id: ConnectionID?
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var deadline: Scheduled<Void>?
  /// Nothing is read any more: an answer was withheld or the connection is closing.
  private var isDone = false
  private var isUpgraded = false
  /// The request whose answer comes later; what arrives meanwhile waits in `backlog`.
  private var awaited: HTTPRequestHead?
  private var backlog: [NIOAny] = []
  /// With what status a request for a WebSocket is refused.
  var refusal: Int?

  init(shell: PaperShell) { self.shell = shell }

  func handlerAdded(context: ChannelHandlerContext) {
    id = shell.admit(context.channel)
    guard id != nil else {
      isDone = true
      context.close(promise: nil)
      return
    }
    grantTime(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    if let id, !isUpgraded { shell.closed(id) }
    id = nil
    context.fireChannelInactive()
  }

  /// Hands the connection over to a WebSocket.
  func upgraded() -> ConnectionID? {
    isUpgraded = true
    deadline?.cancel()
    return id
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDone else { return }
    guard awaited == nil else {
      backlog.append(data)
      if backlog.count > shell.limits.backlog { context.close(promise: nil) }
      return
    }
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = []
    case .body(let bytes):
      guard body.count + bytes.readableBytes <= shell.limits.bodyBytes else {
        refuse(.payloadTooLarge, "the body is larger than this server reads", context)
        return
      }
      body.append(contentsOf: bytes.readableBytesView)
    case .end: answer(context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is HTTPParserError else {
      // A failed upgrade goes on as a plain request, which gets its own answer.
      if error is IOError { context.close(promise: nil) }
      return
    }
    guard !isDone else { return }
    refuse(.badRequest, "this is not HTTP/1.1 as this server reads it", context)
  }

  private func answer(_ context: ChannelHandlerContext) {
    guard let head, let id else { return }
    deadline?.cancel()
    // A client that asks on without reading is let go, so that no answers pile up for it.
    guard context.channel.isWritable else {
      isDone = true
      context.close(promise: nil)
      return
    }
    let request = RestRequest(
      connection: id, method: head.method.rawValue, uri: head.uri,
      headers: head.headers.map { ($0.name, $0.value) }, body: body)
    let answer = refusal.map { .failure($0) } ?? shell.answer(request)
    self.head = nil
    body = []
    switch answer.delivery {
    case .close:
      isDone = true
      context.close(promise: nil)
    case .withhold:
      isDone = true
      grantTime(context)
    case .later: awaited = head
    case .send: send(answer, to: head, context)
    }
  }

  private func send(
    _ answer: RestAnswer, to head: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    write(answer, closes: !head.isKeepAlive, version: head.version, context)
    if head.isKeepAlive { grantTime(context) }
  }

  /// Gives the answer that was to come later, then goes on with what arrived meanwhile.
  func complete(_ answer: RestAnswer, _ context: ChannelHandlerContext) {
    guard let head = awaited else { return }
    awaited = nil
    send(answer, to: head, context)
    let parts = backlog
    backlog = []
    for part in parts { channelRead(context: context, data: part) }
  }

  private func refuse(
    _ status: HTTPResponseStatus, _ message: String, _ context: ChannelHandlerContext
  ) {
    isDone = true
    let body: JSONValue = [
      "retCode": 10001, "retMsg": .string("params error: \(message)"), "result": [:],
      "retExtInfo": [:],
    ]
    let answer = RestAnswer(status: Int(status.code), body: JSONWriter.bytes(of: body))
    write(answer, closes: true, version: .http1_1, context)
  }

  private func write(
    _ answer: RestAnswer, closes: Bool, version: HTTPVersion, _ context: ChannelHandlerContext
  ) {
    var headers = HTTPHeaders()
    headers.add(name: "Content-Type", value: answer.contentType)
    headers.add(name: "Content-Length", value: String(answer.body.count))
    for (name, value) in answer.headers { headers.add(name: name.string, value: value) }
    if closes { headers.add(name: "Connection", value: "close") }
    let head = HTTPResponseHead(
      version: version, status: HTTPResponseStatus(statusCode: answer.status), headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    let buffer = context.channel.allocator.buffer(bytes: answer.body)
    context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
    let done = context.eventLoop.makePromise(of: Void.self)
    let channel = context.channel
    if closes { done.futureResult.whenComplete { _ in channel.close(promise: nil) } }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: done)
  }

  /// Gives the client its time for the next whole request.
  private func grantTime(_ context: ChannelHandlerContext) {
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: .seconds(shell.limits.requestSeconds)) {
      channel.close(promise: nil)
    }
  }
}
