import Decimals
import JSON

extension Condition {
  /// How deep `any`, `all` and `not` may nest.
  static let maxDepth = 8

  /// The conditions of one rule; `shape` is defined under this name, because it contains itself.
  static let list = JSONShape.list(.named("condition"), upTo: Policy.maxRules)

  static let shape = JSONShape.any(
    Comparison.shapes.map { .object($0) } + [
      .object(anyOf), .object(allOf),
      .object(
        JSONShape.Object([
          .init("not", .named("condition"), "Must not hold.", isRequired: true)
        ])),
    ])

  private static let some = JSONShape.list(.named("condition"), count: 1...Policy.maxRules)
  private static let anyOf = JSONShape.Object([
    .init("any", some, "One of them must hold.", isRequired: true)
  ])
  private static let allOf = JSONShape.Object([
    .init("all", some, "All of them must hold.", isRequired: true)
  ])

  init(_ json: JSONCursor, depth: Int = 0) throws(JSONError) {
    guard depth < Self.maxDepth else {
      throw json.bad("conditions nest deeper than \(Self.maxDepth) levels")
    }
    let object = try json.object()
    switch (["any", "all", "not"] as [Text]).first(where: { object[$0] != nil }) {
    case "any"?: self = .any(try Self.list(json, "any", depth))
    case "all"?: self = .all(try Self.list(json, "all", depth))
    case "not"?:
      try json.allow(only: ["not"])
      self = .not(try Condition(try json.member("not"), depth: depth + 1))
    default: self = .comparison(try Comparison(json))
    }
  }

  private static func list(
    _ json: JSONCursor, _ key: Text, _ depth: Int
  ) throws(JSONError) -> [Condition] {
    try json.allow(only: [key])
    let place = try json.member(key)
    let elements = try place.elements()
    guard (1...Policy.maxRules).contains(elements.count) else {
      throw place.bad("\(elements.count) conditions, allowed are 1 to \(Policy.maxRules)")
    }
    var all: [Condition] = []
    for element in elements { all.append(try Condition(element, depth: depth + 1)) }
    return all
  }
}

extension Comparison {
  private enum Operator: String, CaseIterable {
    case eq, neq, lt, lte, gt, gte, regex, contains, exists, cidr, within
    case member = "in"
    case notMember = "not_in"

    /// What it compares with.
    var value: JSONShape {
      switch self {
      case .eq, .neq, .contains: Comparison.operand
      case .member, .notMember: .list(Comparison.operand, count: 1...Policy.maxOperands)
      case .lt, .lte, .gt, .gte: .decimal
      case .exists: .bool
      case .regex: .text()
      case .cidr: .any([.text(), .list(.text(), count: 1...Policy.maxOperands)])
      case .within: .object(TimeWindow.shape)
      }
    }
  }

  private static let operand = JSONShape.any([.text(), .bool, .decimal])

  /// One for each operator.
  static let shapes = Operator.allCases.map { op in
    JSONShape.Object([
      .init("path", .text(), "Where to look, such as args.list[*].name.", isRequired: true),
      .init("op", .one([op.rawValue]), "How it is compared.", isRequired: true),
      .init("value", op.value, "What it is compared with.", isRequired: true),
    ])
  }
  private static let keys: Set<Text> = Set(shapes.flatMap { Array($0.keys) })

  fileprivate init(_ json: JSONCursor) throws(JSONError) {
    try json.allow(only: Self.keys)
    let place = try json.member("path")
    guard let path = PolicyPath(try place.text()) else {
      throw place.bad("\"\(try place.text())\" is no path; \(PolicyPath.help)")
    }
    let op = try json.member("op").one(of: Operator.self)
    guard (path.root == .now) == (op == .within) else {
      throw place.bad("time.now and \"within\" go together, and with nothing else")
    }
    self.path = path
    test = try Self.test(op, try json.member("value"))
  }

  private static func test(_ op: Operator, _ value: JSONCursor) throws(JSONError) -> Test {
    switch op {
    case .eq: .equals(try value.operand(), negated: false)
    case .neq: .equals(try value.operand(), negated: true)
    case .member: .member(try value.operands(), negated: false)
    case .notMember: .member(try value.operands(), negated: true)
    case .lt: .compare(.lt, try value.decimal())
    case .lte: .compare(.lte, try value.decimal())
    case .gt: .compare(.gt, try value.decimal())
    case .gte: .compare(.gte, try value.decimal())
    case .contains: .contains(try value.operand())
    case .exists: .exists(try value.bool())
    case .regex: .regex(try pattern(value))
    case .cidr: .inNetwork(try ranges(value))
    case .within: .within(try TimeWindow(value))
    }
  }

