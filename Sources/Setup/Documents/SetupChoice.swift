import JSON

/// What a person chose at `init`.
package struct SetupChoice: Hashable, Sendable {
  package enum Environment: String, Hashable, Sendable, CaseIterable {
    case paper, testnet, mainnet
  }

  package var environment: Environment
  /// How the gateway finds this program, for `bybit-tools`.
  package var program: String
  package var agents: String
  package var operators: String
  /// Where the paper exchange listens.
  package var exchange: String

  package init(
    environment: Environment, program: String, agents: String = "127.0.0.1:8787",
    operators: String = "127.0.0.1:8788", exchange: String = "127.0.0.1:8931"
  ) {
    self.environment = environment
    self.program = program
    self.agents = agents
    self.operators = operators
    self.exchange = exchange
  }
}

/// The files of a new installation, by their names in its directory.
package enum SetupFile {
  package static let configuration = "config.json"
  package static let policy = "policy.json"
  package static let catalogue = "catalogue.json"
  package static let state = "state"
  package static let operatorKey = "operator.key"
  package static let secrets = "secrets"

  package static func token(_ agent: String) -> String { agent + tokenSuffix }
  package static let tokenSuffix = ".token"

  /// A secret: its file, and what stands in it.
  package struct Secret: Hashable, Sendable {
    package var name: String
    package var words: String
  }

  package static let tradeKey = Secret(name: "secrets/trade.key", words: "the trading key")
  package static let tradeSecret = Secret(
    name: "secrets/trade.secret", words: "the trading key's secret")
  package static let readKey = Secret(
    name: "secrets/read.key", words: "the read-only key")
  package static let readSecret = Secret(
    name: "secrets/read.secret", words: "the read-only key's secret")
  package static let allSecrets = [tradeKey, tradeSecret, readKey, readSecret]
}

extension SetupChoice {
  /// The configuration's text.
  package var configuration: String {
    """
    {
      "listen": {"agents": \(Self.text(agents)), "operators": \(Self.text(operators))},
      "state": "\(SetupFile.state)",
      "policy": "\(SetupFile.policy)",
      "upstreams": {
        "bybit": {
          "command": [\(command.map(Self.text).joined(separator: ", "))],
          "env": {
            "BYBIT_API_KEY": {"file": "\(SetupFile.tradeKey.name)"},
            "BYBIT_API_SECRET": {"file": "\(SetupFile.tradeSecret.name)"}\(settings)
          }
        }
      },
      "exchange": {
        "rest": \(Self.text(rest)),
        "stream": \(Self.text(stream)),
        "key": {"file": "\(SetupFile.readKey.name)"},
        "secret": {"file": "\(SetupFile.readSecret.name)"}
      },
      "hold": {"ttl": "15m", "wait": "25s"}
    }

    """
  }

  /// Bybit's own server, or the program's order tools where the exchange is on paper.
  private var command: [String] {
    environment == .paper
      ? [program, "bybit-tools"] : ["npx", "-y", "bybit-official-trading-server@latest"]
  }

  private var settings: String {
    let more: [(String, String)] =
      switch environment {
      case .paper: [("BYBIT_REST_URL", rest), ("BYBIT_STREAM_URL", stream)]
      case .testnet: [("BYBIT_TESTNET", "true")]
      case .mainnet: []
      }
    return more.map { ",\n        \"\($0.0)\": \(Self.text($0.1))" }.joined()
  }

  package var rest: String {
    switch environment {
    case .paper: "http://\(exchange)"
    case .testnet: BybitPlace.testnet
    case .mainnet: BybitPlace.mainnet
    }
  }

  private var stream: String {
    switch environment {
    case .paper: "ws://\(exchange)"
    case .testnet: "wss://stream-testnet.bybit.com"
    case .mainnet: "wss://stream.bybit.com"
    }
  }

  private static func text(_ string: String) -> String {
    JSONWriter.canonicalText(of: .string(string))
  }
}

/// Where Bybit's own server trades, by its settings.
package enum BybitPlace {
  package static let mainnet = "https://api.bybit.com"
  package static let testnet = "https://api-testnet.bybit.com"

  /// The exchange that an upstream's plain settings name. Nil where they do not tell.
  package static func of(settings: [String: String], command: [String]) -> String? {
    if let url = settings["BYBIT_REST_URL"] { return url }
    guard command.contains(where: { $0.hasPrefix("bybit-official-trading-server") }) else {
      return nil
    }
    return settings["BYBIT_TESTNET"] == "true" ? testnet : mainnet
  }
}
