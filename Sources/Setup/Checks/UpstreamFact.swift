import JSON

/// An MCP server behind the gateway: can it be started, and does it look at the same exchange?
package struct UpstreamFact: Fact, Hashable {
  package enum Reach: Hashable, Sendable {
    /// A child process; nil where the program is found nowhere on PATH.
    case command(program: String, found: String?)
    case url(String, wrong: String?)
  }

  package var name: String
  package var reach: Reach
  /// Exchange that the child's settings name, where they name one.
  package var exchange: String?
  /// Exchange that the gateway reads.
  package var gatewayExchange: String?

  package init(
    name: String, reach: Reach, exchange: String? = nil, gatewayExchange: String? = nil
  ) {
    self.name = name
    self.reach = reach
    self.exchange = exchange
    self.gatewayExchange = gatewayExchange
  }

  package func findings(_ commands: Commands) -> [Finding] { [reachable] + agreement }

  private var reachable: Finding {
    switch reach {
    case .command(let program, let found?):
      Finding(.upstream, .ok, "\(name): \(program == found ? program : "\(program) is \(found)")")
    case .command(let program, nil):
      Finding(
        .upstream, .problem, "\(name): the program \(program) is not on PATH",
        mend: program == "npx"
          ? "install Node.js 18 or later (Debian, Ubuntu: apt-get install nodejs npm)"
          : "install it, or give its full path in upstreams.\(name).command")
    case .url(let url, nil): Finding(.upstream, .ok, "\(name): \(url)")
    case .url(_, let wrong?):
      Finding(
        .upstream, .problem, "\(name): \(wrong)", mend: "correct upstreams.\(name).url")
    }
  }

  private var agreement: [Finding] {
    guard let exchange, let gatewayExchange, Text(exchange) != Text(gatewayExchange) else {
      return []
    }
    return [
      Finding(
        .upstream, .problem,
        "\(name): it trades at \(exchange), but the gateway reads \(gatewayExchange)",
        mend: "make upstreams.\(name).env and exchange.rest name the same exchange")
    ]
  }
}
