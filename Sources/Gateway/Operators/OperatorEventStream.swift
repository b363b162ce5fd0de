import Hummingbird
import NIOCore
import Networking
import OperatorProtocol

/// Writes one console's events until it leaves, falls behind, or its session ends.
///
/// Concurrency model: the task of the response writes; one child task keeps time. Both look at the
/// subscription, which is safe to share; the connection is cut on its own event loop.
struct OperatorEventStream: Sendable {
  let api: OperatorAPI
  let subscription: EventSubscription
  let session: OperatorSession
  let channel: any Channel

  /// The desk is told when this was the session's last stream, however it ends.
  func run(_ writer: inout any ResponseBodyWriter) async throws {
    api.sessions.streamOpened(session.id)
    let result: Result<Void, any Error>
    do {
      try await follow(&writer)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    subscription.finish()
    if api.sessions.streamClosed(session.id) { await api.desk.sessionEnded(session.id) }
    try result.get()
  }

  private func follow(_ writer: inout any ResponseBodyWriter) async throws {
    let signal = try await channel.eventLoop.submit { [channel] in
      try channel.pipeline.syncOperations.handler(type: OperatorPeerWatch.self).signal
    }.get()
    signal.onFire { [subscription] in subscription.finish() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await keepTime() }
      defer { group.cancelAll() }
      // The head goes out with the first bytes of the body.
      try await writer.write(ByteBuffer(bytes: ServerSentEvent.comment()))
      for await item in subscription { try await writer.write(Self.bytes(of: item)) }
      try await writer.finish(nil)
    }
  }

  private static func bytes(of item: EventHub.Item) -> ByteBuffer {
    switch item {
    case .quiet: return ByteBuffer(bytes: ServerSentEvent.comment())
    case .events(let events):
      var buffer = ByteBuffer()
      buffer.reserveCapacity(events.reduce(0) { $0 + $1.frame.count })
      for event in events { buffer.writeBytes(event.frame) }
      return buffer
    }
  }

  /// Heartbeats, and the end of a stream whose session is over or whose reader does not read.
  private func keepTime() async throws {
    var quietTicks = 0
    var endedTicks = 0
    while true {
      try await api.surroundings.sleep(api.limits.tick)
      if subscription.hasEnded {
        endedTicks += 1
        // A write to a peer that does not read never returns; only closing ends it.
        if endedTicks > api.limits.graceTicks { channel.close(promise: nil) }
        continue
      }
      guard await api.isWelcome(session) else {
        subscription.finish()
        continue
      }
      quietTicks += 1
      if quietTicks == api.limits.heartbeatTicks {
        quietTicks = 0
        subscription.markQuiet()
      }
    }
  }
}
