import JSON
import Networking

extension UpstreamSource {
  /// What the configuration says, with its secrets.
  init(
    _ upstream: Configuration.Upstream, _ environment: [String: String],
    _ security: any ConnectionSecurity
  ) throws {
    if let url = upstream.url {
      self = .remote(
        RemoteUpstreamConfiguration(
          name: upstream.name, url: try WebURL(url), headers: try upstream.fields(environment),
          version: GatewayService.version, security: security))
    } else {
      self = .child(try UpstreamConfiguration(upstream, environment))
    }
  }
}

extension UpstreamConfiguration {
  fileprivate init(_ upstream: Configuration.Upstream, _ environment: [String: String]) throws {
    var variables: [String: String] = [:]
    for (name, setting) in upstream.environment {
      variables[name] = try setting.value(environment)
    }
    guard
      let command = Self.command(upstream.command, environment: variables, from: environment)
    else { throw Files.Failure("the upstream \(upstream.name) has no command") }
    self.init(name: upstream.name, command: command, version: GatewayService.version)
  }
}

extension Configuration.Upstream {
  fileprivate func fields(_ environment: [String: String]) throws -> HTTPFields {
    var fields = HTTPFields()
    for (name, setting) in headers {
      let value = try setting.value(environment)
      guard value.isHeaderValue else {
        throw Files.Failure(
          "the header \(name) of the upstream \(self.name) holds a line break or another control "
            + "character; correct the secret that it names")
      }
      fields.add(name, value)
    }
    return fields
  }
}

extension Configuration.Setting {
  fileprivate func value(_ environment: [String: String]) throws -> String {
    switch self {
    case .plain(let text): text
    case .secret(let secret): try secret.value(environment)
    }
  }
}
