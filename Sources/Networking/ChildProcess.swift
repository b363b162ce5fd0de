import NIOCore
import NIOPosix
import Synchronization

#if canImport(Darwin)
  package import Darwin
#elseif canImport(Glibc)
  package import Glibc
#else
  package import Musl
#endif

/// A command with everything that its process will have.
package struct ChildCommand: Hashable, Sendable {
  /// A path with a slash, or a name that is searched in the PATH of `environment`.
  package var program: String
  package var arguments: [String]
  /// The child's whole environment; nothing else is inherited.
  package var environment: [String: String]
  package var directory: String?

  package init(
    _ program: String, _ arguments: [String] = [], environment: [String: String],
    directory: String? = nil
  ) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
  }

  /// The variables of `names` that `parent` has, with `extra` over them.
  package static func environment(
    inheriting names: Set<String>, from parent: [String: String], adding extra: [String: String]
  ) -> [String: String] {
    parent.filter { names.contains($0.key) }.merging(extra) { $1 }
  }
}

/// What a child may cost.
package struct ChildLimits: Hashable, Sendable {
  /// Bytes of one line of standard output; a longer one ends the child.
  package var lineBytes: Int
  /// Bytes of lines that wait to be read; past them the pipe is no longer read.
  package var queuedBytes: Int
  /// Bytes that wait to be written to standard input; past them a write is refused.
  package var unsentBytes: Int
  /// Bytes of a line of standard error that are kept.
  package var errorLineBytes: Int

  package init(
    lineBytes: Int = 16 << 20, queuedBytes: Int = 8 << 20, unsentBytes: Int = 8 << 20,
    errorLineBytes: Int = 4096
  ) {
    self.lineBytes = lineBytes
    self.queuedBytes = queuedBytes
    self.unsentBytes = unsentBytes
    self.errorLineBytes = errorLineBytes
  }
}

/// How a child ended.
package enum ChildStatus: Hashable, Sendable {
  case exited(Int32)
  case signalled(Int32)
}

