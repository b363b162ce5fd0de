import JSON
import Logging
import MCP
import Networking

/// One client's session: carries out what the session kernel says.
///
/// Concurrency model: the actor owns the kernel and the tasks of calls under way; kernel and
/// bookkeeping change together without an `await` between them, writing comes after.
actor Conversation {
  private var session: ServerSession
  private let exchange: Exchange
  private let pipes: LinePipes
  private let logger: Logger
  private var running: [ServerSession.Ticket: Task<Void, Never>] = [:]

  init(_ session: ServerSession, _ exchange: Exchange, _ pipes: LinePipes, _ logger: Logger) {
    self.session = session
    self.exchange = exchange
    self.pipes = pipes
    self.logger = logger
  }

  func receive(_ line: LinePipes.Line, limits: JSONLimits) async {
    switch line {
    case .tooLong:
      await write(
        .failure(nil, RPCError(.parse, "a line is longer than \(limits.bytes) bytes")))
    case .whole(let bytes) where bytes.allSatisfy({ $0 == 32 || $0 == 13 || $0 == 9 }): break
    case .whole(let bytes):
      do throws(RPCRefusal) {
        let message = try RPCMessage.decode(bytes, limits: limits)
        await perform(session.handle(.received(message)))
      } catch {
        logger.warning("a line was refused: \(error.error)")
        if let answer = error.answer { await write(answer) }
      }
    }
  }

  /// Waits for the calls under way. Cancelled, it cancels them too: one may be waiting without end.
  func finish() async {
    while let (_, task) = running.first {
      await withTaskCancellationHandler {
        await task.value
      } onCancel: {
        task.cancel()
      }
    }
  }

  private func perform(_ effects: [ServerSession.Effect]) async {
    for effect in effects {
      switch effect {
      case .answer(let message), .announce(let message): await write(message)
      case .finish(_, let message), .relay(_, let message): await write(message)
      case .start(let ticket, .callTool(let call), _): start(ticket, call)
      case .start(let ticket, .forward, _):
        let refusal = RPCError(.methodNotFound, "there is nothing but tools here")
        await perform(session.handle(.finished(ticket, .error(refusal))))
      // A cancelled call still runs to its end: the order may be on its way already.
      case .stop, .greeted, .told: break
      }
    }
  }

  private func start(_ ticket: ServerSession.Ticket, _ call: ToolCall) {
    running[ticket] = Task {
      let result = await exchange.call(call.name, call.arguments)
      await end(ticket, result)
    }
  }

  private func end(_ ticket: ServerSession.Ticket, _ result: ToolResult) async {
    let effects = session.handle(.finished(ticket, .result(.object(result.json))))
    await perform(effects)
    running[ticket] = nil
  }

  private func write(_ message: RPCMessage) async {
    do {
      try await pipes.write(message.bytes)
    } catch {
      logger.error("an answer could not be written: \(error)")
    }
  }
}
