package import Decimals
package import JSON
package import Time

/// How much of something may happen in any span of time, or at once.
package struct Limit: Hashable, Sendable {
  /// Whose use is counted together: everything that agrees in all these parts. None: all calls.
  package enum Part: String, CaseIterable, Hashable, Sendable {
    /// The tool's name.
    case tool
    /// The tool's category in the catalogue; without one the key of the document whose rules it takes.
    case category
    /// The name that the agent signed in with.
    case agent
    /// The agent's MCP session; an agent that has none counts as one session.
    case session
  }

  package enum Span: Hashable, Sendable {
    /// Any stretch of this length.
    case window(Milliseconds)
    /// Calls that are under way at one moment.
    case concurrent
  }

  package let counter: Text
  package let span: Span
  package let max: ExactDecimal
  /// In the order of `Part`.
  package let scope: [Part]
  /// What is added up; nil: calls.
  package let increment: PolicyPath?
  let message: String?
  /// What stands in the document behind the tool's name: `limits/0` or `rate_limit`.
  let place: String

  /// Limits in one list.
  package static let perList = 20
  /// Calls that one limit may allow in its window: each is kept to its moment.
  package static let mostCalls = 10_000
  /// The largest amount of one call and of one limit.
  package static let mostAmount = ExactDecimal(1_000_000_000_000_000)
  /// Digits after the point that an amount may have. With both bounds no sum is ever inexact.
  package static let mostDigits = 18
  static let windows = Milliseconds.seconds(1)...Milliseconds.seconds(2_678_400)

  /// Two limits that agree in these count the same thing.
  var identity: Identity { Identity(counter: counter, span: span, scope: scope) }

  /// The first parts of the paths that it reads.
  var roots: [Text] {
    [increment?.rootName, scope.contains(.session) ? "session" : nil].compactMap(\.self)
  }

  struct Identity: Hashable {
    let counter: Text
    let span: Span
    let scope: [Part]
  }
}

extension Limit {
  /// The place of a count: the counter, what it counts together, and for how long.
  struct Key: Hashable, Sendable {
    let counter: Text
    let span: Span
    let scope: [Part]
    /// What each part of `scope` is, in its order.
    let values: [Text]
  }

  /// What one call adds to one count.
  struct Claim: Hashable, Sendable {
    let key: Key
    let amount: ExactDecimal
    /// Whether it counts the call itself, and no amount in it.
    let isCall: Bool
  }

  /// What a call adds; a failure says in words why that is not known.
  func claim(of scene: Scene, category: Text) -> Result<Claim, Uncountable> {
    let values = scope.map { part in
      switch part {
      case .tool: scene.call.tool
      case .category: category
      case .agent: scene.call.agent
      case .session: scene.call.facts["session"]?["id"]?.textValue ?? ""
      }
    }
    let key = Key(counter: counter, span: span, scope: scope, values: values)
    guard let increment else {
      return .success(Claim(key: key, amount: .one, isCall: true))
    }
    return increment.amount(in: scene).map { Claim(key: key, amount: $0, isCall: false) }
  }

  /// Why an increment counts for nothing and denies the call.
  enum Uncountable: Error, Hashable, Sendable {
    case missing, notANumber, negative, tooLarge

    var words: String {
      switch self {
      case .missing: "is missing or cannot be computed"
      case .notANumber: "is no number, or one of too many digits"
      case .negative: "is negative"
      case .tooLarge:
        "is more than \(Limit.mostAmount) or has more than \(Limit.mostDigits) digits after the point"
      }
    }
  }
}

extension PolicyPath {
  /// The sum of all numbers at the path, none of which may make room for another.
  fileprivate func amount(in scene: Scene) -> Result<ExactDecimal, Limit.Uncountable> {
    var total = Result<ExactDecimal, Limit.Uncountable>.success(.zero)
    visitParts(scene) { value in
      total = total.flatMap { sum in Self.amount(value).flatMap { Self.sum(sum, $0) } }
    }
    return total
  }

  private static func amount(_ value: JSONValue?) -> Result<ExactDecimal, Limit.Uncountable> {
    guard let value, value != .null else { return .failure(.missing) }
    guard let number = value.decimal?.normalized else { return .failure(.notANumber) }
    return number.isNegative ? .failure(.negative) : bounded(number)
  }

  private static func sum(
    _ a: ExactDecimal, _ b: ExactDecimal
  ) -> Result<ExactDecimal, Limit.Uncountable> {
    guard let sum = try? a + b else { return .failure(.tooLarge) }
    return bounded(sum)
  }

  private static func bounded(_ number: ExactDecimal) -> Result<ExactDecimal, Limit.Uncountable> {
    number <= Limit.mostAmount && number.scale <= Limit.mostDigits
      ? .success(number) : .failure(.tooLarge)
  }
}
