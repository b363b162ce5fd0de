import Decimals
import JSON
import Time

extension Limit {
  /// `at most 30 calls per agent in any 1m`.
  var bound: String {
    let what = increment.map { "\(max) of \($0)" } ?? (max == .one ? "1 call" : "\(max) calls")
    let names = isRate ? scope.filter { $0 != .tool }.suffix(1) : scope[...]
    let whose = names.isEmpty ? "" : " per " + names.map(\.rawValue).joined(separator: " and ")
    return switch span {
    case .window(let length): "at most \(what)\(whose) in any \(length)"
    case .concurrent: "at most \(what)\(whose) under way at once"
    }
  }

  func uncountable(_ cause: Uncountable, at pointer: String) -> Verdict {
    let path = increment?.description ?? "the call"
    var verdict = Verdict(
      .deny, rule: pointer,
      reason: "The limit \"\(counter)\" counts \(path), which \(cause.words)")
    verdict.counter = counter
    return verdict
  }

  func denial(_ refusal: Counters.Refusal, at pointer: String) -> Verdict {
    let words =
      switch refusal.cause {
      case .over: "The limit \"\(counter)\" is reached: \(bound)"
      case .never: "This call alone is more than the limit \"\(counter)\" allows: \(bound)"
      case .full:
        "The limit \"\(counter)\" can keep no more calls; wait until earlier ones leave its window"
      }
    var verdict = Verdict(.deny, rule: pointer, reason: message ?? words)
    verdict.retryAfter = refusal.wait
    verdict.counter = counter
    return verdict
  }
}

extension Limit {
  private var isRate: Bool { place == "rate_limit" }

  /// For `policy check`: the bound, its counter, and what the agent is told.
  var words: String {
    guard !isRate else { return bound }
    return "\(bound) (counter \(counter))" + (message.map { " (\"\($0)\")" } ?? "")
  }

  /// Limits of one list that let nothing through, or never deny. What limits of other lists count
  /// too, `shared`, may be reached through those.
  static func warnings(
    _ limits: [Limit], of name: String, shared: Set<Identity>
  ) -> [String] {
    limits.flatMap { limit -> [String] in
      if limit.max.isZero {
        let rest = limit.increment == nil ? "every call is denied" : "only amounts of 0 pass"
        return ["\(name): \(limit.place) allows nothing, \(rest)"]
      }
      guard !shared.contains(limit.identity) else { return [] }
      let stricter = limits.first { $0.place != limit.place && $0.makesIdle(limit) }
      return stricter.map {
        ["\(name): \(limit.place) can never deny, \($0.place) is reached first"]
      } ?? []
    }
  }

  /// Whether `other` can never be reached, because this one counts the same things together and
  /// allows no more of them in all the spans that cover the other's.
  private func makesIdle(_ other: Limit) -> Bool {
    guard scope == other.scope, increment == other.increment,
      case .window(let own) = span, case .window(let length) = other.span, !max.isZero
    else { return false }
    let spans = (length.count + own.count - 1) / own.count
    guard let most = try? max * ExactDecimal(spans) else { return false }
    // Of two that are the same in all but their names, neither comes first.
    return most < other.max || most == other.max && own != length
  }
}
