/// One rule as a row of the table that everything else is made from: what is asked, of what, and the
/// most that it can come to. The rows stand beside their code in `Rules`.
package struct RuleDefinition: Sendable {
  package let rule: RiskRule
  package let title: String
  /// What is computed, in the notation of the documentation.
  package let formula: String
  package let inputs: RiskInputs
  /// The worst outcome that it can have. BLOCK by a limit needs one that an administrator set.
  package let ceiling: RiskSeverity
  /// Where the rule comes from, besides practice.
  package let source: String
  let check: @Sendable (RiskContext) throws -> [Finding]

  init(
    _ rule: RiskRule, _ title: String, _ formula: String, _ inputs: RiskInputs,
    _ ceiling: RiskSeverity, source: String = "",
    _ check: @escaping @Sendable (RiskContext) throws -> [Finding]
  ) {
    self.rule = rule
    self.title = title
    self.formula = formula
    self.inputs = inputs.union(.batch)
    self.ceiling = ceiling
    self.source = source
    self.check = check
  }

  /// Every rule, in the order of the catalogue.
  package static let all: [RuleDefinition] =
    shape + units + market + size + conduct + margin + process

  /// The rules whose outcome can change with `news`.
  package static func reading(_ news: RiskInputs) -> [RuleDefinition] {
    all.filter { !$0.inputs.isDisjoint(with: news) }
  }

  static let byRule = Dictionary(uniqueKeysWithValues: all.map { ($0.rule, $0) })
}
