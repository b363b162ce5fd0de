import Foundation
import Gateway
import JSON
import Networking

/// Address and keys of a paper exchange, as the gateway's configuration has them.
struct PaperSettings {
  let listen: String
  let key: String?
  let secret: String?
  let readKey: String?
  let readSecret: String?

  init(_ configuration: Configuration) throws {
    guard let exchange = configuration.exchange, exchange.environment == "paper",
      let url = try? WebURL(exchange.rest), url.isLoopback, url.scheme == .http
    else {
      throw Failure(
        Failure.badInput,
        "this configuration's exchange is not on paper: exchange.rest must be http:// and loopback")
    }
    let environment = ProcessInfo.processInfo.environment
    listen = url.authority
    readKey = try exchange.key?.value(environment)
    readSecret = try exchange.secret?.value(environment)
    let trading = configuration.upstreams.lazy.compactMap(TradingKey.init).first
    key = try trading?.key.value(environment)
    secret = try trading?.secret.value(environment)
  }
}

/// The secrets with which an upstream trades.
struct TradingKey {
  let key: Configuration.Secret
  let secret: Configuration.Secret

  init?(_ upstream: Configuration.Upstream) {
    func secret(_ name: String) -> Configuration.Secret? {
      let setting = upstream.environment.first { $0.name == name }?.value
      guard case .secret(let secret)? = setting else { return nil }
      return secret
    }
    guard let key = secret("BYBIT_API_KEY"), let secret = secret("BYBIT_API_SECRET") else {
      return nil
    }
    self.key = key
    self.secret = secret
  }
}