  private static func pattern(_ value: JSONCursor) throws(JSONError) -> TextPattern {
    let source = try value.text()
    do throws(PatternError) {
      return try TextPattern(source)
    } catch {
      throw value.bad("the regular expression is not usable: \(error)")
    }
  }

  /// One range or a list of them.
  private static func ranges(_ value: JSONCursor) throws(JSONError) -> [NetworkRange] {
    guard case .array = value.value else { return [try range(value)] }
    let elements = try value.elements()
    guard (1...Policy.maxOperands).contains(elements.count) else {
      throw value.bad(
        "the list has \(elements.count) ranges, allowed are 1 to \(Policy.maxOperands)")
    }
    var all: [NetworkRange] = []
    for element in elements { all.append(try range(element)) }
    return all
  }

  private static func range(_ value: JSONCursor) throws(JSONError) -> NetworkRange {
    let text = try value.text()
    guard let range = NetworkRange(text) else {
      throw value.bad(
        "\"\(text)\" is no address range, such as \"10.0.0.0/8\" with no bits behind the prefix")
    }
    return range
  }
}

extension TimeWindow {
  static let shape = JSONShape.Object([
    .init("from", .text(pattern: "^[0-2][0-9]:[0-5][0-9]$"), "HH:MM.", isRequired: true),
    .init(
      "to", .text(pattern: "^[0-2][0-9]:[0-5][0-9]$"), "HH:MM; before \"from\": the next day.",
      isRequired: true),
    .init("days", .list(.one(of: Day.self), count: 1...Int.max), "All days by default."),
    .init("zone", .text(), "Such as Europe/London, UTC or +02:00.", isRequired: true),
  ])

  fileprivate init(_ json: JSONCursor) throws(JSONError) {
    try json.allow(Self.shape)
    from = try Self.time(json, "from")
    until = try Self.time(json, "to")
    guard from != until else { throw json.bad("\"from\" and \"to\" are the same") }
    guard from < 24 * 60 else { throw json.bad("\"from\" is before 24:00") }
    let place = try json.member("zone")
    zone = try place.text()
    guard ZoneRules.fixed(zone) != nil || Self.isZoneName(zone) else {
      throw place.bad("\"\(zone)\" is no zone, such as \"Europe/London\", \"UTC\" or \"+02:00\"")
    }
    guard let listed = try json.optional("days") else {
      days = Set(Day.allCases)
      return
    }
    var days: Set<Day> = []
    for day in try listed.elements() { days.insert(try day.one(of: Day.self)) }
    guard !days.isEmpty else { throw listed.bad("no day is listed") }
    self.days = days
  }

  private static func time(_ json: JSONCursor, _ key: Text) throws(JSONError) -> Int {
    let place = try json.member(key)
    guard let minutes = minutes(try place.text()) else {
      throw place.bad("a time of day from 00:00 to 24:00 is expected, such as \"09:30\"")
    }
    return minutes
  }

  /// The shape of a name of the zone database; whether it knows the name is for the reader to see.
  private static func isZoneName(_ name: Text) -> Bool {
    name.count <= 64 && name.utf8.contains(UInt8(ascii: "/"))
      && name.utf8.first != UInt8(ascii: "/") && !name.string.contains("..")
      && name.utf8.allSatisfy {
        (48...57).contains($0) || (97...122).contains($0 | 0x20)
          || [UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+")]
            .contains($0)
      }
  }
}

extension JSONCursor {
  func operand() throws(JSONError) -> Operand {
    switch value {
    case .string(let text): return .text(text)
    case .bool(let bool): return .bool(bool)
    case .number: return .number(try decimal())
    default: throw bad("a string, number or boolean is compared with, this is \(value.kind)")
    }
  }

  func operands() throws(JSONError) -> [Operand] {
    let elements = try elements()
    guard (1...Policy.maxOperands).contains(elements.count) else {
      throw bad("the list has \(elements.count) values, allowed are 1 to \(Policy.maxOperands)")
    }
    var operands: [Operand] = []
    for element in elements { operands.append(try element.operand()) }
    return operands
  }

  /// The conditions of one rule.
  func conditions() throws(JSONError) -> [Condition] {
    var all: [Condition] = []
    for condition in try elements() { all.append(try Condition(condition)) }
    let count = all.reduce(0) { $0 + $1.comparisons.count }
    guard count <= Policy.maxRules else {
      throw bad("\(count) comparisons, the limit is \(Policy.maxRules)")
    }
    return all
  }
}
