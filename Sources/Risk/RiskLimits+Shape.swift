package import JSON

// What the configuration's `risk` may hold. Where a measure has limits, the shape refers to
// `definitions`, so that the schema says once what each of them takes.
extension RiskLimits {
  package static let shape = JSONShape.Object([
    .init("limits", measures, "For everything, by measure."),
    .init("classes", .object(classes), "For symbols by how much of them trades."),
    .init("symbols", .map(measures), "By symbol."),
    .init("agents", .map(.object(Agent.shape)), "By agent."),
    .init("ages", .object(ages), "Past which age data do not count."),
  ])

  /// What `shape` refers to.
  package static let definitions: [(name: String, shape: JSONShape)] = [
    (
      "limits",
      .object(
        JSONShape.Object(
          MeasureDefinition.all.map { .init($0.name, $0.limitShape, $0.words) }))
    ),
    ("amounts", .object(amounts)),
    ("levels", .any([.object(levels), .object(plainCap)])),
    ("falling", .object(levels)),
  ]

  private static let measures = JSONShape.named("limits")

  private static let classes = JSONShape.Object(
    SymbolClass.allCases.map {
      .init(Text($0.name), measures, "Limits for symbols of class \($0.name).")
    })

  static let ages = JSONShape.Object([
    .init("account", .duration, "The account's state."),
    .init("book", .duration, "Books."),
  ])

  static let amounts = JSONShape.Object([
    .init(
      "cap", .any([.decimal, .map(.decimal)]),
      "BLOCK over it, a warning over 80 %, a note over half; one for USDT, USDC and USD, or by currency.",
      isRequired: true)
  ])

  static let plainCap = JSONShape.Object([
    .init(
      "cap", .decimal, "BLOCK over it, a warning over 80 %, a note over half.", isRequired: true)
  ])

  static let levels = JSONShape.Object([
    .init("note", limit, "From where it is a NOTE."),
    .init("warn", limit, "From where it is a WARN."),
    .init("high", limit, "From where it is HIGH."),
    .init("block", limit, "From where it is BLOCK."),
  ])

  private static let limit = JSONShape.any([.decimal, .duration])
}

extension RiskLimits.Agent {
  package static let shape = JSONShape.Object([
    .init("limits", .named("limits"), "Its limits, by measure."),
    .init("symbols", .list(.text()), "All that it may trade."),
    .init("tags", .list(.one(of: RiskLimits.AgentTag.self)), "What is normal for it."),
    .init("environment", .text(), "The only one where it trades."),
  ])
}

extension MeasureDefinition {
  fileprivate var limitShape: JSONShape {
    if unit == .amount { return .named("amounts") }
    return .named(firesBelow ? "falling" : "levels")
  }
}
