package import JSON
import Logging

/// How an upstream is reached.
package enum UpstreamSource: Sendable {
  case child(UpstreamConfiguration)
  case remote(RemoteUpstreamConfiguration)

  package var name: Text {
    switch self {
    case .child(let configuration): configuration.name
    case .remote(let configuration): configuration.name
    }
  }

  /// Connects, shakes hands and reads the list of tools.
  ///
  /// - Parameter asksClients: Whether the upstream may ask the clients of calls. What sends held
  ///   calls asks nobody.
  func start(
    asksClients: Bool, logger: Logger
  ) async throws(UpstreamError) -> any UpstreamConnection {
    switch self {
    case .child(let configuration):
      try await UpstreamChild.start(configuration, asksClients: asksClients, logger: logger)
    case .remote(let configuration):
      try await UpstreamRemote.start(configuration, asksClients: asksClients, logger: logger)
    }
  }
}
