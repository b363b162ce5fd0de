package import NIOCore
import Synchronization

/// TLS for a listener. A new certificate counts for connections from then on; those that are open
/// keep what they have.
package final class TLSServer: Sendable {
  /// Time for a client's handshake.
  package static let handshakeLimit = Duration.seconds(10)

  /// Hears why a client's connection failed, with its address.
  package typealias Failure = @Sendable (TLSError, String) -> Void

  private let context: Mutex<TLSContext>
  private let handshakeLimit: Duration
  private let onFailure: Failure

  package init(
    _ context: TLSContext, handshakeLimit: Duration = TLSServer.handshakeLimit,
    onFailure: @escaping Failure = { _, _ in }
  ) {
    self.context = Mutex(context)
    self.handshakeLimit = handshakeLimit
    self.onFailure = onFailure
  }

  package func replace(_ new: TLSContext) { context.withLock { $0 = new } }

  /// Puts TLS in front of a fresh connection. On its event loop, before any other handler.
  package func install(on channel: any Channel) throws {
    let connection = try TLSConnection.server(context.withLock { $0 })
    let secured = channel.eventLoop.makePromise(of: Void.self)
    let (tell, peer) = (onFailure, "\(channel.remoteAddress.map { "\($0)" } ?? "unknown")")
    secured.futureResult.whenFailure { error in
      if let error = error as? TLSError { tell(error, peer) }
    }
    let settings = TLSHandler.Settings(
      handshakeLimit: handshakeLimit, allowsHalfClosure: true, wrap: { $0 })
    try channel.pipeline.syncOperations.addHandler(
      TLSHandler(connection, settings, secured: secured))
  }
}
