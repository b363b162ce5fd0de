package import JSON
import MCP
package import Networking
import StreamableHTTP
import Synchronization

/// Where the gateway is, and how the agent signs in there.
package struct BridgePlace: Sendable {
  package var url: WebURL
  /// The agent's token; sent as a header and nowhere else.
  package var token: String
  /// Does TLS for `https`.
  package var security: any ConnectionSecurity

  package init(
    url: WebURL, token: String, security: any ConnectionSecurity = NoConnectionSecurity()
  ) {
    self.url = url
    self.token = token
    self.security = security
  }
}

/// Why that is not known, with what to do about it.
package struct BridgeProblem: Error, Sendable {
  package var reason: String

  package init(_ reason: String) { self.reason = reason }
}

/// A client's standard input and output on one side, the gateway's listener on the other.
///
/// Concurrency model: the kernel, the exchanges of the connection and what is to be written are
/// behind one mutex; effects are carried out inside it and none of them waits. One task reads lines,
/// one writes them; each exchange is a task of the runner.
package final class BridgeService: Sendable {
  /// Bytes that may wait for a client that does not read.
  private static let unreadBytes = 32 << 20

  private struct State {
    var kernel: Bridge
    var connection: Bridge.Connection?
    var runner: ExchangeRunner?
    var alarm: Task<Void, Never>?
    var unread = 0
  }

  private let locate: @Sendable () throws(BridgeProblem) -> BridgePlace
  private let limits: ExchangeRunner.Limits
  private let pipes: LinePipes
  private let note: @Sendable (String) -> Void
  private let state: Mutex<State>
  private let lines: AsyncStream<[UInt8]>
  private let writing: AsyncStream<[UInt8]>.Continuation

  /// - Parameters:
  ///   - locate: Asked before every attempt to connect, so that what was mended counts at once.
  ///   - note: Words for a person; standard output is the client's alone.
  package init(
    version: Text, locate: @escaping @Sendable () throws(BridgeProblem) -> BridgePlace,
    pipes: LinePipes = LinePipes(lineBytes: JSONLimits.agent.bytes),
    note: @escaping @Sendable (String) -> Void
  ) {
    self.locate = locate
    self.pipes = pipes
    self.note = note
    // A held call is answered only after its wait, which an administrator sets.
    limits = ExchangeRunner.Limits(answerTime: .seconds(3600))
    state = Mutex(State(kernel: Bridge(configuration: Bridge.Configuration(version: version))))
    (lines, writing) = AsyncStream.makeStream()
  }

  /// Serves until the client closes its side; the session at the gateway is ended then.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.write() }
      await read()
      await end()
    }
  }

  /// Ends the session at the gateway, which gets two seconds for it, and what is being written.
  package func end() async {
    handle(.inputEnded)
    let runner = state.withLock { state in
      state.alarm?.cancel()
      return state.runner
    }
    await runner?.end()
    writing.finish()
  }

  private func read() async {
    while let line = try? await pipes.next() {
      switch line {
      case .whole(let bytes) where bytes.allSatisfy({ $0 == 32 || $0 == 13 || $0 == 9 }): continue
      case .whole(let bytes):
        do throws(RPCRefusal) {
          handle(.received(try RPCMessage.decode(bytes, limits: .agent)))
        } catch {
          handle(.malformed(error))
        }
      case .tooLong:
        let words = "a line has more than \(JSONLimits.agent.bytes) bytes"
        handle(.malformed(RPCRefusal(RPCError(.parse, words))))
      }
    }
  }

  private func write() async {
    for await line in lines {
      // A client that reads no more has also closed its other side, or soon will.
      try? await pipes.write(line)
      state.withLock { $0.unread -= line.count }
    }
  }

  // MARK: The kernel

  private func handle(_ event: Bridge.Event) {
    state.withLock { state in
      for effect in state.kernel.handle(event) { perform(effect, &state) }
    }
  }

  private func perform(_ effect: Bridge.Effect, _ state: inout State) {
    switch effect {
    case .locate(let connection): look(connection, &state)
    case .exchange(let connection, let effect):
      if connection == state.connection { state.runner?.perform(effect) }
    case .write(let message): write(message, &state)
    case .wait(let milliseconds):
      state.alarm?.cancel()
      state.alarm = Task {
        guard (try? await Task.sleep(for: .milliseconds(milliseconds))) != nil else { return }
        self.handle(.due)
      }
    case .note(let words): note(words)
    }
  }

  /// Reading configuration and token may wait for a disk, so it is a task; the alarm's place holds
  /// it, because no alarm is set meanwhile.
  private func look(_ connection: Bridge.Connection, _ state: inout State) {
    state.alarm?.cancel()
    state.alarm = Task {
      do throws(BridgeProblem) {
        self.begin(connection, at: try self.locate())
      } catch {
        self.handle(.notLocated(connection, reason: error.reason))
      }
    }
  }

  private func begin(_ connection: Bridge.Connection, at place: BridgePlace) {
    let runner = ExchangeRunner(
      place.url, headers: ["Authorization": "Bearer \(place.token)"], limits: limits,
      security: place.security, report: { self.handle(.exchange(connection, $0)) })
    state.withLock { state in
      let effects = state.kernel.handle(.located(connection))
      // Nothing is wanted of a place that was found too late.
      guard !effects.isEmpty else { return }
      state.connection = connection
      state.runner = runner
      for effect in effects { perform(effect, &state) }
    }
  }

  private func write(_ message: RPCMessage, _ state: inout State) {
    let line = message.bytes
    guard state.unread + line.count <= Self.unreadBytes else {
      return note("the client does not read; a message of \(line.count) bytes was dropped")
    }
    state.unread += line.count
    writing.yield(line)
  }
}
