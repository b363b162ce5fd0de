import Decimals
import JSON
import Time

extension Limit {
  /// Up to 31 days.
  private static let seconds = 1...2_678_400

  /// The keys of `rate_limit`; a new one is one more field here, read in `init(rate:)`.
  static let rateShape = JSONShape.Object([
    .init("max", .integer(1...mostCalls), "How many calls.", isRequired: true),
    .init("window", .integer(seconds), "In how many seconds.", isRequired: true),
    .init("scope", .one(of: RateScope.self), "Whose calls count together; agent by default."),
  ])

  static let listShape = JSONShape.list(.object(shape), upTo: perList)

  /// The keys of one limit; a new one is one more field here, read in `init`.
  private static let shape = JSONShape.Object([
    .init(
      "counter", .text(pattern: "^[A-Za-z0-9._-]{1,64}$"), "The name of what is counted.",
      isRequired: true),
    .init(
      "window",
      .any([.integer(seconds), .text(pattern: "^(minute|hour|day|[0-9]+(ms|s|m|h|d))$")]),
      "The length of any stretch in which the maximum counts."),
    .init("max", .decimal, "The most in one window; together with \"window\"."),
    .init("concurrent", .decimal, "The most at one moment, instead of \"window\" and \"max\"."),
    .init(
      "scope",
      .any([
        .one(of: ScopeName.self),
        .list(.one(of: ScopeName.self), count: 1...ScopeName.allCases.count),
      ]), "What is counted together; agent by default."),
    .init("increment_from", .text(), "The path of an amount that is added up; calls otherwise."),
    .init("on_deny", .text(), "Told to the agent."),
  ])

  /// The page's `rate_limit`: calls of one agent and tool in a window of whole seconds.
  init(rate json: JSONCursor) throws(JSONError) {
    try json.allow(Self.rateShape)
    let of = try json.optional("scope")?.one(of: RateScope.self) ?? .agent
    self.init(
      counter: "rate_limit",
      span: .window(.seconds(Int64(try json.member("window").int(in: Self.seconds)))),
      max: ExactDecimal(try json.member("max").int(in: 1...Self.mostCalls)),
      scope: of == .agent ? [.tool, .agent] : [.tool, .agent, .session], increment: nil,
      message: nil, place: "rate_limit")
  }

  private enum RateScope: String, CaseIterable { case agent, session }

  /// The limits of one list, each of another count.
  static func list(_ json: JSONCursor) throws(JSONError) -> [Limit] {
    let elements = try json.elements()
    guard elements.count <= perList else {
      throw json.bad("\(elements.count) limits, the limit is \(perList)")
    }
    var all: [Limit] = []
    for (index, element) in elements.enumerated() {
      let limit = try Limit(element, index)
      if let twin = all.first(where: { $0.identity == limit.identity }) {
        throw element.bad(
          "the same counter, scope and window as \(twin.place): a call would count twice")
      }
      all.append(limit)
    }
    return all
  }

  private init(_ json: JSONCursor, _ index: Int) throws(JSONError) {
    try json.allow(Self.shape)
    let increment = try json.maybe("increment_from") { one throws(JSONError) in
      try Self.increment(one)
    }
    let span: Span
    let bound: JSONCursor
    if let concurrent = try json.optional("concurrent") {
      guard json.value["window"] == nil, json.value["max"] == nil else {
        throw concurrent.bad("\"concurrent\" stands for \"window\" and \"max\", not beside them")
      }
      (span, bound) = (.concurrent, concurrent)
    } else {
      (span, bound) = (.window(try Self.window(json.member("window"))), try json.member("max"))
    }
    self.init(
      counter: try Self.name(json.member("counter")), span: span,
      max: try Self.bound(bound, countsCalls: increment == nil),
      scope: try json.maybe("scope") { one throws(JSONError) in try Self.scope(one) } ?? [.agent],
      increment: increment, message: try json.optional("on_deny")?.string(),
      place: "limits/\(index)")
  }

  private static func name(_ json: JSONCursor) throws(JSONError) -> Text {
    let name = try json.text()
    let isPlain = name.utf8.allSatisfy {
      (48...57).contains($0) || (97...122).contains($0 | 0x20)
        || [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains($0)
    }
    guard isPlain, (1...64).contains(name.count) else {
      throw json.bad("a counter's name is 1 to 64 of A-Z a-z 0-9 . _ -")
    }
    return name
  }

  /// `"minute"`, `"15m"`, or a number of seconds.
  private static func window(_ json: JSONCursor) throws(JSONError) -> Milliseconds {
    let length: Milliseconds?
    switch json.value {
    case .string("minute"): length = .minutes(1)
    case .string("hour"): length = .minutes(60)
    case .string("day"): length = .minutes(24 * 60)
    case .string(let text): length = Milliseconds(parsing: text.string)
    default: length = .seconds(Int64(try json.int(in: seconds)))
    }
    guard let length, windows.contains(length) else {
      throw json.bad(
        "a window is \"minute\", \"hour\", \"day\", a length from \(windows.lowerBound) to "
          + "\(windows.upperBound) such as \"15m\", or a number of seconds")
    }
    return length
  }

  private static func bound(
    _ json: JSONCursor, countsCalls: Bool
  ) throws(JSONError) -> ExactDecimal {
    let bound = try json.decimal().normalized
    guard !bound.isNegative, bound <= mostAmount, bound.scale <= mostDigits else {
      throw json.bad(
        "a limit is 0 to \(mostAmount), with at most \(mostDigits) digits after the point")
    }
    guard !countsCalls || bound.scale == 0 && bound <= ExactDecimal(mostCalls) else {
      throw json.bad("calls are counted: a whole number up to \(mostCalls) is expected")
    }
    return bound
  }

  private enum ScopeName: String, CaseIterable {
    case tool, category, agent, session, grant, global
  }

  /// One name, or a list of the parts that must agree.
  private static func scope(_ json: JSONCursor) throws(JSONError) -> [Part] {
    guard case .array = json.value else { return try parts(json) }
    var all: Set<Part> = []
    let elements = try json.elements()
    for element in elements {
      let one = try parts(element)
      guard !one.isEmpty else { throw element.bad("\"global\" stands alone") }
      all.formUnion(one)
    }
    guard !all.isEmpty else { throw json.bad("no scope is listed; for all calls write \"global\"") }
    return Part.allCases.filter(all.contains)
  }

  private static func parts(_ json: JSONCursor) throws(JSONError) -> [Part] {
    switch try json.one(of: ScopeName.self) {
    case .global: []
    case .tool: [.tool]
    case .category: [.category]
    // PolicyLayer calls a grant what an agent signs in with.
    case .agent, .grant: [.agent]
    case .session: [.agent, .session]
    }
  }

  private static func increment(_ json: JSONCursor) throws(JSONError) -> PolicyPath {
    let text = try json.text()
    guard let path = PolicyPath(text), path.isAmount else {
      throw json.bad(
        "\"\(text)\" is no amount of a call: args.name, args.list[*].name (summed), a fold of one, "
          + "or an amount of order such as order.notional.USDT")
    }
    return path
  }
}

extension PolicyPath {
  /// Whether it may stand for an amount: of the arguments, or computed of an order.
  fileprivate var isAmount: Bool {
    switch root {
    case .arguments: true
    case .fact(let name): name == "order"
    case .agentName, .now, .tool: false
    }
  }
}
