import JSON
import OperatorProtocol

/// What a path of the operator API stands for.
enum OperatorEndpoint: Hashable, Sendable {
  case health, readiness
  case challenge, session
  case status, batches, decisions, orders, limits, halt, agents, operators, events
  case exposure, policy
  case batch(Text)
  case ledger, checkpoint, consistency, proof
  case tools, toolAcceptance
  case toolDefinitions(upstream: Text, tool: Text)

  /// Nil for a path that is not served.
  init?(path: String) {
    switch Text(path) {
    case "/healthz": self = .health
    case "/readyz": self = .readiness
    case Text(OperatorRoute.challenge): self = .challenge
    case Text(OperatorRoute.session): self = .session
    case Text(OperatorRoute.status): self = .status
    case Text(OperatorRoute.batches): self = .batches
    case Text(OperatorRoute.decisions): self = .decisions
    case Text(OperatorRoute.orders): self = .orders
    case Text(OperatorRoute.limits): self = .limits
    case Text(OperatorRoute.halt): self = .halt
    case Text(OperatorRoute.agents): self = .agents
    case Text(OperatorRoute.operators): self = .operators
    case Text(OperatorRoute.exposure): self = .exposure
    case Text(OperatorRoute.policy): self = .policy
    case Text(OperatorRoute.events): self = .events
    case Text(OperatorRoute.ledger): self = .ledger
    case Text(OperatorRoute.checkpoint): self = .checkpoint
    case Text(OperatorRoute.consistency): self = .consistency
    case Text(OperatorRoute.proof): self = .proof
    case Text(OperatorRoute.tools): self = .tools
    case Text(OperatorRoute.toolAcceptance): self = .toolAcceptance
    case let text where text.hasPrefix(Text(OperatorRoute.batches + "/")):
      let id = text.utf8.dropFirst(OperatorRoute.batches.utf8.count + 1)
      guard !id.isEmpty, !id.contains(UInt8(ascii: "/")), let id = Text(utf8: id) else {
        return nil
      }
      self = .batch(id)
    case let text:
      guard let (upstream, tool) = OperatorRoute.toolDrift(path: text) else { return nil }
      self = .toolDefinitions(upstream: upstream, tool: tool)
    }
  }

  /// The one method that it takes.
  var method: String {
    switch self {
    case .challenge, .session, .decisions, .halt, .toolAcceptance: "POST"
    default: "GET"
    }
  }

  /// The least role that may use it; nil for health and sign-in, which need no session.
  var role: Role? {
    switch self {
    case .health, .readiness, .challenge, .session: nil
    case .decisions, .halt, .toolAcceptance, .agents, .operators, .limits: .approver
    default: .viewer
    }
  }
}

/// The query of a request whose parameters are all whole numbers.
struct OperatorQuery {
  private var values: [Text: Int] = [:]

  /// Throws for parameters outside `known`, twice the same, and values that are no whole number.
  init(_ query: String?, known: Set<Text>) throws(OperatorRefusal) {
    guard let query, !query.isEmpty else { return }
    for pair in query.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false) {
      let parts = pair.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Text(utf8: parts[0]), known.contains(name) else {
        let list = known.sorted().map(\.string).joined(separator: ", ")
        throw OperatorRefusal(
          .badRequest, "the query has a parameter that is not known here; known: \(list)")
      }
      let digits = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
      guard let value = Int(digits), !digits.utf8.starts(with: "+".utf8) else {
        throw OperatorRefusal(.badRequest, "the query's \(name) is no whole number")
      }
      guard values.updateValue(value, forKey: name) == nil else {
        throw OperatorRefusal(.badRequest, "the query's \(name) stands more than once")
      }
    }
  }

  func optional(_ name: Text, in range: ClosedRange<Int>) throws(OperatorRefusal) -> Int? {
    guard let value = values[name] else { return nil }
    guard range.contains(value) else {
      throw OperatorRefusal(
        .badRequest,
        "the query's \(name) is \(value); \(range.lowerBound) to \(range.upperBound) is expected")
    }
    return value
  }

  func required(_ name: Text, in range: ClosedRange<Int>) throws(OperatorRefusal) -> Int {
    guard let value = try optional(name, in: range) else {
      throw OperatorRefusal(.badRequest, "the query's \(name) is required")
    }
    return value
  }
}
