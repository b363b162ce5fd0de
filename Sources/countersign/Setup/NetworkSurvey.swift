import Bybit
import Foundation
import Gateway
import JSON
import Networking
import Setup
import TLS
import Time

/// What gateway and exchange answer. Every wait has a limit.
struct NetworkSurvey {
  static let patience = Duration.seconds(5)

  private let configuration: Configuration
  private let isNeeded: Bool
  private let environment = ProcessInfo.processInfo.environment

  init(_ configuration: Configuration, isNeeded: Bool) {
    self.configuration = configuration
    self.isNeeded = isNeeded
  }

  private static func say(_ words: String) {
    if isatty(2) == 1 { Standard.error("\(words) (at most \(patience.components.seconds) s)") }
  }

  // MARK: The gateway

  static func gateway(_ configuration: Configuration) async -> GatewayFact {
    say("asking the gateway")
    async let agents = listener("agents", configuration.agents, "/mcp", .post, configuration)
    async let operators = listener(
      "operators", configuration.operators, "/v1/status", .get, configuration)
    return GatewayFact(
      listeners: [await agents, await operators],
      lock: System.lockHolder(configuration.state + "/gateway.lock"))
  }

  private static func listener(
    _ name: String, _ place: Configuration.Endpoint, _ path: String, _ verb: HTTPVerb,
    _ configuration: Configuration
  ) async -> GatewayFact.Listener {
    let url = configuration.url(place.reachable, port: place.port)
    let address = String(url.drop { $0 != "/" }.dropFirst(2))
    guard place.port != 0 else {
      return .init(name: name, address: address, answer: .anyPort)
    }
    guard name == "agents" || configuration.tls?.clientAuthority == nil else {
      return .init(
        name: name, address: address, answer: .unchecked("it asks for a client certificate"))
    }
    do {
      let files = [configuration.tls?.authority].compactMap(\.self)
      let http = HTTPClient(security: try security(files))
      return .init(
        name: name, address: address, answer: await answer(url + path, verb, http))
    } catch {
      return .init(name: name, address: address, answer: .failed("\(error)"))
    }
  }

  /// TLS that trusts the system's authorities and those of `files`.
  private static func security(_ files: [String]) throws -> TLSClient {
    TLSClient(
      try .client(trust: TLSTrust(authorities: try files.map { try Files.read($0) })))
  }

  /// A request without credentials: a gateway refuses it in its own way.
  private static func answer(
    _ url: String, _ verb: HTTPVerb, _ http: HTTPClient
  ) async -> GatewayFact.Answer {
    do {
      let response = try await http.request(
        verb, try WebURL(url), headers: ["Accept": "application/json"],
        body: verb == .post ? [] : nil, deadline: .now + patience)
      let json = try? JSONParser.parse(response.body, limits: .peer)
      return response.status == 401 && json?["error"] != nil ? .gateway : .stranger
    } catch let error as NetworkError {
      switch error.code {
      case .connect: return .nobody
      case .malformed, .closed: return .stranger
      default: return .failed(error.message)
      }
    } catch {
      return .failed("\(error)")
    }
  }

  // MARK: The exchange

  func facts() async -> [any Fact] {
    guard let exchange = configuration.exchange else {
      return [
        ExchangeFact(environment: "", url: "", outcome: .notConfigured, isNeeded: isNeeded)
      ]
    }
    Self.say("asking the exchange at \(exchange.rest)")
    let outcome = await reach(exchange)
    let fact = ExchangeFact(
      environment: exchange.environment.string, url: exchange.rest, outcome: outcome,
      isNeeded: isNeeded)
    return [fact] + (await keys(exchange, outcome))
  }

  private func reach(_ exchange: Configuration.Exchange) async -> ExchangeFact.Outcome {
    do {
      let offset = try await client(exchange, nil).synchroniseClock()
      return .reached(
        offset: Int(offset.offset.count), error: Int(offset.error.count))
    } catch {
      return .failed("\(error)")
    }
  }

  private func client(
    _ exchange: Configuration.Exchange, _ credentials: V5Credentials?
  ) throws -> V5REST {
    V5REST(
      .init(
        base: try WebURL(exchange.rest), credentials: credentials, timeout: Self.patience),
      http: HTTPClient(security: try Self.security(configuration.trust)),
      now: { SystemClock.now() })
  }

  // MARK: Keys

  private func keys(
    _ exchange: Configuration.Exchange, _ outcome: ExchangeFact.Outcome
  ) async -> [any Fact] {
    let isPaper = exchange.environment == "paper"
    guard case .reached = outcome else {
      return [KeyFact(owner: .gateway, outcome: .unchecked("the exchange was not reached"))]
    }
    guard exchange.key != nil else {
      return [
        KeyFact(
          owner: .gateway,
          outcome: .unchecked("none is configured: account and orders stay unseen"))
      ]
    }
    let own = await look(exchange) { try exchange.credentials(environment) }
    var facts = [KeyFact(owner: .gateway, outcome: own, isPaper: isPaper)]
    var account: String?
    if case .seen(let description) = own { account = description.account }
    for upstream in configuration.upstreams {
      guard let trading = TradingKey(upstream) else { continue }
      facts.append(
        KeyFact(
          owner: .upstream(upstream.name.string),
          outcome: await look(exchange) {
            V5Credentials(
              key: try trading.key.value(environment),
              secret: try trading.secret.value(environment))
          }, gatewayAccount: account,
          isPaper: isPaper))
    }
    return facts
  }

  private func look(
    _ exchange: Configuration.Exchange, as credentials: () throws -> V5Credentials?
  ) async -> KeyFact.Outcome {
    guard let credentials = try? credentials() else {
      return .unchecked("the key or its secret is missing")
    }
    do {
      let rest = try client(exchange, credentials)
      try await rest.synchroniseClock()
      let reply = try await rest.apiKey().accepted()
      guard let description = KeyDescription(queryAPI: reply.result) else {
        return .unchecked("the exchange does not say whose it is")
      }
      return .seen(description)
    } catch let error as V5Error where error.code == .refused || error.httpStatus == 401 {
      // Exchanges repeat the key in their words.
      return .refused(error.message.replacing(credentials.key, with: "…"))
    } catch {
      return .unchecked("\(error)")
    }
  }
}

extension Configuration.Endpoint {
  /// Addresses that mean all of the machine's are no place to connect to.
  var reachable: Self {
    var place = self
    if place.host == "0.0.0.0" { place.host = "127.0.0.1" }
    if place.host == "::" { place.host = "::1" }
    return place
  }
}
