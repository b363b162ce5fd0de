import AgentBridge
import ArgumentParser
import Foundation
import Gateway
import JSON
import Networking
import TLS

struct WrapCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wrap",
    abstract: "Be a stdio MCP server for a client, through the running gateway.",
    discussion: """
      For clients that launch their servers: write `countersign wrap -- ` before the command that \
      is in the client's configuration. COMMAND must be the command of an upstream in the \
      gateway's configuration, word for word; the gateway runs it, not this program. Or name the \
      upstream with --upstream; without both it is the gateway's first one.

      The agent's token comes from COUNTERSIGN_TOKEN or --token-file. Without a gateway, a token \
      or an upstream the client stays usable: every call is refused with the command that mends \
      it, and works as soon as it is mended.
      """)

  @OptionGroup var config: ConfigOptions

  @Option(help: "URL of the agents' listener. Default: the configuration's.")
  var gateway: String?

  @Option(help: "PEM file of the authority that signed the gateway's certificate.")
  var ca: String?

  @Option(help: "A 0600 file whose first line is the agent's token. Default: COUNTERSIGN_TOKEN.")
  var tokenFile: String?

  @Option(help: "The upstream's name in the gateway's configuration.")
  var upstream: String?

  @Argument(parsing: .postTerminator, help: "The command of an upstream, after --.")
  var command: [String] = []

  func validate() throws {
    guard upstream == nil || command.isEmpty else {
      throw ValidationError("give either --upstream NAME or -- COMMAND, not both")
    }
  }

  func run() async throws {
    let place = WrapPlace(
      config: config, gateway: gateway, ca: ca, tokenFile: tokenFile, upstream: upstream,
      command: command)
    let service = BridgeService(
      version: GatewayService.version, locate: { () throws(BridgeProblem) in try place.find() },
      note: { Standard.error("countersign wrap: \($0)") })
    try await untilSignal {
      await service.run()
    } onSignal: {
      // Reading standard input cannot be interrupted.
      await service.end()
      Foundation.exit(0)
    }
  }
}

/// Where `wrap` finds its gateway; read again before every attempt.
private struct WrapPlace: Sendable {
  var config: ConfigOptions
  var gateway: String?
  var ca: String?
  var tokenFile: String?
  var upstream: String?
  var command: [String]

  func find() throws(BridgeProblem) -> BridgePlace {
    let name = try name()
    return BridgePlace(url: try url(name), token: try token(), security: try security())
  }

  private func security() throws(BridgeProblem) -> TLSClient {
    let given =
      ca
      ?? ProcessInfo.processInfo.environment["COUNTERSIGN_CA"].flatMap {
        $0.isEmpty ? nil : $0
      }
    let configured = gateway == nil ? (try? config.read())?.tls?.authority : nil
    do {
      let files = try [given ?? configured].compactMap(\.self).map { try Files.read($0) }
      return TLSClient(try .client(trust: TLSTrust(authorities: files)))
    } catch {
      throw BridgeProblem("\(error)")
    }
  }

  /// Nil is the gateway's first upstream.
  private func name() throws(BridgeProblem) -> String? {
    if let upstream { return upstream }
    if command.isEmpty { return nil }
    let known: Configuration
    do {
      known = try config.read()
    } catch {
      throw BridgeProblem(
        "the configuration that names the upstreams cannot be read (\(error)); mend it, or give "
          + "--upstream NAME instead of the command")
    }
    if let found = known.upstreams.first(where: { $0.command == command }) {
      return found.name.string
    }
    let names = known.upstreams.map(\.name.string).joined(separator: ", ")
    throw BridgeProblem(
      "no upstream in \(config.path) has the command `\(command.joined(separator: " "))`; add it "
        + "under \"upstreams\" there and start `countersign gateway` again, or give --upstream with "
        + "one of: \(names)")
  }

  private func url(_ upstream: String?) throws(BridgeProblem) -> WebURL {
    do throws(NetworkError) {
      let base = try WebURL(gateway ?? configured)
      guard base.scheme == .https || base.scheme == .http && base.isLoopback else {
        throw NetworkError(
          .badURL, "\(base) is no place for a token: only https:// leaves this machine",
          fix: "give --gateway an https:// URL")
      }
      return try base.appending(upstream.map { "/mcp/\($0)" } ?? "/mcp")
    } catch {
      throw BridgeProblem("\(error)")
    }
  }

  private var configured: String {
    guard let known = try? config.read() else {
      let place = Configuration.defaultAgents
      return "http://\(place.host):\(place.port)"
    }
    var listener = known.agents
    // Addresses that mean all of the machine's are no place to connect to.
    if listener.host == "0.0.0.0" { listener.host = "127.0.0.1" }
    if listener.host == "::" { listener.host = "::1" }
    return known.url(listener, port: listener.port)
  }

  private func token() throws(BridgeProblem) -> String {
    do {
      if let tokenFile { return try checked(try Files.secret(tokenFile)) }
      let given = ProcessInfo.processInfo.environment["COUNTERSIGN_TOKEN"] ?? ""
      guard !given.isEmpty else {
        throw Files.Failure(
          "there is no agent token; run `countersign agent add NAME` and put what it prints in "
            + "COUNTERSIGN_TOKEN or in a 0600 file for --token-file")
      }
      return try checked(given)
    } catch {
      throw BridgeProblem("\(error)")
    }
  }

  private func checked(_ token: String) throws -> String {
    guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw Files.Failure(
        "the agent's token holds characters that no token has; copy it again, or make another one "
          + "with `countersign agent add NAME`")
    }
    return token
  }
}
