import Orders
import Testing

@testable import Risk

/// One row: these orders in this scene come to this outcome of one rule.
struct RuleCase: CustomTestStringConvertible, Sendable {
  let rule: RiskRule
  let name: String
  let legs: [String]
  let category: String
  let outcome: String
  let change: @Sendable (inout Scene) -> Void

  init(
    _ rule: RiskRule, _ name: String, _ legs: [String], _ outcome: String,
    category: String = "linear", _ change: @escaping @Sendable (inout Scene) -> Void = { _ in }
  ) {
    self.rule = rule
    self.name = name
    self.legs = legs
    self.category = category
    self.outcome = outcome
    self.change = change
  }

  var testDescription: String { "\(rule.rawValue) \(name): \(outcome)" }

  func report() throws -> RiskReport {
    var scene = Scene()
    if category == "spot" { scene.spot() }
    if category == "inverse" { scene.inverse() }
    if category == "option" { scene.option() }
    change(&scene)
    return scene.assess(try orders(legs, category: category))
  }

  static let all =
    shapeCases + unitsCases + marketCases + sizeCases + conductCases + marginCases + processCases
}

@Suite struct RuleTests {
  @Test(arguments: RuleCase.all)
  func comesTo(_ one: RuleCase) throws {
    let report = try one.report()
    #expect(report.worst(one.rule) == one.outcome, "\(report.words(one.rule))")
  }

  /// Every rule has a case that fires and one that does not, and every rule that reads the account or
  /// the market one where that is missing.
  @Test(arguments: RiskRule.allCases)
  func isCovered(_ rule: RiskRule) {
    let outcomes = RuleCase.all.filter { $0.rule == rule }.map(\.outcome)
    let quiet: Set<String> = ["pass", "not_applicable"]
    #expect(outcomes.contains { quiet.contains($0) }, "no case in which \(rule.rawValue) is quiet")
    let fires = outcomes.contains { !quiet.contains($0) && $0 != "unchecked" }
    // What only tells a number never fires.
    #expect(fires || rule == .cost, "no case in which \(rule.rawValue) fires")
  }

  @Test func noProposalBlocks() throws {
    for one in RuleCase.all {
      for finding in try one.report().findings where finding.outcome == .block {
        #expect(finding.setBy != .proposal, "\(one.testDescription): \(finding.words)")
      }
    }
  }

  @Test func noFindingIsWorseThanItsRuleSays() throws {
    for one in RuleCase.all {
      for finding in try one.report().findings {
        if case .unchecked = finding.outcome { continue }
        #expect(
          finding.outcome.severity <= finding.rule.definition.ceiling,
          "\(one.testDescription): \(finding.words)")
      }
    }
  }
}
