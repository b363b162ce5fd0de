import Bybit
import Cryptography
import Foundation
import JSON
package import Logging
import MCP
package import Networking
package import Time

/// A stdio MCP server with the order tools of Bybit's official one, for any V5 base URL.
///
/// Names, input schemas and result shapes are the official server's, its traps included: a rejected
/// WebSocket order is a successful result, unknown keys are dropped without a word.
package struct BybitToolsServer: Sendable {
  /// What one session may cost.
  package struct Limits: Sendable {
    /// Bytes of one message of the client.
    package var lineBytes: Int
    /// Calls under way at once.
    package var calls: Int
    /// From the open trade socket to the answer.
    package var trade: Duration

    package init(
      lineBytes: Int = 1 << 20, calls: Int = 256, trade: Duration = .seconds(5)
    ) {
      self.lineBytes = lineBytes
      self.calls = calls
      self.trade = trade
    }
  }

  private let exchange: Exchange
  private let limits: Limits
  private let tools: [ToolDefinition]
  private let logger: Logger

  /// Where to go when the environment names no URL: never the exchange with real money.
  private static let testnet = (
    rest: "https://api-testnet.bybit.com", stream: "wss://stream-testnet.bybit.com"
  )

  /// - Parameters:
  ///   - environment: `BYBIT_API_KEY`, `BYBIT_API_SECRET` or `BYBIT_API_PRIVATE_KEY_PATH` (an RSA key
  ///     in PEM form, which wins), `BYBIT_REST_URL`, `BYBIT_STREAM_URL`; the testnet without URLs,
  ///     public tools only without a key. `BYBIT_TOOLS_FAULTS` lists faults of the official server
  ///     to reproduce.
  ///   - security: TLS for `https` and `wss`.
  ///   - logger: Where it logs; standard error by default.
  ///   - now: The wall clock.
  /// - Throws: `NetworkError` for a URL that cannot be used.
  package init(
    environment: [String: String], limits: Limits = Limits(),
    security: any ConnectionSecurity = NoConnectionSecurity(),
    logger: Logger = Logger(
      label: "bybit-tools", factory: { StreamLogHandler.standardError(label: $0) }),
    now: @escaping @Sendable () -> Timestamp
  ) throws {
    let credentials = try Self.credentials(environment)
    exchange = Exchange(
      credentials: credentials,
      rest: try WebURL(environment["BYBIT_REST_URL"] ?? Self.testnet.rest),
      stream: try WebURL(environment["BYBIT_STREAM_URL"] ?? Self.testnet.stream),
      tradeTimeout: limits.trade, security: security, faults: try Fault.read(environment),
      now: now)
    self.limits = limits
    tools = try Tool.all.map { try ToolDefinition(json: JSONCursor($0.definition)) }
    self.logger = logger
  }

  /// Serves standard input and output until the input ends and every call is answered.
  package func run() async throws {
    try await run(on: LinePipes(lineBytes: limits.lineBytes))
  }

  /// Serves `pipes` until its input ends and every call is answered.
  func run(on pipes: LinePipes) async throws {
    let session = ServerSession(
      configuration: ServerSession.Configuration(
        name: "countersign-bybit-tools", version: "1", requestLimit: limits.calls),
      tools: tools)
    let conversation = Conversation(session, exchange, pipes, logger)
    logger.info("\(tools.count) tools, \(exchange.credentials == nil ? "no key" : "with a key")")
    while let line = try await pipes.next() {
      await conversation.receive(line, limits: JSONLimits(bytes: limits.lineBytes))
    }
    await conversation.finish()
    await exchange.close()
  }

  private static func credentials(_ environment: [String: String]) throws -> V5Credentials? {
    guard let key = environment["BYBIT_API_KEY"] else { return nil }
    if let path = environment["BYBIT_API_PRIVATE_KEY_PATH"] {
      let pem = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
      return V5Credentials(key: key, rsa: try RSASigningKey(pem: pem))
    }
    return environment["BYBIT_API_SECRET"].map { V5Credentials(key: key, secret: $0) }
  }
}
