import NIOCore
import NIOHTTP1

/// Gives the answer to bytes that are no HTTP request a sentence: NIO's own has none.
///
/// It sits beside the decoder, where answers are parts, and belongs to the channel's event loop.
final class BrokenRequestHandler: ChannelOutboundHandler {
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  static let words =
    "the bytes are no HTTP/1.1 request, or its header is too long; nothing was read from it"

  private let body: [UInt8]

  /// - Parameter body: JSON.
  init(body: [UInt8]) { self.body = body }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .head(var head) = unwrapOutboundIn(data), head.status == .badRequest,
      head.headers["content-length"] == ["0"]
    else { return context.write(data, promise: promise) }
    head.headers.replaceOrAdd(name: "Content-Length", value: String(body.count))
    head.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
    context.write(wrapOutboundOut(.head(head)), promise: promise)
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
  }
}

extension ChannelPipeline.SynchronousOperations {
  /// Puts it beside the decoder of an HTTP pipeline that is there already.
  func addBrokenRequestHandler(body: [UInt8]) throws {
    let decoder = try handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
    try addHandler(BrokenRequestHandler(body: body), position: .after(decoder))
  }
}
