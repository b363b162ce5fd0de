import HummingbirdCore
import JSON
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// A socket of the agents' listener: what secures it, HTTP/1.1, and the watch over it.
struct AgentChannel: ServerChildChannel {
  typealias Value = HTTP1Channel.Value

  let http: HTTP1Channel
  let connections: AgentConnections
  let limits: AgentLimits
  /// Adds handlers below HTTP, such as TLS.
  let secure: @Sendable (any Channel) throws -> Void

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    do {
      try secure(channel)
    } catch {
      return channel.eventLoop.makeFailedFuture(error)
    }
    let limits = limits
    let connection = connections.add(channel)
    return http.setup(channel: channel, logger: logger).flatMapThrowing { value in
      let pipeline = channel.pipeline.syncOperations
      let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      try pipeline.addHandler(
        AgentConnectionHandler(connection, limits), position: .after(decoder))
      try pipeline.addBrokenRequestHandler(body: Self.broken)
      try pipeline.addHandler(
        HeadDeadlineHandler(time: limits.connectionIdle), position: .after(decoder))
      return value
    }
  }

  private static let broken = JSONWriter.bytes(of: [
    "jsonrpc": "2.0", "id": nil,
    "error": ["code": -32700, "message": .string(BrokenRequestHandler.words)],
  ])

  func handle(value: Value, logger: Logger) async {
    await http.handle(value: value, logger: logger)
  }
}

/// The open sockets.
final class AgentConnections: Sendable {
  private let all = Mutex<[ObjectIdentifier: AgentConnection]>([:])

  var count: Int { all.withLock { $0.count } }

  func add(_ channel: any Channel) -> AgentConnection {
    let connection = AgentConnection()
    let key = ObjectIdentifier(channel)
    all.withLock { $0[key] = connection }
    channel.closeFuture.whenComplete { _ in
      // A channel that never became active fires no event in its pipeline.
      connection.gone()
      connection.ended(whole: false)
      _ = self.all.withLock { $0.removeValue(forKey: key) }
    }
    return connection
  }

  func connection(of channel: any Channel) -> AgentConnection? {
    all.withLock { $0[ObjectIdentifier(channel)] }
  }
}
