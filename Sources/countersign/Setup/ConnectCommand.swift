import ArgumentParser
import Foundation
import Gateway
import JSON
import Setup

struct ConnectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "connect", abstract: "Print what an MCP client needs to reach the gateway.",
    discussion: """
      Prints the piece of configuration, and where its file is. The agent's token is never printed: \
      the client gets it from the environment or from its file.
      """)

  @OptionGroup var config: ConfigOptions
  @OptionGroup var output: JSONOption
  @Argument(help: "Your client; generic for any other.") var client: Client
  @Option(help: "The upstream, where there are several. Default: the first.") var upstream: String?
  @Option(help: "URL of the agents' listener. Default: the configuration's.") var url: String?
  @Option(help: "The agent's name.") var agent = "agent"
  @Option(
    help: "Where the agent's token is. Default: NAME.token beside the configuration.",
    completion: .file())
  var tokenFile: String?

  func run() throws {
    let connection = try connection()
    let snippets = client.snippets(connection)
    if output.json {
      return Standard.json([
        "client": .string(client.rawValue), "patience": .string(client.patience),
        "snippets": .array(snippets.map(\.json)),
      ])
    }
    Standard.line("# \(client.name). While a call waits for a person: \(client.patience)")
    Standard.line(
      "# The gateway answers before that, with \"pending\"; its tool awaitApproval asks again.")
    if url == nil, let authority = try config.read().tls?.authority {
      Standard.line(
        "# It must trust \(authority): clients in Node read NODE_EXTRA_CA_CERTS, in Python "
          + "SSL_CERT_FILE.")
    }
    Standard.line("")
    for line in snippets.flatMap(\.lines) { Standard.line(Plain.safe(line)) }
  }

  private func connection() throws -> Connection {
    let base = try url ?? Self.address(try config.read())
    let token = URL(
      fileURLWithPath: tokenFile ?? config.directory + "/" + SetupFile.token(agent)
    ).path
    if System.status(token) == nil {
      Standard.error(
        "there is no \(token) yet. A token is shown once; this stores a new agent's: "
          + "(umask 077; \(Program.commands(config).line("agent", "add", agent)) > "
          + "\(Commands.quoted(token)))")
    }
    let (gateway, path) = Self.parts(base)
    return Connection(
      url: gateway + path + (try upstreamPath()), gateway: gateway, upstream: upstream,
      name: upstream.map { "countersign-\($0)" } ?? "countersign", program: Program.findable,
      tokenFile: token)
  }

  private func upstreamPath() throws -> String {
    guard let upstream else { return "" }
    if url == nil {
      let known = try config.read().upstreams.map(\.name.string)
      guard known.contains(upstream) else {
        throw Failure(
          Failure.badInput,
          "no upstream is called \(upstream); there is \(known.joined(separator: ", "))")
      }
    }
    return "/" + upstream
  }

  /// Host and path of the agents' listener, whether `/mcp` was given or not.
  private static func parts(_ url: String) -> (String, String) {
    var base = url
    while base.hasSuffix("/") { base.removeLast() }
    if base.hasSuffix("/mcp") { base.removeLast(4) }
    return (base, "/mcp")
  }

  private static func address(_ configuration: Configuration) throws -> String {
    let place = configuration.agents
    guard place.port != 0 else {
      throw Failure(
        Failure.badInput,
        "listen.agents has port 0: give --url with what the gateway printed as agents:")
    }
    return configuration.url(place.reachable, port: place.port)
  }
}

extension Client: ExpressibleByArgument {}
