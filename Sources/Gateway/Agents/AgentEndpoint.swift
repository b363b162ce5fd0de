import Cryptography
import HTTPTypes
import HummingbirdCore
import JSON
import Logging
import MCP
import NIOCore
import Synchronization

/// Answers one HTTP request of an agent at a time per socket; any number of sockets at once.
///
/// Concurrency model: a request is the task that runs `respond`. It owns nothing that another one
/// uses; sessions, connections and the desk guard themselves.
struct AgentEndpoint: Sendable {
  /// What a request turned out to need.
  private enum Plan {
    case reply(HTTPReply)
    case work(AgentSession.Started, AgentSession)
    case stream(AgentStream, AgentSession)
  }

  let desk: any AgentDesk
  let rules: HTTPRules
  let limits: AgentLimits
  let server: (name: Text, version: Text)
  let sessions: SessionTable
  let connections: AgentConnections
  let numbers: RequestNumbers
  let load = AgentLoad()
  let turns: AgentTurns

  @concurrent
  func respond(
    _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel
  ) async throws {
    let plan: Plan
    do {
      let caller = try await admit(request)
      plan = try await self.plan(caller, request.body)
    } catch let refusal as Unread {
      // A client that sends first and reads later would never see the refusal.
      if request.headers[.expect] == nil { for try await _ in request.body {} }
      plan = .reply(.refused(refusal.refusal))
    } catch let refusal as HTTPRefusal {
      plan = .reply(.refused(refusal))
    }
    let connection = connections.connection(of: channel) ?? AgentConnection()
    switch plan {
    case .reply(let reply): try await reply.write(writer)
    case .work(let started, let session):
      await serve(started, session, connection, writer)
    case .stream(let stream, let session):
      connection.onGone { session.closeStream(stream) }
      _ = await EventStreamWriter(connection: connection).write(stream, writer)
      connection.onGone(nil)
      session.closeStream(stream)
    }
  }

  /// Has the desk do it, unless the agent has too much under way already.
  @concurrent
  private func serve(
    _ started: AgentSession.Started, _ session: AgentSession, _ connection: AgentConnection,
    _ writer: consuming ResponseWriter
  ) async {
    guard load.enter(session.agent, limit: limits.requestsPerAgent) else {
      session.finish(started.ticket, AgentLoad.refusal(of: started.work))
      _ = await EventStreamWriter(connection: connection).write(started.stream, writer)
      return
    }
    await WorkAnswer(desk: desk, connection: connection).serve(started, session, writer)
    load.leave(session.agent)
  }

  // MARK: Judging

  /// A request whose head is in order.
  private struct Caller {
    let head: HTTPHead
    let purpose: HTTPRules.Purpose
    let agent: Text
    let upstream: Text
  }

  /// A refusal before the body was read.
  private struct Unread: Error {
    let refusal: HTTPRefusal
  }

  private func admit(_ request: Request) async throws(Unread) -> Caller {
    do throws(HTTPRefusal) {
      let head = HTTPHead(request.head)
      let purpose = try rules.judge(head)
      guard let token = head.bearerToken else { throw HTTPRefusal.unauthorized }
      guard let agent = await desk.agent(tokenHash: SHA256.hash(token)) else {
        throw HTTPRefusal.unknownToken
      }
      guard let upstream = await upstream(of: request.head.path ?? "") else {
        throw HTTPRefusal.noSuchPath
      }
      return Caller(head: head, purpose: purpose, agent: agent, upstream: upstream)
    } catch {
      throw Unread(refusal: error)
    }
  }

  private func plan(_ caller: Caller, _ body: RequestBody) async throws -> Plan {
    switch caller.purpose {
    case .message: return try await take(body, caller)
    case .stream(let id, _):
      let session = try session(id, caller)
      return .stream(session.openStream(), session)
    case .end(let id):
      sessions.end(try session(id, caller))
      return .reply(.ended)
    }
  }

  private func session(_ id: Text, _ caller: Caller) throws(HTTPRefusal) -> AgentSession {
    guard let found = sessions.session(id, agent: caller.agent, upstream: caller.upstream) else {
      try rules.checkSession(.gone)
      throw HTTPRefusal.noSuchPath
    }
    return found
  }

