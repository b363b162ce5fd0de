import Decimals
package import JSON

/// Where a condition looks: `args.a.b`, `args.request[*].qty`, `sum(args.request[*].qty)`, or one of
/// `CallFact.all`.
package struct PolicyPath: Hashable, Sendable, CustomStringConvertible {
  enum Root: Hashable, Sendable {
    case arguments, agentName, now, tool
    case fact(Text)
  }

  enum Step: Hashable, Sendable {
    case key(Text)
    case index(Int)
    case every
  }

  /// Makes one value of all those under a path.
  enum Fold: String, CaseIterable, Hashable, Sendable { case sum, count, min, max, distinct }

  let root: Root
  let steps: [Step]
  let fold: Fold?
  package let description: String

  /// Whether it may yield more than one value.
  package var hasWildcard: Bool { fold == nil && steps.contains(.every) }

  /// The first part: `args`, `order`, `risk`, …
  package var rootName: Text {
    switch root {
    case .arguments: "args"
    case .agentName: "agent"
    case .now: "time"
    case .tool: "tool"
    case .fact(let name): name
    }
  }

  /// Nil when the text is no path; `help` says what one looks like.
  package init?(_ text: Text) {
    description = text.string
    var inside = text.string[...]
    var fold: Fold?
    for one in Fold.allCases where inside.hasPrefix(one.rawValue + "(") && inside.hasSuffix(")") {
      fold = one
      inside = inside.dropFirst(one.rawValue.count + 1).dropLast()
      break
    }
    guard let place = Self.place(inside) else { return nil }
    // Folding one value is a mistake, and so is folding the clock.
    guard fold == nil || place.steps.contains(.every) else { return nil }
    (root, steps, self.fold) = (place.root, place.steps, fold)
  }

  package static let help =
    "a path is args.name, args.list[*].name, args.list[0], a fact such as agent.name or "
    + "order.notional.USDT, or sum, count, min, max or distinct of one with [*], such as "
    + "sum(args.list[*].qty)"

  // MARK: Reading

  private static func place(_ text: Substring) -> (root: Root, steps: [Step])? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 1 else { return nil }
    var steps: [Step] = []
    for part in parts.dropFirst() {
      guard let more = Self.steps(of: part) else { return nil }
      steps += more
    }
    let root = Text(parts[0])
    if root == "args" { return (.arguments, steps) }
    guard case .key(let name)? = steps.first,
      let fact = CallFact.all.first(where: { $0.root == root && $0.name == name }),
      fact.shape.takes(steps.dropFirst())
    else { return nil }
    switch root {
    case "agent": return (.agentName, [])
    case "time": return (.now, [])
    case "tool": return (.tool, steps)
    default: return (.fact(root), steps)
    }
  }

  /// `name`, `name[*]`, `name[3][*]`.
  private static func steps(of part: Substring) -> [Step]? {
    let name = part.prefix { $0 != "[" }
    guard !name.isEmpty, !name.contains("]"), !name.contains("("), !name.contains(")") else {
      return nil
    }
    var steps = [Step.key(Text(name))]
    var rest = part.dropFirst(name.count)
    while !rest.isEmpty {
      guard rest.first == "[", let close = rest.firstIndex(of: "]") else { return nil }
      let inside = rest[rest.index(after: rest.startIndex)..<close]
      if inside == "*" {
        steps.append(.every)
      } else {
        let isIndex = !inside.isEmpty && inside.utf8.allSatisfy { (48...57).contains($0) }
        guard isIndex, let index = Int(inside) else { return nil }
        steps.append(.index(index))
      }
      rest = rest[rest.index(after: close)...]
    }
    return steps
  }

  // MARK: Looking

  /// What the path begins at: the arguments' member for `args.a`, else what the root stands for.
  func start(in scene: Scene) -> JSONValue? {
    switch root {
    case .now: nil
    case .agentName: .string(scene.call.agent)
    case .arguments: first(in: scene.call.arguments)
    case .tool: first(in: scene.tool)
    case .fact(let root): scene.call.facts[root]
    }
  }

  /// The first step behind what `start` gives.
  var firstStep: Int { root == .arguments || root == .tool ? 1 : 0 }

  /// Behind `args` and `tool` stands a name.
  private func first(in object: JSONObject) -> JSONValue? {
    guard case .key(let key)? = steps.first else { return nil }
    return object[key]
  }

  /// Hands every value at the path to `body`: one, or one for each element under a wildcard. Nil
  /// where there is none.
  func visit(_ scene: Scene, _ body: (JSONValue?) -> Void) {
    let start = start(in: scene)
    guard let fold else { return visit(start, from: firstStep, ofEmpty: true, body) }
    var all: [JSONValue?] = []
    visit(start, from: firstStep, ofEmpty: false) { all.append($0) }
    body(fold.value(of: all))
  }

  /// As `visit`, but of a sum every value that it adds up.
  func visitParts(_ scene: Scene, _ body: (JSONValue?) -> Void) {
    guard fold == .sum else { return visit(scene, body) }
    visit(start(in: scene), from: firstStep, ofEmpty: false, body)
  }

  /// - Parameter ofEmpty: Whether an empty array counts as one value that is not there.
  private func visit(
    _ start: JSONValue?, from place: Int, ofEmpty: Bool, _ body: (JSONValue?) -> Void
  ) {
    var value = start
    for place in place..<steps.count {
      guard case .every = steps[place] else {
        value = steps[place].one(of: value)
        continue
      }
      // What is no array counts as one value that is not there.
      guard case .array(let all)? = value else {
        value = nil
        continue
      }
      if all.isEmpty, ofEmpty { visit(nil, from: place + 1, ofEmpty: ofEmpty, body) }
      for one in all { visit(one, from: place + 1, ofEmpty: ofEmpty, body) }
      return
    }
    body(value)
  }
}

