import NIOCore
import NIOPosix
import Synchronization

/// A TCP socket that sends exactly the bytes of a test and collects what comes back.
final class RawSocket: Sendable {
  struct TimeOut: Error, CustomStringConvertible {
    let wanted: String
    let got: String
    var description: String { "no \(wanted) in time; got: \(got)" }
  }

  private struct Needle {
    let bytes: [UInt8]
    let times: Int
  }

  private struct State {
    var bytes: [UInt8] = []
    var isClosed = false
    var waiters: [(needle: Needle?, CheckedContinuation<Bool, Never>)] = []
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let socket: RawSocket
    init(_ socket: RawSocket) { self.socket = socket }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      socket.change { $0.bytes += unwrapInboundIn(data).readableBytesView }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .inputClosed? = event as? ChannelEvent { socket.change { $0.isClosed = true } }
    }

    func channelInactive(context: ChannelHandlerContext) { socket.change { $0.isClosed = true } }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }

  private let state = Mutex(State())
  private let channel = Mutex<(any Channel)?>(nil)

  static func connect(port: Int, reads: Bool = true) async throws -> RawSocket {
    let socket = RawSocket()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.autoRead, value: reads)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Handler(socket))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    socket.channel.withLock { $0 = channel }
    return socket
  }

  private var open: any Channel {
    guard let channel = channel.withLock({ $0 }) else { preconditionFailure("not connected") }
    return channel
  }

  private func change(_ body: (inout State) -> Void) {
    let ready = state.withLock { state in
      body(&state)
      var ready: [(CheckedContinuation<Bool, Never>, Bool)] = []
      let waiters = state.waiters
      state.waiters = []
      for waiter in waiters {
        let isMet = Self.isMet(waiter.needle, state)
        if isMet || state.isClosed {
          ready.append((waiter.1, isMet))
        } else {
          state.waiters.append(waiter)
        }
      }
      return ready
    }
    for (waiter, result) in ready { waiter.resume(returning: result) }
  }

  private static func isMet(_ needle: Needle?, _ state: State) -> Bool {
    guard let needle else { return state.isClosed }
    let text = String(decoding: state.bytes, as: UTF8.self).unicodeScalars
    let wanted = String(decoding: needle.bytes, as: UTF8.self).unicodeScalars
    return text.ranges(of: wanted).count >= needle.times
  }

  /// Everything received so far.
  var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }
  func send(_ bytes: [UInt8]) async throws {
    try await open.writeAndFlush(ByteBuffer(bytes: bytes)).get()
  }

  func closeOutput() async throws { try await open.close(mode: .output).get() }
  func close() async throws { try await open.close().get() }

  /// Everything received, as soon as it holds `needle` so many times.
  @discardableResult
  func read(
    until needle: String, times: Int = 1, within time: Duration = .seconds(60)
  ) async throws -> String {
    try await wait(Needle(bytes: Array(needle.utf8), times: times), time, "\"\(needle)\"")
  }

  /// Everything received until the other side closed.
  func readToEnd(within time: Duration = .seconds(60)) async throws -> String {
    try await wait(nil, time, "end")
  }

  private func wait(_ needle: Needle?, _ time: Duration, _ what: String) async throws -> String {
    let late = open.eventLoop.scheduleTask(in: TimeAmount(time)) {
      self.change { $0.isClosed = true }
    }
    defer { late.cancel() }
    let isMet = await withCheckedContinuation { continuation in
      let known = state.withLock { state -> Bool? in
        if Self.isMet(needle, state) { return true }
        if state.isClosed { return false }
        state.waiters.append((needle, continuation))
        return nil
      }
      if let known { continuation.resume(returning: known) }
    }
    guard isMet else { throw TimeOut(wanted: what, got: text) }
    return text
  }
}
