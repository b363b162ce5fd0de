/// Whether something holds. `unknown` satisfies no condition; what it does to a call is for the
/// rule to say, and no rule lets it pass.
enum Truth: Hashable, Sendable {
  case yes, no, unknown

  var opposite: Truth { self == .yes ? .no : self == .no ? .yes : .unknown }

  func or(_ other: Truth) -> Truth {
    if self == .yes || other == .yes { return .yes }
    return self == .unknown || other == .unknown ? .unknown : .no
  }

  func and(_ other: Truth) -> Truth { opposite.or(other.opposite).opposite }

  /// One yes is enough.
  static func any(_ all: some Sequence<Truth>) -> Truth {
    var result = Truth.no
    for one in all {
      if one == .yes { return .yes }
      if one == .unknown { result = .unknown }
    }
    return result
  }

  /// One no is enough to fail.
  static func every(_ all: some Sequence<Truth>) -> Truth {
    any(all.lazy.map(\.opposite)).opposite
  }
}

/// How many of the values under a path with a wildcard must pass.
enum Quantifier: Hashable, Sendable {
  case any, every

  var opposite: Quantifier { self == .any ? .every : .any }

  /// What is known before the first value, and after one more.
  var start: Truth { self == .any ? .no : .yes }
  func joins(_ a: Truth, _ b: Truth) -> Truth { self == .any ? a.or(b) : a.and(b) }
}

/// What must be true of a call: a comparison, or others joined.
indirect enum Condition: Hashable, Sendable, CustomStringConvertible {
  case comparison(Comparison)
  case any([Condition])
  case all([Condition])
  case not(Condition)

  /// Inside `not` the quantifier turns round, so that "not every leg is small" is what "not" of
  /// "every leg is small" means.
  func holds(_ scene: Scene, _ quantifier: Quantifier) -> Truth {
    switch self {
    case .comparison(let one): one.holds(scene, quantifier)
    case .any(let all): Truth.any(all.lazy.map { $0.holds(scene, quantifier) })
    case .all(let all): Truth.every(all.lazy.map { $0.holds(scene, quantifier) })
    case .not(let one): one.holds(scene, quantifier.opposite).opposite
    }
  }

  /// Every comparison in it.
  var comparisons: [Comparison] {
    switch self {
    case .comparison(let one): [one]
    case .any(let all), .all(let all): all.flatMap(\.comparisons)
    case .not(let one): one.comparisons
    }
  }

  var description: String { words(.any, named: false) }

  /// In words; `named` puts "any" or "every" before a path with a wildcard.
  func words(_ quantifier: Quantifier, named: Bool = true) -> String {
    switch self {
    case .comparison(let one):
      let prefix = named && one.path.hasWildcard ? (quantifier == .any ? "any " : "every ") : ""
      return prefix + one.description
    case .any(let all): return Self.joined(all, " or ", quantifier, named)
    case .all(let all): return Self.joined(all, " and ", quantifier, named)
    case .not(let one): return "not (\(one.words(quantifier.opposite, named: named)))"
    }
  }

  private static func joined(
    _ all: [Condition], _ word: String, _ quantifier: Quantifier, _ named: Bool
  ) -> String {
    "(\(all.map { $0.words(quantifier, named: named) }.joined(separator: word)))"
  }
}
