import Logging
import NIOCore
import NIOHTTP1
import NIOWebSocket
import Time

/// Carries requests to the core and its outputs to sockets, timers and the log.
///
/// Concurrency model: one event loop owns this object, the core and every connection. All methods
/// run on that loop; nothing here waits.
final class PaperShell {
  private var core: PaperCore
  private let loop: any EventLoop
  private let clock: @Sendable () -> Timestamp
  private let file: LogFile?
  private let logger: Logger
  private var channels: [ConnectionID: any Channel] = [:]
  private var connectionCount = 0
  private var alarm: Scheduled<Void>?

  var limits: PaperLimits { core.configuration.limits }

  init(
    _ configuration: PaperConfiguration, loop: any EventLoop,
    clock: @escaping @Sendable () -> Timestamp, logger: Logger
  ) throws {
    core = PaperCore(configuration)
    file = try configuration.logPath.map { try LogFile(path: $0) }
    self.loop = loop
    self.clock = clock
    self.logger = logger
    if let tick = configuration.tick, !core.clock.isStepped {
      scheduleTick(.milliseconds(tick.count))
    }
  }

  // MARK: Connections

  /// The number of a new connection, or nil when there are as many as there may be.
  func admit(_ channel: any Channel) -> ConnectionID? {
    guard channels.count < limits.connections else { return nil }
    connectionCount += 1
    let id = ConnectionID(number: connectionCount)
    channels[id] = channel
    return id
  }

  func closed(_ id: ConnectionID) {
    channels[id] = nil
    run { core, now in core.closed(id, at: now) }
  }

  func opened(_ id: ConnectionID, _ kind: SocketKind) {
    run { core, now in core.open(id, kind, at: now) }
  }

  func handshake(_ kind: SocketKind) -> Handshake {
    run { core, now in core.handshake(kind, at: now) }
  }

  func message(_ bytes: [UInt8], from id: ConnectionID) {
    run { core, now in core.message(bytes, from: id, at: now) }
  }

  func answer(_ request: RestRequest) -> RestAnswer {
    run { core, now in core.answer(request, at: now) }
  }

  // MARK: Outputs

  @discardableResult
  private func run<T>(_ body: (inout PaperCore, Timestamp) -> T) -> T {
    let now = core.clock.read(clock())
    let result = body(&core, now)
    for output in core.takeOutputs() { perform(output) }
    return result
  }

  private func perform(_ output: PaperOutput) {
    switch output {
    case .send(let id, let text): send(text, to: id)
    case .close(let id): channels[id]?.close(promise: nil)
    case .answer(let id, let answer): complete(answer, on: id)
    case .wake(let wait):
      alarm?.cancel()
      alarm = loop.assumeIsolated().scheduleTask(in: .milliseconds(wait.count)) { [weak self] in
        self?.run { core, now in core.flush(at: now) }
      }
    case .log(let line):
      do { try file?.append(line) } catch { logger.warning("the log cannot be written: \(error)") }
    }
  }

  /// Gives the answer that the connection waits for.
  private func complete(_ answer: RestAnswer, on id: ConnectionID) {
    let pipeline = channels[id]?.pipeline.syncOperations
    guard let context = try? pipeline?.context(handlerType: HTTPConnection.self) else { return }
    (context.handler as? HTTPConnection)?.complete(answer, context)
  }

  private func send(_ text: String, to id: ConnectionID) {
    guard let channel = channels[id] else { return }
    // A client that does not read is let go, so that nothing piles up for it.
    guard channel.isWritable else {
      channel.close(promise: nil)
      return
    }
    let frame = WebSocketFrame(
      fin: true, opcode: .text, data: channel.allocator.buffer(string: text))
    channel.writeAndFlush(frame, promise: nil)
  }

  private func scheduleTick(_ every: TimeAmount) {
    loop.assumeIsolated().scheduleTask(in: every) { [weak self] in
      guard let self else { return }
      run { core, now in core.tick(at: now) }
      scheduleTick(every)
    }
  }
}
