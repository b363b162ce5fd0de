import NIOCore
import Synchronization

/// The lines of a child's standard output. Iterate from one task.
package final class ChildLines: AsyncSequence, Sendable {
  package typealias Element = [UInt8]

  private let queue: BoundedQueue<[UInt8]>
  private let link: DemandLink

  init(limits: ChildLimits) {
    let link = DemandLink()
    queue = BoundedQueue(high: limits.queuedBytes) { link.resume() }
    self.link = link
  }

  func attach(to channel: any Channel) -> BoundedQueue<[UInt8]> {
    link.channel.withLock { $0 = channel }
    return queue
  }

  package func makeAsyncIterator() -> Iterator { Iterator(queue: queue) }

  package struct Iterator: AsyncIteratorProtocol {
    let queue: BoundedQueue<[UInt8]>

    /// The next line; nil when the child has closed its output.
    ///
    /// - Throws: `NetworkError`: `limit` after a line that is too long, `cancelled`.
    package func next() async throws -> [UInt8]? {
      do {
        return try await queue.next()
      } catch {
        throw NetworkError.wrap(error, .ended, .ambiguous)
      }
    }
  }
}

/// Lets a queue that is made before its channel ask that channel for more.
final class DemandLink: Sendable {
  let channel = Mutex<(any Channel)?>(nil)

  func resume() {
    channel.withLock { $0 }?.setOption(.autoRead, value: true).whenComplete { _ in }
  }
}

/// Standard output: bytes to lines, with back-pressure.
final class ChildOutputHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let queue: BoundedQueue<[UInt8]>
  private var framer: LineFramer
  private let onOverlong: @Sendable () -> Void

  init(
    _ queue: BoundedQueue<[UInt8]>, _ limit: Int, onOverlong: @escaping @Sendable () -> Void
  ) {
    self.queue = queue
    framer = LineFramer(limit: limit)
    self.onOverlong = onOverlong
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    do {
      try framer.feed(unwrapInboundIn(data).readableBytesView) { push($0, context) }
    } catch {
      queue.finish(throwing: error.delivered(.ambiguous))
      onOverlong()
      context.close(promise: nil)
    }
  }

  private func push(_ line: [UInt8], _ context: ChannelHandlerContext) {
    // The fixed part keeps a flood of empty lines from being free.
    if queue.push(line, cost: line.count + 32) == .pause {
      context.channel.setOption(.autoRead, value: false).whenComplete { _ in }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    queue.finish(throwing: NetworkError.wrap(error, .ended, .ambiguous))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if let last = framer.rest() { push(last, context) }
    queue.finish()
    context.fireChannelInactive()
  }
}

/// Standard error: shortened lines to a callback.
final class ChildErrorHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private var framer: ShorteningLineFramer
  private let onLine: @Sendable ([UInt8]) -> Void

  init(_ limit: Int, _ onLine: @escaping @Sendable ([UInt8]) -> Void) {
    framer = ShorteningLineFramer(limit: limit)
    self.onLine = onLine
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    framer.feed(unwrapInboundIn(data).readableBytesView).forEach(onLine)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    if let last = framer.rest() { onLine(last) }
    context.fireChannelInactive()
  }
}
