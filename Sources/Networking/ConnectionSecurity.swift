package import NIOCore

/// The seam where TLS is put in front of a connection's pipeline.
///
/// `install` is called on the channel's event loop, before any other handler, for `https` and `wss`
/// only. The future it returns succeeds when the handshake is done and the peer's name is verified;
/// nothing of a request is written before that, so that a failed handshake counts as not sent.
package protocol ConnectionSecurity: Sendable {
  func install(on channel: any Channel, for url: WebURL) throws -> EventLoopFuture<Void>
}

/// No security: `https` and `wss` are refused.
package struct NoConnectionSecurity: ConnectionSecurity {
  package init() {}

  package func install(on channel: any Channel, for url: WebURL) throws -> EventLoopFuture<Void> {
    throw NetworkError(
      .noSecurity, "\(url.scheme.rawValue)://\(url.authority) needs TLS and none is installed here",
      fix: "pass a ConnectionSecurity that does TLS, or use http/ws on loopback")
  }
}
