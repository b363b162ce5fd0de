import HTTPTypes
import HummingbirdCore
import MCP
import NIOCore

/// Writes an event stream to a socket until the stream ends, whether or not anybody still reads.
struct EventStreamWriter {
  let connection: AgentConnection
  /// Runs when the client has left while the stream goes on.
  var onLost: @Sendable () async -> Void = {}

  private enum Output {
    case writing(any ResponseBodyWriter)
    case broken
  }

  /// How the stream ended, and whether all of it reached the socket while the client was there.
  @concurrent
  func write(
    _ stream: AgentStream, _ writer: consuming ResponseWriter
  ) async -> (end: AgentStream.End, delivered: Bool) {
    switch await next(stream) {
    case .last(let bytes, let end):
      // Over before anything was written: one write for the whole answer.
      let response = Response(
        status: .ok, headers: HTTPFields(HTTPReply.eventStreamHeaders),
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
      connection.watchEnd()
      do {
        try await writer.write(response: response.head, body: response.body)
      } catch {
        return (end, false)
      }
      return (end, await connection.flushed())
    case .bytes(let bytes): return await write(bytes, then: stream, writer)
    case .gone: return (.closed, false)
    }
  }

  @concurrent
  private func write(
    _ bytes: [UInt8], then stream: AgentStream, _ writer: consuming ResponseWriter
  ) async -> (end: AgentStream.End, delivered: Bool) {
    var output = Output.broken
    do {
      let head = HTTPResponse(
        status: .ok, headerFields: HTTPFields(HTTPReply.eventStreamHeaders))
      output = .writing(try await writer.writeHead(head))
    } catch {}
    await send(bytes, to: &output)
    while true {
      switch await next(stream) {
      case .bytes(let bytes): await send(bytes, to: &output)
      case .last(let bytes, let end): return (end, await finish(bytes, output))
      case .gone: break
      }
    }
  }

  /// What to write next; the loss of the client is passed on.
  private func next(_ stream: AgentStream) async -> AgentStream.Next {
    while true {
      let next = await stream.next()
      guard next == .gone else { return next }
      await onLost()
    }
  }

  @concurrent
  private func send(_ bytes: [UInt8], to output: inout Output) async {
    guard case .writing(var writer) = output, !bytes.isEmpty else { return }
    do {
      try await writer.write(ByteBuffer(bytes: bytes))
      output = .writing(writer)
    } catch {
      output = .broken
    }
  }

  @concurrent
  private func finish(_ bytes: [UInt8], _ output: Output) async -> Bool {
    guard case .writing(var writer) = output else { return false }
    connection.watchEnd()
    do {
      if !bytes.isEmpty { try await writer.write(ByteBuffer(bytes: bytes)) }
      try await writer.finish(nil)
    } catch {
      return false
    }
    return await connection.flushed()
  }
}

/// Has the desk do a request and writes what comes of it.
struct WorkAnswer {
  let desk: any AgentDesk
  let connection: AgentConnection

  @concurrent
  func serve(
    _ started: AgentSession.Started, _ session: AgentSession, _ writer: consuming ResponseWriter
  ) async {
    let desk = desk
    let stream = started.stream
    let request = started.caller.request
    connection.onGone { stream.lost() }
    async let work: Void = Self.work(started, session, desk)
    let output = EventStreamWriter(connection: connection) {
      await desk.disconnected(request: request)
    }
    let (end, delivered) = await output.write(stream, writer)
    connection.onGone(nil)
    switch end {
    case .answered: await desk.written(request: request, delivered: delivered)
    // Leaving the scope cancels the work and waits for it.
    case .cancelled: return
    case .shutdown:
      await desk.disconnected(request: request)
      return
    case .closed: await desk.disconnected(request: request)
    }
    await work
  }

  private static func work(
    _ started: AgentSession.Started, _ session: AgentSession, _ desk: any AgentDesk
  ) async {
    let ticket = started.ticket
    let progress: @Sendable (Progress) -> Void = { session.progress(ticket, $0) }
    let client = DeskClient(
      notify: { session.notify($0, during: ticket) },
      ask: { await session.ask(ticket, $0, $1) })
    switch started.work {
    case .callTool(let call):
      let answer = await desk.call(
        DeskCall(
          caller: started.caller, call: call, reportsProgress: started.reportsProgress,
          client: client, progress: progress))
      session.finish(ticket, answer.outcome)
    case .forward(let method, let params):
      let outcome = await desk.forward(
        DeskForward(
          caller: started.caller, method: method, params: params,
          reportsProgress: started.reportsProgress, client: client, progress: progress))
      session.finish(ticket, outcome)
    }
  }
}
