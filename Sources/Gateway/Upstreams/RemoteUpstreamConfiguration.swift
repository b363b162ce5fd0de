package import JSON
package import Networking
package import StreamableHTTP

/// Where an upstream over Streamable HTTP is, and how long it may take.
package struct RemoteUpstreamConfiguration: Sendable {
  /// The endpoint name, for logs and errors.
  package var name: Text
  package var url: WebURL
  /// Sent with every request; they may hold secrets and are never logged.
  package var headers: HTTPFields
  /// Of this program, told to the upstream.
  package var version: Text
  /// Does TLS for `https`.
  package var security: any ConnectionSecurity
  package var limits: ExchangeRunner.Limits
  /// Time from the start to the first whole list of tools.
  package var handshakeTime: Duration
  /// Calls that may wait for an answer at once.
  package var callLimit: Int

  package init(
    name: Text, url: WebURL, headers: HTTPFields = HTTPFields(), version: Text,
    security: any ConnectionSecurity = NoConnectionSecurity(),
    limits: ExchangeRunner.Limits = ExchangeRunner.Limits(), handshakeTime: Duration = .seconds(60),
    callLimit: Int = 256
  ) {
    self.name = name
    self.url = url
    self.headers = headers
    self.version = version
    self.security = security
    self.limits = limits
    self.handshakeTime = handshakeTime
    self.callLimit = callLimit
  }
}