extension CallFact.Shape {
  /// Whether a path may go on with `rest` behind the fact's name.
  fileprivate func takes(_ rest: ArraySlice<PolicyPath.Step>) -> Bool {
    let rest = Array(rest)
    switch self {
    case .value: return rest.isEmpty
    case .list: return rest.isEmpty || rest.count == 1 && rest[0].isElement
    case .byName: return rest.count == 1 && !rest[0].isElement
    case .rows(let members):
      guard rest.count == 2, rest[0].isElement, case .key(let name) = rest[1] else { return false }
      return members.contains(name)
    }
  }
}

extension PolicyPath.Step {
  /// What a name or place leads to.
  func one(of value: JSONValue?) -> JSONValue? {
    switch (self, value) {
    case (.key(let key), .object(let object)?): object[key]
    case (.index(let index), .array(let all)?): all.indices.contains(index) ? all[index] : nil
    default: nil
    }
  }

  /// Whether it goes into an array.
  fileprivate var isElement: Bool { if case .key = self { false } else { true } }
}

extension PolicyPath.Fold {
  /// One value of all; nil when any of them is missing or, where numbers are needed, is none.
  fileprivate func value(of all: [JSONValue?]) -> JSONValue? {
    let present = all.compactMap(\.self)
    guard present.count == all.count, !present.contains(.null) else { return nil }
    switch self {
    case .count: return .int(present.count)
    case .distinct: return .int(Set(present.map(JSONWriter.canonicalBytes)).count)
    case .sum, .min, .max:
      let numbers = present.compactMap(\.decimal)
      guard numbers.count == present.count else { return nil }
      return Self.number(self, numbers).flatMap { JSONNumber(literal: $0.description) }
        .map(JSONValue.number)
    }
  }

  private static func number(_ fold: Self, _ all: [ExactDecimal]) -> ExactDecimal? {
    switch fold {
    case .min: return all.min()
    case .max: return all.max()
    default:
      var sum: ExactDecimal = 0
      for one in all {
        guard let next = try? sum + one else { return nil }
        sum = next
      }
      return sum
    }
  }
}

extension JSONValue {
  /// A number, or a string of plain digits. Nil when it is neither or cannot be held exactly.
  var decimal: ExactDecimal? {
    switch self {
    case .number(let number): ExactDecimal(number)
    case .string(let text): ExactDecimal(text.string)
    default: nil
    }
  }
}
