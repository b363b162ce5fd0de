package import NIOCore
package import Networking

/// TLS for outgoing connections: `https` and `wss`.
package struct TLSClient: ConnectionSecurity {
  /// Time for a handshake when the caller has more: less than all of connecting may take, so that
  /// its error says what was slow.
  package static let handshakeLimit = Duration.seconds(8)

  private let context: TLSContext
  private let handshakeLimit: Duration

  package init(_ context: TLSContext, handshakeLimit: Duration = Self.handshakeLimit) {
    self.context = context
    self.handshakeLimit = handshakeLimit
  }

  /// Verifies servers by the system's trust store alone.
  package static func system() throws(TLSError) -> TLSClient { TLSClient(try .client()) }

  package func install(on channel: any Channel, for url: WebURL) throws -> EventLoopFuture<Void> {
    let isAddress = (try? SocketAddress(ipAddress: url.host, port: 0)) != nil
    let connection = try TLSConnection.client(context, host: url.host, isAddress: isAddress)
    let secured = channel.eventLoop.makePromise(of: Void.self)
    let settings = TLSHandler.Settings(
      handshakeLimit: handshakeLimit, allowsHalfClosure: false, wrap: { $0.onNetwork })
    try channel.pipeline.syncOperations.addHandler(
      TLSHandler(connection, settings, secured: secured))
    return secured.futureResult
  }
}

extension TLSError {
  var onNetwork: NetworkError {
    switch code {
    case .truncated: NetworkError(.closed, message, fix: fix, delivery: .ambiguous)
    default: NetworkError(.handshake, message, fix: fix)
    }
  }
}
