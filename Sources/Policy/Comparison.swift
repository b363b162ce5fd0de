import Decimals
import JSON

/// What a value is compared with.
enum Operand: Hashable, Sendable, CustomStringConvertible {
  case number(ExactDecimal)
  case text(Text)
  case bool(Bool)

  var description: String {
    switch self {
    case .number(let number): number.description
    case .text(let text): "\"\(text)\""
    case .bool(let bool): bool ? "true" : "false"
    }
  }

  /// A number asked for and a numeric string given compare as numbers; other mixtures of types
  /// cannot be compared.
  func equals(_ value: JSONValue) -> Truth {
    switch (self, value) {
    case (.number(let number), _):
      guard let other = value.decimal else { return .unknown }
      return number == other ? .yes : .no
    case (.text(let text), .string(let other)): return text == other ? .yes : .no
    case (.bool(let bool), .bool(let other)): return bool == other ? .yes : .no
    case (.text, _), (.bool, _): return .unknown
    }
  }
}

/// One comparison of a value.
struct Comparison: Hashable, Sendable, CustomStringConvertible {
  enum Order: String, Hashable, Sendable { case lt, lte, gt, gte }

  enum Test: Hashable, Sendable {
    case equals(Operand, negated: Bool)
    case member([Operand], negated: Bool)
    case compare(Order, ExactDecimal)
    case regex(TextPattern)
    case contains(Operand)
    case exists(Bool)
    case inNetwork([NetworkRange])
    case within(TimeWindow)
  }

  let path: PolicyPath
  let test: Test

  func holds(_ scene: Scene, _ quantifier: Quantifier) -> Truth {
    if case .within(let window) = test { return window.contains(scene.now, scene.zones) }
    if path.fold == nil { return holds(path.start(in: scene), from: path.firstStep, quantifier) }
    var result = quantifier.start
    path.visit(scene) { result = quantifier.joins(result, holds($0)) }
    return result
  }

  /// Judges every value that the rest of the path leads to. Without a closure, which would carry a
  /// copy of the comparison to each of them.
  private func holds(
    _ start: JSONValue?, from place: Int, _ quantifier: Quantifier
  ) -> Truth {
    guard place < path.steps.count else { return holds(start) }
    guard case .every = path.steps[place] else {
      return holds(path.steps[place].one(of: start), from: place + 1, quantifier)
    }
    guard case .array(let all)? = start, !all.isEmpty else {
      return holds(nil, from: place + 1, quantifier)
    }
    var result = quantifier.start
    for one in all {
      result = quantifier.joins(result, holds(one, from: place + 1, quantifier))
    }
    return result
  }

  private func holds(_ value: JSONValue?) -> Truth {
    let isThere = if case .null? = value { false } else { value != nil }
    if case .exists(let wanted) = test { return isThere == wanted ? .yes : .no }
    guard isThere, let value else { return .unknown }
    switch test {
    case .exists, .within: return .unknown
    case .equals(let operand, let negated):
      let truth = operand.equals(value)
      return negated ? truth.opposite : truth
    case .member(let operands, let negated):
      let truth = Truth.any(operands.lazy.map { $0.equals(value) })
      return negated ? truth.opposite : truth
    case .compare(let order, let limit):
      guard let number = value.decimal else { return .unknown }
      return order.holds(number, limit) ? .yes : .no
    case .regex(let pattern):
      guard let found = value.textValue.flatMap({ pattern.occurs(in: $0) }) else { return .unknown }
      return found ? .yes : .no
    case .contains(let operand): return Self.contains(value, operand)
    case .inNetwork(let ranges):
      guard let address = value.textValue.flatMap(NetworkAddress.init) else { return .unknown }
      return ranges.contains { $0.contains(address) } ? .yes : .no
    }
  }

  private static func contains(_ value: JSONValue, _ operand: Operand) -> Truth {
    switch (value, operand) {
    case (.array(let elements), _): return Truth.any(elements.map(operand.equals))
    case (.string(let text), .text(let part)): return text.contains(part) ? .yes : .no
    default: return .unknown
    }
  }

  var description: String {
    switch test {
    case .equals(let operand, let negated): "\(path) \(negated ? "is not" : "is") \(operand)"
    case .member(let operands, let negated):
      "\(path) is \(negated ? "none" : "one") of "
        + operands.map(\.description).joined(separator: ", ")
    case .compare(let order, let limit): "\(path) \(order.sign) \(limit)"
    case .regex(let pattern): "\(path) matches /\(pattern.source)/"
    case .contains(let operand): "\(path) contains \(operand)"
    case .exists(let wanted): "\(path) is \(wanted ? "present" : "absent")"
    case .inNetwork(let ranges):
      "\(path) is in " + ranges.map(\.description).joined(separator: " or ")
    case .within(let window): "it is \(window)"
    }
  }
}

extension Comparison.Order {
  func holds(_ a: ExactDecimal, _ b: ExactDecimal) -> Bool {
    switch self {
    case .lt: a < b
    case .lte: a <= b
    case .gt: a > b
    case .gte: a >= b
    }
  }

  var sign: String {
    switch self {
    case .lt: "<"
    case .lte: "≤"
    case .gt: ">"
    case .gte: "≥"
    }
  }
}

extension Text {
  /// Whether the bytes of `part` occur in this text.
  fileprivate func contains(_ part: Text) -> Bool {
    let (all, part) = (bytes, part.bytes)
    guard !part.isEmpty else { return true }
    guard all.count >= part.count else { return false }
    return (0...(all.count - part.count)).contains { all[$0...].starts(with: part) }
  }
}
