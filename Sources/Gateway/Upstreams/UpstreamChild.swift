import JSON
package import Logging
import MCP
import Networking
import Synchronization

/// One upstream over stdio: a child process and its MCP session.
///
/// It is started once and never again: whoever owns it hears `closed` and starts another one.
///
/// Concurrency model: the session's kernel, the callers that wait and the outbox are behind one
/// mutex (`UpstreamLink`); what a change asks for outside is done after the mutex is free. Two
/// tasks live as long as the process: one reads its lines, one writes the outbox; a third waits
/// for its end. They are held here and end with the process.
package final class UpstreamChild: UpstreamConnection {
  package let configuration: UpstreamConfiguration
  /// The identity of the child's process group; nil where the system has no `/proc`, or when the
  /// child had ended before it could be read.
  package let processGroup: ProcessGroupIdentity?
  package let events: AsyncStream<UpstreamEvent>

  private let process: ChildProcess
  let link: UpstreamLink
  private let logger: Logger
  private let errors: LastLines
  private let isEnding = Atomic(false)
  private let tasks = Mutex<[Task<Void, Never>]>([])

  private init(
    _ configuration: UpstreamConfiguration, _ process: ChildProcess, asksClients: Bool,
    _ errors: LastLines, _ logger: Logger
  ) {
    self.configuration = configuration
    self.errors = errors
    self.process = process
    self.logger = logger
    processGroup = ProcessGroupIdentity(leader: process.processGroup)
    let (events, sink) = AsyncStream<UpstreamEvent>.makeStream(
      bufferingPolicy: .bufferingNewest(1024))
    self.events = events
    link = UpstreamLink(
      version: configuration.version, callLimit: configuration.callLimit,
      outboxBytes: configuration.outboxBytes, asksClients: asksClients, events: sink)
  }

  // MARK: Starting

  /// Starts the process, shakes hands and reads the list of tools.
  ///
  /// - Throws: `UpstreamError`; the process is dead then.
  package static func start(
    _ configuration: UpstreamConfiguration, asksClients: Bool = false, logger: Logger
  ) async throws(UpstreamError) -> UpstreamChild {
    var logger = logger
    logger[metadataKey: "upstream"] = "\(LogLine.text(configuration.name.string))"
    let errors = LastLines()
    let process: ChildProcess
    do {
      process = try await ChildProcess.start(
        configuration.command, limits: configuration.limits
      ) { [logger] line in
        let text = LogLine.text(line)
        errors.add(text)
        logger.info("stderr: \(text)")
      }
    } catch {
      throw UpstreamError(
        .start, "the upstream \(configuration.name) cannot be started: \(error)",
        fix: "correct its command in the configuration")
    }
    let child = UpstreamChild(configuration, process, asksClients: asksClients, errors, logger)
    child.launch()
    do {
      try await child.ready(within: configuration.handshakeTime)
    } catch {
      await child.terminate()
      throw error
    }
    return child
  }

  private func launch() {
    // The tasks keep the child alive until its process has ended.
    tasks.withLock { tasks in
      tasks = [
        Task { await self.read() }, Task { await self.write() }, Task { await self.awaitEnd() },
      ]
    }
    link.start()
  }

  var lane: LaneIdentity? { processGroup.map { .processes($0) } }

  // MARK: Ending

  /// Ends the process politely, by force after the grace of the configuration, and waits until it
  /// is reaped and `closed` is reported.
  package func terminate() async {
    isEnding.store(true, ordering: .relaxed)
    _ = await process.terminate(grace: configuration.grace)
    await link.closed()
  }

  /// Kills the whole process group at once.
  package func kill() {
    isEnding.store(true, ordering: .relaxed)
    process.killGroup()
  }

  // MARK: The tasks

  private func read() async {
    var reason: String?
    do {
      for try await line in process.lines where !line.isEmpty { take(line) }
    } catch {
      reason = "\(error)"
    }
    // Whatever ended its output: a child that cannot answer must not go on acting.
    let status = await process.terminate(grace: configuration.grace)
    link.close(reason ?? Self.words(status))
  }

  private func take(_ line: [UInt8]) {
    let message: RPCMessage
    do throws(RPCRefusal) {
      message = try RPCMessage.decode(line, limits: .peer)
    } catch {
      logger.debug("not a message: \(LogLine.text(line.prefix(LogLine.longest)))")
      link.handle(.malformed(error))
      return
    }
    if link.handle(.received(message)) == .unusable { process.killGroup() }
  }

  private func write() async {
    while let line = await link.nextOutgoing() {
      do {
        try await process.writeLine(line.bytes)
      } catch {
        let isUnsent = (error as? NetworkError)?.delivery == .notSent
        link.failed(line, isUnsent: isUnsent, "\(error)")
        process.killGroup()
      }
    }
  }

  private func awaitEnd() async {
    let status = await process.status()
    // A stranger that inherited the pipe could hold it open for ever.
    try? await Task.sleep(for: .seconds(1))
    tellLastWords(status)
    link.close(Self.words(status))
    for task in tasks.withLock({ $0 }) { task.cancel() }
  }

  /// Why a child ended by itself is most likely on its standard error, which is not logged by
  /// default. It may hold anything, so nobody but the reader of the log gets it.
  private func tellLastWords(_ status: ChildStatus) {
    let lines = errors.all
    guard !isEnding.load(ordering: .relaxed), status != .exited(0), !lines.isEmpty else { return }
    logger.warning("\(Self.words(status)); its last words: \(lines.joined(separator: " | "))")
  }

  private static func words(_ status: ChildStatus) -> String {
    switch status {
    case .exited(let code): "its process ended with status \(code)"
    case .signalled(let signal): "its process was ended by signal \(signal)"
    }
  }
}

/// The newest lines of something.
private final class LastLines: Sendable {
  private static let kept = 5
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  func add(_ line: String) {
    lines.withLock { lines in
      lines.append(line)
      if lines.count > Self.kept { lines.removeFirst() }
    }
  }
}