/// A child in a process group of its own that speaks in lines.
///
/// When the child ends, by itself or not, whatever is left of its group is killed and the child is
/// reaped; until then the group's id cannot belong to anybody else.
///
/// Concurrency model: pipes live on event loops; one thread per child waits for its end; `state`
/// guards the moment of reaping, so that no signal is ever sent to an id that may be reused.
package final class ChildProcess: Sendable {
  private struct State {
    var status: ChildStatus?
    var waiters: [CheckedContinuation<ChildStatus, Never>] = []
  }

  /// The group's id, which is the child's process id.
  package let processGroup: pid_t
  /// Standard output in lines without their LF. Iterate from one task. A last line without LF
  /// counts.
  package let lines: ChildLines

  private let input: any Channel
  private let unsent = Atomic<Int>(0)
  private let limits: ChildLimits
  private let state = Mutex(State())

  private init(_ pid: pid_t, input: any Channel, lines: ChildLines, limits: ChildLimits) {
    processGroup = pid
    self.input = input
    self.lines = lines
    self.limits = limits
  }

  /// Starts `command`.
  ///
  /// - Parameter onErrorLine: Gets each line of standard error, shortened to the limit. It runs on
  ///   an event loop and must not block.
  package static func start(
    _ command: ChildCommand, limits: ChildLimits = ChildLimits(),
    onErrorLine: @escaping @Sendable ([UInt8]) -> Void = { _ in }
  ) async throws -> ChildProcess {
    let started = try ChildSpawn.start(command)
    do {
      return try await adopt(started, limits, onErrorLine)
    } catch {
      ChildSignals.killNow(group: started.pid)
      _ = ChildSignals.reap(started.pid)
      throw NetworkError.wrap(error, .spawn, .notSent)
    }
  }

  private static func adopt(
    _ started: ChildSpawn.Started, _ limits: ChildLimits,
    _ onErrorLine: @escaping @Sendable ([UInt8]) -> Void
  ) async throws -> ChildProcess {
    let group = Connector.group
    let input = try await NIOPipeBootstrap(group: group)
      .takingOwnershipOfDescriptor(output: started.stdin).get()
    let child = ChildProcess(
      started.pid, input: input, lines: ChildLines(limits: limits), limits: limits)
    let lines = child.lines
    _ = try await NIOPipeBootstrap(group: group)
      .channelInitializer { [weak child] channel in
        channel.eventLoop.makeCompletedFuture {
          let queue = lines.attach(to: channel)
          let handler = ChildOutputHandler(queue, limits.lineBytes) { child?.killGroup() }
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .takingOwnershipOfDescriptor(input: started.stdout).get()
    _ = try await NIOPipeBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ChildErrorHandler(limits.errorLineBytes, onErrorLine))
        }
      }
      .takingOwnershipOfDescriptor(input: started.stderr).get()
    child.watch()
    return child
  }

  // MARK: Writing

  /// Writes one line and its LF to standard input, and waits until the pipe has taken it.
  ///
  /// - Throws: `badRequest` for a line that holds LF or CR, `busy` when too much waits already,
  ///   `ended` when the child no longer reads; only the last can be ambiguous.
  package func writeLine(_ line: [UInt8]) async throws {
    guard !line.contains(10), !line.contains(13) else {
      throw NetworkError(.badRequest, "a line for a child holds a line break")
    }
    guard input.isActive else { throw NetworkError(.ended, "the child reads no more input") }
    let cost = line.count + 1
    guard unsent.add(cost, ordering: .relaxed).newValue <= limits.unsentBytes else {
      unsent.subtract(cost, ordering: .relaxed)
      throw NetworkError(
        .busy, "\(limits.unsentBytes) bytes wait for the child already", fix: "it does not read")
    }
    defer { unsent.subtract(cost, ordering: .relaxed) }
    do {
      try await input.writeAndFlush(ByteBuffer(bytes: line + [10])).get()
    } catch {
      throw NetworkError.wrap(error, .ended, .ambiguous)
    }
  }

  /// Closes standard input; most children take that as the wish to end.
  package func closeInput() { input.close(promise: nil) }

  // MARK: Ending

  /// Whether the child has not been reaped yet.
  package var isRunning: Bool { state.withLock { $0.status == nil } }

  /// Waits until the child has ended and is reaped.
  package func status() async -> ChildStatus {
    await withCheckedContinuation { continuation in
      let known = state.withLock { state -> ChildStatus? in
        if state.status == nil { state.waiters.append(continuation) }
        return state.status
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Kills the whole group at once. Nothing happens when the child is reaped already.
  package func killGroup() {
    state.withLock { state in
      if state.status == nil { ChildSignals.killNow(group: processGroup) }
    }
  }

  /// Ends the child politely: closes its input, waits `grace`, sends SIGTERM to the group, waits
  /// `grace` again, sends SIGKILL to the group, and returns when it is reaped.
  @discardableResult
  package func terminate(grace: Duration) async -> ChildStatus {
    closeInput()
    let loop = input.eventLoop
    let polite = loop.scheduleTask(in: grace.timeAmount) {
      self.state.withLock { state in
        if state.status == nil { ChildSignals.terminate(group: self.processGroup) }
      }
    }
    let firm = loop.scheduleTask(in: (grace * 2).timeAmount) { self.killGroup() }
    defer {
      polite.cancel()
      firm.cancel()
    }
    return await status()
  }

  /// Waits for the end on a thread of its own: `waitid` blocks.
  private func watch() {
    let thread = NIOThreadPool(numberOfThreads: 1)
    thread.start()
    thread.submit { _ in
      ChildSignals.awaitEnd(of: self.processGroup)
      self.reap()
      thread.shutdownGracefully { _ in }
    }
  }

  private func reap() {
    let (status, waiters) = state.withLock { state in
      ChildSignals.killNow(group: processGroup)
      let status = ChildSignals.reap(processGroup)
      state.status = status
      return (status, state.waiters.take())
    }
    input.close(promise: nil)
    for waiter in waiters { waiter.resume(returning: status) }
  }
}

extension Array {
  fileprivate mutating func take() -> [Element] {
    defer { self = [] }
    return self
  }
}
