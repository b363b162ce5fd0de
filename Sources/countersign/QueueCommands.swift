import ArgumentParser
import Cryptography
import Foundation
import Gateway
import JSON
import OperatorConsole
import OperatorProtocol
import Time

struct PendingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pending", abstract: "List the calls that wait for a decision.")
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let open = try await gateway.client().batches().filter { $0.state.isOpen }
    if output.json { return Standard.json(.array(open.map(\.json))) }
    if open.isEmpty { Standard.error("nothing waits for a decision") }
    for batch in open { Standard.line(Plain.line(batch)) }
  }
}

struct ShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one held call whole.")
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var output: JSONOption
  @Argument(help: "The approval id, cs_…") var id: String

  func run() async throws {
    let detail = try await gateway.client().batch(try BatchID(argument: id))
    guard SHA256.hash(detail.statement.utf8) == detail.summary.digest else {
      throw Failure(Failure.refused, "the statement does not match its digest; do not decide on it")
    }
    if output.json { return Standard.json(detail.json) }
    for line in try Plain.lines(detail) { Standard.line(line) }
  }
}

struct ApproveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Sign for a held call; waits until it is dispatched, or says what it waits for.")
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var output: JSONOption
  @Argument(help: "The approval id, cs_…") var id: String
  @Option(help: "The digest that you looked at: all 64 digits.") var digest: String
  @Option(help: "A note that is recorded.") var note = ""
  @Option(help: "Rule of a HIGH or unchecked finding group that you accept; repeat for each.")
  var accept: [String] = []

  func run() async throws {
    let client = try gateway.client()
    let batch = try await client.batch(try BatchID(argument: id)).summary
    let signed = try Decision(
      .approve, batch, client.key.name, digest: digest, note: note,
      accepted: accept.map { Text($0) })
    try await report(try await settled(try await client.decide(signed, cooling: false), client))
  }

  /// Follows the call for a while: it ends, or waits for somebody else.
  private func settled(_ first: BatchSummary, _ client: OperatorClient) async throws
    -> BatchSummary
  {
    var batch = first
    let deadline = ContinuousClock.now + .seconds(60)
    let grant = ContinuousClock.now + .seconds(2)
    while !batch.state.isSettled, batch.state != .partlySigned, ContinuousClock.now < deadline {
      // Approved and not taken up: it waits for its agent.
      if batch.state == .approved, !batch.isAgentWaiting, ContinuousClock.now > grant {
        return batch
      }
      try await Task.sleep(for: .milliseconds(100))
      batch = try await client.batch(batch.id).summary
    }
    return batch
  }

  private func report(_ batch: BatchSummary) async throws {
    if output.json {
      Standard.json(batch.json)
    } else {
      Standard.line("\(batch.id) \(batch.state.rawValue): \(words(batch))")
    }
    switch batch.state {
    case .acknowledged, .resolved, .partlySigned, .approved, .dispatching: return
    case .unknown: throw ExitCode(Failure.partly)
    default: throw ExitCode(Failure.refused)
    }
  }

  private func words(_ batch: BatchSummary) -> String {
    switch batch.state {
    case .partlySigned:
      "signed by \(batch.signedBy.map(\.string).joined(separator: ", ")); "
        + "\(batch.quorum - batch.signedBy.count) more must sign"
    case .approved: "it is sent when its agent asks again"
    default: batch.outcome
    }
  }
}

struct RejectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reject", abstract: "Reject a held call; its agent gets the reason.")
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var output: JSONOption
  @Argument(help: "The approval id, cs_…") var id: String
  @Option(help: "The reason.") var reason: String

  func run() async throws {
    let client = try gateway.client()
    let batch = try await client.batch(try BatchID(argument: id)).summary
    let signed = try Decision(
      .reject, batch, client.key.name, digest: batch.digest.hex, note: reason, accepted: [])
    let rejected = try await client.decide(signed)
    if output.json { return Standard.json(rejected.json) }
    Standard.line("\(rejected.id) \(rejected.state.rawValue): \(rejected.outcome)")
  }
}

struct ResolveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve",
    abstract: "Sign what became of a call whose outcome nobody knows; nothing is sent.",
    discussion: """
      Look at the exchange for the orderLinkIds that `countersign show ID` names, then say what you \
      found. The exchange's own word, should it come later, still counts more.
      """)
  @OptionGroup var gateway: GatewayOptions
  @OptionGroup var output: JSONOption
  @Argument(help: "The approval id, cs_…") var id: String
  @Option(help: "What became of the orders; recorded with your signature.") var note: String

  func run() async throws {
    let client = try gateway.client()
    let batch = try await client.batch(try BatchID(argument: id)).summary
    let signed = try Decision(
      .resolve, batch, client.key.name, digest: batch.digest.hex, note: note, accepted: [])
    let resolved = try await client.decide(signed)
    if output.json { return Standard.json(resolved.json) }
    Standard.line("\(resolved.id) \(resolved.state.rawValue): \(Plain.safe(resolved.outcome))")
  }
}

extension BatchID {
  init(argument text: String) throws {
    guard let id = BatchID(text) else {
      throw Failure(Failure.badInput, "\"\(text)\" is no approval id; ids look like cs_01J9Z3…")
    }
    self = id
  }
}

extension Decision {
  init(
    _ verb: Verb, _ batch: BatchSummary, _ name: Text, digest: String, note: String,
    accepted: [Text]
  ) throws {
    guard let signed = Digest(hex: digest) else {
      throw Failure(Failure.badInput, "--digest takes all 64 hexadecimal digits")
    }
    guard note.utf8.count <= Self.noteLimit else {
      throw Failure(Failure.badInput, "a note has at most \(Self.noteLimit) bytes")
    }
    self.init(
      verb: verb, batch: batch.id, revision: batch.revision, digest: signed,
      environment: batch.environment, operatorName: name, accepted: accepted, note: note,
      decidedAt: SystemClock.now(), nonce: Text(Hex.encode(SystemRandom.bytes(16))))
  }
}
