import ArgumentParser
import Cryptography
import Gateway
import JSON
import OperatorConsole
import OperatorProtocol
import Time

struct FreezeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "freeze",
    abstract: "Stop every held call before it is sent, or those of one agent; cancels still pass.",
    discussion: """
      A paused agent's new proposals are turned away, what it has waiting can be rejected but not \
      approved, and what was approved is not sent. Its reads and cancels pass.
      """)
  @OptionGroup var gateway: GatewayOptions
  @Option(help: "Pause this agent only.") var agent: String?
  @Option(help: "Why; shown to every operator, and to a paused agent.")
  var reason = "frozen from the command line"
  @Flag(help: "Cancel every open order of the account as well, whoever made it.")
  var cancelOrders = false

  func validate() throws {
    guard agent == nil || !cancelOrders else {
      throw ValidationError("--cancel-orders is about every order; leave --agent out")
    }
  }

  func run() async throws {
    let client = try gateway.client()
    do {
      try await Halt.order(client, .freeze, agent, reason)
    } catch let error as OperatorClientError
      where cancelOrders && error.refusal?.code == .refused
    {
      Standard.line("frozen already")
    }
    if cancelOrders { try await Halt.cancelAll(client, reason) }
  }
}

struct ThawCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "thaw", abstract: "End a freeze, or let one paused agent go on.")
  @OptionGroup var gateway: GatewayOptions
  @Option(help: "Let this agent go on.") var agent: String?
  @Option(help: "Why; recorded.") var reason = "thawed from the command line"

  func run() async throws {
    try await Halt.order(try gateway.client(), .thaw, agent, reason)
  }
}

enum Halt {
  static func order(
    _ client: OperatorClient, _ verb: HaltOrder.Verb, _ agent: String?, _ reason: String
  ) async throws {
    _ = try await client.halt(signed(verb, agent, client.key.name, reason))
    switch (verb, agent) {
    case (.freeze, nil): Standard.line("frozen")
    case (.freeze, let agent?): Standard.line("\(agent) is paused")
    case (_, nil): Standard.line("thawed")
    case (_, let agent?): Standard.line("\(agent) goes on")
    }
  }

  static func cancelAll(_ client: OperatorClient, _ reason: String) async throws {
    let report = try await client.cancelAll(signed(.cancelAll, nil, client.key.name, reason))
    for line in report.lines {
      Standard.line(
        "\(line.upstream) \(line.scope): \(line.isTaken ? "taken" : "NOT TAKEN") "
          + Plain.safe(line.words))
    }
    guard !report.lines.isEmpty else { return Standard.line("no open order is known") }
    guard report.isComplete else {
      throw Failure(
        Failure.partly, "not every cancel was taken; look at `countersign orders` and the exchange")
    }
  }

  private static func signed(
    _ verb: HaltOrder.Verb, _ agent: String?, _ name: Text, _ reason: String
  ) -> HaltOrder {
    HaltOrder(
      verb, agent: agent.map { Text($0) }, operatorName: name, reason: reason,
      decidedAt: SystemClock.now(), nonce: Text(Hex.encode(SystemRandom.bytes(16))))
  }
}