  /// The upstream that a path names: exact bytes, nothing is unescaped.
  private func upstream(of target: String) async -> Text? {
    let path = Text(target.prefix { $0 != "?" })
    let names = await desk.upstreams()
    if path == "/mcp" || path == "/mcp/" { return names.first }
    return names.first { path == Text("/mcp/" + $0.string) }
  }

  private func take(_ body: RequestBody, _ caller: Caller) async throws -> Plan {
    let bytes = try await read(body)
    await turns.enter(caller.agent)
    defer { turns.leave(caller.agent) }
    let message: RPCMessage
    do throws(RPCRefusal) {
      message = try RPCMessage.decode(bytes, limits: .agent)
    } catch {
      return .reply(.refused(HTTPRefusal(error), about: error.id))
    }
    let id = try rules.sessionID(of: caller.head)
    let session = id.flatMap {
      sessions.session($0, agent: caller.agent, upstream: caller.upstream)
    }
    let found: HTTPRules.SessionLookUp = id == nil ? .unnamed : session == nil ? .gone : .live
    do throws(HTTPRefusal) {
      switch try rules.admit(message, head: caller.head, session: found) {
      case .newSession: return try await open(message, caller)
      case .inSession:
        guard let session else { throw HTTPRefusal.noSuchPath }
        return await hand(message, to: session)
      }
    } catch {
      return .reply(.refused(error, about: message.requestID))
    }
  }

  /// The whole body. One that is too large is read to its end before it is refused; the
  /// connection has a limit of its own for that.
  private func read(_ body: RequestBody) async throws -> [UInt8] {
    var whole = ByteBuffer()
    var isTooLarge = false
    for try await var part in body {
      isTooLarge = isTooLarge || whole.readableBytes + part.readableBytes > rules.bodyLimit
      if !isTooLarge { whole.writeBuffer(&part) }
    }
    guard !isTooLarge else { throw rules.tooLarge }
    return Array(buffer: whole)
  }

  // MARK: Sessions

  private func open(
    _ message: RPCMessage, _ caller: Caller
  ) async throws(HTTPRefusal) -> Plan {
    let (agent, upstream) = (caller.agent, caller.upstream)
    let profile = await desk.profile(upstream: upstream)
    let session = try sessions.make(
      agent: agent, upstream: upstream,
      configuration: ServerSession.Configuration(
        name: server.name, version: server.version, instructions: profile.instructions,
        capabilities: profile.capabilities, requestLimit: limits.requestsPerSession,
        questionLimit: limits.questionsPerSession, questionBytes: limits.questionBytes))
    // In the table before the tools are read: a change after this moment reaches the session.
    session.replace(tools: await desk.tools(agent: agent, upstream: upstream))
    guard case .answer(let answer) = session.receive(message, request: numbers.next()) else {
      sessions.end(session)
      return .reply(.accepted)
    }
    guard case .response(let response) = answer, case .result = response.outcome else {
      sessions.end(session)
      return .reply(.json(answer))
    }
    return .reply(
      .json(answer, headers: [HTTPHead.Header("Mcp-Session-Id", session.id.string)]))
  }

  private func hand(_ message: RPCMessage, to session: AgentSession) async -> Plan {
    if message.method == "tools/list" {
      session.replace(
        tools: await desk.tools(agent: session.agent, upstream: session.upstream))
    }
    switch session.receive(message, request: numbers.next()) {
    case .answer(let answer): return .reply(.json(answer))
    case .started(let started): return .work(started, session)
    case .accepted(let withdrawn):
      for call in withdrawn {
        await desk.cancelled(request: call.request)
        call.stream.finish(.cancelled)
      }
      return .reply(.accepted)
    }
  }
}

/// Numbers for requests, never used twice.
final class RequestNumbers: Sendable {
  private let last = Atomic<UInt64>(0)

  func next() -> UInt64 { last.add(1, ordering: .relaxed).newValue }
}

extension RPCMessage {
  fileprivate var method: Text? {
    if case .request(let request) = self { request.method } else { nil }
  }

  fileprivate var requestID: RPCID? {
    if case .request(let request) = self { request.id } else { nil }
  }
}
